"""The book without the solutions of its exercises, for the site of a class.

    python -m tools.build_book --no-solutions     # what `make book SOLUTIONS=0` does

The chapters run as they always do, solutions included, and nothing runs twice. Then a copy
of the book's source is written in which the solutions are cut out of the notebooks, with an
execution cache of its own from which the same cells are cut. Sphinx sees only this copy:
what is not in it cannot be on a page, in a download, in the search index or in an image.

A solution is everything from ``{solution-start}`` to ``{solution-end}``, or a whole
``{solution}``. What stays must not need what goes: a glued value, a figure or a name that
only a solution makes, and that the rest of the book uses, is an error here and not a hole
in a page.
"""

import ast
import copy
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import takewhile
from pathlib import Path
from typing import Any

import nbformat
import yaml
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.cache.main import CacheBundleIn
from nbformat import NotebookNode

from tools.contents import SUFFIXES, pages

_DIRECTIVE = re.compile(
    r"\s*(?P<fence>`{3,}|:{3,}|~{3,})\{(?P<kind>(?:solution|exercise)(?:-start|-end)?)\}"
    r"\s*(?P<label>\S*)"
)
_BEGINNINGS = ("solution", "solution-start", "exercise", "exercise-start")
_LABELS = re.compile(r"^\s*(?::(?:label|name):\s*(\S+)|\(([^()\s]+)\)=)", re.M)
# References with words of their own, and those whose words Sphinx would fill in.
_TITLED = r"\{(?!numref)[\w:]+\}`([^`<]+?)\s*<%s>`|\[([^\]]+)\]\([^()\s]*#%s\)"
_BARE = r"\{[\w:]+\}`(?:[^`<]*<)?%s>?`|\[\]\([^()\s]*#%s\)"
_GLUED = re.compile(r"\{glue(?::\w+)?\}\s*`?([^\s`:]+)")


class SolutionsError(ValueError):
    """The solutions cannot be cut out; the message says where and why."""


@dataclass
class Page:
    """A page while its solutions are cut out.

    Args:
        name: how to call it in messages.
        kept: the text that stays, one entry for each cell.
        labels: what was defined in the text and the cells that go.
        solutions: of these, the labels of the solutions themselves.
        cells: the numbers of the cells that go whole, from 0.
    """

    name: str
    kept: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    solutions: set[str] = field(default_factory=set)
    cells: list[int] = field(default_factory=list)
    _open: str | None = None  # the exercise whose solution we are in
    _since: str = ""

    def text(self, source: str, where: str = "the text") -> str:
        """The part of a text that belongs to no solution.

        Raises:
            SolutionsError: a solution begins within another, or ends before it began.
        """
        kept: list[str] = []
        gone: list[str] = []
        cut = behind_cut = self._open is not None
        lines = iter(source.splitlines())
        for line in lines:
            found = _DIRECTIVE.match(line)
            kind = found["kind"] if found else ""
            if self._open is not None and kind in _BEGINNINGS:
                raise SolutionsError(
                    f"{self.name}: the solution of {self._open} begins in {self._since} "
                    "and has no {solution-end} before the next "
                    f"{kind.removesuffix('-start')} begins, in {where}."
                )
            if self._open is None and kind == "solution-end":
                raise SolutionsError(
                    f"{self.name}: a solution ends in {where} that did not begin; its "
                    "{solution-start} is missing."
                )
            if found and kind.startswith("solution"):
                block = self._block(found["fence"], lines, where)
                gone += block
                if kind != "solution-end":
                    options = takewhile(lambda option: option.startswith(":"), block)
                    self.solutions |= _defined_labels("\n".join(options))
                if kind == "solution-start":
                    self._open, self._since = found["label"], where
                elif kind == "solution-end":
                    self._open = None
                _end_paragraph(kept)
                cut = behind_cut = True
            elif self._open is not None:
                gone.append(line)
            elif line.strip() or not behind_cut:
                kept.append(line)
                behind_cut = False
        self.labels |= _defined_labels("\n".join(gone))
        return "\n".join(kept).strip("\n") if cut else source

    def _block(self, fence: str, lines: Iterator[str], where: str) -> list[str]:
        """The lines of a directive after its first, up to the fence that closes it."""
        block: list[str] = []
        for line in lines:
            bare = line.strip()
            if len(bare) >= len(fence) and not bare.strip(fence[0]):
                return block
            block.append(line)
        raise SolutionsError(
            f"{self.name}: the fence {fence} of a solution in {where} is not closed."
        )

    def cell(self, cell: NotebookNode, number: int) -> NotebookNode | None:
        """What stays of a cell, which is changed in place, or None."""
        if cell.cell_type == "markdown":
            text = self.text(cell.source, f"cell {number + 1}")
            stays = text == cell.source or bool(text)
            if text != cell.source and "attachments" in cell:
                images = cell.attachments.items()
                cell.attachments = {name: image for name, image in images if name in text}
            cell.source = text
        else:
            stays = self._open is None
            if not stays:
                figure = cell.metadata.get("mystnb", {}).get("figure", {})
                self.labels |= {figure["name"]} if "name" in figure else set()
        if not stays:
            self.cells.append(number)
        return cell if stays else None

    def close(self) -> None:
        """Say that the page is over.

        Raises:
            SolutionsError: a solution is still open.
        """
        if self._open is not None:
            raise SolutionsError(
                f"{self.name}: the solution of {self._open} begins in {self._since} and "
                "never ends; its {solution-end} is missing."
            )


def _end_paragraph(lines: list[str]) -> None:
    """Leave exactly one empty line where something was cut out."""
    while lines and not lines[-1].strip():
        lines.pop()
    if lines:
        lines.append("")


def _defined_labels(text: str) -> set[str]:
    return {a or b for a, b in _LABELS.findall(text)}


def without_solutions(notebook: NotebookNode, name: str) -> tuple[NotebookNode, Page]:
    """A notebook without its solutions, executed or not, and what was cut.

    Args:
        notebook: stays as it is.
        name: how to call it in messages.

    Raises:
        SolutionsError: starts and ends do not match, or what stays needs what goes.
    """
    page = Page(name)
    shorter = copy.deepcopy(notebook)
    kept = [page.cell(cell, number) for number, cell in enumerate(shorter.cells)]
    page.close()
    shorter.cells = [cell for cell in kept if cell is not None]
    page.kept = [cell.source for cell in shorter.cells if cell.cell_type == "markdown"]
    gone = [notebook.cells[number] for number in page.cells]
    if gone:
        shorter.metadata.pop("widgets", None)  # their state would stay behind
        _check_glue(page, gone, shorter.cells)
        _check_names(page, gone, shorter.cells)
    return shorter, page


def _code(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code"]


def _glued(cells: Iterable[NotebookNode]) -> set[str]:
    """The keys that executed cells put aside."""
    return {
        output.metadata["scrapbook"]["name"]
        for cell in _code(cells)
        for output in cell.outputs
        if "scrapbook" in output.get("metadata", {})
    }


def _check_glue(page: Page, gone: list[NotebookNode], kept: list[NotebookNode]) -> None:
    lost = _glued(gone) - _glued(kept)
    for text in page.kept:
        for key in _GLUED.findall(text):
            if key in lost:
                raise SolutionsError(
                    f"{page.name}: a paragraph outside the solutions shows {key!r}, which "
                    "only a solution computes. Compute it in a cell that stays, or move "
                    "the paragraph into the solution."
                )


def _check_names(page: Page, gone: list[NotebookNode], kept: list[NotebookNode]) -> None:
    here = [tree for cell in _code(kept) if (tree := _parsed(cell.source))]
    there = [tree for cell in _code(gone) if (tree := _parsed(cell.source))]
    bound = {name for tree in here for name in _bound(ast.walk(tree))}
    lost = {name for tree in there for name in _bound(tree.body)} - bound
    used = {n.id for t in here for n in ast.walk(t) if isinstance(n, ast.Name)} & lost
    if used:
        raise SolutionsError(
            f"{page.name}: a cell outside the solutions uses {min(used)!r}, which only a "
            "solution defines. Define it in a cell that stays."
        )


def _parsed(source: str) -> ast.Module | None:
    lines = source.splitlines()
    python = [line for line in lines if not line.lstrip().startswith(("%", "!"))]
    try:
        return ast.parse("\n".join(python))
    except SyntaxError:
        return None


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that statements define, import, or assign to."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((a.asname or a.name).split(".")[0] for a in node.names)
        elif isinstance(node, ast.arg):
            yield node.arg
        else:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    yield inner.id


def unlinked(text: str, cut: Iterable[Page], name: str) -> str:
    """A text without references to what was cut: of a link, its words stay.

    Raises:
        SolutionsError: it refers to a figure, table or formula of a solution, by number.
    """
    for page in cut:
        for label in page.labels:
            if label not in text:
                continue
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


def _settings(source: Path) -> dict[str, Any]:
    return yaml.safe_load((source / "_config.yml").read_text(encoding="utf-8"))


def without_buttons(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without the buttons that lead to the repository, where solutions are."""
    changed = {k: v for k, v in settings.items() if k != "launch_buttons"}
    off = ("use_repository_button", "use_issues_button", "use_edit_page_button")
    changed["html"] = {**settings.get("html", {}), **dict.fromkeys(off, False)}
    return changed


def _copy_files(source: Path, target: Path, patterns: list[str]) -> None:
    """Copy what Sphinx would look at: no excluded folder, no page that is not listed."""
    listed = {page.resolve() for page in pages(source)}

    def left_out(folder: str, names: list[str]) -> list[str]:
        left = []
        for name in names:
            path = Path(folder, name)
            inside = path.relative_to(source).as_posix()
            page = path.suffix in SUFFIXES and path.is_file()
            if (
                name.startswith((".", "_build", "__pycache__"))
                or any(fnmatch(inside, pattern) for pattern in patterns)
                or (page and path.resolve() not in listed)
            ):
                left.append(name)
        return left

    shutil.copytree(source, target, ignore=left_out)


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
    texts: dict[Path, str] = {}
    chapters: dict[Path, tuple[NotebookNode, NotebookNode, NotebookNode]] = {}
    cut: list[Page] = []
    for path in pages(source):
        name = path.relative_to(source).as_posix()
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            try:
                _, executed = cache.merge_match_into_notebook(notebook)
            except KeyError:
                raise SolutionsError(
                    f"{name} was changed meanwhile; build again."
                ) from None
            shorter, _ = without_solutions(notebook, name)
            executed, page = without_solutions(executed, name)
            chapters[path] = notebook, shorter, executed
        else:
            page = Page(name)
            texts[path] = page.text(path.read_text(encoding="utf-8"))
            page.close()
        cut.append(page)

    shutil.rmtree(target, ignore_errors=True)
    settings = _settings(source)
    _copy_files(source, target, settings.get("exclude_patterns", []))
    (target / "_config.yml").write_text(
        yaml.safe_dump(without_buttons(settings), sort_keys=False, allow_unicode=True),
        encoding="utf-8",
    )
    for path, text in texts.items():
        name = path.relative_to(source).as_posix()
        text = unlinked(text, cut, name)
        _make_sure(text, name)
        (target / name).write_text(text, encoding="utf-8")
    for path, (notebook, shorter, executed) in chapters.items():
        name = path.relative_to(source).as_posix()
        for cell in shorter.cells:
            if cell.cell_type == "markdown":
                cell.source = unlinked(cell.source, cut, name)
                _make_sure(cell.source, name)
        if shorter != notebook:
            nbformat.write(shorter, target / name)
        own.cache_notebook_bundle(
            CacheBundleIn(executed, str(target / name)), check_validity=False
        )


def _make_sure(text: str, name: str) -> None:
    """Nothing that Sphinx would take for a solution is left, whatever its form."""
    if "{solution" in text:
        raise SolutionsError(
            f"{name}: a {{solution}} stands where it cannot be cut out, such as in a quote "
            "or behind other words; let its fence begin a line."
        )
