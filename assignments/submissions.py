"""Find what students handed in: one notebook for each, read as bytes.

Nothing here looks into a notebook.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LARGEST = 20 << 20  # bytes of a notebook


@dataclass(frozen=True)
class Submission:
    """What one student handed in."""

    student: str  # the name of the file or folder
    data: bytes = b""  # the notebook's
    problem: str = ""  # why nothing in it can be graded


def find(folder: Path, assignment: str) -> list[Submission]:
    """Every submission in ``folder``, sorted by student.

    Each entry is one student: ``NAME.ipynb``, or a folder ``NAME`` with one notebook, also
    as nbgrader lays it out, ``NAME/A3/A3.ipynb``.

    Raises:
        ValueError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}; give the one with the submissions.")
    entries: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if not path.name.startswith((".", "__MACOSX")):
            name = path.stem if path.suffix == ".ipynb" else path.name
            entries.setdefault(name, []).append(path)
    if not entries:
        raise ValueError(
            f"There is no submission in {folder}: put one notebook, or one folder with a "
            "notebook, for each student there."
        )
    return [_of_student(name, paths, assignment) for name, paths in entries.items()]


def _of_student(name: str, paths: Sequence[Path], assignment: str) -> Submission:
    if len(paths) > 1:
        names = " and ".join(path.name for path in paths)
        return Submission(
            name, problem=f"There are two submissions, {names}; keep the one that counts."
        )
    (path,) = paths
    try:
        if path.is_dir() and not path.is_symlink():
            path = _notebook_in(path, assignment)
        return Submission(name, _read(path))
    except ValueError as error:
        return Submission(name, problem=str(error))
    except OSError as error:
        return Submission(name, problem=f"It cannot be read: {error.strerror}.")


def _notebook_in(folder: Path, assignment: str) -> Path:
    found = []
    for place, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [f for f in folders if not f.startswith((".", "__MACOSX"))]
        found += [Path(place, f) for f in files if f.endswith(".ipynb") and f[0] != "."]
    named = [path for path in found if path.stem.lower() == assignment.lower()]
    if len(named) == 1:
        found = named
    if not found:
        raise ValueError("There is no notebook in the folder.")
    if len(found) > 1:
        names = ", ".join(sorted(str(path.relative_to(folder)) for path in found))
        raise ValueError(f"There are several notebooks, {names}; keep the one that counts.")
    return found[0]


def _read(path: Path) -> bytes:
    """The bytes of an ordinary file of a sensible size; follows no link."""
    if path.is_symlink():
        raise ValueError(f"{path.name} is a link; hand in the notebook itself.")
    if not stat.S_ISREG(path.lstat().st_mode) or path.suffix != ".ipynb":
        raise ValueError(f"{path.name} is not a notebook (.ipynb).")
    if path.stat().st_size > LARGEST:
        raise ValueError(
            f"{path.name} is larger than {LARGEST >> 20} MB; clear its outputs and hand it "
            "in again."
        )
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read(LARGEST + 1)
