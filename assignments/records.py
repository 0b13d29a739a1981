"""What is known of each student: rows with points and reasons, in a small checked form.

The process that owns a class's results reads nothing else of a submission. A record comes
as bytes, from a process that has looked at a submission or from a file; it is believed
only in what is checked here.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, NoReturn

from assignments.text import LONGEST_NAME, LONGEST_REASON, clean, is_clean
from checks.exercise import Verdict

LARGEST = 640 << 10  # bytes of a record
LONGEST_TEXT = 20_000  # characters of a written answer; spreadsheets cut at 32,767
MOST_POINTS = 1000  # of one question
MOST_ROWS = 100
GRADER_FAILED = "The grader failed here, and not the answer"


@dataclass(frozen=True)
class Question:
    """One question of an assignment, as a teacher sees it."""

    key: str  # its short name; the grade of ``A3-weights`` has the key "weights"
    title: str  # its name for people
    max_points: int
    written: bool = False  # whether a person grades it
    since: int = 1  # the first edition of the assignment that has it


@dataclass
class Row:
    """The grade of one question."""

    question: str  # its key
    points: float | None  # None where a person has to grade it; whole or half
    max_points: int
    reason: str = ""  # why points are missing
    verdicts: list[Verdict] = field(default_factory=list)
    text: str = ""  # a written answer


@dataclass
class Graded:
    """One student's rows."""

    student: str
    digest: str  # of what was handed in; empty where the grader itself failed
    sandbox: str  # the kind that closed the processes
    rows: list[Row]  # one for each question
    failed: str = ""  # what was handed in and how the grader failed on it, if it did
    held: str = ""  # what closed the processes, and what did not hold, in words
    edition: int = 0  # of the assignment, that the notebook is of; 0 where none was read

    @property
    def points(self) -> float:
        """What the graded questions earned together."""
        return sum(row.points or 0 for row in self.rows)

    @property
    def most(self) -> int:
        """What all of its questions have together."""
        return sum(row.max_points for row in self.rows)


def in_edition(asked: Sequence[Question], edition: int) -> list[Question]:
    """The questions of an edition; all of them where it is not known which it is."""
    return [q for q in asked if q.since <= edition or not edition]


def of_class(graded: Sequence[Graded], asked: Sequence[Question]) -> list[Question]:
    """The questions of a class: those of the latest edition that somebody has worked on.

    Where nothing could be read, a row for each of these stays, and no other.
    """
    found = in_edition(asked, max((g.edition for g in graded), default=0))
    keys = {question.key for question in found}
    for one in graded:
        one.rows = [row for row in one.rows if row.question in keys]
    return found


def unearned(asked: Sequence[Question], reason: str) -> list[Row]:
    """A row without points for each question."""
    return [Row(q.key, 0, q.max_points, clean(reason)) for q in asked]


def ungraded(asked: Sequence[Question], problem: str) -> list[Row]:
    """The rows of a submission on which the grader itself failed."""
    return unearned(
        asked,
        f"{GRADER_FAILED} ({clean(problem, 500)}). Run the same command again; if it says "
        "this again, grade this submission by hand.",
    )


def unreadable(asked: Sequence[Question], problem: str) -> list[Row]:
    """The rows of a submission on which it failed in the same way twice in a row."""
    return unearned(
        asked,
        "This submission could not be read within the limits of the grader, twice in a "
        f"row ({clean(problem, 500)}). Grade it by hand.",
    )


def packed(record: Graded | Row) -> bytes:
    """A record, or a row of one, as bytes."""
    text = json.dumps(asdict(record), indent=1, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")  # names may hold half characters


def read(data: bytes) -> Graded:
    """A record from bytes that may be anything.

    Raises:
        ValueError: they are no record, or hold what no record can.
    """
    if len(data) > LARGEST:
        raise ValueError(f"it has {len(data)} bytes, more than {LARGEST}")
    kept = _only(parsed(data), Graded)
    rows = kept["rows"]
    _require(isinstance(rows, list) and len(rows) <= MOST_ROWS, "its rows are no list")
    graded = Graded(**{**kept, "rows": [_row(row) for row in rows]})
    _require(
        isinstance(graded.student, str) and len(graded.student) <= LONGEST_NAME,
        "its student is no name",
    )
    _require(_line(graded.digest) and _line(graded.failed), "its digest is no text")
    _require(_line(graded.sandbox), "its sandbox is no text")
    held = isinstance(graded.held, str) and is_clean(graded.held, LONGEST_TEXT)
    _require(held, "what held is no text")
    _require(_whole(graded.edition), "its edition is no number")
    return graded


def agree(graded: Graded, student: str, questions: Sequence[Question]) -> None:
    """Check that a new record is this student's and answers these questions.

    Raises:
        ValueError: it is another's, or claims what no answer can have earned.
    """
    _require(graded.student == student, "it is another student's")
    questions = in_edition(questions, graded.edition)
    _require([row.question for row in graded.rows] == [q.key for q in questions], "keys")
    for row, question in zip(graded.rows, questions, strict=True):
        _answers(row, question)


def _answers(row: Row, question: Question) -> None:
    """Check that a row claims no more than this question can give."""
    _require(row.max_points == question.max_points, "the points of a question differ")
    earned = sum(verdict.points for verdict in row.verdicts)
    if question.written:
        _require(not row.verdicts, "a written answer was judged")
        _require(row.points == (None if row.text else 0), "who graded these words?")
    else:
        _require(row.points == earned, "points that no criterion gave")
        _require(not row.text, "words where code was asked for")
        most = sum(verdict.max_points for verdict in row.verdicts)
        _require(not row.verdicts or most == row.max_points, "criteria are missing")
    _require(bool(row.reason) or row.points == row.max_points, "a reason is missing")


def sound(row: Row, question: Question) -> Row:
    """The row, if it will be believed; else one that says who grades this question."""
    try:
        _answers(_row(parsed(packed(row))), question)
    except ValueError as error:
        (row,) = unearned(
            [question], f"{GRADER_FAILED} ({error}). Grade this question by hand."
        )
    return row


def parsed(data: bytes) -> Any:
    """JSON from bytes that may be anything.

    Raises:
        ValueError: they are none.
    """
    try:
        text = data.decode("utf-8", "surrogatepass")
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _row(value: Any) -> Row:
    kept = _only(value, Row)
    verdicts = kept.get("verdicts", [])
    _require(isinstance(verdicts, list) and len(verdicts) <= MOST_ROWS, "no verdicts")
    row = Row(**{**kept, "verdicts": [_verdict(verdict) for verdict in verdicts]})
    _require(_line(row.question) and _line(row.reason), "a question or reason is no text")
    _require(_whole(row.max_points), "the points of a question are no number")
    _require(row.points is None or _earned(row.points, row.max_points), "odd points")
    text = isinstance(row.text, str) and is_clean(row.text, LONGEST_TEXT, lines=True)
    _require(text, "a written answer is too long, or no text")
    return row


def _verdict(value: Any) -> Verdict:
    verdict = Verdict(**_only(value, Verdict))
    _require(_line(verdict.criterion) and _line(verdict.reason), "a criterion is no text")
    _require(_whole(verdict.max_points) and _whole(verdict.points), "odd points")
    _require(verdict.points in (0, verdict.max_points), "a part of a criterion's points")
    _require(bool(verdict.points) != bool(verdict.reason), "a verdict without a reason")
    return verdict


def _only(value: Any, kind: type[Any]) -> dict[str, Any]:
    """The fields of a dataclass, and no others."""
    known = {each.name for each in fields(kind)}
    plain = [each for each in fields(kind) if each.default is MISSING]
    needed = {each.name for each in plain if each.default_factory is MISSING}
    _require(isinstance(value, dict) and needed <= value.keys() <= known, "other fields")
    return value


def _line(value: Any) -> bool:
    return isinstance(value, str) and is_clean(value, LONGEST_REASON)


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_POINTS


def _earned(value: Any, most: int) -> bool:
    number = type(value) in (int, float) and math.isfinite(value)
    return number and 0 <= value <= most and value * 2 % 1 == 0


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
