"""The ledger: what it takes from results, what it refuses, and whether it is up to date."""

import json

import pytest

from experiments import claims, distance, judge, ledger
from experiments.claims import SECONDARY, Measure, at, less, right, updates_at
from experiments.declarations import DECLARATIONS
from experiments.engine import results

SLACK = 1e-9  # BLEU can be 100.00000000000004

# --- a secondary measure, from results that are made up and say so ---------------------


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)

    def write(fixed: list[float], attention: list[float], **changes):
        values = {
            arm: {str(seed): {"score": v} for seed, v in enumerate(scores)}
            for arm, scores in (("fixed", fixed), ("additive", attention))
        }
        run = {
            "command": "python -m experiments.made_up",
            "configuration": {},
            "seeds": list(range(len(fixed))),
            "arm_seeds": {arm: [*map(int, each)] for arm, each in values.items()},
            "versions": {},
            "code": "f",
        }
        content = {"run": run, "values": values, **changes}
        (tmp_path / "made_up.json").write_text(json.dumps(content))

    return write


MEASURE = Measure("the score", at("score"), "made_up")


def test_both_models_stand_beside_each_other_with_their_intervals(written):
    written([0.1, 0.5, 0.3, 0.9, 0.7], [0.2, 0.6, 0.4, 1.0, 0.8])
    found = ledger.beside(MEASURE)
    assert found["seeds"] == [0, 1, 2, 3, 4]
    assert found["command"] == "python -m experiments.made_up"
    assert found["fixed"]["mean"] == pytest.approx(0.5)
    assert 0.1 < found["fixed"]["low"] < 0.5 < found["fixed"]["high"] < 0.9
    assert found["attention"]["values"]["3"] == 1.0


def test_where_all_seeds_agree_an_interval_has_no_width(written):
    written([0.0] * 5, [0.5, 1.0, 1.0, 1.0, 1.0])
    found = ledger.beside(MEASURE)
    assert found["fixed"]["low"] == found["fixed"]["high"] == 0
    assert found["attention"]["low"] < found["attention"]["high"] == 1


def test_seeds_that_one_model_lacks_are_left_out(written):
    written([0.1] * 5, [0.2] * 4)
    assert ledger.beside(MEASURE)["seeds"] == [0, 1, 2, 3]
    written([0.1] * 5, [0.2])
    with pytest.raises(ValueError, match="needs two seeds or more of both 'fixed'"):
        ledger.beside(MEASURE)


def test_a_missing_arm_is_refused(written):
    written([0.1] * 5, [0.2] * 5)
    measure = Measure("s", at("score"), "made_up", arms=("slow", "additive"))
    with pytest.raises(ValueError, match="has no arm 'slow'.*experiments.made_up"):
        ledger.beside(measure)


def test_an_incomplete_result_is_refused(written):
    written([0.1] * 5, [0.2] * 5, complete=False, missing={"c": [0]})
    with pytest.raises(ValueError, match=r"incomplete \(missing: {'c': \[0\]}\)"):
        ledger.beside(MEASURE)


@pytest.mark.parametrize("keys", [("scores",), ("score", "1-4"), ("score", -1)])
def test_a_place_without_a_number_is_told(written, keys):
    written([0.1] * 5, [0.2] * 5)
    with pytest.raises(ValueError, match="made_up.json lacks a number that 's' needs"):
        ledger.beside(Measure("s", at(*keys), "made_up"))


def test_what_is_taken_from_one_seed():
    values = {
        "a": 8,
        "b": {"c": 2.0},
        "curve": [{"x": 1}, {"x": 3}],
        "hits": {"12": "1111", "13": "0101", "14": "1"},
        "learned": {"31": None, "0": 20},
    }
    assert less(at("a"), at("b", "c"))(values) == 6.0
    assert at("curve", -1, "x")(values) == 3.0
    assert right("13-24")(values) == pytest.approx(3 / 5)
    assert updates_at(31)(values) == claims.LIMIT == distance.LIMIT
    assert updates_at(0)(values) == 20


def test_a_refused_result_is_one_sentence_on_the_command_line(monkeypatch, tmp_path):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["ledger"])
    with pytest.raises(SystemExit, match="does not exist; make it with `python -m"):
        ledger.main()


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
        assert claim["statement"]
        assert claim["primary"]["short"]


def test_a_claim_is_judged_by_one_declared_measure(stored):
    for number, claim in stored["claims"].items():
        primary, declared = claim["primary"], DECLARATIONS[int(number)]
        assert primary["measure"] == declared.measure
        assert primary["seeds"] == list(declared.seeds)
        assert primary["low"] <= primary["mean"] <= primary["high"]
        assert claim["verdict"] == judge.verdict(primary)


def test_what_stands_beside_says_nothing_of_the_claim(stored):
    for number, claim in stored["claims"].items():
        assert len(claim["secondary"]) == len(SECONDARY[int(number)])
        for found in claim["secondary"]:
            assert not {"verdict", "shows", "rule"} & found.keys()
            for side in ("fixed", "attention"):
                low, high = found[side]["low"], found[side]["high"]
                assert low - SLACK <= found[side]["mean"] <= high + SLACK
