"""The comparison of all ways of looking: fair, and judged as it was written down."""

import json

import pytest

from experiments import scoring, scoring_longer, scoring_tuning, scoring_verdicts
from experiments.engine.results import read_results
from experiments.scoring_ways import RATES, TUNED, WAYS, config
from seq2seq_lib.attention import MECHANISMS
from seq2seq_lib.model import n_parameters


def test_every_mechanism_has_an_arm_but_one_that_is_another():
    """``fixed`` and ``uniform`` do not look anywhere, and ``concat`` is ``additive``."""
    compared = {way.attention for way in WAYS.values()}
    assert compared == set(MECHANISMS) - {"fixed", "uniform", "concat"}


@pytest.mark.parametrize("name", WAYS)
def test_no_way_has_fewer_parameters_than_another_by_much(name):
    additive = n_parameters(config(WAYS["additive"]))
    most = 1.07 if name == "multi_head" else 1.03
    assert additive <= n_parameters(config(WAYS[name])) <= most * additive


@pytest.mark.parametrize("name", [name for name in WAYS if name not in TUNED])
def test_a_rate_is_the_one_that_the_grid_chose(name):
    """``best`` refuses a rate at the edge of its grid."""
    assert RATES[name] == scoring_tuning.best(name)


@pytest.fixture
def made_up(monkeypatch):
    """Three ways, ten seeds: one a little better each time, one better by chance."""
    lead = {
        "additive": [0] * 10,
        "dot": [3] * 10,
        "general": [1] * 10,
        "location": [40, -30, 20, -10, 0, 0, 10, -20, 30, 0],
    }
    values = {
        name: {
            str(seed): {
                "hits": {"1": "1" * (50 + n) + "0" * (50 - n)},
                "aer": {"gold": 0.5 - n / 15},
            }
            for seed, n in enumerate(leads)
        }
        for name, leads in lead.items()
    }
    monkeypatch.setattr(scoring_verdicts, "read_results", lambda _: {"values": values})
    monkeypatch.setattr(scoring_verdicts, "WAYS", dict.fromkeys(lead))


def test_a_difference_must_matter_and_must_not_be_chance(made_up):
    found = scoring_verdicts.measured()
    answers, links = found["exact match"], found["error rate"]
    assert answers["dot"]["differs"] and answers["dot"]["difference"] == pytest.approx(0.03)
    assert not answers["general"]["differs"], "0.01 of the answers is too little"
    assert answers["general"]["p"] < 0.05
    assert links["general"]["differs"] and links["general"]["difference"] < 0
    for table in (answers, links):
        assert table["location"]["p"] > 0.5 and not table["location"]["differs"]
        assert table["dot"]["p"] == pytest.approx(3 * 2 / 2**10), "three are looked at"


def test_the_stored_verdicts_are_what_the_results_say():
    stored = read_results("scoring_verdicts")["values"]
    assert stored == json.loads(json.dumps(scoring_verdicts.measured())), (
        "The results have changed; run `python -m experiments.scoring_verdicts`."
    )


def test_what_reaches_farther_was_trained_on_short_sources():
    arms = scoring.arms()
    assert len(arms) == 2 * len(WAYS)
    seeds = scoring.experiment().seeds
    assert {len(seeds[arm]) for arm in WAYS} == {10}
    assert {len(seeds[name + scoring.REACH]) for name in WAYS} == {5}


def test_longer_changes_one_thing_at_a_time_before_it_changes_two():
    changes: dict[str, set[tuple[bool, bool]]] = {
        name: set() for name in scoring_longer.NAMES
    }
    for arm in scoring_longer.arms().values():
        wider = arm.model != config(WAYS[arm.name])
        changes[arm.name].add((wider, arm.updates != scoring_longer.UPDATES))
    alone = {(True, False), (False, True)}
    assert changes == {"local_m": alone, "local_p": alone | {(True, True)}}
