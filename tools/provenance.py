"""What decides a result: code that is followed through its imports, as a short text.

``definitions`` begins at one function and follows every function, class and constant that
it names. A clearer error, a comment or a docstring leaves the text as it is; whatever could
change a number changes it. The results of experiments carry it.

``files`` begins at files and lists every file that they import, and ``digest`` ignores
nothing in them but the kind of line ends: a page, or a grade, may rest on an error message.

Only code below ``root`` is followed, and none is run: a file whose name is put together
while code runs (``import_module(name)``) has to be one more start.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CHECKS = ("require", "option", "whole", "number")  # alone on a line, they only raise
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(module: str, name: str, configuration: dict, root: Path = ROOT) -> str:
    """The text of a function, of all that it depends on, and of a configuration.

    The configuration is what was chosen, as JSON can hold it: sizes, rates, budgets.
    """
    content = {"code": reached(module, name, root), "configuration": configuration}
    text = json.dumps(content, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def files(*starts: str | Path, root: Path = ROOT) -> list[Path]:
    """The starts and every file below ``root`` that they import, directly or not.

    A start is absolute or seen from ``root``. Modules and the code cells of notebooks are
    followed; any other file is listed and no more.
    """
    root = root.resolve()
    found, waiting = set[Path](), [root / start for start in starts]
    while waiting:
        path = waiting.pop().resolve()
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist, and cannot decide a result.")
        if path not in found:
            found.add(path)
            for _, dotted in _imports(path, root):
                waiting += [file for _, file, _ in _modules(dotted, root)]
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
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()[:16]


def reached(module: str, name: str, root: Path = ROOT) -> dict[str, str]:
    """Every definition that ``name`` depends on: "module:name" -> its essence."""
    read = cache(lambda file: _read(file, root))
    seen: dict[str, str] = {}
    waiting, followed = {f"{module}.{name}"}, set[str]()
    while waiting:
        followed.add(chain := waiting.pop())
        for owner, file, rest in _modules(chain, root):
            for part in rest[:1] or read(file):  # all of a module that is handed on
                meanings, label = read(file).get(part, []), f"{owner}:{part}"
                found = {".".join([m, *rest[1:]]) for m in meanings if isinstance(m, str)}
                statements = [m for m in meanings if isinstance(m, ast.stmt)]
                if statements and label not in seen:
                    names: set[str] = set()
                    seen[label] = _essence(statements, names)
                    found |= {f"{owner}.{each}" for each in names}
                waiting |= found - followed
    if not seen:
        raise ValueError(f"{module} defines no {name!r}.")
    return seen


def _modules(dotted: str, root: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """Every module that a dotted name leads through: itself, its file, what is taken."""
    parts = dotted.split(".")
    for end in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:end])
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                yield ".".join(parts[:end]), file, parts[end:]


def _code(path: Path) -> Iterator[ast.Module]:
    """A module, or the cells of a notebook without IPython's lines; what is none, not."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    texts = [text] if path.suffix == ".py" else []
    if path.suffix == ".ipynb":
        with suppress(ValueError, KeyError, TypeError):  # a damaged one has no code
            cells = [c for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
            texts = [re.sub(r"(?m)^\s*[%!].*$", "", "".join(c["source"])) for c in cells]
    for text in texts:
        with suppress(SyntaxError, ValueError):
            yield ast.parse(text)


def _imports(path: Path, root: Path) -> Iterator[tuple[str, str]]:
    """("c", "a.b") for each ``from a import b as c``, where b is a module or in one."""
    package = path.relative_to(root).parent.parts if path.is_relative_to(root) else ()
    for node in (node for tree in _code(path) for node in ast.walk(tree)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            level, module = getattr(node, "level", 0), getattr(node, "module", None)
            parents = package[: len(package) + 1 - level] if level else ()
            for alias in node.names:
                dotted = ".".join(filter(None, [*parents, module, alias.name]))
                yield alias.asname or alias.name, dotted


def _read(path: Path, root: Path) -> dict[str, list[ast.stmt | str]]:
    """Name -> the statements of a module behind it, or the dotted names it stands for."""
    found: dict[str, list[ast.stmt | str]] = defaultdict(list)
    for tree in _code(path):
        for statement in tree.body:
            for name in _names(statement):
                found[name].append(statement)
    for name, dotted in _imports(path, root):
        if name == dotted:  # ``import a.b`` makes a name ``a``
            name = dotted = dotted.split(".")[0]
        found[name].append(dotted)
    return found


def _names(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module's top level defines, or may change."""
    if isinstance(statement, Definition):
        return {statement.name}
    if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
        return set()  # the command line
    changed: list[Any] = [statement]  # TABLE.update(...), try: ... except: ...
    if isinstance(statement, ast.Assign):
        changed = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        changed = [statement.target]
    nodes = [node for each in changed for node in ast.walk(each)]
    defined = {node.name for node in nodes if isinstance(node, Definition)}
    return defined | {node.id for node in nodes if isinstance(node, ast.Name)}


def _idle(node: Any) -> bool:
    """Whether a statement changes no number: a docstring, or a check that only raises."""
    match node:
        case ast.Raise() | ast.Assert() | ast.Expr(ast.Constant()):
            idle = True
        case ast.Expr(ast.Call(ast.Name(name))):
            idle = name in CHECKS
        case _:
            idle = isinstance(node, ast.If) and all(map(_idle, node.body + node.orelse))
    return idle and not any(isinstance(part, ast.NamedExpr) for part in ast.walk(node))


def _essence(node: Any, names: set[str]) -> str:
    """What may change a number, as text for every version of Python; collects its names."""
    if isinstance(node, list):
        return f"[{', '.join(_essence(each, names) for each in node if not _idle(each))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    dotted = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
    if re.fullmatch(r"[\w.]+", dotted):
        names.add(dotted)
        return dotted
    pairs = [(name, _essence(value, names)) for name, value in ast.iter_fields(node)]
    given = [f"{name}={text}" for name, text in pairs if text not in ("None", "[]")]
    return f"{type(node).__name__}({', '.join(given)})"
