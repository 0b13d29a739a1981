"""What closes answers in on this machine, found out by trying, and said in words."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from assignments import cgroups, system_calls
from assignments.box import rights

INSTALL = "Install bubblewrap (Debian: apt install bubblewrap) to close that."
WARNING = (
    "Graded without bubblewrap: "  # how the words begin that a run without it ends with
)
# What a control group may hold, by its controller.
COUNTED = {"memory": "memory", "pids": "processes", "cpu": "processor time"}


@dataclass(frozen=True)
class Host:
    """What holds while answers run."""

    closed: bool  # bubblewrap: they see no file, no network and no process but their own
    own_user: bool  # each submission has a user of its own
    root: bool  # whether we are root
    calls: bool  # a filter of system calls
    files: bool  # Landlock: they see the files that they need
    signals: bool  # Landlock: they reach no process but their own
    groups: int  # the version of the cgroups that hold memory and processes; 0 for none
    measured: bool  # memory can be measured, where no cgroup holds it
    address_space: bool  # the kernel limits the memory of each process
    controllers: tuple[str, ...] = tuple(COUNTED)  # what the cgroups hold

    @property
    def held(self) -> list[str]:
        """What is in force, in a few words each."""
        counted = [COUNTED[name] for name in COUNTED if name in self.controllers]
        parts = {
            "bubblewrap": self.closed,
            f"{', '.join(counted)} by cgroup (version {self.groups})": self.groups > 0,
            "memory and processor time measured from outside": (
                not self.groups and self.measured
            ),
            "a filter of system calls": self.calls,
            "Landlock": self.files,
            "a user of its own for each submission": self.own_user,
        }
        return [words for words, there in parts.items() if there]

    @property
    def missing(self) -> list[str]:
        """What an answer could do, as ends of a sentence; empty where nothing is known."""
        whose = "what every user of this machine can" if self.own_user else "what you can"
        reads = not (self.closed or self.files)
        parts = {
            f"read and write {whose}": reads,
            "end your other programs": not (self.closed or self.own_user or self.signals),
            "use the network": not (self.closed or self.calls),
            "leave programs and files behind": reads and not self.own_user,
            "act as root": self.root and not self.own_user and not self.closed,
            "reach parts of the kernel that it does not need": not self.calls,
            "fill the memory with many processes": not (self.groups or self.measured),
            "fill the memory with one process": not (
                self.groups or self.measured or self.address_space
            ),
        }
        return [words for words, there in parts.items() if there]

    def told(self) -> str:
        """What held and what did not, in one or two sentences."""
        held = f"limits on time; {'; '.join(self.held)}" if self.held else "limits on time"
        missing = self.missing
        could = ""
        if missing:
            end = f" and {missing[-1]}" if missing[1:] else missing[-1]
            could = f", but an answer could {', '.join(missing[:-1])}{end}"
        if not self.closed:
            return f"{WARNING}what held: {held}{could}. {INSTALL}"
        return f"Graded with {'; '.join(self.held)}{could}."


def find(closed: bool, groups: cgroups.Cgroups, own_user: bool) -> Host:
    """What this machine has beside bubblewrap."""
    linux = sys.platform == "linux"
    version = 0 if closed else rights.landlock()
    return Host(
        closed=closed,
        own_user=own_user,
        root=os.geteuid() == 0,
        calls=filtered(),
        files=version > 0,
        signals=version >= 6,
        groups=groups.version,
        measured=Path("/proc/self/stat").exists(),
        address_space=linux or _limited(),
        controllers=tuple(groups.parents),
    )


def filtered() -> bool:
    """Whether the kernel takes our filter; tried in a process of its own."""
    program = system_calls.program()
    if sys.platform != "linux" or not program:
        return False
    lines = [
        f"import sys; sys.path.insert(0, {str(Path(rights.__file__).parent)!r})",
        f"import rights; rights.filter_calls(bytes.fromhex({program.hex()!r}))",
    ]
    return _runs("\n".join(lines))


def _limited() -> bool:
    return _runs("import resource as r; r.setrlimit(r.RLIMIT_AS, (4 << 30, 4 << 30))")


def _runs(code: str) -> bool:
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True)
    return done.returncode == 0
