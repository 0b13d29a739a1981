"""2. Two masks, and where they disagree."""

from collections.abc import Iterator

import torch

from a1_exercises.ids import numbers
from checks.attempt import failure, tried
from checks.differences import brief, refuse, wrong_shape
from checks.exercise import Answer, Case, Inputs, Student, Wrong, criterion
from seq2seq_lib.vocab import PAD

ANSWERS = ("mask_from_lengths", "disagreeing_rows")


def run(student: Student, inputs: Inputs) -> Answer:
    lengths, side = inputs["src_lengths"], inputs["padding_side"]
    ids = inputs["src_ids"]
    return {
        "mask": tried(lambda: student.mask_from_lengths(list(lengths), ids.shape[1], side)),
        "rows": tried(lambda: student.disagreeing_rows(ids.clone(), list(lengths), side)),
    }


@criterion("the mask is True on real tokens and nowhere else", 2)
def true_on_words(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    mask, right = answer["mask"], expected["mask"]
    refuse(failure(mask) or wrong_shape(mask, right, ["batch", "src_len"]))
    if mask.dtype != torch.bool:
        kind = str(mask.dtype).split(".")[-1]
        return f"The mask has the type {kind}; a mask is boolean, True = real token."
    if torch.equal(mask, right):
        return None
    if torch.equal(mask, ~right):
        return "This mask is inverted: it is True on the padding."
    if torch.equal(mask, right.flip(1)):
        side = inputs["padding_side"]
        return f"This mask fits padding on the other side; here it is on the {side}."
    r = int((mask != right).any(dim=1).nonzero()[0])
    true, length = int(mask[r].sum()), inputs["src_lengths"][r]
    if true == length:
        places = mask[r].nonzero().flatten().tolist()
        return f"Row {r} has {true} times True, as it should, but at positions {places}."
    return f"Row {r} is True {true} times, but its length is {length}."


def _named_rows(inputs: Inputs, answer: Answer) -> list[int]:
    refuse(failure(answer["rows"]))
    rows = numbers(answer["rows"])
    if rows is None:
        raise Wrong("disagreeing_rows has to return a list of row numbers.")
    batch = len(inputs["src_lengths"])
    if len(set(rows)) < len(rows) or any(not 0 <= r < batch for r in rows):
        raise Wrong(
            f"Your list is {brief(rows)}; it may name each of the rows 0 to {batch - 1} "
            "once."
        )
    return rows


@criterion("rows with a wrong number of ids are found, and no innocent row", 1, gate=True)
def wrong_counts(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    rows = _named_rows(inputs, answer)
    for r in rows:
        if r not in expected["rows"]:
            return f"Row {r} is in your list, but its ids and its length agree."
    for r in expected["rows"]:
        real, length = int(inputs["src_ids"][r].ne(PAD).sum()), inputs["src_lengths"][r]
        if real != length and r not in rows:
            return (
                f"Row {r} holds {real} ids that are not PAD, its length says {length}, "
                "and it is not in your list."
            )
    return None


@criterion("so are rows whose ids stand in a wrong place", 2)
def wrong_places(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    rows = _named_rows(inputs, answer)
    for r in expected["rows"]:
        if r not in rows:
            return (
                f"Row {r} holds as many ids as its length says, but not where the length "
                f"puts them: {inputs['src_ids'][r].tolist()}, with the padding on the "
                f"{inputs['padding_side']}. It is not in your list."
            )
    return None


def examples() -> Iterator[Case]:
    right = {
        "src_ids": torch.tensor(
            [[5, 6, 7, 0], [8, 9, 0, 0], [4, 0, 5, 0], [4, 4, 4, 4], [6, 0, 0, 0]]
        ),
        "src_lengths": [3, 3, 2, 4, 1],
        "padding_side": "right",
    }
    left = {
        "src_ids": torch.tensor([[0, 0, 7], [8, 0, 0], [0, 5, 5], [4, 5, 6]]),
        "src_lengths": [1, 1, 2, 2],
        "padding_side": "left",
    }
    mask_right = [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    mask_left = [[0, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 1]]
    yield Case(right, {"mask": torch.tensor(mask_right).bool(), "rows": [1, 2]})
    yield Case(left, {"mask": torch.tensor(mask_left).bool(), "rows": [1, 3]})
