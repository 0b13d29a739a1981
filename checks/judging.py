"""What each criterion of an exercise says of the answers."""

from collections.abc import Iterable, Sequence
from typing import Any

from checks.exercise import Case, Criterion, Exercise, Failed, Verdict, Wrong


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
            if criterion.cases(case.inputs):
                yield criterion.judge(case.inputs, answer, case.expected)
        except Wrong as wrong:
            yield str(wrong) or f"This does not hold: {criterion.name}."
        except Exception as error:
            yield (
                "The answer could not be compared with what was asked for "
                f"({type(error).__name__}); look at its type and shape."
            )
