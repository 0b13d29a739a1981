"""The code that answers an exercise, wherever it stands in a notebook.

An answer is found by its cell's id or, where that is lost, by the names that it defines.
Nothing here runs it.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache

from assignments.choosing import chosen, codes, written
from assignments.lending import lent_to, uses
from assignments.notebook import Cell, binds, parsed
from assignments.registry import setup
from checks.exercise import Exercise
from checks.forbidden import forbidden_use, forbidden_uses, imported, refusal


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
    code = codes(found, assignment)
    mark = f"{assignment}-{exercise.key}"
    places, note = chosen(code, mark, set(exercise.answers))
    if not places:
        return Answer(
            problem=f"No cell defines {' and '.join(exercise.answers)}; the cell of this "
            "exercise was deleted or renamed."
        )
    unread = [code[n].problem for n in places if code[n].problem]
    if unread:
        return Answer(problem=unread[0], note=note)
    return _read(places, code, assignment, exercise, note)


def _read(
    places: Sequence[int],
    code: Sequence[Cell],
    assignment: str,
    exercise: Exercise,
    note: str,
) -> Answer:
    """The answer in these cells, with what others lend to it."""
    wanted, forbidden = set(exercise.answers), exercise.forbidden
    built = {*exercise.given()}
    setup_nodes, given = _setup(assignment)
    body = written([code[n] for n in places], wanted)
    try:
        needed = {n for node in body if not _tries_out(node) for n in uses(node)}
        before, after = _lenders(code, places, wanted)
        own = {name for node in body for name in binds(node)}
        lent = lent_to(needed - own - given, before, after, given)
        core = _core(body, lent, wanted, built)
        around = imported(setup_nodes)
        found = forbidden_uses(ast.Module([*lent, *body], []), forbidden, around)
        # What the answer does not reach is left out, so that it can help nobody; all that
        # would run is then judged as one module.
        left_out = {node: use for node, use in found.items() if node not in core}
        lent = [node for node in lent if node not in left_out]
        kept = {node for node in body if node not in left_out}
        home = {node: cell for cell in code if cell.tree for node in cell.tree.body}
        others = tuple(home[node].text_of(node) for node in lent)
        source = "\n\n".join(code[n].only(kept) for n in places)
        used = forbidden_use(parsed("\n".join((*others, source))), forbidden, around)
    except (RecursionError, MemoryError):  # what cannot be looked into must not be run
        return Answer(problem="Your cell is nested too deeply to be read.")
    if used:
        return Answer(problem=refusal(used))
    rebuilt = any(binds(node) & built for node in lent)
    missed = sorted({use for node, use in left_out.items() if node in body})
    if missed:
        note = f"{note} {_without(missed)}".strip()
    return Answer(source, others, rebuilt, note=note)


def _without(missed: Sequence[str]) -> str:
    return (
        f"What uses {' and '.join(missed)} beside your answer was left out and not run, "
        "because this exercise does not allow it."
    )


def _core(
    body: Sequence[ast.stmt],
    lent: Sequence[ast.stmt],
    wanted: Set[str],
    built: Set[str],
) -> set[ast.stmt]:
    """The statements that the answer reaches, directly or through others.

    What the exercise is given as a right version counts only where the answer's own cells
    define it.
    """
    binding: dict[str, list[ast.stmt]] = defaultdict(list)
    for node in (*body, *(node for node in lent if not binds(node) & built)):
        for name in binds(node):
            binding[name].append(node)
    core, waiting = set[ast.stmt](), [*wanted]
    while waiting:
        for node in binding.pop(waiting.pop(), ()):
            core.add(node)
            waiting += uses(node)
    return core


def _tries_out(node: ast.stmt) -> bool:
    """A line such as ``print(f(x))``: nothing is lent for it."""
    return isinstance(node, ast.Expr | ast.Assert | ast.For | ast.While | ast.With)


def _lenders(
    code: Sequence[Cell], places: Sequence[int], wanted: set[str]
) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """What other cells define, above the answer and below it."""
    parts: tuple[list[ast.stmt], list[ast.stmt]] = ([], [])
    for number, cell in enumerate(code):
        if number not in places:
            parts[number > places[-1]].extend(_definitions(cell, wanted))
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
