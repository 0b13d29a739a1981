"""Run the answers of one submission, each in its own process, and send what they return.

    python -I worker.py    < jobs

Started by ``assignments.sandbox`` inside a closed process. This one imports PyTorch once
and then forks for every job: the child gives up its rights, sets its limits and runs the
student's code; the parent never does. What a child changes (modules, files, processes) is
gone when the next one starts.

A job has a channel of its own, a file descriptor. Messages go there, each after its
length: ``ready`` before any code of the student's, ``reached`` before the answer's cell,
one for each case, and, from the parent, ``ended``. Whatever happens in a child, the other
side sees only these messages, and treats them as the student's word.
"""

import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
import sys
import time
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import torch  # noqa: E402
from transport import LENGTH, pack, unpack  # noqa: E402

from checks.attempt import ANSWER_FILE, attempt, described  # noqa: E402
from checks.exercise import Failed  # noqa: E402

PR_SET_DUMPABLE = 4
LIBC = ctypes.CDLL(None)


def send(channel: int, message: dict[str, Any]) -> None:
    """Write one message, its length first."""
    data = pack(message)
    data = LENGTH.pack(len(data)) + data
    while data:
        data = data[os.write(channel, data) :]


# --- in the child -----------------------------------------------------------------------


def go_first() -> None:
    """Where memory runs out, the kernel ends this process before any other."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def visible(yes: bool) -> None:
    """Whether other processes of the same user may look into this one."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_DUMPABLE, int(yes), 0, 0, 0)


def drop_rights(user: int) -> None:
    """Become ``user``, who owns nothing; needed where the grader is root."""
    if user and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    visible(True)  # to itself: changing the user took that away


def limit(limits: dict[str, int]) -> None:
    """Set the limits of the kernel, which cannot be raised again from here."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


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


def answers(job: dict[str, Any], exercise: Any, channel: int) -> Any:
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


def run(job: dict[str, Any], exercise: Any) -> None:
    """One job from its first message to its last."""
    channel = job["channel"]
    send(channel, {"ready": True})
    student = answers(job, exercise, channel)
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


def child(job: dict[str, Any], exercise: Any, folder: str, others: list[int]) -> None:
    """Close everything that is not this job's, then run it; never returns."""
    try:
        os.setsid()
        for channel in others:
            os.close(channel)
        visible(True)
        go_first()
        drop_rights(job["user"])
        limit(job["limits"])
        os.chdir(folder)
        run(job, exercise)
        os._exit(0)
    finally:
        os._exit(70)


# --- in the parent ----------------------------------------------------------------------


def wait(process: int, seconds: float) -> str:
    """How the child ended: "" as it should, else an exit code, a signal, or "time"."""
    deadline = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return f"exit {code}" if code > 0 else f"signal {-code}" if code else ""
        if time.monotonic() > deadline:
            return "time"
        select.select([], [], [], 0.01)


def clear(process: int, closed: bool, folders: list[str]) -> None:
    """End what the child left running and remove what it left lying."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if closed:
            os.kill(-1, signal.SIGKILL)  # all that this process may see, but not itself
        else:
            os.killpg(process, signal.SIGKILL)
    for folder in folders:
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def main() -> None:
    order = unpack(sys.stdin.buffer.read())
    jobs, closed = order["jobs"], order["closed"]
    folders = [order["folder"], *(["/dev/shm"] if closed else [])]
    torch.set_num_threads(1)
    visible(False)  # no child may look into this process
    module = __import__(order["module"])
    exercises = {exercise.key: exercise for exercise in module.EXERCISES}
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # no input, and nobody reads what is printed
        os.dup2(null, stream)
    for job in jobs:
        os.set_inheritable(job["channel"], False)
        exercises[job["key"]].given()  # so that what it imports is imported before a fork
    channels = [job["channel"] for job in jobs]
    for number, job in enumerate(jobs):
        process = os.fork()
        if process == 0:
            child(job, exercises[job["key"]], order["folder"], channels[number + 1 :])
        ended = wait(process, job["seconds"])
        if ended == "time":
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        clear(process, closed, folders)
        with contextlib.suppress(OSError):
            send(job["channel"], {"ended": ended})
        os.close(job["channel"])


if __name__ == "__main__":
    main()
