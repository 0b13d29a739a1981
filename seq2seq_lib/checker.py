"""The check that students run themselves."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from seq2seq_lib.checking import Exercise, attempt, judge


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
        return Told("\n".join(lines))
