"""What a page shows is whole: names come from cells that a reader can see.

A cell is *shown* if its code stands on the page, *folded* if it opens with a click, and
*off the page* otherwise. What is shown or folded is *visible*.
Plumbing, such as imports and values put aside, is not shown.
"""

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import contents, first_cell, notebooks

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = [*contents.notebooks(ROOT), ROOT / "_template.ipynb"]
OFF_THE_PAGE = {"remove-cell", "remove-input"}
FOLDED = {"hide-cell", "hide-input"}
ASIDE = {"put", "put_each", "glue"}
GIVEN = {*dir(builtins), "__name__"}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def look(cell: NotebookNode) -> str:
    """How a page shows the code of a cell: "shown", "folded" or "off the page"."""
    tags = {tag.replace("_", "-") for tag in cell.metadata.get("tags", [])}
    if tags & OFF_THE_PAGE or cell.metadata.get("mystnb", {}).get("remove_code_source"):
        return "off the page"
    return "folded" if tags & FOLDED else "shown"


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def statements(source: str) -> Iterator[ast.stmt]:
    """The statements of a cell in order, those of a loop after its head."""
    # Commands of IPython are no Python.
    lines = [line if line[:1] not in ("%", "!") else "" for line in source.splitlines()]
    waiting: list[ast.AST] = ast.parse("\n".join(lines)).body[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try):
            parts = [node, *getattr(node, "handlers", [])]
            for part in parts[::-1]:
                for name in ("finalbody", "orelse", "body"):
                    waiting += getattr(part, name, [])[::-1]
                    if hasattr(part, name):
                        setattr(part, name, [ast.Pass()])
        yield node


def scopes(
    table: symtable.SymbolTable, later: bool = False
) -> Iterator[tuple[symtable.SymbolTable, bool]]:
    """Every scope within a statement, and whether its code runs when it is called only."""
    yield table, later
    for inner in table.get_children():
        # Comprehensions and classes run at once, functions when somebody calls them.
        at_once = inner.get_type() == "class" or inner.get_name().endswith(("comp", "expr"))
        yield from scopes(inner, later or not at_once)


def names(node: ast.stmt) -> tuple[set[str], set[str], set[str]]:
    """The global names that a statement uses at once, uses when called, and binds."""
    now, when_called, bound = set(), set(), set()
    for table, later in scopes(symtable.symtable(ast.unparse(node), "cell", "exec")):
        for symbol in table.get_symbols():
            if table.get_type() != "module" and not symbol.is_global():
                continue
            if symbol.is_referenced():
                (when_called if later else now).add(symbol.get_name())
            if symbol.is_assigned() or symbol.is_imported():
                bound.add(symbol.get_name())
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        now.add(node.target.id)
    walrus = {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
    return now - walrus, when_called, bound


def unseen_names(notebook: NotebookNode) -> list[str]:
    """Names that a visible cell uses and that no visible cell gave their value."""
    found, called = [], []
    seen, everywhere = dict.fromkeys(GIVEN, True), set(GIVEN)
    for number, cell in enumerate(code(notebook), start=1):
        visible = look(cell) != "off the page"
        for node in statements(cell.source):
            now, when_called, bound = names(node)
            if visible:
                missing = sorted(name for name in now if not seen.get(name))
                found += [f"cell {number} uses {name!r}" for name in missing]
                called += [(number, name) for name in sorted(when_called)]
                everywhere |= bound
            seen |= dict.fromkeys(bound, visible)
    found += [f"cell {n} calls {name!r}" for n, name in called if name not in everywhere]
    return found


def plumbing(notebook: NotebookNode) -> list[str]:
    """What a page shows and no reader came for."""
    found = []
    for number, cell in enumerate(code(notebook), start=1):
        if look(cell) != "shown":
            continue
        here = ast.parse(cell.source)
        called = [node.func for node in ast.walk(here) if isinstance(node, ast.Call)]
        if ASIDE & {ast.unparse(function).split(".")[-1] for function in called}:
            found.append(f"cell {number} puts values aside: tag it remove-cell")
        if here.body and all(isinstance(n, ast.Import | ast.ImportFrom) for n in here.body):
            found.append(f"cell {number} only imports: fold it")
        printed = "".join(output.get("text", "") for output in cell.get("outputs", []))
        lines = printed.split("\n")[:-1]
        if lines and all(re.search(r"\bTrue\W*$", line) for line in lines):
            found.append(f"cell {number} only says True: say the number, or tag it")
    return found


@every_notebook
def test_what_a_reader_sees_is_defined_where_a_reader_sees_it(path: Path) -> None:
    assert unseen_names(nbformat.read(path, as_version=4)) == []


@every_notebook
def test_plumbing_is_folded_or_off_the_page(path: Path) -> None:
    assert plumbing(nbformat.read(path, as_version=4)) == []


@every_notebook
def test_a_notebook_begins_with_its_imports_in_a_fold_that_says_so(path: Path) -> None:
    fetch, first, *_ = code(nbformat.read(path, as_version=4))
    assert first_cell.is_first_cell(fetch)
    assert look(fetch) == look(first) == "folded"
    assert first.metadata["mystnb"]["code_prompt_show"] == "Imports"


# --- the test itself can fail ----------------------------------------------------------


def pages(*cells: tuple[str, str]) -> NotebookNode:
    """A notebook of pairs of a source and a tag, which may be empty."""
    return new_notebook(
        cells=[new_markdown_cell("# Title")]
        + [new_code_cell(s, metadata={"tags": [tag] if tag else []}) for s, tag in cells]
    )


@pytest.mark.parametrize("tag", ["remove-cell", "remove_cell", "remove-input"])
@pytest.mark.parametrize(
    "use",
    [
        "print(hidden)",
        "hidden += 1",
        "hidden = hidden + 1",
        "hidden.field = 1",
        "def f(x=hidden):\n    return x",
        "def f():\n    return hidden",
        "f = lambda: hidden",
        "[hidden for _ in range(3)]",
        "class C:\n    field = hidden",
        "@hidden\ndef f():\n    pass",
        "for x in hidden:\n    pass",
        "for x in []:\n    hidden += x",
        "for hidden in hidden:\n    pass",
        "try:\n    pass\nexcept ValueError:\n    print(hidden)",
        "if True:\n    pass\nelse:\n    hidden = hidden + 1",
        "with open(hidden) as hidden_file:\n    pass",
        "print(f'{hidden:.2f}')",
    ],
)
def test_a_name_from_a_cell_off_the_page_is_found(use: str, tag: str) -> None:
    found = unseen_names(pages(("hidden = 1", tag), (use, "")))
    assert len(found) == 1 and "cell 2" in found[0] and "'hidden'" in found[0]
    assert unseen_names(pages(("hidden = 1", "hide-cell"), (use, "hide-input"))) == []


def test_a_value_that_a_cell_off_the_page_changed_is_found() -> None:
    cells = ("x = 1", ""), ("x = 2", "remove-cell"), ("print(x)", "")
    assert unseen_names(pages(*cells)) == ["cell 3 uses 'x'"]
    assert unseen_names(pages(*cells[:2], ("x = 3", ""), cells[2])) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = [y for y in range(3)]",
        "def f(a, *b, c=1, **d):\n    e = a\n    return a, b, c, d, e, f",
        "for i, (j, k) in []:\n    print(i, j, k)",
        "import os.path as p, math\nprint(p, math.pi)",
        "try:\n    pass\nexcept ValueError as error:\n    print(error)",
        "class C:\n    def m(self):\n        return C, super()",
        "print(__name__, len('x'))",
        "%matplotlib inline\n!ls",
        "if (n := 3) > 2:\n    print(n)",
        "def f():\n    return later()\ndef later():\n    return 1",
        "x = 1;",
    ],
)
def test_a_cell_that_defines_what_it_uses_is_in_order(source: str) -> None:
    assert unseen_names(pages((source, ""))) == []


def test_a_function_may_be_written_before_what_it_calls() -> None:
    assert unseen_names(pages(("def f():\n    return g", ""), ("g = 1", ""))) == []
    assert unseen_names(pages(("f = g", ""), ("g = 1", ""))) == ["cell 1 uses 'g'"]


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("put(a=1)", ""),
        ("page.put(a=1)", ""),
        ("x = 1\nglue('a', x, display=False)", ""),
        ("for k in ():\n    put_each('a', k)", ""),
        ("import math\nfrom pathlib import Path", ""),
        ("print(x > 0.9)", "above 0.9: True\n"),
        ("print(x)", "same: True, other: True\nand: [True]\n"),
    ],
)
def test_plumbing_is_found_where_it_is_shown(source: str, printed: str) -> None:
    notebook = pages((source, ""))
    notebook.cells[1].outputs = [new_output("stream", text=printed)] if printed else []
    assert len(plumbing(notebook)) == 1
    for tag in ("remove-cell", "hide-cell"):
        notebook.cells[1].metadata["tags"] = [tag]
        assert plumbing(notebook) == []


def test_a_table_that_says_true_and_false_is_no_plumbing() -> None:
    notebook = pages(("import math\nprint(1)", notebooks.PROMISE))
    notebook.cells[1].outputs = [new_output("stream", text="right: True\nwrong: False\n")]
    assert plumbing(notebook) == []
