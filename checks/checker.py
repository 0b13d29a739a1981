"""The check that students run themselves."""

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from keyword import iskeyword
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

from checks import forbidden as uses
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
            lines.append(f"    {uses.refusal(used)} Grading gives no points.")
        return Told("\n".join(lines))


def forbidden_use(answers: Sequence[Any], forbidden: Sequence[str]) -> str:
    """The first forbidden thing that functions or classes use, or an empty string.

    A hint for the honest, in the words of grading: the text of each function, and of those
    of the notebook's that it leads to, is looked at as grading looks at cells. Where the
    text is gone, what was compiled tells the names.
    """
    waiting = [function for answer in answers for function in _functions(answer)]
    seen: set[FunctionType] = set()
    while waiting:
        function = waiting.pop(0)
        if function in seen:
            continue
        seen.add(function)
        names = {name: function.__globals__.get(name) for name in _names(function.__code__)}
        own = {n: v for n, v in names.items() if _module(v) == function.__module__}
        others = {n: v for n, v in names.items() if n not in own}
        used = uses.forbidden_use(_as_cell(function, others), forbidden)
        if used:
            return used
        waiting += [inner for value in own.values() for inner in _functions(value)]
    return ""


def _as_cell(function: FunctionType, names: Mapping[str, Any]) -> ast.Module:
    """A function as one cell: imports of what it mentions, and its text, if it has one."""
    lines = [line for name, value in names.items() if (line := _import(name, value))]
    text = ""
    with contextlib.suppress(OSError, TypeError, ValueError, SyntaxError):
        text = textwrap.dedent(inspect.getsource(function))
        ast.parse(text)
        lines.append(text)
    if text not in lines:  # a lambda within a line, or what was typed and is gone
        # A module among them is not handed on, as far as anybody knows.
        lines += [f"del {name}.{other}" for name in names for other in names if names[name]]
    return ast.parse("\n".join(lines))


def _import(name: str, value: Any) -> str:
    """The import that gives a name its value, or an empty string."""
    if isinstance(value, ModuleType):
        return f"import {value.__name__} as {name}" if _dotted(value.__name__) else ""
    called, place = getattr(value, "__qualname__", ""), _module(value)
    if not (isinstance(called, str) and called.isidentifier() and _dotted(place)):
        return ""
    if place == "builtins":  # another name for ``max`` is as good as ``max``
        return f"{name} = {called}"
    return f"from {place} import {called} as {name}"


def _dotted(place: str) -> bool:
    """Whether this could be the name of a module in an import."""
    words = place.split(".")
    return all(word.isidentifier() and not iskeyword(word) for word in words)


def _module(value: Any) -> str:
    place = getattr(value, "__module__", "")
    return place if isinstance(place, str) else ""


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
