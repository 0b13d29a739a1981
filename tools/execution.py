"""Running one notebook from top to bottom, and saying clearly where it broke."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, Protocol

from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode
from tqdm import tqdm

_slot = 0  # the line of the terminal on which this process shows how far it is

CELL_TIMEOUT = 300  # seconds, the same in _config.yml and for nbval

# Notebooks that run at the same time. Each kernel has one thread (environment.THREADS), so
# two fill the cores of a laptop and leave it memory.
SIDE_BY_SIDE = max(1, min(2, os.cpu_count() or 1))

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PROGRESS = re.compile(r"\d+%\||\d+it \[|it/s|s/it|\?it")


class NotebookFailed(RuntimeError):
    """A cell raised, ran out of time, or took its kernel down."""


class Progress(Protocol):
    """Called before and after each code cell."""

    def start(self, position: int) -> None: ...

    def done(self, position: int) -> None: ...


class _Bar:
    """A progress bar over cells, for a terminal."""

    def __init__(self, name: str, total: int):
        self._bar = tqdm(
            total=total,
            position=_slot,
            desc=name,
            unit="cell",
            leave=False,
            bar_format="{desc}: {bar:20} cell {n_fmt}/{total_fmt}  {elapsed}",
        )

    def start(self, position: int) -> None:
        self._bar.refresh()

    def done(self, position: int) -> None:
        self._bar.update()

    def close(self) -> None:
        self._bar.close()


class _Lines:
    """A line now and then, for a log file."""

    def __init__(self, name: str, total: int, every: float = 10.0):
        self._name, self._total, self._every = name, total, every
        self._last = time.monotonic()
        print(f"{name}: {total} cells", flush=True)

    def start(self, position: int) -> None:
        pass

    def done(self, position: int) -> None:
        now = time.monotonic()
        if now - self._last >= self._every:
            print(f"{self._name}: cell {position}/{self._total}", flush=True)
            self._last = now

    def close(self) -> None:
        pass


@contextmanager
def _progress(name: str, total: int) -> Iterator[Progress]:
    shown = (_Bar if sys.stderr.isatty() else _Lines)(name, total)
    try:
        yield shown
    finally:
        shown.close()


def take_slot(slots: "SimpleQueue[int]", lock: Any) -> None:
    """Begin a process that runs notebooks beside others.

    Its bar has a line of its own, and Ctrl-C is for the process that began it to answer.
    """
    global _slot
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _slot = slots.get()
    tqdm.set_lock(lock)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells; cell numbers in messages count these, from 1."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run_notebook(notebook: NotebookNode, *, name: str, folder: Path) -> float:
    """Execute every code cell in place.

    Args:
        notebook: changed in place: outputs and execution counts are filled in.
        name: how to call it in messages.
        folder: the working directory of its kernel.

    Returns:
        The seconds it took, the start of the kernel included.

    Raises:
        NotebookFailed: names the notebook and the cell, with its source and error.
    """
    cells = code_cells(notebook)
    # Indices count every cell, positions only the code cells.
    positions = {
        index: sum(cell.cell_type == "code" for cell in notebook.cells[: index + 1])
        for index in range(len(notebook.cells))
    }
    current = 0
    started = time.perf_counter()
    with _progress(name, len(cells)) as progress:

        def on_cell_execute(cell: NotebookNode, cell_index: int) -> None:
            nonlocal current
            current = positions[cell_index]
            progress.start(current)

        def on_cell_executed(
            cell: NotebookNode, cell_index: int, execute_reply: dict
        ) -> None:
            progress.done(positions[cell_index])

        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            # The times of cells would become part of what the cache compares.
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            on_cell_execute=on_cell_execute,
            on_cell_executed=on_cell_executed,
        )
        try:
            client.execute()
        except CellExecutionError as error:
            reason = f"{error.ename}: {error.evalue}"
            trace = _ANSI.sub("", error.traceback)
            raise NotebookFailed(
                _report(name, current, len(cells), cells, reason, trace)
            ) from None
        except CellTimeoutError:
            reason = f"it ran longer than {CELL_TIMEOUT} seconds"
            raise NotebookFailed(
                _report(name, current, len(cells), cells, reason)
            ) from None
        except DeadKernelError:
            reason = "its kernel died (out of memory, or the process was ended)"
            raise NotebookFailed(
                _report(name, current, len(cells), cells, reason)
            ) from None
    return time.perf_counter() - started


def _report(
    name: str,
    position: int,
    total: int,
    cells: list[NotebookNode],
    reason: str,
    trace: str = "",
) -> str:
    source = cells[position - 1].source if position else ""
    numbered = "\n".join(
        f"  {number:3d} | {line}"
        for number, line in enumerate(source.splitlines(), start=1)
    )
    message = f"{name}, code cell {position} of {total} failed: {reason}\n\n{numbered}"
    if trace:
        tail = "\n".join(f"  {line}" for line in trace.strip().splitlines()[-30:])
        message += f"\n\n{tail}"
    return message


def unexpected_stderr(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Lines that cells wrote to standard error and that are no progress bar.

    Pages do not show standard error, so a warning there would pass unseen.

    Returns:
        Pairs of cell number and line.
    """
    found = []
    for position, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                for line in re.split(r"[\r\n]+", _ANSI.sub("", output.text)):
                    if line.strip() and not _PROGRESS.search(line):
                        found.append((position, line.strip()))
    return found
