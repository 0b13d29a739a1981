"""Closed processes for answers: limits on time, memory, processes, files and network.

With bubblewrap a submission's processes see Python, the library and an empty folder, and
nothing else: no other file, no network, no other process. Without it, limits of the kernel
remain, and ``WARNING`` says what is not prevented.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checks
import seq2seq_lib
from assignments.box.transport import pack
from assignments.conversation import Outcome, converse
from assignments.limits import MIB, Limits

BOX = Path(__file__).parent / "box"
KINDS = ("auto", "bubblewrap", "limits")
FIRST_USER = 60_000  # with the slot added: the user that owns nothing, where we are root

HOME = "/answer"  # the one folder that can be written to
WARNING = (
    "Graded without bubblewrap: limits on time, memory and processes held, but a "
    "submission could read and write what you can read and write, end your other programs, "
    "and use the network. Install bubblewrap (Debian: apt install bubblewrap) to close "
    "that."
)


@dataclass(frozen=True)
class Job:
    """One answer to run."""

    key: str  # the exercise
    setup: Sequence[str]  # cells that run first
    others: Sequence[str]  # definitions of the student's other cells
    answer: str  # the cell that answers
    cases: Sequence[dict[str, Any]]  # the inputs of each
    limits: Limits


class Sandbox:
    """Starts closed processes.

    Args:
        kind: ``bubblewrap``, ``limits``, or ``auto`` for bubblewrap where it works.

    Raises:
        ValueError: ``kind`` is not known, or cannot be had on this machine.
    """

    def __init__(self, kind: str = "auto") -> None:
        if kind not in KINDS:
            raise ValueError(f"sandbox={kind!r} is not an option; choose of {KINDS}.")
        if os.name != "posix":
            raise ValueError("Grading needs Linux or macOS; on Windows use WSL.")
        if kind != "limits" and not works():
            if kind == "bubblewrap":
                raise ValueError(
                    "bubblewrap (bwrap) is not installed or may not make namespaces "
                    "here; install it (Debian: apt install bubblewrap), or choose "
                    "--sandbox limits."
                )
            if kind == "auto" and os.geteuid() == 0 and not _readable_by_all():
                raise ValueError(
                    "You are root and bubblewrap (bwrap) does not work here, so students' "
                    "code could do anything. Install bubblewrap (Debian: apt install "
                    "bubblewrap), grade as an ordinary user, or choose --sandbox limits "
                    "on a machine that holds nothing else."
                )
            kind = "limits"
        self.kind = "bubblewrap" if kind == "auto" else kind

    def run(
        self, jobs: Sequence[Job], public: Sequence[Path], slot: int = 0
    ) -> list[Outcome]:
        """Run the jobs of one submission, one after another, each in its own process.

        Never takes longer than their limits together. A job that brings down more than
        itself costs no other: the rest are started anew.

        Args:
            jobs: the answers.
            public: the module with the exercises, and what it imports beside it.
            slot: submissions that run at the same time have different slots.
        """
        outcomes: list[Outcome] = []
        while len(outcomes) < len(jobs):
            outcomes += self._run_some(jobs[len(outcomes) :], public, slot)
        return outcomes

    def _run_some(
        self, jobs: Sequence[Job], public: Sequence[Path], slot: int
    ) -> list[Outcome]:
        """Outcomes of the first jobs, at least one: as many as the process survives."""
        closed = self.kind == "bubblewrap"
        user = FIRST_USER + slot if closed or _readable_by_all() else 0
        token = secrets.token_hex(8)
        pipes = [os.pipe() for _ in jobs]
        reads, writes = [read for read, _ in pipes], [write for _, write in pipes]
        with (
            tempfile.TemporaryDirectory(prefix="answers-") as folder,
            tempfile.TemporaryFile() as stdin,
        ):
            if os.geteuid() == 0 and user:
                os.chown(folder, user, user)
            order = {
                "module": public[0].stem,
                "closed": closed,
                "folder": HOME if closed else folder,
                "jobs": [
                    {
                        "key": job.key,
                        "setup": list(job.setup),
                        "others": list(job.others),
                        "answer": job.answer,
                        "cases": list(job.cases),
                        "seconds": job.limits.seconds,
                        "limits": job.limits.of_kernel(0 if closed else _running()),
                        "user": user,
                        "channel": write,
                    }
                    for job, write in zip(jobs, writes, strict=True)
                ],
            }
            stdin.write(pack(order))
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    self._command(public, folder, jobs[0].limits),
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=writes,
                    env=_environment(folder, token),
                    cwd=folder,
                    start_new_session=True,
                )
            finally:
                for write in writes:
                    os.close(write)
            outcomes: list[Outcome] = []
            try:
                before = 0.0  # the most that the job before may still take
                for job in jobs:
                    outcome, alive = converse(reads[0], job.limits, before)
                    os.close(reads.pop(0))
                    outcomes.append(outcome)
                    before = job.limits.seconds
                    if not alive:
                        break
            finally:
                for read in reads:
                    os.close(read)
                _end(process, token)
        return outcomes

    def _command(self, public: Sequence[Path], folder: str, limits: Limits) -> list[str]:
        python = [sys.executable, "-I", "-B"]
        if self.kind == "limits":
            for path in (*BOX.glob("*.py"), *public):
                if path.is_dir():
                    shutil.copytree(path, os.path.join(folder, path.name))
                else:
                    shutil.copy(path, folder)
            return [*python, os.path.join(folder, "worker.py")]
        return [
            *_bubblewrap(_needed()),
            *("--perms", "1777", "--size", str(limits.disk), "--tmpfs", HOME),
            *("--dir", "/box"),
            *("--ro-bind", str(BOX / "worker.py"), "/box/worker.py"),
            *("--ro-bind", str(BOX / "transport.py"), "/box/transport.py"),
            *(word for p in public for word in ("--ro-bind", str(p), f"/box/{p.name}")),
            *("--remount-ro", "/", "--chdir", HOME),
            *("--", *python, "/box/worker.py"),
        ]


def works() -> bool:
    """Whether bubblewrap is here and may close a process."""
    if not shutil.which("bwrap"):
        return False
    tried = subprocess.run(
        [*_bubblewrap([]), "--", "/bin/sh", "-c", "exit 0"],
        capture_output=True,
        timeout=30,
    )
    return tried.returncode == 0


def _needed() -> list[Path]:
    """The folders that Python, its packages, the library and the checks live in."""
    ours = [Path(p).resolve() for p in (*seq2seq_lib.__path__, *checks.__path__)]
    folders = [Path(sys.base_prefix), Path(sys.prefix), *ours]
    kept: list[Path] = []
    for path in dict.fromkeys(p for f in folders for p in (f, f.resolve())):
        if not any(path.is_relative_to(p) for p in (*kept, Path("/usr"))):
            kept.append(path)
    return kept


def _readable_by_all() -> bool:
    """Whether another user could read Python and the library."""
    folders = {p for f in _needed() for p in (f, *f.parents)}
    return all(p.stat().st_mode & 0o005 == 0o005 for p in folders)


def _running() -> int:
    """How many processes and threads this user has (0 where nobody counts them)."""
    count = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == os.getuid():
                count += len(os.listdir(entry / "task"))
    return count


def _bubblewrap(folders: list[Path]) -> list[str]:
    command = ["bwrap", "--die-with-parent", "--new-session", "--clearenv"]
    command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # Root needs no user namespace; it keeps only the rights to become someone else
        # and to clear up behind it. The child that runs an answer keeps none of this.
        command += ["--cap-drop", "ALL"]
        for right in ("SETUID", "SETGID", "KILL", "DAC_OVERRIDE"):
            command += ["--cap-add", f"CAP_{right}"]
    else:
        command += ["--unshare-user"]
    for name in ("/usr", "/bin", "/lib", "/lib64"):
        command += ["--ro-bind-try", name, name]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    command += ["--dev", "/dev", "--proc", "/proc"]
    command += ["--perms", "1777", "--size", str(16 * MIB), "--tmpfs", "/dev/shm"]
    command += ["--remount-ro", "/dev"]
    # Folders on the way get rights of their own: /root is closed to others outside.
    above = {p for f in folders for p in f.parents if p != Path("/")}
    for path in sorted(above, key=lambda p: len(p.parts)):
        command += ["--dir", str(path)]
    for path in folders:
        command += ["--ro-bind", str(path), str(path)]
    for name, value in _environment(HOME, "").items():
        command += ["--setenv", name, value]
    return command


def _environment(home: str, token: str) -> dict[str, str]:
    return {
        "HOME": home,
        "TMPDIR": home,
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "student",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ANSWER_TOKEN": token,
    }


def _end(process: subprocess.Popen[bytes], token: str) -> None:
    """Leave nothing running: the process, its group, and what left the group."""
    for ending in (lambda: os.killpg(process.pid, signal.SIGKILL), process.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            ending()
    process.wait()
    mark = f"ANSWER_TOKEN={token}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in entry.read_bytes():
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue
