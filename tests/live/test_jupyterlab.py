"""A piece in a real JupyterLab: run by its kernel, then touched without it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from touch import one, texts, write

from seq2seq_lib.tasks.numbers import Numbers

ROOT = Path(__file__).parents[2]
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}

pytestmark = [pytest.mark.weekly, pytest.mark.timeout(600)]


def piece_of(notebook: Path) -> str:
    """The imports of a page and the cell that shows its explorer, as one cell."""
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    imports, *_ = [source for source in code if "import explorer" in source]
    (shown,) = [source for source in code if "\nexplorer(" in source]
    return f"{imports}\n{shown}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a notebook with the introduction's explorer, in JupyterLab."""
    pytest.importorskip("jupyterlab")
    home = tmp_path_factory.mktemp("lab")
    piece = new_code_cell(piece_of(ROOT / "intro.ipynb"))
    notebook = new_notebook(cells=[piece], metadata=KERNEL)
    nbformat.write(notebook, home / "piece.ipynb")
    port = free_port()
    own = {
        f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.root_dir={home}", f"--ServerApp.port={port}"]
    command += ["--IdentityProvider.token=here", "--LabApp.news_url="]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, env={**os.environ, **own}, stdout=log, stderr=log
        )
        base = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{base}/api", process, home / "log")
            yield f"{base}/lab/tree/piece.ipynb?token=here"
        finally:
            process.kill()
            process.wait()


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        try:
            urlopen(address, timeout=5).close()
            return
        except (URLError, OSError):
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
    pytest.fail(f"JupyterLab does not answer: {log.read_text()}")


def test_a_piece_runs_in_jupyterlab_and_answers_what_is_typed(browser: Any, lab: str):
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    def there(selector: str) -> list[Any]:
        return browser.find_elements("css selector", selector)

    def run(browser: Any) -> list[Any]:
        """Asks again where the notebook was not ready to be asked."""
        if not (found := there(".jp-OutputArea iframe")):
            with suppress(WebDriverException):
                there(".jp-Notebook .cm-content")[0].click()
                there(".jp-Notebook .cm-content")[0].send_keys(Keys.SHIFT, Keys.ENTER)
        return found

    browser.get(lab)
    idle = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
    WebDriverWait(browser, 120).until(lambda _: there(idle))
    WebDriverWait(browser, 120, poll_frequency=15).until(run)
    browser.switch_to.frame(one(browser, ".jp-OutputArea iframe"))
    WebDriverWait(browser, 60).until(lambda _: there(".live input[type=text]"))
    write(browser, "4871")
    said = [" ".join(text.split()) for text in texts(browser, ".live-said")]
    assert said[0] == " ".join(Numbers().example(4871).tgt)
    second = texts(browser, "button.live-word")[1]
    there("button.live-word")[1].click()
    assert texts(browser, ".live-chosen th") == [second]
    browser.switch_to.default_content()
