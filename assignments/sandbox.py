"""A closed process for one answer: limits on time, memory, processes, files and network.

With bubblewrap the process sees Python, the library and an empty folder, and nothing else:
no other file, no network, no other process. Without it, limits of the kernel remain, and
``Sandbox.warning`` says what is not prevented.
"""

import contextlib
import os
import secrets
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import seq2seq_lib
from assignments.box.transport import pack, unpack

BOX = Path(__file__).parent / "box"
KINDS = ("auto", "bubblewrap", "limits")
LENGTH = struct.Struct(">Q")
FIRST_USER = 60_000  # with the slot added: the user that owns nothing, where we are root

HOME = "/answer"  # the one folder that can be written to
MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one answer may use.

    Args:
        seconds: from the moment the student's code starts until its last answer.
        start_seconds: for Python and PyTorch to start, before that.
        memory: bytes of address space.
        processes: processes and threads.
        disk: bytes that may be written.
        answer: bytes that may be sent.
    """

    seconds: float = 20.0
    start_seconds: float = 120.0
    memory: int = 4096 * MIB
    processes: int = 32
    disk: int = 64 * MIB
    answer: int = 32 * MIB

    def of_kernel(self) -> dict[str, int]:
        """The limits that the kernel keeps, by their names in ``resource``."""
        return {
            "AS": self.memory,
            "CPU": int(self.seconds + 30),
            "FSIZE": self.disk,
            "NPROC": self.processes,
            "NOFILE": 256,
            "CORE": 0,
        }


@dataclass
class Outcome:
    """What came out of a closed process.

    Args:
        answers: the message of each case that was answered, by its number.
        ending: why the process did not come to its end, as a sentence; empty if it did.
        started: whether the student's code was reached.
        reached: whether the cell of the answer itself was reached.
    """

    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    ending: str = ""
    started: bool = False
    reached: bool = False


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
            kind = "limits"
        self.kind = "bubblewrap" if kind == "auto" else kind

    @property
    def warning(self) -> str:
        """What this sandbox does not prevent; empty where it closes everything."""
        if self.kind == "bubblewrap":
            return ""
        return (
            "Graded without bubblewrap: limits on time, memory and processes held, but a "
            "submission could read and write what you can read and write, and use the "
            "network. Install bubblewrap (Debian: apt install bubblewrap) to close that."
        )

    def run(
        self, job: dict[str, Any], checks: Path, limits: Limits, slot: int = 0
    ) -> Outcome:
        """Run one job and wait for it; never longer than its limits.

        Args:
            job: what ``box/worker.py`` reads: module, key, setup, others, answer, cases.
            checks: the file with the exercises.
            limits: what it may use.
            slot: jobs that run at the same time have different slots.
        """
        closed = self.kind == "bubblewrap"
        user = FIRST_USER + slot if closed or _readable_by_all() else 0
        kernel = limits.of_kernel()
        if not closed:
            kernel["NPROC"] += _running()  # the kernel counts all that the user runs
        with (
            tempfile.TemporaryDirectory(prefix="answer-") as folder,
            tempfile.TemporaryFile() as stdin,
        ):
            token = secrets.token_hex(8)
            if os.geteuid() == 0 and user:
                os.chown(folder, user, user)
            place = HOME if closed else folder
            stdin.write(pack({**job, "limits": kernel, "user": user, "folder": place}))
            stdin.seek(0)
            read, write = os.pipe()
            try:
                process = subprocess.Popen(
                    self._command(checks, folder, write, limits),
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(write,),
                    env=_environment(folder, token),
                    cwd=folder,
                    start_new_session=True,
                )
            finally:
                os.close(write)
            try:
                return _converse(process, read, limits)
            finally:
                os.close(read)
                _end(process, token)

    def _command(
        self, checks: Path, folder: str, channel: int, limits: Limits
    ) -> list[str]:
        python = [sys.executable, "-I", "-B"]
        if self.kind == "limits":
            for file in (*BOX.glob("*.py"), checks):
                shutil.copy(file, folder)
            return [*python, os.path.join(folder, "worker.py"), str(channel)]
        return [
            *_bubblewrap(_needed()),
            *("--perms", "1777", "--size", str(limits.disk), "--tmpfs", HOME),
            *("--dir", "/box"),
            *("--ro-bind", str(BOX / "worker.py"), "/box/worker.py"),
            *("--ro-bind", str(BOX / "transport.py"), "/box/transport.py"),
            *("--ro-bind", str(checks), f"/box/{checks.name}"),
            *("--remount-ro", "/", "--chdir", HOME),
            *("--", *python, "/box/worker.py", str(channel)),
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
    """The folders that Python, its packages and the library live in."""
    library = Path(seq2seq_lib.__file__).resolve().parent
    folders = [Path(sys.base_prefix), Path(sys.prefix), library]
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
        # Root needs no user namespace; it keeps only the right to become someone else.
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID"]
        command += ["--cap-add", "CAP_SETGID"]
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


def _converse(process: subprocess.Popen[bytes], channel: int, limits: Limits) -> Outcome:
    """Collect messages until done, dead, or out of time."""
    outcome = Outcome()
    deadline = time.monotonic() + limits.start_seconds
    buffer = bytearray()
    received = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            outcome.ending = (
                f"It ran longer than the {limits.seconds:g} s that this exercise allows."
                if outcome.started
                else "Python did not start in time."
            )
            return outcome
        ready, _, _ = select.select([channel], [], [], min(left, 0.1))
        data = os.read(channel, 1 << 16) if ready else b""
        if not data and process.poll() is not None:
            outcome.ending = _death(process.returncode)
            return outcome
        if ready and not data:
            time.sleep(0.01)  # the channel is closed, the process lives on
        received += len(data)
        if received > limits.answer:
            outcome.ending = f"It sent more than {limits.answer // MIB} MiB of answers."
            return outcome
        buffer += data
        for message in _messages(buffer):
            if message is None:
                outcome.ending = "It wrote into the channel that answers are sent by."
                return outcome
            if message.get("ready") and not outcome.started:
                outcome.started = True  # only the first: the clock starts once
                deadline = time.monotonic() + limits.seconds
            elif message.get("reached"):
                outcome.reached = True
            elif message.get("done"):
                return outcome
            elif isinstance(message.get("case"), int):
                outcome.answers.setdefault(message["case"], message)


def _messages(buffer: bytearray) -> Iterator[dict[str, Any] | None]:
    """Take the complete messages off the front; None for what is no message."""
    while len(buffer) >= LENGTH.size:
        (length,) = LENGTH.unpack_from(buffer)
        if length > 1 << 32:
            yield None
            return
        end = LENGTH.size + length
        if len(buffer) < end:
            return
        try:
            message = unpack(bytes(buffer[LENGTH.size : end]))
        except ValueError:
            message = None
        del buffer[:end]
        yield message if isinstance(message, dict) else None


def _death(code: int) -> str:
    if code > 128:  # bubblewrap reports a signal as a shell does
        code = 128 - code
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"Its process was ended by {name} (a crash, or a limit of the machine)."
    return f"It ended its own process (exit code {code}) before it had answered."


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
