"""Gradescope, emulated: a folder as its autograder has it always gets a results.json."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from handing_in import handed_in
from test_exports import BLANK, SOLVED, lay, zipped

from assignments import gradescope
from tools.environment import ROOT

TITLE = {"id": 7, "assignment": {"title": "Homework A3: attention", "total_points": "40.0"}}


def autograder(place: Path, files: dict[str, bytes], metadata: Any = TITLE) -> Path:
    """/autograder before a run."""
    (place / "results").mkdir()
    lay(place / "submission", files)
    (place / "submission_metadata.json").write_text(json.dumps(metadata))
    return place


def outcome(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    status = gradescope.main([str(folder), *arguments])
    assert [path.name for path in (folder / "results").iterdir()] == ["results.json"]
    found = json.loads((folder / "results" / "results.json").read_text(encoding="utf-8"))
    assert isinstance(found["score"], int | float) and isinstance(found["tests"], list)
    return status, found


@pytest.fixture
def grader(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The grader, replaced: it gives 3 points for what it is asked to grade."""
    asked: list[Path] = []

    def run(name: str, folder: Path, out: Path, seed: int | None, minutes: float) -> None:
        asked.extend(sorted(p for p in folder.rglob("*") if p.is_file()))
        lay(
            out.parent, {"out/gradescope/student-1/results.json": b'{"score":3,"tests":[]}'}
        )

    monkeypatch.setattr(gradescope, "_run", run)
    return asked


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"report.pdf": b"%PDF"}, "report.pdf is not a notebook"),
        ({}, "There is no notebook in the folder."),
        ({"A3.zip": b"PK"}, "A3.zip is not a ZIP that can be read"),
        ({"A3.zip": zipped({"A3/notes.txt": b"Hello"})}, "notes.txt is not a notebook"),
        ({f"{n}.ipynb": b"{}" for n in range(99)}, "There are 99 notebooks"),
    ],
)
def test_what_cannot_be_graded_is_a_reason_and_no_points(
    tmp_path: Path, grader: list[Path], files: dict[str, bytes], words: str
):
    status, found = outcome(autograder(tmp_path, files))
    assert (status, found["score"], grader) == (0, 0, [])
    assert found["output"].startswith("There are no points: ") and words in found["output"]


@pytest.mark.parametrize(
    "files",
    [
        {"A3.ipynb": SOLVED},
        {"homework.zip": zipped({"homework/A3.ipynb": SOLVED})},
        {"homework/final.IPYNB": SOLVED, "homework/report.pdf": b"%PDF"},
        {"A3.ipynb": BLANK, "A3 (1).ipynb": SOLVED},
    ],
)
def test_every_notebook_that_may_count_reaches_the_grader(
    tmp_path: Path, grader: list[Path], files: dict[str, bytes]
):
    folder = autograder(tmp_path, files)
    (folder / "submission" / "link.ipynb").symlink_to("/etc/passwd")
    assert outcome(folder)[1]["score"] == 3
    assert all(path.parts[-3] == "student" for path in grader)
    assert len(grader) == sum(not name.endswith("pdf") for name in files)


@pytest.mark.parametrize(
    "metadata", [{}, [], None, {"assignment": {}}, {"assignment": {"title": 3}}, "x" * 99]
)
def test_where_no_assignment_is_named_it_has_to_be_given(
    tmp_path: Path, grader: list[Path], metadata: Any, capsys: pytest.CaptureFixture
):
    folder = autograder(tmp_path, {"A3.ipynb": SOLVED}, metadata)
    status, found = outcome(folder)
    assert (status, found["score"]) == (1, 0) and "tell your teacher" in found["output"]
    assert "name the assignment with --assignment" in capsys.readouterr().err
    assert outcome(folder, "--assignment", "A3")[1]["score"] == 3
    assert outcome(folder, "--assignment", "A9")[1]["score"] == 0


@pytest.mark.parametrize("error", [RuntimeError("secret"), ImportError(), MemoryError()])
def test_a_failing_grader_gives_no_points_and_tells_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def run(*_: Any) -> None:
        raise error

    monkeypatch.setattr(gradescope, "_run", run)
    status, found = outcome(autograder(tmp_path, {"A3.ipynb": SOLVED}))
    assert (status, found["score"]) == (1, 0)
    assert "The grader failed" in found["output"] and "secret" not in json.dumps(found)


def test_a_grader_that_does_not_end_is_ended(tmp_path: Path, monkeypatch):
    (tmp_path / "slow").write_text("#!/bin/sh\nsleep 100 & echo $! > $0.pid; wait\n")
    (tmp_path / "slow").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "slow"))
    (tmp_path / "autograder").mkdir()
    folder = autograder(tmp_path / "autograder", {"A3.ipynb": SOLVED})
    start = time.perf_counter()
    status, found = outcome(folder, "--minutes", "0.03")
    assert time.perf_counter() - start < 20  # seconds
    assert (status, found["score"]) == (0, 0) and "took longer than 0.03" in found["output"]
    slept = int((tmp_path / "slow.pid").read_text())
    time.sleep(0.2)
    state = Path(f"/proc/{slept}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_results_are_there_before_the_work(tmp_path: Path, monkeypatch):
    """Whatever ends the process, the memory's end too, leaves a results.json."""
    folder = autograder(tmp_path, {"A3.ipynb": SOLVED})
    code = (
        "import os, signal; from assignments import gradescope as g\n"
        "g.results = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"g.main([{str(folder)!r}])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    found = json.loads((folder / "results" / "results.json").read_text())
    assert found["score"] == 0 and found["output"] == gradescope.UNFINISHED


def test_where_no_results_can_be_written_is_one_sentence(tmp_path: Path, capsys):
    (tmp_path / "results").write_text("a file")
    assert gradescope.main([str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_submission_is_graded_from_end_to_end(tmp_path: Path, bubblewrap: None):
    metadata = {"assignment": {"title": "A1"}}
    solved = json.dumps(handed_in("A1")).encode()
    folder = autograder(tmp_path, {"A1.zip": zipped({"A1.ipynb": solved})}, metadata)
    command = [sys.executable, "-m", "assignments.gradescope", folder, "--seed", "5"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=280)
    found = json.loads((folder / "results" / "results.json").read_text(encoding="utf-8"))
    earned = {test["name"]: test["score"] for test in found["tests"] if test["score"]}
    assert len(earned) == 9 and found["score"] == sum(earned.values()) == 45


# --- the process that owns the results ----------------------------------------------------

WATCHED = """
import subprocess, sys
from pathlib import Path
from assignments import gradescope

def run(name, folder, out, seed, minutes):
    (place := out / "gradescope" / "student").mkdir(parents=True)
    (place / "results.json").write_text('{"score": 3, "tests": []}')

gradescope._run = run
status = gradescope.main([sys.argv[1]])
opened = {"zipfile", "nbformat", "assignments.contents", "assignments.files"}
print(status, sorted(opened & {*sys.modules} - {*sys.argv[2:]}))
"""


def test_what_was_uploaded_is_opened_in_another_process(tmp_path: Path):
    folder = autograder(tmp_path, {"A3.zip": zipped({"A3/A3.ipynb": SOLVED})})
    # What the list of exercises needs is loaded in any case.
    needed = "import sys; from assignments import registry; print(*sys.modules)"
    python = [sys.executable, "-c"]
    loaded = subprocess.check_output([*python, needed], cwd=ROOT, text=True).split()
    done = subprocess.check_output(
        [*python, WATCHED, str(folder), *loaded], cwd=ROOT, text=True
    )
    assert done.splitlines()[-1] == "0 []"
    assert json.loads((folder / "results" / "results.json").read_text())["score"] == 3


def test_opening_it_takes_of_the_time_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    endless = [sys.executable, "-c", "import time; time.sleep(99)"]
    monkeypatch.setattr(gradescope, "UNPACKING", endless)
    start = time.monotonic()
    status, found = outcome(autograder(tmp_path, {"A3.ipynb": SOLVED}), "--minutes", "0.01")
    assert status == 0 and "longer than 0.01 minutes" in found["output"]
    assert time.monotonic() - start < 30


def test_where_it_cannot_be_opened_the_grader_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        gradescope, "UNPACKING", [sys.executable, "-c", "raise MemoryError"]
    )
    status, found = outcome(autograder(tmp_path, {"A3.ipynb": SOLVED}))
    assert status == 1 and found["score"] == 0 and gradescope.OURS in found["output"]
