"""Keep the notebooks in the repository in one state.

    python -m tools.notebooks strip    [FILES]   # bring them into that state
    python -m tools.notebooks check    [FILES]   # say where they are not in it
    python -m tools.notebooks promises [FILES]   # run them, renew promised outputs

The state: no outputs and no execution counts, so a diff shows what a person wrote. The
exception are cells tagged `nbval-check-output`: the text they print is a promise to the
reader, stays in the file, and is compared with a fresh run by `make test`.
"""

import argparse
import copy
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tools import environment
from tools.contents import notebooks
from tools.execution import NotebookFailed, code_cells, run_notebook

PROMISE = "nbval-check-output"
MAX_LINES = 25  # in a code cell
MAX_LINES_ONCE = 40  # in one code cell of a notebook, for a class
MAX_COLUMNS = 79  # in a line of code

METADATA: dict[str, Any] = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
_KEPT_CELL_METADATA = ("tags", "mystnb", "nbgrader")


def default_files() -> list[Path]:
    """The notebooks of the book, chapters not yet in it, assignments, and the template."""
    root = environment.ROOT
    found = [*notebooks(root), *sorted(root.glob("chapters/*.ipynb"))]
    found += sorted(root.glob("assignments/source/*/*.ipynb"))
    return list(dict.fromkeys([*found, root / "_template.ipynb"]))


def is_promise(cell: NotebookNode) -> bool:
    """Whether the text that a cell prints is compared by the tests."""
    return cell.cell_type == "code" and PROMISE in cell.metadata.get("tags", [])


def _text_only(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What is kept of a promise: printed text and the text of its last value."""
    kept: list[NotebookNode] = []
    for output in outputs:
        kind = output.output_type
        if kind == "stream" and output.name == "stdout":
            # A kernel may send one text in several pieces.
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
            else:
                kept.append(nbformat.v4.new_output("stream", text=output.text))
        elif kind in ("execute_result", "display_data"):
            text = output.data.get("text/plain")
            if text is not None and "image/png" not in output.data:
                data = {"text/plain": text}
                kept.append(nbformat.v4.new_output(kind, data=data))
    return kept


def stripped(notebook: NotebookNode) -> NotebookNode:
    """The notebook in the state in which it is committed; a new object."""
    clean = nbformat.v4.upgrade(copy.deepcopy(notebook))
    clean.nbformat, clean.nbformat_minor = 4, 5
    clean.metadata = nbformat.from_dict(copy.deepcopy(METADATA))
    for number, cell in enumerate(clean.cells, start=1):
        cell.id = f"cell-{number:03d}"
        cell.metadata = nbformat.from_dict(
            {
                key: cell.metadata[key]
                for key in _KEPT_CELL_METADATA
                if cell.metadata.get(key)
            }
        )
        cell.source = cell.source.rstrip()
    for position, cell in enumerate(code_cells(clean), start=1):
        cell.outputs = _text_only(cell.outputs) if is_promise(cell) else []
        # nbval takes outputs without a count for a mistake.
        cell.execution_count = position if cell.outputs else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = position
    return clean


def problems(notebook: NotebookNode) -> list[str]:
    """What keeps a notebook from being committed, one sentence each."""
    found = []
    long = []
    for number, cell in enumerate(code_cells(notebook), start=1):
        where = f"code cell {number}"
        lines = cell.source.splitlines()
        if not cell.source.strip():
            found.append(f"{where} is empty: delete it")
        if len(lines) > MAX_LINES:
            long.append((number, len(lines)))
        for line_number, line in enumerate(lines, start=1):
            if len(line) > MAX_COLUMNS:
                found.append(
                    f"{where}, line {line_number} has {len(line)} columns, "
                    f"{MAX_COLUMNS} are the most"
                )
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in kinds):
            found.append(f"{where} holds an image: run `python -m tools.notebooks strip`")
        elif is_promise(cell) and not cell.outputs:
            found.append(
                f"{where} is tagged {PROMISE} and holds no output: run `make promises`"
            )
    # One class may be longer; the longest gets the exception.
    long.sort(key=lambda item: item[1])
    if long and long[-1][1] <= MAX_LINES_ONCE:
        long.pop()
    for number, count in sorted(long):
        found.append(
            f"code cell {number} has {count} lines, {MAX_LINES} are the most "
            f"({MAX_LINES_ONCE} in one cell of a notebook)"
        )
    if not found and nbformat.writes(stripped(notebook)) != nbformat.writes(notebook):
        found.append(
            "it holds outputs, counts or metadata of a run: "
            "run `python -m tools.notebooks strip`"
        )
    return found


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        sys.exit(f"There is no notebook {path}.")
    except (
        nbformat.reader.NotJSONError,
        nbformat.ValidationError,
        AttributeError,
        TypeError,
    ):
        sys.exit(f"{path} is not a notebook: its JSON is damaged.")


def _shown(path: Path) -> str:
    path = path.resolve()
    return (
        path.relative_to(environment.ROOT).as_posix()
        if path.is_relative_to(environment.ROOT)
        else str(path)
    )


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
        if _write(path, stripped(_read(path))):
            print(f"{_shown(path)}: stripped")
    return 0


def check(files: list[Path]) -> int:
    """Print every problem; returns 1 if there is one."""
    count = 0
    for path in files:
        for problem in problems(_read(path)):
            print(f"{_shown(path)}: {problem}")
            count += 1
    if not count:
        print(f"{len(files)} notebooks are clean.")
    return int(bool(count))


def promises(files: list[Path]) -> int:
    """Run the files and keep the outputs that they promise."""
    failed = 0
    for path in files:
        before = _read(path)
        after = copy.deepcopy(before)
        try:
            run_notebook(after, name=_shown(path), folder=path.resolve().parent)
        except NotebookFailed as error:
            print(f"\n{error}\n", file=sys.stderr)
            failed += 1
            continue
        after = stripped(after)
        for number, (old, new) in enumerate(
            zip(code_cells(stripped(before)), code_cells(after), strict=True), start=1
        ):
            if is_promise(new) and old.outputs != new.outputs:
                print(f"{_shown(path)}: code cell {number} now promises something else")
        _write(path, after)
    return int(bool(failed))


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.notebooks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = {"strip": strip, "check": check, "promises": promises}
    parser.add_argument("command", choices=commands)
    parser.add_argument("files", nargs="*", type=Path, help="default: all notebooks")
    options = parser.parse_args(arguments)
    environment.apply(static=False)
    return commands[options.command](options.files or default_files())


if __name__ == "__main__":
    sys.exit(main())
