"""How each model of number words is trained, wherever it is trained.

A recipe is a learning rate and the bias that the update gates begin with, chosen on the
validation set by `recipe_tuning` for a mechanism and a hidden size. Every experiment and
every figure that trains a model of that name and size uses it.
"""

from typing import NamedTuple

from experiments.ablated import BUILT_FROM, LOOKING


class Recipe(NamedTuple):
    """What was chosen: highest learning rate of Adam, and bias of the update gates."""

    lr: float
    gate: float = 0.0


# (mechanism, nominal hidden size) -> what experiments/recipe_tuning.py chose. Until its
# result is whole, every entry is a guess (the rate of earlier grids) that no result uses.
RECIPES: dict[tuple[str, int], Recipe] = {
    **{(mechanism, 96): Recipe(1e-2) for mechanism in BUILT_FROM},
    **{(mechanism, 96): Recipe(1e-2) for mechanism in LOOKING},
    **{(mechanism, 64): Recipe(1e-2) for mechanism in ("additive", "fixed")},
    **{(mechanism, 32): Recipe(1e-2) for mechanism in ("additive", "fixed")},
    **{(mechanism, 16): Recipe(1e-2) for mechanism in BUILT_FROM},
}
# Nominal hidden size -> how many updates of the fixed context take as long as one with
# additive attention, as experiments/speed.py measures it. Not measured yet: 1.4 is a guess
# that no result uses.
SPEED = {96: 1.4, 16: 1.4}
