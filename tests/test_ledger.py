"""The ledger: its rules by hand, what it refuses, and whether it is up to date."""

import json

import pytest

from experiments import ledger
from experiments.engine import results
from experiments.ledger import Difference, Level, Measure
from seq2seq_lib.intervals import Interval


def interval(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, 5)


@pytest.mark.parametrize(
    "rule, low, high, shows",
    [
        (Difference("attention"), 0.1, 0.3, "supports"),
        (Difference("attention"), -0.1, 0.3, "shows nothing"),
        (Difference("attention"), -0.3, -0.1, "contradicts"),
        (Difference("fixed"), -0.3, -0.1, "supports"),
        (Difference("fixed"), 0.1, 0.3, "contradicts"),
        (Difference("fixed"), 0.0, 0.0, "shows nothing"),
        (Level("fixed", at_least=0.95), 0.96, 0.99, "supports"),
        (Level("fixed", at_least=0.95), 0.94, 0.99, "shows nothing"),
        (Level("fixed", at_least=0.95), 0.90, 0.94, "contradicts"),
        (Level("attention", at_most=0.1), 0.02, 0.09, "supports"),
        (Level("attention", at_most=0.1), 0.02, 0.2, "shows nothing"),
        (Level("attention", at_most=0.1), 0.2, 0.3, "contradicts"),
    ],
)
def test_a_rule_looks_at_the_whole_interval(rule, low, high, shows):
    assert rule.shows(interval(low, high)) == shows


@pytest.mark.parametrize(
    "shown, expected",
    [
        (["supports", "supports"], "holds"),
        (["supports", "contradicts"], "holds in part"),
        (["supports", "shows nothing"], "holds in part"),
        (["shows nothing"], "does not hold"),
    ],
)
def test_a_claim_holds_when_all_its_measures_support_it(shown, expected):
    assert ledger.verdict([{"shows": one} for one in shown]) == expected


# --- an entry, from results that are made up and say so ---------------------------------


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)

    def write(fixed: list[float], attention: list[float], **changes):
        values = {
            arm: {
                str(seed): {"score": v, "parameters": 11, "updates": 7}
                for seed, v in enumerate(scores)
            }
            for arm, scores in (("fixed", fixed), ("additive", attention))
        }
        run = {
            "command": "python -m experiments.made_up",
            "configuration": {},
            "seeds": list(range(len(fixed))),
            "versions": {},
            "code": "f",
        }
        content = {"run": {**run, **changes}, "values": values}
        (tmp_path / "made_up.json").write_text(json.dumps(content))

    return write


MEASURE = Measure("score", "made_up", ledger.at("score"), Difference("attention"))


def test_differences_are_paired_by_seed(written):
    written([0.1, 0.5, 0.3, 0.9, 0.7], [0.2, 0.61, 0.4, 1.0, 0.79])
    found = ledger.entry(MEASURE)
    assert found["difference"]["mean"] == pytest.approx(0.1)
    assert found["difference"]["low"] > 0.09  # the scores themselves scatter widely
    assert found["fixed"]["low"] < 0.2
    assert found["shows"] == "supports"
    assert found["seeds"] == [0, 1, 2, 3, 4]
    assert found["command"] == "python -m experiments.made_up"
    assert found["attention"]["parameters"] == 11 and found["attention"]["updates"] == 7


def test_a_result_that_contradicts_the_claim_is_written_down_as_such(written):
    written([0.5, 0.6, 0.7, 0.6, 0.5], [0.1, 0.2, 0.2, 0.1, 0.1])
    assert ledger.entry(MEASURE)["shows"] == "contradicts"


def test_censored_values_are_counted(written):
    written([1500.0, 900.0, 1500.0, 1500.0, 800.0], [70.0, 80.0, 90.0, 70.0, 60.0])
    measure = Measure(
        "updates", "made_up", ledger.at("score"), Difference("fixed"), limit=1500
    )
    found = ledger.entry(measure)
    assert found["fixed"]["censored"] == 3 and found["attention"]["censored"] == 0
    assert found["shows"] == "supports"


def test_fewer_than_five_seeds_are_refused(written):
    written([0.1] * 4, [0.2] * 4)
    with pytest.raises(ValueError, match="needs the same 5 seeds.*experiments.made_up"):
        ledger.entry(MEASURE)


def test_a_missing_seed_is_refused(written):
    written([0.1] * 5, [0.2] * 4)
    with pytest.raises(ValueError, match="lacks seed 4 of 'additive'"):
        ledger.entry(MEASURE)


def test_a_missing_arm_is_refused(written):
    written([0.1] * 5, [0.2] * 5)
    measure = Measure(
        "s", "made_up", ledger.at("score"), Difference("fixed"), ("slow", "additive")
    )
    with pytest.raises(ValueError, match="has no arm 'slow'"):
        ledger.entry(measure)


# --- the ledger of the book --------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> dict:
    return json.loads((results.RESULTS / "ledger.json").read_text())


def test_the_stored_ledger_is_what_the_results_say_today(stored):
    today = json.loads(json.dumps(ledger.ledger()))
    assert {key: stored[key] for key in today} == today, (
        "The results have changed since the ledger was made; run "
        "`python -m experiments.ledger`."
    )


def test_there_are_eight_claims_with_a_chapter_that_exists(stored, root):
    assert list(stored["claims"]) == [str(n) for n in range(1, 9)]
    for claim in stored["claims"].values():
        assert (root / "chapters" / f"{claim['chapter']}.ipynb").is_file()
        assert claim["statement"] and claim["measures"]


def test_every_measure_is_whole_and_fair(stored):
    measures = [m for claim in stored["claims"].values() for m in claim["measures"]]
    for m in [*measures, *stored["reach"]]:
        assert len(m["seeds"]) >= 5
        assert m["command"].startswith("python -m experiments.")
        fixed, attention = m["fixed"], m["attention"]
        assert fixed["low"] <= fixed["mean"] <= fixed["high"]
        assert attention["low"] <= attention["mean"] <= attention["high"]
        # Within 2%, or the side that is expected to lose has more.
        assert fixed["parameters"] >= 0.98 * attention["parameters"]
        assert fixed["updates"] >= attention["updates"]
