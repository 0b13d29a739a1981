"""The piece of chapter 11: a verdict that moves with what would have mattered."""

from itertools import product

import numpy as np
import pytest
from touch import NUMBERS, PRIMARY, ask, message, needs_node, put_in, texts

from experiments import judge
from seq2seq_lib.live import runs
from seq2seq_lib.page import right_by_length, stored

verdict = pytest.mark.parametrize("page", ["verdict"], indirect=True)
SEED = ".live select[id$=seed]"


@needs_node
def test_its_words_are_those_of_the_ledger():
    intervals = [(0.6, 0.9), (0.5, 0.9), (0.1, 0.9), (-0.1, 0.9), (0.1, 0.4), (0.0, 0.7)]
    entries = [
        {"rule": rule, "low": low, "high": high, "p": p, "met": met, "effect": 0.5}
        for rule, (low, high), p, met in product(
            ("at least", "difference"), intervals, (0.01, 0.05, 0.2), (True, False)
        )
    ]
    expected = [judge.verdict(e | {"conditions": {"a": e["met"]}}) for e in entries]
    assert ask("verdicts", entries=entries) == expected
    assert len(set(expected)) == 4


@needs_node
def test_a_draw_takes_as_many_seeds_as_there_are():
    draws = ask("draws", values=NUMBERS, often=2000)
    for draw in draws[:50]:
        assert sum(draw["times"]) == len(NUMBERS)
        mean = np.dot(draw["times"], NUMBERS) / len(NUMBERS)
        assert draw["mean"] == pytest.approx(mean)
    means = np.array([draw["mean"] for draw in draws])
    assert means.mean() == pytest.approx(np.mean(NUMBERS), abs=0.003)
    expected = np.std(NUMBERS) / np.sqrt(len(NUMBERS))
    assert means.std() == pytest.approx(expected, rel=0.1)


@verdict
def test_it_opens_with_what_was_declared(page):
    assert "6 seeds, mean 0.16, interval 0.13 to 0.19, p = 0.030" in message(page)
    assert message(page).endswith("With 0.20 (as declared): does not hold.")


@verdict
@pytest.mark.parametrize(
    "effect, word", [(0.1, "holds"), (0.15, "holds in part"), (0.2, "does not hold")]
)
def test_the_word_moves_with_what_would_have_mattered(page, effect, word):
    put_in(page, ".live input[type=range]", effect)
    assert f"With {effect:.2f} (" in message(page) and message(page).endswith(f": {word}.")


@verdict
def test_another_claim_has_its_own_rule(page):
    put_in(page, ".live select", 1)
    assert message(page).endswith("With 0.100 (as declared): holds.")
    assert "p =" not in message(page)


@verdict
def test_seeds_are_drawn_again(page):
    once, often = page.find_elements("css selector", ".live button")
    once.click()
    assert " 1 drawn, the last mean is 0." in message(page)
    page.execute_script("document.querySelector('.live details').open = true")
    times = [int(text) for text in texts(page, ".live-look td:nth-child(3)")]
    assert sum(times) == len(PRIMARY["values"])
    often.click()
    assert " 101 drawn" in message(page)
    put_in(page, ".live select", 1)
    assert "drawn" not in message(page)


@verdict
def test_a_seed_shows_what_its_run_measured(page):
    assert not texts(page, ".live-run td")
    page.find_elements("css selector", ".live .live-seed")[2].click()
    assert page.find_element("css selector", SEED).get_attribute("value") == "1002"
    arms = PRIMARY["arms"]
    assert texts(page, ".live-run tbody th") == arms
    hits = stored("ablations")["values"][arms[1]]["1002"]["hits"]
    right = [f"{share:.2f}" for share in right_by_length(hits).values()]
    assert texts(page, ".live-run tr:nth-child(2) td") == right
    assert len(page.find_elements("css selector", ".live-run polyline")) == 4
    put_in(page, SEED, "")
    assert not texts(page, ".live-run td")


@verdict
def test_a_run_of_another_kind_is_drawn_too(page):
    put_in(page, ".live select", 1)
    put_in(page, SEED, "1001")
    learned = stored("distance")["values"]["fixed, default gate"]["1001"]["learned"]
    assert texts(page, ".live-run tbody td") == [
        str(updates) for updates in learned.values()
    ]


@pytest.mark.parametrize("number, claim", judge.primaries().items())
def test_every_judged_claim_has_runs_to_look_at(number, claim):
    found = runs.of_claim(claim)
    assert list(found["arms"]) == claim["arms"] and found["names"]
    for arm, seeds in found["arms"].items():
        assert {*map(str, claim["seeds"])} <= {*seeds} or len(seeds) == 1, arm
        assert all(len(values) == len(found["names"]) for values in seeds.values())


def test_what_is_measured_next_has_a_curve():
    bits = runs.curve({"test_bits": {"1": 4.0, "2": 7.5}})
    assert bits.y == "bits that arrive" and bits.values == {"1": 4.0, "2": 7.5}
    chrf = runs.curve({"chrf": {"1": [40.0, 50.0], "2": [30.0]}})
    assert chrf.values == {"1": 45.0, "2": 30.0}


def test_a_run_without_a_curve_says_so():
    with pytest.raises(ValueError, match="stored loss has no curve"):
        runs.curve({"loss": 1.0})
