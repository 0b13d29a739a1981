"""1 · Links from a table of weights."""

from collections.abc import Iterable, Iterator, Sequence

import torch

from checks.differences import brief, whole
from checks.exercise import Answer, Case, Inputs, Wrong, criterion

ANSWERS = ("links_of",)

Link = tuple[int, int]


def set_of(links: Iterable[Sequence[int]]) -> set[Link]:
    """Links as the inputs hold them, as a set of pairs."""
    return {(t, s) for t, s in links}


def links_in(answer: Answer) -> set[Link]:
    """The links of an answer, or ``Wrong``."""
    if not isinstance(answer, list):
        raise Wrong(f"The answer has to be a set, but it is a {type(answer).__name__}.")
    links = set()
    for pair in answer:
        ends = [whole(end) for end in pair] if isinstance(pair, list) else []
        if len(ends) != 2 or None in ends:
            raise Wrong(
                "A link is a pair of two whole numbers (target position, source "
                f"position), but the answer holds {brief(pair)}."
            )
        links.add((int(ends[0] or 0), int(ends[1] or 0)))
    return links


@criterion("each word is linked to its largest weight", 1, gate=True)
def judge_largest(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    links = links_in(answer)
    weights, tgt_len, src_len = inputs["weights"], inputs["tgt_len"], inputs["src_len"]
    right = set_of(expected)
    turned = {(s, t) for t, s in right}
    if turned <= links and right - links:
        t, s = min(right - links)
        return f"Your link ({s}, {t}) is (source, target); (target, source) was asked for."
    for t in range(tgt_len):
        row = weights[t]
        own = sorted(s for its_t, s in links if its_t == t)
        if len(own) != 1:
            return (
                f"Row {t} has {len(own)} links in your answer; each row of a word becomes "
                "one link, to its own largest weight."
            )
        if not 0 <= own[0] < len(row):
            return f"Row {t} is linked to column {own[0]}, which does not exist."
        largest = int(row.argmax())
        if largest < src_len and own[0] != largest:
            which = "its smallest weight" if own[0] == int(row.argmin()) else "its weight"
            return (
                f"Row {t} is linked to column {own[0]}, where {which} is "
                f"{row[own[0]]:.2f}; its largest is {row[largest]:.2f}."
            )
    return None


@criterion("EOS and padding rows have no link", 1)
def judge_words_only(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    extra = sorted(t for t, _ in links_in(answer) if not 0 <= t < inputs["tgt_len"])
    if not extra:
        return None
    what = "EOS" if extra[0] == inputs["tgt_len"] else "padding"
    return (
        f"There is a link of row {extra[0]}, but the target has {inputs['tgt_len']} words "
        f"(rows 0 to {inputs['tgt_len'] - 1}): that row belongs to {what}."
    )


@criterion("no word is linked to a padding column", 1)
def judge_real_columns(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    links = links_in(answer)
    weights, src_len = inputs["weights"], inputs["src_len"]
    for t, right in expected:
        found = next((s for its_t, s in links if its_t == t), None)
        if found is not None and found >= src_len:
            return (
                f"Row {t} is linked to column {found}, where {weights[t][found]:.2f} "
                f"stands, but the source has {src_len} words: that column is padding."
            )
        if found != right:
            its = f"column {right} is its largest real one."
            return f"Row {t} is linked to {brief(found)}; {its}"
    return None


def examples() -> Iterator[Case]:
    yield Case(
        {
            "weights": torch.tensor(
                [
                    [0.1, 0.7, 0.2],
                    [0.3, 0.2, 0.5],
                    [0.2, 0.1, 0.7],  # EOS
                ]
            ),
            "tgt_len": 2,
            "src_len": 3,
        },
        [(0, 1), (1, 2)],
    )
    yield Case(
        {
            "weights": torch.tensor(
                [
                    [0.1, 0.2, 0.6, 0.1, 0.0, 0.0],
                    [0.3, 0.4, 0.2, 0.1, 0.9, 0.8],
                    [0.7, 0.1, 0.1, 0.1, 0.2, 0.1],
                    [0.1, 0.2, 0.3, 0.4, 0.0, 0.0],  # EOS
                    [0.9, 0.0, 0.1, 0.0, 0.5, 0.5],  # padding
                ]
            ),
            "tgt_len": 3,
            "src_len": 4,
        },
        [(0, 2), (1, 1), (2, 0)],
    )
