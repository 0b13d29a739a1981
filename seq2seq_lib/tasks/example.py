"""What all tasks share: one example, a generated task, disjoint splits."""

import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
        ValueError: a sequence is empty, or a pair points outside it.
    """

    src: tuple[str, ...]
    tgt: tuple[str, ...]
    alignment: frozenset[tuple[int, int]] | None = None

    def __post_init__(self) -> None:
        if not self.src or not self.tgt:
            raise ValueError(
                "An example needs at least one source and one target token, got "
                f"{len(self.src)} and {len(self.tgt)}."
            )
        for t, s in self.alignment or ():
            if not (0 <= t < len(self.tgt) and 0 <= s < len(self.src)):
                raise ValueError(
                    f"The alignment pair (target {t}, source {s}) points outside an "
                    f"example with {len(self.tgt)} target and {len(self.src)} source "
                    "tokens."
                )


@runtime_checkable
class Task(Protocol):
    """A task whose examples are generated, one source length at a time."""

    @property
    def lengths(self) -> range:
        """The source lengths that ``draw`` can give."""

    def draw(self, rng: random.Random, length: int) -> Example:
        """A random example with exactly ``length`` source tokens."""

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """The source and the target vocabulary: every token the task can produce."""


@dataclass(frozen=True)
class Splits:
    """Examples to train on, to tune on, and to report on; no source is in two."""

    train: tuple[Example, ...]
    valid: tuple[Example, ...]
    test: tuple[Example, ...]


# Of every hundred possible sources, so many are kept for the test and validation sets.
TEST_PERCENT, VALID_PERCENT = 15, 5


def split_of(src: tuple[str, ...]) -> str:
    """The one split that the source ``src`` belongs to: train, valid or test.

    The answer depends on the source alone (a checksum of its text), so no seed, size
    or order of drawing can leak a test source into the training set.
    """
    slot = zlib.crc32(" ".join(src).encode()) % 100
    if slot < TEST_PERCENT:
        return "test"
    return "valid" if slot < TEST_PERCENT + VALID_PERCENT else "train"


def make_splits(
    task: Task,
    *,
    train: int,
    per_length: int,
    lengths: range | None = None,
    train_lengths: range | None = None,
    seed: int = 0,
) -> Splits:
    """Draw disjoint splits, with equally many examples of every source length.

    Args:
        task: what to draw from.
        train: number of training examples; short sources may repeat, because there
            are few of them (27 numbers are one English word long).
        per_length: examples of each length in the validation and in the test set, all
            different; fewer where that many do not exist.
        lengths: source lengths of the validation and test sets (default: all).
        train_lengths: source lengths of the training set (default: ``lengths``).
        seed: the same seed gives the same examples.

    Raises:
        ValueError: a size is negative, or a length is one the task does not have.
    """
    lengths = task.lengths if lengths is None else lengths
    train_lengths = lengths if train_lengths is None else train_lengths
    for wanted in (lengths, train_lengths):
        if not wanted or min(wanted) not in task.lengths or max(wanted) not in task.lengths:
            raise ValueError(
                f"The source lengths must lie between {task.lengths[0]} and "
                f"{task.lengths[-1]}, got {wanted}."
            )
    if train < 0 or per_length < 0:
        raise ValueError(
            f"Sizes must not be negative, got train={train}, per_length={per_length}."
        )
    rng = random.Random(seed)
    return Splits(
        train=tuple(_draw(task, "train", train, train_lengths, rng)),
        valid=tuple(_draw_each_length(task, "valid", per_length, lengths, rng)),
        test=tuple(_draw_each_length(task, "test", per_length, lengths, rng)),
    )


def _draw(
    task: Task, split: str, count: int, lengths: range, rng: random.Random
) -> Iterable[Example]:
    """``count`` examples of ``split``, the lengths taken in turn."""
    drawn = 0
    while drawn < count:
        example = task.draw(rng, lengths[drawn % len(lengths)])
        if split_of(example.src) == split:
            drawn += 1
            yield example


def _draw_each_length(
    task: Task, split: str, per_length: int, lengths: range, rng: random.Random
) -> Iterable[Example]:
    """Up to ``per_length`` different examples of ``split`` for each length."""
    # With 15 or 5 sources in 100 to find, 60 tries for each leave a shortfall only
    # where there is almost nothing left to find.
    tries = 60 * per_length + 600
    for length in lengths:
        found: dict[tuple[str, ...], Example] = {}
        for _ in range(tries):
            if len(found) == per_length:
                break
            example = task.draw(rng, length)
            if split_of(example.src) == split:
                found.setdefault(example.src, example)
        yield from found.values()
