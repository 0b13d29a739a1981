"""Which cells of a notebook answer an exercise.

What counts is what is in force where the exercise is checked: of all cells that define a
name that it asks for, the last above its check, marked or not. Only where none stands
there, the mark decides, and then what a cell defines.
"""

import ast
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from assignments.lending import changes
from assignments.notebook import Cell, binds, defined
from assignments.registry import lines_of_checks


def codes(found: Sequence[Cell], assignment: str) -> list[Cell]:
    """The code of each cell, in its place; of a check's cell, what a student has added."""
    return [_code(cell, assignment) for cell in found]


def _code(cell: Cell, assignment: str) -> Cell:
    if cell.kind != "code":
        return Cell("code", "")
    if not cell.is_test:
        return cell
    ours = lines_of_checks(assignment)
    lines = ["" if line.strip() in ours else line for line in cell.source.split("\n")]
    return replace(cell, source="\n".join(lines))


def chosen(code: Sequence[Cell], mark: str, wanted: Set[str]) -> tuple[list[int], str]:
    """The places of the cells that answer, in their order, and a note about them."""
    marked = [n for n, cell in enumerate(code) if cell.grade_id == mark]
    others = [n for n in range(len(code)) if n not in marked]
    checks = [n for n, cell in enumerate(code) if cell.grade_id == f"{mark}-test"]
    above = [*range(checks[-1] + 1 if checks else 0)]
    found: dict[str, int] = {}
    for numbers in (above, marked, others):
        last = {name: n for n in numbers for name in _answered(code[n], wanted)}
        found = last | found
    stubs = {name: n for n in marked for name in defined(code[n]) & wanted}
    places = {*(stubs | found).values()}
    # JupyterLab copies the mark when it splits a cell: the halves are joined.
    defining = {n for n in marked if defined(code[n]) & wanted}
    if places & {*marked} or not places:
        halves = {n for n in marked if n not in defining and not code[n].problem}
        places |= halves or {*marked[-1:]} - defining
    # A class may get a method afterwards: ``Decoder.step = step``.
    places |= {n for n in above if n > max(places, default=n) and _adds(code[n], wanted)}
    return sorted(places), _note(places, marked, defining, wanted)


def _note(
    places: Set[int], marked: Sequence[int], defining: Set[int], wanted: Set[str]
) -> str:
    """What the student should know about how the cells were found."""
    elsewhere = [f"{n + 1}" for n in sorted(places) if n not in marked]
    if elsewhere and not defining:
        return "The cell had lost its mark; it was found by what it defines."
    if elsewhere:
        return (
            f"Cell {' and cell '.join(elsewhere)} of the notebook was graded, because "
            f"{' and '.join(sorted(wanted))} was last defined or changed there."
        )
    if defining - places:
        last = max(places & defining) + 1
        return (
            f"{len(marked)} cells carry this exercise's mark; cell {last} of the notebook "
            "was graded."
        )
    return ""


def _answered(cell: Cell, wanted: Set[str]) -> set[str]:
    """The wanted names that a cell defines, and not as they were handed out."""
    return {n for node in cell.body if not untouched(node) for n in binds(node) & wanted}


def _adds(cell: Cell, wanted: Set[str]) -> bool:
    """Whether a cell stores to attributes of what the exercise asks for."""
    kinds = ast.Assign | ast.AnnAssign
    return any(isinstance(node, kinds) and changes(node) & wanted for node in cell.body)


def untouched(node: ast.stmt) -> bool:
    """Whether a function still does nothing but raise NotImplementedError."""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        return False
    if isinstance(node, ast.ClassDef):
        return any(untouched(inner) for inner in node.body)
    last = node.body[-1]
    if len(node.body) > 2 or not isinstance(last, ast.Raise):
        return False
    raised = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def written(cells: Iterable[Cell], wanted: Set[str]) -> list[ast.stmt]:
    """The statements of the cells, without stubs of what one of them does define."""
    nodes = [node for cell in cells for node in cell.body]
    answered = {n for node in nodes if not untouched(node) for n in binds(node)} & wanted
    return [node for node in nodes if not (untouched(node) and binds(node) & answered)]
