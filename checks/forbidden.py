"""What code reaches that would answer an exercise: uses, not spellings.

Imports and the names that they give are followed. What is reached through another module
of the library is looked up there, in our own copy of it; no code of a student's runs. A
variable, an argument, a method or a function of the student's own is no use, whatever it
is called.
"""

import ast
import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import seq2seq_lib

# Ways to reach anything by a text that only a running program knows.
MODULES = ("importlib", "builtins", "pkgutil", "runpy", "pickle", "sys.modules")
NAMES = ("__import__", "exec", "eval", "compile", "globals", "__builtins__")
ATTRIBUTES = ("__globals__", "__subclasses__", "__builtins__", "f_globals", "f_back")
NOTHING: Mapping[str, str] = {}
ASSIGNED = 10  # how often names are followed through assignments


def forbidden_use(
    tree: ast.Module, forbidden: Sequence[str], around: Mapping[str, str] = NOTHING
) -> str:
    """The first thing that the code uses and may not, or an empty string.

    Args:
        tree: the code.
        forbidden: modules, and names of PyTorch or the library.
        around: names that other cells import, each with its place, from ``imported``.
    """
    if not forbidden:
        return ""
    return next((use for use in _Code(tree, forbidden, around).uses() if use), "")


def refusal(used: str) -> str:
    """What both the check and the grade say of a forbidden use."""
    return f"Your cell uses {used}, which this exercise does not allow."


class _Code:
    def __init__(
        self, tree: ast.Module, forbidden: Sequence[str], around: Mapping[str, str]
    ) -> None:
        self.nodes, self.forbidden = list(ast.walk(tree)), forbidden
        self.own = set(_own(self.nodes))
        self.around = around
        self.places = imported(self.nodes)
        assigned = [
            (target.id, node.value)
            for node in self.nodes
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        for _ in range(ASSIGNED):
            before = len(self.places)
            for name, value in assigned:
                place = self.place(value)
                if place and name not in self.places:
                    self.places[name] = place
            if len(self.places) == before:
                break

    def place(self, node: Any) -> str:
        """Where a name, an attribute or a ``getattr`` leads: ``torch.nn``; else empty."""
        parts: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif _calls(node, "getattr") and len(node.args) > 1:
                if not isinstance(node.args[1], ast.Constant):
                    return ""
                parts.append(str(node.args[1].value))
                node = node.args[0]
            else:
                break
        if not isinstance(node, ast.Name) or len(parts) > 20:
            return ""
        start = self.places.get(node.id, "")
        if not start and node.id not in self.own:
            start = self.around.get(node.id, "")
        if not start and node.id not in self.own:
            start = {"check": "_checks.check"}.get(node.id, "")
            if node.id in ("torch", "seq2seq_lib"):  # wherever they were imported
                start = node.id
        return ".".join([start, *reversed(parts)]) if start else ""

    def uses(self) -> Iterator[str]:
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from (self.known(alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    names = [alias.name]
                    if alias.name == "*":
                        names = [n.id for n in self.nodes if isinstance(n, ast.Name)]
                        yield self.known(str(node.module))
                    yield from (self.known(f"{node.module}.{name}") for name in names)
            elif isinstance(node, ast.Attribute):
                if (
                    node.attr in ATTRIBUTES
                    or node.attr == "__dict__"
                    and self.opens(node.value)
                ):
                    yield node.attr
                yield self.known(self.place(node))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                if node.id in NAMES and node.id not in {*self.own, *self.places}:
                    yield node.id
            elif isinstance(node, ast.Call):
                yield self.called(node)

    def called(self, node: ast.Call) -> str:
        """Whether a call reaches what no text names."""
        texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
        for name in ("getattr", "vars"):
            if _calls(node, name) and name not in self.own and node.args:
                fixed = name == "getattr" and len(node.args) > 1 and len(texts) > 0
                if not fixed and self.opens(node.args[0]):
                    return name
                return self.known(self.place(node))
        if self.place(node.func) in ("operator.attrgetter", "operator.methodcaller"):
            ends = {str(text).rpartition(".")[2] for text in texts}
            last = {name.rpartition(".")[2] for name in self.forbidden}
            if len(texts) < len(node.args) or ends & last:
                return "attrgetter"
        return ""

    def opens(self, node: ast.AST) -> bool:
        """Whether something forbidden lies behind a module or the checks."""
        place = self.place(node)
        if place.startswith("torch"):
            return any("." not in n or n.startswith("torch.") for n in self.forbidden)
        return place.startswith("seq2seq_lib") or "_checks" in place

    def known(self, place: str) -> str:
        """The forbidden thing at a place, or an empty string."""
        if not place:
            return ""
        top = place.partition(".")[0]
        for name in MODULES:
            if _within(place, name):
                return name
        if top.endswith("_checks"):
            return self._in_checks(place)
        home = _home(place) if top == "seq2seq_lib" else ""
        for name in self.forbidden:
            if _within(place, name) or _within(home, name):
                return name
            called = place.rpartition(".")[2] == name
            if called and top in ("torch", "seq2seq_lib"):
                return name
        return ""

    def _in_checks(self, place: str) -> str:
        """The checks may be called; what they are made of may not be looked at."""
        module, _, name = place.partition(".")
        first, _, rest = name.partition(".")
        if first == "check":
            return "check.exercises" if rest else ""
        if module not in self.forbidden or not name:
            return ""
        public = getattr(importlib.import_module(module), "__all__", ())
        return "" if first in public and first != "EXERCISES" else module


def _own(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Names that the code gives a value of its own, anywhere."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def imported(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """The names that imports give, each with its place."""
    places = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                places[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                places[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return places


def _calls(node: Any, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
    )


def _within(place: str, name: str) -> bool:
    return place == name or place.startswith(name + ".")


@cache
def _modules() -> frozenset[str]:
    """The names of the library's modules."""
    root = Path(seq2seq_lib.__path__[0])
    paths = (p.relative_to(root.parent).with_suffix("") for p in root.rglob("*.py"))
    return frozenset(".".join(p.parts).removesuffix(".__init__") for p in paths)


@cache
def _home(place: str) -> str:
    """Where the library defines what it also has at a place."""
    parts = place.split(".")
    ends = [n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in _modules()]
    if not ends:
        return ""
    found: Any = importlib.import_module(".".join(parts[: ends[0]]))
    home = ""
    for name in parts[ends[0] :]:
        found = vars(found).get(name) if isinstance(found, ModuleType | type) else None
        if isinstance(found, ModuleType):
            home = found.__name__
        elif getattr(found, "__module__", None) and hasattr(found, "__qualname__"):
            home = f"{found.__module__}.{found.__qualname__}"
    return home
