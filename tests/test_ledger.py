"""The ledger: its rules by hand, what it refuses, and whether it is up to date."""

import json

import pytest

from experiments import claims, extrapolation, ledger, multi30k_small, needle
from experiments.claims import Measure, Rule
from experiments.engine import results
from seq2seq_lib.intervals import Interval


def interval(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, 5)


@pytest.mark.parametrize(
    "rule, low, high, shows",
    [
        (Rule("attention"), 0.1, 0.3, "supports"),
        (Rule("attention"), -0.1, 0.3, "shows nothing"),
        (Rule("attention"), -0.3, -0.1, "contradicts"),
        (Rule("fixed"), -0.3, -0.1, "supports"),
        (Rule("fixed"), 0.1, 0.3, "contradicts"),
        (Rule("fixed"), 0.0, 0.0, "shows nothing"),
        (Rule("fixed", "at least", 0.95), 0.96, 0.99, "supports"),
        (Rule("fixed", "at least", 0.95), 0.94, 0.99, "shows nothing"),
        (Rule("fixed", "at least", 0.95), 0.90, 0.94, "contradicts"),
        (Rule("attention", "at most", 0.1), 0.02, 0.09, "supports"),
        (Rule("attention", "at most", 0.1), 0.02, 0.2, "shows nothing"),
        (Rule("attention", "at most", 0.1), 0.2, 0.3, "contradicts"),
    ],
)
def test_a_rule_looks_at_the_whole_interval(rule, low, high, shows):
    assert ledger.shows(rule, interval(low, high)) == shows


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


MEASURE = Measure("score", "score", Rule("attention"), "made_up")


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
    measure = Measure("updates", "score", Rule("fixed"), "made_up", limit=1500)
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
    measure = Measure("s", "score", Rule("fixed"), "made_up", arms=("slow", "additive"))
    with pytest.raises(ValueError, match="has no arm 'slow'"):
        ledger.entry(measure)


def test_an_incomplete_result_is_refused(written, tmp_path):
    written([0.1] * 5, [0.2] * 5)
    path = tmp_path / "made_up.json"
    content = {**json.loads(path.read_text()), "complete": False, "missing": {"c": [0]}}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"incomplete \(missing: {'c': \[0\]}\)"):
        ledger.entry(MEASURE)


def test_a_refused_result_is_one_sentence_on_the_command_line(monkeypatch, tmp_path):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["ledger"])
    with pytest.raises(SystemExit, match="does not exist; make it with `python -m"):
        ledger.main()


@pytest.mark.parametrize("place", ["scores", "score/1-4", ""])
def test_a_place_without_a_number_is_told(written, place):
    written([0.1] * 5, [0.2] * 5)
    with pytest.raises(ValueError, match="made_up.json has no number at"):
        ledger.entry(Measure("s", place, Rule("fixed"), "made_up"))


@pytest.mark.parametrize(
    "more, expected",
    [
        ({}, 8.0),
        ({"minus": "b/c"}, 6.0),
        ({"over": "b/c"}, 4.0),
        ({"minus": "never"}, -92.0),
    ],
)
def test_a_measure_is_a_number_a_difference_or_a_ratio(more, expected):
    values = {"a": 8, "b": {"c": 2.0}, "never": None}
    measure = Measure("s", "a", Rule("fixed"), "made_up", **more)
    assert ledger.taken(measure, values, "a", limit=100) == expected


def test_the_claims_name_what_the_experiments_measure():
    """The names and limits stand in the claims as a reader sees them."""
    found, ratio = claims.MEASURES[3]
    assert found.limit == needle.LIMIT and f"of {needle.LENGTH} is found" in found.name
    assert found.arms == ratio.arms
    for mechanism, arm in zip(needle.MECHANISMS, found.arms, strict=True):
        assert needle.arms()[arm][:3] == (mechanism, "one-way", needle.RATE)
    assert all(f"at most {extrapolation.LONGEST}" in m.name for m in claims.REACH)
    *_, long, fall = claims.MEASURES[8]
    (short, *_, longest) = (f"{a}-{b}" for a, b in multi30k_small.BUCKETS)
    assert long.place == fall.minus == f"by_reference_length/{longest}/bleu"
    assert fall.place == f"by_reference_length/{short}/bleu"
    assert long.name.startswith(f"BLEU of captions of {longest.split('-')[0]} words")


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
