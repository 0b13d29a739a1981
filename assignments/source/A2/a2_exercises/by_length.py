"""6. Exact match by length."""

from collections.abc import Iterator
from typing import Any

from checks.differences import brief, known, near, refuse, whole
from checks.exercise import Answer, Case, Inputs, Student, criterion

ANSWERS = ("match_by_length",)
FORBIDDEN = ("seq2seq_lib.metrics", "exact_match_by_length")


def run(student: Student, inputs: Inputs) -> Answer:
    texts = [list(inputs[name]) for name in ("sources", "hypotheses", "references")]
    longest = max(len(source) for source in texts[0])
    ask = student.match_by_length
    return {
        "buckets": ask(*texts, list(inputs["edges"])),
        "all": ask(*texts, [0, longest + 1]),
        "empty": ask(*texts, [0, longest + 1, longest + 3]),
    }


def pairs_of(found: Any, buckets: int) -> str | None:
    good = isinstance(found, list) and all(
        isinstance(p, list) and len(p) == 2 for p in found
    )
    if not good:
        return "The answer has to be a list with a pair (dates, share) for each bucket."
    if len(found) != buckets:
        return f"There are {buckets} buckets, but your list has {len(found)} pairs."
    return None


@criterion("every date is in its bucket", 2)
def bucket_counts(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    found, right = answer["buckets"], expected["buckets"]
    edges = inputs["edges"]
    refuse(pairs_of(found, len(right)))
    lengths = [len(source) for source in inputs["sources"]]
    counts = [whole(pair[0]) for pair in found]
    off = [
        None if count is None else count - b[0]
        for count, b in zip(counts, right, strict=True)
    ]
    if not any(off) and None not in off:
        return None
    i = next(i for i, difference in enumerate(off) if difference != 0)
    low, high = edges[i], edges[i + 1]
    has = brief(found[i][0])
    start = f"Bucket {i}, from {low} to below {high}, has {has} dates in your list"
    at_low = [lengths.count(edge) for edge in edges[:-1]]
    at_high = [lengths.count(edge) for edge in edges[1:]]
    if off == at_high:
        return f"{start}: sources of {high} characters belong to the next bucket."
    if off in ([-n for n in at_low], [b - a for a, b in zip(at_low, at_high, strict=True)]):
        return f"{start}: sources of {low} characters belong to this bucket."
    for name in ("references", "hypotheses"):
        others = [len(text) for text in inputs[name]]
        if all(
            pair[0] == sum(n in range(a, b) for n in others)
            for pair, a, b in zip(found, edges, edges[1:], strict=False)
        ):
            return f"{start}: the lengths of the {name} were counted, not the sources'."
    return f"{start}, but {right[i][0]} is right."


@criterion("the share of dates that are right", 2)
def bucket_share(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(pairs_of(answer["all"], 1))
    share, right = answer["all"][0][1], expected["all"][0][1]
    if near(share, right):
        return bucket_parts(inputs, answer, expected)
    if type(share) not in (int, float):
        odd = brief(share)
        return f"With all dates in one bucket the share has to be a number, not {odd}."
    pairs = list(zip(inputs["hypotheses"], inputs["references"], strict=True))
    same = [[a == b for a, b in zip(h, r, strict=False)] for h, r in pairs]
    characters, right_ones = sum(map(len, same)), sum(map(sum, same))
    share_of_characters = "that is a share of characters. A date is right or it is not."
    mistakes = [
        (right_ones / characters, share_of_characters),
        (right_ones / sum(len(r) for _, r in pairs), share_of_characters),
        (
            sum(sum(own) / len(r) for own, (_, r) in zip(same, pairs, strict=True))
            / len(pairs),
            share_of_characters,
        ),
        (
            sum(map(all, same)) / len(pairs),
            "an answer that is too short or too long was taken for right.",
        ),
        (1 - right, "that is the share of wrong dates."),
        (100 * right, "give a share from 0 to 1, not a percentage."),
        (right * len(pairs), "that is a number of dates, not a share."),
    ]
    said = f"With all dates in one bucket your share is {share:.4g}"
    told = known(share, mistakes)
    return f"{said}: {told}" if told else f"{said}, but {right:.4g} is right."


def bucket_parts(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """Whether a bucket's share is one of its own dates, where its count is right."""
    dates = len(inputs["sources"])
    if pairs_of(answer["buckets"], len(expected["buckets"])):
        return None  # counted elsewhere
    for i, ((count, share), (wanted, right)) in enumerate(
        zip(answer["buckets"], expected["buckets"], strict=True)
    ):
        if count != wanted or not wanted or near(share, right):
            continue
        if near(share, right * wanted / dates):
            return (
                f"Bucket {i}: {share:.4g} is a share of all {dates} dates, not of the "
                f"{wanted} in the bucket."
            )
        return f"The share of bucket {i} is {brief(share)}, but {right:.4g} is right."
    return None


@criterion("an empty bucket has no share", 1)
def bucket_empty(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(pairs_of(answer["empty"], 2))
    (full, _), (count, share) = answer["empty"]
    if full != expected["empty"][0][0]:
        return (
            f"Before the empty bucket is looked at: the full one has {brief(full)} dates."
        )
    if count == 0 and share is None:
        return None
    if share in (0, 1):
        return (
            f"A bucket without dates has the share {share} in your list, as if a model had "
            "been tried on it. Nothing was measured: None."
        )
    yours = f"({brief(count)}, {brief(share)})"
    return f"A bucket without dates is (0, None), but yours is {yours}."


def examples() -> Iterator[Case]:
    yield Case(
        {
            "sources": ["7 mai 2031", "1. mai 2020", "8 may 1999", "march 30, 1960"]
            + ["5 juni 2010", "6 juni 2011"],
            "hypotheses": ["2031-05-07", "2020-05-11", "1999-05-0", "1960-03-30"]
            + ["2010-06-15", "2011-06-07"],
            "references": ["2031-05-07", "2020-05-01", "1999-05-08", "1960-03-30"]
            + ["2010-06-05", "2011-06-06"],
            "edges": [10, 11, 14, 15, 20],
        },
        {
            "buckets": [[2, 0.5], [3, 0.0], [1, 1.0], [0, None]],
            "all": [[6, 1 / 3]],
            "empty": [[6, 1 / 3], [0, None]],
        },
    )
