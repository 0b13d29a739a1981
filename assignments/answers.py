"""The code that answers an exercise, wherever it stands in a notebook.

An answer is found by its cell's id or, where that is lost, by the names that it defines.
Nothing here runs it.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache

from assignments.choosing import chosen, codes, written
from assignments.lending import changes, lendable, lent_to, used_before, uses
from assignments.notebook import Cell, binds, parsed
from assignments.registry import setup
from checks.exercise import Exercise
from checks.forbidden import forbidden_use, forbidden_uses, refusal
from checks.scopes import imported


@dataclass(frozen=True)
class Answer:
    """The code that answers one exercise."""

    source: str = ""  # the answer's cell, or its cells together
    others: tuple[str, ...] = ()  # definitions in the student's other cells
    fewer: tuple[str, ...] = ()  # these without what changes what they define
    every: tuple[str, ...] = ()  # and these with what replaces names of the setup
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
    wanted, built = set(exercise.answers), {*exercise.given()}
    imports = imported(_setup(assignment)[0])
    body = written([code[n] for n in places], wanted)
    try:
        lent = _lent(body, places, code, assignment, exercise)
        # What the answer does not reach is left out where it uses something forbidden, so
        # that it can help nobody; all that would run is then judged as one module.
        core = _core(body, lent.usual, wanted, built)
        module = ast.Module([*lent.every, *body], [])
        found = forbidden_uses(module, exercise.forbidden, imports)
        left_out = {node: use for node, use in found.items() if node not in core}
        kept = [node for node in lent.every if node not in left_out]
        home = {node: cell for cell in code for node in cell.body}
        texts = {node: home[node].text_of(node) for node in kept}
        answering = {*body} - left_out.keys()
        source = "\n\n".join(code[n].only(answering) for n in places)
        runs = parsed("\n".join((*texts.values(), source)))
        used = forbidden_use(runs, exercise.forbidden, imports)
    except (RecursionError, MemoryError):  # what cannot be looked into must not be run
        return Answer(problem="Your cell is nested too deeply to be read.")
    if used:
        return Answer(problem=refusal(used))
    missed = sorted({use for node, use in left_out.items() if node in body})
    return Answer(
        source,
        tuple(text for node, text in texts.items() if node in lent.usual),
        tuple(text for node, text in texts.items() if node in lent.fewer),
        tuple(texts.values()),
        any(binds(node) & built for node in kept),
        note=f"{note} {_without(missed)}".strip() if missed else note,
    )


@dataclass(frozen=True)
class _Lent:
    """The statements of other cells that an answer needs."""

    every: list[ast.stmt]  # in their order, with what replaces names of the setup
    usual: set[ast.stmt]  # without that
    fewer: set[ast.stmt]  # and without what changes a value


def _lent(
    body: Sequence[ast.stmt],
    places: Sequence[int],
    code: Sequence[Cell],
    assignment: str,
    exercise: Exercise,
) -> _Lent:
    wanted = set(exercise.answers)
    setup_nodes, given = _setup(assignment)
    core = _core(body, (), wanted, exercise.given().keys())
    used = {name for node in core for name in uses(node)}
    needed = {n for node in body if not _tries_out(node, used) for n in uses(node)}
    built_on = used_before(body, wanted)
    needed = needed - {name for node in body for name in binds(node)} | built_on
    around = _around(code, places, wanted - built_on)
    replaced = _replaced(around[0], given, imported(setup_nodes))
    usual = {*lent_to(needed, *around, given)}
    return _Lent(
        lent_to(needed, *around, given - replaced),
        usual,
        usual & {*lent_to(needed, *around, given, changed=False)},
    )


def _replaced(
    above: Sequence[ast.stmt], given: Set[str], imports: Mapping[str, str]
) -> set[str]:
    """The names of the setup that a function, a class or an import above replaces."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import
    last = {n: node for node in above if lendable(node) for n in binds(node) & given}
    return {
        name
        for name, node in last.items()
        if isinstance(node, kinds | ast.ImportFrom)
        and imported([node]).get(name, node) != imports.get(name)
    }


def _without(missed: Sequence[str]) -> str:
    return (
        f"What uses {' and '.join(missed)} beside your answer was left out and not run, "
        "because this exercise does not allow it."
    )


def _core(
    body: Sequence[ast.stmt],
    lent: Iterable[ast.stmt],
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


def _tries_out(node: ast.stmt, used: Set[str]) -> bool:
    """A line such as ``print(f(x))``: nothing is lent for it.

    What gives the answer a value, or changes one that it uses, is no such line.
    """
    kinds = ast.Expr | ast.Assert | ast.For | ast.While | ast.With
    return isinstance(node, kinds) and not (binds(node) | changes(node)) & used


def _around(
    code: Sequence[Cell], places: Sequence[int], wanted: Set[str]
) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """What stands in other cells, above the answer and below it."""
    parts: tuple[list[ast.stmt], list[ast.stmt]] = ([], [])
    for number, cell in enumerate(code):
        if number not in places:
            nodes = [node for node in cell.body if not binds(node) & wanted]
            parts[number > places[-1]].extend(nodes)
    return parts


@cache
def _setup(assignment: str) -> tuple[tuple[ast.stmt, ...], frozenset[str]]:
    """The statements of the setup cell, and the names that it defines."""
    nodes = tuple(node for source in setup(assignment) for node in parsed(source).body)
    return nodes, frozenset(name for node in nodes for name in binds(node))
