"""Disjoint splits of a generated task, with equally many sources of every length."""

import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seq2seq_lib.require import Whole, require, whole
from seq2seq_lib.tasks.example import Example, Task


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
    train: Whole,
    per_length: Whole,
    lengths: Iterable[Whole] | None = None,
    train_lengths: Iterable[Whole] | None = None,
    seed: Whole = 0,
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
        seed: the same seed gives the same examples. The validation and test sets do not
            depend on ``train``, so models trained on more or less data can be compared.

    Raises:
        ValueError: a size or seed is no whole number or a size negative; the task does not
            have a length, or no source of that length is for training.
    """
    train, per_length = whole("train", train), whole("per_length", per_length)
    seed = whole("seed", seed)
    require(min(train, per_length) >= 0, f"A size is negative: {train=}, {per_length=}.")
    test_lengths = _wanted(task, task.lengths if lengths is None else lengths)
    train_lengths = test_lengths if train_lengths is None else _wanted(task, train_lengths)
    return Splits(
        train=tuple(_draw_train(task, train, train_lengths, random.Random(seed))),
        valid=tuple(_draw_each_length(task, "valid", per_length, test_lengths, seed)),
        test=tuple(_draw_each_length(task, "test", per_length, test_lengths, seed)),
    )


def _wanted(task: Task, lengths: Iterable[Whole]) -> list[int]:
    """The lengths as Python ints, if there are some and the task has all of them."""
    wanted = [whole("A length", length) for length in lengths]
    require(
        wanted and set(wanted) <= set(task.lengths),
        f"This task has sources of {', '.join(map(str, task.lengths))} tokens, but the "
        f"lengths wanted are {', '.join(map(str, wanted)) or 'none'}.",
    )
    return wanted


def _draw_train(
    task: Task, count: int, lengths: Sequence[int], rng: random.Random
) -> Iterable[Example]:
    """``count`` examples to train on, the lengths taken in turn."""
    for drawn in range(count):
        length = lengths[drawn % len(lengths)]
        # Four sources in five are for training, so this many misses mean there is none.
        examples = (task.draw(rng, length) for _ in range(1000))
        found = next((e for e in examples if split_of(e.src) == "train"), None)
        if found is None:
            raise ValueError(
                f"No source of {length} tokens is for training; leave that length out."
            )
        yield found


def _draw_each_length(
    task: Task, split: str, per_length: int, lengths: Sequence[int], seed: int
) -> Iterable[Example]:
    """Up to ``per_length`` different examples of ``split`` for each length."""
    rng = random.Random(f"{seed}-{split}")
    # With 15 or 5 sources in 100 to find, 60 tries for each leave a shortfall only
    # where there is almost nothing left to find.
    for length in lengths:
        found: dict[tuple[str, ...], Example] = {}
        for _ in range(60 * per_length + 600):
            if len(found) == per_length:
                break
            example = task.draw(rng, length)
            if split_of(example.src) == split:
                found.setdefault(example.src, example)
        yield from found.values()
