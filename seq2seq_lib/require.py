"""Checks of what a person passes in: each refusal is one sentence."""

import numbers
import sys
from collections.abc import Iterable
from operator import ge, gt, le, lt
from reprlib import repr as shown  # cut where a value is too long for a sentence
from typing import Any, SupportsIndex

Whole = SupportsIndex  # what ``whole`` takes: ints, also those of NumPy and 0-d tensors

LIMITS = {"above": gt, "at_least": ge, "below": lt, "at_most": le}


def require(condition: Any, message: str) -> None:
    """Raise a ValueError that says ``message`` unless ``condition`` holds."""
    if not condition:
        raise ValueError(message)


def option(name: str, value: Any, known: Iterable[str]) -> None:
    """Raise a ValueError that lists what is ``known`` unless ``value`` is among it."""
    known = list(known)
    require(
        isinstance(value, str) and value in known,
        f"{name}={shown(value)} is not an option; choose one of {', '.join(known)}.",
    )


def whole(name: str, value: Any, **limits: int | float) -> int:
    """``value`` as a Python int.

    Numbers of NumPy are numbers, and so is what a 0-d tensor or array holds. A bool is
    none, and neither is a float without decimals, such as 1e3.

    Args:
        name, value: what the message calls it, and what was given.
        limits: what it is to be: ``above``, ``at_least``, ``below`` or ``at_most``.

    Raises:
        ValueError: it is no whole number, or out of range.

    >>> whole("updates", 1e3)
    Traceback (most recent call last):
    ValueError: updates must be a whole number, got 1000.0 (a float).
    """
    if type(value) is int and not limits:
        return value  # as most are; a batch has thousands of ids
    return int(_checked(name, value, "whole", numbers.Integral, limits))


def number(name: str, value: Any, **limits: int | float) -> float:
    """``value`` as a Python float; numbers and limits are those of ``whole``.

    Raises:
        ValueError: it is no number, NaN or infinite, or out of range.
    """
    return float(_checked(name, value, "finite", numbers.Real, limits))


def _checked(name: str, value: Any, sort: str, kind: type, limits: dict[str, Any]) -> Any:
    plain = value.item() if getattr(value, "ndim", None) == 0 else value
    fits = isinstance(plain, kind) and not isinstance(plain, bool)
    if sort == "finite":
        fits = fits and abs(plain) <= sys.float_info.max
    require(
        fits,
        f"{name} must be a {sort} number, got {shown(plain)} (a {type(plain).__name__}).",
    )
    if limits.keys() == {"at_least", "at_most"}:
        wanted = "lie between {at_least} and {at_most}".format(**limits)
    else:
        each = (f"{limit.replace('_', ' ')} {bound}" for limit, bound in limits.items())
        wanted = f"be {' and '.join(each)}"
    require(
        all(LIMITS[limit](plain, bound) for limit, bound in limits.items()),
        f"{name} must {wanted}, got {plain}.",
    )
    return plain
