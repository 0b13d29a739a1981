"""A browser, and pages that hold one piece."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from browsing import headless, served
from touch import MODELS, PIECES

from seq2seq_lib.live.publish import publish
from seq2seq_lib.widgets import STATIC_VARIABLE

# The paper and the ink of the book's theme, and the width of its text.
LOOK = (
    '<meta name="viewport" content="width=device-width, initial-scale=1"><style>'
    "main { max-width: 46rem } html { font-family: sans-serif }"
    "html[data-theme=dark] { background: #14181e; color: #ced6dd }</style>"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Serves a piece as the book (page.html) and as a notebook (frame.html) hold it."""
    with ExitStack() as servers:

        def serve(make: Callable[[], Any], translators: Path | None = None) -> str:
            folder = tmp_path_factory.mktemp("site")
            publish(MODELS, folder / "live", translators)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(STATIC_VARIABLE, "1")
                built = make().data
                patch.delenv(STATIC_VARIABLE)
                framed = make().data
            for name, body in (("page", built), ("frame", framed)):
                text = (
                    '<!doctype html><html lang="en" data-content_root="./">'
                    f'<meta charset="utf-8"><title>{name}</title>{LOOK}<main>{body}'
                    "<p>What follows.</p></main>"
                )
                (folder / f"{name}.html").write_text(text, encoding="utf-8")
            return servers.enter_context(served(folder))

        yield serve


@pytest.fixture(scope="module")
def address_of(site: Callable[..., str]) -> Callable[[str], str]:
    """The address of the pages that hold a piece; made once for a file of tests."""
    return functools.cache(lambda name: site(PIECES[name]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with headless(1100, 1400) as opened:
        opened.set_script_timeout(120)
        yield opened


@pytest.fixture
def open_piece(browser: Any) -> Callable[[str], Any]:
    """Opens the page at an address and waits until its piece is alive."""
    from selenium.webdriver.support.ui import WebDriverWait

    def opened(address: str) -> Any:
        browser.get(f"{address}/page.html")
        ready = "return document.querySelector('.live-place')?.dataset.ready === 'true'"
        WebDriverWait(browser, 20).until(lambda b: b.execute_script(ready))
        return browser

    return opened


@pytest.fixture
def page(
    open_piece: Callable[..., Any], address_of: Callable[..., str], request: Any
) -> Any:
    """A page with the living piece that a test names."""
    return open_piece(address_of(request.param))
