"""Run an answer, and reduce what comes back to numbers and text."""

import random
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from checks.exercise import Exercise, Failed, Inputs, Student

ANSWER_FILE = "<your answer>"  # the file name that an answer's code is compiled under
LONGEST_REASON = 400  # characters
NO_REASON = "There is no answer, and no reason."


def attempt(exercise: Exercise, student: Student, inputs: Inputs) -> Any:
    """The plain answer of the student's code, or ``Failed`` with the reason."""
    random.seed(0)
    torch.manual_seed(0)
    try:
        answer = exercise.run(student, inputs)
    except Exception as error:
        return Failed(described(error))
    try:
        return without_code(answer)
    except Exception as error:
        return Failed(
            f"The answer must be made of tensors, numbers and text, but it is {error}."
        )


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


def without_code(value: Any) -> Any:
    """``value`` reduced to tensors, numbers, strings, None, lists and dicts.

    Anything else could carry code: an object whose comparison is always true must not
    reach a judge.

    Raises:
        TypeError: it is, or holds, something else.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (Tensor, nn.Parameter):
        if value.layout != torch.strided or value.is_meta or value.is_complex():
            raise TypeError("a tensor that holds no ordinary numbers")
        return value.detach().cpu().contiguous().clone()
    if isinstance(value, np.generic):
        return without_code(value.item())
    if type(value) is np.ndarray:
        return without_code(torch.from_numpy(value))
    if type(value) in (list, tuple) or (
        isinstance(value, tuple) and hasattr(value, "_fields")
    ):
        return [without_code(v) for v in value]
    if type(value) in (set, frozenset):
        return sorted((without_code(v) for v in value), key=repr)
    if isinstance(value, dict):
        return {str(k): without_code(v) for k, v in value.items()}
    raise TypeError(f"a {type(value).__name__}")
