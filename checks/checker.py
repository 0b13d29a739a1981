"""The check that students run themselves."""

from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

from checks.attempt import attempt
from checks.exercise import Exercise
from checks.judging import judge


class Told(str):
    """A text that a notebook shows as it is."""

    def __repr__(self) -> str:
        return str(self)


class Checker:
    """One line per exercise: ``check("weights", masked_softmax)``.

    Args:
        exercises: the exercises of one assignment.
    """

    def __init__(self, exercises: Sequence[Exercise]) -> None:
        self.exercises = {exercise.key: exercise for exercise in exercises}

    def __call__(self, key: str, *answers: Any) -> Told:
        """Try the answers on the exercise's examples; says what holds and what does not.

        Args:
            key: the exercise.
            answers: what it asks for, in its order.

        Raises:
            ValueError: there is no such exercise, or too few or too many answers.
        """
        if key not in self.exercises:
            raise ValueError(
                f"There is no exercise {key!r}; choose one of {', '.join(self.exercises)}."
            )
        exercise = self.exercises[key]
        if len(answers) != len(exercise.answers):
            raise ValueError(
                f"The check of {key!r} takes {', '.join(exercise.answers)}, got "
                f"{len(answers)} answers."
            )
        student = SimpleNamespace(**dict(zip(exercise.answers, answers, strict=True)))
        cases = exercise.examples()
        found = [attempt(exercise, student, case.inputs) for case in cases]
        lines, told = [exercise.title], set()
        for verdict in judge(exercise, cases, found):
            lines.append(f"  {'✗' if verdict.reason else '✓'} {verdict.criterion}")
            if verdict.reason and verdict.reason not in told:
                lines.append(f"    {verdict.reason}")
            told.add(verdict.reason)
        used = forbidden_use(answers, exercise.forbidden)
        if used:
            lines.append("  ✗ it does without what answers the exercise")
            lines.append(f"    It uses {used}, and grading gives no points for that.")
        return Told("\n".join(lines))


def forbidden_use(answers: Sequence[Any], forbidden: Sequence[str]) -> str:
    """The first forbidden name that functions or classes use, or an empty string.

    A hint for the honest: it sees names in compiled code and where they lead, nothing more.
    """
    for answer in answers:
        for function in _functions(answer):
            for name in _names(function.__code__):
                found = function.__globals__.get(name)
                place = found.__name__ if isinstance(found, ModuleType) else ""
                place = place or str(getattr(found, "__module__", ""))
                for wanted in forbidden:
                    inside = wanted.startswith("seq2seq_lib.") and (
                        f"{place}.".startswith(f"{wanted}.")
                    )
                    if name == wanted or inside:
                        return wanted
    return ""


def _functions(answer: Any) -> Iterator[FunctionType]:
    """A function, or the methods of a class."""
    if isinstance(answer, FunctionType):
        yield answer
    elif isinstance(answer, type):
        yield from (v for v in vars(answer).values() if isinstance(v, FunctionType))


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in a piece of code and those within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
