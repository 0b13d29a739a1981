"""A student's notebook, run in a real kernel beside the checks, as at a desk."""

import asyncio
import shutil
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from assignments import registry

AT_A_TIME = 2  # kernels
# A cell with one of these trains, or makes what is trained on, and is left out; what hangs
# on it fails, as for a student who has not run it.
LONG = ("make_splits", "train_dates", "fit(")


class _ThisPython(KernelSpecManager):
    """The kernel of the Python that runs the tests, wherever others are installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())


class _Kernel(AsyncKernelManager):
    def __init__(self, **more: Any) -> None:
        super().__init__(kernel_spec_manager=_ThisPython(), **more)


@dataclass(frozen=True)
class Told:
    """What a check has told."""

    text: str  # as the student reads it

    @property
    def failed(self) -> list[str]:
        """The criteria that do not hold."""
        return [row[4:] for row in self.text.split("\n") if row.startswith("  ✗ ")]

    @property
    def reasons(self) -> list[str]:
        """Why, each reason once."""
        return [row[4:] for row in self.text.split("\n") if row.startswith("    ")]


def checked(
    notebooks: Sequence[nbformat.NotebookNode],
    assignment: str,
    keys: Set[str],
    folder: Path,
) -> list[dict[str, Told]]:
    """Run notebooks from top to bottom; what each check said, by its exercise.

    Args:
        notebooks: as they are handed in.
        assignment: A1 to A4.
        keys: the exercises whose checks are run.
        folder: where the notebooks and the checks are.
    """
    for path in registry.public_files(assignment):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, folder / path.name)
    left_out = {f"{assignment}-{key}-test" for key in registry.exercises(assignment)}
    left_out -= {f"{assignment}-{key}-test" for key in keys}
    kept = [_short(notebook, left_out) for notebook in notebooks]
    asyncio.run(_all(kept, folder))
    return [_told(notebook, assignment) for notebook in kept]


def _short(notebook: nbformat.NotebookNode, left_out: Set[str]) -> nbformat.NotebookNode:
    """A copy without the cells that take long."""
    kept = []
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if mark not in left_out and (mark or not any(w in cell.source for w in LONG)):
            kept.append(cell)
    return nbformat.from_dict({**notebook, "cells": kept})


async def _all(notebooks: Sequence[nbformat.NotebookNode], folder: Path) -> None:
    free = asyncio.Semaphore(AT_A_TIME)
    await asyncio.gather(*(_run(notebook, folder, free) for notebook in notebooks))


async def _run(
    notebook: nbformat.NotebookNode, folder: Path, free: asyncio.Semaphore
) -> None:
    """Run a notebook in a kernel of its own; outputs are put into it."""
    client = NotebookClient(
        notebook,
        timeout=300,
        allow_errors=True,
        kernel_manager_class=_Kernel,
        resources={"metadata": {"path": str(folder)}},
    )
    async with free:
        await client.async_execute()


def _told(notebook: nbformat.NotebookNode, assignment: str) -> dict[str, Told]:
    found = {}
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if mark.endswith("-test"):
            key = mark.removeprefix(f"{assignment}-").removesuffix("-test")
            found[key] = Told(_shown(cell))
    return found


def _shown(cell: Any) -> str:
    """What is shown under a cell: its value, or its error."""
    parts = [
        output.get("data", {}).get("text/plain", "") or output.get("evalue", "")
        for output in cell.get("outputs", [])
        if output.output_type in ("execute_result", "error")
    ]
    return "\n".join(parts)
