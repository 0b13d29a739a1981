"""Users who own nothing, each lent to one submission at a time, where we are root."""

import contextlib
import os
import pwd
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FIRST, COUNT = 40_000, 20_000  # between the people of a machine and what systems keep


def can_be_lent() -> bool:
    """Whether this process may become another user, tried in one that ends at once."""
    if os.geteuid() != 0:
        return False
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        shell = ["/bin/sh", "-c", ""]
        subprocess.run(shell, user=FIRST, group=FIRST, extra_groups=[], check=True)
        return True
    return False


@contextmanager
def lent() -> Iterator[int]:
    """A user of one's own, whom no other grader on this machine uses at the same time.

    The user before this one was another, so nothing that bears its name is there.

    Raises:
        RuntimeError: every user is taken.
    """
    busy = _busy()
    start = secrets.randbelow(COUNT)
    for number in range(COUNT):
        user = FIRST + (start + number) % COUNT
        if user in busy or _known(user):
            continue
        with socket.socket(socket.AF_UNIX) as mark:
            if sys.platform == "linux":
                # A name that vanishes with the process that holds it.
                try:
                    mark.bind(f"\0attention-measured-user-{user}")
                except OSError:
                    continue
            yield user
            return
    raise RuntimeError("Every user that could run answers is taken; end other graders.")


def _known(user: int) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(user))
    return False


def _busy() -> set[int]:
    """The users of all processes that run."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.add(entry.stat().st_uid)
    return found
