"""Closed processes for answers: limits on time, memory, processes, files and network.

With bubblewrap a submission's processes see Python, the library and an empty folder, and
nothing else: no other file, no network, no other process. Without it what the kernel has
remains: a user of its own, a filter of system calls, Landlock. ``Sandbox.host`` knows what
holds on this machine and says it.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assignments import bubblewrap, cgroups, host, system_calls, users, watching
from assignments.box import leftovers
from assignments.box.transport import pack
from assignments.bubblewrap import HOME, works
from assignments.conversation import Outcome, converse
from assignments.limits import Limits
from assignments.questions import Questions
from checks.exercise import Outside
from tools.environment import ROOT

BOX = Path(__file__).parent / "box"
KINDS = ("auto", "bubblewrap", "limits")
# What an answer reads beside Python and the library where Landlock decides.
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/sys/devices/system/cpu")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
# What is closed to other users where nothing but their rights protects it.
SECRET = ("assignments/hidden", "assignments/source", "tests/assignments", ".git")
# A shell that goes into the groups it is given, and then becomes the program.
ENTER = 'until [ "$1" = -- ]; do echo $$ >"$1" || exit 71; shift; done; shift; exec "$@"'


def _nothing(number: int) -> Outside:
    return Outside()


@dataclass(frozen=True)
class Job:
    """One answer to run."""

    key: str  # the exercise
    setup: Sequence[str]  # cells that run first
    others: Sequence[str]  # definitions of the student's other cells
    answer: str  # the cell that answers
    cases: Sequence[dict[str, Any]]  # the inputs of each
    limits: Limits
    asks: Sequence[Sequence[str]] = ()  # what may be asked in each case
    outside: Callable[[int], Outside] = _nothing  # who answers, by the number of the case
    own: bool = False  # whether the others go before what the exercise is given
    core: str = ""  # the answer without what only tries it out, if that is less


class Sandbox:
    """Starts closed processes.

    Args:
        kind: ``bubblewrap``, ``limits``, or ``auto`` for bubblewrap where it works.
        memory: bytes that the answers of one submission may hold together, at the most.

    Raises:
        ValueError: ``kind`` is not known, or cannot be had on this machine.
    """

    def __init__(self, kind: str = "auto", memory: int | None = None) -> None:
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
        self.groups, self.memory = cgroups.find(), memory
        closed = self.kind == "bubblewrap"
        lent = users.can_be_lent()
        self.host = host.find(closed, self.groups, lent)
        # What is closed to other users can be read behind Landlock only.
        self.read_all = lent and not closed and not _readable_by_all()
        if self.read_all and not (self.host.files and self.host.calls):
            self.read_all = False
            self.host = host.find(closed, self.groups, False)
        if not closed and self.host.own_user and not self.host.files:
            weakref.finalize(self, _only_by, os.getpid(), _hide())
        # Locked in turns by all processes that grade with this sandbox.
        turn, self._turn = tempfile.mkstemp(prefix="turn-")
        os.close(turn)
        weakref.finalize(self, _only_by, os.getpid(), Path(self._turn).unlink)

    def run(
        self,
        jobs: Sequence[Job],
        public: Sequence[Path],
        slot: int = 0,
        alone: bool = False,
    ) -> list[Outcome]:
        """Run the jobs of one submission, one after another, each in its own process.

        Never takes longer than their limits together. A job that brings down more than
        itself costs no other: the rest are started anew.

        Args:
            jobs: the answers.
            public: the module with the exercises, and what it imports beside it.
            slot: submissions that run at the same time have different slots.
            alone: whether to wait until nothing else runs here, and let nothing begin.
        """
        outcomes: list[Outcome] = []
        with self._turn_of(alone), self._user() as user:
            while len(outcomes) < len(jobs):
                outcomes += self._run_some(jobs[len(outcomes) :], public, user)
        return outcomes

    @contextmanager
    def _turn_of(self, alone: bool) -> Iterator[None]:
        """Side by side with others, or with nobody, whichever process they run from."""
        with open(self._turn, "rb") as ours:
            fcntl.flock(ours, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield

    @contextmanager
    def _user(self) -> Iterator[int]:
        """A user for one submission, of which nothing is left afterwards; or 0."""
        if not self.host.own_user:
            yield 0
            return
        with users.lent() as user:
            try:
                yield user
            finally:
                leftovers.end_user(user)
                if self.kind == "limits":
                    leftovers.sweep(user)

    def _run_some(
        self, jobs: Sequence[Job], public: Sequence[Path], user: int
    ) -> list[Outcome]:
        """Outcomes of the first jobs, at least one: as many as the process survives."""
        closed = self.kind == "bubblewrap"
        token = secrets.token_hex(8)
        limits = jobs[0].limits
        most = min(limits.memory, self.memory or limits.memory)
        seconds = limits.start_seconds + sum(job.limits.seconds + 30 for job in jobs)
        with (
            contextlib.ExitStack() as stack,
            _folder(user) as folder,
            self.groups.group(replace(limits, memory=most)) as group,
            tempfile.TemporaryFile() as stdin,
            tempfile.TemporaryFile() as calls,
        ):
            said, told = [os.pipe() for _ in jobs], [os.pipe() for _ in jobs]
            ours = [(read, write) for (read, _), (_, write) in zip(said, told, strict=True)]
            theirs = [(w, r) for (_, w), (r, _) in zip(said, told, strict=True)]
            stack.callback(_close, ours)
            program = system_calls.program((system_calls.AF_UNIX,) if closed else ())
            program = program if self.host.calls else b""
            home = HOME if closed else str(folder / "home")
            order = {
                "module": public[0].stem,
                "closed": closed,
                "folder": home,
                "user": user,
                "read_all": self.read_all,
                "calls": "" if closed else program.hex(),
                "readable": [
                    str(p) for p in (*bubblewrap.needed(), folder / "box", *SYSTEM)
                ],
                "writable": [home, *DEVICES],
                "jobs": [
                    {
                        "key": job.key,
                        "setup": list(job.setup),
                        "others": list(job.others),
                        "own": job.own,
                        "answer": job.answer,
                        "cases": list(job.cases),
                        "seconds": job.limits.seconds,
                        "limits": job.limits.of_kernel(0 if closed or user else _running()),
                        "asks": [list(n) for n in job.asks or [()] * len(job.cases)],
                        "channel": channel,
                        "replies": replies,
                    }
                    for job, (channel, replies) in zip(jobs, theirs, strict=True)
                ],
            }
            for file, data in ((stdin, pack(order, None)), (calls, program)):
                file.write(data)
                file.seek(0)
            command = self._command(public, folder, limits, calls.fileno())
            if group:
                command = ["/bin/sh", "-c", ENTER, "sh", *group.entrances, "--", *command]
            try:
                process = subprocess.Popen(
                    command,
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[*sum(theirs, ()), *([calls.fileno()] if closed else [])],
                    env=bubblewrap.environment(home, token),
                    cwd=folder,
                    start_new_session=True,
                )
            finally:
                _close(theirs)
            if not group:
                looked = watching.watched(process, user, most, seconds)
                stack.enter_context(looked)
            outcomes: list[Outcome] = []
            try:
                before = 0.0  # the most that the job before may still take
                for job in jobs:
                    questions = Questions(
                        ours[0][1], len(job.cases), job.outside, job.limits
                    )
                    outcome, alive = converse(ours[0][0], questions, job.limits, before)
                    _close([ours.pop(0)])
                    outcomes.append(outcome)
                    before = job.limits.seconds
                    if not alive:
                        break
            finally:
                _end(process, token)
                if group:
                    group.end()
        return outcomes

    def _command(
        self, public: Sequence[Path], folder: Path, limits: Limits, calls: int
    ) -> list[str]:
        python = [sys.executable, "-I", "-B"]
        if self.kind == "limits":
            for path in (*BOX.glob("*.py"), *public):
                copy = shutil.copytree if path.is_dir() else shutil.copy
                copy(path, folder / "box" / path.name)
            return [*python, str(folder / "box" / "worker.py")]
        ours = (*BOX.glob("*.py"), *public)
        return [
            *bubblewrap.command(bubblewrap.needed()),
            *(("--add-seccomp-fd", str(calls)) if self.host.calls else ()),
            *("--perms", "1777", "--size", str(limits.disk), "--tmpfs", HOME),
            *("--dir", "/box"),
            *(word for p in ours for word in ("--ro-bind", str(p), f"/box/{p.name}")),
            *("--remount-ro", "/", "--chdir", HOME),
            *("--", *python, "/box/worker.py"),
        ]


@contextmanager
def _folder(user: int) -> Iterator[Path]:
    """A folder with one for code, which answers may read, and one that is theirs."""
    folder = Path(tempfile.mkdtemp(prefix="answers-"))
    try:
        folder.chmod(0o711)
        for name in ("box", "home"):
            (folder / name).mkdir(0o755)
        if user:
            os.chown(folder / "home", user, user)
        yield folder
    finally:
        leftovers.remove(str(folder))


def _close(pairs: list[tuple[int, int]]) -> None:
    """Close the ends of channels, and forget them."""
    while pairs:
        for end in pairs.pop():
            os.close(end)


def _only_by(owner: int, tidy: Callable[[], None]) -> None:
    """Tidy up behind a sandbox; a process that was forked has nothing to tidy."""
    if os.getpid() == owner:
        with contextlib.suppress(OSError):
            tidy()


def _hide() -> Callable[[], None]:
    """Close solutions and hidden tests to other users, one of whom runs answers.

    Returns what gives their rights back, unless another grader still needs them closed.
    """
    before: dict[Path, int] = {}
    ours = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(ours, fcntl.LOCK_SH)
    for name in SECRET:
        with contextlib.suppress(OSError):
            path = ROOT / name
            mode = path.stat().st_mode & 0o7777
            path.chmod(mode & 0o7770)
            before[path] = mode

    def give_back() -> None:
        with contextlib.suppress(OSError):  # another one is at work
            fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path, mode in before.items():
                path.chmod(mode)
        os.close(ours)

    return give_back


def _readable_by_all() -> bool:
    """Whether another user could read Python and the library."""
    folders = {p for f in bubblewrap.needed() for p in (f, *f.parents)}
    return all(p.stat().st_mode & 0o005 == 0o005 for p in folders)


def _running() -> int:
    """How many processes and threads this user has (0 where nobody counts them)."""
    count = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == os.getuid():
                count += len(os.listdir(entry / "task"))
    return count


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
