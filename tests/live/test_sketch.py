"""Guess first: a curve that one draws, and answers that wait behind a button."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from axe import barriers
from browsing import served
from touch import GIVEN, MEASURED, ask, message, needs_node, one, put_in, texts

from seq2seq_lib.live import show

ROOT = Path(__file__).parents[2]
sketch = pytest.mark.parametrize("page", ["sketch"], indirect=True)


def reveal(page: Any) -> None:
    one(page, ".live-buttons button").click()


def guess(page: Any, values: list[float]) -> None:
    for i, value in enumerate(values, start=1):
        put_in(page, f"tr:nth-child({i}) input[type=number]", value)


def numbers(page: Any) -> list[float]:
    fields = page.find_elements("css selector", ".live input[type=number]")
    return [float(field.get_attribute("value")) for field in fields]


def answers(page: Any) -> list[str]:
    return texts(page, ".live tbody td:nth-child(3)")


@sketch
def test_nothing_is_told_before_a_guess(page):
    reveal(page)
    assert answers(page) == ["?"] * 3
    assert "Draw your guess first" in message(page)
    assert not page.find_elements("css selector", ".live-measured")
    assert len(page.find_elements("css selector", "circle.live-given")) == len(GIVEN)


@sketch
def test_a_guess_is_compared_with_what_was_measured(page):
    guess(page, [90, 60, 65])
    reveal(page)
    assert answers(page) == ["99%", "50%", "25%"]
    assert texts(page, ".live tbody td:nth-child(4)") == ["9", "10", "40"]
    assert "20 points from the measured one" in message(page)  # (9 + 10 + 40) / 3
    assert "40 points, at 9-12" in message(page)
    assert len(page.find_elements("css selector", "circle.live-measured")) == len(MEASURED)


@sketch
def test_one_may_guess_again(page):
    guess(page, [90, 60, 65])
    reveal(page)
    assert not one(page, ".live input[type=number]").is_enabled()
    reveal(page)
    assert answers(page) == ["?"] * 3 and numbers(page) == [90, 60, 65]
    assert one(page, ".live input[type=number]").is_enabled()


@sketch
def test_a_guess_is_typed_and_moved_by_keys(page):
    from selenium.webdriver.common.keys import Keys

    field = one(page, ".live input[type=number]")
    field.clear()
    field.send_keys("30", Keys.ARROW_UP)
    assert numbers(page) == [31, 50, 50]
    assert page.switch_to.active_element == field, "the focus stays"
    assert "1-4: 31%" in one(page, ".live-sketch").get_attribute("aria-label")


@sketch
def test_a_curve_is_dragged(page):
    from selenium.webdriver.common.action_chains import ActionChains

    picture = one(page, ".live-sketch")
    width, height = picture.rect["width"], picture.rect["height"]
    actions = ActionChains(page).move_to_element_with_offset(
        picture, round(-0.25 * width), round(-0.3 * height)
    )
    actions.click_and_hold().move_by_offset(round(0.6 * width), round(0.5 * height))
    actions.release().perform()
    first, _, last = numbers(page)
    assert first > 75 and last < 35
    reveal(page)
    assert answers(page) == ["99%", "50%", "25%"]


@sketch
@pytest.mark.parametrize("typed", ["", "-3", "500", "1e9"])
def test_what_is_no_share_is_a_sentence(page, typed):
    guess(page, [90, 60, 65])
    put_in(page, ".live input[type=number]", typed)
    assert "from 0 to 100; 90 is kept" in message(page)
    reveal(page)
    assert texts(page, ".live tbody td:nth-child(4)")[0] == "9"


@needs_node
def test_the_distance_is_the_mean_of_what_is_between():
    told = ask("distance", guess=[0, 10, 100], measured=[5, 10, 60])
    assert told == {"apart": [5, 0, 40], "mean": 15, "worst": 2}


@pytest.mark.parametrize(
    "measured, given", [([0.1], {}), ([0.1, 1.2], {}), ([0.1, 0.2], {"other": [0.5]})]
)
def test_a_curve_that_is_no_curve_of_shares_is_refused(measured, given):
    with pytest.raises(ValueError, match="a share from 0 to 1 for each of 2 labels"):
        show.sketch(["a", "b"], measured, "mine", given=given)


def test_the_labels_are_shown_as_they_are():
    made = show.sketch(["<b>", "b"], [0.1, 0.2], "mine").data
    assert "<b>" not in made


# --- answers behind a button: _static/guess.js -------------------------------------------

TEXT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>guess</title>
<script src="guess.js"></script>
<section><p id="prompt">How many?</p><div class="guess"></div>
<div class="cell"><pre>42</pre></div><p id="fig-answer">It is 42.</p>
<div class="guess-end"></div><p id="after">After.</p></section>
<section><p>And now?</p><div class="guess"></div><p id="second">Seven.</p>
<div class="guess-end"></div></section><p><a href="#second">see</a></p>"""


@pytest.fixture(scope="module")
def guesses(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("guess")
    (folder / "page.html").write_text(TEXT, encoding="utf-8")
    still = TEXT.replace("<script", "<!-- <script").replace("</script>", "</script> -->")
    (folder / "still.html").write_text(still, encoding="utf-8")
    shutil.copy(ROOT / "_static" / "guess.js", folder)
    with served(folder) as address:
        yield address


def visible(page: Any) -> list[str]:
    found = ("#prompt", "pre", "#fig-answer", "#after", "#second")
    seen = "return document.querySelector(arguments[0]).checkVisibility()"
    return [name for name in found if page.execute_script(seen, name)]


def test_an_answer_waits_for_a_guess(browser, guesses):
    browser.get(f"{guesses}/page.html")
    assert visible(browser) == ["#prompt", "#after"]
    button, other = browser.find_elements("css selector", "button")
    assert button.text == other.text == "I have guessed"
    button.send_keys(" ")
    assert visible(browser) == ["#prompt", "pre", "#fig-answer", "#after"]
    assert "42" in browser.switch_to.active_element.text, "where a reader goes on"
    assert len(browser.find_elements("css selector", "button")) == 1


def test_without_javascript_everything_is_there(browser, guesses):
    browser.get(f"{guesses}/still.html")
    assert len(visible(browser)) == 5


def test_who_follows_a_link_to_an_answer_sees_it(browser, guesses):
    browser.get(f"{guesses}/page.html#fig-answer")
    assert visible(browser) == ["#prompt", "pre", "#fig-answer", "#after"]
    one(browser, "a").click()
    assert len(visible(browser)) == 5


def test_paper_shows_every_answer(browser, guesses):
    browser.get(f"{guesses}/page.html")
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert len(visible(browser)) == 5


def test_a_drawn_curve_opens_the_answer_that_follows(browser, guesses):
    browser.get(f"{guesses}/page.html")
    browser.execute_script(
        "const after = document.querySelector('#after');"
        "after.dispatchEvent(new CustomEvent('guessed', {bubbles: true}));"
    )
    assert visible(browser) == ["#prompt", "#after", "#second"]


def test_an_answer_behind_a_button_is_no_barrier(browser, guesses):
    browser.get(f"{guesses}/page.html")
    assert barriers(browser) == []
    one(browser, "button").click()
    assert barriers(browser) == []
