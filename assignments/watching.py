"""Memory and processor time, measured from outside where no cgroup limits them."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

EVERY = 0.2  # seconds between two looks


def below(process: int, user: int = 0, proc: Path = Path("/proc")) -> set[int]:
    """A process, all below it, and all of a user that is not root."""
    parents: dict[int, int] = {}
    found = {process}
    for entry in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            parents[int(entry.name)] = int(words[1])
            if user and entry.stat().st_uid == user:
                found.add(int(entry.name))
    edge = set(found)
    while edge:
        edge = {child for child, parent in parents.items() if parent in edge} - found
        found |= edge
    return found


def memory(process: int, proc: Path = Path("/proc")) -> int:
    """The bytes that a process holds; what several share is divided among them."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (proc / str(process) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(OSError, ValueError, IndexError):
        _, held, shared = (proc / str(process) / "statm").read_text().split()[:3]
        return (int(held) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    return 0


def processor(process: int, proc: Path = Path("/proc")) -> float:
    """The seconds that a process has computed, with its children that have ended."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = (proc / str(process) / "stat").read_bytes().rpartition(b")")[2].split()
        return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


@contextmanager
def watched(
    process: subprocess.Popen[bytes], user: int, most: int, seconds: float
) -> Iterator[None]:
    """End what runs below ``process`` while it holds too much or has computed too long.

    The largest goes first: where an answer hoards, the process around it stays.

    Args:
        process: the closed process; one of ours.
        user: whose processes count too, wherever they are; 0 for none.
        most: bytes of memory.
        seconds: of computing.
    """
    over = threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            found = below(process.pid, user) if process.poll() is None else set()
            held = {number: memory(number) for number in found}
            spent = sum(processor(number) for number in found)
            if spent > seconds:
                _end(list(found))
            while held and sum(held.values()) > most:
                largest = max(held, key=held.__getitem__)
                _end([largest])
                del held[largest]

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _end(processes: Sequence[int]) -> None:
    for number in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)
