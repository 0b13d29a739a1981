"""The cells of a notebook, as far as grading needs them.

Nothing here runs a student's code.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import nbformat

from assignments.registry import exercises

LONGEST = 200_000  # characters of a cell; a longer one is not looked into
MOST_CODE = 2_000_000  # characters of all code cells

# Python 3.11 keeps the depth of the tree that it builds in one place for all threads: two
# that parse at once can stop each other with a SystemError (CPython issue 106905).
_one_parser = Lock()


@dataclass(frozen=True)
class Cell:
    """A code or markdown cell of a submission, as far as grading needs it."""

    kind: str
    source: str
    grade_id: str = ""
    is_test: bool = False
    id: str = ""

    @cached_property
    def tree(self) -> ast.Module | None:
        """Its code, read once; None where it is no Python, or is too long or too deep."""
        try:
            return parsed(self.source)
        except RecursionError:
            return None


def cells(data: bytes) -> list[Cell]:
    """The cells of a notebook.

    Raises:
        ValueError: the bytes are no notebook.
    """
    try:
        notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
        found = [_cell(cell) for cell in notebook.cells]
    except Exception:
        raise ValueError(
            "The file is not a notebook that can be read: its JSON is damaged. Open it in "
            "Jupyter, save it, and hand it in again."
        ) from None
    code = sum(len(cell.source) for cell in found if cell.kind == "code")
    if code > MOST_CODE:
        raise ValueError(
            f"The notebook holds {code} characters of code, and {MOST_CODE} are read at "
            "most; leave out what is no answer."
        )
    return found


def _cell(cell: nbformat.NotebookNode) -> Cell:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(map(str, source))
    metadata = cell.get("metadata", {})
    ours = metadata.get("nbgrader", {}) if isinstance(metadata, dict) else {}
    ours = ours if isinstance(ours, dict) else {}
    return Cell(
        kind=str(cell.get("cell_type", "")),
        source=str(source).replace("\x00", ""),
        grade_id=str(ours.get("grade_id", "")),
        is_test=bool(ours.get("grade")) and not ours.get("solution"),
        id=str(cell.get("id", "")),
    )


def wrong_assignment(found: Sequence[Cell], assignment: str) -> str:
    """A sentence if the notebook is of another assignment, else an empty string."""
    prefixes = {cell.grade_id.split("-")[0] for cell in found if "-" in cell.grade_id}
    if prefixes and assignment not in prefixes:
        return f"This is {', '.join(sorted(prefixes))}, not {assignment}."
    names = {name for e in exercises(assignment).values() for name in e.answers}
    if not prefixes and not any(names & defined(c) for c in found):
        return (
            f"This is not {assignment}: no cell has its marks, and none defines what it "
            "asks for."
        )
    return ""


def without_magics(source: str) -> str:
    """The source without lines that only Jupyter understands."""
    lines = (re.sub(r"^(\s*)[%!?].*", r"\1pass", line) for line in source.splitlines())
    return "\n".join(lines)


def parsed(source: str) -> ast.Module | None:
    """The tree of a cell; None where it is no Python, or too long.

    Raises:
        RecursionError: it is too deep.
    """
    if len(source) > LONGEST:
        return None
    try:
        with _one_parser:
            return ast.parse(without_magics(source))
    except MemoryError:  # what CPython says of many brackets
        raise RecursionError from None
    except (SyntaxError, ValueError):
        return None


def defined(cell: Cell) -> set[str]:
    """The names that a cell defines at its top level."""
    names = set()
    for node in cell.tree.body if cell.tree else []:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return names
