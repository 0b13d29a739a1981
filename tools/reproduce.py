"""Build the book twice from nothing and compare what every cell put out.

    python -m tools.reproduce

Each build has its own empty folder, so nothing is kept from the other. Compared are the
printed text, the values, the figures (byte by byte) and the glued numbers. Times differ
between any two runs, so a glued key that begins with `seconds` is left out, and so are
progress bars, which go to standard error.
"""

import shutil
import sys
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


def main() -> int:
    """Build twice and print the differences; returns the exit status."""
    environment.apply(static=True)
    builds: list[list[NotebookNode]] = []
    chapters = notebooks(environment.ROOT)
    for name in ("first", "second"):
        print(f"The {name} build, from nothing:", flush=True)
        output = environment.ROOT / "_build" / "reproduce" / name
        shutil.rmtree(output, ignore_errors=True)
        build_book(environment.ROOT, output)
        merge = get_cache(output / "_build" / CACHE).merge_match_into_notebook
        builds.append([merge(read_notebook(path))[1] for path in chapters])
    found = []
    for path, first, second in zip(chapters, *builds, strict=True):
        found += differences(path.stem, first, second)
    print(*found, sep="\n")
    if found:
        print(f"The two builds differ in {len(found)} outputs.")
        return 1
    print("The two builds put out the same numbers, texts and figures.")
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(main))
