"""Find what students handed in, and the cell that answers each exercise.

Nothing here runs a student's code. A submission is found by its file, an answer by its
cell's id or, where that is lost, by the names that it defines.
"""

import ast
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import nbformat

from assignments.registry import exercises
from checks.exercise import Exercise

LARGEST = 20 << 20  # bytes of a notebook
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
            return _parsed(self.source)
        except RecursionError:
            return None


@dataclass(frozen=True)
class Submission:
    """What one student handed in."""

    student: str  # the name of the file or folder
    data: bytes = b""  # the notebook's
    problem: str = ""  # why nothing in it can be graded


@dataclass(frozen=True)
class Answer:
    """The code that answers one exercise."""

    source: str = ""  # the answer's cell
    others: tuple[str, ...] = ()  # definitions in the student's other cells
    problem: str = ""  # why there is nothing to run
    note: str = ""  # what the student should know about how the cell was found


def find(folder: Path, assignment: str) -> list[Submission]:
    """Every submission in ``folder``, sorted by student.

    Each entry is one student: ``NAME.ipynb``, or a folder ``NAME`` with one notebook, also
    as nbgrader lays it out, ``NAME/A3/A3.ipynb``.

    Raises:
        ValueError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}; give the one with the submissions.")
    entries: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if not path.name.startswith((".", "__MACOSX")):
            name = path.stem if path.suffix == ".ipynb" else path.name
            entries.setdefault(name, []).append(path)
    if not entries:
        raise ValueError(
            f"There is no submission in {folder}: put one notebook, or one folder with a "
            "notebook, for each student there."
        )
    return [_of_student(name, paths, assignment) for name, paths in entries.items()]


def _of_student(name: str, paths: Sequence[Path], assignment: str) -> Submission:
    if len(paths) > 1:
        names = " and ".join(path.name for path in paths)
        return Submission(
            name, problem=f"There are two submissions, {names}; keep the one that counts."
        )
    (path,) = paths
    try:
        if path.is_dir() and not path.is_symlink():
            path = _notebook_in(path, assignment)
        return Submission(name, _read(path))
    except ValueError as error:
        return Submission(name, problem=str(error))
    except OSError as error:
        return Submission(name, problem=f"It cannot be read: {error.strerror}.")


def _notebook_in(folder: Path, assignment: str) -> Path:
    found = []
    for place, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [f for f in folders if not f.startswith((".", "__MACOSX"))]
        found += [Path(place, f) for f in files if f.endswith(".ipynb") and f[0] != "."]
    named = [path for path in found if path.stem.lower() == assignment.lower()]
    if len(named) == 1:
        found = named
    if not found:
        raise ValueError("There is no notebook in the folder.")
    if len(found) > 1:
        names = ", ".join(sorted(str(path.relative_to(folder)) for path in found))
        raise ValueError(f"There are several notebooks, {names}; keep the one that counts.")
    return found[0]


def _read(path: Path) -> bytes:
    """The bytes of an ordinary file of a sensible size; follows no link."""
    if path.is_symlink():
        raise ValueError(f"{path.name} is a link; hand in the notebook itself.")
    if not stat.S_ISREG(path.lstat().st_mode) or path.suffix != ".ipynb":
        raise ValueError(f"{path.name} is not a notebook (.ipynb).")
    if path.stat().st_size > LARGEST:
        raise ValueError(
            f"{path.name} is larger than {LARGEST >> 20} MB; clear its outputs and hand it "
            "in again."
        )
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read(LARGEST + 1)


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
    if not prefixes and not any(names & _defined(c) for c in found):
        return (
            f"This is not {assignment}: no cell has its marks, and none defines what it "
            "asks for."
        )
    return ""


def answer(found: Sequence[Cell], assignment: str, exercise: Exercise) -> Answer:
    """The code that answers ``exercise``, wherever it stands in the notebook."""
    wanted = set(exercise.answers)
    code = [c for c in found if c.kind == "code" and not c.is_test]
    marked = [c for c in code if c.grade_id == f"{assignment}-{exercise.key}"]
    defining = [c for c in marked if wanted <= _defined(c)]
    elsewhere = [c for c in code if wanted <= _defined(c)]
    note = ""
    if defining:
        chosen = defining[-1]
        if len(marked) > 1:
            note = f"{len(marked)} cells carry this exercise's mark; the last was graded."
    elif elsewhere:
        chosen = elsewhere[-1]
        note = "The cell had lost its mark; it was found by what it defines."
    elif marked:
        chosen = marked[-1]
    else:
        return Answer(
            problem=f"No cell defines {' and '.join(exercise.answers)}; the cell of this "
            "exercise was deleted or renamed."
        )
    source = _without_magics(chosen.source)
    if len(source) > LONGEST:
        return Answer(problem=f"Your cell is longer than {LONGEST} characters.")
    try:
        used = _forbidden(source, exercise.forbidden)
    except RecursionError:  # what cannot be looked into must not be run either
        return Answer(problem="Your cell is nested too deeply to be read.")
    if used:
        return Answer(problem=f"Your cell uses {used}, which this exercise does not allow.")
    lent = [
        node
        for cell in code
        if cell is not chosen
        for node in _definitions(cell)
        if not _binds(node) & wanted
    ]
    needed = _names(chosen.tree) if chosen.tree else set()
    others = tuple(
        text for text in _used(lent, needed) if _allowed(text, exercise.forbidden)
    )
    return Answer(source, others, note=note)


def _without_magics(source: str) -> str:
    """The source without lines that only Jupyter understands."""
    lines = (re.sub(r"^(\s*)[%!?].*", r"\1pass", line) for line in source.splitlines())
    return "\n".join(lines)


def _parsed(source: str) -> ast.Module | None:
    """The tree of a cell; None where it is no Python, or too long.

    Raises:
        RecursionError: it is too deep.
    """
    if len(source) > LONGEST:
        return None
    try:
        with _one_parser:
            return ast.parse(_without_magics(source))
    except MemoryError:  # what CPython says of many brackets
        raise RecursionError from None
    except (SyntaxError, ValueError):
        return None


def _defined(cell: Cell) -> set[str]:
    """The names that a cell defines at its top level."""
    names = set()
    for node in cell.tree.body if cell.tree else []:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return names


def _definitions(cell: Cell) -> Iterator[ast.stmt]:
    """Imports, functions, classes and constants: what other cells may lend an answer.

    Everything else in those cells (training, figures, loops) is left out, so that one
    exercise's endless loop cannot cost another.
    """
    for node in cell.tree.body if cell.tree else []:
        constant = isinstance(node, ast.Assign) and isinstance(
            node.value, ast.Constant | ast.UnaryOp
        )
        kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
        if isinstance(node, kinds) or constant:
            yield node


def _used(lent: Sequence[ast.stmt], needed: set[str]) -> list[str]:
    """The definitions that names need, directly or through others, in their order.

    Every definition is looked at once, however they hang together.
    """
    binding = defaultdict(list)
    for number, node in enumerate(lent):
        for name in _binds(node):
            binding[name].append(number)
    kept: set[int] = set()
    waiting = ["*", *needed]
    while waiting:
        for number in binding.pop(waiting.pop(), ()):
            if number not in kept:
                kept.add(number)
                waiting += _names(lent[number])
    texts = []
    for number in sorted(kept):
        with suppress(RecursionError):
            texts.append(ast.unparse(lent[number]))
    return texts


def _names(tree: ast.AST) -> set[str]:
    """Every name that the code mentions."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _binds(node: ast.stmt) -> set[str]:
    """The names that a definition makes."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    return _names(node)


def _forbidden(source: str, names: Sequence[str]) -> str:
    """The first forbidden name that the source uses, or an empty string.

    Raises:
        RecursionError: it is too deep to be looked into.
    """
    if not names:
        return ""
    tree = _parsed(source)
    if tree is None:
        return ""
    doors = ("__import__", "importlib", "exec", "eval", "sys.modules", "check.exercises")
    for dotted in _dotted(tree):
        parts = dotted.split(".")
        for name in (*names, *doors):
            wanted = name.split(".")
            spans = range(len(parts) - len(wanted) + 1)
            if any(parts[i : i + len(wanted)] == wanted for i in spans):
                return name
    return ""


def _allowed(source: str, names: Sequence[str]) -> bool:
    """Whether the source can be looked into, and uses no forbidden name."""
    try:
        return not _forbidden(source, names)
    except RecursionError:
        return False


def _dotted(tree: ast.Module) -> Iterator[str]:
    """Every module, attribute chain and name in the code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            try:
                yield ast.unparse(node)
            except RecursionError:
                yield node.attr
