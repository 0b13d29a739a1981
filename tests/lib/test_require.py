"""Guards: one sentence, and numbers whoever made them."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from seq2seq_lib.require import number, option, require, whole

FIVES = [5, np.int64(5), np.uint8(5), np.array(5), torch.tensor(5)]
NO_NUMBERS = [None, True, np.True_, torch.tensor(True), "5", [5], 5j, torch.tensor([5])]
NOT_FINITE = [math.nan, math.inf, -math.inf, np.float32("nan"), torch.tensor(math.inf)]


def test_require_says_its_message():
    require(1 < 2, "never said")
    with pytest.raises(ValueError, match="^Two is not three.$"):
        require(2 == 3, "Two is not three.")


@pytest.mark.parametrize(
    "value", ["after ", None, 1, ["after"], np.array([1, 2])], ids=repr
)
def test_an_unknown_option_lists_the_known_ones(value):
    option("query", "after", {"before": 1, "after": 2})
    known = r"is not an option; choose one of before, after\.$"
    with pytest.raises(ValueError, match="^query=.*" + known):
        option("query", value, ("before", "after"))


@pytest.mark.parametrize("value", FIVES, ids=repr)
def test_a_whole_number_is_a_python_int_whoever_made_it(value):
    found = whole("updates", value, at_least=5, at_most=5)
    assert found == 5
    assert type(found) is int


@pytest.mark.parametrize(
    "value",
    [*FIVES, 5.0, np.float16(5), np.float64(5), torch.tensor(5.0).bfloat16(), Fraction(5)],
    ids=repr,
)
def test_a_number_is_a_python_float_whoever_made_it(value):
    found = number("lr", value, above=4.9, at_most=5)
    assert found == 5.0
    assert type(found) is float


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE, 1e3, np.float64(3)], ids=repr)
def test_what_is_no_whole_number_is_named(value):
    with pytest.raises(ValueError, match=r"^updates must be a whole number, got .*\.$"):
        whole("updates", value, at_least=1)


@pytest.mark.parametrize("value", ["long" * 999, list(range(999)), torch.zeros(99, 99)])
def test_the_message_stays_one_short_sentence(value):
    for refuse in (
        lambda: whole("updates", value),
        lambda: number("lr", value),
        lambda: option("query", value, ["before"]),
    ):
        with pytest.raises(ValueError) as refused:
            refuse()
        assert len(str(refused.value)) < 120 and "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE, 10**400], ids=str)
def test_what_is_no_finite_number_is_named(value):
    with pytest.raises(ValueError, match=r"^clip must be a finite number, got .*\.$"):
        number("clip", value, above=0)


def test_the_message_says_the_whole_range():
    with pytest.raises(ValueError, match=r"^emb_dim must be at least 1, got 0\.$"):
        whole("emb_dim", np.int64(0), at_least=1)
    with pytest.raises(ValueError, match=r"^at must lie between 1 and 3, got 4\.$"):
        whole("at", 4, at_least=1, at_most=3)
    with pytest.raises(ValueError, match=r"^p must be at least 0 and below 1, got 1\.0\.$"):
        number("p", 1.0, at_least=0, below=1)
    with pytest.raises(ValueError, match=r"^lr must be above 0, got 0\.$"):
        number("lr", 0, above=0)
