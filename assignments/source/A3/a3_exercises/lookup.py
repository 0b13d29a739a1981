"""1. One query, three states."""

import math
from collections.abc import Iterator

import torch

from a3_exercises.sums import wrong_sum
from checks.differences import first_difference, known, parts, refuse, same, wrong_shape
from checks.exercise import Answer, Case, Inputs, criterion

ANSWERS = ("look_up",)


def examples() -> Iterator[Case]:
    """Equal scores, scores that are logarithms, and a clear winner."""

    def case(query, states, scores, weights, context):
        inputs = {"query": torch.tensor(query), "states": torch.tensor(states)}
        right = [torch.tensor(part) for part in (scores, weights, context)]
        return Case(inputs, right)

    yield case(
        [1.0, 1.0],
        [[2.0, 0.0], [0.0, 2.0], [4.0, -2.0]],
        [2.0, 2.0, 2.0],
        [1 / 3, 1 / 3, 1 / 3],
        [2.0, 0.0],
    )
    yield case(
        [math.log(2), math.log(3)],
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
        [0.0, math.log(2), math.log(3)],
        [1 / 6, 2 / 6, 3 / 6],
        [1 / 3, 1 / 2],
    )
    yield case(
        [4.0, 0.0],
        [[5.0, 1.0], [0.0, 7.0], [-5.0, 2.0]],
        [20.0, 0.0, -20.0],
        [1.0, 0.0, 0.0],
        [5.0, 1.0],
    )


@criterion("the scores are dot products", 1)
def lookup_scores(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(parts(answer, 3, "scores, weights and context"))
    scores, right = answer[0], expected[0]
    size = inputs["query"].shape[0]
    if size > 1 and right.abs().max() > 0.01:
        mistakes = [
            (
                right / math.sqrt(size),
                f"These scores are divided by the square root of {size}; here the plain "
                "dot product is asked for.",
            ),
            (
                right / size,
                f"These scores are divided by {size}, the size of the query: a mean of "
                "products where their sum is meant.",
            ),
        ]
        refuse(known(scores, mistakes))
    if same(scores, expected[1]) and not same(right, expected[1]):
        return "The scores are the weights already: return what goes into the softmax."
    return first_difference(scores, right, ["state"])


@criterion("the weights are positive and sum to 1", 1)
def lookup_weights(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    told = parts(answer, 3, "scores, weights and context") or wrong_shape(
        answer[1], expected[1], ["src_len"]
    )
    if told or same(answer[1], expected[1]):
        return told
    weights, scores = answer[1], expected[0]
    low = weights.argmin().item()
    if weights[low] < 0:
        return f"State {low} has the weight {weights[low]:.2f}; a weight is never negative."
    if abs(weights.sum() - 1) > 1e-3:
        return f"The weights sum to {weights.sum():.3g}, not to 1."
    if scores.sum().abs() > 0 and same(weights, scores / scores.sum()):
        return (
            "The weights are in proportion to the scores. A score of 0 would then count "
            "for nothing, and a negative one could not be a weight; what makes every "
            "score positive first?"
        )
    if weights.max() == 1 and expected[1].max() < 0.99:
        return (
            "All weight is on the best state. This lookup is soft: the others keep a share."
        )
    return first_difference(weights, expected[1], ["state"])


@criterion("the context is the weighted sum of the states", 1)
def lookup_context(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    told = parts(answer, 3, "scores, weights and context") or wrong_shape(
        answer[2], expected[2], ["size"]
    )
    if told:
        return told
    context, right, weights = (
        part[None, None] for part in (answer[2], expected[2], expected[1])
    )
    return wrong_sum(context, right, weights, inputs["states"][None], "state")
