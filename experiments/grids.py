"""The rule of every grid of learning rates: the best one has worse ones on both sides."""

from collections.abc import Callable, Collection, Mapping
from statistics import fmean
from typing import Any

from experiments.engine.results import read_results
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


def best_rate(
    name: str, whose: str, arms: Mapping[str, float], cost: Callable[[Any], float]
) -> float:
    """The rate of a tuning that costs least, on the mean of its seeds, if ``inside``.

    Args:
        name: of the tuning; its module holds the grid.
        whose: the model.
        arms: the model's arms, each with its rate.
        cost: of one seed's values.

    Raises:
        ValueError: the best rate is at the edge.
    """
    values = read_results(name)["values"]
    costs = {rate: fmean(map(cost, values[arm].values())) for arm, rate in arms.items()}
    best = min(costs, key=costs.__getitem__)
    return inside(best, costs, repr(whose), f"experiments/{name}.py")
