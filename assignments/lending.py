"""What a notebook's other cells lend to an answer, as if it ran from top to bottom."""

import ast
import dis
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence, Set
from types import CodeType

from assignments.notebook import binds, compiled


def lent_to(
    needed: Set[str],
    before: Sequence[ast.stmt],
    after: Sequence[ast.stmt],
    given: Set[str],
) -> list[ast.stmt]:
    """The statements that names need, directly or through others, in their order.

    Of several that define a name, the last above its use counts; if there is none, the
    first below. So a scratch cell at the end reaches no answer. Every one is looked at
    once, however they hang together.

    Args:
        needed: names that the answer uses.
        before: what could be lent from above the answer.
        after: and from below.
        given: names that the setup cell gives, which nothing replaces.
    """
    lent = [*before, *after]
    binding: dict[str, list[int]] = defaultdict(list)
    for number, node in enumerate(lent):
        for name in binds(node):
            binding[name].append(number)
    # ``import *`` may define anything, and ``__future__`` changes how the rest is read.
    kept = {n for n in binding.get("*", ()) if n < len(before)}
    kept |= {n for n in range(len(lent)) if _future(lent[n])}
    waiting = [(name, len(before)) for name in needed]
    seen = set(waiting)
    while waiting:
        name, place = waiting.pop()
        numbers = binding.get(name)
        if not numbers or name in given:
            continue
        at = bisect_left(numbers, place)
        number = numbers[at - 1] if at else numbers[0]
        if number in kept:
            continue
        kept.add(number)
        node = lent[number]
        # A function looks its names up when it is called, another statement at once.
        defines = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        further = {(n, len(before) if defines else number) for n in uses(node)} - seen
        seen |= further
        waiting += further
    return [lent[number] for number in sorted(kept)]


def uses(node: ast.stmt) -> set[str]:
    """The names that a statement looks for outside itself."""
    names: set[str] = set()
    waiting: list[CodeType] = []
    try:
        waiting.append(compiled(node))
    except (SyntaxError, ValueError):  # a statement that only a function may hold
        return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    while waiting:
        code = waiting.pop()
        waiting += [c for c in code.co_consts if isinstance(c, CodeType)]
        names |= {
            str(step.argval)
            for step in dis.get_instructions(code)
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        }
    return names


def _future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
