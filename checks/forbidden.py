"""What code reaches that would answer an exercise: uses, not spellings.

Imports, the names that they give and assignments of these are followed. What is reached
through another module of the library is looked up there, in our own copy of it; no code
of a student's runs. A variable, an argument, a method or a function of the student's own
is no use, whatever it is called. A module that cannot be followed any more, because it is
handed on as a value, is a use where something forbidden lies behind it.
"""

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from checks.places import by_name, defined_at, in_pytorch, is_module
from checks.scopes import Scope, bound, imports, scoped

# Ways to reach anything by a text that only a running program knows, to reach all that a
# process holds, or to have another program do it. Stars stand for any letters.
MODULES = (
    *("importlib", "builtins", "pkgutil", "runpy", "pickle", "marshal", "code", "codeop"),
    *("dill", "cloudpickle", "joblib", "shelve", "pydoc", "unittest.mock", "subprocess"),
    *("gc", "ctypes", "_ctypes", "sys.modules", "sys._*", "sys.settrace", "sys.setprofile"),
    *("inspect.getmodule", "inspect.getmembers*", "inspect.*frame*", "inspect.stack"),
    *("inspect.trace", "inspect.getclosurevars", "inspect.getattr_static"),
    *("os.system", "os.popen", "os.exec*", "os.spawn*", "os.posix_spawn*"),
    *("timeit.timeit", "timeit.repeat", "timeit.Timer", "torch._C", "torch.load"),
    *("torch.package", "torch.hub", "torch.jit.CompilationUnit", "torch.utils.cpp_*"),
)
NAMES = ("__import__", "exec", "eval", "compile", "globals", "__builtins__")
ATTRIBUTES = (
    *("__globals__", "__subclasses__", "__builtins__", "__self__", "__getattribute__"),
    *("f_globals", "f_builtins", "f_locals", "f_back", "tb_frame"),
    *("gi_frame", "cr_frame", "ag_frame", "__loader__", "__spec__"),
)
NOTHING: Mapping[str, str] = {}
ASSIGNED = 10  # how often names are followed through assignments
PLACES = 20  # that one name is followed to
LONGEST = 20  # attributes of one another
FOLLOWED = {"getattr", "hasattr", "vars"}  # what is looked at in a module, by its name
LOAD = ast.Load()


def forbidden_use(
    tree: ast.Module, forbidden: Sequence[str], around: Mapping[str, str] = NOTHING
) -> str:
    """The first thing that the code uses and may not, or an empty string.

    Args:
        tree: the code.
        forbidden: modules, and names of PyTorch or the library; places in small letters
            where a star stands for any letters.
        around: names that other cells import, each with its place, from ``imported``.
    """
    return next(iter(forbidden_uses(tree, forbidden, around).values()), "")


def forbidden_uses(
    tree: ast.Module, forbidden: Sequence[str], around: Mapping[str, str] = NOTHING
) -> dict[ast.stmt | None, str]:
    """The same for each statement of the module that uses such a thing."""
    found: dict[ast.stmt | None, str] = {}
    for statement, use in _Code(tree, forbidden, around).uses() if forbidden else ():
        found.setdefault(statement, use)
    return found


def refusal(used: str) -> str:
    """What both the check and the grade say of a forbidden use."""
    return f"Your cell uses {used}, which this exercise does not allow."


class _Code:
    def __init__(
        self, tree: ast.Module, forbidden: Sequence[str], around: Mapping[str, str]
    ) -> None:
        self.nodes, self.forbidden = list(scoped(tree)), forbidden
        self.own = set(bound(tree.body))
        self.places: dict[str, set[str]] = defaultdict(set)
        for name, place in imports(node for node, _ in self.nodes):
            self.places[name].add(place)
        self.around = {"check": "_checks.check", **around}
        self.around |= {name: name for name in ("torch", "seq2seq_lib")}
        assigned = [
            (target.id, node.value, scope)
            for node, scope in self.nodes
            if isinstance(node, ast.Assign) and scope.kind != "class"
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        for _ in range(ASSIGNED):
            before = sum(map(len, self.places.values()))
            for name, value, scope in assigned:
                if len(self.places[name]) < PLACES:
                    self.places[name] |= self.leads(value, scope)
            if sum(map(len, self.places.values())) == before:
                break
        self.passed = set(self._passed())

    def leads(self, node: Any, scope: Scope) -> set[str]:
        """Where a name, an attribute or a ``getattr`` leads, as ``torch.nn``."""
        parts: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif _calls(node, "getattr") and len(node.args) > 1:
                if not isinstance(node.args[1], ast.Constant):
                    return set()
                parts.append(str(node.args[1].value))
                node = node.args[0]
            else:
                break
        if not isinstance(node, ast.Name):
            return set()
        starts = set(self.places.get(node.id, ()))
        if node.id in self.around and node.id not in scope.own:
            starts.add(self.around[node.id])
        if len(parts) > LONGEST:  # nobody writes that: it is the module that is handed on
            return starts
        found = {".".join([start, *reversed(parts)]) for start in starts}
        return found | {by_name(place) for place in found}

    def _passed(self) -> Iterator[ast.AST]:
        """Nodes that are followed from here, and so hand no module on."""
        for node, scope in self.nodes:
            if isinstance(node, ast.Attribute):
                yield node.value
            elif isinstance(node, ast.Call):
                followed = any(_calls(node, name) for name in FOLLOWED - self.own)
                if followed and node.args:
                    yield node.args[0]
                yield node.func
            elif isinstance(node, ast.Assign) and scope.kind != "class":
                names = [t.id for t in node.targets if isinstance(t, ast.Name)]
                places = self.leads(node.value, scope)
                if len(names) == len(node.targets) and all(
                    places <= self.places[name] for name in names
                ):
                    yield node.value

    def uses(self) -> Iterator[tuple[ast.stmt | None, str]]:
        """The forbidden uses, each with the statement of the module that it is in."""
        for node, scope in self.nodes:
            for use in self.uses_of(node, scope):
                if use:
                    yield scope.statement, use

    def uses_of(self, node: ast.AST, scope: Scope) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (self.known(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                names = [alias.name]
                if alias.name == "*":
                    names = [n.id for n, _ in self.nodes if isinstance(n, ast.Name)]
                    yield self.known(str(node.module))
                yield from (self.known(f"{node.module}.{name}") for name in names)
        elif isinstance(node, ast.Attribute):
            places = self.leads(node, scope)
            if node.attr in ATTRIBUTES:
                yield node.attr
            if node.attr == "__dict__" and self.opens(self.leads(node.value, scope)):
                yield node.attr
            yield from map(self.known, sorted(places))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in NAMES and node.id not in {*self.own, *scope.own, *self.places}:
                yield node.id
        elif isinstance(node, ast.Call):
            yield from self.called(node, scope)
        elif isinstance(node, ast.MatchClass):  # ``case object(__globals__=names)``
            yield from (name for name in node.kwd_attrs if name in ATTRIBUTES)
        yield self.handed_on(node, scope)

    def called(self, node: ast.Call, scope: Scope) -> Iterator[str]:
        """Whether a call reaches what no text names."""
        texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
        for name in ("getattr", "vars"):
            if _calls(node, name) and name not in self.own and node.args:
                fixed = name == "getattr" and len(node.args) > 1 and len(texts) > 0
                if not fixed and self.opens(self.leads(node.args[0], scope)):
                    yield name
                yield from map(self.known, sorted(self.leads(node, scope)))
                yield from (text for text in texts if text in ATTRIBUTES)
        for name in ("locals", "vars"):  # outside functions these are ``globals``
            if _calls(node, name) and not node.args and scope.kind == "module":
                yield name
        if self.leads(node.func, scope) & {"operator.attrgetter", "operator.methodcaller"}:
            ends = {str(text).rpartition(".")[2] for text in texts}
            last = {*ATTRIBUTES, *(name.rpartition(".")[2] for name in self.forbidden)}
            reached = {end for end in ends for name in last if _within(end, name)}
            if len(texts) < len(node.args) or reached:
                yield "attrgetter"

    def handed_on(self, node: ast.AST, scope: Scope) -> str:
        """A module that something forbidden lies behind, where nobody can follow it."""
        places = set[str]()
        if isinstance(node, ast.Import | ast.ImportFrom) and scope.kind == "class":
            places = {place for _, place in imports([node])}
        elif node not in self.passed and isinstance(getattr(node, "ctx", LOAD), ast.Load):
            places = self.leads(node, scope)
        doors = [p for p in sorted(places) if is_module(p) or p.endswith("_checks.check")]
        return next((f"{p} as a value" for p in doors if self.opens({p})), "")

    def opens(self, places: Iterable[str]) -> bool:
        """Whether something forbidden lies behind a module or the checks."""
        in_torch = any("." not in n or n.startswith("torch.") for n in self.forbidden)
        return any(
            place == "sys"
            or (in_torch and _within(place, "torch"))
            or _within(place, "seq2seq_lib")
            or "_checks" in place
            for place in places
        )

    def known(self, place: str) -> str:
        """The forbidden thing at a place, or an empty string."""
        if not place:
            return ""
        top = place.partition(".")[0]
        home = defined_at(place) if top == "seq2seq_lib" else ""
        for name in MODULES:
            if _within(place, name) or _within(home, name):
                return place if "*" in name else name
        if top.endswith("_checks"):
            return self._in_checks(place)
        for name in self.forbidden:
            if _within(place, name) or _within(home, name):
                if "*" not in name:
                    return name
                if in_pytorch(place):
                    return place.rpartition(".")[2]
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


def _calls(node: Any, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
    )


def _within(place: str, name: str) -> bool:
    """Whether a place is this one, or lies in it."""
    if "*" in name:
        return fnmatchcase(place.lower(), name)
    return place == name or place.startswith(name + ".")
