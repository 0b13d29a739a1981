"""How an answer differs from what was asked for, in one sentence with its numbers."""

from collections.abc import Iterable, Sequence
from math import isclose
from typing import Any

import torch
from torch import Tensor

from checks.exercise import Wrong

TOLERANCE = 1e-4
BRIEF = 60  # characters of what an answer holds


def brief(value: Any, most: int = BRIEF) -> str:
    """A part of an answer for a sentence, cut off where it is long.

    Others read what is said of a case, and an answer may hold all that it was asked with.

    >>> brief([1, 2]), brief("long " * 99, 12)
    ('[1, 2]', "'long lon...")
    """
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


# --- tensors ----------------------------------------------------------------------------


def wrong_shape(answer: Any, expected: Tensor, axes: Sequence[str]) -> str | None:
    """None if ``answer`` is a tensor with the shape of ``expected`` and real numbers.

    Args:
        answer: anything.
        expected: a tensor of the right shape.
        axes: the names of its axes, for people.

    >>> wrong_shape(torch.zeros(2, 3), torch.zeros(3, 2), ["batch", "src_len"])
    'The answer has the shape (2, 3), but (batch, src_len) = (3, 2) was asked for.'
    """
    if not isinstance(answer, Tensor):
        return f"The answer has to be a tensor, but it is a {type(answer).__name__}."
    if answer.shape != expected.shape:
        return (
            f"The answer has the shape {tuple(answer.shape)}, but ({', '.join(axes)}) = "
            f"{tuple(expected.shape)} was asked for."
        )
    bad = ~torch.isfinite(answer.double())
    if bad.any() and torch.isfinite(expected.double()).all():
        at = place(bad.nonzero()[0].tolist(), axes)
        return (
            f"The answer is {answer[bad][0].item()} at {at}; every number must be finite."
        )
    return None


def same(answer: Any, other: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether ``answer`` is a tensor of the shape and, nearly, the numbers of ``other``."""
    if not isinstance(answer, Tensor) or answer.shape != other.shape:
        return False
    return torch.allclose(
        answer.double(), other.double(), rtol=tolerance, atol=tolerance, equal_nan=True
    )


def first_difference(
    answer: Any, expected: Tensor, axes: Sequence[str], tolerance: float = TOLERANCE
) -> str | None:
    """None if the two are nearly equal, else where they first differ and by how much.

    >>> first_difference(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]), ["step"])
    'At step 1 the answer is 2, but 2.5 is right.'
    """
    told = wrong_shape(answer, expected, axes)
    if told:
        return told
    ours, right = answer.double(), expected.double()
    far = ~torch.isclose(ours, right, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not far.any():
        return None
    where = tuple(far.nonzero()[0].tolist())
    at = f"At {place(where, axes)} the answer" if where else "The answer"
    return f"{at} is {ours[where].item():.4g}, but {right[where].item():.4g} is right."


def place(indices: Sequence[int], axes: Sequence[str]) -> str:
    """Indices in words: ``batch 2, step 0``."""
    return ", ".join(f"{a} {i}" for a, i in zip(axes, indices, strict=True))


# --- numbers ----------------------------------------------------------------------------


def number(value: Any) -> float | None:
    """``value`` as a float, or None if it is no single number."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def whole(value: Any) -> int | None:
    """``value`` as an int, or None if it is no single whole number."""
    found = number(value)
    return int(found) if found is not None and found.is_integer() else None


def near(value: Any, right: float | int, least: float | int = TOLERANCE) -> bool:
    """Whether ``value`` is a single number that nearly equals ``right``.

    Args:
        value: anything.
        right: the number to compare with, relative to its size.
        least: differences below this never count; 0 for chances that may be tiny.
    """
    found = number(value)
    return found is not None and isclose(found, right, rel_tol=TOLERANCE, abs_tol=least)


def wrong_number(
    answer: Any,
    right: float | int,
    what: str,
    mistakes: Iterable[tuple[float | int, str]] = (),
) -> str | None:
    """None if ``answer`` is ``right``, else what we know of the mistake.

    Args:
        answer: anything.
        right: the right number.
        what: what the answer is, such as "The error rate".
        mistakes: wrong numbers, and what each of them says of the way to it.

    >>> wrong_number(9, 3, "The mean", [(9, "this is the sum.")])
    'The mean is 9 and should be 3: this is the sum.'
    """
    found = number(answer)
    if found is None:
        return f"{what} has to be a number, but it is a {type(answer).__name__}."
    if near(found, right):
        return None
    says = known(found, mistakes)
    if says:
        return f"{what} is {found:.4g} and should be {right:.4g}: {says}"
    return f"{what} is {found:.4g}, but {right:.4g} is right."


# --- both -------------------------------------------------------------------------------


def refuse(told: str | None) -> None:
    """Raise ``Wrong`` with what one of these functions said, if it said something."""
    if told is not None:
        raise Wrong(told)


def known(
    answer: Any, mistakes: Iterable[tuple[Any, str]], least: float | int = TOLERANCE
) -> str | None:
    """The sentence of the first mistake that leads to ``answer``; None if none does.

    Args:
        answer: a number or a tensor.
        mistakes: what a mistake answers, a number, a tensor or a list, and its sentence.
        least: of numbers, as in ``near``.
    """
    for wrong, sentence in mistakes:
        if isinstance(wrong, int | float):
            met = near(answer, wrong, least)
        else:
            met = same(answer, torch.as_tensor(wrong))
        if met:
            return sentence
    return None


def parts(answer: Any, n: int, names: str) -> str | None:
    """None if ``answer`` is a list of ``n`` things."""
    if isinstance(answer, list) and len(answer) == n:
        return None
    return f"The answer has to be the {n} things {names}, in this order."
