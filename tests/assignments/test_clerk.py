"""Disposable processes: whatever happens in one, the class and its owner go on."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from handing_in import handed_in

from assignments import desk, grade, records, reports, runs
from assignments.clerk import Clerks, Said
from assignments.records import GRADER_FAILED, Graded, Question, Row
from assignments.server import MIB, Bounds
from checks.exercise import Verdict

QUICK = Bounds(seconds=30, cpu=20, memory=200 * MIB)
# Where others use the machine, too, everything takes longer.
SLOW = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
PAGES = Path(__file__).parents[2] / "docs"


def _said(work: Callable[[dict], bytes], *what: str, bounds: Bounds = QUICK) -> list[Said]:
    """What comes of requests, in their order."""
    with Clerks(work, 2, bounds) as clerks:
        said = clerks.each([{"do": each} for each in what])
        return sorted(said, key=lambda one: one.number)


# --- a clerk that goes wrong --------------------------------------------------------------


def _odd(request: dict[str, Any]) -> bytes:
    """Does what a request says, as a process may go wrong."""
    what = request["do"]
    if what == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "leaves":
        os._exit(3)
    if what == "sleeps":
        time.sleep(600)
    if what == "sleeps on":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    if what == "computes":
        while True:
            pass
    if what == "grows":
        kept = []
        while True:
            kept.append(bytearray(4 * MIB))
            time.sleep(0.001)
    if what == "grows at once":
        bytearray(1 << 40)
    if what == "says too much":
        return b"x" * (records.LARGEST + 1)
    if what == "raises":
        raise SystemError("a fault of ours")
    if what == "says half a character":
        raise ValueError("\ud83d \x1b[31m " + "long " * 10_000)
    if what == "leaves a process behind":
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return b"{}"


@pytest.mark.parametrize(
    ("what", "problem"),
    [
        ("is killed", "ended by SIGKILL"),
        ("crashes", "ended by SIGSEGV"),
        ("leaves", "exit code 3"),
        ("sleeps", "more than 1 s altogether"),
        ("sleeps on", "more than 1 s altogether"),
        ("grows", "more than 200 MiB of memory"),
        ("grows at once", "no memory was left"),
        ("says too much", "larger than"),
        ("leaves a process behind", "ended by SIGKILL"),
    ],
)
def test_a_process_that_goes_wrong_costs_its_own_submission(what: str, problem: str):
    start = time.monotonic()
    bounds = replace(QUICK, seconds=1)
    first, odd, last = _said(_odd, "works", what, "works", bounds=bounds)
    assert not odd.record and odd.limit and problem in odd.problem
    assert [first.record, last.record] == [b"{}", b"{}"]
    assert not first.problem and not last.problem
    assert time.monotonic() - start < 20  # seconds
    assert not psutil.Process().children(recursive=True)


def test_computing_without_an_end_is_ended_though_others_take_long():
    (said,) = _said(_odd, "computes", bounds=replace(QUICK, cpu=0.5))
    assert "more than 0.5 s" in said.problem and said.limit


def test_what_is_raised_is_told_and_no_limit():
    raised, half = _said(_odd, "raises", "says half a character")
    assert raised.problem == "SystemError: a fault of ours" and not raised.limit
    assert half.problem.startswith("ValueError") and len(half.problem) <= 2000


def test_nothing_stays_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def work(request: dict[str, Any]) -> bytes:
        import tempfile

        left = tempfile.mkdtemp()
        Path(left, "left").write_text("behind")
        if request["do"] == "deep":  # deeper than Python goes down
            os.chdir(left)
            for _ in range(5000):
                os.mkdir("d")
                os.chdir("d")
        if request["do"] == "many":  # more than one command takes
            for number in range(9_000):
                Path(left, f"{number:0240}").touch()
            os.chmod(left, 0)
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    for said in _said(work, "once", "deep", "many", "once"):
        assert "SIGKILL" in said.problem
    assert list(tmp_path.iterdir()) == []


def test_a_process_holds_no_file_of_the_owners(tmp_path: Path):
    def work(request: dict[str, Any]) -> bytes:
        held = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")[:-1]]
        return json.dumps(held).encode()

    with (tmp_path / "of the owner").open("w") as file:
        (said,) = _said(work, "once")
        assert file.name not in json.loads(said.record)


def test_they_work_side_by_side_and_never_in_one_slot():
    def work(request: dict[str, Any]) -> bytes:
        begun = time.time()
        time.sleep(0.3)
        return json.dumps([request["slot"], begun, time.time()]).encode()

    spans = [json.loads(said.record) for said in _said(work, *"abcdef")]
    for one in spans:
        for other in spans:
            apart = one[2] <= other[1] or other[2] <= one[1]
            assert one is other or one[0] != other[0] or apart
    assert max(end for *_, end in spans) - min(begun for _, begun, _ in spans) < 1.6


# --- a record that makes no sense ---------------------------------------------------------

ASKED = [Question("pad", "Pad", 3), Question("why", "Why", 2, written=True)]
RIGHT = Graded(
    "anna",
    "0" * 64,
    "limits",
    [
        Row("pad", 1, 3, "No.", [Verdict("a", 1, 1), Verdict("b", 0, 2, "No.")]),
        Row("why", None, 2, "To be graded by hand.", text="Because\nof this."),
    ],
)


def _changed(path: str, value: Any) -> bytes:
    """The record with one of its values exchanged: ``rows.0.points``."""
    kept = asdict(RIGHT)
    *way, last = path.split(".")
    place: Any = kept
    for name in way:
        place = place[int(name)] if name.isdigit() else place[name]
    place[int(last) if last.isdigit() else last] = value
    return json.dumps(kept).encode()


ODD = {
    "another student": _changed("student", "bert"),
    "more points than there are": _changed("rows.0.points", 4),
    "points that no criterion gave": _changed("rows.0.points", 3),
    "negative points": _changed("rows.0.points", -1),
    "points that are no number": _changed("rows.0.points", float("nan")),
    "points without end": b'{"rows": 1e999}',
    "points that are a truth": _changed("rows.0.points", True),
    "points as text": _changed("rows.0.points", "1"),
    "no points for code": _changed("rows.0.points", None),
    "points for words": _changed("rows.1.points", 2),
    "more to be had": _changed("rows.0.max_points", 100),
    "another question": _changed("rows.0.question", "pool"),
    "a row less": _changed("rows", asdict(RIGHT)["rows"][:1]),
    "a row twice": _changed("rows", asdict(RIGHT)["rows"][:1] * 2),
    "rows that are none": _changed("rows", {"pad": 3}),
    "a criterion that gave more": _changed("rows.0.verdicts.0.points", 2),
    "a criterion that gave less": _changed("rows.0.verdicts.0.points", -1),
    "a criterion that gave nothing and says nothing": _changed(
        "rows.0.verdicts.1.reason", ""
    ),
    "criteria that are missing": _changed("rows.0.verdicts", []),
    "a reason that is missing": _changed("rows.0.reason", ""),
    "a long reason": _changed("rows.0.reason", "x" * 1001),
    "a reason with an escape": _changed("rows.0.reason", "\x1b[2J"),
    "half a character": _changed("rows.1.text", "\ud83d"),
    "a long answer": _changed("rows.1.text", "x" * 20_001),
    "words where code was asked for": _changed("rows.0.text", "x"),
    "a number where text was": _changed("rows.0.reason", 7),
    "another sandbox": _changed("sandbox", "bubblewrap"),
    "no digest": _changed("digest", ""),
    "a digest of something else": _changed("digest", "1" * 64),
    "a failure": _changed("failed", "x"),
    "a field more": _changed("admin", True),
    "a field less": json.dumps({"student": "anna"}).encode(),
    "nothing": b"",
    "null": b"null",
    "a half": records.packed(RIGHT)[:-20],
    "no text": b"\xff\xfe\x00",
    "brackets": b"[" * 100_000,
    "a long number": b"9" * 100_000,
    "too much": records.packed(RIGHT) + b" " * records.LARGEST,
}


@pytest.fixture
def owner() -> grade._Class:
    class AtDesk:
        asked = ASKED
        sandbox = type("Box", (), {"kind": "limits"})

    return grade._Class(None, None, None, AtDesk)  # type: ignore[arg-type]


def test_a_right_record_is_kept(owner: grade._Class):
    said = Said(0, records.packed(RIGHT))
    assert owner._graded("anna", RIGHT.digest, said, None) == RIGHT


@pytest.mark.parametrize("record", ODD.values(), ids=ODD)
def test_an_odd_record_is_our_fault_and_earns_nothing(owner: grade._Class, record: bytes):
    graded = owner._graded("anna", RIGHT.digest, Said(0, record), None)
    assert (graded.student, graded.digest, graded.points) == ("anna", "", 0)
    for row, question in zip(graded.rows, ASKED, strict=True):
        assert row.reason.startswith(GRADER_FAILED) and row.question == question.key
    again = records.read(records.packed(graded))
    assert again == graded
    twice = owner._graded("anna", RIGHT.digest, Said(0, record), again)
    assert twice.digest == RIGHT.digest and twice.points == 0
    assert "could not be read within the limits" in twice.rows[0].reason


def test_what_was_no_limit_is_tried_for_ever(owner: grade._Class):
    before = None
    for _ in range(3):
        before = owner._graded("anna", "0" * 64, Said(0, b"", "OSError: full"), before)
        assert before.digest == "" and GRADER_FAILED in before.rows[0].reason


# --- submissions that are too much --------------------------------------------------------


def _notebook(cell: dict[str, Any] | None = None, **more: Any) -> bytes:
    notebook = handed_in("A1")
    if cell:
        notebook.cells.append(nbformat.from_dict(cell))
    return json.dumps({**notebook, **more}).encode()


def _code(source: str) -> dict[str, Any]:
    new = nbformat.v4.new_code_cell(source)
    return dict(new)


def _text(source: str) -> dict[str, Any]:
    return dict(nbformat.v4.new_markdown_cell(source))


def _solved(source: str) -> bytes:
    return json.dumps(handed_in("A1", {"pad": source})).encode()


TOO_MUCH: dict[str, Callable[[], bytes]] = {
    "metadata": lambda: _notebook(metadata={"x": [{}] * 4_500_000}),
    "20 MB of text": lambda: _notebook(
        dict(nbformat.v4.new_markdown_cell("x " * 9_000_000))
    ),
    "depth": lambda: b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 cells": lambda: json.dumps(
        {
            **nbformat.v4.new_notebook(),
            "cells": [{"cell_type": "markdown", "metadata": {}, "source": "", "id": "a"}]
            * 100_000,
        }
    ).encode(),
    "a cell of 2 MB": lambda: _notebook(_code("x = [" + "0," * 950_000 + "]")),
    "a slow parse": lambda: _solved(
        "def pad(a, b):\n    return " + "(" * 90 + "1" + ")" * 90
    ),
    "lambdas": lambda: _solved("def pad(a, b):\n    return " + "lambda:" * 25_000 + "1"),
    "an essay": lambda: json.dumps(
        handed_in("A1", {"why-agree": "\U0001f600\ud83d\x1b\x00 =1\n" * 200_000})
    ).encode(),
}


def _no_answers(found: Any, assignment: str, asked: list[Question], *rest: Any) -> Any:
    """All that is done with the answers in this process, but running them."""
    from assignments.answers import find_answer
    from assignments.registry import exercises

    for question in asked:
        find_answer(found, assignment, exercises(assignment)[question.key])
    return [
        Row(
            q.key,
            q.max_points,
            q.max_points,
            "",
            [Verdict("c", q.max_points, q.max_points)],
        )
        for q in asked
    ]


@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_is_a_row_with_a_reason_and_no_memory_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
):
    monkeypatch.setattr(desk, "coded_rows", _no_answers)
    monkeypatch.setattr(grade, "OWN_SECONDS", 15.0)
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "odd.ipynb").write_bytes(TOO_MUCH[what]())
    (folder / "anna.ipynb").write_bytes(_notebook())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):  # twice tried, then kept
        graded = grade.grade("A1", folder, out, 2, "limits", progress=False)
        anna, odd = graded
        assert anna.points > 0 and anna.digest
        assert all(row.reason or row.points == row.max_points for row in odd.rows)
    assert odd.digest, odd.rows[0].reason
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 << 10  # KiB
    assert all(p.stat().st_size < 1 << 20 for p in out.rglob("*") if p.is_file())


def test_what_has_not_changed_is_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(desk, "coded_rows", _no_answers)
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "anna.ipynb").write_bytes(_notebook())
    grade.grade("A1", folder, out, 1, "limits", progress=False)
    hers = [p for p in out.rglob("*") if p.is_file() and "anna" in str(p)]
    before = {p: p.stat().st_mtime_ns for p in hers}
    (folder / "bert.ipynb").write_bytes(_notebook())
    grade.grade("A1", folder, out, 1, "limits", progress=False)
    assert len(hers) == 3 and before == {p: p.stat().st_mtime_ns for p in hers}


# --- Ctrl-C -------------------------------------------------------------------------------


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A real run in which answers do not end."""
    folder = tmp_path / "in"
    folder.mkdir()
    loop = {"pad": "def pad(*args):\n    while True: pass"}
    (folder / "anna.ipynb").write_bytes(json.dumps(handed_in("A1")).encode())
    for name in ("zoe", "zwei"):
        (folder / f"{name}.ipynb").write_bytes(json.dumps(handed_in("A1", loop)).encode())
    command = [sys.executable, "-m", "assignments.grade", "A1", str(folder)]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "out"), "--jobs", "2"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=PAGES.parent,
    ) as process:
        yield process
        process.kill()


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_takes_two_seconds_leaves_nothing_and_loses_nothing(
    endless: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
):
    records_of = tmp_path / "out" / "students"
    deadline = time.monotonic() + 120
    while not list(records_of.glob("anna*.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)  # the others are at work
    below = psutil.Process(endless.pid).children(recursive=True)
    assert len(below) > 3
    start = time.monotonic()
    endless.send_signal(number)
    assert endless.stderr
    for line in endless.stderr:
        if "Stopping" in line:
            break
    assert time.monotonic() - start < 2
    assert endless.wait(10) == 128 + number
    assert time.monotonic() - start < 2 * SLOW
    assert "Stopped; the same command goes on" in endless.stderr.read()
    assert [p for p in below if p.is_running() and p.status() != "zombie"] == []
    assert runs.stored(reports.student_file(tmp_path / "out", "anna"))
    with runs.locked(tmp_path / "out"):
        pass


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [0.3, 0.8, 1.5, 3.0])
def test_stopping_is_one_sentence_while_python_still_loads(
    tmp_path: Path, number: signal.Signals, after: float
):
    """PyTorch takes seconds to load; nobody has to wait for it, or to read a traceback."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "anna.ipynb").write_bytes(json.dumps(handed_in("A1")).encode())
    command = [sys.executable, "-m", "assignments.grade", "A1", str(folder)]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        text=True,
        cwd=PAGES.parent,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        time.sleep(after * SLOW)  # by then the first lines were read
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(20) == 128 + number
        assert time.monotonic() - start < 2 * SLOW
        assert process.stderr
        told = [line for line in process.stderr.read().split("\n") if line.strip()]
    assert told[-1] == grade.STOPPED and {*told} <= {"Stopping ...", grade.STOPPED}
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "out"}
