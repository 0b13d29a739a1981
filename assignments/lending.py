"""What a notebook's other cells lend to an answer, as if it ran from top to bottom."""

import ast
import dis
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from functools import cache
from inspect import CO_OPTIMIZED
from types import CodeType

from assignments.notebook import binds, compiled


def lent_to(
    needed: Set[str],
    before: Sequence[ast.stmt],
    after: Sequence[ast.stmt],
    given: Set[str],
    changed: bool = True,
) -> list[ast.stmt]:
    """The statements that names need, directly or through others, in their order.

    Of several that define a name, the last above its use counts; if there is none, the
    first below. So a scratch cell at the end reaches no answer. Every one is looked at
    once, however they hang together.

    Args:
        needed: names that the answer uses.
        before: the statements above the answer.
        after: and those below.
        given: names that the setup cell gives, which nothing replaces.
        changed: whether what changes a value, between its definition and its use and
            above the answer, is lent with it.
    """
    lent = [*before, *after]
    binding = _numbers(binds(node) if lendable(node) else () for node in lent)
    changing = _numbers(map(changes, before)) if changed else {}
    # ``import *`` may define anything, and ``__future__`` changes how the rest is read.
    kept = {n for n in binding.get("*", ()) if n < len(before)}
    kept |= {n for n in range(len(lent)) if _future(lent[n])}
    waiting = [(name, len(before)) for name in needed]
    seen, looked_at = set(waiting), dict[tuple[str, int], int]()
    while waiting:
        name, place = waiting.pop()
        numbers = binding.get(name, ())
        if name in given:
            continue
        at = bisect_left(numbers, place)
        defining = numbers[at - 1] if at else -1
        changers = changing.get(name, ())
        if defining >= 0 and isinstance(lent[defining], ast.Import | ast.ImportFrom):
            changers = ()  # a module is used, not changed
        start = bisect_right(changers, looked_at.get((name, defining), defining))
        found = [*changers[start : bisect_left(changers, place)]]
        looked_at[name, defining] = max(place - 1, looked_at.get((name, defining), -1))
        if defining < 0 and numbers and not found:
            defining = numbers[0]
        for number in {*found, defining} - kept - {-1}:
            kept.add(number)
            node = lent[number]
            # A function looks its names up when it is called, another statement at once.
            defines = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            names = uses(node) | (binds(node) if defines and number in found else set())
            further = {(n, len(before) if defines else number) for n in names} - seen
            seen |= further
            waiting += further
    return [lent[number] for number in sorted(kept)]


def _numbers(names: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """For each name the numbers of the statements that it belongs to."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, its in enumerate(names):
        for name in its:
            found[name].append(number)
    return found


def lendable(node: ast.stmt) -> bool:
    """Whether it is an import, a function, a class or a value.

    Everything else in other cells (training, figures, loops) is left out, unless it
    changes what is lent, so that one exercise's endless loop cannot cost another.
    """
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, ast.If):
        return all(map(lendable, (*node.body, *node.orelse)))
    if isinstance(node, ast.Try):
        inner = [n for handler in node.handlers for n in handler.body]
        parts = (*node.body, *inner, *node.orelse, *node.finalbody)
        return all(lendable(n) or isinstance(n, ast.Pass) for n in parts)
    return isinstance(node, (*kinds, ast.ClassDef, ast.Assign, ast.AnnAssign))


@cache
def changes(node: ast.stmt) -> frozenset[str]:
    """The names whose values a statement changes.

    It stores to their items or attributes, calls a method on them, is decorated with
    them, or gives them a value in another way than a definition does.
    """
    found = set[str]()
    for part in ast.walk(node):
        if isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            if isinstance(part.value.func, ast.Attribute):
                found.add(_root(part.value.func))
        elif isinstance(part, ast.Attribute | ast.Subscript):
            if not isinstance(part.ctx, ast.Load):
                found.add(_root(part))
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found |= {_root(decorator) for decorator in part.decorator_list}
    if found and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found &= uses(node)  # other names are its own
    if not lendable(node):
        found |= binds(node)
    return frozenset(found - {""})


def _root(node: ast.AST) -> str:
    """The name that a value is reached from: ``x`` of ``x[0].y(z)``."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def uses(node: ast.stmt, at_once: bool = False) -> set[str]:
    """The names that a statement looks for outside itself.

    Args:
        node: the statement.
        at_once: only those that it looks for when it is run, not in functions.
    """
    names: set[str] = set()
    waiting: list[CodeType] = []
    try:
        waiting.append(compiled(node))
    except (SyntaxError, ValueError):  # a statement that only a function may hold
        return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    while waiting:
        code = waiting.pop()
        inner = [c for c in code.co_consts if isinstance(c, CodeType)]
        waiting += [c for c in inner if not (at_once and c.co_flags & CO_OPTIMIZED)]
        names |= {
            str(step.argval)
            for step in dis.get_instructions(code)
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        }
    return names


def used_before(nodes: Sequence[ast.stmt], wanted: Set[str]) -> set[str]:
    """The wanted names that statements use before one of them gives them a value."""
    found, bound = set[str](), set[str]()
    for node in nodes:
        found |= (uses(node, at_once=True) & wanted) - bound
        bound |= binds(node)
    return found


def _future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
