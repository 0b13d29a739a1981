"""nbgrader can use the sources as they are, and its gradebook takes our grades."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from handing_in import handed_in
from nbgrader.api import MissingEntry

from assignments import gradebook, handout, registry, reports
from assignments.gradebook import open_gradebook
from assignments.grading import Row, questions
from assignments.marks import read_marks
from assignments.runs import Run, version
from tools.environment import ROOT, book_environment


def _graded_folder(out: Path, students: dict[str, int | None]) -> None:
    """What a finished run leaves: every coded question with so many points."""
    run = Run("A1", 1, version("A1"))
    reports.write(out / "run.json", json.dumps(run.__dict__))
    asked = questions("A1")
    for student, points in students.items():
        rows = [
            Row(q.key, None, q.max_points, "To be graded by hand.", text="An essay.")
            if q.written
            else Row(q.key, points, q.max_points)
            for q in asked
        ]
        kept = {"student": student, "digest": "", "sandbox": "limits"}
        kept["rows"] = [{**row.__dict__} for row in rows]
        reports.write(reports.student_file(out, student), json.dumps(kept))
    reports.write(out / "grades.csv", "")


def _fill(out: Path, db: Path) -> int:
    return gradebook.main([str(out), "--db", str(db)])


def test_grades_go_into_nbgraders_gradebook(tmp_path: Path):
    out, db = tmp_path / "graded", tmp_path / "gradebook.db"
    _graded_folder(out, {"anna": 2, "=Zoë <b>": 0})
    assert _fill(out, db) == 0
    coded = [q for q in questions("A1") if not q.written]
    written = [q for q in questions("A1") if q.written]
    with open_gradebook(db) as book:
        assert {s.id for s in book.students} == {"anna", "=Zoë <b>"}
        submission = book.find_submission("A1", "anna")
        assert submission.score == 2 * len(coded)
        assert submission.max_score == sum(q.max_points for q in questions("A1"))
        assert submission.needs_manual_grade
        grade = book.find_grade(f"A1-{written[0].key}", "A1", "A1", "anna")
        assert grade.manual_score is None and grade.needs_manual_grade
        assert book.find_submission("A1", "=Zoë <b>").score == 0


def test_again_it_replaces_the_same_and_touches_no_other(tmp_path: Path):
    out, db = tmp_path / "graded", tmp_path / "gradebook.db"
    with open_gradebook(db) as book:
        book.add_student("carl")
        book.add_assignment("P5")
    _graded_folder(out, {"anna": 1})
    _fill(out, db)
    _graded_folder(out, {"anna": 3})
    marks = read_marks(out / "written.csv")
    (_, question), *_ = marks
    text = (out / "written.csv").read_text(encoding="utf-8")
    text = text.replace(f"anna,{question},,", f"anna,{question},2,").replace(
        "5,,", "5,Good.,"
    )
    (out / "written.csv").write_text(text, encoding="utf-8")
    _fill(out, db)
    coded = [q for q in questions("A1") if not q.written]
    with open_gradebook(db) as book:
        assert book.find_submission("A1", "anna").score == 3 * len(coded) + 2
        assert not book.find_grade(f"A1-{question}", "A1", "A1", "anna").needs_manual_grade
        comment = book.find_comment(f"A1-{question}", "A1", "A1", "anna")
        assert comment.comment == "Good."
        assert {a.name for a in book.assignments} == {"P5", "A1"}
        assert {s.id for s in book.students} == {"carl", "anna"}
        with pytest.raises(MissingEntry):
            book.find_submission("A1", "carl")


def test_who_was_renamed_after_it_was_filled_leaves_no_ghost(tmp_path: Path, capsys):
    out, db = tmp_path / "graded", tmp_path / "gradebook.db"
    with open_gradebook(db) as book:
        book.add_student("bert", first_name="Bert")  # the teacher's own entry
    _graded_folder(out, {"ann": 1, "bert": 1, "zoe": 1})
    _fill(out, db)
    (out / "earlier").mkdir()
    for student in ("ann", "bert"):
        file = reports.student_file(out, student)
        file.rename(out / "earlier" / file.name)
    _graded_folder(out, {"anna": 2})
    for had in ("no longer among the submissions: ann, bert.\n", ""):
        assert _fill(out, db) == 0
        assert capsys.readouterr().out.partition("Taken away, as ")[2] == had
        with open_gradebook(db) as book:
            assert {s.id for s in book.students} == {"bert", "zoe", "anna"}
            assert {s.student_id for s in book.assignment_submissions("A1")} == {
                *("zoe", "anna")
            }


def test_a_folder_without_grades_is_one_sentence(tmp_path: Path, capsys):
    assert _fill(tmp_path, tmp_path / "gradebook.db") == 2
    assert "holds no finished grades" in capsys.readouterr().err
    assert not (tmp_path / "gradebook.db").exists()


def _nbgrader(course: Path, *arguments: str) -> str:
    env = book_environment(static=False) | {"JUPYTER_NO_CONFIG": "1"}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments, f"--course={course}"],
        cwd=course,
        capture_output=True,
        text=True,
        timeout=280,
        env=env,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_nbgrader_generates_and_grades_the_source(tmp_path: Path):
    """Its own commands, from source to grade: full marks, and partial credit."""
    course = tmp_path / "course"
    shutil.copytree(registry.SOURCE / "A1", course / "source" / "A1")
    _nbgrader(course, "generate_assignment", "A1")
    theirs = nbformat.read(course / "release" / "A1" / "A1.ipynb", as_version=4)
    ours = handout.student_version(registry.source_notebook("A1"))
    assert (course / "release" / "A1" / "a1_exercises" / "pad.py").is_file()
    assert [c.source for c in theirs.cells] == [c.source for c in ours.cells]
    wrong = {"pool": "def pool(enc_states, src_mask):\n    return enc_states.mean(dim=1)"}
    for student, changes in (("anna", {}), ("bert", wrong)):
        folder = course / "submitted" / student / "A1"
        folder.mkdir(parents=True)
        nbformat.write(handed_in("A1", changes), folder / "A1.ipynb")
        shutil.copy(registry.checks_file("A1"), folder)
    _nbgrader(course, "autograde", "A1")
    full = sum(q.max_points for q in questions("A1") if not q.written)
    with open_gradebook(course / "gradebook.db") as book:
        assert book.find_submission("A1", "anna").code_score == full
        assert 0 < full - book.find_submission("A1", "bert").code_score <= 5
    assert (ROOT / "assignments").is_dir()
