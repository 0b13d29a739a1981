"""Chapter 11: intervals, chances and verdicts by hand are those of the ledger."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from by_hand import chapter_path, run_taught

from experiments import judge


@cache
def taught(name: str) -> Callable:
    return run_taught(chapter_path("11"))[name]


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_by_hand_is_the_ledgers(seed):
    table = np.random.default_rng(seed).random((10, 60)).round()
    sample = judge.Sample(lambda drawn: table[:, drawn].mean(axis=1), 60, 0, 1)
    by_hand, found = taught("interval_by_hand")(table), judge.interval(sample)
    width = found[1] - found[0]
    assert by_hand == pytest.approx(found, abs=0.1 * width)


@pytest.mark.parametrize("differences", [[0.2] * 10, [0.3, 0.1, -0.05, 0.2], [-1.0, 0.5]])
def test_the_chance_by_hand_is_the_ledgers(differences):
    found = judge.sign_flip(np.array(differences))
    assert taught("sign_flip")(differences) == pytest.approx(found)


@pytest.mark.parametrize("rule", ["at least", "difference"])
@pytest.mark.parametrize("low, high", [(0.6, 0.9), (0.1, 0.9), (-0.1, 0.9), (0.1, 0.4)])
@pytest.mark.parametrize("p", [0.01, 0.2])
@pytest.mark.parametrize("met", [True, False])
def test_the_verdict_by_hand_is_the_ledgers(rule, low, high, p, met):
    found = {"rule": rule, "low": low, "high": high, "p": p, "effect": 0.5}
    found["conditions"] = {"a": True, "b": met}
    assert taught("verdict")(found) == judge.verdict(found)
