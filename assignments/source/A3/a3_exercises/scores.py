"""2. Additive scores."""

from collections.abc import Iterator

import torch

from checks.differences import first_difference, known, same, wrong_shape
from checks.exercise import Answer, Case, Criterion, Inputs

ANSWERS = ("additive_scores",)

W = [[20.0, 0.0], [0.0, 40.0]]
U = [[0.0, 20.0], [40.0, 0.0]]
STATES = [[[1.0, 0.0], [0.0, -1.0], [2.0, 1.0]], [[0.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]]


def examples() -> Iterator[Case]:
    """Sums that are 0 or far from it, so that their tanh is exactly -1, 0 or 1."""

    def case(query, states, scores):
        inputs = {
            "query": torch.tensor(query),
            "enc_states": torch.tensor(states),
            "W": torch.tensor(W),
            "U": torch.tensor(U),
            "v": torch.tensor([3.0, 1.0]),
        }
        return Case(inputs, torch.tensor(scores))

    yield case([[[1.0, -1.0]]], STATES[:1], [[[3.0, -1.0, 4.0]]])
    yield case(
        [[[1.0, -1.0], [0.0, 1.0]], [[0.0, 0.0], [-1.0, 1.0]]],
        STATES,
        [[[3.0, -1.0, 4.0], [1.0, -2.0, 4.0]], [[0.0, -1.0, 3.0], [-2.0, -3.0, 1.0]]],
    )


# Wrong answers to the first example, worked out by hand.
WRONG_SCORES = [
    ([[[1.0, -3.0, 4.0]]], "The two matrices have changed places: W belongs to the query."),
    (
        [[[2.0, -4.0, 3.0]]],
        "The scores are those of the transposed matrices. W and U have their outputs in "
        "the first axis, as the weight of an nn.Linear has.",
    ),
    (
        [[[-1.0, -3.0, 2.0]]],
        "The projected query and the projected state were multiplied; this scorer is "
        "called additive.",
    ),
    (
        [[[1.0, -1.0, 2.0]]],
        "The components of the hidden layer were summed as they are; v is to weigh them.",
    ),
]


def one_query(inputs: Inputs) -> bool:
    """Whether there is one query of one source."""
    return inputs["query"].shape[:2] == (1, 1)


def additive(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """Criterion: the scores are right."""
    told = wrong_shape(answer, expected, ["batch", "tgt_len", "src_len"])
    if told or same(answer, expected):
        return told
    top = inputs["v"].abs().sum().item()
    if answer.abs().max() > top * 1.01:
        return (
            f"A score is {answer.flatten()[answer.abs().argmax()]:.4g}, outside the "
            f"range from {-top:.4g} to {top:.4g} that this v allows: the hidden layer "
            "has to be bounded, and not before its two parts are added."
        )
    if answer.abs().max() <= 1 and expected.abs().max() > 1.1 and top > 1.5:
        return (
            f"No score leaves the range from -1 to 1, but this v allows {-top:.4g} "
            f"to {top:.4g}: v comes last."
        )
    return known(answer, WRONG_SCORES) or first_difference(
        answer, expected, ["batch", "query", "position"]
    )


alone = Criterion("one query over one source", 2, additive, cases=one_query)
batches = Criterion(
    "batches of sources, several queries each",
    2,
    additive,
    cases=lambda i: not one_query(i),
)
