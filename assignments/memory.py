"""How much memory there is, and what of it a submission may have."""

import contextlib
from pathlib import Path

import psutil

from assignments.cgroups import above
from assignments.server import MIB, Bounds

OWN = 400 * MIB  # the process that owns the results, and its server
LEAST = 768 * MIB  # the answers of one submission: PyTorch, and a small training
LIMITS = ("memory.max", "memory.limit_in_bytes")


def available(proc: Path = Path("/proc")) -> int:
    """The bytes of this machine, or of the smallest control group around this process."""
    found = psutil.virtual_memory().total
    for group in above("memory", proc / "self/mounts", proc / "self/cgroup"):
        for name in LIMITS:
            with contextlib.suppress(OSError, ValueError):  # "max" is no number
                found = min(found, int((group / name).read_text()))
    return found


def at_once(jobs: int, memory: int) -> int:
    """How many submissions fit into so much memory at the same time; at least one."""
    return max(1, min(jobs, (memory - OWN) // (Bounds.memory + LEAST)))


def of_one(jobs: int, memory: int) -> int:
    """The bytes that the answers of one of them may hold, so that none costs another."""
    return max(LEAST, (memory - OWN) // jobs - Bounds.memory)
