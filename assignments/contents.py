"""What lies in a student's file, folder or ZIP: notebooks, and what is none."""

import os
import stat
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from assignments.files import LARGEST, MIB, File, members
from assignments.names import NOTEBOOK, is_named, is_system, listed, shown, told

MOST_FILES = 10_000  # notebooks of one student, or files in a ZIP
MOST_SEEN = 200_000  # files of one student that are not looked into
DEEPEST = 20  # folders in folders
MOST_ZIPS = 2  # in one another
MOST_VERSIONS = 20  # notebooks of one student that are looked into, and ZIPs
LARGEST_TOGETHER = 60 * MIB


@dataclass
class Contents:
    """What a student handed in.

    Args:
        notebooks: by their names.
        maybe: what may be a notebook under another name.
        others: the names of other files, the first few.
        problems: sentences about what could not be looked at.
    """

    notebooks: list[File] = field(default_factory=list)
    maybe: list[File] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    zips: int = 0

    def add(self, file: File) -> None:
        """Add a file, or the files in it where it is a ZIP.

        Raises:
            ValueError: these are too many.
        """
        name = file.name.lower()
        if NOTEBOOK.search(name):
            self.notebooks.append(file)
        elif name.endswith(".json"):
            self.maybe.append(file)
        elif name.endswith(".zip"):
            self._open(file)
        elif len(self.others) < 20:
            self.others.append(file.name)
        if len(self.notebooks) + len(self.maybe) > MOST_FILES:
            raise ValueError(
                f"There are more than {MOST_FILES} notebooks; keep the one that counts."
            )

    def _open(self, file: File) -> None:
        self.zips += 1
        if len(file.members) >= MOST_ZIPS or self.zips > MOST_VERSIONS:
            self.problem(f"{shown(file.name)} lies in or beside too many other ZIPs.")
            return
        try:
            inside = members(file)
        except (ValueError, OSError) as error:
            self.problem(told(error, file.name))
            return
        for member in inside:
            parts = PurePosixPath(member.name[len(file.name) + 1 :]).parts
            if not any(is_system(part) for part in parts):
                self.add(member)

    def extend(self, other: "Contents") -> None:
        """Add what was found elsewhere."""
        self.notebooks += other.notebooks
        self.maybe += other.maybe
        self.others += other.others
        for sentence in other.problems:
            self.problem(sentence)

    def problem(self, sentence: str) -> None:
        """Keep a sentence, if there are not many yet."""
        if len(self.problems) < 3 and sentence not in self.problems:
            self.problems.append(sentence)


def is_output(folder: Path) -> bool:
    """Whether a grader has written its grades into a folder."""
    return (folder / "run.json").is_file() and (folder / "students").is_dir()


def contents(path: Path, name: str) -> Contents:
    """What lies at ``path``: a file, or a folder with all of its folders.

    Raises:
        ValueError: it is a link, is no file, or holds too much.
        OSError: it cannot be looked at.
    """
    found = Contents()
    kind = path.lstat().st_mode
    if stat.S_ISDIR(kind):
        _walk(path, found)
    elif stat.S_ISREG(kind):
        found.add(File(name, path, size=path.stat().st_size))
    elif stat.S_ISLNK(kind):
        raise ValueError(f"{shown(name)} is a link; hand in the notebook itself.")
    else:
        raise ValueError(f"{shown(name)} is not a notebook (.ipynb), nor any file.")
    return found


def _walk(top: Path, found: Contents) -> None:
    waiting, seen = deque([("", 0)]), 0
    while waiting:
        place, depth = waiting.popleft()
        entries = []
        try:
            with os.scandir(top / place) as scanned:
                for entry in scanned:
                    seen += 1
                    if seen > MOST_SEEN:
                        raise ValueError(
                            f"There are more than {MOST_SEEN} files; hand in the notebook "
                            "alone."
                        )
                    if not is_system(entry.name):
                        entries.append(entry)
        except OSError as error:
            found.problem(told(error, place or top.name))
        if place and {"run.json", "students"} <= {entry.name for entry in entries}:
            continue  # a grader's own output
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = f"{place}/{entry.name}" if place else entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth < DEEPEST:
                    waiting.append((name, depth + 1))
                else:
                    found.problem(f"Folders deeper than {DEEPEST} are not looked into.")
            elif entry.is_file(follow_symlinks=False):
                found.add(File(name, top / name, size=_size(entry)))
            elif NOTEBOOK.search(entry.name):
                kind = "a link" if entry.is_symlink() else "not a file"
                found.problem(f"{shown(name)} is {kind}; hand in the notebook itself.")


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:  # gone, or beyond reach: reading it will say so
        return 0


def notebooks(found: Contents, assignment: str) -> tuple[tuple[File, ...], str]:
    """The notebooks that may count, and a note about those that cannot.

    Raises:
        ValueError: there is none, or there are too many to look at.
    """
    files = found.notebooks or [
        file for file in found.maybe[:MOST_VERSIONS] if _is_one(file)
    ]
    others = [*found.others, *(file.name for file in found.maybe)]
    if not files and found.problems:
        raise ValueError(" ".join(found.problems))
    if not files and others:
        is_none = "is not a notebook" if len(others) == 1 else "are no notebooks"
        raise ValueError(f"{listed(others)} {is_none} (.ipynb).")
    if not files:
        raise ValueError("There is no notebook in the folder.")
    large = [file for file in files if file.size > LARGEST]
    files = [file for file in files if file.size <= LARGEST]
    too_large = [f"{shown(f.name)} is larger than {LARGEST // MIB} MB" for f in large[:3]]
    if not files:
        raise ValueError(f"{too_large[0]}; clear its outputs and hand it in again.")
    notes = [*found.problems, *(f"{sentence}." for sentence in too_large)]
    if len(files) > MOST_VERSIONS:
        files = [file for file in files if is_named(file.name, assignment)] or files
    if len(files) > MOST_VERSIONS or sum(file.size for file in files) > LARGEST_TOGETHER:
        names = listed([file.name for file in files])
        raise ValueError(
            f"There are {len(files)} notebooks, {names}; keep the one that counts."
        )
    return tuple(files), " ".join(filter(None, notes))


def _is_one(file: File) -> bool:
    """Whether a file of another name is a notebook."""
    try:
        return file.size <= LARGEST and b'"nbformat"' in file.read().replace(b"\0", b"")
    except (ValueError, OSError):
        return False
