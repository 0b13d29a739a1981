"""9. A test for other people's batches."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from a1_exercises import collates
from checks.attempt import failure, tried
from checks.differences import refuse
from checks.exercise import Answer, Case, Criterion, Inputs, Outside, Student, Wrong

ANSWERS = ("keeps_every_row",)
KEPT = ("version",)


def outside(inputs: Inputs) -> Outside:
    """One version of ``collate``, and what it was asked for."""
    collate = collates.Asked(inputs["version"])
    return Outside({"collate": collate}, collate.facts)


def run(student: Student, inputs: Inputs) -> Answer:
    return {"said": tried(lambda: student.keeps_every_row(inputs["collate"]))}


def yes_or_no(said: Any) -> bool:
    """What a test said, or ``Wrong``."""
    refuse(failure(said))
    if isinstance(said, Tensor) and said.dtype == torch.bool and said.numel() == 1:
        said = said.item()  # of an (a == b).all()
    if type(said) is not bool:
        raise Wrong(
            "keeps_every_row has to return True or False, but it returned a "
            f"{type(said).__name__}."
        )
    return said


def told_apart(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """Whether a right version was accepted, and a wrong one refuted by a batch."""
    version, said = inputs["version"], yes_or_no(answer["said"])
    batches, shown = answer["batches"], answer["shown"]
    if answer["calls"] > collates.MOST_BATCHES:
        return f"It asked for more than {collates.MOST_BATCHES} batches of one version."
    if answer["refused"] and not said and not shown:
        return (
            f"It says False after a batch that collate need not take: {answer['refused']}"
        )
    if not batches:
        return f"It says {said} without a single batch to go by."
    if version.kind == collates.RIGHT:
        if said:
            return None
        return (
            f"It says False of right code. This version {version.does}; every row can be "
            "read back all the same, and nothing else was promised."
        )
    if said and shown:
        return f"It says True, although it was shown the mistake: {shown}."
    if said:
        return (
            f"It says True of a version that {version.does}. None of the {batches} "
            "batches that it asked for shows that."
        )
    if not shown:
        return (
            f"It says False of a version that {version.does}, but none of the {batches} "
            "batches that it asked for shows that. A guess is no test."
        )
    return None


def of_kind(*kinds: str) -> Callable[[Inputs], bool]:
    """Looks at the versions of these kinds."""
    return lambda inputs: inputs["version"].kind in kinds


_found = partial(Criterion, points=1, judge=told_apart)
plain = _found(
    "right versions are accepted, and plain mistakes are not",
    gate=True,
    cases=of_kind(collates.RIGHT, collates.PLAIN),
)
ids = _found("versions that lose or move ids are found", cases=of_kind(collates.IDS))
mask = _found("versions with a wrong mask are found", cases=of_kind(collates.MASK))
rare = _found("so are mistakes that few batches show", cases=of_kind(collates.RARE))
memory = _found("and those that need another batch before", cases=of_kind(collates.MEMORY))


def examples() -> Iterator[Case]:
    for version in collates.PUBLIC:
        yield Case({"version": version}, {"said": version.kind == collates.RIGHT})
