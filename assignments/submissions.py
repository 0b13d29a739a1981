"""Find what students handed in: the files of each, whatever system has exported them.

``entries`` reads names only, and the table of contents of a ZIP that holds a class. What
they lead to is opened, by ``opened``, in a process that is thrown away. Nothing here looks
into a notebook. Where there are several, ``assignments.versions`` does.
"""

import hashlib
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from assignments.contents import Contents, contents, is_output, notebooks
from assignments.exports import Owner, owner
from assignments.files import File, members
from assignments.names import NOTEBOOK, is_system, listed, shown, told
from assignments.text import LONGEST_NAME

# Lists, notes and pictures that lie beside submissions, where no student has the name.
STRAY = (
    ".bmp .csv .gif .heic .ini .jpeg .jpg .log .ods .png .svg .tsv .txt .webp .xls .xlsx "
    ".xml .yaml .yml"
).split()


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Args:
        student: the name of the file or folder, or the one that a system gave.
        problem: why nothing in it can be graded.
        files: the notebook; where there are several, one of them has to be chosen.
        note: what student and teacher should know about how it was found.
    """

    student: str
    problem: str = ""
    files: tuple[File, ...] = ()
    note: str = ""

    @property
    def data(self) -> bytes:
        """The notebook's bytes, read anew each time.

        Raises:
            ValueError, OSError: it cannot be read any more.
        """
        return self.files[0].read() if self.files else b""

    @cached_property
    def digest(self) -> str:
        """Of everything that the grades depend on."""
        found = hashlib.sha256(self.problem.encode() + b"\0" + self.note.encode())
        for file in self.files:
            name = file.name if len(self.files) > 1 else ""
            found.update(f"\0{shown(name, 1 << 16)}\0".encode() + file.read())
        return found.hexdigest()


@dataclass(frozen=True)
class _Place:
    """One name in the folder of submissions: a file, a folder, or either in a ZIP."""

    name: str
    path: Path
    inside: tuple[File, ...] = ()  # the files that it is, where it lies in a ZIP
    is_folder: bool = False

    def contents(self, name: str) -> Contents:
        if not self.inside:
            return contents(self.path, name)
        found = Contents()
        for file in self.inside:
            if not self.is_folder:
                found.add(replace(file, name=name))
            elif not any(is_system(part) for part in file.name.split("/")):
                found.add(file)
        return found


Parts = tuple[tuple[Owner | None, _Place], ...]


@dataclass(frozen=True)
class Entry:
    """Where one student's submission lies; nothing of it has been read."""

    student: str
    parts: Parts


def entries(folder: Path, assignment: str, out: Path | None = None) -> list[Entry]:
    """Every student's entry in ``folder``, sorted by student; prints what is none.

    Each entry is one student: ``NAME.ipynb``, ``NAME.zip``, or a folder ``NAME`` with a
    notebook, also as nbgrader lays it out, ``NAME/A3/A3.ipynb``. Entries that Moodle,
    Canvas, Blackboard or Gradescope named belong to the student in their name. The folder
    may be a ZIP, or hold one that is such an export. ``out``, if it lies there, is none.

    Raises:
        ValueError: there is no such folder, or nothing in it.
    """
    places = _places(folder)
    if out and out.resolve().parent == folder.resolve():
        places = [place for place in places if place.name != out.resolve().name]
    alone = [place for place in places if not _is_left(place)]
    # What a system has called after a student is that student's, whatever lies within.
    if len(alone) == 1 and not owner(alone[0].name, assignment):
        within = _within(alone[0])
        owners = [own for place in within if (own := owner(place.name, assignment))]
        if len({own.student for own in owners}) > 1:
            places = [*within, *filter(_is_left, places)]
    whose, left, typed = _by_student(places, assignment)
    if not whose:
        raise ValueError(
            f"There is no submission in {folder}: put one notebook, or one folder with a "
            "notebook, for each student there."
        )
    if left:
        print(f"Not looked at: {listed(left)}.")
    if typed:
        print(f"Texts that {typed} students typed into the system are not looked at.")
    _tell_alike(whose)
    return [Entry(student, tuple(whose[student])) for student in sorted(whose)]


def _places(folder: Path) -> list[_Place]:
    try:
        if folder.is_dir():
            paths = sorted(folder.iterdir())
            return [_Place(p.name, p, is_folder=_is_folder(p)) for p in paths]
        if folder.is_file() and folder.suffix.lower() == ".zip":
            return _of_zip(File(folder.name, folder))
    except OSError as error:
        raise ValueError(f"{folder} cannot be read: {error.strerror}.") from None
    raise ValueError(f"There is no folder {folder}; give the one with the submissions.")


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


def _of_zip(file: File) -> list[_Place]:
    """The entries of an export in a ZIP; a folder around all of them is left out."""
    found: dict[str, list[File]] = defaultdict(list)
    names = {each: each.name[len(file.name) + 1 :] for each in members(file)}
    around = _around([*names.values()])
    for each, name in names.items():
        if name.startswith(around):
            top, _, rest = name[len(around) :].partition("/")
            found[top].append(replace(each, name=rest))
    entries = []
    for name, files in found.items():
        is_file = len(files) == 1 and not files[0].name
        entries.append(_Place(name, file.path, tuple(files), is_folder=not is_file))
    return entries


def _around(names: Sequence[str]) -> str:
    """The folder that a whole class lies in, with its slash, or an empty string."""
    tops = {name.split("/")[0] for name in names if not is_system(name.split("/")[0])}
    top = "".join(tops) if len(tops) == 1 else ""
    inner = {tuple(name.split("/")[1:3]) for name in names if name.startswith(f"{top}/")}
    folders = {parts[0] for parts in inner if len(parts) == 2}
    is_class = len(folders) > 1 or any(parts and owner(parts[0], "") for parts in inner)
    return f"{top}/" if top and is_class and not owner(top, "") else ""


def _within(entry: _Place) -> list[_Place]:
    """The entries of a folder or ZIP; none where it is neither, or cannot be read."""
    try:
        if entry.inside or not (entry.is_folder or entry.name.lower().endswith(".zip")):
            return []
        if entry.is_folder:
            return _places(entry.path)
        return _of_zip(File(entry.name, entry.path))
    except (ValueError, OSError):
        return []


def _is_left(entry: _Place) -> bool:
    """Whether an entry is certainly no student's."""
    output = entry.is_folder and not entry.inside and is_output(entry.path)
    stray = not entry.is_folder and Path(entry.name).suffix.lower() in STRAY
    return (
        is_system(entry.name)
        or output
        or (stray and not NOTEBOOK.search(entry.name) and not owner(entry.name, ""))
    )


def _by_student(
    entries: Sequence[_Place], assignment: str
) -> tuple[dict[str, list[tuple[Owner | None, _Place]]], list[str], int]:
    """The entries of each student, the names of those that are nobody's, typed texts."""
    whose: dict[str, list[tuple[Owner | None, _Place]]] = defaultdict(list)
    left = []
    for entry in entries:
        known = owner(entry.name, assignment)
        ending = next(iter(NOTEBOOK.finditer(entry.name)), None)
        if _is_left(entry):
            left.append(entry.name)
        elif known:
            whose[known.student].append((known, entry))
        else:
            name = entry.name
            if not entry.is_folder and ending:
                name = name[: ending.start()]
            elif not entry.is_folder and name.lower().endswith(".zip"):
                name = name[:-4]
            whose[shown(name or entry.name, LONGEST_NAME)].append((None, entry))
    typed = sum(any(own and own.is_text for own, _ in parts) for parts in whose.values())
    return whose, sorted(left, key=lambda name: not NOTEBOOK.search(name)), typed


def _tell_alike(names: Iterable[str]) -> None:
    """Say which names a person would take for one."""
    alike = defaultdict(list)
    for name in names:
        byte = re.sub(r"\\x([89a-f][0-9a-f])", lambda m: chr(int(m[1], 16)), name)
        alike[unicodedata.normalize("NFKC", byte).strip()].append(name)
    for group in [group for group in alike.values() if len(group) > 1][:10]:
        spelt = ", ".join(re.sub(r"[^ -~]", _number, name) for name in group[:6])
        print(
            f"{len(group)} names look alike, and each is a student with rows of its own: "
            f"{spelt}."
        )


def _number(match: re.Match[str]) -> str:
    return f"[U+{ord(match[0]):04X}]"


# --- one student --------------------------------------------------------------------------


def opened(entry: Entry, assignment: str) -> Submission:
    """What one student handed in, or why it cannot be graded."""
    student, parts = entry.student, entry.parts
    if len(parts) > 1 and not all(own for own, _ in parts):
        names = " and ".join(shown(entry.name) for _, entry in parts[:2])
        return Submission(
            student, f"There are two submissions, {names}; keep the one that counts."
        )
    try:
        if all(own and own.typed for own, _ in parts):
            raise ValueError("No file was handed in, only what was typed into the system.")
        found, attempt = _latest(parts)
        files, note = notebooks(found, assignment)
        note = " ".join(filter(None, [attempt, note]))
        submission = Submission(student, "", files, note)
        _ = submission.digest  # every file can be read now
        return submission
    except ValueError as error:
        return Submission(student, str(error))
    except OSError as error:
        return Submission(student, told(error, "It"))


def _latest(parts: Parts) -> tuple[Contents, str]:
    """What the latest attempt holds that has a notebook, and a note if there are others."""
    attempts = sorted({own.attempt if own else "" for own, _ in parts}, reverse=True)
    kept: list[Contents] = []
    for attempt in attempts:
        found = Contents()
        for own, entry in parts:
            if own and (own.attempt != attempt or own.typed):
                continue
            found.extend(entry.contents(own.file if own and own.file else entry.name))
        kept.append(found)
        if found.notebooks or found.maybe:
            break
    if len(attempts) == 1 or not (kept[-1].notebooks or kept[-1].maybe):
        return kept[0], ""
    empty = f"; {listed(attempts[: len(kept) - 1])} held no notebook" if kept[1:] else ""
    chosen = attempts[len(kept) - 1]
    return kept[-1], f"Of {len(attempts)} attempts, {chosen} counts{empty}."
