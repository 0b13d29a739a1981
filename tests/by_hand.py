"""What chapters build by hand, taken out of their tagged cells."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

CHAPTERS = Path(__file__).parents[1] / "chapters"


def code_cells(path: Path) -> list[tuple[str, list[str]]]:
    """Source and tags of every code cell but the one that fetches the library."""
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    found = [
        ("".join(cell["source"]), cell["metadata"].get("tags", []))
        for cell in cells
        if cell["cell_type"] == "code"
    ]
    return [(source, tags) for source, tags in found if "first-cell" not in tags]


def taught_names(path: Path) -> set[str]:
    """The functions and classes that the tagged cells of a chapter define."""
    return {
        node.name
        for source, tags in code_cells(path)
        if "taught" in tags
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


def run_taught(path: Path) -> dict[str, Any]:
    """Run a chapter's first code cell, its imports, and then its tagged cells alone."""
    namespace: dict[str, Any] = {"__name__": path.stem}
    for i, (source, tags) in enumerate(code_cells(path)):
        if i == 0 or "taught" in tags:
            exec(compile(source, f"{path.name}, code cell {i}", "exec"), namespace)
    return namespace


def chapter_path(number: str) -> Path:
    """The notebook of a chapter; skips where it is not written yet."""
    found = sorted(CHAPTERS.glob(f"{number}-*.ipynb"))
    if not found:
        pytest.skip(f"chapter {number} is not written yet")
    return found[0]
