"""Where a name belongs in code, by the rules of Python, and what imports give.

Nothing here runs the code.
"""

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Scope:
    """Where a node stands."""

    statement: ast.stmt | None = None  # of the module, that it is in
    kind: str = "module"  # or "function", or "class": what is around it
    own: frozenset[str] = frozenset()  # names of the functions around it


def scoped(tree: ast.Module) -> Iterator[tuple[ast.AST, Scope]]:
    """Every node with its place; those near the top come first."""
    waiting: deque[tuple[ast.AST, Scope]] = deque((n, Scope(n)) for n in tree.body)
    while waiting:
        node, scope = waiting.popleft()
        yield node, scope
        inside, body = scope, list[ast.AST]()
        if isinstance(node, FUNCTIONS):
            body = [*node.body] if isinstance(node.body, list) else [node.body]
            own = scope.own | _names_of(node, body)
            inside = Scope(scope.statement, "function", own)
        elif isinstance(node, ast.ClassDef):
            body, inside = [*node.body], Scope(scope.statement, "class", scope.own)
        elif isinstance(node, COMPREHENSIONS):
            outside = {child for part in node.generators for child in (part, part.iter)}
            body = [n for n in ast.iter_child_nodes(node) if n not in outside]
            body += [n for part in node.generators for n in (part.target, *part.ifs)]
            own = scope.own | {*bound([part.target for part in node.generators])}
            inside = replace(scope, own=own)
            waiting.extend((part.iter, scope) for part in node.generators)
        inner = {*body}
        waiting.extend((n, inside) for n in body)
        if not isinstance(node, COMPREHENSIONS):
            waiting.extend((n, scope) for n in ast.iter_child_nodes(node) if n not in inner)


def _names_of(node: Any, body: Sequence[ast.AST]) -> set[str]:
    """The names that are a function's own."""
    named = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    foreign = {
        name
        for n in ast.walk(node)
        if isinstance(n, ast.Global | ast.Nonlocal)
        for name in n.names
    }
    return (named | {*bound(body)}) - foreign


def bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that code gives a value, imports and what lies within functions left out."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.comprehension):
            waiting += [node.iter, *node.ifs]
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def imported(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """The names that imports give, each with its place."""
    return dict(imports(nodes))


def imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """The names that imports give, each with its place, one after another."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
