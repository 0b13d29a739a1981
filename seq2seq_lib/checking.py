"""Exercises, and what is said of an answer.

An exercise is a question with cases and criteria. Three things happen to an answer, in
places that need not trust each other: ``attempt`` runs the student's code on the inputs
of a case, ``plain`` reduces what comes back to numbers and text, and ``judge`` looks at
that and says, criterion by criterion, what is right and what is not. A student's own check
does all three in one notebook. A grader runs the first two in a closed process and
the third where the student's code cannot reach.

A criterion's judge is called as ``judge(inputs, answer, expected)`` and returns None, or
one sentence that names the mistake with the student's own numbers.
"""

import random
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Inputs = Mapping[str, Any]
Judge = Callable[[Inputs, Any, Any], str | None]
ANSWER_FILE = "<your answer>"  # the file name that an answer's code is compiled under
LONGEST_REASON = 400  # characters


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


@dataclass(frozen=True)
class Criterion:
    """One thing that is looked at in an answer.

    Args:
        name: what has to hold, such as "every row sums to 1 over the source".
        points: what it earns when it holds in every case.
        judge: called with the inputs, the answer and the expected answer of one case.
        gate: while it fails, the criteria after it are not looked at and earn nothing.
    """

    name: str
    points: int
    judge: Judge
    gate: bool = False


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


def _call(student: SimpleNamespace, inputs: Inputs) -> Any:
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
    run: Callable[[SimpleNamespace, Inputs], Any] = _call
    given: Callable[[], dict[str, Any]] = dict
    forbidden: tuple[str, ...] = ()
    seconds: float = 20.0

    @property
    def points(self) -> int:
        """What a right answer earns."""
        return sum(criterion.points for criterion in self.criteria)


def plain(value: Any) -> Any:
    """``value`` reduced to tensors, numbers, strings, None, lists and dicts.

    Anything else could carry code: an object whose comparison is always true must not
    reach a judge.

    Raises:
        TypeError: it is, or holds, something else.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (Tensor, nn.Parameter):
        if value.layout != torch.strided or value.is_meta or value.is_complex():
            raise TypeError("a tensor that holds no ordinary numbers")
        return value.detach().cpu().contiguous().clone()
    if isinstance(value, np.generic):
        return plain(value.item())
    if type(value) is np.ndarray:
        return plain(torch.from_numpy(value))
    if type(value) in (list, tuple) or (
        isinstance(value, tuple) and hasattr(value, "_fields")
    ):
        return [plain(v) for v in value]
    if type(value) in (set, frozenset):
        return sorted((plain(v) for v in value), key=repr)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    raise TypeError(f"a {type(value).__name__}")


def attempt(exercise: Exercise, student: SimpleNamespace, inputs: Inputs) -> Any:
    """The plain answer of the student's code, or ``Failed`` with the reason."""
    random.seed(0)
    torch.manual_seed(0)
    try:
        answer = exercise.run(student, inputs)
    except NotImplementedError:
        return Failed("This exercise is not answered yet (NotImplementedError).")
    except Exception as error:
        return Failed(described(error))
    try:
        return plain(answer)
    except Exception as error:
        return Failed(
            f"The answer must be made of tensors, numbers and text, but it is {error}."
        )


def described(error: BaseException) -> str:
    """An exception of a student's code as one sentence, with its line in their cell."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f.lineno for f in frames if f.filename == ANSWER_FILE or "ipykernel" in f.filename
    ]
    where = f" in line {own[-1]} of your cell" if own else ""
    text = " ".join(str(error).split())[:LONGEST_REASON]
    return f"It stopped with {type(error).__name__}{where}: {text or 'no message'}"


def judge(
    exercise: Exercise, cases: Sequence[Case], answers: Sequence[Any]
) -> list[Verdict]:
    """What each criterion earns over all cases.

    A criterion earns its points if no case speaks against it; its reason is that of the
    first case that does. A judge that stumbles over an answer counts against the answer.
    """
    verdicts, closed = [], ""
    for criterion in exercise.criteria:
        reason = closed or next(filter(None, _reasons(criterion, cases, answers)), "")
        earned = 0 if reason else criterion.points
        verdicts.append(Verdict(criterion.name, earned, criterion.points, reason))
        if reason and criterion.gate and not closed:
            closed = f"Not looked at, because this has to hold first: {criterion.name}."
    return verdicts


def _reasons(
    criterion: Criterion, cases: Sequence[Case], answers: Sequence[Any]
) -> Iterable[str | None]:
    for case, answer in zip(cases, answers, strict=True):
        if isinstance(answer, Failed):
            yield answer.reason
            continue
        try:
            yield criterion.judge(case.inputs, answer, case.expected)
        except Exception as error:
            yield (
                "The answer could not be compared with what was asked for "
                f"({type(error).__name__}); look at its type and shape."
            )
