"""8 · What an edit costs."""

from collections.abc import Iterator
from functools import partial

import torch

from checks.differences import near, wrong_number
from checks.exercise import Answer, Case, Criterion, Inputs

ANSWERS = ("cost_table",)

# Numbers of the example: wrong ones, and what leads to them.
KNOWN = {
    ("changed", 1 / 3): [
        (1 / 4, "this is the mean of the sentences' shares; pool the words."),
        (1.0, "this is a number of words; a share was asked for."),
        (2 / 3, "this is the share that stayed the same."),
    ],
    ("changed", 1.0): [
        (0.0, "compare with the model's own answer, not with the right one.")
    ],
    ("cost", 1 / 3): [(1 / 4, "this is the mean of the sentences' costs; pool the words.")],
    ("cost", -1.0): [(0.0, "what is mended counts too.")],
}


def judge_costs(part: str, inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """One number of every cell of the table: ``changed`` or ``cost``."""
    for edit, kinds in expected.items():
        row = answer.get(edit) if isinstance(answer, dict) else None
        if not isinstance(row, dict) or set(row) != set(kinds):
            return (
                "The answer has to be a dict with a dict for every edit, and in it one "
                f"entry for every kind of word; for {edit!r}: {', '.join(kinds)}."
            )
        for kind, right in kinds.items():
            cell = row[kind]
            if not isinstance(cell, dict) or set(cell) != {"changed", "cost"}:
                return f"{edit!r}, {kind!r}: two numbers, 'changed' and 'cost'."
            what = f"{edit!r}, {kind!r}: {part!r}"
            wanted = right[part]
            told = wrong_number(cell[part], wanted, what, KNOWN.get((part, wanted), ()))
            if told and part == "cost" and near(cell[part], -wanted):
                return f"{what} is {cell[part]:+.3g}: a loss is above 0, a gain below."
            if told:
                return told
    return None


def examples() -> Iterator[Case]:
    yield Case(
        {
            # The second sentence has one word; EOS is 2, and 0 is padding.
            "gold": torch.tensor([[4, 5, 6, 2], [5, 2, 0, 0]]),
            "kinds": [["day", "day", "year"], ["day"]],
            "own": torch.tensor([[4, 5, 7, 2], [5, 2, 9, 9]]),
            "edited": {
                "erase": torch.tensor([[4, 6, 6, 2], [5, 2, 8, 8]]),
                "spread": torch.tensor([[6, 6, 7, 9], [4, 4, 4, 4]]),
            },
        },
        {
            "erase": {
                "day": {"changed": 1 / 3, "cost": 1 / 3},
                "year": {"changed": 1.0, "cost": -1.0},
            },
            "spread": {
                "day": {"changed": 1.0, "cost": 1.0},
                "year": {"changed": 0.0, "cost": 0.0},
            },
        },
    )


changes = Criterion("the share of answers that change", 2, partial(judge_costs, "changed"))
cost = Criterion("what that costs", 2, partial(judge_costs, "cost"))
