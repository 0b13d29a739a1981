"""3. Weights behind a mask."""

import builtins
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from checks.differences import first_difference, known, refuse, wrong_shape
from checks.exercise import Answer, Case, Inputs, Student, criterion

ANSWERS = ("masked_weights",)


def examples() -> Iterator[Case]:
    """Scores that are logarithms, so that the weights are simple fractions."""

    def case(numbers, mask, expected):
        scores = torch.tensor(numbers).log()
        return Case({"scores": scores, "mask": torch.tensor(mask)}, expected)

    yield case(
        [
            [[1.0, 2.0, 3.0, 94.0], [4.0, 2.0, 2.0, 2.0]],
            [[1.0, 3.0, 4.0, 2.0], [3.0, 2.0, 1.0, 4.0]],
        ],
        [[True, True, True, False], [True, True, False, False]],
        torch.tensor(
            [
                [[1 / 6, 2 / 6, 3 / 6, 0.0], [0.5, 0.25, 0.25, 0.0]],
                [[0.25, 0.75, 0.0, 0.0], [0.6, 0.4, 0.0, 0.0]],
            ]
        ),
    )
    yield case(
        [[[2.0, 7.0, 3.0]]], [[True, False, True]], torch.tensor([[[0.4, 0.0, 0.6]]])
    )
    yield case([[[2.0, 7.0, 3.0]]] * 2, [[True] * 3, [False] * 3], "ValueError")


def run(student: Student, inputs: Inputs) -> Answer:
    """The weights; where a source has no real token, what was raised or returned."""
    if inputs["mask"].any(dim=-1).all():
        return student.masked_weights(**inputs)
    try:
        return {"returned": student.masked_weights(**inputs)}
    except NotImplementedError:
        raise
    except Exception as error:
        # A class of one's own is what it is made from; its name alone makes it nothing.
        kinds = [c for c in type(error).__mro__ if vars(builtins).get(c.__name__) is c]
        return {"raised": True, "kinds": [c.__name__ for c in kinds]}


# Wrong weights of the first example's first query, worked out by hand.
WRONG_WEIGHTS = [
    ([0.01, 0.02, 0.03, 0.94], "These are the weights without any mask."),
    (
        [1 / 7, 2 / 7, 3 / 7, 1 / 7],
        "The score of padding was set to 0, but a score of 0 is worth as much as any.",
    ),
    (
        [0.02464, 0.04929, 0.07393, 0.85214],
        "The mask was added to the scores as the numbers 0 and 1; that shifts them a "
        "little and closes nothing.",
    ),
]


def other_axis(weights: Tensor) -> str | None:
    """Which axis the weights sum to 1 over, if it is the wrong one."""
    numbers = weights.nan_to_num(nan=0.0)
    has_number = ~weights.isnan()
    for axis, words in ((1, "over the queries"), (0, "over the batch axis")):
        sums = numbers.sum(dim=axis)[has_number.any(dim=axis)]
        if len(sums) and torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
            return f"These weights sum to 1 {words}, not over the source."
    for axes, words in (((1, 2), "each source"), ((0, 1, 2), "the whole batch")):
        sums = numbers.sum(dim=axes)
        if torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
            return f"All weights of {words} together sum to 1; those of each query should."
    return None


def follow_scores(inputs: Inputs, weights: Tensor) -> str | None:
    """None if, among real tokens, a clearly larger score has a larger weight."""
    for b, row in enumerate(inputs["mask"]):
        for t in range(weights.shape[1]):
            score, weight = inputs["scores"][b, t][row], weights[b, t][row]
            order = score.argsort()
            for low, high in zip(order, order[1:], strict=False):
                if score[high] - score[low] > 0.05 and not weight[high] > weight[low]:
                    return (
                        f"Batch {b}, query {t}: of two real tokens with the scores "
                        f"{score[low]:.2f} and {score[high]:.2f} the second does not get "
                        f"the larger weight ({weight[low]:.2f} and {weight[high]:.2f})."
                    )
    return None


def upside_down(inputs: Inputs, weights: Tensor) -> str | None:
    """None unless real tokens have no weight and padding has some."""
    real = inputs["mask"][:, None, :].expand_as(weights)
    on_padding = (weights * ~real).sum(dim=-1)
    padded = ~inputs["mask"].all(dim=-1)
    if padded.any() and (on_padding[padded] > 0.99).all():
        b = int(padded.nonzero()[0])
        return (
            f"Batch {b} puts {on_padding[b, 0]:.2f} of its weight on padding and none on "
            "real tokens: the mask is upside down. True is a real token."
        )
    return None


def ordinary(inputs: Inputs, expected: Any) -> bool:
    """Whether a case has weights at all, and scores that every exponential survives."""
    return isinstance(expected, Tensor) and bool(inputs["scores"].abs().max() < 60)


@criterion("each query's weights sum to 1 over the source, more score is more weight", 2)
def sums_over_source(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if not ordinary(inputs, expected):
        return None
    names = ["batch", "tgt_len", "src_len"]
    if isinstance(answer, Tensor) and answer.shape == expected.shape:
        told = upside_down(inputs, answer)
        sums = answer.nan_to_num().sum(dim=-1)
        wrong = (sums - 1).abs() > 1e-3
        if not told and wrong.any():
            told = other_axis(answer)
        if told:
            return told
    refuse(wrong_shape(answer, expected, names))
    if (answer < 0).any():
        return f"A weight is {answer.min():.2f}; no weight is negative."
    if wrong.any():
        b, t = wrong.nonzero()[0].tolist()
        padding = (answer[b, t] * ~inputs["mask"][b]).sum()
        lost = sums[b, t] < 1 and padding == 0 and not inputs["mask"][b].all()
        why = ": what fell on padding is missing from the sum" if lost else ""
        return f"The weights of batch {b}, query {t} sum to {sums[b, t]:.2f}, not 1{why}."
    return follow_scores(inputs, answer)


@criterion("padding weighs exactly nothing", 1)
def nothing_on_padding(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if not ordinary(inputs, expected):
        return None
    told = wrong_shape(answer, expected, ["batch", "tgt_len", "src_len"])
    refuse(told or upside_down(inputs, answer))
    on_padding = (answer * ~inputs["mask"][:, None, :]).abs().sum(dim=-1)
    if (on_padding > 0).any():
        b, t = (on_padding > 0).nonzero()[0].tolist()
        share = f"{on_padding[b, t]:.2f}" if on_padding[b, t] > 0.005 else "a little"
        hint = known(answer[0, 0], WRONG_WEIGHTS)
        rows = inputs["mask"]
        if rows.shape == answer.shape[1:] and (answer * ~rows == 0).all():
            hint = "The rows of the mask were taken for queries; they are sources."
        return f"Batch {b}, query {t} puts {share} of its weight on padding." + (
            f" {hint}" if hint else " It has to be exactly 0."
        )
    return follow_scores(inputs, answer)


@criterion("the numbers are right, for large scores too", 2)
def right_weights(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if isinstance(expected, str):
        return None
    told = wrong_shape(answer, expected, ["batch", "tgt_len", "src_len"])
    largest = inputs["scores"].abs().max()
    if told and largest >= 60:
        return (
            f"{told} Scores in this case go up to {largest:.0f}, more than a bare "
            "exponential can bear."
        )
    return told or first_difference(answer, expected, ["batch", "query", "position"])


@criterion("a source without a real token is a ValueError", 1)
def no_real_token(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if not isinstance(expected, str):
        return None
    row = int((~inputs["mask"].any(dim=-1)).nonzero()[0])
    if "raised" in answer:
        kinds = [kind for kind in answer["kinds"] if kind in vars(builtins)]
        if expected in kinds:
            return None
        return f"Source {row} has no real token; that raises {kinds[0]}, not a ValueError."
    weights = answer["returned"]
    shown = f"a {type(weights).__name__}"
    if isinstance(weights, Tensor):
        shown = f"{weights[row].flatten()[0].item():.3g}"
    return (
        f"Source {row} has no real token, so its weights cannot sum to 1. It was answered "
        f"all the same, with {shown}; raise a ValueError that says which source it is."
    )
