"""A process for each submission, thrown away afterwards, within limits of time and memory.

The process that owns the results forks a *server* before anything of a submission is read.
The server has PyTorch, the judges and the cases in its memory, and forks a *clerk* for
every request: see ``assignments.server``. A clerk may be slow, large, or dead; its
submission then has no record, and nobody else notices. A record is bytes, and whoever gets
it has to check it.
"""

import json
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from types import TracebackType
from typing import Any, Self

import psutil

from assignments.server import MOST, Bounds, Server, SetUp, Work, kill

PATIENCE = 1.3  # seconds for the server to end; Ctrl-C answers within two


@dataclass(frozen=True)
class Said:
    """What came of a request."""

    number: int  # of the request
    record: bytes = b""
    problem: str = ""  # why there is no record, as part of a sentence
    limit: bool = False  # whether a limit, or a crash, was the reason


class Gone(Exception):
    """The server was ended by somebody else."""


class Clerks:
    """The server, seen from outside: ``with Clerks(...) as clerks``.

    Args:
        work: called with a request in a process of its own; returns the record.
        jobs: how many work at the same time.
        bounds: what each may use.
        set_up: called once in the server, before any request.
    """

    def __init__(
        self,
        work: Work,
        jobs: int,
        bounds: Bounds,
        set_up: SetUp = lambda: None,
    ) -> None:
        self.work, self.jobs, self.bounds, self.set_up = work, jobs, bounds, set_up

    def __enter__(self) -> Self:
        self.connection, theirs = Pipe()
        self.server = os.fork()
        if self.server == 0:
            Server(self.work, self.set_up, self.bounds, theirs).run()
        theirs.close()
        try:
            (problem,) = self._heard()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        if problem:
            self.__exit__(None, None, None)
            raise RuntimeError(problem)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()  # upon which the server ends, and whatever it has begun
        deadline = time.monotonic() + PATIENCE
        while not os.waitpid(self.server, os.WNOHANG)[0]:
            if time.monotonic() > deadline:
                kill(psutil.Process(self.server).children(recursive=True))
                os.kill(self.server, signal.SIGKILL)
                os.waitpid(self.server, 0)
                break
            time.sleep(0.01)

    def each(self, requests: Sequence[dict[str, Any]]) -> Iterator[Said]:
        """Have every request worked on; what comes of them, as they end.

        Raises:
            Gone: the server was ended.
        """
        waiting = deque(enumerate(requests))
        free, slots = list(range(self.jobs)), dict[int, int]()
        while waiting or slots:
            while waiting and free:
                number, request = waiting.popleft()
                slots[number] = free.pop()
                message = {**request, "slot": slots[number]}
                self._say(json.dumps([number, message]).encode())
            number, problem, limit, size = self._heard()
            record = self._bytes() if size else b""
            free.append(slots.pop(number))
            yield Said(number, record, problem, limit)

    def _say(self, message: bytes) -> None:
        try:
            self.connection.send_bytes(message)
        except OSError:
            raise Gone from None

    def _heard(self) -> list[Any]:
        return json.loads(self._bytes())

    def _bytes(self) -> bytes:
        try:
            return self.connection.recv_bytes(MOST)
        except (EOFError, OSError):
            raise Gone from None
