"""Running notebooks, two at a time, and saying clearly where one broke."""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

CELL_TIMEOUT = 300  # seconds, the same in _config.yml and for nbval

# Notebooks that run at the same time. Each kernel has one thread (environment.THREADS), so
# two fill the cores of a laptop and leave it memory.
SIDE_BY_SIDE = max(1, min(2, os.cpu_count() or 1))

LOG_EVERY = 10.0  # seconds between two lines about one notebook

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PROGRESS = re.compile(r"\d+%\||\d+it \[|it/s|s/it|\?it")

say = partial(print, flush=True)


class _Client(NotebookClient):
    """Leaves signals to ``asyncio.run``, which cancels every notebook at Ctrl-C."""

    @asynccontextmanager
    async def async_setup_kernel(self, **kwargs: Any) -> AsyncGenerator[None, None]:
        self.create_kernel_manager()
        try:
            await self.async_start_new_kernel(**kwargs)
            await self.async_start_new_kernel_client()
            yield
        except BaseException:
            self.shutdown_kernel = "immediate"  # a busy kernel would keep us waiting
            raise
        finally:
            if self.km is not None:
                await self._async_cleanup_kernel()


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells; cell numbers in messages count these, from 1."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


async def _run(notebook: NotebookNode, name: str, folder: Path) -> str:
    """Execute every code cell in place; returns what went wrong, and in which cell."""
    cells = code_cells(notebook)
    position, trace, told = 0, "", time.monotonic()
    say(f"{name}: {len(cells)} cells")

    def begin(cell: NotebookNode, cell_index: int) -> None:
        nonlocal position, told
        position = sum(one.cell_type == "code" for one in notebook.cells[: cell_index + 1])
        if time.monotonic() - told >= LOG_EVERY:
            say(f"{name}: cell {position}/{len(cells)}")
            told = time.monotonic()

    client = _Client(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        # The times of cells would become part of what the cache compares.
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=begin,
    )
    try:
        await client.async_execute()
        return ""
    except CellExecutionError as error:
        reason = f"{error.ename}: {error.evalue}"
        trace = _ANSI.sub("", error.traceback).strip()
    except CellTimeoutError:
        reason = f"it ran longer than {CELL_TIMEOUT} seconds"
    except DeadKernelError:
        task = asyncio.current_task()
        if task and task.cancelling():  # nbclient takes this for a dead kernel
            raise asyncio.CancelledError from None
        reason = "its kernel died (out of memory, or the process was ended)"
    source = cells[position - 1].source.splitlines() if position else []
    shown = [f"{number:3d} | {line}" for number, line in enumerate(source, start=1)]
    shown += ["", *trace.splitlines()[-30:]] if trace else []
    where = f"{name}, code cell {position} of {len(cells)} failed: {reason}\n"
    return "\n".join([where, *(f"  {line}" for line in shown)])


def run_notebooks(
    waiting: Iterable[tuple[str, Path, NotebookNode]],
    keep: Callable[[str, NotebookNode, float], None],
) -> list[str]:
    """Execute notebooks in place, ``SIDE_BY_SIDE`` at a time.

    A notebook that fails is reported on standard error; the others go on.

    Args:
        waiting: of each its name in messages, its file, and its content.
        keep: called as soon as one has run, with its name, the executed notebook, and the
            seconds it took, the start of its kernel included.

    Returns:
        The names of those that failed.
    """
    failed: list[str] = []

    async def run_all() -> None:
        free = asyncio.Semaphore(SIDE_BY_SIDE)

        async def run(name: str, path: Path, notebook: NotebookNode) -> None:
            async with free:
                started = time.perf_counter()
                if failure := await _run(notebook, name, path.resolve().parent):
                    say(f"\n{failure}\n", file=sys.stderr)
                    failed.append(name)
                else:
                    keep(name, notebook, time.perf_counter() - started)

        await asyncio.gather(*(run(*each) for each in waiting))

    asyncio.run(run_all())
    return failed


def unexpected_stderr(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Cell numbers and lines that cells wrote to standard error, but progress bars.

    Pages do not show standard error, so a warning there would pass unseen.
    """
    return [
        (position, line.strip())
        for position, cell in enumerate(code_cells(notebook), start=1)
        for output in cell.outputs
        if output.get("name") == "stderr"
        for line in re.split(r"[\r\n]+", _ANSI.sub("", output.text))
        if line.strip() and not _PROGRESS.search(line)
    ]
