"""What each criterion of an exercise says of the answers."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from checks.attempt import NO_REASON
from checks.exercise import Case, Criterion, Exercise, Failed, Verdict, Wrong


def judge(
    exercise: Exercise, cases: Sequence[Case], answers: Sequence[Any]
) -> list[Verdict]:
    """What each criterion earns over all cases.

    A criterion earns its points only if its judge has looked at a case, and had nothing to
    say against any: it returned None, and no other value will do. Its reason is that of
    the first case that failed. A case without an answer fails, whatever its reason says,
    and a judge that stumbles over an answer counts against the answer.
    """
    verdicts, closed = [], ""
    for criterion in exercise.criteria:
        looks = list(_looks(criterion, cases, answers))
        passed = bool(looks) and all(look.passed for look in looks) and not closed
        reason = ""
        if not passed:
            first = next((look.reason for look in looks if not look.passed), "")
            reason = closed or first or f"No case was tried of this: {criterion.name}."
        earned = criterion.points if passed else 0
        verdicts.append(Verdict(criterion.name, earned, criterion.points, reason))
        if criterion.gate and not passed and not closed:
            closed = f"Not looked at, because this has to hold first: {criterion.name}."
    return verdicts


class _Look(NamedTuple):
    """What a judge said of one case; the reason of one that did not pass is not empty."""

    passed: bool
    reason: str = ""


def _looks(
    criterion: Criterion, cases: Sequence[Case], answers: Sequence[Any]
) -> Iterator[_Look]:
    against = f"This does not hold: {criterion.name}."
    for case, answer in zip(cases, answers, strict=True):
        if isinstance(answer, Failed):
            yield _Look(False, told(answer.reason) or NO_REASON)
            continue
        try:
            if not criterion.cases(case.inputs):
                continue
            found = criterion.judge(case.inputs, answer, case.expected)
            yield _Look(True) if found is None else _Look(False, told(found) or against)
        except Wrong as wrong:
            yield _Look(False, told(str(wrong)) or against)
        except Exception as error:
            yield _Look(
                False,
                "The answer could not be compared with what was asked for "
                f"({type(error).__name__}); look at its type and shape.",
            )


def told(reason: Any) -> str:
    """A reason as text with something to read in it, or an empty string."""
    return reason if isinstance(reason, str) and reason.strip() else ""
