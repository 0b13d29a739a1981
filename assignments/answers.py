"""The code that answers an exercise, wherever it stands in a notebook.

An answer is found by its cell's id or, where that is lost, by the names that it defines.
Nothing here runs it.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from assignments.lending import lent_to, uses
from assignments.notebook import Cell, binds, defined, parsed
from assignments.registry import setup
from checks.exercise import Exercise
from checks.forbidden import forbidden_use, imported, refusal


@dataclass(frozen=True)
class Answer:
    """The code that answers one exercise."""

    source: str = ""  # the answer's cell, or its cells together
    others: tuple[str, ...] = ()  # definitions in the student's other cells
    own: bool = False  # whether they define something that the exercise is given
    problem: str = ""  # why there is nothing to run
    note: str = ""  # what the student should know about how the cell was found


def find_answer(found: Sequence[Cell], assignment: str, exercise: Exercise) -> Answer:
    """The code that answers ``exercise``, wherever it stands in the notebook."""
    wanted = set(exercise.answers)
    code = [c for c in found if c.kind == "code" and not c.is_test]
    marked = [c for c in code if c.grade_id == f"{assignment}-{exercise.key}"]
    chosen, note = _chosen(code, marked, wanted)
    if not chosen:
        return Answer(
            problem=f"No cell defines {' and '.join(exercise.answers)}; the cell of this "
            "exercise was deleted or renamed."
        )
    unread = [cell.problem for cell in chosen if cell.problem]
    if unread:
        return Answer(problem=unread[0], note=note)
    return _read(chosen, code, assignment, exercise, note)


def _read(
    chosen: Sequence[Cell],
    code: Sequence[Cell],
    assignment: str,
    exercise: Exercise,
    note: str,
) -> Answer:
    """The answer in these cells, with what others lend to it."""
    wanted, forbidden = set(exercise.answers), exercise.forbidden
    setup_nodes, given = _setup(assignment)
    body = [node for cell in chosen if cell.tree for node in cell.tree.body]
    try:
        used = forbidden_use(ast.Module(body, []), forbidden, imported(setup_nodes))
        needed = {n for node in body if not _tries_out(node) for n in uses(node)}
        before, after = _lenders(code, chosen, wanted)
        own = {name for node in body for name in binds(node)}
        lent = lent_to(needed - own - given, before, after, given)
        core = {n for node in body if binds(node) & wanted for n in uses(node)} - own
        core = _reached(core, lent)
    except (RecursionError, MemoryError):  # what cannot be looked into must not be run
        return Answer(problem="Your cell is nested too deeply to be read.")
    # Where a function of the answer leads to what is forbidden, the answer does.
    around, others = imported((*setup_nodes, *lent)), []
    home = {node: cell for cell in code if cell.tree for node in cell.tree.body}
    for node in lent:
        with suppress(RecursionError, MemoryError):
            its = forbidden_use(ast.Module([node], []), forbidden, around)
            if its and core & binds(node):
                used = used or its
            elif not its:
                others.append(home[node].text_of(node))
    if used:
        return Answer(problem=refusal(used))
    source = "\n\n".join(cell.python for cell in chosen)
    built = {*exercise.given()}
    rebuilt = any(binds(node) & built for node in lent)
    return Answer(source, tuple(others), rebuilt, note=note)


def _reached(names: set[str], lent: Sequence[ast.stmt]) -> set[str]:
    """Names, and all that what defines them uses, directly or through others."""
    binding: dict[str, list[ast.stmt]] = defaultdict(list)
    for node in lent:
        for name in binds(node):
            binding[name].append(node)
    found, waiting = set(names), list(names)
    while waiting:
        for node in binding.pop(waiting.pop(), ()):
            new = uses(node) - found
            found |= new
            waiting += new
    return found


def _chosen(
    code: Sequence[Cell], marked: Sequence[Cell], wanted: set[str]
) -> tuple[list[Cell], str]:
    """The cells that answer, in the notebook's order, and a note about them.

    JupyterLab copies the mark when it splits a cell: the halves are joined. Of copies
    that define the same, the last counts. What no marked cell answers is looked for in
    the others.
    """
    chosen: list[Cell] = []
    missing, copies = set(wanted), 0
    for cell in reversed(marked):
        its = defined(cell) & wanted
        if its & missing or (not its and not cell.problem):
            chosen.insert(0, cell)
        elif its:
            copies += 1
        missing -= its
    answered = {name for cell in chosen for name in _answered(cell, wanted)}
    note = ""
    if copies:
        note = f"{len(marked)} cells carry this exercise's mark; the last was graded."
    elsewhere: list[Cell] = []
    for cell in reversed([c for c in code if c not in marked]):
        its = _answered(cell, wanted) - answered
        if its:
            elsewhere.insert(0, cell)
            answered |= its
    if elsewhere:
        if not any(defined(cell) & wanted for cell in marked):
            return elsewhere, "The cell had lost its mark; it was found by what it defines."
        return chosen + elsewhere, "A part stood in another cell; it was found by its name."
    return chosen or list(marked[-1:]), note


def _answered(cell: Cell, wanted: set[str]) -> set[str]:
    """The wanted names that a cell defines, and not as they were handed out."""
    nodes = cell.tree.body if cell.tree else []
    return {n for node in nodes if not _untouched(node) for n in binds(node) & wanted}


def _untouched(node: ast.stmt) -> bool:
    """Whether a function still does nothing but raise NotImplementedError."""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        return False
    if isinstance(node, ast.ClassDef):
        return any(_untouched(inner) for inner in node.body)
    last = node.body[-1]
    if len(node.body) > 2 or not isinstance(last, ast.Raise):
        return False
    raised = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _tries_out(node: ast.stmt) -> bool:
    """A line such as ``print(f(x))``: nothing is lent for it."""
    return isinstance(node, ast.Expr | ast.Assert | ast.For | ast.While | ast.With)


def _lenders(
    code: Sequence[Cell], chosen: Sequence[Cell], wanted: set[str]
) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """What other cells define, above the answer and below it."""
    last = max(number for number, cell in enumerate(code) if cell is chosen[-1])
    parts: tuple[list[ast.stmt], list[ast.stmt]] = ([], [])
    for number, cell in enumerate(code):
        if not any(cell is c for c in chosen):
            parts[number > last].extend(_definitions(cell, wanted))
    return parts


def _definitions(cell: Cell, wanted: set[str]) -> Iterator[ast.stmt]:
    """Imports, functions, classes and values: what other cells may lend an answer.

    Everything else in those cells (training, figures, loops) is left out, so that one
    exercise's endless loop cannot cost another.
    """
    for node in cell.tree.body if cell.tree else []:
        if _lendable(node) and not binds(node) & wanted:
            yield node


def _lendable(node: ast.stmt) -> bool:
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, ast.If):
        return all(map(_lendable, (*node.body, *node.orelse)))
    if isinstance(node, ast.Try):
        inner = [n for handler in node.handlers for n in handler.body]
        parts = (*node.body, *inner, *node.orelse, *node.finalbody)
        return all(_lendable(n) or isinstance(n, ast.Pass) for n in parts)
    return isinstance(node, (*kinds, ast.ClassDef, ast.Assign, ast.AnnAssign))


@cache
def _setup(assignment: str) -> tuple[tuple[ast.stmt, ...], frozenset[str]]:
    """The statements of the setup cell, and the names that it defines."""
    nodes = tuple(node for source in setup(assignment) for node in parsed(source).body)
    return nodes, frozenset(name for node in nodes for name in binds(node))
