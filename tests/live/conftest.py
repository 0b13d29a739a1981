"""A browser, and pages that hold one piece."""

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seq2seq_lib.live.publish import publish
from seq2seq_lib.widgets import STATIC_VARIABLE

MODELS = Path(__file__).parents[2] / "results" / "live"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Serves a piece as the book (page.html) and as a notebook (frame.html) hold it."""
    servers = []

    def serve(make: Callable[[], Any]) -> str:
        folder = tmp_path_factory.mktemp("site")
        publish(MODELS, folder / "live")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(STATIC_VARIABLE, "1")
            built = make().data
            patch.delenv(STATIC_VARIABLE)
            framed = make().data
        for name, body in (("page", built), ("frame", framed)):
            text = (
                f'<!doctype html><html data-content_root="./"><meta charset="utf-8">{body}'
            )
            (folder / f"{name}.html").write_text(text, encoding="utf-8")
        handler = functools.partial(_Quiet, directory=str(folder))
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver")
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no browser: install chromium and chromium-driver to check the pages")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1100,1400")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    try:
        yield opened
    finally:
        opened.quit()


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
