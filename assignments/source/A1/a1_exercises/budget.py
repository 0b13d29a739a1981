"""8. Your own batches, within a budget."""

import random
from collections.abc import Iterator
from functools import partial

from a1_exercises.ids import legal
from checks.exercise import Answer, Case, Criterion, Inputs, Student, criterion

ANSWERS = ("batches_within",)


def run(student: Student, inputs: Inputs) -> Answer:
    lengths = [(s, t) for s, t in inputs["lengths"]]
    return student.batches_within(inputs["budget"], lengths)


@criterion("each pair once, the budget kept, fewer batches than as they come", 1, gate=True)
def within_budget(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    lengths, budget = inputs["lengths"], inputs["budget"]
    batches = legal(answer, len(lengths))
    for b, batch in enumerate(batches):
        wide = [max(lengths[i][side] for i in batch) for side in (0, 1)]
        cells = len(batch) * sum(wide)
        if cells > budget:
            return (
                f"Batch {b} has {len(batch)} pairs, {wide[0]} source and {wide[1]} target "
                f"columns: {cells} cells, but the budget is {budget}."
            )
    if len(batches) >= expected["in_order"]:
        share = sum(s + t for s, t in lengths) / (len(batches) * budget)
        return (
            f"There are {len(batches)} batches, and {share:.0%} of their budget is real "
            f"tokens. Taking the pairs as they come needs {expected['in_order']}."
        )
    return None


HINTS = {
    "length": "Which pairs share a batch, and which should?",
    "both": "Pairs of 5 and 25, and of 25 and 5, make 50 columns together.",
    "best": "What does a pair cost the batch that it joins?",
}


def at_most(level: str, inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """The number of batches that a level allows."""
    if len(answer) <= expected[level]:
        return None
    share = sum(s + t for s, t in inputs["lengths"]) / (len(answer) * inputs["budget"])
    return (
        f"{len(answer)} batches instead of the {expected['in_order']} of pairs as they "
        f"come, {share:.0%} of the budget real tokens; this takes {expected[level]} or "
        f"fewer. {HINTS[level]}"
    )


def examples() -> Iterator[Case]:
    few = [[2, 3], [9, 8], [3, 2], [2, 2], [8, 9], [3, 3]]
    few += [[1, 3], [2, 3], [3, 1], [9, 9], [2, 2], [3, 3]]
    rng, many = random.Random(7), []
    for _ in range(307):  # both lengths lie near a common one
        mean = rng.lognormvariate(2.5, 0.6)
        near = [round(mean + rng.gauss(0, 7)) for _ in range(2)]
        many.append([min(60, max(1, n)) for n in near])
    yield Case(
        {"budget": 54, "lengths": few},
        {"in_order": 4, "length": 3, "both": 2, "best": 2},
    )
    yield Case(
        {"budget": 397, "lengths": many},
        {"in_order": 53, "length": 42, "both": 34, "best": 32},
    )


half = Criterion("half of what can be saved is saved", 1, partial(at_most, "length"))
more = Criterion("more than one side alone can save", 2, partial(at_most, "both"))
best = Criterion("close to the best we know", 1, partial(at_most, "best"))
