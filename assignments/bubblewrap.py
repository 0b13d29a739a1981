"""The command that starts a process in a box of bubblewrap's."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import checks
import seq2seq_lib
from assignments.limits import MIB

HOME = "/answer"  # the one folder that can be written to


def works() -> bool:
    """Whether bubblewrap is here and may close a process."""
    if not shutil.which("bwrap"):
        return False
    tried = subprocess.run(
        [*command([]), "--", "/bin/sh", "-c", "exit 0"],
        capture_output=True,
        timeout=30,
    )
    return tried.returncode == 0


def needed() -> list[Path]:
    """The folders that Python, its packages, the library and the checks live in."""
    ours = [Path(p).resolve() for p in (*seq2seq_lib.__path__, *checks.__path__)]
    folders = [Path(sys.base_prefix), Path(sys.prefix), *ours]
    kept: list[Path] = []
    for path in dict.fromkeys(p for f in folders for p in (f, f.resolve())):
        if not any(path.is_relative_to(p) for p in (*kept, Path("/usr"))):
            kept.append(path)
    return kept


def command(folders: list[Path]) -> list[str]:
    """What runs a program that sees these folders, the system's, and nothing else."""
    words = ["bwrap", "--die-with-parent", "--new-session", "--clearenv"]
    words += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # Root needs no user namespace; it keeps only the rights to become someone else
        # and to clear up behind it. The child that runs an answer keeps none of this.
        words += ["--cap-drop", "ALL"]
        for right in ("SETUID", "SETGID", "KILL", "DAC_OVERRIDE"):
            words += ["--cap-add", f"CAP_{right}"]
    else:
        words += ["--unshare-user", *_no_more_users()]
    for name in ("/usr", "/bin", "/lib", "/lib64"):
        words += ["--ro-bind-try", name, name]
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    words += ["--dev", "/dev", "--proc", "/proc"]
    words += ["--perms", "1777", "--size", str(16 * MIB), "--tmpfs", "/dev/shm"]
    words += ["--remount-ro", "/dev"]
    # Folders on the way get rights of their own: /root is closed to others outside.
    above = {p for f in folders for p in f.parents if p != Path("/")}
    for path in sorted(above, key=lambda p: len(p.parts)):
        words += ["--dir", str(path)]
    for path in folders:
        words += ["--ro-bind", str(path), str(path)]
    for name, value in environment(HOME, "").items():
        words += ["--setenv", name, value]
    return words


@cache
def _no_more_users() -> list[str]:
    """The option against user namespaces in the box, where this bubblewrap has it."""
    tried = subprocess.run(["bwrap", "--help"], capture_output=True, text=True)
    option = "--disable-userns"
    return [option] if option in tried.stdout + tried.stderr else []


def environment(home: str, token: str) -> dict[str, str]:
    """All that an answer finds in its environment."""
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
