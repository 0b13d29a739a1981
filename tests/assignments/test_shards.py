"""Parts of a class that are graded apart, and joined."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from handing_in import handed_in

from assignments import desk, grade, runs
from assignments.answers import find_answer
from assignments.records import Row
from assignments.registry import exercises, verdicts
from assignments.runs import Shard

SIZE = 7  # students: three parts of different sizes


def _rows(found: Any, assignment: str, asked: Any, box: Any, seed: int, *rest: Any) -> Any:
    """Answers without closed processes; the seed stands in the reason."""
    rows = []
    for question in asked:
        exercise = exercises(assignment)[question.key]
        answer = find_answer(found, assignment, exercise)
        said = verdicts(assignment, question.key, answer.source, seed)
        points = sum(verdict.points for verdict in said)
        reason = f"Seed {seed}."
        rows.append(Row(question.key, points, question.max_points, reason, said))
    return rows


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    everything = grade.questions
    monkeypatch.setattr(desk, "coded_rows", _rows)
    monkeypatch.setattr(
        grade,
        "questions",
        lambda a: [q for q in everything(a) if q.written or q.key == "pad"],
    )
    path = tmp_path / "in"
    path.mkdir()
    for number in range(SIZE):
        changes = {"why-agree": f"Because {number}."}
        if number % 2:
            changes["pad"] = "def pad(*args):\n    return None"
        notebook = json.dumps(handed_in("A1", changes))
        (path / f"s{number}.ipynb").write_text(notebook, encoding="utf-8")
    return path


def _grade(folder: Path, out: Path, shard: str = "", **more: Any) -> list[str]:
    part = Shard.parse(shard) if shard else None
    graded = grade.grade("A1", folder, out, 1, "limits", progress=False, shard=part, **more)
    return [one.student for one in graded]


def _files(out: Path) -> dict[str, bytes]:
    """Everything that a run leaves, but locks."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.startswith(runs.LOCK)
    }


def test_three_parts_are_joined_to_what_one_run_gives(folder: Path, tmp_path: Path):
    _grade(folder, tmp_path / "whole", seed=3)
    out = tmp_path / "out"
    parts = [_grade(folder, out, f"{number}/3", seed=3) for number in (3, 1, 2)]
    assert sorted(map(len, parts)) == [2, 2, 3]
    assert len({student for part in parts for student in part}) == SIZE
    assert not (out / "grades.csv").exists()
    before = {p: p.stat().st_mtime_ns for p in (out / "students").iterdir()}
    assert len(_grade(folder, out)) == SIZE
    assert before == {p: p.stat().st_mtime_ns for p in (out / "students").iterdir()}
    assert _files(out) == _files(tmp_path / "whole")


def test_a_part_that_is_missing_is_graded_by_the_plain_command(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    _grade(folder, tmp_path / "out", "2/3")
    (folder / "s0.ipynb").rename(folder / "a new one.ipynb")
    assert len(_grade(folder, tmp_path / "out")) == SIZE
    assert "2 of 7 are graded already and kept" in capsys.readouterr().out


def _part(folder: Path, out: Path, shard: str) -> None:
    _grade(folder, out, shard)


def test_parts_that_begin_together_ask_the_same(folder: Path, tmp_path: Path):
    """Without --seed, whoever comes first draws it for all."""
    fork = multiprocessing.get_context("fork")
    out = tmp_path / "out"
    parts = [fork.Process(target=_part, args=(folder, out, f"{n}/3")) for n in (1, 2, 3)]
    for part in parts:
        part.start()
    for part in parts:
        part.join(120)
        assert part.exitcode == 0
    seed = runs.read_run(out).seed
    kept = [runs.stored(path) for path in (out / "students").glob("*.json")]
    assert len(kept) == SIZE
    assert {one.rows[0].reason for one in kept if one} == {f"Seed {seed}."}


def test_a_part_is_graded_once_at_a_time_and_none_beside_the_whole(
    folder: Path, tmp_path: Path
):
    out, busy = tmp_path / "out", "Another grader is at work"
    with runs.locked(out, Shard(1, 3)):
        with pytest.raises(ValueError, match=busy):
            _grade(folder, out, "1/3")
        with pytest.raises(ValueError, match=busy):
            _grade(folder, out)
        assert len(_grade(folder, out, "2/3")) == 2
    with runs.locked(out), pytest.raises(ValueError, match=busy):
        _grade(folder, out, "3/3")
    assert len(_grade(folder, out)) == SIZE


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "-1/3", "1/0", "a/b", "²/3"])
def test_what_is_no_part_is_one_sentence(text: str):
    with pytest.raises(ValueError, match="is no part; write 2/3"):
        Shard.parse(text)


def test_a_part_may_be_empty(folder: Path, tmp_path: Path):
    assert _grade(folder, tmp_path / "out", "9/9") == []


def test_the_command_line_tells_how_to_join(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    out = tmp_path / "out"
    words = ["A1", str(folder), "--out", str(out), "--sandbox", "limits", "--shard"]
    assert grade.main([*words, "1/3"]) == 0
    assert "3 submissions of this part graded" in (told := capsys.readouterr().out)
    assert "without --shard: it joins them" in told
    assert grade.main([*words, "3"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
