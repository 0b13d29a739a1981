"""How the built pages look, weigh and can be reached, in a real browser.

Needs `make book`, and Chromium or Chrome. Pictures of key pages are left in
_build/screenshots, for eyes.
"""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe import barriers
from browsing import SMALLEST_LABEL, headless, served, show, unreadable

from tools import contents

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    page.relative_to(ROOT).with_suffix(".html").as_posix() for page in contents.pages(ROOT)
]
EVERY = [*PAGES, "search.html", "404.html"]
PHONE, DESKTOP = (390, 844), (1400, 900)  # pixels
HEAVIEST = 2_000_000  # bytes that a page asks for when nothing is in the cache
KEY_PAGES = ("intro", "chapters/07-attention-from-scratch", "chapters/11-the-evidence")

pytestmark = [pytest.mark.book, pytest.mark.browser]


@pytest.fixture(scope="module")
def desktop() -> Iterator[Any]:
    with headless(*DESKTOP) as opened:
        opened.set_script_timeout(120)
        yield opened


@pytest.fixture(scope="module")
def phone() -> Iterator[Any]:
    with headless(*PHONE, phone=True) as opened:
        yield opened


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("page", EVERY)
def test_no_page_has_a_serious_barrier(
    desktop: Any, address: str, page: str, mode: str
) -> None:
    show(desktop, f"{address}/{page}", mode)
    assert barriers(desktop) == []


def begin_all(browser: Any) -> None:
    """Wait for the pieces of a page, those too that wait for a reader to come near."""
    browser.execute_script(
        "for (const place of document.querySelectorAll('.live-place')) place.focus();"
    )
    begun = (
        "return [...document.querySelectorAll('.live-place')]"
        ".every((place) => place.dataset.ready === 'true')"
    )
    for _ in range(200):
        if browser.execute_script(begun):
            return
        time.sleep(0.1)
    pytest.fail("a piece of the page has not begun")


@pytest.mark.parametrize("page", PAGES)
def test_labels_can_be_read_on_a_phone(phone: Any, address: str, page: str) -> None:
    show(phone, f"{address}/{page}")
    sizes = phone.execute_script(
        """
        // Matplotlib's letters are drawn 100 units high and then scaled.
        return [...document.querySelectorAll('svg.drawing g[transform*="scale(0."]')]
          .filter(tag => tag.querySelector('use') && tag.getBoundingClientRect().width)
          .map(tag => tag.getScreenCTM())
          .map(matrix => 100 * Math.hypot(matrix.a, matrix.b));
        """
    )
    drawn = phone.execute_script(
        "return [...document.querySelectorAll('svg.drawing')]"
        ".filter(tag => tag.getBoundingClientRect().width).length"
    )
    assert len(sizes) >= 3 * drawn
    # The width of a drawing is a whole number of pixels.
    assert [size for size in sizes if size < SMALLEST_LABEL - 0.05] == []
    begin_all(phone)
    assert unreadable(phone) == []


@pytest.mark.parametrize("page", PAGES)
def test_what_is_too_wide_says_that_it_scrolls(phone: Any, address: str, page: str) -> None:
    show(phone, f"{address}/{page}")
    silent = phone.execute_script(
        """
        const frames = '.pst-scrollable-table-container, .drawing-frame';
        return [...document.querySelectorAll(frames)]
          .filter(frame => frame.scrollWidth > frame.clientWidth + 1)
          .filter(frame => frame.tabIndex !== 0 || !frame.getAttribute('aria-label')
            || !frame.previousElementSibling?.matches('.scroll-hint'))
          .map(frame => frame.outerHTML.slice(0, 120));
        """
    )
    assert silent == []


@pytest.mark.parametrize("page", PAGES)
def test_drawings_follow_the_dark(phone: Any, address: str, page: str) -> None:
    show(phone, f"{address}/{page}", "dark")
    inks = phone.execute_script(
        "return [...document.querySelectorAll('article svg.drawing')]"
        ".map(tag => getComputedStyle(tag).fill.match(/[0-9]+/g).map(Number));"
    )
    assert all(min(ink) > 200 for ink in inks), inks
    captions = phone.execute_script(
        """
        return [...document.querySelectorAll('figcaption p, .pasted-text')]
          .filter(tag => !tag.closest('strong, b, th'))
          .map(tag => getComputedStyle(tag).fontWeight);
        """
    )
    assert set(captions) <= {"400"}


def requests(browser: Any, url: str) -> tuple[list[str], int]:
    """What goes wrong or abroad when a page is opened for the first time; its weight.

    Nobody touches or scrolls it: what a reader asks for is not part of its weight.
    """
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    browser.get_log("browser")
    try:
        browser.get(url)
        time.sleep(1)  # what scripts ask for
        begun = "return !document.querySelector('.live-place[data-ready=starting]')"
        for _ in range(100):
            if browser.execute_script(begun):
                break
            time.sleep(0.1)
        loaded = browser.execute_script(
            "return ['navigation', 'resource'].flatMap((kind) =>"
            " performance.getEntriesByType(kind)).map((entry) => entry.toJSON())"
        )
        # A missing icon is told in the console alone.
        told = [entry["message"] for entry in browser.get_log("browser")]
    finally:
        browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
    here = urlsplit(url).netloc
    wrong = [line for line in told if "Failed to load resource" in line]
    wrong += [
        f"another host: {entry['name']}"
        for entry in loaded
        if urlsplit(entry["name"]).netloc not in ("", here)
    ]
    return wrong, sum(entry["transferSize"] for entry in loaded)


# The page for addresses that lead nowhere is shown at any of them, so it asks from the root
# of the site, which is another one here.
@pytest.mark.parametrize("page", ["index.html", *EVERY[:-1]])
def test_a_page_asks_for_little_and_gets_it(desktop: Any, address: str, page: str) -> None:
    wrong, weight = requests(desktop, f"{address}/{page}")
    assert wrong == []
    assert 20_000 < weight <= HEAVIEST


@pytest.mark.parametrize("page", ["intro", "chapters/08-additive-attention"])
def test_without_javascript_examples_and_answers_stand_there(
    address: str, page: str
) -> None:
    with headless(*DESKTOP) as still:
        off = {"value": True}
        still.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", off)
        still.get(f"{address}/{page}.html")
        places = still.find_elements("css selector", ".live-place")
        assert places and not still.find_elements("css selector", ".live, .guess-button")
        for place in places:
            assert (
                place.is_displayed()
                and "With JavaScript" in place.text
                or ("that takes JavaScript" in place.text)
            )
        table = still.find_element("css selector", "[data-piece=explorer] table")
        assert table.is_displayed() and "fixed context" in table.text
        figures = still.find_elements("css selector", "article figure svg.drawing")
        assert figures and all(figure.is_displayed() for figure in figures)
        answers = still.find_elements("css selector", ".guess + *")
        assert answers and all(answer.is_displayed() for answer in answers)


def test_a_request_that_fails_is_found(desktop: Any, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<link rel=icon href=data:,><img src=no.png>")
    with served(tmp_path) as here:
        (wrong,), _ = requests(desktop, f"{here}/page.html")
        assert f"{here}/no.png" in wrong
        (wrong,), _ = requests(desktop, f"{here}/page.html?again")
    assert "404" in wrong


def test_the_first_visit_takes_the_mode_of_the_readers_system(
    desktop: Any, address: str
) -> None:
    desktop.get(f"{address}/search.html")
    desktop.execute_script("localStorage.clear()")
    for mode in ("dark", "light"):
        feature = {"name": "prefers-color-scheme", "value": mode}
        desktop.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        desktop.get(f"{address}/{PAGES[0]}")
        script = "return document.documentElement.dataset.theme"
        assert desktop.execute_script(script) == mode
    desktop.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_title_of_a_solution_opens_it(desktop: Any, address: str) -> None:
    show(desktop, f"{address}/chapters/07-attention-from-scratch.html")
    states = desktop.execute_script(
        """
        const solution = document.querySelector('.solution.dropdown');
        const inside = solution.querySelector('.cell, p:not(.admonition-title)');
        const seen = () => getComputedStyle(inside).visibility === 'visible'
          && inside.getBoundingClientRect().height > 1;
        const before = seen();
        solution.querySelector('.admonition-title').click();
        return [before, seen(), location.hash];
        """
    )
    assert states == [False, True, ""]


def test_search_finds_sections(desktop: Any, address: str) -> None:
    desktop.get(f"{address}/search.html?q=padding+softmax")
    links: list[str] = []
    for _ in range(100):
        links = desktop.execute_script(
            "return [...document.querySelectorAll('.search-sections a')].map(a => a.href)"
        )
        if links:
            break
        time.sleep(0.1)
    assert links and all("#" in link for link in links)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("page", KEY_PAGES)
def test_pictures_are_left_for_eyes(
    phone: Any, desktop: Any, address: str, page: str, mode: str
) -> None:
    folder = ROOT / "_build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for name, browser in (("phone", phone), ("desktop", desktop)):
        show(browser, f"{address}/{page}.html", mode)
        size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        height = min(size["height"], 8000)
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1}
        options = {"captureBeyondViewport": True, "clip": clip}
        taken = browser.execute_cdp_cmd("Page.captureScreenshot", options)["data"]
        path = folder / f"{page.replace('/', '-')}-{name}-{mode}.png"
        path.write_bytes(base64.b64decode(taken))
        assert path.stat().st_size > 20_000
