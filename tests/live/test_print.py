"""A piece on paper: what it shows, without its controls and without empty room."""

from pathlib import Path
from typing import Any

import pytest
from touch import MODELS, PIECES, texts

from seq2seq_lib.live.publish import publish
from seq2seq_lib.widgets import STATIC_VARIABLE

CSS = Path(__file__).parents[2] / "_static" / "custom.css"
each = pytest.mark.parametrize("page", PIECES, indirect=True)


def on_paper(browser: Any) -> tuple[list[str], float]:
    """The controls that are seen on paper, and how much room below a piece is empty."""
    browser.execute_script(
        "const style = document.createElement('style'); style.textContent = arguments[0];"
        "document.head.append(style);",
        CSS.read_text(encoding="utf-8"),
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        return browser.execute_script(
            """
            const place = document.querySelector('.live-place');
            const seen = (one) => one.getClientRects().length > 0;
            const controls = [...place.querySelectorAll(
              'input, select, textarea, button:not(.live-word), label:not(th label)')];
            const ends = [...place.querySelectorAll('*')].filter(seen)
              .map((one) => one.getBoundingClientRect().bottom);
            const low = Math.max(place.getBoundingClientRect().top, ...ends);
            return [controls.filter(seen).map((one) => one.outerHTML.slice(0, 80)),
              place.getBoundingClientRect().bottom - low];
            """
        )
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@each
def test_a_piece_has_no_controls_and_no_empty_room(page):
    controls, empty = on_paper(page)
    assert controls == [] and empty < 60
    line = (
        "return getComputedStyle(document.querySelector('.live-place'), '::after').content"
    )
    assert page.execute_script(line) == "none", "a screen has no such line"


@pytest.mark.parametrize("page", ["explorer"], indirect=True)
def test_what_was_written_stays_on_paper(page):
    before = texts(page, ".live-said")
    on_paper(page)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert texts(page, ".live-said") == before
        line = "return getComputedStyle(document.querySelector('.live-place'), '::after')"
        assert "can be tried" in page.execute_script(f"{line}.content")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("name", ["explorer", "links"])
def test_a_page_from_a_disk_asks_for_no_server_on_paper(
    browser, tmp_path, monkeypatch, name
):
    from selenium.webdriver.support.ui import WebDriverWait

    monkeypatch.setenv(STATIC_VARIABLE, "1")
    made = PIECES[name]().data
    text = f"<!doctype html><meta charset='utf-8'><main>{made}</main>"
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    publish(MODELS, tmp_path / "live")
    browser.get((tmp_path / "page.html").as_uri())
    told = WebDriverWait(browser, 20)
    told.until(lambda b: "http.server" in texts(b, ".live-wait")[0])
    _, empty = on_paper(browser)
    assert empty < 60
    seen = "return document.querySelector('.live-wait').getClientRects().length"
    assert browser.execute_script(seen) > 0, "on a screen it is told"
