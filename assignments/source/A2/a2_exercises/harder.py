"""8. Which dates fail?"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from checks.differences import brief
from checks.exercise import Answer, Case, Criterion, Inputs, Student

ANSWERS = ("is_harder",)

SMALLEST = 0.05  # share of the dates that each group has to hold
SHOWS, CLEAR = 0.08, 0.16  # differences between the groups' shares of failures


def run(student: Student, inputs: Inputs) -> Answer:
    dates = list(zip(inputs["sources"], inputs["references"], strict=True))
    forwards = [student.is_harder(*date) for date in dates]
    backwards = [student.is_harder(*date) for date in reversed(dates)]
    return [forwards, backwards[::-1]]


def _plain(group: Any) -> Any:
    """What one element of a tensor says, as a truth."""
    return group.item() if isinstance(group, Tensor) and group.numel() == 1 else group


def difference(groups: Sequence[bool], failed: Sequence[float]) -> float:
    """The share of failures in the True group minus that in the other."""
    inside = [f for g, f in zip(groups, failed, strict=True) if g]
    outside = [f for g, f in zip(groups, failed, strict=True) if not g]
    return sum(inside) / len(inside) - sum(outside) / len(outside)


def told_apart(
    least: float, inputs: Inputs, answer: Answer, expected: Answer
) -> str | None:
    """Two groups, one of which fails more often, by ``least`` or more."""
    found, again = ([_plain(group) for group in groups] for groups in answer)
    strange = [g for g in found if type(g) is not bool]
    if strange:
        return f"is_harder has to answer True or False, but it answers {brief(strange[0])}."
    if found != again:
        i = next(i for i, (a, b) in enumerate(zip(found, again, strict=True)) if a != b)
        return (
            f"Asked twice about {inputs['sources'][i]!r}, your function gives two "
            "answers. A group must depend on the date alone."
        )
    share = sum(found) / len(found)
    if not SMALLEST <= share <= 1 - SMALLEST:
        return (
            f"Your True group holds {share:.2f} of {len(found)} dates. Each group "
            f"needs at least {SMALLEST}, or there is nothing to compare."
        )
    if expected is None:
        return None  # only grading knows which dates failed
    gap = difference(found, expected["failed"])
    if gap >= least:
        return None
    if gap <= -SHOWS:
        return (
            f"On fresh dates your True group fails *less* often, by {-gap:.2f}: the "
            "hypothesis is the wrong way round."
        )
    return (
        f"On {len(found)} fresh dates the share of failures in your True group minus "
        f"that in the other is {gap:.2f}; at least {least} was asked for."
    )


def examples() -> Iterator[Case]:
    dates = {
        "7 mai 2031": "2031-05-07",
        "28. juni 1963": "1963-06-28",
        "montag, 1. august 2039": "2039-08-01",
        "6 δεκ 2049": "2049-12-06",
        "16 de out. de 1998": "1998-10-16",
        "среда, 14 августа 1985 г.": "1985-08-14",
        "march 30, 1960": "1960-03-30",
        "sexta-feira, 14 de janeiro de 1972": "1972-01-14",
        "2. maaliskuuta 1980": "1980-03-02",
        "friday 1 october 2010": "2010-10-01",
        "jueves, 23 de septiembre de 2004": "2004-09-23",
        "16 februari 2003": "2003-02-16",
        "2012. november 29.": "2012-11-29",
        "11 nov 1977": "1977-11-11",
        "giovedì 31 luglio 2042": "2042-07-31",
        "25 ocak 2006": "2006-01-25",
        "30 avril 2024": "2024-04-30",
        "dinsdag 9 mei 1950": "1950-05-09",
        "5 de diciembre de 1988": "1988-12-05",
        "perjantai 16. lokakuuta 2015": "2015-10-16",
    }
    yield Case({"sources": list(dates), "references": list(dates.values())}, None)


shows = Criterion(
    "two groups (when graded: the True one fails more often)",
    2,
    partial(told_apart, SHOWS),
    gate=True,
)
clear = Criterion(
    f"(when graded: it does so by {CLEAR} or more)", 2, partial(told_apart, CLEAR)
)
