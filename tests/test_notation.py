"""notation.md says what holds: names exist, axes are the library's, no symbol is left out.

And the chapter that a row names is the first in which its symbol, or its name, occurs.
"""

import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple, get_args, get_type_hints

import nbformat
import pytest

import seq2seq_lib
from tools import contents

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = {
    int(path.name[:2]): nbformat.read(path, as_version=4)
    for path in contents.notebooks(ROOT)
    if path.parent.name == "chapters"
}
NOTHING = "–"


class Row(NamedTuple):
    """One line of a table."""

    symbols: list[str]
    axes: tuple[str, ...]
    names: list[str]
    chapter: int


def rows(text: str) -> list[Row]:
    """The rows of the tables that name a first chapter."""
    found = []
    for table in re.findall(r"^\|.* first \|\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.M):
        for line in table.splitlines():
            symbol, *_, names, chapter = cells = [c.strip() for c in line.split("|")[1:-1]]
            axes = re.fullmatch(r"\((.*)\)", cells[2])
            found.append(
                Row(
                    re.findall(r"\$([^$]+)\$", symbol),
                    tuple(axes[1].split(", ")) if axes else (),
                    re.findall(r"`(\w+)`", names),
                    int(re.fullmatch(r"\{ref\}`(\d+) <chap-\d\d>`", chapter)[1]),
                )
            )
    return found


PAGE = (ROOT / "notation.md").read_text(encoding="utf-8")
ROWS = rows(PAGE)
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0] or row[2]))


def formulas(text: str) -> list[str]:
    """What stands between dollars, or in a role for formulas."""
    patterns = r"\$\$(.*?)\$\$", r"(?<!\$)\$([^$]+)\$(?!\$)", r"\{math\}`([^`]+)`"
    return [found for pattern in patterns for found in re.findall(pattern, text, re.S)]


@cache
def symbols_of(chapter: int) -> str:
    cells = CHAPTERS[chapter].cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return "\n".join(formula for text in texts for formula in formulas(text))


@cache
def code_of(chapter: int) -> str:
    """Code cells, and what the text sets as code."""
    cells = CHAPTERS[chapter].cells
    return "\n".join(
        cell.source
        if cell.cell_type == "code"
        else "\n".join(re.findall(r"(?<!\})`([^`\n]+)`", cell.source))
        for cell in cells
    )


def first(row: Row) -> int | None:
    """The first chapter with one of a row's symbols, or else with one of its names."""
    if row.symbols:
        wanted, text = map(re.escape, row.symbols), symbols_of
        pattern = rf"(?<![A-Za-z\\])(?:{'|'.join(wanted)})(?![A-Za-z])"
    else:
        pattern, text = rf"\b(?:{'|'.join(row.names)})\b", code_of
    return next((n for n in CHAPTERS if re.search(pattern, text(n))), None)


@cache
def library_code() -> str:
    files = sorted((ROOT / "seq2seq_lib").rglob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@cache
def annotated() -> dict[str, set[tuple[str, ...]]]:
    """The axes that the library's annotations give each name of a tensor."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for info in pkgutil.walk_packages(seq2seq_lib.__path__, "seq2seq_lib."):
        module = importlib.import_module(info.name)
        things = [t for t in vars(module).values() if inspect.isclass(t)]
        things += [m for t in things for m in vars(t).values() if inspect.isfunction(m)]
        things += [p.fget for t in things for p in vars(t).values() if _is_property(p)]
        things += [t for t in vars(module).values() if inspect.isfunction(t)]
        for thing in things:
            if not getattr(thing, "__module__", "").startswith("seq2seq_lib"):
                continue
            for name, hint in get_type_hints(thing).items():
                name = thing.__name__ if name == "return" else name
                for part in (hint, *get_args(hint)):
                    if hasattr(part, "dim_str"):
                        found.setdefault(name, set()).add(tuple(part.dim_str.split()))
    return found


def _is_property(thing: object) -> bool:
    return isinstance(thing, property)


def test_there_are_rows() -> None:
    assert len(ROWS) > 50


@each_row
def test_the_names_exist(row: Row) -> None:
    code = library_code() + "".join(map(code_of, CHAPTERS))
    missing = [name for name in row.names if not re.search(rf"\b{name}\b", code)]
    assert missing == []


@each_row
def test_the_chapter_is_the_first(row: Row) -> None:
    assert row.chapter == first(row)


@each_row
def test_the_axes_have_names(row: Row) -> None:
    table = PAGE.split("## Axes")[1].split("\n## ")[0]
    known = {name for axis in rows(table) for name in axis.names}
    assert set(row.axes) <= known


def test_the_axes_are_those_of_the_library() -> None:
    given, wrong = annotated(), []
    checked = 0
    for row in ROWS:
        known = set().union(*(given.get(name, set()) for name in row.names))
        if row.axes and known:
            checked += 1
            wrong += [(row.names, row.axes, known)] if row.axes not in known else []
    assert wrong == []
    assert checked >= 15


def letters(text: str) -> set[str]:
    """The letters of a text's formulas, without their indices and without words."""
    found: set[str] = set()
    for formula in formulas(text):
        found |= set(re.findall(r"\\(?:alpha|sigma|odot|partial|cap)(?![a-z])", formula))
        plain = re.sub(
            r"\\(?:text|mathrm|operatorname|begin|end)\{[^}]*\}|\\[A-Za-z]+", " ", formula
        )
        found |= set("".join(re.findall(r"[A-Za-z]", plain)))
    return found


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_symbol_of_a_chapter_is_left_out(chapter: int) -> None:
    cells = CHAPTERS[chapter].cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert letters(text) - letters(PAGE) == set()


def test_a_wrong_chapter_and_a_lost_symbol_are_found() -> None:
    table = "| symbol | it | axes | in the code | first |\n|---|---|---|---|---|\n"
    (row,) = rows(table + "| $s_t$ | it | (batch) | `dec_state` | {ref}`7 <chap-07>` |\n")
    assert row == Row(["s_t"], ("batch",), ["dec_state"], 7)
    assert first(row) == 4
    assert first(row._replace(symbols=[])) == 4
    assert first(Row([r"\zeta"], (), [], 1)) is None
    assert letters("the $x_t$, $$\n\\alpha \\text{score}_j\n$$") == {
        "x",
        "t",
        "j",
        "\\alpha",
    }
