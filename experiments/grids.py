"""The rule of every grid of learning rates: the best one has worse ones on both sides."""

from collections.abc import Collection, Mapping

from seq2seq_lib.require import require


def inside(rate: float, tried: Collection[float], whose: str, grid: str) -> float:
    """``rate``, unless it is the smallest or the largest that was tried.

    Args:
        rate: the best one.
        tried: all of them.
        whose: the model that it is the best of.
        grid: where the next rate is added.

    Raises:
        ValueError: it is at the edge; the best one may lie beyond.
    """
    require(
        min(tried) < rate < max(tried),
        f"The best rate of {whose} is {rate:g}, at the edge of its grid; add the next one "
        f"to {grid}.",
    )
    return rate


def best_rate(losses: Mapping[float, float], whose: str, grid: str) -> float:
    """The rate with the lowest loss, if it lies ``inside``."""
    return inside(min(losses, key=lambda rate: losses[rate]), losses, whose, grid)
