"""7 · Off by one?"""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from a4_exercises.links import set_of
from checks.differences import refuse, whole, wrong_number
from checks.exercise import Answer, Case, Criterion, Inputs, Student, criterion

ANSWERS = ("best_offset",)

OFFSETS = ("-1", "0", "1")
# Offset and rate of the examples: wrong rates, and what leads to them.
KNOWN = {
    ("-1", 0.0): [
        (3 / 5, "this is the rate of the other direction; mind the sign."),
        (1 / 7, "row 0 belongs to no word here, and its link counts."),
        (1 / 5, "the last word has no link; whose row is the last one?"),
    ],
    ("1", 3 / 5): [
        (3 / 7, "a row that belongs to no word was pushed onto the nearest one."),
        (2 / 3, "links behind the last word count as well."),
        (5 / 7, "links behind the last word count as well."),
    ],
    ("0", 1 / 3): [
        (3 / 7, "the word without a gold link counts as well."),
        (5 / 9, "the word without a gold link counts, and EOS as well."),
        (1 / 2, "this is the mean of the sentences' rates; add up first."),
    ],
}


def run(student: Student, inputs: Inputs) -> Answer:
    gold = [set_of(links) for links in inputs["gold"]]
    return student.best_offset(inputs["weights"], gold)


def judge_rate(
    offsets: Sequence[str], inputs: Inputs, answer: Answer, expected: Answer
) -> str | None:
    """The error rates under these offsets."""
    rates = answer[1] if isinstance(answer, list) and len(answer) == 2 else None
    if not isinstance(rates, dict) or set(rates) != set(OFFSETS):
        return (
            "The answer has to be a pair: the best offset, and a dict with an error "
            "rate for each of the offsets -1, 0 and 1."
        )
    for offset in offsets:
        right = expected[1][offset]
        what = f"The error rate at offset {int(offset):+d}"
        mistakes = KNOWN.get((offset, right), ())
        refuse(wrong_number(rates[offset], right, what, mistakes))
    return None


own_row = Criterion(
    "the error rate where each row is read as its own word's", 2, partial(judge_rate, ["0"])
)
neighbours = Criterion(
    "the error rates of the two neighbours", 2, partial(judge_rate, ["-1", "1"])
)


@criterion("the best offset", 1)
def judge_best(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if not isinstance(answer, list) or not answer or whole(answer[0]) is None:
        return "The first half of the answer has to be the best offset: -1, 0 or 1."
    if whole(answer[0]) == expected[0]:
        return None
    rates = ", ".join(f"{expected[1][o]:.2f}" for o in OFFSETS)
    return (
        f"The rates at -1, 0 and 1 are {rates}, so the best offset is {expected[0]:+d}, "
        f"and you say {whole(answer[0]):+d}."
    )


def _peaks(columns: list[int], src_len: int) -> Tensor:
    """Weights with their largest at these columns: 0.6 there, the rest shared."""
    weights = torch.full((len(columns), src_len), 0.4 / (src_len - 1))
    return weights.scatter(1, torch.tensor(columns)[:, None], 0.6)


def examples() -> Iterator[Case]:
    late = _peaks([0, 1, 0, 2], 3)
    yield Case(
        {"weights": [late], "gold": [[(0, 1), (1, 0), (2, 2)]]},
        [-1, {"-1": 0.0, "0": 1.0, "1": 3 / 5}],
    )
    yield Case(
        {
            "weights": [_peaks([1, 1, 0, 1], 2), _peaks([1, 1], 2)],
            "gold": [[(0, 1), (2, 0)], [(0, 0)]],
        },
        [0, {"-1": 2 / 3, "0": 1 / 3, "1": 1.0}],
    )
