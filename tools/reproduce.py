"""Build the book twice from nothing and compare what every cell put out, and every file.

    python -m tools.reproduce

Each build has its own empty folder, so nothing is kept from the other. Compared are the
printed text, the values, the figures (byte by byte) and the glued numbers. Times differ
between any two runs, so a glued key that begins with `seconds` is left out, and so are
progress bars, which go to standard error. Then the pages are compared byte for byte, but
for the glued values in them, which were compared before.
"""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from nbformat import NotebookNode

from tools import commands, environment
from tools.build_book import CACHE, build_book
from tools.contents import notebooks, read_notebook
from tools.execution import code_cells

# Widgets are given a random name by every run.
_IGNORED = ("application/vnd.jupyter.widget-view+json",)


def comparable(cell: NotebookNode) -> list[tuple[str, Any]]:
    """What must be equal in two runs: pairs of a kind and its content."""
    printed = [output.text for output in cell.outputs if output.get("name") == "stdout"]
    found: list[tuple[str, Any]] = [("printed text", "".join(printed))] if printed else []
    for output in cell.outputs:
        glued = output.get("metadata", {}).get("scrapbook", {}).get("name", "")
        key = glued.removeprefix("application/papermill.record/")
        found += [
            (f"glued value {key!r}" if key else kind, content)
            for kind, content in sorted(output.get("data", {}).items())
            if kind not in _IGNORED and not key.startswith("seconds")
        ]
    return found


def differences(name: str, first: NotebookNode, second: NotebookNode) -> list[str]:
    """One sentence for every output that two runs of a notebook do not share."""
    found = []
    pairs = zip(code_cells(first), code_cells(second), strict=True)
    for number, (one, two) in enumerate(pairs, start=1):
        where, before, after = (
            f"{name}, code cell {number}",
            comparable(one),
            comparable(two),
        )
        if [kind for kind, _ in before] != [kind for kind, _ in after]:
            found.append(f"{where}: the two runs put out different things")
            continue
        for (kind, left), (_, right) in zip(before, after, strict=True):
            if left != right:
                short = max(len(str(left)), len(str(right))) <= 200
                detail = f"{left!r} and then {right!r}" if short else "not the same"
                found.append(f"{where}: {kind} was {detail}")
    return found


_GLUED = re.compile(r'(<span class="pasted-text">).*?(</span>)', re.S)
_INDEX = "Search.setIndex("


def without_times(path: Path) -> bytes:
    """A file of the built pages without what may differ: times, as numbers or as words."""
    if path.suffix == ".html":
        return _GLUED.sub(r"\1\2", path.read_text(encoding="utf-8")).encode()
    if path.name == "searchindex.js":
        index = json.loads(path.read_text(encoding="utf-8")[len(_INDEX) : -1])
        for kind in ("terms", "titleterms"):
            index[kind] = {
                word: found for word, found in index[kind].items() if word.isalpha()
            }
        return json.dumps(index).encode()
    return path.read_bytes()


def differing_files(first: Path, second: Path) -> list[str]:
    """One sentence for every file that two folders of built pages do not share."""
    names = [
        {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        for root in (first, second)
    ]
    found = [f"{name}: only one build has it" for name in sorted(names[0] ^ names[1])]
    return found + [
        f"{name}: the two builds wrote different pages"
        for name in sorted(names[0] & names[1])
        if without_times(first / name) != without_times(second / name)
    ]


def main() -> int:
    """Build twice and print the differences; returns the exit status."""
    environment.apply(static=True)
    builds: list[list[NotebookNode]] = []
    written: list[Path] = []
    chapters = notebooks(environment.ROOT)
    for name in ("first", "second"):
        print(f"The {name} build, from nothing:", flush=True)
        output = environment.ROOT / "_build" / "reproduce" / name
        shutil.rmtree(output, ignore_errors=True)
        written.append(build_book(environment.ROOT, output).parent)
        merge = get_cache(output / "_build" / CACHE).merge_match_into_notebook
        builds.append([merge(read_notebook(path))[1] for path in chapters])
    found = []
    for path, first, second in zip(chapters, *builds, strict=True):
        found += differences(path.stem, first, second)
    found += differing_files(*written)
    print(*found, sep="\n")
    if found:
        print(f"The two builds differ in {len(found)} outputs or files.")
        return 1
    print("The two builds put out the same numbers, texts, figures and pages.")
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(main))
