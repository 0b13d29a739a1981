"""7. Errors by field."""

from collections.abc import Iterator
from typing import Any

from checks.differences import brief, near, refuse
from checks.exercise import Answer, Case, Inputs, Student, criterion

ANSWERS = ("errors_by_field",)

FIELDS = ("year", "month", "day")


def is_date(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-"


def run(student: Student, inputs: Inputs) -> Answer:
    pairs = list(zip(inputs["hypotheses"], inputs["references"], strict=True))
    whole = [(h, r) for h, r in pairs if is_date(h)]
    ask = student.errors_by_field
    return {
        "whole": ask([h for h, _ in whole], [r for _, r in whole]),
        "all": ask([h for h, _ in pairs], [r for _, r in pairs]),
    }


def no_shares(found: Any) -> str | None:
    """None if the answer has a share for every field."""
    if isinstance(found, dict) and set(found) == set(FIELDS):
        return None
    return "The answer has to be a dictionary with the keys year, month and day."


def agree(found: dict[str, Any], shares: dict[str, float]) -> bool:
    """Whether the shares are nearly these in all three fields."""
    return all(near(found[f], shares[f]) for f in FIELDS)


@criterion("the share of dates with a wrong field", 2)
def field_shares(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    found, right = answer["whole"], expected["whole"]
    refuse(no_shares(found))
    if agree(found, right):
        return None
    bad = [f for f in FIELDS if type(found[f]) not in (int, float)]
    if bad:
        return (
            f"The share of {bad[0]} has to be a number, but it is {brief(found[bad[0]])}."
        )
    if agree(found, {f: 1 - right[f] for f in FIELDS}):
        return (
            f"{found['year']:.3g} of the years are right in these answers; the share of "
            "wrong ones was asked for."
        )
    total = sum(right.values())
    if total and agree(found, {f: right[f] / total for f in FIELDS}):
        return (
            "Your three shares sum to 1: you divided by the number of errors. Divide by "
            "the number of dates."
        )
    if near(found["month"], right["day"]) and near(found["day"], right["month"]):
        return "Month and day are exchanged: ISO 8601 writes year, month, day."
    dates = sum(is_date(h) for h in inputs["hypotheses"])
    if agree(found, {f: right[f] * dates for f in FIELDS}):
        return f"Of {dates} dates you give the number of wrong fields, not the share."
    f = next(f for f in FIELDS if not near(found[f], right[f]))
    return (
        f"The share of wrong {f}s is {found[f]:.4g}, but {right[f]:.4g} is right. One "
        "wrong digit makes the field wrong, two make it no more wrong; and only its own "
        "digits count."
    )


@criterion("an answer that is no date is wrong in every field", 2)
def field_broken(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    found, right = answer["all"], expected["all"]
    refuse(no_shares(found))
    if agree(found, right):
        return None
    dates = len(inputs["references"])
    broken = sum(not is_date(h) for h in inputs["hypotheses"])
    if agree(found, expected["whole"]):
        return (
            f"{broken} of {dates} answers are no date, and yours leaves them out. They are "
            "wrong in all three fields."
        )
    f = next(f for f in FIELDS if not near(found[f], right[f]))
    return (
        f"With {broken} of {dates} answers that are no date, the share of wrong {f}s is "
        f"{brief(found[f])}, but {right[f]:.4g} is right: such an answer is wrong in every "
        "field."
    )


def examples() -> Iterator[Case]:
    yield Case(
        {
            "hypotheses": ["2031-05-07", "2020-05-11", "1999-12-08", "1960-03-3", "--"],
            "references": ["2031-05-07", "2020-05-01", "1997-12-08", "1960-03-30"]
            + ["2001-01-01"],
        },
        {
            "whole": {"year": 1 / 3, "month": 0.0, "day": 1 / 3},
            "all": {"year": 0.6, "month": 0.4, "day": 0.6},
        },
    )
