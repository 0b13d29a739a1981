"""Random inputs that depend on the seed of a grading run alone."""

import random
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

from checks.exercise import Case


def generator(rng: random.Random) -> torch.Generator:
    """Random tensors that depend on ``rng`` alone."""
    return torch.Generator().manual_seed(rng.getrandbits(63))


def by_exercise(
    *draws: Callable[[random.Random], Iterable[Case]],
) -> dict[str, Callable[[random.Random], list[Case]]]:
    """What draws the fresh cases of an exercise, by the key that names it."""
    return {draw.__name__.replace("_", "-"): partial(_drawn, draw) for draw in draws}


def _drawn(
    draw: Callable[[random.Random], Iterable[Case]], rng: random.Random
) -> list[Case]:
    return list(draw(rng))


def ragged(rng: random.Random, batch: int, longest: int, shortest: int = 1) -> list[int]:
    """Lengths of which at least one is the longest and one the shortest possible."""
    lengths = [rng.randint(shortest, longest) for _ in range(batch - 2)]
    lengths += [longest, shortest]
    rng.shuffle(lengths)
    return lengths


def ragged_mask(
    rng: random.Random, batch: int, src_len: int, *, anywhere: bool = False
) -> Tensor:
    """A mask of ragged rows, (batch, src_len): one has no padding, one a single token.

    Args:
        anywhere: the padding stands in any place, not only at the end.
    """
    lengths = ragged(rng, batch, src_len)
    rows = [[i < length for i in range(src_len)] for length in lengths]
    return torch.tensor([rng.sample(r, src_len) for r in rows] if anywhere else rows)
