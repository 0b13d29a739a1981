"""6 · Three ways to change a row."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from checks.attempt import failure, tried
from checks.differences import TOLERANCE, first_difference, refuse, wrong_shape
from checks.exercise import Answer, Case, Criterion, Inputs, Student, criterion

ANSWERS = ("spread", "keep", "erase")

CELL = ("batch", "step", "position")


def run(student: Student, inputs: Inputs) -> Answer:
    """One of the three functions."""
    edit = getattr(student, inputs["edit"])
    more = (inputs["k"],) if inputs["edit"] == "keep" else ()
    return tried(lambda: edit(inputs["weights"], inputs["mask"], *more), inputs["edit"])


def is_edit(*names: str, padded: bool | None = None, corner: bool | None = None) -> Any:
    """The cases of these functions, with or without padding, corners or ordinary rows."""

    def chosen(inputs: Inputs) -> bool:
        mask, weights = inputs["mask"], inputs["weights"]
        real = torch.where(mask[:, None], weights, torch.zeros_like(weights))
        cornered = bool((real.amax(dim=-1) > 1 - TOLERANCE).any())
        return (
            inputs["edit"] in names
            and padded in (None, not bool(mask.all()))
            and corner in (None, cornered)
        )

    return chosen


def no_weights(inputs: Inputs, answer: Answer, expected: Tensor) -> str | None:
    """Why an answer holds no edited weights."""
    told = failure(answer) or wrong_shape(answer, expected, CELL)
    return told and f"{inputs['edit']}: {told}"


def judge_edit(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(no_weights(inputs, answer, expected))
    found, right = answer.to(expected), expected
    name, mask, weights = inputs["edit"], inputs["mask"], inputs["weights"]
    sums, real = found.sum(dim=-1), mask[:, None].expand_as(found)
    for i, t in (~torch.isclose(found, right, atol=TOLERANCE)).any(-1).nonzero().tolist():
        at = f"{name}: at batch {i}, step {t}"
        on_padding = float(found[i, t][~mask[i]].abs().sum())
        if on_padding > TOLERANCE:
            return f"{at}, {on_padding:.2f} of the weight lies on padding."
        if name == "erase":
            largest = int(torch.where(real, weights, -1.0)[i, t].argmax())
            if right[i, t, largest] == 0 and found[i, t, largest] > TOLERANCE:
                return (
                    f"{at}, position {largest} has the largest weight, and "
                    f"{float(found[i, t, largest]):.2f} of it is left."
                )
        if abs(float(sums[i, t]) - 1) > TOLERANCE:
            return f"{at}, the weights sum to {float(sums[i, t]):.3f} and not to 1."
        return f"{name}: {first_difference(found, right, CELL)}"
    return None


spread = Criterion(
    "spread: the same weight on every real position", 1, judge_edit, cases=is_edit("spread")
)


@criterion(
    "keep: the k largest keep weight, and no other", 1, cases=is_edit("keep", padded=False)
)
def judge_support(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(no_weights(inputs, answer, expected))
    for i, t in ((answer != 0) != (expected != 0)).any(dim=-1).nonzero().tolist():
        ours, theirs = (w[i, t].nonzero().flatten() for w in (answer, expected))
        return (
            f"keep with k = {inputs['k']}: at batch {i}, step {t} the positions "
            f"{ours.tolist()} have weight, but {theirs.tolist()} should."
        )
    return None


kept = Criterion(
    "keep: what is left sums to 1", 1, judge_edit, cases=is_edit("keep", padded=False)
)
erased = Criterion(
    "erase: the largest is gone, the others sum to 1",
    1,
    judge_edit,
    cases=is_edit("erase", padded=False),
)
padded = Criterion(
    "keep and erase: padding is not read and gets nothing",
    1,
    judge_edit,
    cases=is_edit("keep", "erase", padded=True, corner=False),
)
corner = Criterion(
    "erase: where nothing else has weight",
    1,
    judge_edit,
    cases=is_edit("erase", corner=True),
)


def _edit(edit: str, weights: list, mask: list, right: list, k: int = 0) -> Case:
    return Case(
        {
            "edit": edit,
            "weights": torch.tensor(weights),
            "mask": torch.tensor(mask),
            "k": k,
        },
        torch.tensor(right),
    )


def examples() -> Iterator[Case]:
    whole_row, cut = [[True] * 4], [[True, True, False, True]]
    rows = [[[0.1, 0.4, 0.2, 0.3], [0.6, 0.2, 0.15, 0.05]]]
    # Position 2 is padding, and what stands there is no weight.
    padded = [[[0.1, 0.6, 0.9, 0.3], [0.5, 0.2, 0.4, 0.3]]]
    yield _edit("spread", padded, cut, [[[1 / 3, 1 / 3, 0, 1 / 3]] * 2])
    yield _edit("keep", rows, whole_row, [[[0, 1.0, 0, 0], [1.0, 0, 0, 0]]], k=1)
    yield _edit(
        "keep", rows, whole_row, [[[0, 4 / 7, 0, 3 / 7], [3 / 4, 1 / 4, 0, 0]]], k=2
    )
    yield _edit("keep", padded, cut, [[[0, 2 / 3, 0, 1 / 3], [5 / 8, 0, 0, 3 / 8]]], k=2)
    yield _edit("keep", padded, cut, [[[0.1, 0.6, 0, 0.3], [0.5, 0.2, 0, 0.3]]], k=4)
    yield _edit(
        "erase", rows, whole_row, [[[1 / 6, 0, 1 / 3, 1 / 2], [0, 1 / 2, 3 / 8, 1 / 8]]]
    )
    yield _edit("erase", padded, cut, [[[1 / 4, 0, 0, 3 / 4], [0, 2 / 5, 0, 3 / 5]]])
    yield _edit(
        "erase",
        [[[0, 1.0, 0.5, 0]], [[0.3, 0.7, 1.0, 0.2]]],
        [[True, True, False, True], [False, False, True, False]],
        [[[1 / 2, 0, 0, 1 / 2]], [[0, 0, 1.0, 0]]],
    )
