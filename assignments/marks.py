"""The points and comments that come back in written.csv, however it was saved."""

import csv
import io
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

HEADER = ("student", "question", "points", "max_points", "comment", "answer")
LONGEST_CELL = 32_000  # characters; spreadsheets cut a longer one off
csv.field_size_limit(1 << 28)  # bytes; Python's own limit is shorter than an essay may be


@dataclass(frozen=True)
class Mark:
    """What a teacher wrote beside one written answer."""

    points: float | None = None  # None while it waits; whole or half points
    comment: str = ""  # for the student
    answer: str = ""  # the text that was read


def same_answer(mark: Mark, text: str) -> bool:
    """Whether the text that was read is this one, however a spreadsheet has kept it."""
    read, now = ("".join(each.split()).lstrip("'") for each in (mark.answer, text))
    return read == now or (len(mark.answer) >= LONGEST_CELL and now.startswith(read))


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table that a spreadsheet may have saved.

    Commas, semicolons or tabs; UTF-8, UTF-16 or the Windows encoding of Western Europe.

    Raises:
        ValueError: the header is not that of ``HEADER``.
    """
    text = _decoded(path.read_bytes())
    first = re.match(r"sep=(.)(?:\r\n?|\n)", text)  # which Excel leaves out when it reads
    text = text[first.end() :] if first else text
    for delimiter in first[1] if first else ",;\t":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = [name.strip().lower() for name in next(rows, [])]
        if set(HEADER) <= set(header):
            return [dict(zip(header, row, strict=False)) for row in rows if any(row)]
    raise ValueError(
        f"{path} does not begin with the columns {', '.join(HEADER)}; leave that line as "
        "it was, and save the table as CSV."
    )


def _decoded(data: bytes) -> str:
    """A table's text: UTF-16 with a mark or without, UTF-8, or what the system had."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:2]:  # the first letter of the header
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The lines of a cell may end in another way than the rows.
        end = re.search(rb"\r\n|\r|\n", data)
        of_mac = end is not None and end[0] == b"\r"
        return data.decode("mac_roman" if of_mac else "cp1252", "replace")


def read_marks(path: Path) -> dict[tuple[str, str], Mark]:
    """What a teacher wrote into written.csv, by student and question.

    Raises:
        ValueError: it is no such table, or holds points that a question cannot give.
    """
    found: dict[tuple[str, str], Mark] = {}
    for row in read_table(path) if path.is_file() else []:
        who, what = row["student"], row.get("question", "")
        given, most = row.get("points", ""), row.get("max_points", "")
        try:
            points = _points(given, most)
        except ValueError:
            raise ValueError(
                f"{path}: the points of {who} for {what} are {given!r}; they must be whole "
                f"or half, from 0 to {most or 'max_points'}, or empty while they wait."
            ) from None
        comment = row.get("comment", "").strip()
        mark = Mark(points, comment, row.get("answer", ""))
        earlier = found.setdefault((who, what), mark)
        if earlier.points != mark.points:
            raise ValueError(
                f"{path} has two lines of {who} for {what}, with different points; keep "
                "the one that counts."
            )
    return found


def take(
    marks: dict[tuple[str, str], Mark],
    student: str,
    question: str,
    max_points: float,
    students: Collection[str],
) -> Mark:
    """Take one student's mark out of a table.

    A spreadsheet may have spelt the name in another way: without an apostrophe or zeros in
    front, or in other bytes. A name that is another student's is nobody else's.

    Raises:
        ValueError: the points are more than the question has.
    """
    keys = [(student, question)]
    if keys[0] not in marks:
        name = _spelt(student)
        keys = [
            key
            for key in marks
            if key[1] == question and _spelt(key[0]) == name and key[0] not in students
        ]
    mark = marks.pop(keys[0]) if len(keys) == 1 and keys[0] in marks else Mark()
    if mark.points is not None and mark.points > max_points:
        raise ValueError(
            f"written.csv has {mark.points:g} points of {student} for {question}, which "
            f"has {max_points:g}; change them."
        )
    return mark


def _spelt(name: str) -> str:
    """What is left of a name after any spreadsheet."""
    name = " ".join(unicodedata.normalize("NFC", name).lstrip("'").split())
    return name.lstrip("0") if name.isdigit() else name


def _points(text: str, most: str) -> float | None:
    """Points as a spreadsheet writes them: 2, 2.5, 2,5; None where there are none."""
    text, most = (value.strip().replace(",", ".") for value in (text, most))
    if not text:
        return None
    points = float(text)
    if not 0 <= points <= float(most) or points * 2 % 1:
        raise ValueError
    return int(points) if points.is_integer() else points
