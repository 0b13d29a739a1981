"""From a submission to its rows: one for each question, with points and a reason."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from assignments.answers import Answer, find_answer
from assignments.conversation import Outcome
from assignments.editions import since
from assignments.lending import lent_to
from assignments.limits import Limits
from assignments.notebook import Cell, cells, parsed, wrong_assignment
from assignments.records import LONGEST_REASON, LONGEST_TEXT, Question, Row, unearned
from assignments.registry import cases, exercises, public_files, setup, source_notebook
from assignments.sandbox import Job, Sandbox
from assignments.submissions import Submission
from assignments.text import clean
from assignments.written import written
from checks.attempt import NO_REASON, in_our_words, with_facts
from checks.exercise import Case, Exercise, Failed, Outside, Verdict
from checks.judging import judge

MOST_SHOWN = LONGEST_TEXT - 500  # characters; the rest is for notes
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


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
            first = since(assignment, key)
            found.append(Question(key, coded[key].title, coded[key].points, since=first))
        elif ours.get("grade") and ours.get("solution"):
            title = re.sub(r" *\(\d+ points?\)$", "", heading.strip())
            points, first = int(ours["points"]), since(assignment, key)
            found.append(Question(key, title, points, written=True, since=first))
    return found


def read(submission: Submission, assignment: str) -> tuple[list[Cell], str]:
    """The cells of a submission, or why none can be graded."""
    if submission.problem:
        return [], submission.problem
    try:
        found = cells(submission.data)
    except (ValueError, OSError) as error:
        return [], str(error)
    return found, wrong_assignment(found, assignment)


def written_row(found: Sequence[Cell], assignment: str, question: Question) -> Row:
    """A written answer, for a person to grade."""
    answer = written(found, assignment, question.key)
    if not answer.text:
        return Row(question.key, 0, question.max_points, "Not answered.")
    notes = [answer.note] if answer.note else []
    text = answer.text
    if len(text) > MOST_SHOWN:
        end = MOST_SHOWN // 4
        left_out = len(text) - MOST_SHOWN
        notes.append(
            f"{left_out} characters are left out below, the whole answer is in the cell "
            f"{assignment}-{question.key}"
        )
        text = f"{text[: MOST_SHOWN - end]}\n\n[... left out ...]\n\n{text[-end:]}"
    flag = f"[Look at the notebook: {'; '.join(notes)}.]\n\n" if notes else ""
    return Row(
        question.key,
        None,
        question.max_points,
        "To be graded by hand.",
        text=clean(flag + text, LONGEST_TEXT, lines=True),
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
    answers = {q.key: _answer(found, assignment, by_key[q.key]) for q in asked}
    wanted = {q.key: cases(assignment, q.key, seed) for q in asked}
    jobs = {
        key: Job(
            key,
            setup(assignment),
            answer.others,
            answer.source,
            [by_key[key].shown(case.inputs) for case in wanted[key]],
            limits or Limits(seconds=by_key[key].seconds),
            [[*by_key[key].outside(c.inputs).functions] for c in wanted[key]],
            partial(_outside, by_key[key], wanted[key]),
            core=_core(answer.source, by_key[key].answers),
        )
        for key, answer in answers.items()
        if not answer.problem
    }
    public = public_files(assignment)
    fewer = {key: answers[key].fewer for key in jobs}
    outcomes = _run(jobs, fewer, public, sandbox, slot)
    rows = unearned(asked, "")
    for row in rows:
        row.reason = clean(answers[row.question].problem)
    ran = [row for row in rows if row.question in jobs]
    for row in ran:
        key = row.question
        _judge(row, by_key[key], wanted[key], outcomes[key], answers[key].note)
    # What earlier exercises built is given, so that a mistake costs once, and so are the
    # names of the setup. But an answer may use what its student's own have beyond that, as
    # it did at the desk.
    again = {
        key: replace(jobs[key], own=True, others=its.every)
        for row in ran
        if row.points != row.max_points
        and ((its := answers[key := row.question]).own or its.every != its.others)
        and not outcomes[key].ending
    }
    outcomes = _run(again, fewer, public, sandbox, slot) if again else {}
    for number, row in enumerate(rows):
        if (key := row.question) in outcomes:
            own = replace(row)
            _judge(own, by_key[key], wanted[key], outcomes[key], answers[key].note)
            rows[number] = max(row, own, key=lambda each: each.points or 0)
    return rows


def _answer(found: Sequence[Cell], assignment: str, exercise: Exercise) -> Answer:
    """The answer to one exercise; what the reader stumbles over costs no other row."""
    try:
        return find_answer(found, assignment, exercise)
    except Exception as error:
        return Answer(
            problem=f"The grader stumbled over this answer ({type(error).__name__}); a "
            "person has to look at it."
        )


def _judge(
    row: Row, exercise: Exercise, wanted: Sequence[Case], outcome: Outcome, note: str
) -> None:
    """Fill in a row: what the answers to the cases earn, and why not more."""
    seen = len(exercise.examples())
    names = exercise.answers
    said = [_said(outcome, n, n >= seen, names) for n in range(len(wanted))]
    judged = judge(exercise, wanted, said)
    row.verdicts = [replace(v, reason=_reason(v)) for v in judged]
    row.points = sum(verdict.points for verdict in row.verdicts)
    reasons = [*(v.reason for v in row.verdicts), note]
    row.reason = clean(" ".join(dict.fromkeys(filter(None, reasons))))


def _reason(verdict: Verdict) -> str:
    """Why points are missing: something to read, whatever the answer made of it."""
    lost = verdict.points != verdict.max_points
    return clean(verdict.reason) or (NO_REASON if lost else "")


def _outside(exercise: Exercise, wanted: Sequence[Case], number: int) -> Outside:
    return exercise.outside(wanted[number].inputs)


def noted(rows: Sequence[Row], note: str) -> list[Row]:
    """The rows, each with a note behind its reason; the reason is cut off first."""
    for row in rows if note else ():
        room = max(0, LONGEST_REASON - len(note := clean(note)) - 1)
        row.reason = clean(f"{row.reason[:room]} {note}")
    return list(rows)


def _core(source: str, names: Sequence[str]) -> str:
    """The lines of an answer that its names need, each where it stood; "" for all."""
    body = parsed(source).body
    needed = lent_to({*names}, body, (), frozenset())
    kept = set[int]()
    for node in needed:
        above = [each.lineno for each in getattr(node, "decorator_list", ())]
        kept |= {*range(min(node.lineno, *above, node.lineno), (node.end_lineno or 0) + 1)}
    lines = enumerate(re.split(r"\r\n?|\n", source), start=1)
    core = "\n".join(line if n in kept else "" for n, line in lines)
    return core if len(needed) < len(body) else ""


def _run(
    jobs: dict[str, Job],
    fewer: dict[str, tuple[str, ...]],
    public: list[Path],
    sandbox: Sandbox,
    slot: int,
) -> dict[str, Outcome]:
    outcomes = dict(zip(jobs, sandbox.run([*jobs.values()], public, slot), strict=True))
    # Where another cell's code stopped an exercise, that must not cost it anything: what
    # changes values goes first, then everything.
    for others in (fewer, dict.fromkeys(jobs, ())):
        again = {
            key: replace(job, others=others[key])
            for key, job in jobs.items()
            if outcomes[key].ending
            and tuple(job.others) != others[key]
            and (others[key] or not outcomes[key].reached)
        }
        if again:
            others_run = sandbox.run([*again.values()], public, slot)
            outcomes |= {
                key: outcome
                for key, outcome in zip(again, others_run, strict=True)
                if not (outcome.ending and outcomes[key].reached)
            }
    # Nor must what only tries the answer out, in its own cell.
    cut = {
        key: replace(job, answer=job.core)
        for key, job in jobs.items()
        if outcomes[key].ending and outcomes[key].reached and job.core
        if not outcomes[key].answers
    }
    jobs = jobs | cut
    if cut:
        second = sandbox.run([*cut.values()], public, slot)
        outcomes |= dict(zip(cut, second, strict=True))
    # Who waited for others has time again while nobody else runs; who then fails twice
    # is taken at its word.
    failed = 0
    for key, job in jobs.items():
        if outcomes[key].starved and outcomes[key].started and failed < 2:
            (outcomes[key],) = sandbox.run([job], public, slot, alone=True)
            failed += outcomes[key].starved
    # "Ready" is said before any code of the student's: what never was is our fault.
    for key, job in jobs.items():
        if not outcomes[key].started:
            (outcomes[key],) = sandbox.run([job], public, slot, alone=True)
            if not outcomes[key].started:
                raise RuntimeError(f"{key}: {outcomes[key].ending}")
    return outcomes


def _said(
    outcome: Outcome, number: int, hidden: bool = False, names: Sequence[str] = ()
) -> Any:
    """The answer to one case as the process sent it, or why there is none.

    Of a hidden case no word is left that the process may have chosen: everybody gets the
    same, and it could quote what was asked.

    Args:
        names: what the exercise asks for.
    """
    message = outcome.answers.get(number)
    if message is None or not {"answer", "failed"} & message.keys():
        return Failed(outcome.ending or "It sent no answer.")
    if "failed" in message:
        told = clean(str(message["failed"]))
        return Failed(in_our_words(told, names) if hidden else told)
    answer = _hushed(message["answer"], names) if hidden else message["answer"]
    return with_facts(answer, outcome.facts.get(number, {}))


def _hushed(value: Any, names: Sequence[str]) -> Any:
    """An answer whose parts that failed say so in our words."""
    if isinstance(value, list):
        return [_hushed(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _hushed(each, names) for key, each in value.items()}
    if isinstance(found.get("failed"), str):
        found["failed"] = in_our_words(clean(found["failed"]), names)
    return found
