"""What decides a result: code that is followed through its imports, as a short text.

There are two strengths.

``definitions`` begins at one function and follows every function, class and constant that
it names. A new function elsewhere in a module, a clearer error, a comment or a docstring
leaves the text as it is; whatever could change a number changes it. The results of
experiments carry it.

``files`` begins at files and lists every file that they import, and ``digest`` ignores
nothing in them but the kind of line ends. The book's cache and the grader rely on these:
an error message is something that a page shows, and a grade may depend on it.

Only code that lies below ``root`` is followed. Nothing is imported or run, so a name that
is put together while the code runs (``import_module(name)``) is not seen: give such a file
as one more start.
"""

import ast
import copy
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
CHECKS = "seq2seq_lib.require"  # a call of its functions on a line of its own only raises


def definitions(
    module: str, name: str, configuration: dict[str, Any], root: Path = ROOT
) -> str:
    """The text of a function, of all that it depends on, and of a configuration.

    Args:
        module: the dotted name of the module that defines the function.
        name: of the function.
        configuration: chosen sizes, rates and budgets, as JSON can hold them.
        root: the folder that holds the packages.

    Raises:
        ValueError: the module has no such definition.
    """
    content = {
        "code": dict(sorted(reached(module, name, root).items())),
        "configuration": configuration,
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def files(*starts: str | Path, root: Path = ROOT) -> list[Path]:
    """The starts and every file below ``root`` that they import, directly or not.

    Args:
        starts: files, absolute or seen from ``root``. Modules and the code cells of
            notebooks are followed; any other file is listed and no more.
        root: the folder that holds the packages.

    Raises:
        FileNotFoundError: a start does not exist.
    """
    root = root.resolve()
    waiting = [(root / start).resolve() for start in starts]
    for path in waiting:
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist, and cannot decide a result.")
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imported_files(path, root))
    return sorted(found)


def digest(paths: Iterable[str | Path], *extra: str, root: Path = ROOT) -> str:
    """The text of whole files, of their places below ``root``, and of more words.

    It is the same for every clone: neither where the project lies nor the kind of line
    ends that git wrote makes a difference.
    """
    root = root.resolve()
    parts = [word.encode() for word in extra]
    for path in sorted({(root / path).resolve() for path in paths}):
        place = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
        parts += [place.as_posix().encode(), path.read_bytes().replace(b"\r\n", b"\n")]
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:16]


# --- reading imports -------------------------------------------------------------------


def _tree(text: str) -> ast.Module:
    """Python as a tree, without the lines that are none, such as IPython's commands."""
    lines = text.splitlines()
    while True:
        try:
            return ast.parse("\n".join(lines))
        except (SyntaxError, ValueError) as error:
            bad = (getattr(error, "lineno", None) or 0) - 1
            if not (0 <= bad < len(lines) and lines[bad]):
                return ast.parse("")
            lines[bad] = ""


def _trees(path: Path) -> list[ast.Module]:
    """The code of a module, or of each cell of a notebook."""
    if path.suffix not in (".py", ".ipynb"):
        return []
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix == ".py":
        return [_tree(text)]
    try:
        cells = json.loads(text)["cells"]
        return [_tree("".join(c["source"])) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        return []  # no notebook: as a file it still counts


def _module_file(module: str, folder: Path) -> Path | None:
    """The file of a module below ``folder``; of a package, its ``__init__``."""
    path = folder.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_name(path.name + ".py")):
        if candidate.is_file():
            return candidate.resolve()
    return None


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """What every import of a module of ``package`` names, and under which name.

    Returns:
        For ``from a import b as c``: ("c", "a.b"), where b may be a module or in one.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -node.level + 1 or None] if node.level else []
            origin = [*parents, *([node.module] if node.module else [])]
            for alias in node.names:
                yield alias.asname or alias.name, ".".join([*origin, alias.name])


def _imported_files(path: Path, root: Path) -> Iterator[Path]:
    """The files below ``root`` that one file imports, the packages around them too."""
    package, folders = "", [root]
    if path.is_relative_to(root):
        package = ".".join(path.relative_to(root).parent.parts)
        if not (path.parent / "__init__.py").is_file():
            folders.append(path.parent)  # a script finds what lies beside it
    for tree in _trees(path):
        for _, dotted in _imports(tree, package):
            parts = dotted.split(".")
            for folder in folders:
                for length in range(1, len(parts) + 1):
                    found = _module_file(".".join(parts[:length]), folder)
                    if found:
                        yield found


# --- following definitions -------------------------------------------------------------


class _Module(NamedTuple):
    """The top level of one file.

    Args:
        defined: name -> the statements that define or change it.
        imported: name -> the dotted names that it may stand for.
    """

    defined: dict[str, list[ast.stmt]]
    imported: dict[str, set[str]]


def _stored(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module's top level defines, or may change."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Expr) or isinstance(
            getattr(node, "ctx", None), ast.Store
        ):  # x = ..., TABLE["key"] = ..., TABLE.update(...)
            names |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names


def _is_command_line(statement: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__": ...``."""
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def _read(module: str, root: Path) -> _Module:
    """What a module defines and imports; nothing where it is none of ours."""
    found = _Module({}, {})
    path = _module_file(module, root)
    if path is None:
        return found
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    (tree,) = _trees(path)
    for statement in tree.body:
        if not _is_command_line(statement):
            for name in _stored(statement):
                found.defined.setdefault(name, []).append(statement)
    for name, dotted in _imports(tree, package):
        if name == dotted:  # ``import a.b`` makes a name ``a``
            name = dotted = dotted.split(".")[0]
        found.imported.setdefault(name, set()).add(dotted)
    return found


class _Essence(ast.NodeTransformer):
    """Leaves out what cannot change a number: docstrings, and checks that only raise."""

    def __init__(self, imported: dict[str, set[str]]) -> None:
        self.imported = imported

    def visit(self, node: ast.AST) -> ast.AST | None:
        self.generic_visit(node)
        idle = (
            isinstance(node, ast.Raise | ast.Assert)
            or (isinstance(node, ast.If) and not (node.body or node.orelse))
            or (isinstance(node, ast.Expr) and self._is_text_or_check(node.value))
        )
        if idle and not any(isinstance(part, ast.NamedExpr) for part in ast.walk(node)):
            return None
        return node

    def _is_text_or_check(self, value: ast.expr) -> bool:
        if isinstance(value, ast.Call):
            names = self.imported.get(next(_mentions(value.func), [""])[0], set())
            return any(f"{name}.".startswith(f"{CHECKS}.") for name in names)
        return isinstance(value, ast.Constant)


def _text(node: Any) -> str:
    """A tree as text that is the same for every version of Python."""
    if isinstance(node, list):
        return f"[{', '.join(map(_text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{field}={_text(value)}"
        for field, value in ast.iter_fields(node)
        if value is not None and value != []
    ]
    return f"{type(node).__name__}({', '.join(fields)})"


def _mentions(node: ast.AST) -> Iterator[list[str]]:
    """Every name in a tree with the attributes taken of it, as [name, *attributes]."""
    attributes: list[str] = []
    base = node
    while isinstance(base, ast.Attribute):
        attributes.insert(0, base.attr)
        base = base.value
    if isinstance(base, ast.Name):
        yield [base.id, *attributes]
    else:
        for child in ast.iter_child_nodes(base):
            yield from _mentions(child)


def reached(module: str, name: str, root: Path = ROOT) -> dict[str, str]:
    """Every definition that ``name`` depends on: "module:name" -> its essence.

    Raises:
        ValueError: the module has no such definition.
    """
    read = cache(lambda module: _read(module, root))
    seen: dict[str, str] = {}

    def visit(module: str, name: str, *attributes: str) -> None:
        """Follow a name of a module, and what is taken of it."""
        here = read(module)
        for dotted in here.imported.get(name, ()):
            follow([*dotted.split("."), *attributes])
        label = f"{module}:{name}"
        if name in here.defined and label not in seen:
            tree = ast.Module(copy.deepcopy(here.defined[name]), type_ignores=[])
            _Essence(here.imported).visit(tree)
            seen[label] = _text(tree.body)
            for mentioned in _mentions(tree):
                visit(module, *mentioned)

    def follow(chain: list[str]) -> None:
        """Follow a dotted name: a part of a module, or the whole of it."""
        for length in range(len(chain), 0, -1):
            module = ".".join(chain[:length])
            if _module_file(module, root):
                part = chain[length:]
                for each in [part] if part else [[name] for name in read(module).defined]:
                    visit(module, *each)
                return

    visit(module, name)
    if not seen:
        raise ValueError(f"{module} defines no {name!r}.")
    return seen
