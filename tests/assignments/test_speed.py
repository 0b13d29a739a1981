"""What grading a class costs: seconds, and that they do not grow with the class.

What is measured is kept in measured.json, and the pages say it. With ``RECORD_MEASURED=1``
in the environment, the tests marked ``weekly`` here and in test_class.py write it anew.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from handing_in import handed_in
from measuring import measured, record
from test_variants import REFUSED, notebook_of
from variants import VARIANTS, notebooks

from assignments import cgroups
from assignments.cgroups import Group
from tools.environment import ROOT

LIMIT = 120.0  # seconds for a hundred submissions of A4, on two cores
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Cost:
    """What grading a class took, in seconds."""

    wall: float  # on the clock
    own: float  # of computing, by the grader and all it ran
    others: float  # of computing, by everything else on the machine

    @property
    def alone(self) -> float:
        """What the clock would have shown on a quiet machine, about."""
        return self.wall - self.others / CORES


@contextmanager
def _counted() -> Iterator[tuple[Path, Callable[[], float]]]:
    """A control group that counts computing: its entrance, and how much there was so far.

    What a parent waits for does not hold all of it: closed processes are not waited for by
    whoever started the grader.
    """
    name = f"{cgroups.PREFIX}speed-{secrets.token_hex(4)}"
    old = Path("/sys/fs/cgroup/cpuacct")
    ours = cgroups.find()
    if os.geteuid() != 0 or not (old.is_dir() or ours.version == 2):
        pytest.skip("no control group can be made here; it counts what this is about")
    if old.is_dir():
        folder = inside = old / name
        folder.mkdir()
    else:  # the grader makes its own groups below the one that it is in
        folder = ours.parents["memory"] / name
        inside = folder / "grader"
        folder.mkdir()
        (folder / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        inside.mkdir()

    def seconds() -> float:
        if old.is_dir():
            return int((folder / "cpuacct.usage").read_text()) / 1e9
        words = (folder / "cpu.stat").read_text().split()
        return int(words[words.index("usage_usec") + 1]) / 1e6

    try:
        yield inside / "cgroup.procs", seconds
    finally:
        Group([inside]).end()
        for each in dict.fromkeys((inside, folder)):
            each.rmdir()


def _busy() -> float:
    """Seconds of computing on this machine since it started, for whomever."""
    times = psutil.cpu_times()._asdict()
    idle = ("idle", "iowait", "guest", "guest_nice")  # a guest's are its host's, too
    return sum(seconds for name, seconds in times.items() if name not in idle)


def _cost(place: Path, students: int) -> Cost:
    right = [v for v in VARIANTS if v.assignment == "A4" and v not in REFUSED]
    right = [v for v in right if not v.long]
    ways = [handed_in("A4"), *(notebook_of("A4", each) for each in notebooks(right))]
    folder = place / f"class of {students}"
    folder.mkdir()
    for number in range(students):
        text = json.dumps(ways[number % len(ways)])
        (folder / f"{number:03}.ipynb").write_text(text, encoding="utf-8")
    enter = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); "
    enter += "os.execv(sys.argv[2], sys.argv[2:])"
    command = [sys.executable, "-m", "assignments.grade", "A4", str(folder)]
    command += ["--out", str(place / f"graded {students}"), "--jobs", "2", "--seed", "5"]
    with _counted() as (entrance, seconds):
        busy, start = _busy(), time.monotonic()
        subprocess.run(
            [sys.executable, "-c", enter, str(entrance), *command],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        wall, busy, own = time.monotonic() - start, _busy() - busy, seconds()
    return Cost(wall, own, max(0.0, busy - own))


@pytest.mark.weekly
@pytest.mark.timeout(3000)
def test_a_hundred_submissions_take_two_minutes_and_no_more_each_than_ten(
    bubblewrap: None, tmp_path: Path
):
    """Beside others, the limit is for what the clock would show without them.

    One submission is graded first: what a run costs in any case is taken off.
    """
    costs = {n: _cost(tmp_path, n) for n in (1, 10, 100)}
    each = {
        n: (costs[n].own - costs[before].own) / (n - before)
        for before, n in ((1, 10), (10, 100))
    }
    found: dict[str, Any] = {
        str(n): {
            "seconds": round(cost.wall, 1),
            "without others": round(cost.alone, 1),
            "computing": round(cost.own, 1),
        }
        for n, cost in costs.items()
    }
    found |= {"cores": CORES, "each of 10": round(each[10], 2)}
    record("A4", found | {"each of 100": round(each[100], 2)})
    assert each[100] < 2 * each[10]  # computing; what grows with the class is ten times it
    assert costs[100].own / min(CORES, 2) < LIMIT
    assert costs[100].alone < LIMIT


def test_the_page_for_teachers_says_what_was_measured():
    page = " ".join((ROOT / "for-teachers.md").read_text(encoding="utf-8").split())
    cost = measured()["A4"]
    hundred = cost["100"]["computing"]
    assert (
        f"ten submissions of A4 computed for {cost['10']['computing']:.0f} seconds" in page
    )
    assert f"a hundred for {hundred:.0f}" in page
    assert f"{hundred / 2:.0f} on the clock of a quiet machine with two cores" in page
    assert hundred / 2 < LIMIT
