"""Ids, rows and pairs of tensors, as an answer holds them."""

from collections import Counter

import torch
from torch import Tensor

from checks.attempt import failure
from checks.differences import brief, refuse
from checks.exercise import Answer, Wrong


def numbers(answer: Answer) -> list[int] | None:
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


def of_two(answer: Answer, names: str) -> str | None:
    """Whether an answer that should be a pair is none."""
    if not isinstance(answer, list) or len(answer) != 2:
        return f"The function has to return two tensors, {names}."
    return None


def legal(answer: Answer, pairs: int) -> list[list[int]]:
    """Batches in which each pair is once, by its number; else ``Wrong``."""
    refuse(failure(answer))
    if not isinstance(answer, list) or not answer:
        raise Wrong("The function has to return a list of batches, each a list of numbers.")
    batches = []
    for b, batch in enumerate(answer):
        found = numbers(batch)
        if not found:
            empty = found is not None
            what = "is empty" if empty else "has to be a list of pair numbers"
            raise Wrong(f"Batch {b} {what}.")
        batches.append(found)
    counts = Counter(i for batch in batches for i in batch)
    for i, count in counts.items():
        if not 0 <= i < pairs:
            raise Wrong(
                f"There is no pair {brief(i)}; the pairs have the numbers 0 to {pairs - 1}."
            )
        if count > 1:
            raise Wrong(f"Pair {i} is there {count} times.")
    missing = sorted(set(range(pairs)) - set(counts))
    if missing:
        raise Wrong(f"Pair {missing[0]} is in no batch; {len(missing)} pairs are missing.")
    return batches
