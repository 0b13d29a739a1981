"""Hostile and broken submissions: no point undeserved, nobody else harmed, a reason each.

One class is graded once: an honest student, every attack, every broken file. Each test
looks at one student's rows. The attacks run inside the limits that they try, with a
time-out around each; the network attempt goes to a listener of the test's own.
"""

import contextlib
import csv
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import pytest
from attacks import ATTACKS
from handing_in import handed_in, unseen

from assignments import grade, registry, reports
from assignments.limits import MIB, Limits
from assignments.records import Graded, Row
from tools.environment import ROOT

ATTACKED = "pool"
OTHERS = ("pad", "buckets")  # one before it and one after it
LIMITS = Limits(seconds=5, memory=3072 * MIB)
MARK = "attention-measured-left-behind"

# Five seconds for an answer, one user for all answers, a look at all processes.
pytestmark = pytest.mark.alone


def _with_wrong_pool(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == f"A1-{ATTACKED}":
            cell.source = "def pool(*args):\n    return [torch.zeros(3, 2)] * 2"
    return notebook


def _edited_tests() -> nbformat.NotebookNode:
    notebook = _with_wrong_pool(handed_in("A1"))
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source = "assert True\n5"
            cell.metadata.nbgrader["points"] = 1000
    return notebook


def _deleted_tests() -> nbformat.NotebookNode:
    notebook = handed_in("A1")
    notebook.cells = [
        c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")
    ]
    return notebook


def _stripped() -> nbformat.NotebookNode:
    notebook = handed_in("A1")
    for cell in notebook.cells:
        cell.metadata = {}
    return notebook


def _duplicated() -> nbformat.NotebookNode:
    notebook = handed_in("A1")
    at, cell = next(
        (i, c)
        for i, c in enumerate(notebook.cells)
        if c.metadata.get("nbgrader", {}).get("grade_id") == f"A1-{ATTACKED}"
    )
    wrong = nbformat.v4.new_code_cell("def pool(*args, **kwargs):\n    return None")
    wrong.metadata = cell.metadata
    notebook.cells.insert(at, wrong)
    return notebook


def _missing() -> nbformat.NotebookNode:
    notebook = handed_in("A1")
    notebook.cells = [c for c in notebook.cells if "def pool" not in c.source]
    return notebook


def _swapped_marks() -> nbformat.NotebookNode:
    """The mark of one exercise on the answer of another."""
    notebook = handed_in("A1")
    for cell in notebook.cells:
        ours = cell.metadata.get("nbgrader", {})
        if ours.get("grade_id") == f"A1-{ATTACKED}":
            ours["grade_id"] = f"A1-{OTHERS[0]}"
    return notebook


def _trapped_scratch() -> nbformat.NotebookNode:
    """Endless loops everywhere but in the answers."""
    notebook = handed_in("A1")
    # The second one is lent to the answer, because it defines a name that this uses.
    for source in ("while True: pass", "class torch:\n    while True: pass"):
        notebook.cells.insert(1, nbformat.v4.new_code_cell(source))
    return notebook


def _memorised() -> nbformat.NotebookNode:
    """The visible examples are answered from a table, everything else with zeros."""
    exercise = registry.exercises("A1")[ATTACKED]
    case = exercise.examples()[0]
    known = [tensor.tolist() for tensor in case.expected]
    text = f"def pool(*args, **kwargs):\n    return [torch.tensor(x) for x in {known}]"
    return handed_in("A1", {ATTACKED: text})


# name -> (notebook, points of the attacked exercise, words of its reason)
NOTEBOOKS = {
    "deleted test cells": (_deleted_tests, 5, ""),
    "edited test cells": (_edited_tests, 0, ""),
    "stripped metadata": (_stripped, 5, "lost its mark"),
    "duplicate cells": (_duplicated, 5, "2 cells carry"),
    "a missing cell": (_missing, 0, "No cell defines pool"),
    "swapped marks": (_swapped_marks, 5, "lost its mark"),
    "endless loops in other cells": (_trapped_scratch, 5, ""),
    "memorised examples": (_memorised, 0, ""),
    "untouched": (lambda: handed_in("A1", blank=True), 0, "not answered yet"),
}

DEEP = '{"cells":' + "[" * 100_000 + "]" * 100_000 + "}"
# name -> (bytes of the file, words of the reason)
FILES = {
    "broken JSON": (b'{"cells": [', "damaged"),
    "not a notebook": (b"\x89PNG\r\n\x1a\n" * 100, "damaged"),
    "an empty file": (b"", "damaged"),
    "JSON of another kind": (b'{"cells": {"a": 1}, "nbformat": 4}', "damaged"),
    "JSON that is too deep": (DEEP.encode(), "damaged"),
    "bytes that are no text": (b"\xff\xfe\x00" * 1000, "damaged"),
}


@dataclass
class Class:
    """A graded class."""

    rows: dict[str, dict[str, Row]]
    out: Path
    connections: int
    submissions: Path


def _grade(folder: Path, out: Path, sandbox: str) -> list[Graded]:
    everything = grade.questions
    grade.questions = lambda a: [q for q in everything(a) if q.key in (ATTACKED, *OTHERS)]
    try:
        return grade.grade(
            "A1", folder, out, 2, sandbox, seed=5, progress=False, limits=LIMITS
        )
    finally:
        grade.questions = everything


def _write(folder: Path, student: str, notebook: nbformat.NotebookNode) -> None:
    (folder / f"{student}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture(scope="module")
def hostile(bubblewrap: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    base = tmp_path_factory.mktemp("hostile")
    folder, out = base / "submissions", base / "graded"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        places = {
            "ROOT": str(ROOT),
            "SUBMISSIONS": str(folder),
            "OUT": str(out),
            "PORT": str(listener.getsockname()[1]),
            "MARK": MARK,
        }
        for student in ("anna", "zoe"):
            _write(folder, student, handed_in("A1"))
        for name, source, _ in ATTACKS:
            for word, value in places.items():
                source = source.replace(word, value)
            _write(folder, name, handed_in("A1", {ATTACKED: unseen(source)}))
        for name, (make, _, _) in NOTEBOOKS.items():
            _write(folder, name, make())
        for name, (data, _) in FILES.items():
            (folder / f"{name}.ipynb").write_bytes(data)
        _write(folder, "of another assignment", handed_in("A4"))
        _write(folder, "=1+1; Zoë O'Hara <b>&amp; \U0001f600", handed_in("A1"))
        _write(folder, "-rf *", handed_in("A1"))
        (folder / "a link.ipynb").symlink_to(folder / "anna.ipynb")
        (folder / "a linked folder").symlink_to("/etc")
        (folder / "a link inside").mkdir()
        (folder / "a link inside" / "A1.ipynb").symlink_to(folder / "anna.ipynb")
        os.mkfifo(folder / "a pipe.ipynb")
        (folder / "an empty folder").mkdir()
        (folder / "essay.pdf").write_bytes(b"%PDF")
        _write(folder, "twice", handed_in("A1"))
        (folder / "twice").mkdir()
        _write(folder / "twice", "A1", handed_in("A1"))
        graded = _grade(folder, out, "bubblewrap")
        connections = 0
        with contextlib.suppress(BlockingIOError):
            listener.accept()
            connections = 1
    rows = {g.student: {row.question: row for row in g.rows} for g in graded}
    yield Class(rows, out, connections, folder)


def _lost(hostile: Class, student: str, *keys: str) -> dict[str, str]:
    """Of these questions, those that did not earn full points, with the reason."""
    return {
        key: row.reason or "no reason"
        for key in keys
        if (row := hostile.rows[student][key]).points
        != registry.exercises("A1")[key].points
        or row.max_points != row.points
    }


@pytest.mark.parametrize(("name", "words"), [(n, w) for n, _, w in ATTACKS])
def test_an_attack_earns_nothing_and_costs_no_other_question(
    hostile: Class, name: str, words: str
):
    row = hostile.rows[name][ATTACKED]
    assert row.points == 0
    assert row.reason and words in row.reason
    assert not _lost(hostile, name, *OTHERS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_changed_notebook_earns_what_its_answers_deserve(hostile: Class, name: str):
    _, points, words = NOTEBOOKS[name]
    row = hostile.rows[name][ATTACKED]
    assert row.points == points and words in row.reason, row
    if name == "untouched":
        assert all(hostile.rows[name][key].points == 0 for key in OTHERS)
    else:
        assert not _lost(hostile, name, *OTHERS)


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_a_row_with_a_reason(hostile: Class, name: str):
    for row in hostile.rows[name].values():
        assert row.points == 0 and FILES[name][1] in row.reason


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("of another assignment", "This is A4, not A1."),
        ("a link", "is a link"),
        ("a linked folder", "is a link"),
        ("a link inside", "is a link"),
        ("a pipe", "not a notebook"),
        ("an empty folder", "no notebook in the folder"),
        ("essay.pdf", "not a notebook"),
        ("twice", "two submissions, twice and twice.ipynb"),
    ],
)
def test_what_cannot_be_read_is_a_row_with_a_reason(
    hostile: Class, student: str, words: str
):
    for row in hostile.rows[student].values():
        assert row.points == 0 and words in row.reason, row.reason


@pytest.mark.parametrize("student", ["anna", "zoe"])
def test_the_honest_lose_nothing(hostile: Class, student: str):
    assert not _lost(hostile, student, ATTACKED, *OTHERS)


def test_odd_names_are_kept_and_stay_in_their_folders(hostile: Class):
    odd = [name for name in hostile.rows if name.startswith("=1+1")]
    assert not _lost(hostile, odd[0], ATTACKED)
    assert not _lost(hostile, "-rf *", ATTACKED)
    pages = list((hostile.out / "feedback").iterdir())
    assert len(pages) == len(hostile.rows)
    page = next(p for p in pages if "Zo" in p.name).read_text(encoding="utf-8")
    assert "<b>&amp;amp;" not in page and "&lt;b&gt;" in page
    with (hostile.out / "grades.csv").open(newline="", encoding="utf-8") as file:
        names = {row["student"] for row in csv.DictReader(file)}
    assert not [name for name in names if name[0] in "=+-@"]


def test_nothing_reached_the_network(hostile: Class):
    assert hostile.connections == 0


def test_nothing_is_left_running(hostile: Class):
    time.sleep(0.2)
    left = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = entry.read_bytes()
            if MARK.encode() in command or b"/box/worker.py" in command:
                left.append(command)
    assert not left


def test_nothing_outside_was_written(hostile: Class):
    with (hostile.out / "grades.csv").open(newline="", encoding="utf-8") as file:
        students = {row["student"] for row in csv.DictReader(file)}
    assert "mallory" not in students
    assert "was here" not in (ROOT / "seq2seq_lib/__init__.py").read_text(encoding="utf-8")
    assert not list(Path("/dev/shm").glob("file*"))


def test_every_student_and_question_has_exactly_one_row(hostile: Class):
    with (hostile.out / "grades.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["student"], row["question"]) for row in csv.DictReader(file)]
    assert len(rows) == len(set(rows)) == 3 * len(hostile.rows)
    there = {p for p in hostile.submissions.iterdir() if p.name != "twice"}
    assert len(hostile.rows) == len(there)


def test_the_same_again_gives_the_same(hostile: Class, capsys: pytest.CaptureFixture):
    before = (hostile.out / "grades.csv").read_bytes()
    _grade(hostile.submissions, hostile.out, "bubblewrap")
    assert (
        f"{len(hostile.rows)} of {len(hostile.rows)} are graded" in capsys.readouterr().out
    )
    assert (hostile.out / "grades.csv").read_bytes() == before


WITHOUT_BUBBLEWRAP = (
    "an endless loop that ignores signals",
    "os._exit",
    "a crash",
    "killing the process around it",
    "stopping the process around it",
    "a hundred gigabytes",
    "a huge answer",
    "an object that equals everything",
    "patched torch",
    "messages of its own to the grader",
    "a process that stays behind",
)


def test_without_bubblewrap_the_limits_hold_and_the_reports_say_what_does_not(
    tmp_path: Path,
):
    folder, out = tmp_path / "submissions", tmp_path / "graded"
    folder.mkdir()
    _write(folder, "anna", handed_in("A1"))
    attacks = {name: (source, words) for name, source, words in ATTACKS}
    for name in WITHOUT_BUBBLEWRAP:
        source = attacks[name][0].replace("env={}", "").replace("MARK", MARK)
        _write(folder, name, handed_in("A1", {ATTACKED: unseen(source)}))
    global LIMITS
    usual, LIMITS = LIMITS, replace(LIMITS, seconds=4)
    try:
        graded = _grade(folder, out, "limits")
    finally:
        LIMITS = usual
    rows = {g.student: {row.question: row for row in g.rows} for g in graded}
    assert rows["anna"][ATTACKED].points == rows["anna"][ATTACKED].max_points
    for name in WITHOUT_BUBBLEWRAP:
        assert rows[name][ATTACKED].points == 0
        assert attacks[name][1] in rows[name][ATTACKED].reason
        for key in OTHERS:
            assert rows[name][key].points == rows[name][key].max_points
    assert "without bubblewrap" in (out / "summary.html").read_text(encoding="utf-8")
    page = out / "feedback" / f"{reports.safe_name('anna')}.html"
    assert "without bubblewrap" in page.read_text("utf-8")
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            assert MARK.encode() not in entry.read_bytes()
