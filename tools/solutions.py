"""The book without the solutions of its exercises, for the site of a class.

    python -m tools.build_book --no-solutions     # what `make book SOLUTIONS=0` does

A solution has cells of its own, from the one that begins with ``{solution-start}`` to the
one that ends with ``{solution-end}``; `tools.notebooks strip` tags them. The chapters run
as they always do, solutions included; then a copy of the book's source is written without
the tagged cells, with an execution cache of its own. Sphinx sees only this copy: what is
not in it cannot be on a page, in a download, in the search index or in an image.

What stays must not need what goes: a glued value, a reference or a name that only a
solution makes, and that the rest of the book uses, is an error and not a hole in a page.
"""

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat
import yaml
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.cache.main import CacheBundleIn
from nbconvert.preprocessors import TagRemovePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tools import first_cell
from tools.contents import SUFFIXES, ContentsError, pages, read, read_notebook, settings

TAG = "solution"

_GATE = re.compile(r"^ *[`:~]{3,}\{(solution|exercise)(-start|-end)?\} *(\S*)", re.M)
_BEGINS = re.compile(r"\s*[`:~]{3,}\{solution-start\}")
_ENDS = re.compile(r"\{solution-end\}.*\n *[`:~]{3,}\s*\Z")
_LABELS = re.compile(r"^\s*(?::(?:label|name):\s*(\S+)|\(([^()\s]+)\)=)", re.M)
_GLUED = re.compile(r"\{glue(?::\w+)?\}\s*`?([^\s`:]+)")
_BUTTONS = ("use_repository_button", "use_issues_button", "use_edit_page_button")


def tagged(notebook: NotebookNode, name: str) -> NotebookNode:
    """A copy in which exactly the cells of solutions are tagged; here one sees whether
    starts and ends match, and whether a solution shares a cell.
    """
    result = copy.deepcopy(notebook)
    opened = ""  # the exercise whose solution we are in, and where it begins
    for number, cell in enumerate(result.cells, start=1):
        where, begins = f"cell {number}", bool(opened or _BEGINS.match(cell.source))
        solution, shares = bool(opened), False
        gates = _GATE.findall(cell.source if cell.cell_type == "markdown" else "")
        for kind, edge, label in gates:
            if opened and edge != "-end":
                raise ContentsError(
                    f"{name}: the solution of {opened} and has no {{solution-end}} before "
                    f"the next {kind} begins, in {where}."
                )
            if kind == "exercise":
                continue
            if not opened and edge != "-start":
                raise ContentsError(
                    f"{name}: a solution ends in {where} that did not begin; its "
                    "{solution-start} is missing."
                )
            opened = f"{label} begins in {where}" if edge == "-start" else ""
            solution, shares = True, not (begins and (opened or _ENDS.search(cell.source)))
        if shares:
            raise ContentsError(
                f"{name}: a solution shares {where} with other text; give it cells of "
                "its own."
            )
        tags = [tag for tag in cell.metadata.pop("tags", []) if tag != TAG]
        tags += [TAG] if solution else []
        if tags:
            cell.metadata.tags = tags
    if opened:
        raise ContentsError(
            f"{name}: the solution of {opened} and never ends; its {{solution-end}} is "
            "missing."
        )
    return result


def undefined(cells: Iterable[NotebookNode]) -> set[str]:
    """The names that code cells use and that neither they nor Python define.

    Ruff answers, so scopes, comprehensions and IPython's own lines count as they do for
    Python. An axis in an annotation of shapes is no name, but is counted as one.
    """
    code = [new_code_cell(cell.source) for cell in cells if cell.cell_type == "code"]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--ignore-noqa"]
    command += ["--select=F821", "--output-format=json", "--stdin-filename=cells.ipynb"]
    done = subprocess.run(
        [*command, "-"],
        input=nbformat.writes(new_notebook(cells=code)),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    found = json.loads(done.stdout)
    return {one["message"].split("`")[1] for one in found if one["code"] == "F821"}


def without_solutions(
    notebook: NotebookNode, name: str
) -> tuple[NotebookNode, list[NotebookNode]]:
    """A notebook without its solutions, executed or not, and the cells that went."""
    whole = tagged(notebook, name)
    gone = [cell for cell in whole.cells if TAG in cell.metadata.get("tags", [])]
    if not gone:
        return notebook, gone
    shorter, _ = TagRemovePreprocessor(remove_cell_tags={TAG}).preprocess(whole, {})
    shorter.metadata.pop("widgets", None)  # their state would stay behind
    lost = _glued(gone) - _glued(shorter.cells)
    for key in _GLUED.findall(prose(shorter)):
        if key in lost:
            raise ContentsError(
                f"{name}: a paragraph outside the solutions shows {key!r}, which only a "
                "solution computes. Compute it in a cell that stays, or move the "
                "paragraph into the solution."
            )
    for used in sorted(undefined(shorter.cells) - undefined(notebook.cells)):
        raise ContentsError(
            f"{name}: a cell outside the solutions uses {used!r}, which only a solution "
            "defines. Define it in a cell that stays."
        )
    return shorter, gone


def prose(notebook: NotebookNode) -> str:
    """The text of a notebook."""
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def _glued(cells: Iterable[NotebookNode]) -> set[str]:
    """The keys that executed cells put aside."""
    return {
        output.metadata["scrapbook"]["name"]
        for cell in cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    }


def labels(cells: Iterable[NotebookNode]) -> set[str]:
    """What text elsewhere could refer to in some cells."""
    found = set()
    for cell in cells:
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        found |= {figure["name"]} if "name" in figure else set()
        if cell.cell_type == "markdown":
            found |= {a or b for a, b in _LABELS.findall(cell.source)}
    return found


def check_references(text: str, lost: Iterable[str], name: str) -> None:
    """See that a text does not refer to what was cut out."""
    for label in lost:
        if re.search(rf"(?<![\w-]){re.escape(label)}(?![\w-])", text):
            raise ContentsError(
                f"{name}: a paragraph outside the solutions refers to {label!r}, which "
                "stands in a solution. Move one of the two."
            )


def write_copy(
    source: Path, cache: JupyterCacheAbstract, target: Path, own: JupyterCacheAbstract
) -> None:
    """Write the book's source without solutions, and fill the cache that belongs to it.

    Args:
        source: the book; stays as it is.
        cache: holds every chapter of it, executed.
        target: a new folder; one that exists is replaced.
        own: an empty cache, for the chapters of ``target``.
    """
    listed = pages(source)
    texts: dict[Path, str] = {}
    shorter: dict[Path, NotebookNode] = {}
    lost: set[str] = set()
    for path in listed:
        name = path.relative_to(source).as_posix()
        if path.suffix != ".ipynb":
            texts[path] = read(path, "a page")
            continue
        notebook = read_notebook(path)
        try:
            _, executed = cache.merge_match_into_notebook(notebook)
        except KeyError:
            raise ContentsError(f"{name} was changed meanwhile; build again.") from None
        shown = first_cell.without_address(without_solutions(executed, name)[0])
        own.cache_notebook_bundle(
            CacheBundleIn(shown, str(target / name)),
            check_validity=False,
            overwrite=True,  # two chapters may be left with equal code
        )
        left, gone = without_solutions(notebook, name)
        texts[path] = prose(left)
        lost |= labels(gone)
        left = first_cell.without_address(left)
        if left != notebook:
            shorter[path] = left
    for path, text in texts.items():
        name = path.relative_to(source).as_posix()
        check_references(text, lost, name)
        if "{solution" in text:
            raise ContentsError(
                f"{name}: a {{solution}} stands where it cannot be cut out; give it cells "
                "of its own in a notebook, between {solution-start} and {solution-end}."
            )

    # No page that is not listed is copied: it may hold solutions.
    given = settings(source)
    no_page = shutil.ignore_patterns(
        ".*", "_build*", "__pycache__", *(f"*{suffix}" for suffix in SUFFIXES)
    )
    excluded = shutil.ignore_patterns(*given.get("exclude_patterns", []))

    def left_out(folder: str, names: list[str]) -> set[str]:
        at_top = excluded(folder, names) if Path(folder) == source else set()
        return no_page(folder, names) | at_top

    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=left_out)
    for path in listed:
        copied = target / path.relative_to(source)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copied)
        if path in shorter:
            nbformat.write(shorter[path], copied)
    # The repository and its pages hold solutions: neither buttons nor addresses nor first
    # cells lead there.
    given.pop("launch_buttons", None)
    given.pop("repository", None)
    given["html"] = given.get("html", {}) | dict.fromkeys(_BUTTONS, False)
    text = yaml.safe_dump(given, sort_keys=False, allow_unicode=True)
    (target / "_config.yml").write_text(text, encoding="utf-8")
