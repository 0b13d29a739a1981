"""3 · How widely a row looks."""

import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from checks.differences import near, same, wrong_shape
from checks.exercise import Answer, Case, Criterion, Inputs, criterion

ANSWERS = ("bits",)
FORBIDDEN = ("torch.distributions",)


def row_kinds(inputs: Inputs) -> dict[str, Tensor]:
    """Which rows are plain, have a weight of zero, have padding; each (batch, tgt_len)."""
    weights, mask = inputs["weights"], inputs["mask"]
    zero = ((weights == 0) & mask[:, None, :]).any(dim=-1)
    padded = (~mask).any(dim=-1)[:, None].expand_as(zero)
    return {"plain": ~zero & ~padded, "zero": zero & ~padded, "padded": ~zero & padded}


BASES = {"bits": 1.0, "nats": math.log(2), "decimal digits": math.log10(2)}


def base_of(rows: Tensor, answer: Tensor, expected: Tensor) -> str | None:
    """The unit in which the chosen rows are right, or None."""
    return next(
        (unit for unit, f in BASES.items() if same(answer[rows], f * expected[rows])), None
    )


def in_some_unit(found: float, right: float) -> bool:
    """Whether a number of bits is right in one of the units."""
    return any(near(found, f * right) for f in BASES.values())


def judge_entropy(
    which: str, inputs: Inputs, answer: Answer, expected: Answer
) -> str | None:
    """One kind of rows, in whatever unit."""
    told = None
    if not isinstance(answer, Tensor) or answer.shape != expected.shape:
        told = wrong_shape(answer, expected, ["batch", "step"])
    rows = row_kinds(inputs)[which]
    if told or not rows.any() or base_of(rows, answer, expected):
        return told
    for i, t in rows.nonzero().tolist():
        found, right = float(answer[i, t]), float(expected[i, t])
        if not in_some_unit(found, right):
            break
    at = f"The entropy of batch {i}, step {t}"
    if math.isnan(found) or math.isinf(found):
        why = "0 times the logarithm of 0 counts as 0." if which == "zero" else ""
        return f"{at} is {found}; every entropy is a finite number. {why}".strip()
    if right and in_some_unit(-found, right):
        return f"{at} is {found:.4g}, which is negative: a sign is missing."
    if any(in_some_unit(found * k, right) for k in inputs["weights"].shape[1:]):
        return f"{at} is {found:.4g}: a mean was taken where the sum belongs."
    if near(found, 2**right) or near(found, math.exp(right * math.log(2))):
        return f"{at} is {found:.4g}: that is how many words it looks at, not bits."
    if which == "padded":
        return (
            f"{at} is {found:.4g}, but {right:.4g} bits are right: "
            f"{int((~inputs['mask'][i]).sum())} of its columns are padding, and what "
            "stands there does not count."
        )
    return f"{at} is {found:.4g}, but {right:.4g} bits are right."


plain = Criterion(
    "rows without zeros and without padding, in any unit",
    1,
    partial(judge_entropy, "plain"),
)
zero = Criterion("a weight of zero adds nothing", 1, partial(judge_entropy, "zero"))
padded = Criterion("padding adds nothing", 1, partial(judge_entropy, "padded"))


@criterion("the unit is bits", 1)
def judge_bits(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    told = judge_entropy("plain", inputs, answer, expected)
    rows = row_kinds(inputs)["plain"]
    if told or not rows.any() or same(answer[rows], expected[rows]):
        return told
    i, t = rows.nonzero()[0].tolist()
    return (
        f"The entropy of batch {i}, step {t} is {answer[i, t]:.4g} "
        f"{base_of(rows, answer, expected)}; in bits it is {expected[i, t]:.4g}."
    )


def examples() -> Iterator[Case]:
    yield Case(
        {
            "weights": torch.tensor([[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]]),
            "mask": torch.tensor([[True, True, True]]),
        },
        torch.tensor([[1.5, 1.5]]),
    )
    yield Case(
        {
            "weights": torch.tensor(
                [
                    [[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0], [0, 0, 1.0, 0]],
                    [[0.5, 0.5, 0.25, 0.0], [0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.9, 0.9]],
                    [
                        [0.125, 0.25, 0.5, 0.125],
                        [0.5, 0.125, 0.125, 0.25],
                        [0.5, 0.0, 0.25, 0.25],
                    ],
                ]
            ),
            "mask": torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1]]).bool(),
        },
        torch.tensor([[2.0, 1.0, 0.0], [1.0, 1.0, 1.0], [1.75, 1.75, 1.5]]),
    )
