"""Checks of what a person passes in: each refusal is one sentence."""

import math
import numbers
from collections.abc import Iterable
from reprlib import repr as shown  # cut where a value is too long for a sentence
from typing import Any, SupportsIndex

Whole = SupportsIndex  # what ``whole`` takes: ints, also those of NumPy and 0-d tensors


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


def whole(
    name: str, value: Any, *, at_least: int | None = None, at_most: int | None = None
) -> int:
    """``value`` as a Python int.

    Numbers of NumPy are numbers, and so is what a 0-d tensor or array holds. A bool is
    none, and neither is a float without decimals, such as 1e3.

    Args:
        name: what the message calls it.
        value: what was given.
        at_least: the smallest number allowed.
        at_most: the largest number allowed.

    Raises:
        ValueError: it is no whole number, or out of range.

    >>> whole("updates", 1e3)
    Traceback (most recent call last):
    ValueError: updates must be a whole number, got 1000.0 (a float).
    """
    if type(value) is int and at_least is None and at_most is None:
        return value  # as most are; a batch has thousands of ids
    plain = _plain(value)
    is_whole = isinstance(plain, numbers.Integral) and not isinstance(plain, bool)
    require(is_whole, _not_a(name, "a whole number", plain))
    _require_range(name, plain, at_least=at_least, at_most=at_most)
    return int(plain)


def number(
    name: str,
    value: Any,
    *,
    above: float | int | None = None,
    at_least: float | int | None = None,
    below: float | int | None = None,
    at_most: float | int | None = None,
) -> float:
    """``value`` as a Python float; what counts as a number is said under ``whole``.

    Args:
        name: what the message calls it.
        value: what was given.
        above: every number allowed is larger.
        at_least: the smallest number allowed.
        below: every number allowed is smaller.
        at_most: the largest number allowed.

    Raises:
        ValueError: it is no number, NaN or infinite, or out of range.

    >>> number("dropout", float("nan"), at_least=0, below=1)
    Traceback (most recent call last):
    ValueError: dropout must be a finite number, got nan (a float).
    """
    plain = _plain(value)
    is_real = isinstance(plain, numbers.Real) and not isinstance(plain, bool)
    require(is_real and _is_finite(plain), _not_a(name, "a finite number", plain))
    _require_range(
        name, plain, above=above, at_least=at_least, below=below, at_most=at_most
    )
    return float(plain)


def _plain(value: Any) -> Any:
    """What a number of NumPy, a 0-d array or a 0-d tensor holds; all else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _not_a(name: str, wanted: str, value: Any) -> str:
    return f"{name} must be {wanted}, got {shown(value)} (a {type(value).__name__})."


def _require_range(name: str, value: Any, **limits: float | int | None) -> None:
    holds = {
        "above": lambda limit: value > limit,
        "at_least": lambda limit: value >= limit,
        "below": lambda limit: value < limit,
        "at_most": lambda limit: value <= limit,
    }
    given = {words: limit for words, limit in limits.items() if limit is not None}
    if given.keys() == {"at_least", "at_most"}:
        wanted = "lie between {at_least} and {at_most}".format(**given)
    else:
        each = (f"{words.replace('_', ' ')} {limit}" for words, limit in given.items())
        wanted = f"be {' and '.join(each)}"
    require(
        all(holds[words](limit) for words, limit in given.items()),
        f"{name} must {wanted}, got {value}.",
    )
