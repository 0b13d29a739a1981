"""Run the answers of one submission, each in its own process, and send what they return.

    python -I worker.py    < jobs

Started by ``assignments.sandbox`` inside a closed process. This one imports PyTorch once
and then forks for every job: the child gives up its rights, sets its limits and runs the
student's code; the parent never does. What a child changes (modules, files, processes) is
gone when the next one starts.

A job has a channel of its own, a file descriptor. Messages go there, each after its
length: ``ready`` before any code of the student's, ``reached`` before the answer's cell,
one for each case, and, from the parent, ``ended``. Where a function that the answer was
given is somewhere else, a question goes the same way, and what is answered comes back
through a second channel. Whatever happens in a child, the other side sees only these
messages, and treats them as the student's word.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import leftovers  # noqa: E402
import rights  # noqa: E402
import torch  # noqa: E402
from transport import LENGTH, pack, unpack  # noqa: E402

from checks.attempt import ANSWER_FILE, attempt_asking, described  # noqa: E402
from checks.cell import Namespace, not_python  # noqa: E402
from checks.exercise import Failed  # noqa: E402

STARVED = 0.2  # of its time an answer waited for a processor; then it was not its fault


def send(channel: int, message: dict[str, Any]) -> None:
    """Write one message, its length first."""
    data = pack(message)
    data = LENGTH.pack(len(data)) + data  # all of it, before any of it is written
    while data:
        data = data[os.write(channel, data) :]


def receive(replies: int) -> dict[str, Any]:
    """Read one message from the other side, which this one believes."""
    (length,) = LENGTH.unpack(exactly(replies, LENGTH.size))
    return dict(unpack(exactly(replies, length), None))


def exactly(source: int, size: int) -> bytes:
    """Read so many bytes."""
    parts = []
    while size:
        parts.append(os.read(source, size))
        if not parts[-1]:
            raise RuntimeError("nobody answers any more")
        size -= len(parts[-1])
    return b"".join(parts)


OURS = sys.modules[__name__]  # kept, because cells run under this name


# --- in the child -----------------------------------------------------------------------


def namespace(job: dict[str, Any], exercise: Any) -> Namespace:
    """The names that an answer may use: setup, the student's other definitions, given."""
    space = Namespace(
        "__main__"
    )  # as in a notebook; nothing asks for this file by its name
    for code in job["setup"]:
        space.run(code, "<setup>")
    given = exercise.given()
    space.names.update(given)
    # Each has a file name of its own, by which torch.jit and inspect tell them apart.
    for number, code in enumerate(job["others"], 1):
        with contextlib.suppress(BaseException):
            space.run(code, f"<your other cells, {number}>")
    # What one of them would have defined may be missing; the answer may not need it.
    if not job["own"]:
        space.names.update(given)
    return space


def answers(job: dict[str, Any], exercise: Any, channel: int) -> Any:
    """The names that the exercise asks for, or why they are not there."""
    space = namespace(job, exercise)
    send(channel, {"reached": True})
    try:
        error = space.run(job["answer"], ANSWER_FILE)
    except BaseException as refused:
        return Failed(not_python(refused) or described(refused))
    found = space.chosen(exercise.answers)
    missing = [name for name in exercise.answers if name not in found]
    if missing and error is not None:
        return Failed(described(error))
    if missing:
        return Failed(f"Your cell does not define {missing[0]}.")
    return SimpleNamespace(**found)


def run(job: dict[str, Any], exercise: Any) -> None:
    """One job from its first message to its last."""
    channel, replies, one = job["channel"], job["replies"], threading.Lock()

    def ask(question: dict[str, Any]) -> dict[str, Any]:
        with one:
            send(channel, question)
            return receive(replies)

    send(channel, {"ready": True})
    student = answers(job, exercise, channel)
    for number, (inputs, names) in enumerate(zip(job["cases"], job["asks"], strict=True)):
        found = student
        if not isinstance(student, Failed):
            try:
                found = attempt_asking(exercise, student, inputs, names, ask)
            except BaseException as error:  # SystemExit, KeyboardInterrupt
                found = Failed(described(error))
        reason = {"failed": found.reason} if isinstance(found, Failed) else {}
        value = None if reason else found
        try:
            send(channel, {"case": number, "answer": value, **reason})
        except BaseException as error:
            send(channel, {"case": number, "answer": None, "failed": described(error)})
    send(channel, {"done": True})


def child(
    job: dict[str, Any], exercise: Any, order: dict[str, Any], others: list[int]
) -> None:
    """Close everything that is not this job's, then run it; never returns."""
    try:
        os.setsid()
        for channel in others:
            os.close(channel)
        rights.visible(True)
        rights.go_first()
        os.chdir(order["folder"])
        if not order["closed"]:
            rights.close_files(order["readable"], order["writable"])
        rights.drop_rights(order["user"], order["read_all"])
        rights.limit(job["limits"])
        rights.filter_calls(bytes.fromhex(order["calls"]))
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


def starved(process: int, seconds: float) -> bool:
    """Whether the process, which still runs, had to wait for others much of its time."""
    try:
        with open(f"/proc/{process}/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9 > STARVED * seconds
    except (OSError, ValueError, IndexError):
        return True  # nobody counts it here


def clear(process: int, order: dict[str, Any]) -> None:
    """End what the child left running and remove what it left lying."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if order["closed"]:
            os.kill(-1, signal.SIGKILL)  # all that this process may see, but not itself
        else:
            os.killpg(process, signal.SIGKILL)
    lent = 0 if order["closed"] else order["user"]
    if lent:
        leftovers.end_user(lent)
    leftovers.end_descendants()
    if lent:
        leftovers.sweep(lent)
    leftovers.empty([order["folder"], *(["/dev/shm"] if order["closed"] else [])])


def main() -> None:
    order = unpack(sys.stdin.buffer.read(), None)
    jobs = order["jobs"]
    torch.set_num_threads(1)
    rights.visible(False)  # no child may look into this process
    rights.adopt()
    module = __import__(order["module"])
    exercises = {exercise.key: exercise for exercise in module.EXERCISES}
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # no input, and nobody reads what is printed
        os.dup2(null, stream)
    for job in jobs:
        for end in (job["channel"], job["replies"]):
            os.set_inheritable(end, False)
        exercises[job["key"]].given()  # so that what it imports is imported before a fork
    ends = [(job["channel"], job["replies"]) for job in jobs]
    for number, job in enumerate(jobs):
        process = os.fork()
        if process == 0:
            others = [end for both in ends[number + 1 :] for end in both]
            child(job, exercises[job["key"]], order, others)
        ended, waited = wait(process, job["seconds"]), False
        if ended == "time":
            waited = starved(process, job["seconds"])
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        clear(process, order)
        with contextlib.suppress(OSError):
            send(job["channel"], {"ended": ended, "starved": waited})
        for end in ends[number]:
            os.close(end)


if __name__ == "__main__":
    main()
