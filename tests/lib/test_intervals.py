"""Student's t: against values from its table, and what it refuses."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_lib.intervals import mean_interval


def test_five_values_against_the_table():
    # mean 3, s = sqrt(2.5); t(0.975, 4) = 2.776
    found = mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    reach = 2.776445 * math.sqrt(2.5) / math.sqrt(5)
    assert found.n == 5
    assert found.mean == pytest.approx(3)
    assert (found.low, found.high) == pytest.approx((3 - reach, 3 + reach))


def test_more_confidence_is_a_wider_interval():
    values = [0.1, 0.4, 0.2]
    narrow, wide = mean_interval(values, 0.8), mean_interval(values, 0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=9))
def test_the_mean_lies_inside(values):
    found = mean_interval(values)
    assert found.low <= found.mean <= found.high


def test_equal_values_have_no_width():
    assert mean_interval([1.0] * 5)[:3] == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "values, confidence, said",
    [
        ([0.5], 0.95, "at least two values.*got 1"),
        ([], 0.95, "got 0"),
        ([0.5, math.nan], 0.95, "finite"),
        ([0.5, 0.6], 1.0, "confidence"),
    ],
)
def test_what_has_no_interval_is_refused(values, confidence, said):
    with pytest.raises(ValueError, match=said):
        mean_interval(values, confidence)


@pytest.mark.parametrize("wrong", [True, None, "0.5", [0.5], np.float64("nan"), -math.inf])
def test_every_value_is_a_finite_number(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="Every value must be a finite number, got"):
        mean_interval([0.5, wrong, 0.7])
    with pytest.raises(ValueError, match="confidence must be"):
        mean_interval([0.5, 0.7], wrong)


@pytest.mark.parametrize("kind", [np.float64, np.array, torch.tensor])
def test_values_of_numpy_and_of_tensors_are_numbers(kind):
    values = [0.5, 0.25, 0.75]
    assert mean_interval([kind(v) for v in values], kind(0.5)) == mean_interval(values, 0.5)
