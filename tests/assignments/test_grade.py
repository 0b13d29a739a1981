"""Grading a class: folders, resumption, reports. Answers run in this process here;
test_hostile.py and test_solutions.py close them in."""

import ast
import csv
import errno
import gc
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from handing_in import handed_in

from assignments import (
    answers,
    desk,
    grade,
    gradebook,
    gradescope,
    grading,
    handout,
    marks,
    registry,
    reports,
    runs,
)
from assignments.conversation import Outcome
from assignments.host import WARNING
from assignments.limits import Limits
from assignments.notebook import LONGEST, Cell, defined
from assignments.notebook import cells as cells_of
from assignments.records import Graded, Question, Row
from assignments.sandbox import Job
from assignments.text import clean, is_clean, named
from checks.exercise import Verdict
from checks.forbidden import forbidden_use

A1 = "A1"
WRONG = {"pool": "def pool(enc_states, src_mask):\n    return enc_states.mean(dim=1)"}


def _open_rows(
    found: Sequence[Cell], assignment: str, asked: Sequence[Question], *rest: Any
) -> list[Row]:
    """``coded_rows`` without closed processes: the answers in these tests are ours."""
    seed = rest[1]
    rows = []
    for question in asked:
        exercise = registry.exercises(assignment)[question.key]
        answer = answers.find_answer(found, assignment, exercise)
        verdicts = registry.verdicts(assignment, question.key, answer.source, seed)
        reason = " ".join(dict.fromkeys(v.reason for v in verdicts if v.reason))
        points = sum(v.points for v in verdicts)
        rows.append(Row(question.key, points, question.max_points, reason, verdicts))
    return rows


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch):
    everything = grade.questions
    monkeypatch.setattr(desk, "coded_rows", _open_rows)
    monkeypatch.setattr(
        grade,
        "questions",
        lambda a: [q for q in everything(a) if q.written or q.key in ("pad", "pool")],
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "submissions"
    path.mkdir()
    return path


def _write(path: Path, notebook: nbformat.NotebookNode) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _grade(folder: Path, out: Path, **more: Any) -> list[Graded]:
    return grade.grade(A1, folder, out, sandbox="limits", progress=False, **more)


def _table(out: Path) -> list[dict[str, str]]:
    with (out / "grades.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _points(out: Path) -> dict[tuple[str, str], str]:
    return {(r["student"], r["question"]): r["points"] for r in _table(out)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["A7", "SUBMISSIONS", "--out", "OUT"], "no assignment 'A7'; choose one of A1, A2"),
        (["A1", "MISSING", "--out", "OUT"], "There is no folder"),
        (["A1", "EMPTY", "--out", "OUT"], "There is no submission in"),
        (["A1", "SUBMISSIONS", "--out", "OTHER"], "holds other files"),
        (["A1", "SUBMISSIONS", "--out", "GRADED"], "holds the grades of A4"),
        (["A1", "SUBMISSIONS", "--out", "OUT", "--jobs", "0"], "jobs must be at least 1"),
    ],
)
def test_a_bad_argument_is_one_sentence(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    arguments: list[str],
    words: str,
):
    _write(folder / "anna.ipynb", handed_in(A1))
    for name in ("empty", "other", "graded"):
        (tmp_path / name).mkdir()
    (tmp_path / "empty" / ".DS_Store").touch()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    run = {"assignment": "A4", "seed": 1, "version": runs.version("A4")}
    (tmp_path / "graded" / "run.json").write_text(json.dumps(run))
    places = {
        "SUBMISSIONS": folder,
        "MISSING": tmp_path / "missing",
        "EMPTY": tmp_path / "empty",
        "OTHER": tmp_path / "other",
        "GRADED": tmp_path / "graded",
        "OUT": tmp_path / "out",
    }
    before = sorted(tmp_path.rglob("*"))
    assert grade.main([str(places.get(word, word)) for word in arguments]) == 2
    told = capsys.readouterr().err
    assert words in told and len(told.strip().splitlines()) == 1
    after = [
        path for path in sorted(tmp_path.rglob("*")) if not path.name.startswith(runs.LOCK)
    ]
    assert after == before


def test_another_version_of_the_exercises_needs_another_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _write(folder / "anna.ipynb", handed_in(A1))
    _grade(folder, tmp_path / "out")
    with pytest.raises(ValueError, match="was begun with the seed"):
        _grade(folder, tmp_path / "out", seed=-1)
    monkeypatch.setattr(runs, "version", lambda assignment: "another")
    with pytest.raises(ValueError, match="no.*two measures|another version"):
        _grade(folder, tmp_path / "out")


DECIDE = {
    "the tolerance": ("checks/differences.py", "TOLERANCE = 1e-4", "TOLERANCE = 10.0"),
    "what is told": ("checks/differences.py", "every number must be", "each has to be"),
    "the limits": ("assignments/limits.py", "float = 20.0", "float = 9.0"),
    "forbidden names": ("checks/forbidden.py", '"importlib",', ""),
    "names that an exercise forbids": (
        "assignments/source/A1/a1_exercises/pad.py",
        '"pad_sequence"',
        "",
    ),
    "how cases are made": ("assignments/registry.py", "{seed}-", "{seed}+"),
    "fresh inputs": ("assignments/hidden/a1.py", "VOCAB = 23", "VOCAB = 29"),
    "fresh lengths": ("checks/drawing.py", "batch - 2", "batch - 1"),
    "the solution": ("assignments/source/A1/A1.ipynb", "-(-longest // multiple)", "1"),
    "the closed process": ("assignments/box/worker.py", "setup", "set_up"),
    "the library": ("seq2seq_lib/vocab.py", "PAD", "pad"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what a grade depends on, whose files may be changed."""
    copy = tmp_path / "project"
    for name in ("assignments", "checks", "seq2seq_lib"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(runs.ROOT / name, copy / name, ignore=ignored)
    monkeypatch.setattr(runs, "ROOT", copy)
    return copy


def test_nobody_is_graded_by_two_measures(folder: Path, tmp_path: Path, project: Path):
    """Whatever decides a grade may not change while a class is graded."""
    _write(folder / "anna.ipynb", handed_in(A1))
    _grade(folder, tmp_path / "out")
    for what, (name, old, new) in DECIDE.items():
        file = project / name
        text = file.read_text(encoding="utf-8")
        assert old in text, what
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(ValueError, match="another version of A1; .* by two measures"):
            _grade(folder, tmp_path / "out")
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="by two measures"):
        _grade(folder, tmp_path / "out", limits=Limits(seconds=3.0))
    assert len(_grade(folder, tmp_path / "out")) == 1


def test_what_decides_no_grade_may_change(folder: Path, tmp_path: Path, project: Path):
    """Pages, other assignments, and the line ends of a clone."""
    _write(folder / "anna.ipynb", handed_in(A1))
    before = _grade(folder, tmp_path / "out")
    for name in ("assignments/reports.py", "assignments/hidden/a4.py"):
        with (project / name).open("a", encoding="utf-8") as file:
            file.write("# looked at again\n")
    for file in project.rglob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert _grade(folder, tmp_path / "out") == before


@pytest.mark.parametrize(
    "place",
    ["anna.ipynb", "anna/A1.ipynb", "anna/A1/A1.ipynb", "anna/home work/final (2).ipynb"],
)
def test_submissions_lie_as_other_systems_lay_them(
    folder: Path, tmp_path: Path, place: str
):
    _write(folder / place, handed_in(A1))
    checkpoints = (folder / place).parent / ".ipynb_checkpoints"
    if place != "anna.ipynb":
        _write(checkpoints / "A1-checkpoint.ipynb", handed_in(A1, blank=True))
        (folder / place).with_name("data.txt").write_text("mine")
    _grade(folder, tmp_path / "out")
    assert _points(tmp_path / "out")["anna", "pool"] == "5"


def test_two_notebooks_of_one_student_are_not_chosen_between(folder: Path, tmp_path: Path):
    _write(folder / "anna" / "first.ipynb", handed_in(A1))
    _write(folder / "anna" / "second.ipynb", handed_in(A1, WRONG))
    _write(folder / "bert" / "A1.ipynb", handed_in(A1))
    _write(folder / "bert" / "old.ipynb", handed_in(A1, blank=True))
    _grade(folder, tmp_path / "out")
    rows = {(r["student"], r["question"]): r for r in _table(tmp_path / "out")}
    assert rows["anna", "pool"]["points"] == "0"
    assert "several notebooks, first.ipynb, second.ipynb" in rows["anna", "pool"]["reason"]
    assert rows["bert", "pool"]["points"] == "5"


def test_an_interrupted_run_goes_on_and_ends_as_if_nothing_had_happened(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for student in "abcdef":
        changes = WRONG if student in "be" else {}
        _write(folder / f"{student}.ipynb", handed_in(A1, changes))
    _grade(folder, tmp_path / "whole", seed=3)
    kept = []

    def stops(out: Path, graded: Graded) -> None:
        if len(kept) == 3:
            raise KeyboardInterrupt
        kept.append(graded.student)
        runs.keep(out, graded)

    with monkeypatch.context() as patch:
        patch.setattr(grade, "keep", stops)
        with pytest.raises(KeyboardInterrupt):
            _grade(folder, tmp_path / "out", seed=3)
    assert len(list((tmp_path / "out" / "students").glob("*.json"))) == 3
    assert not (tmp_path / "out" / "grades.csv").exists()
    again = tmp_path / "again"

    def counts(found: Any, assignment: str, questions: Any, *rest: Any) -> list[Row]:
        with again.open("a") as file:  # in a process of its own
            file.write("one more\n")
        return _open_rows(found, assignment, questions, *rest)

    monkeypatch.setattr(desk, "coded_rows", counts)
    _grade(folder, tmp_path / "out")
    assert len(again.read_text().splitlines()) == 4  # the solution and three students
    assert _table(tmp_path / "out") == _table(tmp_path / "whole")


def test_where_the_grader_fails_the_others_are_graded_and_the_next_run_tries_again(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    for student in "abc":
        _write(folder / f"{student}.ipynb", handed_in(A1, {"why-agree": student}))
    arguments = ["A1", str(folder), "--out", str(tmp_path / "out"), "--sandbox", "limits"]

    def fails(found: Sequence[Cell], *rest: Any) -> list[Row]:
        if any(cell.source == "b" for cell in found):
            raise SystemError("a fault of ours")
        return _open_rows(found, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(desk, "coded_rows", fails)
        assert grade.main(arguments) == 1
    told = capsys.readouterr().out
    assert "b: The grader failed here, and not the answer (SystemError: a fault" in told
    points = _points(tmp_path / "out")
    assert [points[student, "pool"] for student in "abc"] == ["5", "0", "5"]
    summary = (tmp_path / "out" / "summary.html").read_text(encoding="utf-8")
    assert "The grader failed" not in summary  # it is no mistake of a student's
    assert grade.main(arguments) == 0
    told = capsys.readouterr().out
    assert "2 of 3 are graded already and kept." in told and "something else" not in told
    assert _points(tmp_path / "out")["b", "pool"] == "5"


def test_a_changed_submission_is_graded_again_and_said_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    out = tmp_path / "out"
    _write(folder / "anna.ipynb", handed_in(A1, WRONG))
    _write(folder / "bert.ipynb", handed_in(A1))
    _grade(folder, out)
    first = (out / "grades.csv").read_text(encoding="utf-8")
    capsys.readouterr()
    _write(folder / "anna.ipynb", handed_in(A1))
    _grade(folder, out)
    told = capsys.readouterr().out
    assert "1 of 2 are graded already and kept." in told
    assert "anna handed in something else since the last run: 3 points then, 8 now." in told
    assert "the earlier one is kept as grades-1.csv" in told
    assert (out / "grades-1.csv").read_text(encoding="utf-8") == first
    assert _points(out)["anna", "pool"] == "5"


def test_everyone_is_asked_the_same_and_two_runs_something_else(
    folder: Path, tmp_path: Path
):
    _write(folder / "anna.ipynb", handed_in(A1))
    _grade(folder, tmp_path / "one")
    _grade(folder, tmp_path / "two")
    seeds = {runs.read_run(tmp_path / name).seed for name in ("one", "two")}
    assert len(seeds) == 2
    one, two = (registry.cases(A1, "pool", seed) for seed in seeds)
    visible = len(registry.exercises(A1)["pool"].examples())
    assert len(one) > visible
    for mine, yours in zip(one[visible:], two[visible:], strict=False):
        assert str(mine.inputs) != str(yours.inputs)


def test_written_answers_wait_for_a_person(folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    asked = [q.key for q in grade.questions(A1) if q.written]
    assert asked
    essay = {asked[0]: "Because padding is no word.\n=SUM(A1)"}
    _write(folder / "anna.ipynb", handed_in(A1, essay))
    _write(folder / "bert.ipynb", handed_in(A1, blank=True))
    _grade(folder, out)
    assert _points(out)["anna", asked[0]] == ""
    assert _points(out)["bert", asked[0]] == "0"
    text = (out / "written.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    assert rows[0]["answer"] == essay[asked[0]] and rows[0]["points"] == ""
    rows[0] |= {"points": rows[0]["max_points"], "comment": "Well said."}
    _fill(out, rows)
    _grade(folder, out)
    row = next(r for r in _table(out) if r["question"] == asked[0])
    assert (row["points"], row["reason"]) == (row["max_points"], "Well said.")
    _grade(folder, out)
    assert next(r for r in _table(out) if r["question"] == asked[0]) == row
    _write(folder / "anna.ipynb", handed_in(A1, {asked[0]: "Another answer."}))
    _grade(folder, out)
    assert _points(out)["anna", asked[0]] == ""
    _write(folder / "anna.ipynb", handed_in(A1, essay))
    _fill(out, rows)
    _grade(folder, out)
    rows[0]["points"] = "99"
    _fill(out, rows)
    with pytest.raises(ValueError, match="points of anna for .* must be whole or half"):
        _grade(folder, out)
    assert next(r for r in _table(out) if r["question"] == asked[0]) == row


def _fill(out: Path, rows: list[dict[str, str]]) -> None:
    table = reports.table(marks.HEADER, [list(row.values()) for row in rows])
    (out / "written.csv").write_text(table, encoding="utf-8")


def test_a_page_tells_each_student_what_held_and_what_did_not(folder: Path, tmp_path: Path):
    _write(folder / "anna.ipynb", handed_in(A1, WRONG))
    _grade(folder, tmp_path / "out")
    file = tmp_path / "out" / "feedback" / f"{reports.safe_name('anna')}.html"
    page = file.read_text(encoding="utf-8")
    soup = BeautifulSoup(page, "html.parser")
    assert soup.h1.text == "A1, anna"
    assert len(soup.select("li.good")) and len(soup.select("li.bad"))
    reason = soup.select_one(".reason").text
    assert any(reason in row["reason"] for row in _table(tmp_path / "out"))
    assert not soup.find("script") and "Graded without bubblewrap" in page


def test_who_was_graded_without_bubblewrap_is_told_in_a_later_run_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An interrupted run may go on where bubblewrap has been installed meanwhile."""
    _write(folder / "anna.ipynb", handed_in(A1))
    _grade(folder, tmp_path / "out")
    _write(folder / "bert.ipynb", handed_in(A1))

    class Closed:
        kind, host = "bubblewrap", SimpleNamespace(told=lambda: "Graded with bubblewrap.")

    monkeypatch.setattr(grade, "Sandbox", lambda kind, memory: Closed)
    graded = _grade(folder, tmp_path / "out")
    assert [g.sandbox for g in graded] == ["limits", "bubblewrap"]
    pages = tmp_path / "out" / "feedback"
    anna, bert = (pages / f"{reports.safe_name(name)}.html" for name in ("anna", "bert"))
    assert WARNING in anna.read_text(encoding="utf-8")
    assert WARNING not in bert.read_text(encoding="utf-8")
    assert WARNING in (tmp_path / "out" / "summary.html").read_text(encoding="utf-8")
    assert WARNING in reports.told(tmp_path / "out", A1, graded)
    assert WARNING not in reports.told(tmp_path / "out", A1, graded[1:])


def test_gradescope_gets_its_file(folder: Path, tmp_path: Path):
    _write(folder / "anna.ipynb", handed_in(A1, WRONG))
    _grade(folder, tmp_path / "out")
    file = tmp_path / "out" / "gradescope" / reports.safe_name("anna") / "results.json"
    results = json.loads(file.read_text(encoding="utf-8"))
    assert results["score"] == sum(test["score"] for test in results["tests"]) == 3
    assert all(test["score"] <= test["max_score"] for test in results["tests"])
    failed = [test for test in results["tests"] if test["status"] == "failed"]
    assert failed and all(test["output"] for test in failed)


def test_the_summary_shows_the_distribution_and_the_mistakes(folder: Path, tmp_path: Path):
    for number in range(4):
        changes = WRONG if number else {}
        _write(folder / f"s{number}.ipynb", handed_in(A1, changes))
    _grade(folder, tmp_path / "out")
    soup = BeautifulSoup(
        (tmp_path / "out" / "summary.html").read_text(encoding="utf-8"), "html.parser"
    )
    distribution, hardest, mistakes, students = soup.find_all("table")
    counts = [int(row.td.find_next("td").text) for row in distribution.find_all("tr")[1:]]
    assert sum(counts) == 4 and max(counts) == 3
    pool = registry.exercises(A1)["pool"].title
    titles = [row.td.text for row in hardest.find_all("tr")[1:]]
    assert titles.index(pool) < titles.index(registry.exercises(A1)["pad"].title)
    assert mistakes.find_all("tr")[1].td.text == "3"
    assert pool in mistakes.find_all("tr")[1].text
    for link in students.find_all("a"):
        assert (tmp_path / "out" / link["href"]).is_file()


def _graded(student: str, *reasons: str) -> Graded:
    verdicts = [Verdict("c", 0, 1, reason) for reason in reasons]
    return Graded(student, "", "", [Row("q", 0, 3, reasons[0], verdicts)])


def test_reasons_that_differ_in_numbers_are_one_mistake():
    graded = [
        _graded("a", "Row 2 puts 0.31 on padding.", "Row 2 puts 0.31 on padding."),
        _graded("b", "Row 7 puts 1e-3 on padding."),
        _graded("c", "The rows sum to 2.", "Not looked at, because x."),
    ]
    found = reports.mistakes(graded)
    assert [(n, text.split()[0]) for n, _, text in found] == [(2, "Row"), (1, "The")]


@pytest.mark.parametrize(
    "student",
    ["anna", "Anna", "a/../b", "..", "", "é" * 300, "=x", "a b", "\ud800", "con."],
)
def test_every_name_is_a_safe_file_name(student: str):
    name = reports.safe_name(student)
    assert name and "/" not in name and "." not in name and len(name.encode()) < 120


def test_long_names_are_shown_to_their_ends():
    """In the tables, where a system's file name of bytes that are no text is 1,017 long."""
    names = [clean(chr(0xDC80) * 254 + last, 2000, spelled=True) for last in "ab"]
    assert [named(name) for name in names] == names


UNSEEN = {
    "right to left": "\u202e",
    "an isolate": "\u2067",
    "a mark of direction": "\u200f",
    "an Arabic mark": "\u061c",
    "no width": "\u200b",
    "a joiner of words": "\u2060",
    "a mark of bytes": "\ufeff",
    "a soft hyphen": "\u00ad",
    "a tag": "\U000e0041",
}


@pytest.mark.parametrize("odd", UNSEEN.values(), ids=UNSEEN)
def test_what_nobody_sees_is_in_no_text(odd: str):
    text = f"one{odd}two\nthree"
    assert not is_clean(text, lines=True) and not is_clean(f"a{odd}b")
    assert clean(text, lines=True) == "onetwo\nthree"
    assert clean(text) == "one two three"
    assert named(f"a{odd}").isascii() and named(f"a{odd}") != named("a")
    answer = Cell("markdown", text, "A1-why-agree")
    (question,) = [q for q in grading.questions("A1") if q.key == "why-agree"]
    assert grading.written_row([answer], "A1", question).text.endswith("onetwo\nthree")


@pytest.mark.parametrize(
    "text", ["نمی\u200cدانم", "👩\u200d🔬", "Zoë 漢字 ✈\ufe0f", "שלום"]
)
def test_what_a_script_needs_stays(text: str):
    assert clean(text) == clean(text, lines=True) == named(text) == text


def test_no_command_stumbles_over_a_name_that_a_terminal_cannot_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    zoe = tmp_path / "Zoë \u6f22"
    zoe.touch()
    rows = [Row("pad", 0, 3, "The file of Zoë is damaged.")]
    graded = [Graded("Zoë", "0" * 64, "limits", rows)]
    monkeypatch.setattr(handout, "make", lambda out: out / "a.zip")

    def said(command: Any, *words: Path | str) -> str:
        streams = [io.TextIOWrapper(io.BytesIO(), "ascii") for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        command([str(word) for word in words])
        for stream in streams:
            stream.flush()
        return b"".join(s.buffer.getvalue() for s in streams).decode("ascii")

    assert "Zo\\xeb \\u6f22" in said(grade.main, "A1", zoe, "--out", tmp_path / "out")
    assert "Zo\\xeb \\u6f22 holds no" in said(gradebook.main, zoe)
    assert "Zo\\xeb \\u6f22" in said(gradescope.main, zoe)
    assert "Zo\\xeb \\u6f22" in said(handout.main, "--out", zoe)
    monkeypatch.setattr(grade, "grade", lambda **options: graded)
    assert "Zo\\xeb: The file of Zo\\xeb" in said(grade.main, "A1", "x", "--out", zoe)


def test_names_that_look_alike_stay_apart():
    names = ["Anna", "anna", "an na", "an-na", "an_na", "AN NA", "an  na", "Zo\u00eb"]
    names += ["Zoe\u0308", "Zo\udceb", "Zo\udcec", "Zo?"]  # NFD, and bytes that are no text
    names += [reports.safe_name(name) for name in names]
    assert len({reports.safe_name(name).lower() for name in names}) == len(names)


def test_a_file_that_is_interrupted_is_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "grades.csv"
    reports.write(file, "old")

    def dies(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reports.os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        reports.write(file, "new")
    assert file.read_text() == "old"


def test_a_damaged_record_is_graded_again(folder: Path, tmp_path: Path):
    _write(folder / "anna.ipynb", handed_in(A1))
    out = tmp_path / "out"
    _grade(folder, out)
    before = _table(out)
    reports.student_file(out, "anna").write_text('{"student": "anna", "ro')
    _grade(folder, out)
    assert _table(out) == before


def test_the_end_of_a_run_says_what_waits_and_who_could_not_be_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    _write(folder / "anna.ipynb", handed_in(A1, {"why-agree": "x"}))
    (folder / "bert.ipynb").write_text("{")
    arguments = ["A1", str(folder), "--out", str(tmp_path / "out"), "--sandbox", "limits"]
    assert grade.main([*arguments, "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert "A1: 2 submissions graded" in told and "bert: The file is not a notebook" in told
    assert "Graded without bubblewrap" in told
    shutil.rmtree(tmp_path / "out")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from seq2seq_lib.attention import masked_softmax", "seq2seq_lib.attention"),
        ("import seq2seq_lib.attention as a", "seq2seq_lib.attention"),
        ("import seq2seq_lib\nseq2seq_lib.attention.x", "seq2seq_lib.attention"),
        ("from seq2seq_lib import attention", "seq2seq_lib.attention"),
        ("torch.nn.MultiheadAttention(4, 1)", "MultiheadAttention"),
        ("__import__('seq2seq_lib')", "__import__"),
        ("exec('x')", "exec"),
        ("from seq2seq_lib.vocab import PAD\nattention = 1", ""),
    ],
)
def test_what_would_answer_the_exercise_is_noticed(source: str, found: str):
    names = ("seq2seq_lib.attention", "MultiheadAttention")
    assert forbidden_use(ast.parse(source), names) == found


LENT = """
import torch, math
LIMIT = 3
THRESHOLD = -1.5
def helper(x):
    return base(x) + LIMIT
def base(x):
    return math.floor(x)
class Trap:
    while True: pass
def unused():
    return Trap
numbers = [helper(1) for _ in range(10**9)]
def pool(a):
    return None
"""


def test_an_answer_is_lent_what_it_uses_and_nothing_else():
    exercise = registry.exercises(A1)["pool"]
    cells = [
        Cell("code", LENT),
        Cell("code", "%matplotlib inline\ndef broken(:"),
        Cell("code", "%time\ndef pool(a, b):\n    return helper(a)", "A1-pool"),
    ]
    answer = answers.find_answer(cells, A1, exercise)
    lent = "\n".join(answer.others)
    assert "def pool" in answer.source
    for word in ("def helper", "def base", "LIMIT = 3", "math"):
        assert word in lent
    for word in ("Trap", "unused", "THRESHOLD", "numbers", "def pool"):
        assert word not in lent


def test_definitions_that_hang_together_are_each_looked_at_once():
    """In 198 kB of them the search was cubic, and had no end."""
    chain = "\n".join(f"def a{n}(): a{n - 1}" for n in range(9_000, 0, -1))
    assert 150_000 < len(chain) < LONGEST
    answer = "def pool(enc_states, src_mask):\n    return a9000"
    cells = [Cell("code", chain), Cell("code", answer, "A1-pool")]
    start = time.perf_counter()
    found = answers.find_answer(cells, A1, registry.exercises(A1)["pool"])
    assert len(found.others) == 9_000
    assert time.perf_counter() - start < 30  # seconds


NESTED = {
    "brackets": "(" * 5_000 + ")" * 5_000,
    "words": "not " * 30_000 + "x",
    "signs": "-" * 90_000 + "1",
}


@pytest.mark.parametrize("deep", NESTED.values(), ids=NESTED)
def test_what_is_too_deep_to_be_read_is_not_run(deep: str):
    pool = registry.exercises(A1)["pool"]
    pool = replace(pool, forbidden=("numpy",))
    answer = f"def pool(enc_states, src_mask):\n    return {deep}"
    found = answers.find_answer([Cell("code", answer, "A1-pool")], A1, pool)
    if not found.problem:  # then it is no Python, and Python says so where it would run
        with pytest.raises(SyntaxError):
            compile(answer, "", "exec")
    else:
        assert "nested too deeply" in found.problem or "too many nested" in found.problem
    lent = Cell("code", f"def helper(): return {deep}")
    cells = [lent, Cell("code", "def pool(a, b): return helper()", "A1-pool")]
    assert answers.find_answer(cells, A1, pool).others == ()


def test_a_notebook_with_too_much_code_is_told():
    many = [nbformat.v4.new_code_cell("x = 1\n" * 30_000) for _ in range(12)]
    notebook = nbformat.v4.new_notebook(cells=many)
    with pytest.raises(ValueError, match="2160000 characters of code"):
        cells_of(nbformat.writes(notebook).encode())


def test_many_submissions_are_parsed_at_once():
    class Finalised:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            pass

    code = "\n".join(f"x{i} = [[a + b * ({i} + (a - (b + (a * b))))]]" for i in range(200))

    def parse() -> set[str]:
        Finalised()  # the collection of which lets another thread in between
        return defined(Cell("code", code))

    interval, collection = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(10)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = [pool.submit(parse) for _ in range(200)]
            assert all(len(f.result()) == 200 for f in found)
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*collection)


# --- one record for each student, one grader for each folder ---------------------------


def test_no_name_can_take_another_students_record(folder: Path, tmp_path: Path):
    """Whatever a file is called, it is not called as another student's record is."""
    names = ["anna b", "anna-b-4cdffd9d", reports.safe_name("anna b"), "Zoë", "Zoe\u0308"]
    for name in names:
        _write(folder / f"{name}.ipynb", handed_in(A1))
    _write(folder / "anna b.ipynb", handed_in(A1, WRONG))
    graded = {g.student: g.points for g in _grade(folder, tmp_path / "out")}
    assert graded.keys() == set(names)
    assert min(graded[name] for name in names[1:]) > graded["anna b"]
    again = {g.student: g.points for g in _grade(folder, tmp_path / "out")}
    assert again == graded


def test_bytes_that_are_no_text_are_a_name_of_their_own(folder: Path, tmp_path: Path):
    for name in (b"zo\xeb", b"zo\xec"):
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name + b".ipynb"))
        _write(path, handed_in(A1))
    assert len(_grade(folder, tmp_path / "out")) == 2
    assert len(list((tmp_path / "out" / "feedback").iterdir())) == 2


def test_who_was_renamed_leaves_no_ghost(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    out = tmp_path / "out"
    _write(folder / "ann.ipynb", handed_in(A1))
    _grade(folder, out)
    (folder / "ann.ipynb").rename(folder / "anna.ipynb")
    graded = _grade(folder, out)
    assert [g.student for g in graded] == ["anna"]
    assert "ann is no longer among the submissions" in capsys.readouterr().out
    assert {row["student"] for row in _table(out)} == {"anna"}
    assert [g.student for g in gradebook.load(out)[1]] == ["anna"]
    for pages in ("feedback", "gradescope"):
        assert [p.name for p in (out / pages).glob("ann-*")] == []
    (kept,) = (out / "earlier").iterdir()
    assert json.loads(kept.read_text())["student"] == "ann"


def test_two_graders_do_not_write_into_one_folder(folder: Path, tmp_path: Path):
    _write(folder / "anna.ipynb", handed_in(A1))
    out = tmp_path / "out"
    with (
        runs.locked(out),
        pytest.raises(ValueError, match="Another grader is at work in .*out; wait"),
    ):
        _grade(folder, out)
    assert [g.student for g in _grade(folder, out)] == ["anna"]


def test_where_nothing_can_be_written_is_told_before_the_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _write(folder / "anna.ipynb", handed_in(A1))
    (tmp_path / "a file").write_text("mine")
    monkeypatch.setattr(desk, "coded_rows", None)  # must not be reached
    with pytest.raises(ValueError, match="holds other files; choose a new"):
        _grade(folder, tmp_path / "a file")
    with pytest.raises(ValueError, match="Nothing can be written into .*Not a directory"):
        _grade(folder, tmp_path / "a file" / "out")

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ValueError, match="Nothing can be written .*No space left"):
        _grade(folder, tmp_path / "out")


@pytest.mark.parametrize("place", ["graded", "anna/graded"])
def test_grades_within_the_submissions_are_no_students(
    folder: Path, tmp_path: Path, place: str
):
    _write(folder / "anna" / "A1.ipynb", handed_in(A1))
    out = folder / place
    out.mkdir()
    for _ in range(2):
        assert [g.student for g in _grade(folder, out)] == ["anna"]
    (out / "run.json").unlink()
    shutil.rmtree(out / "students")
    assert [g.student for g in _grade(folder, out)] == ["anna"]
    other = _grade(folder, tmp_path / "other")
    assert [(g.student, g.points) for g in other] == [("anna", 8)]


def test_a_disk_that_fills_up_is_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    _write(folder / "anna.ipynb", handed_in(A1))
    arguments = [A1, str(folder), "--out", str(tmp_path / "out"), "--sandbox", "limits"]
    written = reports.write

    def full(path: Path, text: str) -> None:
        if path.name != "run.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(path, text)

    monkeypatch.setattr(reports, "write", full)
    assert grade.main([*arguments, "--jobs", "1"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "could not be written" in told and "No space left" in told
    monkeypatch.setattr(reports, "write", written)
    assert grade.main([*arguments, "--jobs", "1"]) == 0


# --- the grader's faults are nobody's ----------------------------------------------------


def test_nobody_is_graded_where_the_solution_itself_fails(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _write(folder / "anna.ipynb", handed_in(A1))

    def elsewhere(found: Sequence[Cell], *rest: Any) -> list[Row]:
        return [
            replace(row, points=0, reason="No module", verdicts=[])
            for row in _open_rows(found, *rest)
        ]

    def fails(*rest: Any) -> list[Row]:
        raise RuntimeError("pad: Python did not start in time.")

    for rows, words in ((elsewhere, "pad: No module"), (fails, "did not start in time")):
        monkeypatch.setattr(desk, "coded_rows", rows)
        with pytest.raises(ValueError, match=f"Nobody is graded, .*{words}.*pip install"):
            _grade(folder, tmp_path / "out")
        assert not (tmp_path / "out" / "grades.csv").exists()
    monkeypatch.setattr(desk, "coded_rows", _open_rows)
    assert [g.student for g in _grade(folder, tmp_path / "out")] == ["anna"]


def test_what_never_became_ready_is_tried_alone_and_then_our_fault():
    class Box:
        """A sandbox in which jobs start when there are few of them, and nobody else's."""

        def __init__(self, most: int) -> None:
            self.most, self.runs = most, []

        def run(
            self, jobs: Sequence[Job], public: Any, slot: int, alone: bool = False
        ) -> list[Outcome]:
            self.runs.append([alone, *(job.key for job in jobs)])
            starts = alone and len(jobs) <= self.most
            ending = "" if starts else "Python did not start in time."
            return [Outcome({}, ending, starts, starts) for _ in jobs]

    jobs = {key: Job(key, (), (), "", (), Limits()) for key in ("pad", "pool")}
    box = Box(1)
    outcomes = grading._run(jobs, dict.fromkeys(jobs, ()), [], box, 0)
    assert all(outcome.started for outcome in outcomes.values())
    assert box.runs == [[False, "pad", "pool"], [True, "pad"], [True, "pool"]]
    with pytest.raises(RuntimeError, match="pad: Python did not start in time"):
        grading._run(jobs, dict.fromkeys(jobs, ()), [], Box(0), 0)
