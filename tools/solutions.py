"""The book without the solutions of its exercises, for the site of a class.

    python -m tools.build_book --no-solutions     # what `make book SOLUTIONS=0` does

A solution is everything from ``{solution-start}`` to ``{solution-end}``, or a whole
``{solution}``; `tools.notebooks strip` tags the cells that hold nothing else. The chapters
run as they always do, solutions included; then a copy of the book's source is written
without them, with an execution cache of its own. Sphinx sees only this copy: what is not
in it cannot be on a page, in a download, in the search index or in an image.

What stays must not need what goes: a glued value, a figure or a name that only a solution
makes, and that the rest of the book uses, is an error here and not a hole in a page.
"""

import copy
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.cache.main import CacheBundleIn
from nbconvert.preprocessors import TagRemovePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from tools.contents import SUFFIXES, ContentsError, pages, read, read_notebook
from tools.contents import settings as read_settings
from tools.names import undefined

TAG = "solution"

_GATE = re.compile(  # a directive from its first fence to the one that closes it
    r"^ *(?P<fence>`{3,}|:{3,}|~{3,})\{(?P<kind>solution|exercise)(?P<edge>-start|-end)?\}"
    r" *(?P<label>\S*).*\n(?P<options>(?: *:[\w-]+:.*\n)*)(?:.*\n)*? *(?P=fence)[`:~]* *$",
    re.M,
)
_LABELS = re.compile(r"^\s*(?::(?:label|name):\s*(\S+)|\(([^()\s]+)\)=)", re.M)
# References with words of their own, and those whose words Sphinx would fill in.
_TITLED = r"\{(?!numref)[\w:]+\}`([^`<]+?)\s*<%s>`|\[([^\]]+)\]\([^()\s]*#%s\)"
_BARE = r"\{[\w:]+\}`(?:[^`<]*<)?%s>?`|\[\]\([^()\s]*#%s\)"
_GLUED = re.compile(r"\{glue(?::\w+)?\}\s*`?([^\s`:]+)")


class SolutionsError(ContentsError):
    """The solutions cannot be cut out; the message says where and why."""


@dataclass
class Page:
    """A page whose solutions are cut out.

    Args:
        name: how to call it in messages.
        kept: the text that stays, one entry for each cell.
        cells: the numbers of the cells that go whole, from 0.
        labels: what was defined in the text and the cells that go.
        solutions: of these, the labels of the solutions themselves.
    """

    name: str
    kept: list[str]
    cells: list[int] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    solutions: set[str] = field(default_factory=set)


def _texts(cells: Iterable[NotebookNode]) -> list[str]:
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def _labels(text: str) -> set[str]:
    return {a or b for a, b in _LABELS.findall(text)}


def tagged(notebook: NotebookNode, name: str) -> NotebookNode:
    """A copy in which exactly those cells are tagged that a solution fills.

    Raises:
        SolutionsError: starts and ends do not match, a solution begins where it cannot be
            cut, or a cell is tagged that holds none.
    """
    result = copy.deepcopy(notebook)
    parts = _parts(notebook, name)
    for number, (cell, (stays, _)) in enumerate(zip(result.cells, parts, strict=True), 1):
        tags = cell.metadata.pop("tags", [])
        if TAG in tags and stays == cell.source:
            raise SolutionsError(
                f"{name}: cell {number} is tagged {TAG!r}, but stands in no solution: take "
                "the tag off, or put it between {solution-start} and {solution-end}."
            )
        tags = [tag for tag in tags if tag != TAG] + [TAG] * (stays is None)
        if tags:
            cell.metadata.tags = tags
    return result


def _parts(notebook: NotebookNode, name: str) -> list[tuple[str | None, str]]:
    """Of the source of each cell, what stays (None if the cell goes) and what goes.

    Raises:
        SolutionsError: see ``tagged``.
    """
    found: list[tuple[str | None, str]] = []
    opened = ""  # the solution that we are in, and where it begins
    for number, cell in enumerate(notebook.cells, start=1):
        where, prose = f"cell {number}", cell.cell_type == "markdown"
        kept: list[str] = []
        gone: list[str] = []
        done = 0
        for gate in _GATE.finditer(cell.source if prose else ""):
            if opened and gate["edge"] != "-end":
                raise SolutionsError(
                    f"{name}: the solution of {opened} and has no {{solution-end}} before "
                    f"the next {gate['kind']} begins, in {where}."
                )
            if gate["kind"] == "exercise":
                continue
            if gate["edge"] == "-end" and not opened:
                raise SolutionsError(
                    f"{name}: a solution ends in {where} that did not begin; its "
                    "{solution-start} is missing."
                )
            (gone if opened else kept).append(cell.source[done : gate.start()])
            gone.append(gate[0])
            done = gate.end()
            starts = gate["edge"] == "-start"
            opened = f"{gate['label']} begins in {where}" if starts else ""
        (gone if opened else kept).append(cell.source[done:])
        stays = "\n\n".join(text.strip("\n") for text in kept if text.strip())
        if prose and "{solution" in stays:
            fence = re.search(r"^ *([`:~]{3,})\{solution", stays, re.M)
            raise SolutionsError(
                f"{name}: the fence {fence[1]} of a solution in {where} is not closed."
                if fence
                else f"{name}: a {{solution}} stands where it cannot be cut out, such as "
                f"in a quote or behind other words, in {where}; let its fence begin a line."
            )
        found.append((stays or None, "\n".join(gone)) if gone else (cell.source, ""))
    if opened:
        raise SolutionsError(
            f"{name}: the solution of {opened} and never ends; its {{solution-end}} is "
            "missing."
        )
    return found


def without_solutions(notebook: NotebookNode, name: str) -> tuple[NotebookNode, Page]:
    """A notebook without its solutions, executed or not, and what was cut.

    Args:
        notebook: stays as it is.
        name: how to call it in messages.

    Raises:
        SolutionsError: see ``tagged``; or what stays needs what goes.
    """
    parts = _parts(notebook, name)
    cutting = TagRemovePreprocessor(remove_cell_tags={TAG})
    shorter, _ = cutting.preprocess(tagged(notebook, name), {})
    staying = [text for text, _ in parts if text is not None]
    for cell, text in zip(shorter.cells, staying, strict=True):
        if text != cell.source and "attachments" in cell:
            images = cell.attachments.items()
            cell.attachments = {name: image for name, image in images if name in text}
        cell.source = text
    page = Page(name, _texts(shorter.cells))
    page.cells = [number for number, (text, _) in enumerate(parts) if text is None]
    gone = [notebook.cells[number] for number in page.cells]
    if gone:
        shorter.metadata.pop("widgets", None)  # their state would stay behind
    lost = _glued(gone) - _glued(shorter.cells)
    for key in _GLUED.findall("\n".join(page.kept)):
        if key in lost:
            raise SolutionsError(
                f"{name}: a paragraph outside the solutions shows {key!r}, which only a "
                "solution computes. Compute it in a cell that stays, or move the paragraph "
                "into the solution."
            )
    needed = undefined(shorter.cells) - undefined(notebook.cells) if gone else set()
    if needed:
        raise SolutionsError(
            f"{name}: a cell outside the solutions uses {min(needed)!r}, which only a "
            "solution defines. Define it in a cell that stays."
        )
    pairs = zip(notebook.cells, parts, strict=True)
    cut = "\n".join(text for cell, (_, text) in pairs if cell.cell_type == "markdown")
    figures = (cell.metadata.get("mystnb", {}).get("figure", {}) for cell in gone)
    page.labels = _labels(cut) | {each["name"] for each in figures if "name" in each}
    page.solutions = _labels("".join(gate["options"] for gate in _GATE.finditer(cut)))
    return shorter, page


def _glued(cells: Iterable[NotebookNode]) -> set[str]:
    """The keys that executed cells put aside."""
    return {
        output.metadata["scrapbook"]["name"]
        for cell in cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    }


def unlinked(text: str, cut: Iterable[Page], name: str) -> str:
    """A text without references to what was cut: of a link, its words stay.

    Raises:
        SolutionsError: it refers to a figure, table or formula of a solution, by number.
    """
    for page in cut:
        for label in page.labels:
            place = re.escape(label)
            text = re.sub(_TITLED % (place, place), lambda m: m[1] or m[2], text)
            bare = _BARE % (place, place)
            if label in page.solutions:
                text = re.sub(bare, "the solution", text)
            elif re.search(bare, text):
                raise SolutionsError(
                    f"{name}: a paragraph outside the solutions refers to {label!r}, which "
                    f"stands in a solution of {page.name}. Move one of the two."
                )
    return text


def without_buttons(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without the buttons that lead to the repository, where solutions are."""
    changed = {k: v for k, v in settings.items() if k != "launch_buttons"}
    off = ("use_repository_button", "use_issues_button", "use_edit_page_button")
    changed["html"] = {**settings.get("html", {}), **dict.fromkeys(off, False)}
    return changed


def write_copy(
    source: Path, cache: JupyterCacheAbstract, target: Path, own: JupyterCacheAbstract
) -> None:
    """Write the book's source without solutions, and fill the cache that belongs to it.

    Args:
        source: the book; stays as it is.
        cache: holds every chapter of it, executed.
        target: a new folder; one that exists is replaced.
        own: an empty cache, for the chapters of ``target``.

    Raises:
        SolutionsError: see ``without_solutions`` and ``unlinked``.
    """
    whole: dict[Path, NotebookNode] = {}
    shorter: dict[Path, NotebookNode] = {}
    cut: list[Page] = []
    for path in pages(source):
        name = path.relative_to(source).as_posix()
        if path.suffix == ".ipynb":
            whole[path] = read_notebook(path)
            try:
                _, executed = cache.merge_match_into_notebook(whole[path])
            except KeyError:
                raise SolutionsError(
                    f"{name} was changed meanwhile; build again."
                ) from None
            executed, _ = without_solutions(executed, name)
            own.cache_notebook_bundle(
                CacheBundleIn(executed, str(target / name)), check_validity=False
            )
        else:
            whole[path] = new_notebook(cells=[new_markdown_cell(read(path, "a page"))])
        shorter[path], page = without_solutions(whole[path], name)
        cut.append(page)

    settings = read_settings(source)

    def left_out(folder: str, names: list[str]) -> set[str]:
        """All pages, too: one that is not listed may hold solutions."""
        patterns = [".*", "_build*", "__pycache__", *(f"*{suffix}" for suffix in SUFFIXES)]
        if Path(folder) == source:
            patterns += settings.get("exclude_patterns", [])
        return shutil.ignore_patterns(*patterns)(folder, names)

    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=left_out)
    (target / "_config.yml").write_text(
        yaml.safe_dump(without_buttons(settings), sort_keys=False, allow_unicode=True),
        encoding="utf-8",
    )
    for path, notebook in shorter.items():
        copied = target / path.relative_to(source)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = unlinked(cell.source, cut, copied.name)
        if notebook == whole[path]:
            shutil.copy2(path, copied)
        elif path.suffix == ".ipynb":
            nbformat.write(notebook, copied)
        else:
            copied.write_text("\n\n".join(_texts(notebook.cells)), encoding="utf-8")
