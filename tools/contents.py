"""What the book consists of, read so that a damaged file is named in one sentence."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode
from sphinx_external_toc.api import SiteMap
from sphinx_external_toc.parsing import parse_toc_data

SUFFIXES = (".ipynb", ".md")

_MERGE_MARKS = re.compile(r'^\s*"?(<{7}|>{7}) ', re.M)


class ContentsError(ValueError):
    """A file of the book is missing or damaged; the message says which and what to do."""


def read(path: Path, kind: str, understood: Callable[[str], Any] = str) -> Any:
    """What a function makes of the text of a file that people edit.

    It may fail in any way for a text that is not of the kind; then, or if the file is
    missing or cannot be read, a ContentsError says so.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if _MERGE_MARKS.search(text):
            raise ValueError("it holds the marks of a merge, <<<<<<< or >>>>>>>")
        if not text.strip():
            raise ValueError("the file is empty")
        return understood(text)
    except FileNotFoundError:
        raise ContentsError(f"There is no {path}: write it or restore it.") from None
    except OSError as error:
        reason = f"it cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        reason = "its text is not in UTF-8"
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        reason = f"in line {line}, {error.problem} (indent with spaces, not with tabs)"
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
    raise ContentsError(
        f"{path} is not {kind}: {reason}; correct it, or restore it with git."
    )


def read_notebook(path: Path) -> NotebookNode:
    """A notebook, as format 4."""

    def understood(text: str) -> NotebookNode:
        json.loads(text)  # says best what is wrong with JSON
        notebook = nbformat.convert(nbformat.reader.reads(text), 4)
        nbformat.validate(notebook)
        return notebook

    return read(path, "a notebook", understood)


def settings(source: Path) -> dict[str, Any]:
    """The settings of the book, as _config.yml gives them."""
    from jupyter_book.config import validate_yaml  # takes a second

    def understood(text: str) -> dict[str, Any]:
        content = yaml.safe_load(text)
        validate_yaml(content, raise_on_errors=True)
        return content

    return read(source / "_config.yml", "the settings of a book", understood)


def pages(source: Path) -> list[Path]:
    """The files of the book in reading order, as _toc.yml lists them."""

    def understood(text: str) -> SiteMap:
        return parse_toc_data(yaml.safe_load(text))

    def below(name: str) -> Iterator[str]:
        yield name
        for item in site[name].child_files():
            yield from below(item)

    site = read(source / "_toc.yml", "a table of contents", understood)
    found: list[Path] = []
    for name in below(site.root.docname):
        tried = [source / name, *(source / f"{name}{suffix}" for suffix in SUFFIXES)]
        there = [path for path in tried if path.suffix in SUFFIXES and path.is_file()]
        if not there or not there[0].resolve().is_relative_to(source.resolve()):
            raise ContentsError(
                f"_toc.yml lists {name!r}, but there is no {name}.ipynb or {name}.md: "
                "write the page or take the entry out."
            )
        if there[0] in found:
            raise ContentsError(f"_toc.yml lists {name!r} twice: take one of them out.")
        found.append(there[0])
    return found


def notebooks(source: Path) -> list[Path]:
    """The pages that are executed."""
    return [page for page in pages(source) if page.suffix == ".ipynb"]


def check(source: Path, texts: list[Path]) -> None:
    """Look at what else a build depends on, before anything is run.

    That is the settings, bibliographies, stored results, and texts: pages without code.
    """
    from pybtex.database import parse_string

    def result(text: str) -> None:
        if not isinstance(json.loads(text), dict):
            raise ValueError("it holds no JSON object")

    for name in settings(source).get("bibtex_bibfiles", []):
        read(source / name, "a bibliography", lambda text: parse_string(text, "bibtex"))
    for path in texts:
        read(path, "a page")
    for path in sorted(source.glob("results/*.json")):
        read(path, "a stored result", result)
