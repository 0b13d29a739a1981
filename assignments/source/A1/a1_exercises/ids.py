"""Ids, rows and pairs of tensors, as an answer holds them."""

from typing import Any

import torch
from torch import Tensor


def numbers(answer: Any) -> list[int] | None:
    """A list of whole numbers, or None if ``answer`` is none."""
    if isinstance(answer, Tensor):
        answer = answer.tolist()
    if not isinstance(answer, list) or not all(type(n) is int for n in answer):
        return None
    return answer


def not_whole(name: str, answer: Tensor) -> str | None:
    """Ids are whole numbers."""
    if answer.is_floating_point() or answer.dtype == torch.bool:
        return (
            f"{name} holds numbers of the type {str(answer.dtype).split('.')[-1]}, but "
            "ids are whole numbers (int64)."
        )
    return None


def of_two(answer: Any, names: str) -> str | None:
    """Whether an answer that should be a pair is none."""
    if not isinstance(answer, list) or len(answer) != 2:
        return f"The function has to return two tensors, {names}."
    return None


def legal(answer: Any, pairs: int) -> tuple[list[list[int]], str | None]:
    """Batches of pair numbers, and what is wrong if a pair is missing or twice."""
    if not isinstance(answer, list) or not answer:
        return [], "The function has to return a list of batches, each a list of numbers."
    batches = [numbers(batch) for batch in answer]
    for b, batch in enumerate(batches):
        if batch is None:
            return [], f"Batch {b} has to be a list of pair numbers."
        if not batch:
            return [], f"Batch {b} is empty."
    seen = [i for batch in batches for i in batch or ()]
    for i in seen:
        if not 0 <= i < pairs:
            return [], f"There is no pair {i}; the pairs have the numbers 0 to {pairs - 1}."
        if seen.count(i) > 1:
            return [], f"Pair {i} is there {seen.count(i)} times."
    if len(seen) < pairs:
        left = min(set(range(pairs)) - set(seen))
        return [], f"Pair {left} is in no batch; {pairs - len(seen)} pairs are missing."
    return [batch or [] for batch in batches], None
