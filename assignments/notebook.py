"""The cells of a notebook, as far as grading needs them.

Nothing here runs a student's code.
"""

import ast
import json
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from types import CodeType

import nbformat

from assignments.jupyter import python_of
from assignments.registry import ASSIGNMENTS, exercises
from checks.cell import not_python

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
    edition: int = 1  # that its mark speaks of; 0 where it says something odd

    @cached_property
    def _read(self) -> tuple[str, ast.Module | None, str]:
        return _python_and_tree(self.source)

    @property
    def python(self) -> str:
        """Its code as IPython reads it."""
        return self._read[0]

    @property
    def tree(self) -> ast.Module | None:
        """Its code, read once; None where it is no Python, or is too long or too deep."""
        return self._read[1]

    @property
    def body(self) -> list[ast.stmt]:
        """Its statements."""
        return self.tree.body if self.tree else []

    @cached_property
    def _lines(self) -> list[bytes]:
        return [line.encode() for line in re.split("\r\n|\r|\n", self.python)]

    def text_of(self, node: ast.stmt) -> str:
        """One of its statements as it was written, decorators included."""
        (first, start), (last, end) = self._place(node)
        lines = self._lines[first : last + 1]
        lines[-1] = lines[-1][:end]
        lines[0] = lines[0][start:]
        return b"\n".join(lines).decode()

    def only(self, nodes: Collection[ast.stmt]) -> str:
        """Its code with these of its statements alone, each in its own lines."""
        left_out = [node for node in self.body if node not in nodes]
        if not left_out:
            return self.python
        lines = list(self._lines)
        for node in reversed(left_out):
            (first, start), (last, end) = self._place(node)
            kept = [lines[first][:start], *[b""] * (last - first)]
            kept[-1] += b"pass" + lines[last][end:]
            lines[first : last + 1] = kept
        return b"\n".join(lines).decode()

    def _place(self, node: ast.stmt) -> tuple[tuple[int, int], tuple[int, int]]:
        """Where a statement begins and ends: lines, and bytes in them."""
        first, start = node.lineno - 1, node.col_offset
        if decorators := getattr(node, "decorator_list", ()):
            first, start = decorators[0].lineno - 1, 0
            while first and not self._lines[first].lstrip().startswith(b"@"):
                first -= 1
        return (first, start), ((node.end_lineno or 1) - 1, node.end_col_offset or 0)

    @property
    def problem(self) -> str:
        """Why there is no tree, in one sentence; else empty."""
        return self._read[2]


def cells(data: bytes) -> list[Cell]:
    """The cells of a notebook.

    Raises:
        ValueError: the bytes are no notebook.
    """
    try:
        # UTF-8 with a mark or without, or UTF-16: whatever an editor has made of it.
        text = data.decode(json.detect_encoding(data))
        notebook = nbformat.reads(text, as_version=4)
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
        edition=_edition(metadata.get("edition", 1) if ours else 1),
    )


def _edition(said: object) -> int:
    return said if type(said) is int else 0


def wrong_assignment(found: Sequence[Cell], assignment: str) -> str:
    """A sentence if the notebook is of another assignment, else an empty string."""
    marks = {cell.grade_id.split("-")[0] for cell in found if "-" in cell.grade_id}
    prefixes = marks & {*ASSIGNMENTS}  # nbgrader and other courses leave marks, too
    if prefixes and assignment not in prefixes:
        return f"This is {', '.join(sorted(prefixes))}, not {assignment}."
    names = {name for e in exercises(assignment).values() for name in e.answers}
    if not prefixes and not any(names & defined(c) for c in found):
        return (
            f"This is not {assignment}: no cell has its marks, and none defines what it "
            "asks for."
        )
    return ""


def _python_and_tree(source: str) -> tuple[str, ast.Module | None, str]:
    """A cell's Python, its tree, and why there is none."""
    if len(source) > LONGEST:
        return source, None, f"Your cell is longer than {LONGEST} characters."
    try:
        try:
            return source, parsed(source), ""
        except (SyntaxError, ValueError):
            source = python_of(source)
            return source, parsed(source), ""
    except (RecursionError, MemoryError):  # CPython says MemoryError of many brackets
        return source, None, "Your cell is nested too deeply to be read."
    except (SyntaxError, ValueError) as error:
        return source, None, not_python(error) or f"Your cell is not Python: {error}."


def parsed(source: str) -> ast.Module:
    """The tree of some Python.

    Raises:
        SyntaxError, ValueError: it is no Python.
        RecursionError, MemoryError: it is too deep.
    """
    with _one_parser, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in strings
        return ast.parse(source)


def compiled(node: ast.stmt) -> CodeType:
    """The code of a statement, which is not run.

    Raises:
        SyntaxError, ValueError: it may not stand alone.
        RecursionError, MemoryError: it is too deep.
    """
    with _one_parser, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        return compile(ast.Module([node], []), "", "exec", flags, dont_inherit=True)


def defined(cell: Cell) -> set[str]:
    """The names that a cell defines at its top level."""
    return {name for node in cell.body for name in binds(node)}


def binds(node: ast.AST) -> set[str]:
    """The names that a statement gives a value, in whatever form, outside functions."""
    names: set[str] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {a.asname or a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.AnnAssign) and node.value is None:
            continue
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, ast.comprehension):  # its targets are its own
            waiting += [node.iter, *node.ifs]
        else:
            names |= {getattr(node, "name", None) or ""} - {""}  # of a pattern, an error
            waiting += ast.iter_child_nodes(node)
    return names
