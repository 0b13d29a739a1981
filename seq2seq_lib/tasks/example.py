"""What all tasks share: one example, and the interface of a generated task."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from seq2seq_lib.require import Whole, require, shown, whole
from seq2seq_lib.vocab import Vocab


@dataclass(frozen=True)
class Example:
    """One source sequence, its target and, if known, which word made which.

    Args:
        src: source tokens, at least one.
        tgt: target tokens, at least one, without BOS and EOS.
        alignment: the gold alignment as pairs ``(target position, source position)``,
            both counted from 0; the order is that of ``weights[t, s]``. None where
            nobody knows it. A target word that appears in no pair comes from nowhere.

    Raises:
        ValueError: a sequence is empty or no tuple of texts, or a pair points outside it.
    """

    src: tuple[str, ...]
    tgt: tuple[str, ...]
    alignment: frozenset[tuple[int, int]] | None = None

    def __post_init__(self) -> None:
        for tokens in (self.src, self.tgt):
            if not isinstance(tokens, tuple) or not all(isinstance(t, str) for t in tokens):
                raise ValueError(
                    f"The sides of an example are tuples of tokens, got {shown(tokens)}."
                )
        src_len, tgt_len = len(self.src), len(self.tgt)
        require(src_len and tgt_len, f"A side has no token: got {src_len} and {tgt_len}.")
        for t, s in self.alignment or ():
            if not (0 <= t < tgt_len and 0 <= s < src_len):
                raise ValueError(
                    f"The alignment pair (target {t}, source {s}) points outside an "
                    f"example with {tgt_len} target and {src_len} source tokens."
                )


@runtime_checkable
class Task(Protocol):
    """A task whose examples are generated, one source length at a time."""

    @property
    def lengths(self) -> Sequence[int]:
        """The source lengths that ``draw`` can give, the shortest first."""

    def draw(self, rng: random.Random, length: int) -> Example:
        """A random example with exactly ``length`` source tokens."""

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """The source and the target vocabulary: every token the task can produce."""


def known_length(
    length: Whole,
    lengths: Sequence[int],
    sources: str = "The sources of this task",
    unit: str = "tokens",
) -> int:
    """``length`` as a Python int, if it is among ``lengths``, else a ValueError."""
    length = whole("length", length)
    known = ", ".join(map(str, lengths))
    require(length in lengths, f"{sources} have {known} {unit}, got {length}.")
    return length


# Notebooks that were handed out import these two from here.
from seq2seq_lib.tasks.splits import make_splits, split_of  # noqa: E402, F401
