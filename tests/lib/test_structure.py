"""The shape of the library and of the checks beside it.

One idea per file, imports one way, everything documented.
"""

import ast
import doctest
import importlib
import inspect
import io
import re
import tokenize
from collections import Counter
from pathlib import Path

import pytest

import checks
import seq2seq_lib

PACKAGES = {package.__name__: package for package in (seq2seq_lib, checks)}
ROOT = Path(seq2seq_lib.__file__).parents[1]
FILES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
LIBRARY = [path for path in FILES if path.is_relative_to(ROOT / "seq2seq_lib")]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in FILES
    if path.name != "__init__.py"
]
LONGEST = 250

TESTS = sorted((ROOT / "tests").rglob("*.py"))

every_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
every_module = pytest.mark.parametrize("name", MODULES)


def _order(package: str) -> list[str]:
    """The modules as the package's docstring lists them, the lowest first."""
    text = PACKAGES[package].__doc__
    listed = re.search(r"those above it:\n\n(.*?)\n\Z", text, re.DOTALL)
    return [name.strip() for name in listed[1].replace("\n", " ").split(",")]


def _place(path: Path) -> tuple[str, str]:
    """The package of a file, and the entry of its list that the file belongs to."""
    package, part, *_ = path.relative_to(ROOT).with_suffix("").parts
    return package, part


def _imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    tree = ast.parse(path.read_text(encoding="utf8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]


def _imported(path: Path, package: str) -> set[str]:
    """The parts of a package that a file imports."""
    names = set()
    for node in _imports(path):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: write imports in full"
            modules = [node.module]
            if node.module == package:
                modules = [f"{package}.{alias.name}" for alias in node.names]
        else:
            modules = [alias.name for alias in node.names]
        names |= {m.split(".")[1] for m in modules if m.startswith(f"{package}.")}
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_lists_every_module_and_no_other(package):
    places = map(_place, FILES)
    parts = {part for its, part in places if its == package} - {"__init__"}
    assert set(_order(package)) == parts
    assert len(_order(package)) == len(parts)


@every_file
def test_imports_point_one_way(path):
    package, part = _place(path)
    order = _order(package)
    if part == "__init__":
        assert not _imported(path, package)
        return
    allowed = set(order[: order.index(part)])
    if path.parent != ROOT / package:
        allowed.add(part)  # files of one folder
    assert _imported(path, package) <= allowed


def test_the_library_knows_nothing_of_homework():
    for path in LIBRARY:
        assert not _imported(path, "checks"), path


@every_file
def test_nothing_is_imported_wholesale(path):
    for node in _imports(path):
        assert all(alias.name != "*" for alias in node.names)


@every_file
def test_a_file_is_named_after_its_idea(path):
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


@every_file
def test_a_file_is_short(path):
    """Lines of code, without docstrings, comments and blank lines."""
    text = path.read_text(encoding="utf8")
    lines = set()
    previous = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_docstring = token.type == tokenize.STRING and previous in (
            tokenize.NEWLINE,
            tokenize.INDENT,
            tokenize.DEDENT,
        )
        if token.type in (tokenize.NL, tokenize.COMMENT):
            continue
        layout = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        if not layout and not is_docstring:
            lines.update(range(token.start[0], token.end[0] + 1))
        previous = token.type
    assert len(lines) <= LONGEST


def _has_docstring(cls: type, name: str) -> bool:
    """Whether a method has one, or overrides a method of the library that has."""
    ours = [c for c in cls.__mro__ if c.__module__.split(".")[0] in PACKAGES]
    return any(inspect.getdoc(vars(c).get(name)) for c in ours if name in vars(c))


def _undocumented(module) -> list[str]:
    missing = [] if inspect.getdoc(module) else [module.__name__]
    for name, value in vars(module).items():
        ours = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not ours:
            continue
        if inspect.isfunction(value) and not value.__doc__:
            missing.append(name)
        if inspect.isclass(value):
            if not value.__doc__ or value.__doc__.startswith(f"{name}("):
                missing.append(name)  # dataclasses write a line of their own
            for member_name, member in vars(value).items():
                member = getattr(member, "__func__", member)
                is_method = inspect.isfunction(member) or isinstance(member, property)
                public = is_method and not member_name.startswith("_")
                if public and not _has_docstring(value, member_name):
                    missing.append(f"{name}.{member_name}")
    return missing


@every_module
def test_everything_public_is_documented(name):
    assert _undocumented(importlib.import_module(name)) == []


@every_module
def test_the_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_in_docstrings():
    finder = doctest.DocTestFinder()
    examples = [
        example
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        for example in test.examples
    ]
    assert len(examples) >= 9


def test_every_file_of_tests_has_a_name_of_its_own():
    """Pytest cannot collect two modules of one name from folders that are no packages."""
    names = Counter(path.name for path in TESTS)
    assert not [name for name, times in names.items() if times > 1 and "test_" in name]


def test_the_library_never_prints():
    for path in LIBRARY:
        tree = ast.parse(path.read_text(encoding="utf8"))
        calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
        assert not [f for f in calls if isinstance(f, ast.Name) and f.id == "print"], path


def test_no_device_is_written_into_the_library():
    """A tensor's device is asked for, never assumed: "cuda" is only compared with."""
    for path in LIBRARY:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr != "cuda", path
                if node.func.attr == "to":
                    assert not any(isinstance(a, ast.Constant) for a in node.args), path
