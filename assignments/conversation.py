"""What a closed process says, and what becomes of it: nothing of it is believed.

A job's messages come through a channel of its own, each after its length. They are data
that the student may have written.
"""

import os
import re
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assignments.box.transport import LENGTH, unpack
from assignments.limits import MIB, Limits
from assignments.questions import Questions

LONGEST = 1 << 32  # bytes of a message; what may be sent is counted before
MORE_MESSAGES = 100  # that are no answers, and no questions
GRACE = 5.0  # seconds between the end of an answer's time and the end of our patience


@dataclass
class Outcome:
    """What came out of a closed process."""

    answers: dict[int, dict[str, Any]] = field(default_factory=dict)  # by their cases
    ending: str = ""  # why the process did not come to its end, as a sentence
    started: bool = False  # whether the student's code was reached
    reached: bool = False  # whether the cell of the answer itself was reached
    starved: bool = False  # whether its time ran out while it waited for a processor
    facts: dict[int, dict[str, Any]] = field(default_factory=dict)  # seen from this side


def converse(
    channel: int, questions: Questions, limits: Limits, before: float
) -> tuple[Outcome, bool]:
    """Collect one job's messages; returns whether the process around it still lives.

    Args:
        channel: where they come from.
        questions: answers those that ask something.
        limits: of the job.
        before: seconds that the job before this one may still take.
    """
    outcome = Outcome(facts=questions.facts)
    deadline = time.monotonic() + limits.start_seconds + before
    buffer = bytearray()
    received, messages, done = 0, 0, False
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            told = "time" if outcome.started else "start"
            outcome.ending = _ending(told, limits)
            outcome.starved = True  # nobody could say that it was not
            return outcome, False
        waiting = [questions.replies] if questions.waiting else []
        ready, free, _ = select.select([channel], waiting, [], left)
        if free:
            questions.write()
        if not ready:
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
        for message, size in _messages(buffer):
            messages += "ask" not in message
            if not message or messages > questions.cases + MORE_MESSAGES:
                outcome.ending = "It wrote into the channel that answers are sent by."
                return outcome, True
            if "ask" in message:
                outcome.ending = questions.answer(message, size)
                if outcome.ending:
                    return outcome, True
            elif message.get("ready") and not outcome.started:
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
                outcome.starved = told == "time" and bool(message.get("starved"))
                return outcome, True
            elif questions.close_case(message.get("case")):
                outcome.answers[message["case"]] = message


def _messages(buffer: bytearray) -> Iterator[tuple[dict[str, Any], int]]:
    """Take the complete messages off the front, with their sizes.

    What is no message, or more than one may hold, is an empty one.
    """
    while len(buffer) >= LENGTH.size:
        (length,) = LENGTH.unpack_from(buffer)
        if length > LONGEST:
            yield {}, 0
            return
        end = LENGTH.size + length
        if len(buffer) < end:
            return
        with memoryview(buffer) as view:
            data = bytes(view[LENGTH.size : end])
        del buffer[:end]
        try:
            message = unpack(data)
        except ValueError:
            message = None
        yield message if isinstance(message, dict) else {}, length


def _ending(told: str, limits: Limits) -> str:
    """How a job ended, as a sentence; empty where it came to its end."""
    kind, _, number = told.partition(" ")
    if kind == "start":
        return "Python did not start in time."
    if kind == "time":
        return f"It ran longer than the {limits.seconds:g} s that this exercise allows."
    if kind == "exit" and re.fullmatch(r"\d{1,3}", number):
        return f"It ended its own process (exit code {number}) before it had answered."
    if kind == "signal":
        known = {str(s.value): s.name for s in signal.Signals}
        name = known.get(number, "a signal")
        return f"Its process was ended by {name} (a crash, or a limit of the machine)."
    return ""
