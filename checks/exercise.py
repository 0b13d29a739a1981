"""Exercises: a question that code answers, its cases and its criteria.

A criterion's judge is called as ``judge(inputs, answer, expected)``. Where the answer is
wrong, it returns one sentence that names the mistake with the student's own numbers, or
raises ``Wrong`` with it; else it returns None.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

Student = SimpleNamespace  # the names that a student's cell defines
Inputs = Mapping[str, Any]
Answer = Any  # what a student's code returned, reduced to numbers and text
Judge = Callable[[Inputs, Answer, Answer], str | None]
UNKNOWN = object()  # the expected answer of a case that a solution has to compute


@dataclass(frozen=True)
class Case:
    """One set of inputs for an exercise.

    Args:
        inputs: tensors, numbers, strings, and lists and dicts of them.
        expected: what a right answer is; ``UNKNOWN`` where a solution computes it.
    """

    inputs: Inputs
    expected: Any = UNKNOWN


@dataclass(frozen=True)
class Failed:
    """An answer that could not be had.

    Args:
        reason: why, in one sentence.
    """

    reason: str


class Wrong(Exception):
    """What is wrong with an answer, in one sentence."""


def every(inputs: Inputs) -> bool:
    """Every case."""
    return True


@dataclass(frozen=True)
class Criterion:
    """One thing that is looked at in an answer.

    Args:
        name: what has to hold, such as "every row sums to 1 over the source".
        points: what it earns when it holds in every case.
        judge: called with the inputs, the answer and the expected answer of one case.
        gate: while it fails, the criteria after it are not looked at and earn nothing.
        cases: whether the judge looks at the case with these inputs.
    """

    name: str
    points: int
    judge: Judge
    gate: bool = False
    cases: Callable[[Inputs], Any] = every


def criterion(
    name: str, points: int, *, gate: bool = False, cases: Callable[[Inputs], Any] = every
) -> Callable[[Judge], Criterion]:
    """Make a judge a criterion: ``@criterion("every row sums to 1", 2)`` above it."""
    return lambda judge: Criterion(name, points, judge, gate, cases)


@dataclass(frozen=True)
class Verdict:
    """What a criterion earned.

    Args:
        criterion: its name.
        points: what was earned, 0 or ``max_points``.
        max_points: what could be earned.
        reason: why it was not earned; empty where it was.
    """

    criterion: str
    points: int
    max_points: int
    reason: str = ""


def _call(student: Student, inputs: Inputs) -> Any:
    """Call the exercise's only answer with the inputs by their names."""
    (answer,) = vars(student).values()
    return answer(**inputs)


@dataclass(frozen=True)
class Exercise:
    """A question that code answers.

    Args:
        key: its short name, such as "weights"; with the assignment's name it makes the
            id of its cells, ``A3-weights``.
        title: its name for people.
        answers: the names that the student's cell has to define.
        criteria: what is looked at, in this order.
        examples: the cases that students see, with exact expected answers.
        run: called with a namespace of the answers and the inputs of one case, returns the
            answer. By default the one answer is called with the inputs by name.
        given: makes the objects that earlier exercises built, by name, so that a mistake
            in one exercise does not cost another.
        forbidden: modules and names whose use would answer the exercise.
        seconds: how long all cases together may take in grading.
    """

    key: str
    title: str
    answers: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    examples: Callable[[], Sequence[Case]]
    run: Callable[[Student, Inputs], Any] = _call
    given: Callable[[], dict[str, Any]] = dict
    forbidden: tuple[str, ...] = ()
    seconds: float = 20.0

    @property
    def points(self) -> int:
        """What a right answer earns."""
        return sum(criterion.points for criterion in self.criteria)
