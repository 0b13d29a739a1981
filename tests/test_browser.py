"""The built pages in a real browser. Needs `make book` and Chromium or Chrome."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import headless, show

from tools import contents

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    page.relative_to(ROOT).with_suffix(".html").as_posix() for page in contents.pages(ROOT)
]
PHONE = 390  # pixels

pytestmark = [pytest.mark.book, pytest.mark.browser]

# The theme's own noise; everything else in the console is ours.
ALLOWED = ("THEBE_JS_URL' has already been declared", "Got invalid theme mode")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless browser, as wide as a phone."""
    with headless(PHONE, 844, phone=True) as opened:
        yield opened


def complaints(browser: Any) -> list[str]:
    """Errors in the console that are not the theme's own."""
    return [
        entry["message"]
        for entry in browser.get_log("browser")
        if entry["level"] == "SEVERE"
        and not any(one in entry["message"] for one in ALLOWED)
        # Buttons for Binder and Colab, and badges, may point to the web.
        and "net::ERR_NAME_NOT_RESOLVED" not in entry["message"]
        and "net::ERR_INTERNET_DISCONNECTED" not in entry["message"]
    ]


@pytest.mark.parametrize("page", PAGES)
def test_the_console_is_quiet(browser: Any, address: str, page: str) -> None:
    show(browser, f"{address}/{page}")
    assert complaints(browser) == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_wider_than_a_phone(browser: Any, address: str, page: str) -> None:
    show(browser, f"{address}/{page}")
    width = browser.execute_script("return document.documentElement.scrollWidth")
    culprits = browser.execute_script(
        """
        return [...document.querySelectorAll('article *')].filter(tag => {
          const box = tag.getBoundingClientRect();
          if (box.width === 0 || box.right <= arguments[0] + 1) return false;
          // What scrolls inside the article is fine; the article itself must not.
          for (let up = tag; !up.matches('article'); up = up.parentElement)
            if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(up).overflowX))
              return false;
          return true;
        }).slice(0, 5).map(tag => tag.outerHTML.slice(0, 120));
        """,
        PHONE,
    )
    assert (width, culprits) == (PHONE, [])


@pytest.mark.parametrize("page", PAGES)
def test_every_page_can_be_read_in_the_dark(browser: Any, address: str, page: str) -> None:
    show(browser, f"{address}/{page}", mode="dark")
    assert browser.execute_script("return document.documentElement.dataset.theme") == "dark"
    paper, ink = (
        browser.execute_script(
            "const style = getComputedStyle(document.querySelector(arguments[0]));"
            "return style[arguments[1]].match(/[0-9.]+/g).slice(0, 3).map(Number);",
            selector,
            colour,
        )
        for selector, colour in (("body", "backgroundColor"), ("article h1", "color"))
    )
    assert sum(ink) - sum(paper) > 300, (ink, paper)
    # Figures keep their white paper: black axes on a dark page could not be seen.
    figures = browser.execute_script(
        """
        const figures = 'article .cell_output img, article figure img';
        return [...document.querySelectorAll(figures)]
          .map(tag => getComputedStyle(tag))
          .map(style => [style.backgroundColor, style.filter]);
        """
    )
    assert all(figure == ["rgb(255, 255, 255)", "none"] for figure in figures), figures


@pytest.mark.parametrize("page", PAGES)
def test_formulas_are_set(browser: Any, address: str, page: str) -> None:
    show(browser, f"{address}/{page}")
    raw, errors = browser.execute_script(
        """
        return [
          [...document.querySelectorAll('article .math')]
            .filter(tag => !tag.querySelector('mjx-container')).length,
          [...document.querySelectorAll('article mjx-merror')].map(tag => tag.textContent),
        ];
        """
    )
    assert (raw, errors) == (0, [])
