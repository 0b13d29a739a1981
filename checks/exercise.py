"""Exercises: a question that code answers, its cases and its criteria.

A criterion's judge is called as ``judge(inputs, answer, expected)``. Where the answer is
wrong, it returns one sentence that names the mistake with the student's own numbers, or
raises ``Wrong`` with it; else it returns None.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

Student = SimpleNamespace  # the names that a student's cell defines
Inputs = Mapping[str, Any]
Answer = Any  # what a student's code returned, reduced to numbers and text
Judge = Callable[[Inputs, Answer, Answer], str | None]
UNKNOWN = object()  # the expected answer of a case that a solution has to compute


@dataclass(frozen=True)
class Case:
    """One set of inputs for an exercise."""

    inputs: Inputs  # tensors, numbers, strings, and lists and dicts of them
    expected: Any = UNKNOWN  # what a right answer is


@dataclass(frozen=True)
class Failed:
    """An answer that could not be had, and why, in one sentence."""

    reason: str


class Wrong(Exception):
    """What is wrong with an answer, in one sentence."""


def every(inputs: Inputs) -> bool:
    """Every case."""
    return True


@dataclass(frozen=True)
class Criterion:
    """One thing that is looked at in an answer."""

    name: str  # what has to hold, such as "every row sums to 1 over the source"
    points: int  # what it earns when it holds in every case
    judge: Judge
    gate: bool = False  # while it fails, the criteria after it earn nothing
    cases: Callable[[Inputs], Any] = every  # whether the judge looks at these inputs


def criterion(
    name: str, points: int, *, gate: bool = False, cases: Callable[[Inputs], Any] = every
) -> Callable[[Judge], Criterion]:
    """Make a judge a criterion: ``@criterion("every row sums to 1", 2)`` above it."""
    return lambda judge: Criterion(name, points, judge, gate, cases)


@dataclass(frozen=True)
class Verdict:
    """What a criterion earned: all of its points or none."""

    criterion: str
    points: int
    max_points: int
    reason: str = ""  # why it was not earned


@dataclass(frozen=True)
class Outside:
    """What an answer may ask of functions that its code cannot reach.

    Args:
        functions: by the names under which ``run`` finds them among the inputs.
        facts: what was seen of the questions; a judge finds it in the answer, in the place
            of whatever the answer says of itself under these names.
    """

    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    facts: Callable[[], dict[str, Any]] = dict


def nothing_outside(inputs: Inputs) -> Outside:
    """No function, and no fact."""
    return Outside()


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
        outside: called with the inputs of one case, makes what the answer may ask. While
            grading it is asked through a channel, so how often it was asked, and what, are
            facts that an answer cannot make up.
        kept: names of inputs that ``outside`` and judges see, and the answer does not.
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
    outside: Callable[[Inputs], Outside] = nothing_outside
    kept: tuple[str, ...] = ()

    def shown(self, inputs: Inputs) -> dict[str, Any]:
        """The inputs that an answer sees."""
        return {name: value for name, value in inputs.items() if name not in self.kept}

    @property
    def points(self) -> int:
        """What a right answer earns."""
        return sum(criterion.points for criterion in self.criteria)


def exercise_in(module: ModuleType, forbidden: tuple[str, ...] = ()) -> Exercise:
    """The exercise that a file holds: its name is the key, its docstring the title.

    The file defines ``ANSWERS``, ``examples``, which makes the cases, and the criteria, in
    their order. Where they are not the usual ones, it also defines ``run``, ``given`` and
    ``SECONDS``, and in ``FORBIDDEN`` what is forbidden beside ``forbidden``. Where the
    answer asks something, ``outside`` answers, and ``KEPT`` names what only that knows.
    """
    held = vars(module)
    return Exercise(
        module.__name__.rpartition(".")[2].replace("_", "-"),
        str(module.__doc__).splitlines()[0].removesuffix("."),
        held["ANSWERS"],
        tuple(value for value in held.values() if isinstance(value, Criterion)),
        lambda: list(held["examples"]()),
        held.get("run", _call),
        held.get("given", dict),
        (*forbidden, *held.get("FORBIDDEN", ())),
        held.get("SECONDS", 20.0),
        held.get("outside", nothing_outside),
        held.get("KEPT", ()),
    )
