"""Ways to write ``collate``, right ones and wrong ones, and how a batch shows which.

``collate(rows)`` puts rows of ids into a rectangle, ``src_ids`` and ``src_mask``, both
(batch, src_len). It promises one thing: where ``src_mask[r]`` is True, ``src_ids[r]`` holds
the ids of ``rows[r]``, in their order. The width, the place of the padding and what stands
on it are nobody's business.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seq2seq_lib.vocab import PAD

Rows = Sequence[Sequence[int]]
Rectangle = tuple[Tensor, Tensor]  # src_ids and src_mask
Collate = Callable[[Rows], Rectangle]

# What a version is: right, or with a mistake of one of these kinds.
RIGHT, PLAIN, IDS, MASK = "right", "plain", "ids", "mask"
RARE, MEMORY = "rare", "memory"
MOST_ROWS, MOST_IDS, LARGEST_ID = 20, 50, 9_999  # of a batch, of a row
MOST_BATCHES = 50  # that one version may be asked for


@dataclass(frozen=True)
class Version:
    """One way to write ``collate``, kept where no answer's code can reach.

    Args:
        kind: ``RIGHT``, or the kind of its mistake.
        does: what it does, such as "pads on the left".
        begin: makes one that has not been asked for anything.
    """

    kind: str
    does: str
    begin: Callable[[], Collate] = field(repr=False)


def always(kind: str, does: str, collate: Collate) -> Version:
    """A version that remembers nothing."""
    return Version(kind, does, lambda: collate)


def rectangle(
    rows: Rows, width: int | None = None, *, side: str = "right", fill: int = PAD
) -> Rectangle:
    """Rows side by side, with their padding on one side, and the mask of their ids."""
    width = max(map(len, rows)) if width is None else width
    src_ids = torch.full((len(rows), width), fill)
    src_mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for r, row in enumerate(rows):
        start = width - len(row) if side == "left" else 0
        src_ids[r, start : start + len(row)] = torch.tensor(row, dtype=torch.long)
        src_mask[r, start : start + len(row)] = True
    return src_ids, src_mask


# --- what a batch shows -----------------------------------------------------------------


def look_at(rows: object) -> None:
    """Check that a batch is one that ``collate`` has to take.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError("collate takes a list of rows, each a list of ids.")
    if not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError(f"A batch has 1 to {MOST_ROWS} rows, but this one {len(rows)}.")
    for r, row in enumerate(rows):
        if len(row) > MOST_IDS:
            raise ValueError(
                f"A row has at most {MOST_IDS} ids, but row {r} has {len(row)}."
            )
        for i in row:
            if type(i) is not int or not 1 <= i <= LARGEST_ID:
                raise ValueError(
                    f"Ids are whole numbers from 1 to {LARGEST_ID}; row {r} holds another."
                )


def fault(rows: Rows, answer: Rectangle) -> str:
    """How a rectangle breaks the promise, as a sentence; empty where it keeps it."""
    src_ids, src_mask = answer
    if len(src_ids) != len(rows):
        return f"for {len(rows)} rows it answered {len(src_ids)}"
    for r, (row, own, real) in enumerate(zip(rows, src_ids, src_mask, strict=True)):
        back = own[real].tolist()
        if len(back) != len(row):
            return f"row {r} has {len(row)} ids, and the mask of the answer {len(back)}"
        for place, (wanted, got) in enumerate(zip(row, back, strict=True)):
            if wanted != got:
                return f"id {place} of row {r} is {wanted}, and {got} in the answer"
    return ""


class Asked:
    """A version that notes what it is asked for, and whether that shows a mistake."""

    def __init__(self, version: Version) -> None:
        self.collate = version.begin()
        self.calls, self.batches, self.shown, self.refused = 0, 0, "", ""

    def __call__(self, rows: list[list[int]]) -> Rectangle:
        self.calls += 1
        if self.calls > MOST_BATCHES:
            raise RuntimeError(f"You may ask for {MOST_BATCHES} batches, and no more.")
        try:
            look_at(rows)
        except ValueError as error:
            self.refused = self.refused or str(error)
            raise
        self.batches += 1
        try:
            answer = self.collate([list(row) for row in rows])
        except Exception as error:
            self.shown = self.shown or f"it stopped with {type(error).__name__}"
            raise
        self.shown = self.shown or fault(rows, answer)
        return answer

    def facts(self) -> dict[str, object]:
        """What was asked, and what was answered."""
        return {
            "calls": self.calls,
            "batches": self.batches,  # without those that were refused
            "shown": self.shown,
            "refused": self.refused,
        }


# --- the versions that everybody may see ------------------------------------------------


def small_ids(rows: Rows) -> Rectangle:
    src_ids, src_mask = rectangle(rows)
    return src_ids.to(torch.int32), src_mask


def multiple_of_eight(rows: Rows) -> Rectangle:
    return rectangle(rows, -(-max(map(len, rows)) // 8) * 8, fill=7)


def upside_down(rows: Rows) -> Rectangle:
    src_ids, src_mask = rectangle(rows)
    return src_ids, ~src_mask


def cut_to_the_first(rows: Rows) -> Rectangle:
    width = len(rows[0])
    return rectangle([row[:width] for row in rows], width)


def one_too_many(rows: Rows) -> Rectangle:
    src_ids, src_mask = rectangle(rows)
    lengths = src_mask.sum(dim=1, keepdim=True)
    return src_ids, torch.arange(src_ids.shape[1]) <= lengths


def eight_bits(rows: Rows) -> Rectangle:
    src_ids, src_mask = rectangle(rows)
    return src_ids.to(torch.uint8), src_mask


def of_the_first_width() -> Collate:
    widths: list[int] = []

    def collate(rows: Rows) -> Rectangle:
        widths.append(max(map(len, rows)))
        return rectangle([row[: widths[0]] for row in rows], widths[0])

    return collate


PUBLIC = (
    always(RIGHT, "pads on the right, up to the longest row", rectangle),
    always(PLAIN, "turns the mask upside down", upside_down),
    always(
        RIGHT,
        "pads on the left",
        lambda rows: rectangle(rows, side="left", fill=LARGEST_ID),
    ),
    always(IDS, "cuts every row to the length of the first", cut_to_the_first),
    always(RIGHT, "holds its ids in 32 bits", small_ids),
    always(MASK, "calls the cell behind a shorter row real", one_too_many),
    always(RARE, "keeps only the last eight bits of an id", eight_bits),
    Version(MEMORY, "is as wide as its first batch, ever after", of_the_first_width),
    always(RIGHT, "is wider than it has to be, with 7 as padding", multiple_of_eight),
)
