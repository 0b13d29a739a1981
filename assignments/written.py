"""Written answers: every word of them, and the points that come back from a spreadsheet."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat

from assignments.handout import student_version
from assignments.notebook import Cell, cells
from assignments.registry import source_notebook

HEADER = ("student", "question", "points", "max_points", "comment", "answer")
LONGEST_CELL = 32_000  # characters; spreadsheets cut a longer one off
csv.field_size_limit(1 << 28)  # bytes; Python's own limit is shorter than an essay may be

# Within one line: across lines it would take quadratic time on an answer of empty lines.
PLACEHOLDER = re.compile(r"^[ \t*_>]*YOUR ANSWER HERE[ \t*_.]*$", re.MULTILINE)
PICTURE = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=\s]{64,}")


# --- in a notebook ------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """What a student wrote for one question.

    Args:
        text: empty where there is nothing.
        note: where it was found, if not in the cell that asks for it alone.
    """

    text: str = ""
    note: str = ""


@cache
def _handed_out(assignment: str) -> tuple[Cell, ...]:
    """Every cell that students got."""
    notebook = student_version(source_notebook(assignment))
    return tuple(cells(nbformat.writes(notebook).encode()))


def written(found: Sequence[Cell], assignment: str, key: str) -> Written:
    """Everything that answers a written question.

    That is the text of its cells, without the placeholder, and of the text cells below
    them up to the next one that was handed out. Where the mark is lost, it is the text
    between the cell that was handed out above it and the next one.
    """
    ours = _handed_out(assignment)
    known = {part for cell in ours for part in (cell.id, cell.source.strip()) if part}
    mark = f"{assignment}-{key}"

    def is_theirs(cell: Cell) -> bool:
        handed_out = cell.grade_id or {cell.id, cell.source.strip()} & known
        return not handed_out and cell.kind in ("markdown", "raw")

    at = next(i for i, cell in enumerate(ours) if cell.grade_id == mark)
    places = [i for i, cell in enumerate(found) if cell.grade_id == mark]
    if places:
        own = [_own_lines(found[i].source, ours[at].source) for i in places]
        below = _following(found, places[-1] + 1, is_theirs)
        note = "part of it stood in the cell below" if any(below) else ""
        if len([text for text in own if text]) > 1:
            note = "it was in several cells with the same mark"
    else:
        own = []
        above = ours[at - 1] if at else Cell("", "")
        start = [
            i + 1
            for i, cell in enumerate(found)
            if above.id == cell.id or above.source.strip() == cell.source.strip()
        ]
        below = _following(found, start[0], is_theirs) if start else []
        note = "its cell had lost its mark"
    parts = dict.fromkeys(text for text in (*own, *below) if text)  # halves, not copies
    text = "\n\n".join(parts)
    return Written(text, note if text else "")


def _following(
    found: Sequence[Cell], start: int, is_theirs: Callable[[Cell], bool]
) -> list[str]:
    texts = []
    for cell in found[start:]:
        if cell.kind == "code":  # a scratch cell may stand between two halves
            if cell.grade_id:
                break
            continue
        if not is_theirs(cell):
            break
        texts.append(_plain(cell.source))
    return texts


def _own_lines(source: str, handed_out: str) -> str:
    """What a student added to a cell, without the lines that stood there."""
    given = {line.strip() for line in _plain(handed_out).split("\n")} - {""}
    lines = _plain(source).split("\n")
    return "\n".join(line for line in lines if line.strip() not in given).strip()


def _plain(source: str) -> str:
    """A cell's text without the placeholder, pictures and what no file can hold."""
    text = PICTURE.sub("[a picture]", PLACEHOLDER.sub("", source))
    text = text.replace("YOUR ANSWER HERE", "")
    return readable(text).strip()


def readable(text: str) -> str:
    """Text on several lines, without half characters and control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text)


# --- in a spreadsheet ---------------------------------------------------------------------


@dataclass(frozen=True)
class Mark:
    """What a teacher wrote beside one written answer."""

    points: float | None = None  # None while it waits; whole or half points
    comment: str = ""  # for the student
    answer: str = ""  # the text that was read


def same_answer(mark: Mark, text: str) -> bool:
    """Whether the text that was read is this one, however a spreadsheet has kept it."""
    read, now = ("".join(each.split()) for each in (mark.answer, text))
    return read == now or (len(mark.answer) >= LONGEST_CELL and now.startswith(read))


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table that a spreadsheet may have saved.

    Commas, semicolons or tabs; UTF-8, UTF-16 or the Windows encoding of Western Europe.

    Raises:
        ValueError: the header is not that of ``HEADER``.
    """
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    for delimiter in ",;\t":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = [name.strip().lower() for name in next(rows, [])]
        if set(HEADER) <= set(header):
            return [dict(zip(header, row, strict=False)) for row in rows if any(row)]
    raise ValueError(
        f"{path} does not begin with the columns {', '.join(HEADER)}; leave that line as "
        "it was, and save the table as CSV."
    )


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
        found[who, what] = Mark(points, comment, row.get("answer", ""))
    return found


def _points(text: str, most: str) -> float | None:
    """Points as a spreadsheet writes them: 2, 2.5, 2,5; None where there are none."""
    text, most = (value.strip().replace(",", ".") for value in (text, most))
    if not text:
        return None
    points = float(text)
    if not 0 <= points <= float(most) or points * 2 % 1:
        raise ValueError
    return int(points) if points.is_integer() else points
