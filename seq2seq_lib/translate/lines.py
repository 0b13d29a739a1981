"""Line-aligned text files: what is wrong with them is said with the number of its line."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import IO

from seq2seq_lib.require import require
from seq2seq_lib.text import normalise

LONGEST = 20_000  # characters in a line; a longer one is no sentence
MOSTLY = 0.5  # a corpus in which more of the targets repeat their source is a mistake
GZIP, UTF16 = b"\x1f\x8b", (b"\xff\xfe", b"\xfe\xff")


def prepare(text: str, lowercase: bool) -> str:
    """A line as models read it: one spelling, single spaces, perhaps lower-cased.

    See ``text.normalise``. The sign U+2581 stands for a space in subwords, so a text may
    not contain it; it becomes an underscore.
    """
    text = " ".join(normalise(text).replace("\u2581", "_").split())
    return text.lower() if lowercase else text


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file, plain or compressed with gzip, without their ends.

    A byte order mark is dropped, and an end may be that of Windows.

    Raises:
        ValueError: the file cannot be read, a line is not in UTF-8 or too long; with the
            number of the line.
    """
    number = 0
    try:
        with _open(path) as file:
            while line := file.readline(4 * LONGEST + 2):
                number += 1
                yield _decoded(line, path, number)
    except FileNotFoundError:
        raise ValueError(f"There is no file {path}; check its name.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(
            f"{path} is damaged after line {number}: its compressed data ends too early or "
            "is wrong; fetch it again."
        ) from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}).") from None


def typed_lines(file: IO[bytes]) -> Iterator[str]:
    """The lines of what is typed or piped in, as ``read_lines`` gives those of a file.

    Raises:
        ValueError: a line is not in UTF-8 or too long; with its number.
    """
    ask = iter(lambda: file.readline(4 * LONGEST + 2), b"")
    for number, line in enumerate(ask, start=1):
        yield _decoded(line, Path("standard input"), number)


def _open(path: Path) -> io.BufferedIOBase:
    with path.open("rb") as file:
        begin = file.read(2)
    require(
        begin not in UTF16,
        f"{path} is in UTF-16; save it as UTF-8 and start the run again.",
    )
    return gzip.GzipFile(path, "rb") if begin == GZIP else path.open("rb")


def _decoded(line: bytes, path: Path, number: int) -> str:
    where = f"{path}, line {number}"
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        cut = len(line) > 4 * LONGEST and error.start >= len(line) - 3
        require(
            cut,
            f"{where} is not UTF-8 (byte {error.start + 1} is {line[error.start]:#x}); "
            "save the file as UTF-8, or correct the line.",
        )
        text = line.decode("utf-8", errors="ignore")
    text = text.rstrip("\r\n")
    require(
        len(text) <= LONGEST,
        f"{where} has more than {LONGEST:,} characters, so it is no sentence; is the file "
        "one sentence a line?",
    )
    return text


def read_pairs(
    src: Path,
    tgt: Path,
    lowercase: bool = False,
    skip_empty: bool = False,
    allow_equal: bool = False,
) -> Iterator[tuple[str, str]]:
    """The sentence pairs of two files whose lines belong together, prepared.

    Args:
        src, tgt: the files.
        lowercase: see ``prepare``.
        skip_empty: leave out pairs of which a side is empty; otherwise they are an error.
        allow_equal: let most targets repeat their source.

    Raises:
        ValueError: see ``read_lines``; the files have different numbers of lines, a side
            is empty, there is no pair, or most targets repeat their source.
    """
    if src.exists() and tgt.exists():
        same = os.path.samefile(src, tgt)
        require(not same, f"Source and target are one file, {src}; give two.")
    number = pairs = equal = 0
    both = zip_longest(read_lines(src), read_lines(tgt))
    for number, sides in enumerate(both, start=1):
        if None in sides:
            _different(src, tgt)
        source, target = (prepare(side, lowercase) for side in sides)
        if not source or not target:
            empty = tgt if source else src
            require(
                skip_empty,
                f"{empty}, line {number} is empty; fill or remove it in both files, or let "
                "such pairs be left out with --skip-empty.",
            )
            continue
        pairs += 1
        equal += source == target
        yield source, target
    require(pairs, f"{src} and {tgt} hold no pair of lines ({number} lines).")
    require(
        allow_equal or equal <= MOSTLY * pairs,
        f"In {equal:,} of {pairs:,} pairs of {src} and {tgt} the target repeats the "
        "source; give the file in the other language, or say --allow-equal if it is meant.",
    )


def _different(src: Path, tgt: Path) -> None:
    counts = [sum(1 for _ in read_lines(path)) for path in (src, tgt)]
    raise ValueError(
        f"{src} has {counts[0]:,} lines and {tgt} has {counts[1]:,}; line by line they "
        "must belong together."
    )
