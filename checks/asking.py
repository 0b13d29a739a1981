"""Functions that an answer is given and that are somewhere else.

An answer holds a stand-in. What it is called with becomes a question of numbers and text,
which is answered where the answer's code cannot reach: what was asked, and how often, is
known there and not only said by the answer. A notebook takes the same way, without the
distance.
"""

from collections.abc import Callable
from typing import Any

import torch

from checks.exercise import Outside
from checks.plain import without_code

Ask = Callable[[dict[str, Any]], dict[str, Any]]  # a question, and what is answered
ERRORS = {e.__name__: e for e in (ValueError, TypeError, IndexError, OverflowError)}
LONGEST_TEXT = 400  # characters of an error


def asking(name: str, ask: Ask) -> Callable[..., Any]:
    """The stand-in of a function.

    Args:
        name: of the function.
        ask: takes a question to the place where it is answered.
    """

    def stand_in(*args: Any, **named: Any) -> Any:
        try:
            question = {
                "ask": name,
                "args": without_code(args),
                "named": without_code(named),
            }
        except TypeError as error:
            raise TypeError(
                f"{name} takes tensors, numbers and text, not {error}"
            ) from None
        told = ask(question)
        if "error" in told:
            raise ERRORS.get(told["error"], RuntimeError)(told["text"])
        return tuple(told["value"]) if told["tuple"] else told["value"]

    stand_in.__name__ = stand_in.__qualname__ = name
    return stand_in


def answered(outside: Outside, question: dict[str, Any]) -> dict[str, Any]:
    """What is answered to a question; an error of the function is an answer, too.

    Args:
        outside: the functions.
        question: anything; a student's process may have made it up.

    Raises:
        ValueError: it is no question, or nobody can answer it.
    """
    name, args, named = (question.get(part) for part in ("ask", "args", "named"))
    if not isinstance(name, str) or name not in outside.functions:
        raise ValueError("It asked for a function that there is not.")
    if not isinstance(args, list) or not isinstance(named, dict):
        raise ValueError("It asked something that is no question.")
    try:
        with torch.no_grad():
            value = outside.functions[name](*args, **named)
    except Exception as error:
        return {"error": type(error).__name__, "text": str(error)[:LONGEST_TEXT]}
    return {"value": without_code(value), "tuple": isinstance(value, tuple)}
