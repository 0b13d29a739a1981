"""The built pages in a real browser. Needs `make book` and Chromium or Chrome."""

import functools
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools import contents

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    page.relative_to(ROOT).with_suffix(".html").as_posix() for page in contents.pages(ROOT)
]
PHONE = 390  # pixels

pytestmark = [pytest.mark.book, pytest.mark.browser]

# The theme's own noise; everything else in the console is ours.
ALLOWED = ("THEBE_JS_URL' has already been declared", "Got invalid theme mode")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(html: Path) -> Iterator[str]:
    """The address at which the built pages are served."""
    handler = functools.partial(_Quiet, directory=str(html))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless browser, as wide as a phone."""
    selenium = pytest.importorskip("selenium.webdriver")
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        missing = "browser" if binary is None else "chromedriver"
        pytest.skip(
            f"no {missing}: install chromium and chromium-driver to check the pages"
        )
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    # A window cannot be made as narrow as a phone; an emulated screen can.
    screen = {"width": PHONE, "height": 844, "pixelRatio": 1}
    options.add_experimental_option("mobileEmulation", {"deviceMetrics": screen})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(driver)
    opened = selenium.Chrome(options=options, service=service)
    opened.set_page_load_timeout(60)
    try:
        yield opened
    finally:
        opened.quit()


def show(browser: Any, url: str, mode: str = "light") -> None:
    """Open a page in a colour mode and wait until its formulas are set."""
    browser.get(url)
    browser.execute_script(
        "localStorage.setItem('mode', arguments[0]);"
        "localStorage.setItem('theme', arguments[0]);",
        mode,
    )
    browser.get_log("browser")
    browser.get(url)
    browser.execute_async_script(
        "const done = arguments[0];"
        "const ready = window.MathJax?.startup?.promise ?? Promise.resolve();"
        "ready.then(() => requestAnimationFrame(() => done()));"
    )


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
