"""The piece of chapter 11: a verdict that moves with what would have mattered."""

from itertools import product

import numpy as np
import pytest
from touch import NUMBERS, PRIMARY, ask, message, needs_node, put_in, texts

from experiments import judge

verdict = pytest.mark.parametrize("page", ["verdict"], indirect=True)


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
