"""Versions of ``collate`` for A1's exercise 9 that nobody has seen, right and wrong."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from assignments.registry import public_module
from seq2seq_lib.vocab import PAD

COLLATES = public_module("A1").promise.collates  # what a version is, and those to be seen
always, rectangle, Version = COLLATES.always, COLLATES.rectangle, COLLATES.Version
RIGHT = COLLATES.RIGHT

Rows = Sequence[Sequence[int]]
Rectangle = tuple[Tensor, Tensor]  # src_ids and src_mask
Collate = Callable[[Rows], Rectangle]


# --- right ones -------------------------------------------------------------------------


def on_both_sides(rows: Rows) -> Rectangle:
    """Every row in the middle, its neighbours' ids around it."""
    width = max(map(len, rows)) + 3
    src_ids = torch.arange(1, width + 1).repeat(len(rows), 1)
    src_mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for r, row in enumerate(rows):
        start = (width - len(row)) // 2
        src_ids[r, start : start + len(row)] = torch.tensor(row, dtype=torch.long)
        src_mask[r, start : start + len(row)] = True
    return src_ids, src_mask


def with_gaps(rows: Rows) -> Rectangle:
    """One cell of padding behind each id."""
    src_ids, src_mask = rectangle(rows)
    wide = src_ids.repeat_interleave(2, dim=1)
    between = torch.arange(wide.shape[1]) % 2 == 0
    return wide, src_mask.repeat_interleave(2, dim=1) & between


def short_integers(rows: Rows) -> Rectangle:
    src_ids, src_mask = rectangle(rows, fill=-1)
    return src_ids.to(torch.int16), src_mask


# --- wrong ones -------------------------------------------------------------------------


def all_real(rows: Rows) -> Rectangle:
    src_ids, src_mask = rectangle(rows)
    return src_ids, torch.ones_like(src_mask)


def without_the_first(rows: Rows) -> Rectangle:
    return rectangle([row[1:] for row in rows])


def longest_first(rows: Rows) -> Rectangle:
    return rectangle(sorted(rows, key=len, reverse=True))


def longest_cut(rows: Rows) -> Rectangle:
    width = max(1, max(map(len, rows)) - 1)
    return rectangle([row[:width] for row in rows], width)


def other_side(rows: Rows) -> Rectangle:
    return rectangle(rows, side="left")[0], rectangle(rows)[1]


def of_the_row_above(rows: Rows) -> Rectangle:
    src_ids, src_mask = rectangle(rows)
    return src_ids, src_mask.roll(1, 0)


def padded_with_the_last_id(rows: Rows) -> Rectangle:
    """Right, but for a row that has no last id."""
    src_ids, src_mask = rectangle(rows)
    last = torch.tensor([row[-1] for row in rows])
    return src_ids.where(src_mask, last[:, None]), src_mask


def in_half_precision(rows: Rows) -> Rectangle:
    src_ids, src_mask = rectangle(rows)
    return src_ids.half().long(), src_mask


def without_twins(rows: Rows) -> Rectangle:
    return rectangle([list(dict.fromkeys(row)) for row in rows])


def in_one_buffer() -> Collate:
    """Writes over the batch before, and takes what is left of it for real."""
    buffer = torch.full((COLLATES.MOST_ROWS, COLLATES.MOST_IDS), PAD)

    def collate(rows: Rows) -> Rectangle:
        for r, row in enumerate(rows):
            buffer[r, : len(row)] = torch.tensor(row, dtype=torch.long)
        src_ids = buffer[: len(rows), : max(map(len, rows))].clone()
        return src_ids, src_ids != PAD

    return collate


def from_memory() -> Collate:
    """Answers as before wherever a batch has as many rows as an earlier one."""
    known: dict[int, Rectangle] = {}
    return lambda rows: known.setdefault(len(rows), rectangle(rows))


def never_narrower() -> Collate:
    """Right: nobody promised a width."""
    widths = [0]

    def collate(rows: Rows) -> Rectangle:
        widths.append(max(widths[-1], *map(len, rows)))
        return rectangle(rows, widths[-1])

    return collate


def versions(rng: random.Random) -> list[Any]:
    """All of them; where a batch is too large for some is drawn."""
    ids, rows = rng.randint(32, 45), rng.randint(8, 15)
    right, plain, lost, mask = RIGHT, COLLATES.PLAIN, COLLATES.IDS, COLLATES.MASK
    rare, memory = COLLATES.RARE, COLLATES.MEMORY
    return [
        always(right, "pads on both sides, with other ids", on_both_sides),
        always(right, "leaves a cell of padding behind each id", with_gaps),
        always(right, "holds its ids in 16 bits and pads with -1", short_integers),
        Version(right, "is as wide as the widest batch so far", never_narrower),
        always(plain, "calls every cell real", all_real),
        always(plain, "leaves out the first id of each row", without_the_first),
        always(lost, "puts the longest row first", longest_first),
        always(lost, "cuts the last id off the longest row", longest_cut),
        always(mask, "pads on the left and masks on the right", other_side),
        always(mask, "gives each row the mask of the row above", of_the_row_above),
        always(rare, "needs a last id in every row", padded_with_the_last_id),
        always(rare, "rounds large ids", in_half_precision),
        always(rare, "keeps one of two equal ids in a row", without_twins),
        always(rare, f"cuts rows after {ids} ids", cut_at(ids)),
        always(rare, f"loses the rows after the first {rows}", first_rows(rows)),
        Version(memory, "mixes in what is left of the batch before", in_one_buffer),
        Version(memory, "answers from memory if the number of rows is old", from_memory),
    ]


def cut_at(most: int) -> Collate:
    return lambda rows: rectangle([row[:most] for row in rows])


def first_rows(most: int) -> Collate:
    return lambda rows: rectangle(rows[:most])
