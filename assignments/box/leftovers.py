"""What a question left behind, processes and files, goes before the next one begins."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence

SHARED = ("/dev/shm", "/dev/mqueue", "/tmp", "/var/tmp")  # where everybody may write
ROUNDS = 50
PATIENCE = 10.0  # seconds; who is ended needs a processor to end
AT_ONCE = 200  # names for one command; a system takes some hundred kB of them


def end_user(user: int) -> None:
    """End every process of a user whom nobody else has, at once.

    A process that has become that user signals all that it may. It can be ended by one
    of them first, so it is asked again.
    """
    for _ in range(ROUNDS):
        helper = os.fork()
        if helper == 0:
            try:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
                if os.getresuid() == (user, user, user):  # and never as root
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(-1, signal.SIGKILL)
                    os._exit(0)
            finally:
                os._exit(1)
        if os.waitpid(helper, 0)[1] == 0:
            return


def end_descendants() -> None:
    """End every process below this one, and wait until it is gone.

    All are stopped, so that none starts another, then ended. Those that left their parent
    come back to this process (``rights.adopt``).
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        stopped: set[int] = set()
        while found := _below(os.getpid()) - stopped:
            for process in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGSTOP)
            stopped |= found
        for process in stopped:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if (not reap() and not stopped) or time.monotonic() > deadline:
            return
        time.sleep(0.001)


def reap() -> bool:
    """Take note of every child that has ended; whether there is one that has not."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def empty(folders: Sequence[str]) -> None:
    """Remove what lies in these folders, however deep it is and whatever its rights."""
    for folder in folders:
        with os.scandir(folder) as entries:
            _remove(list(entries))


def remove(folder: str) -> None:
    """Remove a folder, whatever is in it; what goes wrong is nobody's end."""
    with contextlib.suppress(OSError):
        empty([folder])
        os.rmdir(folder)


def sweep(user: int) -> None:
    """Remove what a user owns in the folders that everybody may write to."""
    for folder in SHARED:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            _remove([e for e in entries if e.stat(follow_symlinks=False).st_uid == user])


def _remove(entries: Sequence[os.DirEntry[str]]) -> None:
    """The system's own commands go down any depth, and follow no link on the way."""
    for start in range(0, len(entries), AT_ONCE):
        some = entries[start : start + AT_ONCE]
        folders = [e.path for e in some if e.is_dir(follow_symlinks=False)]
        whole = (["chmod", "-R", "u+rwX"], folders), (["rm", "-rf"], [e.path for e in some])
        for command, paths in whole:
            if paths:
                subprocess.run([*command, "--", *paths], capture_output=True, check=False)


def _below(process: int) -> set[int]:
    """Every process below one, those that have ended left out."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdecimal():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
                if state not in (b"Z", b"X"):
                    parents[int(name)] = int(parent)
    found, edge = set(), {process}
    while edge:
        edge = {child for child, parent in parents.items() if parent in edge}
        found |= edge
    return found
