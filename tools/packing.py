"""Pack the built book, and its figures, for those who want them on a disk.

    python -m tools.packing book       # what `make zip` does
    python -m tools.packing figures    # what `make figures` does

Both write a ZIP in _build/dist. The book in it opens without a connection and without a
server: `index.html` is its first page. A figure is called by its label, and a text beside
them has captions, descriptions and the licence.
"""

import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from bs4 import Tag

import seq2seq_lib
from tools import commands, environment
from tools.contents import ContentsError, notebooks
from tools.slides import file_of, name_of, page, parts, words

OLDEST = (1980, 1, 1, 0, 0, 0)  # of every file in a ZIP: the same pages give the same bytes
LICENCE = (
    "Figures of Attention, Measured, https://creativecommons.org/licenses/by/4.0/ (CC BY "
    "4.0): change what you like and say where it came from."
)


def figures(source: Path, built: Path) -> Iterator[tuple[str, Tag, Path]]:
    """Every figure outside of solutions: its label, its part of a page, its image."""
    for chapter in notebooks(source):
        name = name_of(chapter, source)
        for part in parts(page(built, name)):
            if part.name == "figure" and (file := file_of(part)):
                path = (built / name).parent / file.partition("?")[0]
                yield str(part["id"]), part, path.resolve()


def _pack(target: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    """Write a ZIP with files under their names, all with the same time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, OLDEST), content, zipfile.ZIP_DEFLATED)
    return partial.replace(target)


def _target(what: str) -> str:
    return f"attention-measured-{seq2seq_lib.__version__}-{what}.zip"


def pack_figures(source: Path, built: Path, folder: Path) -> Path:
    """Pack every figure under its label, and a text with captions; returns the ZIP."""
    files, said = [], [LICENCE]
    for label, figure, path in figures(source, built):
        files.append((f"figures/{label}{path.suffix}", path.read_bytes()))
        seen = figure.select_one("svg[aria-label], img[alt]")
        described = (seen.get("aria-label") or seen["alt"]) if seen else ""
        said.append(f"{label}\n{words(figure.find('figcaption'))}\n{described}")
    files.append(("figures/captions.txt", "\n\n".join(said).encode() + b"\n"))
    return _pack(folder / _target("figures"), files)


def pack_book(built: Path, folder: Path) -> Path:
    """Pack the built pages; returns the ZIP."""
    if not (built / "index.html").is_file():
        raise ContentsError(f"There is no {built}: build the book with `make book` first.")
    top = f"attention-measured-{seq2seq_lib.__version__}"
    paths = [path for path in built.rglob("*") if path.is_file()]
    named = (
        (f"{top}/{path.relative_to(built).as_posix()}", path.read_bytes()) for path in paths
    )
    return _pack(folder / _target("book"), named)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = commands.parser("tools.packing", __doc__)
    parser.add_argument("what", choices=("book", "figures"))
    what = parser.parse_args(arguments).what
    root = environment.ROOT
    built, folder = root / "_build" / "html", root / "_build" / "dist"
    if what == "book":
        print(pack_book(built, folder))
    else:
        print(pack_figures(root, built, folder))
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(main))
