"""The server that forks a clerk for every submission, and what becomes of a clerk.

It is forked from the process that owns the results, holds none of them, and reads nothing
of a submission: it counts a clerk's seconds and bytes, ends it where it has to, and hands
on what it sent, if that is not too long.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any, NoReturn

import psutil

from assignments.box import leftovers
from assignments.records import LARGEST

Work = Callable[[dict[str, Any]], bytes]
SetUp = Callable[[], None]

MIB = 1 << 20
TICK = 0.05  # seconds between two looks at the clerks
GOODBYE = 1.0  # seconds for a clerk to end what it has started
LAST_GOODBYE = 0.5  # where the whole run is stopped
MOST = LARGEST + 4096  # bytes of a message between the server and the owner
STOPPED, NO_MEMORY = 75, 71  # how a clerk ends that was told to, or got no memory
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Bounds:
    """What a clerk may use, beside what the answers use in their own processes."""

    seconds: float  # from its first moment to its last, answers included
    cpu: float = 60.0  # seconds of computing of its own
    memory: int = 320 * MIB  # bytes, more than the server has
    record: int = LARGEST  # bytes that it may send


class _Clerk:
    """A process at work on one request, seen from the server."""

    def __init__(
        self, number: int, pid: int, pipe: int, folder: str, bounds: Bounds
    ) -> None:
        self.number, self.pid, self.pipe, self.folder = number, pid, pipe, folder
        self.process = psutil.Process(pid)
        self.bounds, self.deadline = bounds, time.monotonic() + bounds.seconds
        self.record = bytearray()
        self.problem, self.ended, self.killing = "", False, 0.0

    def read(self) -> None:
        """Take what it sends."""
        try:
            data = os.read(self.pipe, 1 << 16)
        except BlockingIOError:  # it has ended, and somebody else holds the other end
            data = b""
        if data:
            self.record += data
            if len(self.record) > self.bounds.record:
                self.record.clear()
                self.end(f"its record was larger than {self.bounds.record} bytes", now=True)
        else:
            os.close(self.pipe)
            self.pipe = -1
            self.deadline = min(self.deadline, time.monotonic() + GOODBYE)

    def look(self, memory: int) -> None:
        """Whether it has ended, or has to be."""
        done, status = os.waitpid(self.pid, os.WNOHANG)
        now = time.monotonic()
        if done:
            self.ended = True
            self.problem = self.problem or _ending(os.waitstatus_to_exitcode(status))
            return
        if self.killing:
            if now > self.killing:
                os.kill(self.pid, signal.SIGKILL)
            return
        with contextlib.suppress(psutil.Error):
            used = self.process.cpu_times()
            if self.process.memory_info().rss > memory + self.bounds.memory:
                mib = self.bounds.memory // MIB
                self.end(f"reading it took more than {mib} MiB of memory", now=True)
            elif used.user + used.system > self.bounds.cpu:
                self.end(f"reading it took more than {self.bounds.cpu:g} s")
            elif now > self.deadline:
                self.end(f"it took more than {self.bounds.seconds:g} s altogether")

    def end(self, problem: str, now: bool = False) -> None:
        """Make it end: it may still end what it has started, unless at once."""
        self.problem = self.problem or problem
        if not self.killing:
            self.killing = time.monotonic() + (0 if now else GOODBYE)
            os.kill(self.pid, signal.SIGKILL if now else signal.SIGTERM)


def _ending(code: int) -> str:
    """How a clerk ended, as part of a sentence; empty where it did its work."""
    if code < 0:
        return f"the process that read it was ended by {signal.Signals(-code).name}"
    return {0: "", STOPPED: "it was stopped", NO_MEMORY: "no memory was left"}.get(
        code, f"the process that read it ended with exit code {code}"
    )


class Server:
    """Forks clerks, looks after them, and hands on what they send."""

    def __init__(
        self, work: Work, set_up: SetUp, bounds: Bounds, connection: Connection
    ) -> None:
        self.work, self.set_up, self.bounds = work, set_up, bounds
        self.connection = connection
        self.running: list[_Clerk] = []

    def run(self) -> NoReturn:
        """Answer requests until the other side hangs up."""
        try:
            os.setsid()  # the terminal's Ctrl-C is for the owner, who tells us
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            _close_all_but(self.connection.fileno())
            _adopt()
            self.folder = tempfile.mkdtemp(prefix="grading-")
            os.chmod(self.folder, 0o711)
            try:
                self._serve()
            finally:
                self._end_all()
                leftovers.remove(self.folder)
        finally:
            os._exit(0)

    def _serve(self) -> None:
        try:
            self.set_up()
        except Exception as error:
            self._say([f"{type(error).__name__}: {error}"])
            return
        gc.collect()
        gc.freeze()  # so that what clerks share stays shared
        self.memory = psutil.Process().memory_info().rss
        self._say([""])
        while True:
            pipes = [clerk.pipe for clerk in self.running if clerk.pipe >= 0]
            ready = wait([self.connection, *pipes], TICK if self.running else None)
            if self.connection in ready:
                try:
                    number, request = json.loads(self.connection.recv_bytes())
                except (EOFError, OSError):
                    return
                self._begin(number, request)
            for clerk in list(self.running):
                if clerk.pipe in ready:
                    clerk.read()
                clerk.look(self.memory)
                if clerk.ended:
                    self._finish(clerk)

    def _begin(self, number: int, request: dict[str, Any]) -> None:
        folder = tempfile.mkdtemp(dir=self.folder)
        os.chmod(folder, 0o711)  # answers run as another user, in a folder in it
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        pid = os.fork()
        if pid == 0:
            _be_clerk(self.work, request, writing, folder, self.bounds.memory)
        os.close(writing)
        self.running.append(_Clerk(number, pid, reading, folder, self.bounds))

    def _finish(self, clerk: _Clerk) -> None:
        while clerk.pipe >= 0 and not clerk.killing:
            clerk.read()  # what was still on its way
        if clerk.pipe >= 0:
            os.close(clerk.pipe)
        self.running.remove(clerk)
        _sweep({other.pid for other in self.running})
        leftovers.remove(clerk.folder)
        problem, record = clerk.problem, bytes(clerk.record)
        limit = bool(problem) and problem != _ending(STOPPED)
        if not problem and record[:1] == b"!":
            problem, record = record[1:].decode("utf-8", "replace"), b""
        record = b"" if problem else record
        self._say([clerk.number, problem, limit, len(record)])
        if record:
            self.connection.send_bytes(record)

    def _say(self, message: list[Any]) -> None:
        self.connection.send_bytes(json.dumps(message).encode())

    def _end_all(self) -> None:
        for clerk in self.running:
            clerk.end("")
        deadline = time.monotonic() + LAST_GOODBYE
        while self.running and time.monotonic() < deadline:
            for clerk in list(self.running):
                clerk.look(1 << 62)
                if clerk.ended:
                    self.running.remove(clerk)
            time.sleep(0.01)
        kill(psutil.Process().children(recursive=True))
        _sweep(set())


def _adopt() -> None:
    """Become the parent of whatever a dead clerk leaves behind (on Linux)."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _sweep(kept: set[int]) -> None:
    """End every child but these; their own become ours, and end too."""
    for _ in range(100):
        left = [child for child in psutil.Process().children() if child.pid not in kept]
        if not left:
            return
        kill(left)
        for child in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, 0)


def kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _close_all_but(kept: int) -> None:
    """Close every file that this process has inherited: locks, pipes, the terminal's."""
    last = max(int(name) for name in os.listdir("/dev/fd"))
    os.closerange(3, kept)
    os.closerange(kept + 1, last + 1)


# --- in a clerk ---------------------------------------------------------------------------


def _be_clerk(
    work: Work, request: dict[str, Any], pipe: int, folder: str, memory: int
) -> NoReturn:
    """Do the work, send the record, and end."""
    try:
        signal.signal(signal.SIGTERM, _leave)
        for number in (signal.SIGINT, signal.SIGHUP):  # as answers expect them
            signal.signal(number, signal.SIG_DFL)
        _close_all_but(pipe)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # warnings about a student's code are for nobody
            os.dup2(null, stream)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # before the server, after the answers
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        tempfile.tempdir = folder
        # The server counts what is used; this stops what would come between two looks.
        # Answers begin in processes of their own, which set their own limit.
        with contextlib.suppress(OSError, ValueError):
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            most = psutil.Process().memory_info().vms + 2 * memory
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
        try:
            record = work(request)
        except MemoryError:
            os._exit(NO_MEMORY)
        except Exception as error:
            record = f"!{type(error).__name__}: {error}"[:2000].encode("utf-8", "replace")
        while record:
            record = record[os.write(pipe, record) :]
        os._exit(0)
    except SystemExit:
        os._exit(STOPPED)
    finally:
        os._exit(70)


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit
