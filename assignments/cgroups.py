"""A control group of the kernel for each submission: memory, processes, processor time.

Memory in a group counts whatever holds it: processes, shared memory, files in memory. In
version 2 all controllers share one tree, of which a part may be ours to divide; in version
1 each has a tree of its own. A group is made below the one that the grader is in (or the
nearest above it that can be written to), and its limits are set there only.
"""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assignments.limits import Limits

PERIOD = 100_000  # microseconds; in each of them a group gets as many: one core
# Where all want a processor, a submission has the share of any other, however many
# processes it starts, and half of what the grader's own processes have.
WEIGHT, SHARES = 50, 512  # in version 2, where 100 is usual, and in 1, where 1024 is
PREFIX = "attention-measured-"
CONTROLLERS = ("memory", "pids", "cpu")


@dataclass(frozen=True)
class Group:
    """Where one submission's processes are counted and limited."""

    folders: Sequence[Path]  # one in version 2, one for each controller in version 1

    @property
    def entrances(self) -> list[str]:
        """The files into which a process writes its number to be in the group."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def end(self) -> None:
        """End every process in the group."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                _set(folder / "cgroup.kill", 1)
            for _ in range(50):
                with contextlib.suppress(OSError, ValueError):
                    inside = (folder / "cgroup.procs").read_text().split()
                    if not inside:
                        break
                    for number in inside:
                        os.kill(int(number), signal.SIGKILL)
                time.sleep(0.01)


@dataclass(frozen=True)
class Cgroups:
    """What this machine lets us make."""

    version: int  # 1 or 2; 0 where there is none
    parents: dict[str, Path]  # by controller

    def __bool__(self) -> bool:
        return "memory" in self.parents

    @contextmanager
    def group(self, limits: Limits) -> Iterator[Group | None]:
        """A new group, removed with all that runs in it; None where there is none."""
        name = PREFIX + secrets.token_hex(6)
        folders = {c: parent / name for c, parent in self.parents.items()}
        made = Group(list(dict.fromkeys(folders.values())))
        if not self:
            yield None
            return
        try:
            for folder in made.folders:
                folder.mkdir()
            for file, value in self._settings(limits, folders):
                try:
                    _set(file, value)
                except OSError:  # swap is not always counted; a part may not be ours
                    if file.name in ("memory.max", "memory.limit_in_bytes"):
                        raise
            yield made
        finally:
            made.end()
            for folder in made.folders:
                for _ in range(50):
                    with contextlib.suppress(OSError):
                        folder.rmdir()
                    if not folder.exists():
                        break
                    time.sleep(0.02)

    def _settings(
        self, limits: Limits, folders: dict[str, Path]
    ) -> Iterator[tuple[Path, int | str]]:
        processes = limits.processes + 16  # and those around the answer's
        if self.version == 2:
            yield folders["memory"] / "memory.max", limits.memory
            yield folders["memory"] / "memory.swap.max", 0
            if "pids" in folders:
                yield folders["pids"] / "pids.max", processes
            if "cpu" in folders:
                yield folders["cpu"] / "cpu.max", f"{PERIOD} {PERIOD}"
                yield folders["cpu"] / "cpu.weight", WEIGHT
            return
        yield folders["memory"] / "memory.limit_in_bytes", limits.memory
        yield folders["memory"] / "memory.memsw.limit_in_bytes", limits.memory
        if "pids" in folders:
            yield folders["pids"] / "pids.max", processes
        if "cpu" in folders:
            yield folders["cpu"] / "cpu.cfs_period_us", PERIOD
            yield folders["cpu"] / "cpu.cfs_quota_us", PERIOD
            yield folders["cpu"] / "cpu.shares", SHARES


def find(
    mounts: Path = Path("/proc/self/mounts"), own: Path = Path("/proc/self/cgroup")
) -> Cgroups:
    """What can be had here, tried out by making a group and removing it."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
        groups = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return Cgroups(0, {})
    for _, place, kind, *_ in lines:
        if kind == "cgroup2":
            for parent in _upwards(Path(place), _own(groups, "")):
                ours = [
                    c for c in CONTROLLERS if c in _words(parent / "cgroup.subtree_control")
                ]
                if "memory" in ours and _writable(parent):
                    return Cgroups(2, dict.fromkeys(ours, parent))
    parents: dict[str, Path] = {}
    for _, place, kind, options, *_ in lines:
        for controller in CONTROLLERS:
            if kind == "cgroup" and controller in options.split(","):
                above = _upwards(Path(place), _own(groups, controller))
                found = next((p for p in above if _writable(p)), None)
                if found:
                    parents[controller] = found
    return Cgroups(1, parents) if "memory" in parents else Cgroups(0, {})


def above(controller: str, mounts: Path, own: Path) -> list[Path]:
    """The groups of a controller that this process is in, the nearest first."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
        groups = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return []
    found: list[Path] = []
    for _, place, kind, options, *_ in lines:
        if kind == "cgroup2":
            found += _upwards(Path(place), _own(groups, ""))
        elif kind == "cgroup" and controller in options.split(","):
            found += _upwards(Path(place), _own(groups, controller))
    return found


def _own(groups: Sequence[Sequence[str]], controller: str) -> str:
    """The group of this process, as a path below the tree's root."""
    for _, controllers, path in groups:
        if controller in controllers.split(","):
            return path.strip("/")
    return ""


def _upwards(root: Path, path: str) -> list[Path]:
    """The group and those above it, the nearest first."""
    here = root / path
    return [p for p in (here, *here.parents) if p == root or root in p.parents]


def _writable(parent: Path) -> bool:
    """Whether a group can be made here and a process moved into it."""
    probe = parent / (PREFIX + secrets.token_hex(6))
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return os.access(probe / "cgroup.procs", os.W_OK) and os.access(
            parent / "cgroup.procs", os.W_OK
        )
    finally:
        probe.rmdir()


def _words(file: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return file.read_text().split()
    return []


def _set(file: Path, value: int | str) -> None:
    with file.open("r+") as opened:  # never made where it is not there
        opened.write(str(value))
