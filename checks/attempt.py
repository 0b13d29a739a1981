"""Run an answer, and reduce what comes back to numbers and text."""

import builtins
import random
import re
import traceback
import types
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import cache, partial
from typing import Any

import numpy as np
import torch

from checks.asking import Ask, answered, asking
from checks.exercise import Exercise, Failed, Inputs, Student
from checks.plain import without_code

ANSWER_FILE = "<your answer>"  # the file name that an answer's code is compiled under
LONGEST_REASON = 400  # characters
NO_REASON = "There is no answer, and no reason."
UNANSWERED = "This exercise is not answered yet (NotImplementedError)."
NO_PLAIN = "The answer must be made of tensors, numbers and text, but it is"
NOT_SHOWN = "There is no answer in a case that is not shown."


def attempt(exercise: Exercise, student: Student, inputs: Inputs) -> Any:
    """The plain answer of the student's code, or ``Failed`` with the reason.

    What the answer asks is answered here, beside it, as at a student's desk. It gets a copy
    of its inputs: what it changes in place, the judge has to see as it was.
    """
    outside = exercise.outside(inputs)
    told = partial(answered, outside)
    shown = deepcopy(exercise.shown(inputs))
    found = attempt_asking(exercise, student, shown, outside.functions, told)
    return with_facts(found, outside.facts())


def with_facts(answer: Any, facts: dict[str, Any]) -> Any:
    """An answer and what was seen from outside, which goes before what it says itself."""
    if isinstance(answer, Failed) or not facts:
        return answer
    return answer | facts if isinstance(answer, dict) else Failed(NO_REASON)


def attempt_asking(
    exercise: Exercise, student: Student, inputs: Inputs, names: Iterable[str], ask: Ask
) -> Any:
    """The plain answer of the student's code to what it is shown, without the facts.

    Args:
        exercise: the question.
        student: the names that the student's cell defines.
        inputs: those that the answer is shown.
        names: the functions that it may ask.
        ask: takes a question to where it is answered.
    """
    random.seed(0)
    torch.manual_seed(0)
    try:
        functions = {name: asking(name, ask) for name in names}
        answer = exercise.run(student, {**inputs, **functions})
    except Exception as error:
        return Failed(described(error))
    try:
        return without_code(answer)
    except Exception as error:
        return Failed(f"{NO_PLAIN} {error}.")


def tried(call: Callable[[], Any], name: str = "This exercise") -> Any:
    """What a part of an answer returns, or why it did not, for ``failure``.

    Where an exercise asks for several functions, one must not cost another.
    """
    try:
        return call()
    except Exception as error:
        return {"failed": described(error, name)}


def failure(part: Any) -> str | None:
    """Why ``tried`` has no answer; None where it has one.

    What says that it failed has failed, even with a reason that says nothing.
    """
    if not isinstance(part, dict) or "failed" not in part:
        return None
    reason = part["failed"]
    return reason if isinstance(reason, str) and reason.strip() else NO_REASON


@cache
def _kinds() -> frozenset[str]:
    """The names of the kinds of things that everybody has."""
    held = [
        value for module in (builtins, types, torch, np) for value in vars(module).values()
    ]
    return frozenset(kind.__name__ for kind in held if isinstance(kind, type))


def in_our_words(reason: str, names: Iterable[str] = ()) -> str:
    """A reason of this file's, without any word that an answer could have chosen.

    What an exception says, or is called, may quote what was asked.

    Args:
        reason: anything.
        names: what the exercise asks for.
    """
    unanswered = {f"{name} is not answered yet (NotImplementedError)." for name in names}
    missing = {f"Your cell does not define {name}." for name in names}
    if reason in {UNANSWERED, NO_REASON, *unanswered, *missing}:
        return reason
    if stopped := re.match(
        r"It stopped with (\w+)( in line \d{1,4} of your cell)?(?!\w)", reason
    ):
        kind = stopped[1] if stopped[1] in _kinds() else "an exception of its own"
        return f"It stopped with {kind}{stopped[2] or ''}."
    made = re.fullmatch(re.escape(NO_PLAIN) + r" a (\w+)\.", reason)
    if made and made[1] in _kinds():
        return reason
    return f"{NO_PLAIN} something else." if reason.startswith(NO_PLAIN) else NOT_SHOWN


def described(error: BaseException, name: str = "This exercise") -> str:
    """An exception of a student's code as one sentence, with its line in their cell."""
    if isinstance(error, NotImplementedError):
        return f"{name} is not answered yet (NotImplementedError)."
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f.lineno for f in frames if f.filename == ANSWER_FILE or "ipykernel" in f.filename
    ]
    where = f" in line {own[-1]} of your cell" if own else ""
    text = " ".join(str(error).split())[:LONGEST_REASON]
    return f"It stopped with {type(error).__name__}{where}: {text or 'no message'}"
