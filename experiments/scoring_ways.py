"""Every way of looking that chapter 9 compares: a scoring function in a wiring.

All translate the same number words, with no fewer parameters than the additive model in
Bahdanau's wiring and at most 3% more; with `multi_head`, whose sizes grow by four at a
time, 7%. `concat` is additive attention with its two matrices written as one, so it has no
arm of its own.
"""

from functools import cache
from typing import NamedTuple

from experiments.number_words import config as model_config
from experiments.recipes import RECIPES
from seq2seq_lib.model import ModelConfig, n_parameters, widen

POSITIONS = 32  # rows of the table of `location`; sources have at most 23 words
WINDOW = 3  # words to each side; of the gold links of the test set 0.4% lie farther apart
TUNED = ("additive", "dot", "dot_unscaled", "general")  # by recipe_tuning already
OTHERS = ("location", "local_m", "local_p", "coverage", "multi_head")
LUONG = ("additive", "dot", "general")  # each without and with input feeding


class Way(NamedTuple):
    """A scoring function, and the decoder that it stands in."""

    attention: str
    wiring: str = "bahdanau"
    input_feeding: bool = False

    @property
    def name(self) -> str:
        """As it is stored."""
        if self.wiring == "bahdanau":
            return self.attention
        return f"{self.attention}, luong" + (", feeding" if self.input_feeding else "")


WAYS = {
    way.name: way
    for way in (
        *map(Way, (*TUNED, *OTHERS)),
        *(Way(name, "luong", feeding) for name in LUONG for feeding in (False, True)),
    )
}

# The learning rates: of those that were tuned already the recipe's, of the others as
# experiments/scoring_tuning.py chose them.
RATES: dict[str, float] = {
    **{name: RECIPES[name, 96].lr for name in TUNED},
    "location": 1e-2,
    "local_m": 1e-2,
    "local_p": 3e-3,
    "coverage": 1e-2,
    "multi_head": 1e-2,
    "additive, luong": 1e-2,
    "additive, luong, feeding": 1e-2,
    "dot, luong": 3e-2,
    "dot, luong, feeding": 3e-2,
    "general, luong": 1e-2,
    "general, luong, feeding": 1e-2,
}


@cache
def config(way: Way) -> ModelConfig:
    """The sizes of a way of looking: the smallest with enough parameters."""
    # A dot product compares states of one size: two directions make the decoder's.
    twice = 2 if way.attention.startswith("dot") else 1
    smallest = model_config(
        way.attention,
        enc_hidden=8,
        dec_hidden=8 * twice,
        wiring=way.wiring,
        input_feeding=way.input_feeding,
        window=WINDOW if way.attention.startswith("local") else None,
        positions=POSITIONS if way.attention == "location" else None,
    )
    return widen(smallest, n_parameters(model_config()))
