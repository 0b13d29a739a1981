"""Ways of looking beside each other: loaded when asked for, on one number, one step."""

import math
from typing import Any

import pytest
from touch import (
    MECHANISMS,
    MODELS,
    ask,
    cells,
    message,
    needs_node,
    one,
    problems,
    put_in,
    texts,
    write,
)

from seq2seq_lib.decoding import Translation, translate
from seq2seq_lib.live import show
from seq2seq_lib.tasks.numbers import Numbers

mechanisms = pytest.mark.parametrize("page", ["mechanisms"], indirect=True)
FIRST = 914_327


def loaded(page: Any) -> set[str]:
    """The models that the page has asked for."""
    entries = page.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    return {
        name.split("/models/")[1].split(".")[0] for name in entries if "/models/" in name
    }


def panels(page: Any) -> int:
    """How many models are shown."""
    return len(page.find_elements("css selector", ".live-answer"))


def tick(page: Any, *names: str) -> None:
    """Choose more models, and wait until they are there."""
    from selenium.webdriver.support.ui import WebDriverWait

    wanted = panels(page) + len(names)
    for name in names:
        one(page, f"input[value={name}]").click()
    WebDriverWait(page, 20).until(lambda b: panels(b) == wanted)


def translated(name: str, n: int = FIRST) -> Translation:
    model, *vocabs = show.load(MODELS / name)
    (answer,) = translate(model, [Numbers().example(n).src], *vocabs)
    return answer


@mechanisms
def test_a_model_is_loaded_when_it_is_chosen(page):
    assert loaded(page) == {"additive"} and panels(page) == 1
    tick(page, "dot")
    assert loaded(page) == {"additive", "dot"}
    one(page, "input[value=dot]").click()
    assert panels(page) == 1


@mechanisms
def test_each_writes_and_looks_as_the_library_says(page):
    tick(page, *MECHANISMS[1:])
    said = texts(page, ".live-said")
    for panel, name in enumerate(MECHANISMS):
        answer = translated(name)
        assert show.NAMES[name] in texts(page, ".live-answer h4")[panel]
        assert said[panel].split() == list(answer.tokens)
        shown = cells(page, panel)
        assert [row[0] for row in shown] == [*answer.tokens, "(end)"]
        for row, weights in zip(shown, answer.weights, strict=True):
            apart = [abs(int(c) - 100 * w) for c, w in zip(row[1:], weights, strict=True)]
            assert max(apart) < 0.51
    assert problems(page) == []


@mechanisms
def test_the_same_step_is_set_off_in_every_table(page):
    from selenium.webdriver.common.action_chains import ActionChains

    tick(page, "general", "dot")
    cell = page.find_elements("css selector", ".live-weights tbody tr:nth-child(4) td")[2]
    ActionChains(page).move_to_element(cell).perform()
    assert len(texts(page, ".live-hover th")) == 3
    assert len(texts(page, "tr.live-hover[data-step='3'] th")) == 3
    ActionChains(page).move_to_element(one(page, ".live-message")).perform()
    assert texts(page, ".live-hover") == []


@mechanisms
def test_a_step_is_chosen_by_keys_and_told_in_words(page):
    from selenium.webdriver.common.keys import Keys

    tick(page, "dot_unscaled")
    slider = one(page, "input[type=range]")
    for _ in range(3):
        slider.send_keys(Keys.ARROW_RIGHT)
    assert page.switch_to.active_element == slider, "the focus stays"
    assert slider.get_attribute("aria-valuetext") == "step 4 of 11"
    notes = texts(page, ".live-note")
    for name, note, row in zip(
        ("additive", "dot_unscaled"), notes, texts(page, ".live-chosen th"), strict=True
    ):
        answer = translated(name)
        best = answer.src[int(answer.weights[3].argmax())]
        assert row == answer.tokens[3]
        assert f"Step 4 writes {row} and looks most at {best}: " in note
    page.find_elements("css selector", ".live-weights tbody tr:nth-child(2) td")[1].click()
    assert all("Step 2 writes" in note for note in texts(page, ".live-note"))


@mechanisms
def test_the_words_that_belong_together_are_outlined_in_every_table(page):
    tick(page, "general")
    one(page, "input[value=gold]").click()
    outlined = len(page.find_elements("css selector", ".live-gold"))
    assert outlined == 2 * len(Numbers().example(FIRST).alignment)


@mechanisms
def test_a_model_that_cannot_be_loaded_can_be_asked_for_again(page):
    from selenium.webdriver.support.ui import WebDriverWait

    page.execute_cdp_cmd("Network.enable", {})
    page.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*general.f16*"]})
    try:
        one(page, "input[value=general]").click()
        WebDriverWait(page, 20).until(lambda b: "could not be loaded" in message(b))
        assert not one(page, "input[value=general]").is_selected()
        assert panels(page) == 1
    finally:
        page.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    tick(page, "general")
    assert message(page) == ""


@mechanisms
@pytest.mark.parametrize(
    "typed, told",
    [
        ("", "Type a number"),
        ("seven apples", "apples"),
        ("<img src=x onerror=alert(1)>", "<img"),
        ("one " * 500, "500 words"),
    ],
)
def test_what_is_no_number_is_a_sentence(page, typed, told):
    write(page, typed)
    assert told in message(page)
    assert not page.find_elements("css selector", ".live-answer, .live img")
    write(page, "21")
    assert texts(page, ".live-said") == [" ".join(translated("additive", 21).tokens)]
    assert problems(page) == []


@mechanisms
def test_another_number_begins_at_its_first_step(page):
    put_in(page, "input[type=range]", 9)
    assert "Step 10" in texts(page, ".live-note")[0]
    write(page, "twenty twenty")
    assert "No number is written so" in message(page)
    assert "Step 1 writes" in texts(page, ".live-note")[0]
    assert one(page, "input[value=gold]").get_attribute("disabled")


def test_what_stands_there_first_is_what_each_of_them_writes():
    still = show.still(MODELS, MECHANISMS, FIRST)
    for name in MECHANISMS:
        assert show.NAMES[name] in still
        assert " ".join(translated(name).tokens) in still


@needs_node
def test_how_a_look_is_told_is_what_is_meant():
    """Two rows that can be checked with a pencil: an even look at two words, and at one."""
    rows, gold = [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]], [[0, 1], [1, 0], [1, 2]]
    shared, on_gold = ask("looks", rows=rows, gold=gold)
    assert shared == pytest.approx(math.sqrt(2))  # exp of the mean of log 2 and 0
    assert on_gold == pytest.approx((0.5 + 1.0) / 2)


@needs_node
def test_an_answer_is_judged_word_by_word():
    answers = [["a", "b"], ["a", "c"], ["a"], ["a", "b", "c"], ["b", "a", "c", "c"]]
    assert ask("judged", answers=answers, right=["a", "b"]) == [
        "right",
        "wrong in 1 of 2 words",
        "wrong in 1 of 2 words",
        "1 too many",
        "wrong in 2 of 2 words, 2 too many",
    ]
