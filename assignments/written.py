"""Written answers: every word of them, and the points that come back from a spreadsheet."""

import ast
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

import nbformat

from assignments.handout import student_version
from assignments.notebook import Cell, cells
from assignments.registry import source_notebook
from assignments.text import clean

HEADER = ("student", "question", "points", "max_points", "comment", "answer")
LONGEST_CELL = 32_000  # characters; spreadsheets cut a longer one off
csv.field_size_limit(1 << 28)  # bytes; Python's own limit is shorter than an essay may be

# Within one line: across lines it would take quadratic time on an answer of empty lines.
PLACEHOLDER = re.compile(r"^[ \t*_>]*YOUR ANSWER HERE[ \t*_.]*$", re.MULTILINE)
# Pasted into the text; further lines are long or the last, so that no word is taken.
PICTURE = re.compile(
    r"data:[\w.+-]{1,99}/[\w.+-]{1,99}(?:;[\w=.-]{1,99}){0,4};base64,[A-Za-z0-9+/=]{64,}"
    r"(?:\s{1,9}[A-Za-z0-9+/]{60,}={0,2})*(?:\s{1,9}[A-Za-z0-9+/]{1,99}={1,2})?"
)


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
def handed_out(assignment: str) -> tuple[Cell, ...]:
    """Every cell that students got."""
    notebook = student_version(source_notebook(assignment))
    return tuple(cells(nbformat.writes(notebook).encode()))


def written(found: Sequence[Cell], assignment: str, key: str) -> Written:
    """Everything that answers a written question.

    That is what a student added from the last cell above its mark that was handed out, the
    question as a rule, to the next such cell below. Where the mark is lost, it is what
    follows the question. Of code cells, those count that hold words and nothing that runs.
    """
    ours, mark = handed_out(assignment), f"{assignment}-{key}"
    at = next(i for i, cell in enumerate(ours) if cell.grade_id == mark)
    asking = ours[at - 1] if at else Cell("", "")
    texts = {c.source.strip() for c in ours if not PLACEHOLDER.search(c.source)} - {""}
    ids = {cell.id: cell.source for cell in ours if cell.id and cell.grade_id != mark}
    marked = [i for i, cell in enumerate(found) if cell.grade_id == mark]

    def is_ours(cell: Cell) -> bool:
        other = cell.grade_id and cell.grade_id != mark
        return bool(other or cell.id in ids or cell.source.strip() in texts)

    def added(cell: Cell) -> str:
        """What a student wrote into a cell."""
        source = cell.source.strip()
        if source in texts or (cell.grade_id or mark) != mark or not _has_words(cell):
            return ""
        given = (asking.source, ours[at].source, ids.get(cell.id, ""))
        return _own_lines(source, "\n".join(given))

    start = marked or [i for i, c in enumerate(found) if c.id == ours[at].id]
    start = start or [i for i, cell in enumerate(found) if _is_same(cell, asking)][:1]
    around = sorted({j for i in start for j in _around(found, i, is_ours)})
    places = {i: text for i in around if (text := added(found[i]))}
    parts = dict.fromkeys(places.values())  # halves, not copies
    if not marked:
        note = "its cell had lost its mark"
    elif len([i for i in places if i in marked]) > 1:
        note = "it was in several cells with the same mark"
    else:
        note = _elsewhere([i - marked[0] for i in places if i not in marked])
    return Written("\n\n".join(parts), note if parts else "")


def _is_same(cell: Cell, other: Cell) -> bool:
    return cell.id == other.id or cell.source.strip() == other.source.strip()


def _around(
    found: Sequence[Cell], at: int, is_ours: Callable[[Cell], bool]
) -> Iterator[int]:
    """The cells around one, up to the first that was handed out above it and below it."""
    for i in range(at, -1, -1):
        yield i
        if is_ours(found[i]):
            break
    yield from takewhile(lambda i: not is_ours(found[i]), range(at + 1, len(found)))


def _has_words(cell: Cell) -> bool:
    """Whether a cell may hold an answer in words: code that runs is none."""
    if cell.kind != "code" or cell.tree is None:
        return True
    values = [node.value for node in cell.tree.body if isinstance(node, ast.Expr)]
    texts = [v for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    return len(texts) == len(cell.tree.body)


def _elsewhere(distances: Sequence[int]) -> str:
    """Where an answer stood that is not in its own cell alone."""
    found = {"above": min, "below": max}
    sides = [name for name, end in found.items() if end([0, *distances])]
    return f"part of it stood in the cell {' and the one '.join(sides)}" if sides else ""


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
    return clean(text, len(text), lines=True)


# --- in a spreadsheet ---------------------------------------------------------------------


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
    first = re.match(r"sep=(.)\r?\n", text)  # which Excel leaves out when it reads
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
        of_mac = b"\r" in data and b"\n" not in data
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
