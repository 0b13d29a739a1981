"""How far to trust a mean over a few training seeds."""

import math
from collections.abc import Sequence
from typing import NamedTuple, SupportsFloat

import numpy as np
from scipy import stats

from seq2seq_lib.require import number, require


class Interval(NamedTuple):
    """A mean and the range that its true value lies in with the stated confidence.

    Args:
        mean: the mean of the values.
        low: lower end.
        high: upper end.
        n: number of values.
    """

    mean: float
    low: float
    high: float
    n: int


def mean_interval(
    values: Sequence[SupportsFloat], confidence: SupportsFloat = 0.95
) -> Interval:
    """Student's t interval of the mean over seeds.

        mean +- t(confidence, n - 1) * s / sqrt(n)

    where s is the standard deviation with n - 1 in its denominator. It says how much the
    *seed* matters (first weights and order of the batches), not which test sentences were
    drawn. It takes the values for normally distributed, so for shares near 0 or 1 it can
    reach past them, and where all seeds agree it has no width: five equal values leave no
    spread to measure.

    Args:
        values: one measurement for each seed.
        confidence: between 0 and 1.

    Raises:
        ValueError: there are fewer than two values, one is not a finite number, or
            ``confidence`` does not lie between 0 and 1.

    >>> [round(x, 2) for x in mean_interval([0.5, 0.6, 0.7])]
    [0.6, 0.35, 0.85, 3]
    """
    confidence = number("confidence", confidence, above=0, below=1)
    require(
        len(values) >= 2,
        f"An interval needs at least two values, one for each seed, got {len(values)}.",
    )
    # A run without a result is left out, and the text says so; it is never averaged.
    array = np.array([number("Every value", value) for value in values])
    mean = float(array.mean())
    error = float(array.std(ddof=1)) / math.sqrt(len(array))
    reach = float(stats.t.ppf((1 + confidence) / 2, len(array) - 1)) * error
    return Interval(mean, mean - reach, mean + reach, len(array))
