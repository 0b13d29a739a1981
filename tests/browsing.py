"""Folders that are served, and a browser without a window that looks at them."""

import functools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SMALLEST_LABEL = 10  # pixels
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class _Quiet(SimpleHTTPRequestHandler):
    # Some systems do not know that a module is a script.
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which the files of a folder are served."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def headless(width: int, height: int, phone: bool = False) -> Iterator[Any]:
    """A browser of that many pixels; skips the test where there is none."""
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
    options.add_argument(f"--window-size={width},{height}")
    if phone:  # a window cannot be made as narrow as a phone; an emulated screen can
        screen = {"width": width, "height": height, "pixelRatio": 1}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": screen})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    opened.set_page_load_timeout(60)
    try:
        yield opened
    finally:
        opened.quit()


def show(browser: Any, url: str, mode: str = "light") -> None:
    """Open a page in one of the theme's modes and wait until its formulas are set.

    What the console said before is forgotten, and no colour is on its way to another.
    """
    browser.get(url)
    browser.execute_script(
        "localStorage.setItem('mode', arguments[0]);"
        "localStorage.setItem('theme', arguments[0]);",
        mode,
    )
    browser.get_log("browser")
    browser.get(url)
    browser.execute_script(
        "const still = document.createElement('style');"
        "still.textContent = '*, ::before, ::after { transition: none !important }';"
        "document.head.append(still);"
    )
    browser.execute_async_script(
        "const done = arguments[0];"
        "const ready = window.MathJax?.startup?.promise ?? Promise.resolve();"
        "ready.then(() => requestAnimationFrame(() => requestAnimationFrame(done)));"
    )


def unreadable(browser: Any) -> list[str]:
    """Letters of the pieces of a page that are too small, or leave their drawing."""
    return browser.execute_script(
        """
        const seen = (tag) => tag.getBoundingClientRect().width > 1;
        const found = [];
        for (const tag of [...document.querySelectorAll('.live svg text')].filter(seen)) {
          const { a, b } = tag.getScreenCTM();
          const size = Math.hypot(a, b) * parseFloat(getComputedStyle(tag).fontSize);
          const [word, paper] = [tag, tag.ownerSVGElement].map((one) =>
            one.getBoundingClientRect());
          if (size < arguments[0]) found.push(`${tag.textContent}: ${size} pixels`);
          if (word.left < paper.left - 1 || word.right > paper.right + 1
              || word.top < paper.top - 1 || word.bottom > paper.bottom + 1)
            found.push(`${tag.textContent} leaves its drawing`);
        }
        const told = [...document.querySelectorAll('.live *')].filter((tag) => seen(tag) &&
          !tag.closest('svg') && [...tag.childNodes].some((one) =>
            one.nodeType === Node.TEXT_NODE && one.data.trim()));
        for (const tag of told) {
          const size = parseFloat(getComputedStyle(tag).fontSize);
          if (size < arguments[0]) found.push(`${tag.textContent}: ${size} pixels`);
        }
        return found;
        """,
        SMALLEST_LABEL,
    )
