"""Put the grades of a run into nbgrader's gradebook.

    python -m assignments.gradebook graded --db gradebook.db

Coded questions get their points as the automatic score of their test cell. Written ones,
where they are graded, get theirs as the manual score of their cell, with your comment.
Running it again replaces the scores of the same students, takes away those of whoever is no
longer among the submissions, renamed or removed, and touches nobody else's.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nbgrader.api import Grade, Gradebook, MissingEntry
from sqlalchemy.exc import SAWarning

from assignments import reports, runs
from assignments.grading import questions
from assignments.names import listed
from assignments.records import Graded, of_class
from assignments.text import named, speak


def open_gradebook(db: Path) -> Gradebook:
    """The gradebook in a file, made if it is not there."""
    # nbgrader asks alembic, a command beside Python, which version the file has.
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", "")])
    return Gradebook(f"sqlite:///{db.resolve()}")


def load(out: Path) -> tuple[str, list[Graded]]:
    """The assignment of a graded folder, and every student in its table.

    Raises:
        ValueError: it is no folder of a finished run.
    """
    run = runs.read_run(out)
    if run is None or not (out / "grades.csv").is_file():
        raise ValueError(
            f"{out} holds no finished grades; give the folder that --out named when "
            "assignments.grade ran."
        )
    files = sorted((out / "students").glob("*.json"))
    graded = [g for file in files if (g := runs.stored(file))]
    reports.apply_written(out, graded)
    return run.assignment, graded


def fill(gradebook: Gradebook, assignment: str, graded: Sequence[Graded]) -> None:
    """Write the scores; what is missing in the gradebook is made.

    The maximum is that of the class. A notebook of an earlier edition has fewer questions,
    and nothing for the others, whatever was known of the student before.
    """
    everything = questions(assignment)
    written = {question.key: question.written for question in everything}
    asked = of_class(graded, everything)

    def cell(key: str) -> tuple[str, str, str]:
        """The cell that holds the grade in nbgrader's form, its notebook, assignment."""
        test = "" if written[key] else "-test"
        return f"{assignment}-{key}{test}", assignment, assignment

    gradebook.update_or_create_assignment(assignment)
    notebook = gradebook.update_or_create_notebook(assignment, assignment)
    notebook.kernelspec = "{}"
    for question in asked:
        gradebook.update_or_create_grade_cell(
            *cell(question.key),
            max_score=question.max_points,
            cell_type="markdown" if question.written else "code",
        )
        if question.written:
            gradebook.update_or_create_solution_cell(*cell(question.key))
    for one in graded:
        student = named(one.student)
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(assignment, student)
        for key in [q.key for q in everything if q.since > 1]:
            _clear(gradebook, cell(key), student)
        for row in one.rows:
            score = gradebook.find_grade(*cell(row.question), student)
            score.needs_manual_grade = row.points is None
            if written[row.question]:
                score.manual_score = row.points
                comment = gradebook.find_comment(*cell(row.question), student)
                comment.manual_comment = None if row.points is None else row.reason
            else:
                score.auto_score = row.points
    gradebook.db.commit()


def gone(out: Path, graded: Sequence[Graded]) -> list[str]:
    """The students of earlier runs into this folder who are not in its table any more."""
    before = [g for f in sorted((out / "earlier").glob("*.json")) if (g := runs.stored(f))]
    return sorted({named(g.student) for g in before} - {named(g.student) for g in graded})


def forget(gradebook: Gradebook, assignment: str, students: Sequence[str]) -> list[str]:
    """Take away what students had for an assignment, and whom nothing is known of.

    Returns:
        those who had something.
    """
    had = []
    for student in students:
        with suppress(MissingEntry):
            gradebook.remove_submission(assignment, student)
            had.append(student)
            kept = gradebook.find_student(student)
            if not (kept.submissions or kept.first_name or kept.last_name or kept.email):
                gradebook.remove_student(student)
    return had


def _clear(gradebook: Gradebook, cell: tuple[str, str, str], student: str) -> None:
    """No score for a cell that may have come into the assignment after the student."""
    _, notebook, assignment = cell
    with suppress(MissingEntry):  # the whole class is of an earlier edition
        made = gradebook.find_grade_cell(*cell)
        try:
            gradebook.find_grade(*cell, student).auto_score = 0
        except MissingEntry:
            its = gradebook.find_submission_notebook(notebook, assignment, student)
            gradebook.db.add(Grade(cell_id=made.id, notebook=its, auto_score=0))
            gradebook.db.commit()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m assignments.gradebook",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("graded", type=Path, help="the folder that assignments.grade made")
    parser.add_argument("--db", type=Path, default=Path("gradebook.db"))
    speak()
    options = parser.parse_args(arguments)
    try:
        assignment, graded = load(options.graded)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    # nbgrader's own use of its database library makes warnings that tell a teacher nothing.
    warnings.filterwarnings("ignore", category=SAWarning)
    with open_gradebook(options.db) as gradebook:
        fill(gradebook, assignment, graded)
        had = forget(gradebook, assignment, gone(options.graded, graded))
    print(f"{len(graded)} students' scores of {assignment} are in {options.db}.")
    if had:
        print(f"Taken away, as no longer among the submissions: {listed(had)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
