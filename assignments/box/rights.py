"""What a process that runs an answer gives up before it does, for good.

On Linux: its user, its rights as root, system calls, and, where nothing else closes it in,
files that are not its business (Landlock). Elsewhere only limits remain.
"""

import contextlib
import ctypes
import os
import resource
import sys
from collections.abc import Sequence

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE, PR_SET_KEEPCAPS = 4, 8
PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 22, 36, 38
FILTER = 2  # the mode of seccomp that takes a program
DAC_READ_SEARCH = 1 << 2
CAPABILITIES = 0x20080522  # the version of ``capset``

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every machine
READ = 0b1101  # run and read files, list folders
OF_FILES = 0xC007  # the rights that a file can have, and not only a folder
# How many rights on files each version of Landlock knows; it refuses a right that it
# does not know.
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}


def visible(yes: bool) -> None:
    """Whether other processes of the same user may look into this one."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_DUMPABLE, int(yes), 0, 0, 0)


def adopt() -> None:
    """Become the parent of every descendant whose own parent has ended."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def go_first() -> None:
    """Where memory runs out, the kernel ends this process before any other."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def drop_rights(user: int, read_all: bool = False) -> None:
    """Become ``user``, who owns nothing; needed where the grader is root.

    Args:
        user: the user; 0 to stay who we are.
        read_all: whether to keep the right to read what is closed to that user, which
            only makes sense behind ``close_files``.

    Raises:
        OSError: it cannot be done; the answer must not run then.
    """
    if user and os.geteuid() == 0:
        LIBC.prctl(PR_SET_KEEPCAPS, int(read_all), 0, 0, 0)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        if read_all:
            header = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
            kept = (ctypes.c_uint32 * 6)(DAC_READ_SEARCH, DAC_READ_SEARCH)
            _checked(LIBC.capset(header, kept))
    visible(True)  # to itself: changing the user took that away


def limit(limits: dict[str, int]) -> None:
    """Set the limits of the kernel, which cannot be raised again from here.

    A limit that the system refuses (macOS: the address space) is left out, and
    ``assignments.host`` says so.
    """
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (value, value))


def landlock() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def close_files(readable: Sequence[str], writable: Sequence[str]) -> None:
    """Leave this process these files and folders only, and no signals to others.

    Does nothing where the kernel has no Landlock.

    Raises:
        OSError: the kernel has it and refuses.
    """
    version = landlock()
    if not version:
        return
    everything = (1 << RIGHTS[min(version, 5)]) - 1
    # Files; TCP (both rights); abstract sockets and signals.
    known = 3 if version >= 6 else 2 if version >= 4 else 1
    attributes = (ctypes.c_uint64 * known)(*(everything, 3, 3)[:known])
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    rules = _checked(LIBC.syscall(CREATE_RULESET, attributes, size, 0))
    for paths, wanted in ((readable, READ), (writable, everything)):
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
                allowed = wanted if os.path.isdir(path) else wanted & OF_FILES
                rule = (ctypes.c_uint8 * 12).from_buffer_copy(
                    allowed.to_bytes(8, sys.byteorder) + opened.to_bytes(4, sys.byteorder)
                )
                _checked(LIBC.syscall(ADD_RULE, rules, 1, rule, 0))
                os.close(opened)
    _checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(LIBC.syscall(RESTRICT_SELF, rules, 0))
    os.close(rules)


def filter_calls(program: bytes) -> None:
    """Refuse the system calls that ``program`` refuses; an empty one refuses none.

    Raises:
        OSError: the kernel does not take it.
    """
    if program:
        text = ctypes.create_string_buffer(program, len(program))

        class Filter(ctypes.Structure):
            _fields_ = (("length", ctypes.c_uint16), ("lines", ctypes.c_void_p))

        whole = Filter(len(program) // 8, ctypes.cast(text, ctypes.c_void_p))
        _checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(LIBC.prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(whole), 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)
