"""4. The context."""

from collections.abc import Iterator

import torch

from a3_exercises.sums import wrong_sum
from checks.differences import refuse, wrong_shape
from checks.exercise import Answer, Case, Criterion, Inputs

ANSWERS = ("weighted_context",)


def examples() -> Iterator[Case]:
    """All weight on one state, then weights that mix."""

    def case(weights, values, context):
        inputs = {"weights": torch.tensor(weights), "values": torch.tensor(values)}
        return Case(inputs, torch.tensor(context))

    yield case(
        [[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]],
        [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]],
        [[[3.0, 4.0], [5.0, 6.0]]],
    )
    yield case(
        [[[0.5, 0.5, 0.0]], [[0.25, 0.25, 0.5]]],
        [[[2.0, 0.0], [4.0, 8.0], [6.0, -4.0]], [[4.0, 0.0], [0.0, 8.0], [2.0, 2.0]]],
        [[[3.0, 4.0]], [[2.0, 3.0]]],
    )


def on_one(inputs: Inputs) -> bool:
    """Whether one state has all weight."""
    return bool((inputs["weights"].max(dim=-1).values > 0.999).all())


def context(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """Criterion: the weighted sum."""
    values = inputs["values"]
    refuse(wrong_shape(answer, expected, ["batch", "tgt_len", "value_dim"]))
    told = wrong_sum(answer, expected, inputs["weights"], values, "value")
    within = values.amin() - 1e-3 <= answer.amin() and answer.amax() <= values.amax() + 1e-3
    if within or not told:
        return told
    far = answer.flatten()[(answer - values.mean()).abs().argmax()]
    return (
        f"The context holds {far:.4g}, but the values lie between {values.min():.4g} and "
        f"{values.max():.4g}; weights that sum to 1 cannot leave that range."
    )


hard = Criterion("all weight on one state gives that state", 1, context, cases=on_one)
soft = Criterion(
    "weights that mix give the weighted sum", 2, context, cases=lambda i: not on_one(i)
)
