"""What the book consists of, read from its table of contents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SUFFIXES = (".ipynb", ".md")


class ContentsError(ValueError):
    """The table of contents names a page that is not there."""


def _names(entry: Any) -> Iterator[str]:
    """Every page name below an entry of _toc.yml, in reading order."""
    if isinstance(entry, list):
        for item in entry:
            yield from _names(item)
    elif isinstance(entry, dict):
        for key in ("root", "file"):
            if key in entry:
                yield entry[key]
        for key in ("parts", "chapters", "sections", "subtrees", "entries"):
            yield from _names(entry.get(key))


def pages(source: Path) -> list[Path]:
    """The files of the book in reading order.

    Args:
        source: the folder that holds _toc.yml.

    Raises:
        ContentsError: an entry has no file, with the names that were tried.
    """
    toc = yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))
    found = []
    for name in _names(toc):
        tried = [source / name, *(source / f"{name}{suffix}" for suffix in SUFFIXES)]
        file = next((path for path in tried if path.is_file()), None)
        if file is None:
            raise ContentsError(
                f"_toc.yml lists {name!r}, but there is no {name}.ipynb or {name}.md: "
                "write the page or take the entry out."
            )
        found.append(file)
    return found


def notebooks(source: Path) -> list[Path]:
    """The pages that are executed."""
    return [page for page in pages(source) if page.suffix == ".ipynb"]
