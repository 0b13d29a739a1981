"""A model while it trains: moved by hand, played and paused; it shows what is stored."""

import time
from typing import Any

import numpy as np
import pytest
import torch
from touch import MODELS, cells, message, moments, one, problems, put_in, texts

from experiments import live_training
from seq2seq_lib.batching import collate, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.live import show
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.widgets import STATIC_VARIABLE

training = pytest.mark.parametrize("page", ["training"], indirect=True)
FIRST = 914_327
MOMENTS = moments()
LAST = len(MOMENTS) - 1


def at(page: Any) -> int:
    """Which moment is shown."""
    return int(one(page, "input[type=range]").get_property("value"))


def assert_shows(page: Any, moment: dict[str, Any], n: int) -> None:
    """The loss, the words and the weights of a moment are on the page."""
    assert f"After {moment['update']:,} updates" in message(page)
    assert f"the loss is {moment['valid_loss']:.3g}" in message(page)
    said = moment["said"][str(n)]
    shown = one(page, ".live-said").text.split()
    beginning = [*said[: len(shown) - 1], "…"] if shown[-1] == "…" else said
    assert shown == (beginning or ["(nothing)"])
    wanted = np.array(moment["weights"][str(n)])
    percents = np.array([row[1:] for row in cells(page)], dtype=float)
    assert np.abs(percents - 100 * wanted).max() < 0.51


def press(page: Any) -> Any:
    button = one(page, ".live-buttons button")
    button.click()
    return button


@training
def test_it_stands_still_until_somebody_plays_it(page):
    time.sleep(1.5)
    assert at(page) == 0
    assert one(page, ".live-buttons button").text == "play"
    assert_shows(page, MOMENTS[0], FIRST)


@training
def test_the_slider_goes_through_the_moments_by_keys(page):
    from selenium.webdriver.common.keys import Keys

    slider = one(page, "input[type=range]")
    for moment in MOMENTS[1:]:
        slider.send_keys(Keys.ARROW_RIGHT)
        assert_shows(page, moment, FIRST)
        told = slider.get_attribute("aria-valuetext")
        assert told == f"{moment['update']:,} updates"
    assert page.switch_to.active_element == slider, "the focus stays"
    assert "is right" in message(page)
    assert one(page, ".live-said").text.split() == list(Numbers().example(FIRST).tgt)


@training
def test_it_is_played_and_paused(page):
    from selenium.webdriver.support.ui import WebDriverWait

    button = press(page)
    assert button.text == "pause" and page.switch_to.active_element == button
    WebDriverWait(page, 10).until(lambda b: at(b) == 2)
    press(page)
    assert button.text == "play"
    stopped = at(page)
    time.sleep(1.5)
    assert at(page) == stopped
    assert_shows(page, MOMENTS[stopped], FIRST)


@training
def test_it_ends_by_itself_and_begins_again(page):
    from selenium.webdriver.support.ui import WebDriverWait

    put_in(page, "input[type=range]", LAST - 1)
    button = press(page)
    WebDriverWait(page, 10).until(lambda b: at(b) == LAST)
    assert button.text == "play"
    assert_shows(page, MOMENTS[LAST], FIRST)
    press(page)
    assert at(page) == 0 and button.text == "pause"


@training
def test_who_moves_the_slider_stops_it(page):
    button = press(page)
    put_in(page, "input[type=range]", 4)
    assert button.text == "play"
    time.sleep(1.5)
    assert at(page) == 4


@training
def test_who_wants_little_motion_gets_less(browser, address_of, open_piece, page):
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    fades = "return getComputedStyle(document.querySelector('.live-weights td[title]'))"
    fades += ".transitionDuration"
    assert page.execute_script(fades) != "0s"
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        calm = open_piece(address_of("training"))
        assert calm.execute_script(fades) == "0s"
        press(calm)
        time.sleep(1.7)
        assert at(calm) == 0, "the usual pace is a moment a second"
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@training
@pytest.mark.parametrize("width", [1100, 390])
def test_the_weights_stay_where_they_are_while_moments_pass(page, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        places = set()
        for moment in range(len(MOMENTS)):
            put_in(page, "input[type=range]", moment)
            places.add(round(one(page, ".live-weights").rect["y"]))
        assert len(places) == 1
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@training
def test_another_number_is_shown_at_the_same_moment(page):
    put_in(page, "input[type=range]", 5)
    for n in live_training.NUMBERS:
        put_in(page, "select", str(n))
        assert_shows(page, MOMENTS[5], n)
        example = Numbers().example(n)
        assert texts(page, ".live-weights thead th") == list(example.src)
        assert texts(page, ".live-weights tbody th") == [*example.tgt, "(end)"]
    assert problems(page) == []


@training
def test_gold_is_outlined_and_lines_are_drawn(page):
    one(page, "input[type=checkbox]").click()
    alignment = Numbers().example(FIRST).alignment
    assert len(page.find_elements("css selector", ".live-gold")) == len(alignment)
    for moment in (0, LAST):
        put_in(page, "input[type=range]", moment)
        rows = np.array(MOMENTS[moment]["weights"][str(FIRST)])[:-1]
        strengths = page.execute_script(
            "return [...document.querySelectorAll('.live-line')]"
            ".map((line) => Number(line.getAttribute('stroke-opacity')))"
        )
        assert strengths == pytest.approx(list(rows[rows > 0.03]))


@training
def test_all_moments_stand_in_a_table(page):
    page.execute_script("document.querySelector('.live details').open = true")
    assert texts(page, ".live-look tbody th") == [str(m["update"]) for m in MOMENTS]
    losses = texts(page, ".live-look tbody td:nth-child(2)")
    assert losses == [f"{m['valid_loss']:.3g}" for m in MOMENTS]


def test_without_javascript_the_moments_are_a_table_too(monkeypatch):
    monkeypatch.setenv(STATIC_VARIABLE, "1")
    still = show.training(MOMENTS, FIRST).data
    for moment in MOMENTS:
        assert f"{moment['update']:,}</th><td>{moment['valid_loss']:.3g}</td>" in still
        assert " ".join(moment["said"][str(FIRST)][:12]) in still


def test_a_number_that_was_not_watched_is_refused():
    with pytest.raises(ValueError, match=f"'7' is not an option.*{FIRST}"):
        show.training(MOMENTS, 7)


# --- what is stored ---------------------------------------------------------------------


def test_the_moments_are_those_of_the_experiment():
    assert [m["update"] for m in MOMENTS] == list(live_training.MOMENTS)
    losses = [m["valid_loss"] for m in MOMENTS]
    assert losses == sorted(losses, reverse=True) and losses[0] > 3 > 0.01 > losses[-1]
    for moment in MOMENTS:
        for n in live_training.NUMBERS:
            example = Numbers().example(n)
            rows = np.array(moment["weights"][str(n)])
            assert rows.shape == (len(example.tgt) + 1, len(example.src))
            assert np.abs(rows.sum(axis=1) - 1).max() < 0.001 * len(example.src)


def test_the_last_moment_is_the_model_of_the_pages():
    """The same training, but for the rounding of the page's weights to 16 bits."""
    model, *vocabs = show.load(MODELS / "additive")
    for n in live_training.NUMBERS:
        example = Numbers().example(n)
        (answer,) = translate(model, [example.src], *vocabs)
        assert list(answer.tokens) == MOMENTS[-1]["said"][str(n)]
        with torch.no_grad():
            (rows,) = model(collate(encode([example], *vocabs))).weights.numpy()
        assert np.abs(rows - np.array(MOMENTS[-1]["weights"][str(n)])).max() < 0.02
