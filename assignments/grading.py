"""From a submission to its rows: one for each question, with points and a reason."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assignments.answers import find_answer
from assignments.conversation import Outcome
from assignments.limits import Limits
from assignments.notebook import Cell, cells, wrong_assignment
from assignments.registry import cases, exercises, public_files, setup, source_notebook
from assignments.sandbox import Job, Sandbox
from assignments.submissions import Submission
from assignments.written import written
from checks.exercise import Failed, Verdict
from checks.judging import judge

LONGEST_REASON = 1000  # characters
GRADER_FAILED = "The grader failed here, and not the answer"
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """One question of an assignment, as a teacher sees it."""

    key: str  # its short name; the grade of ``A3-weights`` has the key "weights"
    title: str  # its name for people
    max_points: int
    written: bool = False  # whether a person grades it


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

    @property
    def points(self) -> float:
        """What the graded questions earned together."""
        return sum(row.points or 0 for row in self.rows)


def questions(assignment: str) -> list[Question]:
    """All questions in the order of the notebook, coded and written.

    A written question has the title of the heading above it.
    """
    coded, found, heading = exercises(assignment), [], ""
    for cell in source_notebook(assignment).cells:
        ours = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and not ours:
            heading = ([heading, *HEADING.findall(cell.source)])[-1]
        key = ours.get("grade_id", "").removeprefix(f"{assignment}-")
        if key in coded:
            found.append(Question(key, coded[key].title, coded[key].points))
        elif ours.get("grade") and ours.get("solution"):
            title = re.sub(r" *\(\d+ points?\)$", "", heading.strip())
            found.append(Question(key, title, int(ours["points"]), written=True))
    return found


def read(submission: Submission, assignment: str) -> tuple[list[Cell], str]:
    """The cells of a submission, or why none can be graded."""
    if submission.problem:
        return [], submission.problem
    try:
        found = cells(submission.data)
    except ValueError as error:
        return [], str(error)
    return found, wrong_assignment(found, assignment)


def written_row(found: Sequence[Cell], assignment: str, question: Question) -> Row:
    """A written answer, for a person to grade."""
    answer = written(found, assignment, question.key)
    if not answer.text:
        return Row(question.key, 0, question.max_points, "Not answered.")
    flag = f"[Look at the notebook: {answer.note}.]\n\n" if answer.note else ""
    return Row(
        question.key,
        None,
        question.max_points,
        "To be graded by hand.",
        text=flag + answer.text,
    )


def coded_rows(
    found: Sequence[Cell],
    assignment: str,
    asked: Sequence[Question],
    sandbox: Sandbox,
    seed: int,
    slot: int = 0,
    limits: Limits | None = None,
) -> list[Row]:
    """Run the answers to the coded questions in closed processes, and judge them."""
    by_key = exercises(assignment)
    answers = {q.key: find_answer(found, assignment, by_key[q.key]) for q in asked}
    jobs = {
        key: Job(
            key,
            setup(assignment),
            answer.others,
            answer.source,
            [dict(case.inputs) for case in cases(assignment, key, seed)],
            limits or Limits(seconds=by_key[key].seconds),
        )
        for key, answer in answers.items()
        if not answer.problem
    }
    outcomes = _run(jobs, public_files(assignment), sandbox, slot)
    rows = unearned(asked, "")
    for row in rows:
        answer = answers[row.question]
        if answer.problem:
            row.reason = answer.problem
            continue
        wanted = cases(assignment, row.question, seed)
        said = [_said(outcomes[row.question], number) for number in range(len(wanted))]
        row.verdicts = judge(by_key[row.question], wanted, said)
        row.points = sum(verdict.points for verdict in row.verdicts)
        reasons = [*(v.reason for v in row.verdicts), answer.note]
        row.reason = clean(" ".join(dict.fromkeys(filter(None, reasons))))
    return rows


def unearned(asked: Sequence[Question], reason: str) -> list[Row]:
    """A row without points for each question."""
    return [Row(q.key, 0, q.max_points, reason) for q in asked]


def ungraded(error: Exception) -> str:
    """What a submission is told on which the grader itself failed."""
    return clean(
        f"{GRADER_FAILED} ({type(error).__name__}: {error}). "
        "Run the same command again; if it says this again, grade this submission by hand."
    )


def _run(
    jobs: dict[str, Job], public: list[Path], sandbox: Sandbox, slot: int
) -> dict[str, Outcome]:
    outcomes = dict(zip(jobs, sandbox.run([*jobs.values()], public, slot), strict=True))
    # Where another cell's code stopped an exercise, that must not cost it anything.
    again = {
        key: replace(job, others=())
        for key, job in jobs.items()
        if outcomes[key].ending and not outcomes[key].reached and job.others
    }
    if again:
        second = sandbox.run([*again.values()], public, slot)
        outcomes |= dict(zip(again, second, strict=True))
    # "Ready" is said before any code of the student's: what never was is our fault.
    for key, job in jobs.items():
        if not outcomes[key].started:
            (outcomes[key],) = sandbox.run([job], public, slot)
            if not outcomes[key].started:
                raise RuntimeError(f"{key}: {outcomes[key].ending}")
    return outcomes


def _said(outcome: Outcome, number: int) -> Any:
    """The answer to one case as the process sent it, or why there is none."""
    message = outcome.answers.get(number)
    if message is None or not {"answer", "failed"} & message.keys():
        return Failed(outcome.ending or "It sent no answer.")
    if "failed" in message:
        return Failed(clean(str(message["failed"])))
    return message["answer"]


def clean(text: str) -> str:
    """Text that came from a submission, on one line and no longer than it should be."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", text).strip()
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."
