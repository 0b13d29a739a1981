"""A file that a student handed in, on disk or in a ZIP, read within bounds.

Nothing is unpacked to disk, no link is followed, and nothing is opened that is no file.
However much a ZIP says or hides, no more than the bound is unpacked of it.
"""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from assignments.names import shown

MIB = 1 << 20
LARGEST = 20 * MIB  # bytes of a notebook
LARGEST_ZIP = 64 * MIB  # bytes of a ZIP in a ZIP, which is held in memory
LARGEST_READ = 4 * MIB  # bytes of a ZIP that are read at once: its table of contents is


@dataclass(frozen=True)
class File:
    """A file of a submission; it is read when it is needed.

    Args:
        name: its path in what was handed in.
        path: where it lies on disk, or the ZIP that it lies in.
        members: its number in that ZIP; in a ZIP in a ZIP, one number for each.
        size: in bytes; what a ZIP says of it.
    """

    name: str
    path: Path
    members: tuple[int, ...] = ()
    size: int = 0

    def read(self, most: int = LARGEST) -> bytes:
        """Its bytes.

        Raises:
            ValueError: it is larger than ``most``, or no file that can be read.
            OSError: the disk does not give it.
        """
        with _opened(self) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise ValueError(f"{shown(self.name)} is larger than {most // MIB} MB.")
        return data


def _ordinary(path: Path) -> BinaryIO:
    """Open an ordinary file; a link, or a pipe put there since, is refused."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(number, "rb")
    if not stat.S_ISREG(os.fstat(number).st_mode):
        file.close()
        raise ValueError(f"{shown(path.name)} is not a file.")
    return file


# --- in a ZIP -----------------------------------------------------------------------------


class _Careful:
    """A file that is read in small pieces only.

    A ZIP's table of contents is read at once, however long the ZIP says that it is.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(LARGEST_READ + 1 if size < 0 else min(size, LARGEST_READ + 1))
        if len(data) > LARGEST_READ:
            raise ValueError("the table of contents is too long")
        return data


def members(file: File) -> list[File]:
    """The files in a ZIP: no folders, no links, nothing that would lie outside of it.

    Raises:
        ValueError: it is no ZIP that can be read, or holds too many.
    """
    nested = io.BytesIO(file.read(LARGEST_ZIP)) if file.members else None
    with (
        nested or _ordinary(file.path) as stream,
        _archive(stream, file.name) as archive,
    ):
        infos = archive.infolist()
    found = []
    for number, info in enumerate(infos):
        name = _name(info)
        outside = name.startswith("/") or name[1:2] == ":" or ".." in name.split("/")
        if info.is_dir() or outside or stat.S_ISLNK(info.external_attr >> 16):
            continue
        place = f"{file.name}/{name}"
        found.append(File(place, file.path, (*file.members, number), info.file_size))
    return found


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name: UTF-8 as macOS writes it, too, and with slashes."""
    name = info.filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return name.replace("\\", "/")


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    """A file, or the member of a ZIP, for reading."""
    with _ordinary(file.path) as stream:
        if not file.members:
            yield stream
            return
        *outer, last = file.members
        inner: Any = stream
        for number in outer:
            with _archive(inner, file.name) as archive, _member(archive, number) as member:
                data = _some(member, LARGEST_ZIP + 1, file.name)
            if len(data) > LARGEST_ZIP:
                raise ValueError(f"A ZIP in {shown(file.name)} is too large.")
            inner = io.BytesIO(data)
        with _archive(inner, file.name) as archive, _member(archive, last) as member:
            yield _Limited(member, file.name)


class _Limited:
    """A member of a ZIP; what is damaged in it is one sentence."""

    def __init__(self, member: Any, name: str) -> None:
        self.member, self.name = member, name

    def read(self, size: int) -> bytes:
        return _some(self.member, size, self.name)


def _some(member: Any, size: int, name: str) -> bytes:
    """The first bytes, however many the ZIP says there are."""
    parts, left = [], size
    try:
        while left > 0 and (part := member.read(min(left, MIB))):
            parts.append(part)
            left -= len(part)
    except Exception as error:  # of zlib, zipfile and struct, whatever was damaged
        raise ValueError(f"{shown(name)} is damaged in its ZIP.") from error
    return b"".join(parts)


@contextmanager
def _archive(stream: Any, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(_Careful(stream))
    except Exception as error:
        raise ValueError(
            f"{shown(name)} is not a ZIP that can be read, or holds too much."
        ) from error
    with archive:
        yield archive


@contextmanager
def _member(archive: zipfile.ZipFile, number: int) -> Iterator[Any]:
    try:
        info = archive.infolist()[number]
        # Others may claim any amount of memory before their first byte.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{shown(info.filename)} is packed in an unusual way")
        member = archive.open(info)
    except Exception as error:
        raise ValueError(
            f"{shown(_name(info))} cannot be taken out of its ZIP ({shown(str(error))}); "
            "hand in the notebook itself."
        ) from error
    with member:
        yield member
