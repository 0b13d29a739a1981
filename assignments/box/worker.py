"""Run one answer to one exercise, and send what it returns.

    python -I worker.py FD    < job

Started by ``assignments.sandbox`` in a closed process. The job says which cells to run, on
which inputs, within which limits. Messages go to the file descriptor FD, each one after its
length: ``ready`` before any code of the student's, ``reached`` before the answer's cell,
one for each case, ``done``. Whatever happens here, the other side sees only these messages,
and treats them as the student's word.
"""

import contextlib
import ctypes
import os
import resource
import struct
import sys
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import torch  # noqa: E402
from transport import pack, unpack  # noqa: E402

from seq2seq_lib.checking import ANSWER_FILE, Failed, attempt, described  # noqa: E402

LENGTH = struct.Struct(">Q")
PR_SET_DUMPABLE = 4


def send(channel: int, message: dict[str, Any]) -> None:
    """Write one message, its length first."""
    data = pack(message)
    data = LENGTH.pack(len(data)) + data
    while data:
        data = data[os.write(channel, data) :]


def go_first() -> None:
    """Where memory runs out, the kernel ends this process before any other."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def drop_rights(user: int) -> None:
    """Become ``user``, who owns nothing; needed where the grader is root."""
    if user and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        # Changing the user made this process unreadable to itself in /proc.
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def limit(limits: dict[str, int]) -> None:
    """Set the limits of the kernel, which cannot be raised again from here."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def close_streams() -> None:
    """No input, and nobody reads what is printed."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def namespace(job: dict[str, Any], exercise: Any) -> dict[str, Any]:
    """The names that an answer may use: setup, the student's other definitions, given."""
    names: dict[str, Any] = {"__name__": "__answer__"}
    for code in job["setup"]:
        exec(compile(code, "<setup>", "exec"), names)
    for code in job["others"]:
        try:
            exec(compile(code, "<your other cells>", "exec"), names)
        except BaseException:
            continue  # what it would have defined is missing; the answer may not need it
    names.update(exercise.given())
    return names


def answer(job: dict[str, Any], exercise: Any, channel: int) -> Any:
    """The names that the exercise asks for, or why they are not there."""
    names = namespace(job, exercise)
    send(channel, {"reached": True})
    try:
        exec(compile(job["answer"], ANSWER_FILE, "exec"), names)
    except BaseException as error:
        if isinstance(error, SyntaxError):
            return Failed(
                f"Your cell is not Python: {error.msg} in line {error.lineno} of it."
            )
        return Failed(described(error))
    missing = [name for name in exercise.answers if name not in names]
    if missing:
        return Failed(f"Your cell does not define {missing[0]}.")
    return SimpleNamespace(**{name: names[name] for name in exercise.answers})


def main(channel: int) -> None:
    job = unpack(sys.stdin.buffer.read())
    os.set_inheritable(channel, False)
    torch.set_num_threads(1)
    module = __import__(job["module"])
    exercise = next(e for e in module.EXERCISES if e.key == job["key"])
    exercise.given()  # what it imports is imported before the rights are dropped
    go_first()
    drop_rights(job["user"])
    limit(job["limits"])
    os.chdir(job["folder"])
    close_streams()
    send(channel, {"ready": True})
    student = answer(job, exercise, channel)
    for number, inputs in enumerate(job["cases"]):
        found = student
        if not isinstance(student, Failed):
            try:
                found = attempt(exercise, student, inputs)
            except BaseException as error:  # SystemExit, KeyboardInterrupt
                found = Failed(described(error))
        reason = {"failed": found.reason} if isinstance(found, Failed) else {}
        value = None if reason else found
        try:
            send(channel, {"case": number, "answer": value, **reason})
        except BaseException as error:
            send(channel, {"case": number, "answer": None, "failed": described(error)})
    send(channel, {"done": True})
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
