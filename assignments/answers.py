"""The code that answers an exercise, wherever it stands in a notebook.

An answer is found by its cell's id or, where that is lost, by the names that it defines.
Nothing here runs it.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from assignments.notebook import LONGEST, Cell, defined, parsed, without_magics
from checks.exercise import Exercise


@dataclass(frozen=True)
class Answer:
    """The code that answers one exercise."""

    source: str = ""  # the answer's cell
    others: tuple[str, ...] = ()  # definitions in the student's other cells
    problem: str = ""  # why there is nothing to run
    note: str = ""  # what the student should know about how the cell was found


def find_answer(found: Sequence[Cell], assignment: str, exercise: Exercise) -> Answer:
    """The code that answers ``exercise``, wherever it stands in the notebook."""
    wanted = set(exercise.answers)
    code = [c for c in found if c.kind == "code" and not c.is_test]
    marked = [c for c in code if c.grade_id == f"{assignment}-{exercise.key}"]
    defining = [c for c in marked if wanted <= defined(c)]
    elsewhere = [c for c in code if wanted <= defined(c)]
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
    source = without_magics(chosen.source)
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
    tree = parsed(source)
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
