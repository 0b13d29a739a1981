"""1. Rows of ids in a rectangle."""

from collections.abc import Iterator

import torch
from torch import Tensor

from a1_exercises.ids import not_whole
from checks.differences import brief, refuse
from checks.exercise import Answer, Case, Inputs, Student, criterion
from seq2seq_lib.vocab import PAD

ANSWERS = ("pad_to_multiple",)
FORBIDDEN = ("pad_sequence", "torch.*pa*_sequence*", "torch.*nested*")


def run(student: Student, inputs: Inputs) -> Answer:
    rows = [list(row) for row in inputs["rows"]]
    return student.pad_to_multiple(rows, inputs["multiple"])


@criterion("each row begins with its ids; the rest is PAD", 1, gate=True)
def ids_first(inputs: Inputs, answer: Answer, expected: Tensor) -> str | None:
    rows = inputs["rows"]
    if not isinstance(answer, Tensor):
        return f"The answer has to be a tensor, but it is a {type(answer).__name__}."
    if answer.dim() != 2 or len(answer) != len(rows):
        return (
            f"The answer has the shape {tuple(answer.shape)}, but there are {len(rows)} "
            "rows: (batch, src_len) was asked for."
        )
    refuse(not_whole("The answer", answer))
    for r, (row, got) in enumerate(zip(rows, answer.tolist(), strict=True)):
        if len(got) < len(row):
            return f"Row {r} has {len(row)} ids, but only {len(got)} columns."
        if got[: len(row)] != row:
            if got[-len(row) :] == row:
                return (
                    f"Row {r} ends with its ids; they have to stand at its start, and "
                    "the padding behind them."
                )
            return f"Row {r} begins with {brief(got[: len(row)])}, but its ids are {row}."
        other = [n for n in got[len(row) :] if n != PAD]
        if other:
            return f"Behind its ids row {r} holds {other[0]}, but padding is PAD = {PAD}."
    return None


@criterion("the width is the smallest multiple that fits", 2)
def smallest_width(inputs: Inputs, answer: Answer, expected: Tensor) -> str | None:
    multiple, longest = inputs["multiple"], max(map(len, inputs["rows"]))
    width, right = answer.shape[1], expected.shape[1]
    if width == right:
        return None
    if width % multiple:
        also = ", as many as the longest row has ids" if width == longest else ""
        return f"The answer has {width} columns{also}; that is no multiple of {multiple}."
    return (
        f"The answer has {width} columns, a multiple of {multiple}; but the longest row "
        f"has {longest} ids, so {right} are enough."
    )


def examples() -> Iterator[Case]:
    ragged = torch.tensor([[5, 6, 7, 0], [8, 0, 0, 0], [4, 4, 0, 0]])
    exact = torch.tensor([[9, 8, 7, 6], [0, 0, 0, 0]])
    wider = torch.tensor([[4, 5, 6, 7, 8, 0]])
    yield Case({"rows": [[5, 6, 7], [8], [4, 4]], "multiple": 4}, ragged)
    yield Case({"rows": [[9, 8, 7, 6], []], "multiple": 2}, exact)
    yield Case({"rows": [[4, 5, 6, 7, 8]], "multiple": 3}, wider)
