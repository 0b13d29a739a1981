"""What a closed process says, and what becomes of it: nothing of it is believed.

A job's messages come through a channel of its own, each after its length. They are data
that the student may have written.
"""

import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assignments.box.transport import LENGTH, unpack
from assignments.limits import MIB, Limits

GRACE = 5.0  # seconds between the end of an answer's time and the end of our patience


@dataclass
class Outcome:
    """What came out of a closed process."""

    answers: dict[int, dict[str, Any]] = field(default_factory=dict)  # by their cases
    ending: str = ""  # why the process did not come to its end, as a sentence
    started: bool = False  # whether the student's code was reached
    reached: bool = False  # whether the cell of the answer itself was reached


def converse(channel: int, limits: Limits, before: float) -> tuple[Outcome, bool]:
    """Collect one job's messages; returns whether the process around it still lives."""
    outcome = Outcome()
    deadline = time.monotonic() + limits.start_seconds + before
    buffer = bytearray()
    received, done = 0, False
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            told = "time" if outcome.started else "start"
            outcome.ending = _ending(told, limits)
            return outcome, False
        if not select.select([channel], [], [], left)[0]:
            continue
        data = os.read(channel, 1 << 16)
        if not data:
            outcome.ending = "It brought down the process that runs answers."
            return outcome, False
        received += len(data)
        if received > limits.answer:
            outcome.ending = f"It sent more than {limits.answer // MIB} MiB of answers."
            return outcome, True
        buffer += data
        for message in _messages(buffer):
            if message is None:
                outcome.ending = "It wrote into the channel that answers are sent by."
                return outcome, True
            if message.get("ready") and not outcome.started:
                outcome.started = True  # only the first: the clock starts once
                deadline = time.monotonic() + limits.seconds + GRACE
            elif message.get("reached"):
                outcome.reached = True
            elif message.get("done"):
                done = True
            elif "ended" in message:
                told = str(message["ended"])
                if not told and not done:
                    told = "exit 0"
                outcome.ending = _ending(told, limits)
                return outcome, True
            elif isinstance(message.get("case"), int):
                outcome.answers.setdefault(message["case"], message)


def _messages(buffer: bytearray) -> Iterator[dict[str, Any] | None]:
    """Take the complete messages off the front; None for what is no message."""
    while len(buffer) >= LENGTH.size:
        (length,) = LENGTH.unpack_from(buffer)
        if length > 1 << 32:
            yield None
            return
        end = LENGTH.size + length
        if len(buffer) < end:
            return
        try:
            message = unpack(bytes(buffer[LENGTH.size : end]))
        except ValueError:
            message = None
        del buffer[:end]
        yield message if isinstance(message, dict) else None


def _ending(told: str, limits: Limits) -> str:
    """How a job ended, as a sentence; empty where it came to its end."""
    kind, _, number = told.partition(" ")
    if kind == "start":
        return "Python did not start in time."
    if kind == "time":
        return f"It ran longer than the {limits.seconds:g} s that this exercise allows."
    if kind == "exit":
        return f"It ended its own process (exit code {number}) before it had answered."
    if kind == "signal":
        known = {str(s.value): s.name for s in signal.Signals}
        name = known.get(number, "a signal")
        return f"Its process was ended by {name} (a crash, or a limit of the machine)."
    return ""
