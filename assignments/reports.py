"""What a grading run leaves behind: a table, pages, and files for other systems."""

import csv
import hashlib
import io
import json
import os
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jinja2

from assignments.marks import HEADER, Mark, read_marks, same_answer, take
from assignments.names import listed
from assignments.records import GRADER_FAILED, Graded, Question, of_class
from assignments.text import named
from seq2seq_lib.files import write_atomically

MOST_MISTAKES = 12
# How reasons begin that say nothing of a mistake.
NO_MISTAKES = ("Not looked at", "Not answered", "This exercise is not", GRADER_FAILED)
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def write(path: Path, text: str) -> None:
    """Write a whole file or none of it; one that holds this already is left alone."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """As ``write``, for bytes."""
    if not holds(path, data):
        write_atomically(path, lambda partial: partial.write_bytes(data))


def holds(path: Path, data: bytes) -> bool:
    """Whether a file holds exactly this."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def write_anew(path: Path, text: str) -> None:
    """Write a file; what it held before, if it differs, is kept beside it."""
    if path.exists():
        if holds(path, text.encode()):
            return
        number = 1
        while (aside := path.with_name(f"{path.stem}-{number}{path.suffix}")).exists():
            number += 1
        os.replace(path, aside)
        print(f"{path.name} changed; the earlier one is kept as {aside.name}.")
    write(path, text)


def safe_name(student: str) -> str:
    """A file name for a student: something to read, and a digest of the name's bytes.

    So no two names share one, whatever they look like, and none can be chosen so that it
    is another's.
    """
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", student).strip("-")[:40] or "student"
    name = student.encode("utf-8", "surrogatepass")
    return f"{slug}-{hashlib.sha256(name).hexdigest()[:16]}"


def student_file(out: Path, student: str) -> Path:
    """Where a student's rows are kept."""
    return out / "students" / f"{safe_name(student)}.json"


def _cell(value: Any) -> Any:
    """A value for a table; text that a spreadsheet would compute is quoted.

    So is text that begins with a quote: it would be the same as another that was quoted.
    """
    odd = ("=", "+", "-", "@", "\t", "\r", "'")
    return "'" + value if isinstance(value, str) and value.startswith(odd) else value


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Comma-separated values."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def apply_written(out: Path, graded: Sequence[Graded]) -> None:
    """Put the teacher's points into the rows, and bring written.csv up to date.

    Points belong to the answer that was read: one that has changed since waits again.
    """
    path = out / "written.csv"
    marks = read_marks(path)
    students = {_cell(named(g.student)) for g in graded}
    rows = []
    for g in graded:
        for row in g.rows:
            if not row.text:
                continue
            student = _cell(named(g.student))
            mark = take(marks, student, row.question, row.max_points, students)
            if mark.points is not None and not same_answer(mark, _cell(row.text)):
                print(
                    f"{named(g.student)} changed the answer to {row.question!r} after it "
                    f"had got {mark.points} points; it waits to be read again."
                )
                mark = Mark(comment=mark.comment)
            if mark.points is not None:
                row.points, row.reason = mark.points, mark.comment
            line = (row.question, mark.points, row.max_points, mark.comment, row.text)
            rows.append((named(g.student), *line))
    for (student, question), mark in marks.items():
        if mark.points is not None:
            print(
                f"{path.name} has {mark.points:g} points of {student!r} for {question!r}, "
                "who has no such written answer here: was a name changed? They count for "
                "nobody."
            )
    if rows or path.exists():
        write_anew(path, table(HEADER, rows))


def gradescope(graded: Graded, titles: dict[str, str]) -> dict[str, Any]:
    """One student's results in the form that Gradescope's autograder reads."""
    graded_rows = [row for row in graded.rows if row.points is not None]
    return {
        "score": sum(row.points or 0 for row in graded_rows),
        "visibility": "after_published",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": titles[row.question],
                "number": str(number),
                "score": row.points,
                "max_score": row.max_points,
                "status": "passed" if row.points == row.max_points else "failed",
                "output": row.reason,
                "output_format": "text",
            }
            for number, row in enumerate(graded_rows, start=1)
        ],
    }


def share(question: str, graded: Sequence[Graded]) -> float | None:
    """The mean share of a question's points; None while an answer waits to be read."""
    rows = [r for g in graded for r in g.rows if r.question == question]
    shares = [r.points / r.max_points for r in rows if r.points is not None]
    return statistics.mean(shares) if rows and len(shares) == len(rows) else None


def mistakes(graded: Sequence[Graded]) -> list[tuple[int, str, str]]:
    """The most frequent reasons: how many students, which question, an example.

    Reasons that differ in their numbers only are one mistake.
    """
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for g in graded:
        for row in g.rows:
            reasons = {v.reason for v in row.verdicts if v.reason}
            if not reasons and row.points == 0:
                reasons = {row.reason}
            told = {r for r in reasons if r and not r.startswith(NO_MISTAKES)}
            for kind in {(row.question, _kind(r)): r for r in sorted(told)}.items():
                counts[kind[0]] += 1
                examples.setdefault(*kind)
    return [(n, key[0], examples[key]) for key, n in counts.most_common(MOST_MISTAKES)]


def _kind(reason: str) -> str:
    return re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "#", reason)


def histogram(values: Sequence[int], most: int, bins: int = 10) -> list[tuple[str, int]]:
    """How many values lie in each of about ten ranges of points."""
    width = max(1, -(-(most + 1) // bins))
    found = []
    for first in range(0, most + 1, width):
        last = min(first + width - 1, most)
        name = f"{first} to {last}" if first < last else str(first)
        found.append((name, sum(first <= value <= last for value in values)))
    return found


def write_all(
    out: Path, assignment: str, questions: Sequence[Question], graded: Sequence[Graded]
) -> None:
    """Every report of a run.

    Raises:
        ValueError: written.csv was filled in with something that is no points.
    """
    questions = of_class(graded, questions)
    apply_written(out, graded)
    header = ("student", "question", "points", "max_points", "reason")
    grades = (
        (named(g.student), row.question, row.points, row.max_points, row.reason)
        for g in graded
        for row in g.rows
    )
    write_anew(out / "grades.csv", table(header, grades))
    titles = {q.key: q.title for q in questions}
    most = sum(q.max_points for q in questions)
    for_code = {q.key: q.max_points for q in questions if not q.written}
    most_coded = sum(for_code.values())
    for g in graded:
        page = TEMPLATES.get_template("feedback.html").render(
            assignment=assignment,
            student=named(g.student),
            rows=g.rows,
            titles=titles,
            points=g.points,
            most=g.most,
            open_=[row for row in g.rows if row.points is None],
            warning=_warning([g]),
        )
        write(out / "feedback" / f"{safe_name(g.student)}.html", page)
        results = json.dumps(gradescope(g, titles), indent=1) + "\n"
        write(out / "gradescope" / safe_name(g.student) / "results.json", results)
    coded = [
        sum(int(r.points or 0) for r in g.rows if r.question in for_code) for g in graded
    ]
    page = TEMPLATES.get_template("summary.html").render(
        assignment=assignment,
        graded=sorted(graded, key=lambda g: g.student),
        files={g.student: safe_name(g.student) for g in graded},
        shown={g.student: named(g.student) for g in graded},
        shares=[(q, share(q.key, graded)) for q in questions],
        most=most,
        most_coded=most_coded,
        median=statistics.median(coded) if coded else 0,
        histogram=histogram(coded, most_coded),
        mistakes=[(n, titles[q], reason) for n, q, reason in mistakes(graded)],
        warning=_warning(graded),
    )
    write(out / "summary.html", page)


def _warning(graded: Sequence[Graded]) -> str:
    """What held while these were graded and what did not, said once for each machine."""
    return " ".join(dict.fromkeys(g.held for g in graded if g.held))


def told(out: Path, assignment: str, graded: Sequence[Graded]) -> str:
    """The end of a run in a few lines."""
    lines = [f"{assignment}: {len(graded)} submissions graded, in {out / 'grades.csv'}."]
    hand = sum(row.points is None for g in graded for row in g.rows)
    if hand:
        lines.append(
            f"{hand} written answers wait in {out / 'written.csv'}: fill in the points and "
            "run this command again."
        )
    most = max((g.most for g in graded), default=0)
    earlier = [g.student for g in graded if g.most < most]
    if earlier:
        lines.append(
            f"{len(earlier)} of these notebooks are of an earlier hand-out, with fewer "
            f"questions and less than {most} points in all: {listed(earlier)}."
        )
    unread = [g for g in graded if len({r.reason for r in g.rows}) == 1 and not g.points]
    lines += [f"  {named(g.student)}: {g.rows[0].reason}" for g in unread]
    lines += [
        _warning(graded),
        f"Feedback for students in {out / 'feedback'}, yours in {out / 'summary.html'}.",
    ]
    return "\n".join(filter(None, lines))


def told_of_shard(out: Path, assignment: str, graded: Sequence[Graded]) -> str:
    """The end of a part of a run."""
    return (
        f"{assignment}: {len(graded)} submissions of this part graded, in {out}. When "
        "every part is done, run the same command without --shard: it joins them."
    )
