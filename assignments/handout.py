"""Make what students get from what teachers keep: `make assignments`.

    python -m assignments.handout [--out _build/assignments]

``release`` holds one folder for each assignment, as nbgrader lays them out; the zip holds
the same notebooks flat, beside the library, the checks and their requirements, so that a
student needs nothing else. Both come from ``source`` through nbgrader's own
preprocessors: solutions and hidden tests are cut out there and nowhere else, so the
versions cannot drift.
"""

import argparse
import copy
import re
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

import checks
import seq2seq_lib
from assignments.registry import ASSIGNMENTS, SOURCE
from assignments.text import speak

ROOT = Path(__file__).resolve().parent.parent
NAME = "attention-measured-assignments"
_MOMENT = (2026, 1, 1, 0, 0, 0)  # of every file in the zip: the same content, the same zip

README = """\
# Assignments of Attention, Measured

You need Python 3.11 or newer. In this folder:

    python3 -m venv .venv
    .venv/bin/python -m pip install -r requirements.txt jupyterlab
    .venv/bin/jupyter lab

On Windows, write `py` for `python3`, and `.venv\\Scripts\\` for `.venv/bin/`. On Linux
without a GPU, `export PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu` before the
second line saves gigabytes. Open A1.ipynb and begin. Answer in the cells that say so and
leave their marks alone; each exercise has one line that checks it. Hand in the notebook,
under the name that your teacher asks for.
"""


def student_version(source: NotebookNode) -> NotebookNode:
    """The notebook without solutions, hidden tests and outputs; a new object.

    Raises:
        RuntimeError: a marked region has no end, or an answer cell no solution.
        nbgrader.preprocessors.base: the metadata is not in nbgrader's form.
    """
    notebook = copy.deepcopy(source)
    resources: dict[str, object] = {}
    for step in (
        LockCells,
        ClearSolutions,
        ClearOutput,
        CheckCellMetadata,
        ClearHiddenTests,
        ComputeChecksums,
    ):
        notebook, resources = step().preprocess(notebook, resources)
    return notebook


def requirements() -> str:
    """The library's requirements, as requirements.txt pins them."""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ours = about["project"]["dependencies"]
    wanted = {_name(line) for line in (*ours, "ipykernel", "ipywidgets")}
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("#")[0].strip() for line in lines]
    return "".join(f"{pin}\n" for pin in pins if pin and _name(pin) in wanted)


def _name(requirement: str) -> str:
    return re.split(r"[<>=~! ]", requirement)[0].lower()


def _public_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Place and text of every file that students get from one source folder."""
    for path in sorted(folder.glob("*.ipynb")):
        notebook = student_version(nbformat.read(path, as_version=4))
        yield path.name, nbformat.writes(notebook) + "\n"
    yield from _code(folder, folder)


def _code(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Place below ``root``, and text, of every file of a folder that Python needs."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".py" or path.name == "py.typed":
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def make(out: Path) -> Path:
    """Write the release folders and the zip; returns the zip.

    What lies in ``out`` from an earlier time is replaced; both are made beside it first, so
    an interruption leaves the earlier ones whole.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial = out / ".release.partial"
    shutil.rmtree(partial, ignore_errors=True)
    flat: dict[str, str] = {"README.md": README, "requirements.txt": requirements()}
    for part in (*ASSIGNMENTS, "project"):
        for name, text in _public_files(SOURCE / part):
            file = partial / part / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            flat[name] = text
    for package in (seq2seq_lib, checks):
        library = Path(package.__path__[0])
        flat |= _code(library, library.parent)
    archive = out / f"{NAME}.zip"
    with zipfile.ZipFile(out / ".zip.partial", "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in sorted(flat.items()):
            info = zipfile.ZipInfo(f"{NAME}/{name}", _MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            zipped.writestr(info, text)
    shutil.rmtree(out / "release", ignore_errors=True)
    partial.rename(out / "release")
    (out / ".zip.partial").replace(archive)
    return archive


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m assignments.handout")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "assignments")
    speak()
    options = parser.parse_args(arguments)
    archive = make(options.out)
    print(f"For students: {archive}")
    print(f"For nbgrader: {archive.parent / 'release'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
