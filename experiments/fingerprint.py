"""A short text that changes when code that decides an experiment's numbers does.

Beginning at an experiment's ``run``, every function, class and constant that it names is
followed through the experiment and the library, and what is reached is hashed. So a new
function elsewhere in a module, a clearer error, a comment or a docstring leaves a result
valid, and a change in something that it uses does not.
"""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGES = ("seq2seq_lib", "experiments")


class _Essence(ast.NodeTransformer):
    """Leaves out what cannot change a number: docstrings and checks that raise."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        return node if node.body or node.orelse else None

    def visit_Raise(self, node: ast.Raise) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else node


class _Module(NamedTuple):
    """The top level of one file.

    Args:
        defined: name -> the statements that define it.
        imported: name -> (module, name there), or (module, "") for a whole module.
    """

    defined: dict[str, list[ast.stmt]]
    imported: dict[str, tuple[str, str]]


def _file(module: str, root: Path) -> Path | None:
    path = root / Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _read(module: str, root: Path) -> _Module:
    """What a module of ours defines and imports from modules of ours."""
    path = _file(module, root)
    found = _Module({}, {})
    if path is None:
        return found
    for node in ast.parse(path.read_text(encoding="utf8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.defined.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign):
            for name in [n for target in node.targets for n in _names(target)]:
                found.defined.setdefault(name, []).append(node)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            for name in _names(node.target):
                found.defined.setdefault(name, []).append(node)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] not in PACKAGES:
                continue
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target = (node.module, alias.name)
                if _file(whole, root):
                    target = (whole, "")
                found.imported[alias.asname or alias.name] = target
    return found


def reached(module: str, name: str, root: Path = ROOT) -> dict[str, str]:
    """Every definition that ``name`` depends on: "module:name" -> its essence.

    Raises:
        ValueError: the module has no such definition.
    """
    read = cache(lambda module: _read(module, root))
    seen: dict[str, str] = {}

    def visit(module: str, name: str) -> None:
        here = read(module)
        if name in here.imported and name not in here.defined:
            target, original = here.imported[name]
            if original:
                visit(target, original)
            return
        label = f"{module}:{name}"
        if label in seen or name not in here.defined:
            return
        nodes = here.defined[name]
        # Walk first: the essence is cut out of a copy.
        walked = [part for node in nodes for part in ast.walk(node)]
        seen[label] = "".join(
            ast.dump(_Essence().visit(ast.parse(ast.unparse(node)))) for node in nodes
        )
        for part in walked:
            if isinstance(part, ast.Name):
                visit(module, part.id)
            elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                target, original = here.imported.get(part.value.id, ("", "-"))
                if not original:  # an attribute of an imported module
                    visit(target, part.attr)

    visit(module, name)
    if not seen:
        raise ValueError(f"{module} defines no {name!r}.")
    return seen


def code_fingerprint(
    module: str, name: str, configuration: dict[str, Any], root: Path = ROOT
) -> str:
    """The fingerprint of a function, all it depends on, and a configuration."""
    content = {
        "code": dict(sorted(reached(module, name, root).items())),
        "configuration": configuration,
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
