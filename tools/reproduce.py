"""Build the book twice from nothing and compare what every cell put out.

    python -m tools.reproduce

Each build has its own empty folder, so nothing is kept from the other. Compared are the
printed text, the values, the figures (byte by byte) and the glued numbers. Times differ
between any two runs, so a glued key that begins with `seconds` is left out, and so are
progress bars, which go to standard error.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from nbformat import NotebookNode

from tools import environment
from tools.build_book import BuildFailed, build_book
from tools.contents import notebooks
from tools.execution import code_cells

_GLUE = "application/papermill.record/"
# Widgets are given a random name by every run.
_IGNORED_KINDS = ("application/vnd.jupyter.widget-view+json",)


def _glue_key(output: NotebookNode) -> str:
    """The key under which an output was glued, or an empty string."""
    return output.get("metadata", {}).get("scrapbook", {}).get("name", "")


def comparable(cell: NotebookNode) -> list[tuple[str, Any]]:
    """What must be equal in two runs: pairs of a kind and its content."""
    found: list[tuple[str, Any]] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            if output.name == "stdout":
                if found and found[-1][0] == "printed text":
                    found[-1] = ("printed text", found[-1][1] + output.text)
                else:
                    found.append(("printed text", output.text))
            continue
        key = _glue_key(output)
        if key.removeprefix(_GLUE).startswith("seconds"):
            continue
        label = f"glued value {key.removeprefix(_GLUE)!r}" if key else ""
        for kind, content in sorted(output.get("data", {}).items()):
            if kind not in _IGNORED_KINDS:
                found.append((label or kind, content))
    return found


def differences(name: str, first: NotebookNode, second: NotebookNode) -> list[str]:
    """One sentence for every output that two runs of a notebook do not share."""
    found = []
    pairs = zip(code_cells(first), code_cells(second), strict=True)
    for number, (one, two) in enumerate(pairs, start=1):
        before, after = comparable(one), comparable(two)
        if before == after:
            continue
        where = f"{name}, code cell {number}"
        if [kind for kind, _ in before] != [kind for kind, _ in after]:
            found.append(f"{where}: the two runs put out different things")
            continue
        for (kind, left), (_, right) in zip(before, after, strict=True):
            if left != right:
                short = max(len(str(left)), len(str(right))) <= 200
                detail = f"{left!r} and then {right!r}" if short else "not the same"
                found.append(f"{where}: {kind} was {detail}")
    return found


def _executed(source: Path, output: Path) -> dict[str, NotebookNode]:
    """The executed chapters of one build."""
    cache = get_cache(output / "_build" / ".jupyter_cache")
    found = {}
    for path in notebooks(source):
        notebook = nbformat.read(path, as_version=4)
        _, merged = cache.merge_match_into_notebook(notebook)
        found[path.relative_to(source).as_posix()] = merged
    return found


def reproduce(source: Path) -> list[str]:
    """Build twice; returns the differences.

    Raises:
        BuildFailed: one of the builds did.
    """
    folder = source / "_build" / "reproduce"
    runs = []
    for name in ("first", "second"):
        output = folder / name
        shutil.rmtree(output, ignore_errors=True)
        print(f"The {name} build, from nothing:")
        build_book(source, output)
        runs.append(_executed(source, output))
    found = []
    for name in runs[0]:
        found += differences(name, runs[0][name], runs[1][name])
    return found


def main() -> int:
    """The command line; returns the exit status."""
    environment.apply(static=True)
    try:
        found = reproduce(environment.ROOT)
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    for sentence in found:
        print(sentence)
    if found:
        print(f"The two builds differ in {len(found)} outputs.")
        return 1
    print("The two builds put out the same numbers, texts and figures.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
