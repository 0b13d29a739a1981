"""7. Buckets."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from a1_exercises.ids import legal
from checks.attempt import failure, tried
from checks.differences import brief, number, refuse
from checks.exercise import Answer, Case, Inputs, Student, criterion

ANSWERS = ("padding_cells", "bucketed")
CALLS = ("batches", "again", "other")  # with a seed, with the same, with another


def run(student: Student, inputs: Inputs) -> Answer:
    lengths, size = inputs["src_lengths"], inputs["batch_size"]
    given = [list(batch) for batch in inputs["batches"]]

    def bucketed(seed: int) -> Any:
        return tried(lambda: student.bucketed(list(lengths), size, seed))

    seeds = dict.fromkeys(CALLS, inputs["seed"]) | {"other": inputs["seed"] + 1}
    # In a drawn order: an answer must not know by counting which call this is.
    order = random.Random(inputs["seed"]).sample(CALLS, len(CALLS))
    found = {name: bucketed(seeds[name]) for name in order}
    return {"cells": tried(lambda: student.padding_cells(given, list(lengths))), **found}


def batches_of(inputs: Inputs, answer: Answer) -> dict[str, list[list[int]]]:
    """The batches of each call as lists of numbers, or ``Wrong``."""
    return {name: legal(answer[name], len(inputs["src_lengths"])) for name in CALLS}


@criterion("padding_cells counts the padding", 1)
def cells_counted(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    cells, right = answer["cells"], expected["cells"]
    refuse(failure(cells))
    if number(cells) == right:
        return None
    real = sum(inputs["src_lengths"][i] for batch in inputs["batches"] for i in batch)
    if cells == right + real:
        return f"padding_cells counts all {cells} cells; {real} of them are real tokens."
    if cells == real:
        return f"padding_cells counts the {real} real tokens, not the padding."
    return f"padding_cells says {brief(cells)}, but {right} is right."


@criterion("every pair is in one batch; batches are full", 1, gate=True)
def each_once(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    pairs, size = len(inputs["src_lengths"]), inputs["batch_size"]
    for batches in batches_of(inputs, answer).values():
        longest, needed = max(map(len, batches)), -(-pairs // size)
        if longest > size:
            return f"A batch has {longest} pairs, but batch_size is {size}."
        if len(batches) != needed:
            return f"There are {len(batches)} batches; {needed} are enough."
    return None


@criterion("a batch holds similar lengths", 1, gate=True)
def similar_lengths(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    lengths = inputs["src_lengths"]
    for batches in batches_of(inputs, answer).values():
        held = [[lengths[i] for i in batch] for batch in batches]
        ranges = sorted((min(each), max(each)) for each in held)
        for (low, high), (next_low, next_high) in pairwise(ranges):
            if next_low < high:
                return (
                    f"One batch holds lengths from {low} to {high}, another from "
                    f"{next_low} to {next_high}: the two overlap, so the pairs are not "
                    "grouped by length."
                )
    return None


@criterion("the seed alone decides the order", 1)
def shuffled_batches(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    lengths, found = inputs["src_lengths"], batches_of(inputs, answer)
    if found["again"] != found["batches"]:
        return f"Two calls with the seed {inputs['seed']} give different batches."
    for name in ("batches", "other"):
        widths = [max(lengths[i] for i in batch) for batch in found[name]]
        if widths not in (sorted(widths), sorted(widths, reverse=True)):
            break
    else:
        return (
            "The batches come in order of length "
            f"({', '.join(map(str, widths[:4]))}, ...): the model would meet all "
            "sentences of one length in a row."
        )
    if found["other"] == found["batches"]:
        seed = inputs["seed"]
        return f"The seeds {seed} and {seed + 1} give the same batches in the same order."
    return None


@criterion("and which equal lengths share a batch", 1)
def new_neighbours(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    found = batches_of(inputs, answer)
    one, other = (
        {frozenset(batch) for batch in found[name]} for name in ("batches", "other")
    )
    if one == other:
        return "Whatever the seed, the same pairs share a batch; many have equal lengths."
    return None


def examples() -> Iterator[Case]:
    three = [2, 9, 5] * 8  # 24 pairs, eight of each length
    uneven = [4, 1, 3, 3, 1, 4, 2, 2, 5, 1, 3, 2, 5, 5, 3, 1, 4, 2, 2, 4, 3, 1, 5]
    few = {"batches": [[0, 1, 2], [3, 6]], "src_lengths": three}
    more = {"batches": [[8, 12], [1], [0, 9, 10, 22]], "src_lengths": uneven}
    yield Case(few | {"batch_size": 2, "seed": 3}, {"cells": 11})
    yield Case(more | {"batch_size": 3, "seed": 11}, {"cells": 7})
