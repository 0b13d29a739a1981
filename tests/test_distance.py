"""When a needle counts as learned, and when it is looked for."""

from itertools import pairwise

import pytest

from experiments import distance, distance_tuning
from experiments.distance import LOOKS, Passed
from experiments.engine.job import Job


def test_looks_are_every_two_updates_to_a_hundred_and_then_every_two_percent():
    assert LOOKS[:50] == tuple(range(2, 101, 2)) and LOOKS[-1] == distance.LIMIT
    steps = [(later - first) / first for first, later in pairwise(LOOKS[50:-1])]
    assert max(steps) < 0.025 and min(steps) > 0.01
    assert all(later > first for first, later in pairwise(LOOKS))


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        ([0.96, 0.97], False),
        ([0.96, 0.97, 0.95], True),
        ([0.96, 0.94, 0.97, 0.98], False),
        ([0.1, 0.96, 0.97, 0.98], True),
    ],
)
def test_it_takes_three_looks_in_a_row(found: list[float], passed: bool):
    records = [{"update": 2 * i, "found": share} for i, share in enumerate(found, 1)]
    assert Passed()._ends(records) is passed


def test_the_first_of_the_three_looks_is_the_time(monkeypatch):
    """And a needle that is found too late is stored as null."""
    # The first is asked before training, to see that it can be.
    shares = iter([0.0, 0.2, 0.96, 0.97, 0.98, 0.99])
    monkeypatch.setattr(distance, "TRAIN_PAIRS", 200)
    monkeypatch.setattr(distance, "data", distance.data.__wrapped__)  # keeps nothing
    monkeypatch.setattr(distance, "found", lambda model, batch: next(shares))
    arm = distance.Arm("additive")
    learned = distance.learn(Job("additive", 0), arm, 0)
    assert learned["learned"] == 4 and learned["updates"] == 8
    shares = iter([0.0] + [0.97] * 3 + [0.1] * 999)
    early = distance.learn(Job("additive", 0, quick=True), arm, 0)
    assert early["learned"] == 2

    shares = iter([0.5] * 999)
    late = distance.learn(Job("additive", 0, quick=True), arm, 0)
    assert late["learned"] is None and late["updates"] == 50


def test_what_is_not_learned_costs_the_limit():
    seeds = {"100": {"learned": {"0": 10, "7": None}}}
    never = {"100": {"learned": {"0": 10, "7": distance.LIMIT}}}
    assert distance_tuning.cost(seeds) == distance_tuning.cost(never)
    sooner = {"100": {"learned": {"0": 10, "7": 700}}}
    assert distance_tuning.cost(sooner) < distance_tuning.cost(seeds)


def test_no_fixed_context_has_fewer_parameters():
    for two_way in (False, True):
        fixed, additive = (
            distance.n_parameters(distance.config(m, two_way)) for m in distance.MECHANISMS
        )
        assert 1 <= fixed / additive <= 1.03


def test_every_arm_has_what_its_grid_chose():
    for name, arm in distance.CHOSEN.items():
        gates = (0.0,) if "default" in name else distance_tuning.GATES[1:]
        assert arm == distance_tuning.best(arm.mechanism, gates), name
