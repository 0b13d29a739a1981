"""When a piece of a page begins, and what a page fetches until then."""

import time
from functools import partial
from typing import Any

import pytest
from IPython.display import HTML
from touch import MODELS, one, texts

from seq2seq_lib.live import show

NAMES = ("additive", "fixed")
READY = "return document.querySelector('.live-place').dataset.ready"


def far_below(**how: Any) -> HTML:
    """An explorer that nobody sees who does not scroll; a button is above it."""
    made = show.explorer(MODELS, NAMES, 914_327, **how).data
    return HTML(f'<button>before</button><div style="height: 9000px"></div>{made}')


@pytest.fixture(scope="module")
def waits(site: Any) -> str:
    return f"{site(far_below)}/page.html"


@pytest.fixture(scope="module")
def hurries(site: Any) -> str:
    return f"{site(partial(far_below, at_once=True))}/page.html"


def until(browser: Any, state: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 20).until(lambda b: b.execute_script(READY) == state)


def fetched(browser: Any) -> list[str]:
    """The weights that a page has asked for."""
    return browser.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        ".filter((name) => name.endsWith('.f16'))"
    )


def untouched(browser: Any, address: str) -> None:
    browser.get(address)
    until(browser, "waiting")
    time.sleep(0.5)  # what it asked for would come now


def test_no_model_is_fetched_until_a_reader_comes_near(browser, waits):
    untouched(browser, waits)
    assert fetched(browser) == []
    assert len(texts(browser, ".live-place td[lang=de]")) == 2, "the example stands there"
    browser.execute_script("scrollTo(0, 7600)")
    until(browser, "true")
    assert len(fetched(browser)) == 2 and len(texts(browser, ".live-said")) == 2


def test_a_keyboard_wakes_a_piece_and_goes_on_inside(browser, waits):
    from selenium.webdriver.common.keys import Keys

    untouched(browser, waits)
    one(browser, "button").send_keys(Keys.TAB)
    until(browser, "true")
    typed = one(browser, ".live input[type=text]")
    assert browser.switch_to.active_element == typed
    assert browser.execute_script("return document.querySelector('main').outerHTML").count(
        'tabindex="0"'
    ) == len(browser.find_elements("css selector", ".live-scroll")), "itself no longer"


def test_the_piece_of_the_first_page_is_there_at_once(browser, hurries):
    browser.get(hurries)
    until(browser, "true")
    assert len(fetched(browser)) == 2


def test_a_model_that_did_not_come_is_asked_for_again(browser, waits):
    untouched(browser, waits)
    browser.execute_script(
        "window.real = fetch;"
        "window.fetch = () => Promise.reject(new Error('no connection'));"
        "document.querySelector('.live-place').focus();"
    )
    until(browser, "failed")
    assert "no connection" in one(browser, ".live-wait").text
    browser.execute_script(
        "window.fetch = real; const place = document.querySelector('.live-place');"
        "place.blur(); place.focus();"
    )
    until(browser, "true")
