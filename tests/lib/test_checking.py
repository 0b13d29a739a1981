"""Exercises, criteria and checks: what an answer is reduced to, and what is said of it."""

import random
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from checks.attempt import (
    NO_REASON,
    attempt,
    described,
    failure,
    tried,
    without_code,
)
from checks.checker import Checker, forbidden_use
from checks.differences import (
    first_difference,
    known,
    near,
    refuse,
    same,
    whole,
    wrong_number,
    wrong_shape,
)
from checks.drawing import by_exercise
from checks.exercise import Case, Criterion, Exercise, Failed, criterion, exercise_in
from checks.judging import judge
from seq2seq_lib import attention
from seq2seq_lib.attention import masked_softmax

CASE = Case({}, 0)


def _is(right: int) -> Any:
    return lambda inputs, answer, expected: None if answer == right else f"It is {answer}."


def _exercise(*criteria: Criterion, **more: Any) -> Exercise:
    return Exercise(
        "twice",
        "Twice",
        ("twice",),
        criteria or (Criterion("is four", 2, _is(4)),),
        examples=lambda: [Case({"x": 2}, 4)],
        **more,
    )


def test_a_file_is_an_exercise():
    """Its criteria are looked at in the order in which they stand there."""
    held = ModuleType("a9_exercises.by_two", "3. Twice.\n\nMore of it.")
    last, first = Criterion("is four", 2, _is(4)), Criterion("is even", 1, _is(4))
    vars(held).update(
        ANSWERS=("twice",),
        first=first,
        last=last,
        examples=lambda: iter([Case({"x": 2}, 4)]),
    )
    exercise = exercise_in(held, ("numpy",))
    assert (exercise.key, exercise.title) == ("by-two", "3. Twice")
    assert (exercise.criteria, exercise.forbidden) == ((first, last), ("numpy",))
    assert exercise.examples() == exercise.examples() == [Case({"x": 2}, 4)]
    assert exercise.run(SimpleNamespace(twice=lambda x: 2 * x), {"x": 2}) == 4
    vars(held).update(run=print, given=vars, FORBIDDEN=("sum",), SECONDS=9.0)
    exercise = exercise_in(held, ("numpy",))
    assert (exercise.run, exercise.given, exercise.seconds) == (print, vars, 9.0)
    assert exercise.forbidden == ("numpy", "sum")


def test_fresh_cases_are_drawn_under_the_key_of_their_exercise():
    def by_two(rng: random.Random) -> Iterator[Case]:
        yield Case({"x": rng.randrange(2, 99)})

    ((key, draw),) = by_exercise(by_two).items()
    assert key == "by-two" and draw(random.Random(3)) == draw(random.Random(3))


@pytest.mark.parametrize(
    ("value", "reduced"),
    [
        (np.float32(0.5), 0.5),
        ((1, [2, (3,)]), [1, [2, [3]]]),
        ({(0, 1), (1, 0)}, [[0, 1], [1, 0]]),
        ({"a": None, 3: True}, {"a": None, "3": True}),
    ],
)
def test_an_answer_is_reduced_to_plain_values(value: object, reduced: object):
    assert without_code(value) == reduced


def test_tensors_lose_their_history_and_their_storage():
    weights = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    back = without_code(weights.t())
    assert type(back) is torch.Tensor and not back.requires_grad
    assert back.is_contiguous() and back.data_ptr() != weights.data_ptr()
    assert torch.equal(without_code(np.ones((2, 2))), torch.ones(2, 2, dtype=torch.float64))


class Everything(float):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


class SlyTensor(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Everything(1),
        torch.ones(2).as_subclass(SlyTensor),
        object(),
        [object()],
        {"a": print},
        torch.ones(2).to_sparse(),
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2, device="meta"),
    ],
)
def test_what_could_carry_code_is_refused(value: object):
    with pytest.raises(TypeError):
        without_code(value)
    answer = attempt(_exercise(), SimpleNamespace(twice=lambda x: value), {"x": 1})
    assert isinstance(answer, Failed) and "must be made of" in answer.reason


def test_a_criterion_needs_every_case_and_gives_the_first_reason():
    cases = [Case({}, 0), Case({}, 0), Case({}, 0)]
    (verdict,) = judge(_exercise(), cases, [4, 5, 6])
    assert (verdict.points, verdict.max_points, verdict.reason) == (0, 2, "It is 5.")
    (verdict,) = judge(_exercise(), cases, [4, 4, 4])
    assert (verdict.points, verdict.reason) == (2, "")


@pytest.mark.parametrize("reason", ["", " \n", None, 0, [], {}])
def test_a_failure_without_a_reason_is_a_failure(reason):
    """In each criterion, also in those that would look at no such case."""
    assert failure({"failed": reason}) == NO_REASON
    never = Criterion("b", 1, _is(4), cases=lambda inputs: False)
    failed = Failed(reason if isinstance(reason, str) else "")
    verdicts = judge(_exercise(Criterion("a", 1, _is(4)), never), [CASE], [failed])
    assert [v.points for v in verdicts] == [0, 0]
    assert all(v.reason == NO_REASON for v in verdicts)


@pytest.mark.parametrize("said", ["", "  ", False, 0, True, [], {}, Ellipsis])
def test_only_a_judge_without_objections_gives_points(said):
    exercise = _exercise(Criterion("a", 1, lambda inputs, answer, expected: said))
    (verdict,) = judge(exercise, [CASE], [4])
    assert (verdict.points, verdict.reason) == (0, "This does not hold: a.")


def test_what_was_looked_at_in_no_case_gives_no_points():
    exercise = _exercise(Criterion("a", 1, _is(4), cases=lambda inputs: False))
    for cases, answers in (([CASE], [4]), ([], [])):
        (verdict,) = judge(exercise, cases, answers)
        assert (verdict.points, verdict.reason) == (0, "No case was tried of this: a.")


def test_behind_a_closed_gate_nothing_is_looked_at():
    exercise = _exercise(
        Criterion("a", 1, _is(4)),
        Criterion("b", 2, _is(5), gate=True),
        Criterion("c", 4, _is(4)),
    )
    verdicts = judge(exercise, [Case({}, 0)], [4])
    assert [v.points for v in verdicts] == [1, 0, 0]
    assert verdicts[2].reason == "Not looked at, because this has to hold first: b."
    assert exercise.points == 7


def test_a_judge_that_stumbles_counts_against_the_answer():
    def stumbles(inputs: Any, answer: Any, expected: Any) -> None:
        raise RuntimeError("shape")

    (verdict,) = judge(_exercise(Criterion("a", 1, stumbles)), [Case({}, 0)], [1])
    assert verdict.points == 0 and "could not be compared" in verdict.reason


def test_what_reads_an_answer_may_refuse_it():
    """Also without a word: nothing that is refused earns points."""

    def refuses(inputs: Any, answer: Any, expected: Any) -> None:
        refuse(answer)

    exercise = _exercise(Criterion("holds", 1, refuses))
    for answer, reason in ((None, ""), ("No.", "No."), ("", "This does not hold: holds.")):
        (verdict,) = judge(exercise, [Case({}, 0)], [answer])
        assert (verdict.reason, verdict.points) == (reason, int(answer is None))


def test_a_criterion_looks_at_its_cases_only_but_nothing_may_fail():
    @criterion("is four", 1, cases=lambda inputs: inputs["x"] > 1)
    def is_four(inputs: Any, answer: Any, expected: Any) -> str | None:
        return None if answer == 4 else "It is not."

    cases = [Case({"x": 1}, 0), Case({"x": 2}, 0)]
    points = [
        judge(_exercise(is_four), cases, answers)[0].points
        for answers in ([0, 4], [4, 0], [Failed("It stopped."), 4])
    ]
    assert points == [1, 0, 0]


def test_a_part_that_stops_costs_no_other():
    def unanswered() -> None:
        raise NotImplementedError

    assert tried(lambda: 3) == 3 and failure(3) is None
    assert failure(tried(lambda: 1 / 0)) == (
        "It stopped with ZeroDivisionError: division by zero"
    )
    told = failure(tried(unanswered, "keep"))
    assert told == "keep is not answered yet (NotImplementedError)."


def test_numbers_are_compared_by_their_size():
    assert near(torch.tensor([2.0]), 2.00001) and not near(2.1, 2)
    assert near(3e-9, 2e-9) and not near(3e-9, 2e-9, least=0)
    assert not any(near(value, 1) for value in (True, "1", None, [1], float("nan")))
    assert whole(torch.tensor(3)) == 3
    assert [whole(value) for value in (2.5, float("inf"), float("nan"), True)] == [None] * 4


def test_a_known_mistake_is_named():
    mistakes = [(6, "this is the sum."), ([1.0, 2.0], "this is the input.")]
    assert known(6.00001, mistakes) == "this is the sum."
    assert known(torch.tensor([1.0, 2.0]), mistakes) == "this is the input."
    assert known(torch.tensor([1.0, 2.0, 3.0]), mistakes) is None
    assert wrong_number(2.0, 2, "The mean") is None
    assert wrong_number(5, 2, "The mean") == "The mean is 5, but 2 is right."
    told = wrong_number([2], 2, "The mean")
    assert told == "The mean has to be a number, but it is a list."
    told = wrong_number(6, 2, "The mean", mistakes[:1])
    assert told == "The mean is 6 and should be 2: this is the sum."


def test_failures_are_told_in_one_sentence():
    answer = attempt(_exercise(), SimpleNamespace(twice=lambda x: x / 0), {"x": 1})
    assert answer == Failed("It stopped with ZeroDivisionError: division by zero")
    unanswered = SimpleNamespace(twice=lambda x: (_ for _ in ()).throw(NotImplementedError))
    assert "not answered yet" in attempt(_exercise(), unanswered, {"x": 1}).reason
    assert len(described(ValueError("a" * 10_000))) < 500


def test_the_line_of_an_error_is_that_of_the_students_cell():
    code = compile("def twice(x):\n    y = x\n    return y + 'a'", "<your answer>", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    answer = attempt(_exercise(), SimpleNamespace(twice=names["twice"]), {"x": 1})
    assert "TypeError in line 3 of your cell" in answer.reason


def test_a_check_says_what_holds_and_what_does_not():
    exercise = _exercise(Criterion("is four", 2, _is(4)), Criterion("is five", 1, _is(5)))
    told = Checker([exercise])("twice", lambda x: 2 * x)
    assert repr(told) == "Twice\n  ✓ is four\n  ✗ is five\n    It is 4."
    told = Checker([exercise])("twice", lambda x: 1 / 0)
    assert str(told).count("ZeroDivisionError") == 1


def test_a_check_names_its_exercises_and_their_answers():
    check = Checker([_exercise()])
    with pytest.raises(ValueError, match="no exercise 'thrice'; choose one of twice"):
        check("thrice", None)
    with pytest.raises(ValueError, match="takes twice, got 2 answers"):
        check("twice", 1, 2)


def test_differences_are_told_with_their_place():
    right = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    axes = ("batch", "source")
    assert first_difference(right + 1e-6, right, axes) is None
    told = first_difference(torch.tensor([[0.5, 0.5], [0.9, 0.1]]), right, axes)
    assert told == "At batch 1, source 0 the answer is 0.9, but 1 is right."
    assert "has the shape (2,)" in str(wrong_shape(torch.ones(2), right, axes))
    assert "has to be a tensor" in str(wrong_shape([1.0], right, axes))
    bad = torch.tensor([[0.5, float("nan")], [1.0, 0.0]])
    assert "nan at batch 0, source 1" in str(wrong_shape(bad, right, axes))
    assert same(right.double(), right) and not same(right.t(), right)
    assert not same(right.tolist(), right)


def _uses_a_module(x: int) -> int:
    return attention.masked_softmax(x) if x > 9 else 2 * x


def _uses_a_name(x: int) -> int:
    return [masked_softmax for _ in range(0)] or 2 * x


class _UsesAnAttribute:
    def __call__(self, x: int) -> int:
        return torch.nn.MultiheadAttention(x, 1) if x > 9 else 2 * x


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (_uses_a_module, "seq2seq_lib.attention"),
        (_uses_a_name, "seq2seq_lib.attention"),
        (_UsesAnAttribute, "MultiheadAttention"),
        (lambda x: wrong_shape and 2 * x, ""),
        (2, ""),
    ],
)
def test_a_check_warns_of_what_grading_does_not_allow(answer: Any, named: str):
    forbidden = ("seq2seq_lib.attention", "MultiheadAttention")
    assert forbidden_use([answer], forbidden) == named
    if callable(answer) and not isinstance(answer, type):
        told = str(Checker([_exercise(forbidden=forbidden)])("twice", answer))
        assert (f"uses {named}," in told) == bool(named) and "✓ is four" in told
