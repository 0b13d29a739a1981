"""Declarations and verdicts: the statistics by hand, and what is refused."""

import json
import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from experiments import declarations, judge
from experiments.declarations import DECLARATIONS, SEEDS, Declaration
from experiments.engine import results
from experiments.judge import Sample

# --- what is declared ------------------------------------------------------------------


@pytest.mark.parametrize("number", DECLARATIONS)
def test_a_declaration_says_everything_beforehand(number):
    declared = DECLARATIONS[number]
    assert declared.measure and declared.contradicts and declared.known
    assert declared.rule in ("at least", "difference")
    assert number in judge.MEASURES
    if declared.after_looking:
        assert "no sign-flip test can fall" in declared.known
        return
    # Differences need ten pairs: with five, no sign-flip test can fall below 0.06.
    assert len(declared.seeds) >= (10 if declared.rule == "difference" else 5)
    assert set(declared.seeds) <= set(SEEDS)


def test_another_word_is_another_declaration():
    one = DECLARATIONS[1]
    assert replace(one, effect=0.9).digest != one.digest
    assert replace(one, seeds=one.seeds[:-1]).digest != one.digest
    assert declarations.declared(one.experiment)["1"] == one.digest


# --- the statistics --------------------------------------------------------------------


def test_the_sign_flip_test_counts_all_patterns():
    differences = np.array([0.3, 0.1, -0.05, 0.2])
    means = [np.mean(differences * signs) for signs in product((1, -1), repeat=4)]
    far = [abs(mean) >= abs(differences.mean()) - 1e-12 for mean in means]
    assert judge.sign_flip(differences) == pytest.approx(sum(far) / 16)
    assert judge.sign_flip(np.full(10, 0.2)) == pytest.approx(2 / 1024)


def test_holm_multiplies_the_smallest_most_and_never_falls():
    assert judge.holm({3: 0.01, 4: 0.04, 5: 0.03}) == pytest.approx(
        {3: 0.03, 5: 0.06, 4: 0.06}
    )
    assert judge.holm({1: 0.9, 2: 0.8}) == pytest.approx({2: 1.0, 1: 1.0})


def table(found: np.ndarray) -> Sample:
    return Sample(lambda drawn: found[:, drawn].mean(axis=1), found.shape[1], 0, 1)


def test_an_interval_stays_in_the_range_and_has_a_width():
    """Where all answers are right it is that of Clopper and Pearson."""
    low, high = judge.interval(table(np.ones((10, 200))))
    assert high == 1 and low == pytest.approx(0.025 ** (1 / 200))
    nearly = np.ones((5, 40))
    nearly[0, :3] = 0
    low, high = judge.interval(table(nearly))
    assert 0.9 < low < nearly.mean() < high <= 1


def test_sentences_are_drawn_again_and_not_only_seeds():
    """Where all seeds miss the same sentences, the seeds alone have no spread."""
    found = np.tile(np.arange(50) % 2, (10, 1))
    low, high = judge.interval(table(found))
    spread = math.sqrt(0.25 / 50)
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.1)


def test_seeds_are_drawn_again_and_not_only_sentences():
    found = np.repeat((np.arange(10) % 2)[:, None], 50, axis=1)
    low, high = judge.interval(table(found))
    assert high - low > 0.5


@pytest.mark.parametrize(
    "rule, low, high, p, conditions, expected",
    [
        ("at least", 0.96, 0.99, None, {}, "holds"),
        ("at least", 0.96, 0.99, None, {"levelled": True}, "holds"),
        ("at least", 0.96, 0.99, None, {"levelled": False}, "holds in part"),
        ("at least", 0.94, 0.99, None, {}, "cannot tell"),
        ("at least", 0.90, 0.94, None, {}, "does not hold"),
        ("difference", 0.96, 0.99, 0.01, {}, "holds"),
        ("difference", 0.96, 0.99, 0.06, {}, "cannot tell"),
        ("difference", 0.10, 0.99, 0.01, {}, "holds in part"),
        ("difference", -0.1, 0.99, 0.01, {}, "cannot tell"),
        ("difference", 0.10, 0.20, 0.01, {}, "does not hold"),
        ("difference", -0.3, -0.2, 0.01, {}, "does not hold"),
    ],
)
def test_a_verdict_looks_at_the_whole_interval(rule, low, high, p, conditions, expected):
    entry = {"rule": rule, "effect": 0.95, "low": low, "high": high}
    entry |= {"conditions": conditions} | ({} if p is None else {"p": p})
    assert judge.verdict(entry) == expected


# --- what is taken from results that are made up and say so ----------------------------


def declared(*arms: str, seeds: tuple[int, ...] = (1, 2)) -> Declaration:
    return Declaration("m", "made_up", arms, seeds, "difference", 0.2, "c")


def of_hits(*rows: str) -> dict:
    return {str(seed + 1): {"hits": {"13": row}} for seed, row in enumerate(rows)}


def test_the_lead_is_over_the_best_other_of_each_seed_and_the_smaller_of_two_sizes():
    stored = {
        "a, 96": of_hits("1111", "1111"),
        "b, 96": of_hits("1000", "1110"),
        "c, 96": of_hits("1100", "0000"),
        "a, 16": of_hits("1111", "0111"),
        "b, 16": of_hits("0000", "0000"),
        "c, 16": of_hits("0000", "0000"),
    }
    found = judge.lead(stored, declared(*stored))
    assert found.numbers.tolist() == [0.5, 0.25]
    assert found.per_seed(np.array([0, 0])).tolist() == [0, 0]


def test_short_sources_are_those_of_one_to_four_words():
    stored = {"fixed": {"1": {"hits": {"1": "1", "4": "10", "5": "0000"}}}}
    found = judge.short_sources(stored, declared("fixed", seeds=(1,)))
    assert found.numbers == pytest.approx(2 / 3) and found.sentences == 3


def test_a_slope_is_the_power_of_the_distance():
    distances = {str(d): 10 * (1 + d) ** 2 for d in (0, 1, 3, 7)}
    assert judge.slopes([distances], limit=10_000) == pytest.approx(2)
    censored = {**distances, "7": None}
    assert judge.slopes([censored], limit=640) == pytest.approx(2)
    assert judge.slopes([censored], limit=160) < 2


def of_bits(per_source: list[float], curve: list[float]) -> dict:
    return {
        "test_sources": {"8": [20.0, 20.0], "12": per_source},
        "curve": [{"bits": {"12": value}} for value in curve],
    }


@pytest.mark.parametrize(
    "curve, attention, conditions",
    [
        ([9.0, 22.0, 22.2, 22.4], 35.0, (True, True)),
        ([22.2, 23.0, 24.0], 35.0, (False, True)),
        ([22.0, 22.2, 22.4], 24.0, (True, False)),
    ],
)
def test_lost_bits_are_those_that_were_added_and_did_not_come_through(
    curve, attention, conditions
):
    stored = {
        "fixed, 2": {"1": of_bits([22.0, 24.0], curve)},
        "attention, 2": {"1": of_bits([attention] * 2, curve)},
    }
    found = judge.lost_bits(stored, declared("fixed, 2", seeds=(1,)))
    assert found.numbers.tolist() == [13.0]
    assert found.conditions == conditions


def test_error_rates_are_of_the_whole_corpus():
    stored = {
        "IBM": {"1": {"counts": [[1, 2, 2], [0, 1, 1]]}},
        "ours": {"1": {"counts": [[2, 2, 2], [1, 1, 1]]}},
    }
    found = judge.better_aligned(stored, declared("IBM", "ours", seeds=(1,)))
    assert found.numbers == pytest.approx(1 - 2 / 6)


# --- what is refused -------------------------------------------------------------------


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    short = replace(DECLARATIONS[1], experiment="made_up", arms=("fixed",), seeds=(1, 2))
    monkeypatch.setitem(DECLARATIONS, 1, short)

    def write(declared: dict, **more) -> None:
        hits = {"hits": {"1": "11", "4": "11"}}
        run = {
            "command": "python -m experiments.made_up",
            "configuration": {"declared": declared},
            "seeds": [1, 2],
            "versions": {},
            "code": "f",
        }
        content = {"run": run, "values": {"fixed": {"1": hits, "2": hits}}, **more}
        (tmp_path / "made_up.json").write_text(json.dumps(content))

    return write


def test_an_entry_can_be_judged_by_whoever_reads_it(written):
    written(declarations.declared("made_up"))
    entry = judge.entry(1)
    assert entry["mean"] == 1 and entry["seeds"] == [1, 2]
    assert entry["low"] == pytest.approx(0.025 ** (1 / 4))
    assert judge.verdict(entry) == "cannot tell"  # four sentences are few
    assert json.loads(json.dumps(entry)) == entry


def test_a_result_of_another_declaration_is_refused(written):
    written({"1": "0123"})
    with pytest.raises(ValueError, match="another declaration of claim 1.*made_up` again"):
        judge.entry(1)
    written({})
    with pytest.raises(ValueError, match="another declaration of claim 1"):
        judge.entry(1)


def test_an_incomplete_result_is_refused(written):
    written(declarations.declared("made_up"), complete=False, missing={"fixed": [3]})
    with pytest.raises(ValueError, match="is incomplete"):
        judge.entry(1)
