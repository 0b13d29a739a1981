"""What every piece owes its readers, in every state: no barrier, and no text that jumps."""

from typing import Any

import pytest
from axe import barriers
from browsing import headless, unreadable
from touch import MODELS, PIECES, put_in, write

from seq2seq_lib.live import show

each = pytest.mark.parametrize("page", PIECES, indirect=True)
PHONE = 390

# What a reader may do to a piece: each leads to another state.
OPEN = "document.querySelectorAll('.live details').forEach((one) => (one.open = true))"
PRESS = "document.querySelectorAll('.live button').forEach((one) => one.click())"
RIGHT = """
  for (const one of document.querySelectorAll('.live input[type=range]')) {
    one.value = one.max; one.dispatchEvent(new Event('input'));
  }
  for (const one of document.querySelectorAll('.live select')) {
    one.selectedIndex = one.options.length - 1; one.dispatchEvent(new Event('change'));
  }
  for (const one of document.querySelectorAll('.live input[type=checkbox]')) one.click();
"""


def states(page: Any) -> Any:
    """The states of a piece, one after the other."""
    yield "at first"
    page.execute_script(RIGHT)
    page.execute_script(OPEN)
    yield "open and turned up"
    if page.find_elements("css selector", ".live input[type=number]"):
        put_in(page, ".live input[type=number]", 70)
    page.execute_script(PRESS)
    page.execute_script(OPEN)
    yield "pressed"
    if page.find_elements("css selector", ".live input[type=text], .live textarea"):
        write(page, "")
        yield "nothing typed"


@each
def test_no_state_of_a_piece_is_a_barrier(page):
    found = {}
    theme = "document.documentElement.dataset.theme = arguments[0]"
    for state in states(page):
        page.execute_script(theme, "dark")
        found[state, "dark"] = barriers(page, "color-contrast")
        page.execute_script(theme, "light")
        found[state, "light"] = barriers(page)
    assert {key: rules for key, rules in found.items() if rules} == {}


def test_a_barrier_would_be_found(open_piece, address_of):
    """A button without a name, grey words on white: what the tests above look for."""
    page = open_piece(address_of("gate"))
    assert barriers(page) == []
    page.execute_script(
        "document.querySelector('.live').insertAdjacentHTML('beforeend', "
        "'<button></button><p style=\"color: #ccc\">grey</p>')"
    )
    assert {rule.split(":")[0] for rule in barriers(page)} == {
        "button-name",
        "color-contrast",
    }


def shifts(browser: Any, address: str) -> tuple[float, float]:
    """How much of the page moved when its piece appeared, and how high the piece is."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{address}/page.html")
    ready = "return document.querySelector('.live-place')?.dataset.ready === 'true'"
    WebDriverWait(browser, 20).until(lambda b: b.execute_script(ready))
    return tuple(
        browser.execute_async_script(
            """
            const done = arguments[0];
            let moved = 0;
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries()) moved += entry.value;
            }).observe({ type: "layout-shift", buffered: true });
            setTimeout(() => {
              const place = document.querySelector(".live-place");
              const room = parseFloat(getComputedStyle(place).minHeight);
              place.style.minHeight = 0;
              done([moved, place.getBoundingClientRect().height - room]);
            }, 100);
            """
        )
    )


@pytest.mark.parametrize("name", PIECES)
def test_nothing_moves_when_a_piece_appears(browser, address_of, name):
    moved, over = shifts(browser, address_of(name))
    assert moved < 0.01 and over <= 0


@pytest.fixture(scope="module")
def phone() -> Any:
    with headless(PHONE, 844, phone=True) as opened:
        yield opened


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_fits_a_phone(phone, address_of, name):
    moved, over = shifts(phone, address_of(name))
    assert moved < 0.01 and over <= 0
    assert phone.execute_script("return document.documentElement.scrollWidth") == PHONE


@pytest.mark.parametrize("n", [24, 917_077_201])
def test_room_is_kept_for_what_a_page_shows_first(browser, phone, site, n):
    address = site(lambda: show.explorer(MODELS, ("additive", "fixed"), n))
    for window in (browser, phone):
        moved, over = shifts(window, address)
        assert moved < 0.01 and -130 < over <= 0


@pytest.mark.parametrize("name", PIECES)
def test_every_letter_can_be_read_on_a_phone(phone, address_of, name):
    shifts(phone, address_of(name))
    found = {state: unreadable(phone) for state in states(phone)}
    assert {state: letters for state, letters in found.items() if letters} == {}


def test_a_letter_that_cannot_be_read_would_be_found(phone, address_of):
    shifts(phone, address_of("gate"))
    phone.execute_script(
        "const [one, two] = document.querySelectorAll('.live-sketch text');"
        "one.style.fontSize = '6px'; two.setAttribute('x', 600);"
    )
    small, *away = unreadable(phone)
    assert "pixels" in small and all("leaves its drawing" in one for one in away)
