"""A class with many hostile submissions, on a machine that has little memory.

The grader's command runs in a control group of 3 GB, the answers within it. Whoever is
honest earns what the reference earns, whoever is not earns nothing for it, the trusted
side stays small, and nothing is left behind. ``own_attacks.py`` says what is tried.
"""

import contextlib
import csv
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
import pytest
from attacks import ATTACKS as EARLIER
from handing_in import handed_in, unseen
from measuring import record
from narrow_grade import KEYS
from own_attacks import ANSWERS, ATTACKS, BOTH, CLOSED, OPEN, REPORTED, Attack
from test_variants import notebook_of
from variants import VARIANTS, notebooks

from assignments import cgroups, registry, watching
from assignments.box import leftovers
from assignments.cgroups import Group
from assignments.limits import MIB
from tools.environment import ROOT

# Memory is measured, and processes are counted.
pytestmark = [pytest.mark.alone, pytest.mark.timeout(1500)]

MOST = 3072 * MIB  # of the grader and all it runs
TRUSTED = 1024 * MIB  # of the owner, the server and the clerks together
HONEST = 40
ATTACKED = "pool"
NARROW = [str(Path(__file__).with_name("narrow_grade.py"))]
WHOLE = ["-m", "assignments.grade"]
# Earlier attacks on memory, time, disk and the channel that go beside one's own.
BESIDE = (
    "an endless loop that ignores signals",
    "a fork bomb",
    "memory in many processes",
    "a full disk",
    "a full shared memory",
    "killing everything it can",
    "messages that it failed with nothing",
)


@dataclass
class Graded:
    """A class that was graded, and what was seen meanwhile."""

    out: Path
    status: int
    told: str
    rows: dict[str, dict[str, dict[str, str]]]  # by student and question
    trusted: int  # bytes, at the most
    peak: int  # bytes of the grader and all it ran, page cache included
    left: list[str] = field(default_factory=list)


def _peak(group: Group) -> int:
    """The most memory that a group has held, with those in it; 0 where nobody counted."""
    top = group.folders[0]
    top = top if top.name.startswith(cgroups.PREFIX) else top.parent
    for name in ("memory.peak", "memory.max_usage_in_bytes"):
        with contextlib.suppress(OSError):
            return int((top / name).read_text())
    return 0


@contextmanager
def _room(most: int) -> Iterator[Group]:
    """A control group with so much memory, in which the grader makes its own."""
    ours = cgroups.find()
    if not ours or os.geteuid() != 0:
        pytest.skip("no cgroup can be limited here; its memory is what this is about")
    folder = ours.parents["memory"] / f"{cgroups.PREFIX}class-{secrets.token_hex(4)}"
    folder.mkdir()
    inside = folder
    if ours.version == 2:  # who is in a group may not divide it
        (folder / "memory.max").write_text(str(most))
        (folder / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        inside = folder / "grader"
        inside.mkdir()
    else:
        (folder / "memory.limit_in_bytes").write_text(str(most))
        with contextlib.suppress(OSError):  # swap is not always counted
            (folder / "memory.memsw.limit_in_bytes").write_text(str(most))
    group = Group([inside])
    try:
        yield group
    finally:
        group.end()
        for each in dict.fromkeys((inside, folder)):
            each.rmdir()  # which needs that nobody, and no group, is in it


def _trusted(owner: int) -> Iterator[int]:
    """The owner, its server, and the server's clerks; not what was started for answers."""
    yield owner
    with contextlib.suppress(psutil.Error):
        command = psutil.Process(owner).cmdline()
        for server in psutil.Process(owner).children():
            yield server.pid
            for clerk in server.children():
                with contextlib.suppress(psutil.Error):
                    if clerk.cmdline() == command:
                        yield clerk.pid


def _written(folder: Path, name: str, notebook: nbformat.NotebookNode) -> None:
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def _hand_in(folder: Path, honest: int, places: dict[str, str], kind: str) -> None:
    right = [v for v in VARIANTS if v.assignment == "A1"]
    ways = [handed_in("A1"), *(notebook_of("A1", each) for each in notebooks(right))]
    for number in range(honest):
        _written(folder, f"honest {number:03}", ways[number % len(ways)])
    answers = [(a.name, a.source) for a in ANSWERS if a.runs_in(kind)]
    answers += [(name, source) for name, source, _ in EARLIER if name in BESIDE]
    for name, source in answers:
        for word, value in places.items():
            source = source.replace(f'"{word}"', f'"{value}"')
        _written(folder, name, handed_in("A1", {ATTACKED: unseen(source)}))
    for attack in ATTACKS:
        if attack.write and attack.runs_in(kind):
            (folder / attack.name).mkdir()
            attack.write(folder / attack.name)


def _grade(base: Path, command: list[str], honest: int, kind: str = CLOSED) -> Graded:
    folder, out, temporary = base / "submissions", base / "graded", base / "tmp"
    for each in (folder, temporary):
        each.mkdir()
    base.chmod(0o755)
    _hand_in(folder, honest, {"ROOT": str(ROOT), "OUT": str(out)}, kind)
    shared = set(os.listdir("/dev/shm"))
    command = [sys.executable, *command, "A1", str(folder), "--out", str(out)]
    command += ["--jobs", "2", "--sandbox", kind, "--seed", "5"]
    trusted = 0
    with _room(MOST) as group, (base / "told").open("w+") as told:
        # As the program itself enters the group, none of it is outside.
        enter = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); "
        enter += "os.execv(sys.argv[2], sys.argv[2:])"
        process = subprocess.Popen(
            [sys.executable, "-c", enter, group.entrances[0], *command],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=told,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.poll() is None:
                found = sum(watching.memory(pid) for pid in _trusted(process.pid))
                trusted = max(trusted, found)
                time.sleep(0.1)
        finally:
            process.kill()
        left = [
            Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
            for place in group.folders[0].parent.rglob("cgroup.procs")
            if cgroups.PREFIX + "class" in str(place)
            for pid in place.read_text().split()
        ]
        peak = _peak(group)
        leftovers.empty([str(folder)])  # deeper than others can remove
        told.seek(0)
        text = told.read()
    left += [f"TMPDIR/{name}" for name in os.listdir(temporary)]
    left += [f"/dev/shm/{name}" for name in {*os.listdir("/dev/shm")} - shared]
    rows: dict[str, dict[str, dict[str, str]]] = {}
    with contextlib.suppress(OSError), (out / "grades.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["student"], {})[row["question"]] = row
    kind = "bubblewrap" if kind == CLOSED else "without bubblewrap"
    hostile = sum(not student.startswith("honest") for student in rows)
    found = {"hostile": hostile, "trusted MiB": trusted // MIB, "all MiB": peak // MIB}
    record(f"{honest} honest, {kind}", found)
    return Graded(out, process.returncode, text, rows, trusted, peak, left)


@pytest.fixture(scope="module")
def graded(bubblewrap: None, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    return _grade(tmp_path_factory.mktemp("class"), NARROW, HONEST)


def _points(row: dict[str, str]) -> tuple[float, float]:
    return float(row["points"] or 0), float(row["max_points"])


def _honest_lost(graded: Graded) -> dict[str, str]:
    """Which honest students did not earn everything, and why."""
    return {
        f"{student} {key}": row["reason"] or "no reason"
        for student, rows in graded.rows.items()
        if student.startswith("honest")
        for key, row in rows.items()
        if key in registry.exercises("A1") and len({*_points(row)}) > 1
    }


def _silent(graded: Graded) -> list[str]:
    """Rows that lost points and do not say why."""
    return [
        f"{student} {key}"
        for student, rows in graded.rows.items()
        for key, row in rows.items()
        if _points(row)[0] < _points(row)[1] and not row["reason"].strip()
    ]


def test_there_are_enough_kinds_and_each_says_what_it_tries():
    names = {attack.name for attack in ATTACKS}
    assert names > REPORTED and len(names) == len(ATTACKS)
    assert len(ATTACKS) >= 30 and len(names - REPORTED) >= 25
    assert not {attack.name for attack in ATTACKS} & {name for name, *_ in EARLIER}
    for attack in ATTACKS:
        assert attack.tries and attack.mode in (BOTH, CLOSED, OPEN)
        assert bool(attack.source) != bool(attack.write)
    assert {*BESIDE} <= {name for name, *_ in EARLIER}


def _wrong(graded: Graded, honest: int) -> dict[str, object]:
    """What is not as it should be in a class, by what it is."""
    found = {
        "honest students": sum(s.startswith("honest") for s in graded.rows) - honest,
        "honest points lost": _honest_lost(graded),
        "rows without a reason": _silent(graded),
        "points of attacks": {
            attack.name: rows[ATTACKED]
            for attack in ATTACKS
            if (rows := graded.rows.get(attack.name)) and _points(rows[ATTACKED])[0]
        },
        "MiB of the trusted side": graded.trusted // MIB * (graded.trusted >= TRUSTED),
        "left": graded.left,
    }
    return {what: each for what, each in found.items() if each}


def test_the_honest_earn_what_the_reference_earns(graded: Graded):
    assert sum(student.startswith("honest") for student in graded.rows) == HONEST
    assert not _honest_lost(graded), graded.told


def _not_as_owed(graded: Graded, attack: Attack) -> dict[str, dict[str, str]]:
    """The questions with other points than theirs: none for the attack, all elsewhere."""
    rows = graded.rows[attack.name]
    attacked = rows[ATTACKED]
    found = {
        key: rows[key] for key in {*KEYS} - {ATTACKED} if len({*_points(rows[key])}) > 1
    }
    if _points(attacked)[0] or not attacked["reason"].strip():
        found[ATTACKED] = attacked
    return found


@pytest.mark.parametrize(
    "attack", [a for a in ANSWERS if a.runs_in(CLOSED)], ids=lambda attack: attack.name
)
def test_an_attack_earns_nothing_and_costs_no_other_question(
    graded: Graded, attack: Attack
):
    assert _not_as_owed(graded, attack) == {}


@pytest.mark.parametrize(
    "attack", [a for a in ATTACKS if a.write], ids=lambda attack: attack.name
)
def test_a_submission_that_is_an_attack_earns_nothing(graded: Graded, attack: Attack):
    rows = graded.rows[attack.name]
    assert _points(rows[ATTACKED])[0] == 0 and rows[ATTACKED]["reason"].strip()


def test_every_row_that_lost_says_why(graded: Graded):
    assert not _silent(graded)
    reasons = [row["reason"] for rows in graded.rows.values() for row in rows.values()]
    assert max(map(len, reasons)) <= 1100
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", "".join(reasons))


def test_the_trusted_side_stays_small(graded: Graded):
    assert 100 * MIB < graded.trusted < TRUSTED, graded.trusted / MIB


def test_nothing_is_left(graded: Graded):
    assert not graded.left
    assert graded.status in (0, 1)  # 1: who could not be read is tried again


def test_two_are_graded_at_a_time_if_there_is_memory(graded: Graded):
    assert "submissions are graded at the same time" not in graded.told


# --- once a week --------------------------------------------------------------------------


@pytest.mark.weekly
@pytest.mark.timeout(3600)
def test_a_class_of_two_hundred_is_graded_beside_them(bubblewrap: None, tmp_path: Path):
    """All questions, and the limits that a class has."""
    assert _wrong(_grade(tmp_path, WHOLE, 200), 200) == {}


@pytest.fixture(scope="module")
def open_class(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    return _grade(tmp_path_factory.mktemp("open"), NARROW, 4, OPEN)


@pytest.mark.weekly
def test_without_bubblewrap_the_honest_lose_nothing(open_class: Graded):
    assert _wrong(open_class, 4) == {}


@pytest.mark.weekly
@pytest.mark.parametrize(
    "attack", [a for a in ANSWERS if a.runs_in(OPEN)], ids=lambda attack: attack.name
)
def test_without_bubblewrap_an_attack_costs_no_other_question(
    open_class: Graded, attack: Attack
):
    assert _not_as_owed(open_class, attack) == {}
