"""Keep the notebooks in the repository in one state.

    python -m tools.notebooks strip    [FILES]   # bring them into that state
    python -m tools.notebooks check    [FILES]   # say where they are not in it
    python -m tools.notebooks promises [FILES]   # run them, renew promised outputs

The state: no outputs and no execution counts, so a diff shows what a person wrote. The
exception are cells tagged `nbval-check-output`: the text they print is a promise to the
reader, stays in the file, and is compared with a fresh run by `make test`. Solutions of
exercises have cells of their own, tagged `solution`. The first code cell of the book's
notebooks fetches the library; tools/first_cell.py writes it.
"""

import ast
import copy
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tools import commands, environment, first_cell
from tools.contents import ContentsError, notebooks, read_notebook
from tools.execution import code_cells, run_notebooks, say
from tools.solutions import tagged

PROMISE = "nbval-check-output"
MAX_LINES = 25  # in a code cell
MAX_LINES_CLASS = 40  # in one code cell of a notebook that holds a class and no more
MAX_COLUMNS = 79  # in a line of code

METADATA: dict[str, Any] = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
_KEPT_CELL_METADATA = ("tags", "mystnb", "nbgrader", "edition")


def default_files() -> list[Path]:
    """The notebooks of the book, chapters not yet in it, assignments, and the template."""
    root = environment.ROOT
    found = [*notebooks(root), *sorted(root.glob("chapters/*.ipynb"))]
    found += sorted(root.glob("assignments/source/*/*.ipynb"))
    found = list(dict.fromkeys([*found, root / "_template.ipynb"]))
    return [Path(os.path.relpath(path)) for path in found]


def is_promise(cell: NotebookNode) -> bool:
    """Whether the text that a cell prints is compared by the tests."""
    return cell.cell_type == "code" and PROMISE in cell.metadata.get("tags", [])


def _text_only(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What is kept of a promise: printed text and the text of its last value."""
    kept: list[NotebookNode] = []
    for output in outputs:
        text, data = output.get("text", ""), output.get("data", {})
        if output.get("name") == "stdout":
            # A kernel may send one text in several pieces.
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += text
            else:
                kept.append(nbformat.v4.new_output("stream", text=text))
        elif "text/plain" in data and "image/png" not in data:
            data = {"text/plain": data["text/plain"]}
            kept.append(nbformat.v4.new_output(output.output_type, data=data))
    return kept


def stripped(notebook: NotebookNode, name: str = "notebook") -> NotebookNode:
    """The notebook in the state in which it is committed; a new object."""
    clean = tagged(nbformat.v4.upgrade(copy.deepcopy(notebook)), name)
    clean.nbformat, clean.nbformat_minor = 4, 5
    clean.metadata = nbformat.from_dict(copy.deepcopy(METADATA))
    # The first cell is not counted: with it or without, the others are called the same.
    rest = [cell for cell in clean.cells if not first_cell.is_first_cell(cell)]
    ids = {id(cell): f"cell-{number:03d}" for number, cell in enumerate(rest, start=1)}
    for cell in clean.cells:
        cell.id = ids.get(id(cell), first_cell.TAG)
        kept = {key: cell.metadata.get(key) for key in _KEPT_CELL_METADATA}
        cell.metadata = nbformat.from_dict({k: value for k, value in kept.items() if value})
        cell.source = cell.source.rstrip()
    start = 1 - (len(clean.cells) - len(rest))
    for position, cell in enumerate(code_cells(clean), start=start):
        cell.outputs = _text_only(cell.outputs) if is_promise(cell) else []
        # nbval takes outputs without a count for a mistake.
        cell.execution_count = position if cell.outputs else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = position
    return clean


def _is_class(source: str) -> bool:
    """Whether code defines one class and does nothing else."""
    try:
        return [type(part) for part in ast.parse(source).body] == [ast.ClassDef]
    except (SyntaxError, ValueError):
        return False


def problems(notebook: NotebookNode) -> list[str]:
    """What keeps a notebook from being committed, one sentence each."""
    found = []
    cells = dict(enumerate(code_cells(notebook), start=1))
    lines = {number: cell.source.splitlines() for number, cell in cells.items()}
    counts = {number: len(lines[number]) for number in cells}
    short = [number for number in cells if counts[number] <= MAX_LINES_CLASS]
    classes = [number for number in short if _is_class(cells[number].source)]
    longest = max(classes, key=counts.__getitem__, default=0)
    for number, cell in cells.items():
        where = f"code cell {number}"
        if counts[number] > MAX_LINES and number != longest:
            found.append(
                f"{where} has {counts[number]} lines, {MAX_LINES} are the most "
                f"({MAX_LINES_CLASS} in one cell that holds a class alone)"
            )
        if not cell.source.strip():
            found.append(f"{where} is empty: delete it")
        found += [
            f"{where}, line {at} has {len(line)} columns, {MAX_COLUMNS} are the most"
            for at, line in enumerate(lines[number], start=1)
            if len(line) > MAX_COLUMNS
        ]
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in kinds):
            found.append(f"{where} holds an image: run `python -m tools.notebooks strip`")
        elif is_promise(cell) and not cell.outputs:
            found.append(
                f"{where} is tagged {PROMISE} and holds no output: run `make promises`"
            )
    try:
        clean = stripped(notebook) == notebook
    except ContentsError as error:
        return [*found, str(error)]
    if not found and not clean:
        found.append(
            "it holds outputs, counts or metadata of a run, or a wrong tag for solutions: "
            "run `python -m tools.notebooks strip`"
        )
    return found


def _write(path: Path, notebook: NotebookNode) -> bool:
    """Write the notebook if it differs from the file; returns whether it did."""
    text = nbformat.writes(notebook) + "\n"
    if path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True


def strip(files: list[Path]) -> int:
    """Bring the files into the committed state."""
    for path in files:
        notebook = read_notebook(path)
        if first_cell.belongs(path):
            notebook = first_cell.placed(notebook, first_cell.repository(), str(path))
        if _write(path, stripped(notebook, str(path))):
            print(f"{path}: stripped")
    return 0


def _problems(path: Path) -> list[str]:
    """What is wrong with a file: its cells, and whether it can run elsewhere."""
    notebook = read_notebook(path)
    found = problems(notebook)
    if not found and first_cell.belongs(path):
        placed = first_cell.placed(notebook, first_cell.repository(), str(path))
        if stripped(placed, str(path)) != notebook:
            found.append(
                "its first code cell does not fetch the library from where _config.yml "
                "says: run `python -m tools.notebooks strip`"
            )
    return found


def check(files: list[Path]) -> int:
    """Print every problem; returns 1 if there is one."""
    found = [f"{path}: {one}" for path in files for one in _problems(path)]
    print(*found or [f"{len(files)} notebooks are clean."], sep="\n")
    return int(bool(found))


def promises(files: list[Path]) -> int:
    """Run the files and keep the outputs that they promise."""
    paths = {str(path): path for path in files}
    before = {name: read_notebook(path) for name, path in paths.items()}

    def keep(name: str, notebook: NotebookNode, seconds: float) -> None:
        after = stripped(notebook, name)
        pairs = zip(code_cells(before[name]), code_cells(after), strict=True)
        for number, (old, new) in enumerate(pairs, start=1):
            if is_promise(new) and _text_only(old.outputs) != new.outputs:
                say(f"{name}: code cell {number} now promises something else")
        _write(paths[name], after)

    waiting = [(name, paths[name], copy.deepcopy(before[name])) for name in paths]
    return int(bool(run_notebooks(waiting, keep)))


def main() -> int:
    """The command line; returns the exit status."""
    parser = commands.parser("tools.notebooks", __doc__)
    chosen = {"strip": strip, "check": check, "promises": promises}
    parser.add_argument("command", choices=chosen)
    parser.add_argument("files", nargs="*", type=Path, help="default: all notebooks")
    options = parser.parse_args()
    environment.apply(static=False)
    return chosen[options.command](options.files or default_files())


if __name__ == "__main__":
    sys.exit(commands.run(main))
