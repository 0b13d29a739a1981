"""How an answer differs from what was asked for, in one sentence with its numbers."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 1e-4


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
