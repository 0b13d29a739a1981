"""A notebook has the questions of the hand-out that it was made from, and no others.

A hand-out of an earlier term keeps its questions, points and total. Nobody gains by a
question that is deleted, or by a notebook that looks older than it is.
"""

import copy
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from handing_in import EARLIER, answered, handed_in, handed_out, solutions_for

from assignments import editions, grade, gradebook, records, registry, reports, runs
from assignments.grading import questions
from assignments.notebook import cells
from assignments.records import Graded, Row, in_edition, of_class

FIRST = next(path for path in EARLIER if path.stem == "A1")
ASKED = questions("A1")
TOTAL, EARLIER_TOTAL = 60, 55
NEW = "promise"
QUESTION = (NEW, "keeps_every_row")  # what stands in each of its cells


def _edition(notebook: nbformat.NotebookNode, assignment: str = "A1") -> int:
    return editions.edition(cells(json.dumps(notebook).encode()), assignment)


def _ours(cell: Any) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _without(notebook: nbformat.NotebookNode, *words: str) -> nbformat.NotebookNode:
    """Without the cells whose mark, or text, has one of these words."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        c for c in notebook.cells if not any(w in _ours(c) or w in c.source for w in words)
    ]
    return notebook


def _without_marks(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        cell.metadata = {}
    return notebook


def _made_old(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Today's notebook, made to look like an earlier one."""
    notebook = _without(notebook, *QUESTION)
    for cell in notebook.cells:
        cell.metadata.pop("edition", None)
    return notebook


def _first(**answers: str) -> nbformat.NotebookNode:
    return answered(handed_out(FIRST), "A1", answers)


# --- which edition ----------------------------------------------------------------------


@pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
def test_every_mark_says_todays_edition_and_every_later_question_exists(assignment: str):
    today = editions.latest(assignment)
    for cell in registry.source_notebook(assignment).cells:
        said = cell.metadata.get("edition", 1)
        assert said == (today if _ours(cell) else 1), _ours(cell)
    keys = {question.key for question in questions(assignment)}
    assert set(editions.SINCE.get(assignment, {})) <= keys
    assert _edition(handed_in(assignment, blank=True), assignment) == today
    for number, words in editions.WORDS.get(assignment, {}).items():
        of_it = [
            p for p in EARLIER if p.stem == assignment and _edition(handed_out(p)) == number
        ]
        assert of_it and number < today
        assert all(words in json.dumps(handed_out(path)) for path in of_it)
        assert words not in json.dumps(registry.source_notebook(assignment))


@pytest.mark.parametrize(
    "path", EARLIER, ids=lambda path: f"{path.parent.name} {path.stem}"
)
def test_an_earlier_hand_out_has_the_questions_that_it_had(path: Path):
    if path.stem not in registry.ASSIGNMENTS:
        return
    marks = {_ours(cell): cell for cell in handed_out(path).cells if _ours(cell)}
    asked = in_edition(questions(path.stem), _edition(handed_out(path), path.stem))
    points = {
        mark: cell.metadata.nbgrader.points
        for mark, cell in marks.items()
        if cell.metadata.nbgrader.grade
    }
    assert points == {
        f"{path.stem}-{q.key}{'' if q.written else '-test'}": q.max_points for q in asked
    }


OTHERS = "masks shift loss ends pool buckets budget ## **".split()
TODAY: dict[str, Callable[[], nbformat.NotebookNode]] = {
    "as handed out": lambda: handed_in("A1", blank=True),
    "solved": lambda: handed_in("A1"),
    "the question deleted": lambda: _without(handed_in("A1"), *QUESTION),
    "all deleted but one": lambda: _without(handed_in("A1"), *QUESTION, *OTHERS),
    "no mark left": lambda: _without_marks(handed_in("A1")),
    "no mark and no such cell": lambda: _without_marks(
        _without(handed_in("A1"), *QUESTION)
    ),
    "no mark and no text": lambda: _without_marks(
        _without(handed_in("A1"), *QUESTION, *OTHERS)
    ),
    "an earlier one with today's question pasted": lambda: _pasted(mark=True),
    "the same without any mark": lambda: _without_marks(_pasted(mark=False)),
    "an earlier one with one of today's cells": lambda: _mixed(),
}


def _with(notebook: nbformat.NotebookNode, source: str) -> nbformat.NotebookNode:
    notebook = copy.deepcopy(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    return notebook


def _pasted(mark: bool) -> nbformat.NotebookNode:
    notebook = copy.deepcopy(handed_out(FIRST))
    new = next(c for c in handed_in("A1").cells if _ours(c) == f"A1-{NEW}")
    notebook.cells.append(new if mark else nbformat.v4.new_code_cell(new.source))
    return notebook


def _mixed() -> nbformat.NotebookNode:
    notebook = copy.deepcopy(handed_out(FIRST))
    notebook.cells[6] = handed_in("A1").cells[6]
    return notebook


@pytest.mark.parametrize("name", TODAY)
def test_whatever_is_of_today_is_asked_everything(name: str):
    assert _edition(TODAY[name]()) == 2


@pytest.mark.parametrize(
    "said", ["2", "1", True, False, None, 1.0, -1, 0, 3, 10**30, [], {}]
)
def test_an_odd_edition_counts_as_todays(said: Any):
    notebook = copy.deepcopy(handed_out(FIRST))
    next(cell for cell in notebook.cells if _ours(cell)).metadata["edition"] = said
    assert _edition(notebook) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n,
        _without_marks,
        lambda n: _without(n, "**Points**"),
        lambda n: _with(n, "keeps_every_row = None"),
        lambda n: _without(n, *OTHERS),
        _made_old,
    ],
)
def test_an_earlier_one_stays_an_earlier_one(change: Any):
    assert _edition(change(_first())) == 1


# --- a class ----------------------------------------------------------------------------


def _write(folder: Path, **notebooks: nbformat.NotebookNode) -> None:
    folder.mkdir(exist_ok=True)
    for student, notebook in notebooks.items():
        (folder / f"{student}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of the questions: two of every edition, and the one that is new."""
    some = [q for q in ASKED if q.key in ("pad", "why-agree", NEW)]
    monkeypatch.setattr(grade, "questions", lambda assignment: some)


def _rows(out: Path) -> dict[str, dict[str, tuple[str, str]]]:
    found: dict[str, dict[str, tuple[str, str]]] = {}
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert list(row) == ["student", "question", "points", "max_points", "reason"]
            its = found.setdefault(row["student"], {})
            its[row["question"]] = (row["points"], row["max_points"])
    return found


def test_a_class_with_notebooks_of_two_terms(
    few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder, out = tmp_path / "in", tmp_path / "out"
    solved = registry.solutions("A1")
    _write(
        folder,
        today=handed_in("A1"),
        deleted=_without(handed_in("A1"), *QUESTION),
        earlier=_first(pad=solved["pad"]),
        untouched=_first(),
        made_old=_made_old(handed_in("A1")),
    )
    (folder / "broken.ipynb").write_text("{", encoding="utf-8")
    arguments = ["A1", str(folder), "--out", str(out), "--sandbox", "limits", "--jobs", "2"]
    assert grade.main(arguments) == 0
    told = capsys.readouterr().out
    assert "3 of these notebooks are of an earlier hand-out" in told
    assert "less than 13 points in all: earlier, made_old, untouched." in told
    rows = _rows(out)
    assert rows["today"] == {"pad": ("3", "3"), "why-agree": ("0", "5"), NEW: ("5", "5")}
    assert rows["deleted"] == {"pad": ("3", "3"), "why-agree": ("0", "5"), NEW: ("0", "5")}
    assert rows["earlier"] == {"pad": ("3", "3"), "why-agree": ("0", "5")}
    assert rows["untouched"] == {"pad": ("0", "3"), "why-agree": ("0", "5")}
    assert rows["made_old"] == {"pad": ("3", "3"), "why-agree": ("0", "5")}
    assert rows["broken"] == {"pad": ("0", "3"), "why-agree": ("0", "5"), NEW: ("0", "5")}
    pages = {p.name.rsplit("-", 1)[0]: p.read_text() for p in (out / "feedback").iterdir()}
    assert "<strong>3 of 8 points</strong>" in pages["earlier"]
    assert "<strong>8 of 13 points</strong>" in pages["today"]
    assert "<strong>3 of 13 points</strong>" in pages["deleted"]
    assert "cell of this exercise was deleted" in pages["deleted"]
    assert NEW not in pages["earlier"] and "other people" not in pages["earlier"]
    summary = (out / "summary.html").read_text()
    assert "points of 13" in summary and summary.count(" of 8</td>") == 3
    for place in (out / "gradescope").iterdir():
        found = json.loads((place / "results.json").read_text())
        most = sum(test["max_score"] for test in found["tests"])
        assert most in (8, 13, 3) and found["score"] <= most
    # What is kept is read again, and is the same.
    before = (out / "grades.csv").read_bytes()
    assert grade.main(arguments) == 0
    assert (out / "grades.csv").read_bytes() == before
    assert len(list(out.glob("grades*.csv"))) == 1


def _student(name: str, edition: int, share: bool = True) -> Graded:
    rows = [
        Row(q.key, q.max_points * share, q.max_points, "" if share else "Nothing.")
        for q in in_edition(ASKED, edition)
    ]
    return Graded(name, "0" * 64, "limits", rows, edition=edition)


def _kept(out: Path, *graded: Graded) -> None:
    """A run that has come to its end."""
    run = runs.Run("A1", 1, "v")
    reports.write(out / "run.json", json.dumps(run.__dict__))
    for one in graded:
        runs.keep(out, one)
    reports.write_all(out, "A1", ASKED, list(graded))


def _scores(out: Path, db: Path) -> dict[str, tuple[float, float]]:
    assert gradebook.main([str(out), "--db", str(db)]) == 0
    with gradebook.open_gradebook(db) as book:
        submissions = book.assignment_submissions("A1")
        return {s.student.id: (s.score, s.max_score) for s in submissions}


def test_a_class_of_an_earlier_term_keeps_its_total(tmp_path: Path):
    out = tmp_path / "out"
    # Of a damaged file nobody knows the term: it has the questions of its class.
    _kept(out, _student("anna", 1), _student("ben", 1), _student("broken", 0, share=False))
    rows = _rows(out)
    assert {sum(int(most) for _, most in its.values()) for its in rows.values()} == {55}
    assert f"points of {EARLIER_TOTAL}" in (out / "summary.html").read_text()
    told = reports.told(out, "A1", [_student("anna", 1), _student("ben", 1)])
    assert "earlier hand-out" not in told
    scores = _scores(out, tmp_path / "gradebook.db")
    assert scores == {"anna": (55, 55), "ben": (55, 55), "broken": (0, 55)}


def test_the_maximum_of_a_class_stays_whoever_looks_older(tmp_path: Path):
    out, db = tmp_path / "out", tmp_path / "gradebook.db"
    _kept(out, _student("anna", 2), _student("old", 1))
    assert _scores(out, db) == {"anna": (TOTAL, TOTAL), "old": (EARLIER_TOTAL, TOTAL)}


def test_who_hands_in_an_older_one_later_keeps_no_points_of_the_new_one(tmp_path: Path):
    out, db = tmp_path / "out", tmp_path / "gradebook.db"
    _kept(out, _student("anna", 2), _student("ben", 2))
    assert _scores(out, db) == {"anna": (60, 60), "ben": (60, 60)}
    _kept(out, _student("anna", 2), _student("ben", 1))
    assert _scores(out, db) == {"anna": (60, 60), "ben": (55, 60)}


def test_a_gradebook_of_an_earlier_edition_is_brought_up_to_date(tmp_path: Path):
    out, db = tmp_path / "out", tmp_path / "gradebook.db"
    _kept(out, _student("anna", 1), _student("ben", 1))
    assert _scores(out, db) == {"anna": (55, 55), "ben": (55, 55)}
    _kept(out, _student("anna", 2), _student("ben", 1))
    assert _scores(out, db) == {"anna": (60, 60), "ben": (55, 60)}


# --- records ----------------------------------------------------------------------------


def test_a_record_has_the_rows_of_its_edition_and_no_others():
    def stored(graded: Graded) -> None:
        for row in graded.rows:
            row.points, row.reason = 0, "Not answered."
        again = records.read(records.packed(graded))
        records.agree(again, graded.student, ASKED)
        assert again == graded

    for edition in (0, 1, 2):
        stored(_student("a", edition))
    for claimed, its in ((1, 2), (2, 1), (0, 1)):
        graded = _student("a", its)
        graded.edition = claimed
        with pytest.raises(ValueError, match="keys"):
            stored(graded)
    for odd in (-1, 1.0, True, "2", None, 10**6):
        graded = _student("a", 2)
        graded.edition = odd  # type: ignore[assignment]
        with pytest.raises(ValueError, match="edition"):
            stored(graded)


def test_a_class_that_nobody_could_read_has_todays_questions():
    graded = [_student("a", 0, share=False)]
    assert of_class(graded, ASKED) == ASKED and len(graded[0].rows) == len(ASKED)
    assert of_class([], ASKED) == ASKED


def test_the_solution_is_of_todays_edition_and_earns_the_whole():
    assert sum(q.max_points for q in ASKED) == TOTAL
    assert sum(q.max_points for q in in_edition(ASKED, 1)) == EARLIER_TOTAL
    assert set(solutions_for(FIRST)) == set(registry.exercises("A1")) - {NEW}
