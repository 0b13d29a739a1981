"""Solutions earn everything, untouched notebooks and empty answers nothing.

Today's notebooks and those that were handed out earlier go through the grader as a class
would, in closed processes where the machine has them.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from handing_in import EARLIER, answered, handed_in, handed_out, solutions_for
from torch import Tensor

from assignments import grade, registry
from assignments.grading import questions
from checks.attempt import attempt
from checks.checker import Checker
from checks.judging import judge

every_assignment = pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
LONG = 60.0  # seconds; an exercise that may take longer trains a model


def _write(folder: Path, student: str, notebook: nbformat.NotebookNode) -> None:
    (folder / f"{student}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


@pytest.mark.alone
@pytest.mark.timeout(900)
@every_assignment
def test_the_solution_earns_everything_and_the_untouched_version_nothing(
    bubblewrap: None, assignment: str, tmp_path: Path
):
    folder, out = tmp_path / "submissions", tmp_path / "graded"
    folder.mkdir()
    _write(folder, "solved", handed_in(assignment))
    _write(folder, "untouched", handed_in(assignment, blank=True))
    terms = {"": set(registry.exercises(assignment))}
    for path in EARLIER:
        if path.stem == assignment:
            term, earlier, solutions = (
                path.parent.name,
                handed_out(path),
                solutions_for(path),
            )
            terms[f" {term}"] = set(solutions)
            _write(folder, f"solved {term}", answered(earlier, assignment, solutions))
            _write(folder, f"untouched {term}", earlier)
    assert len(terms) > 1
    graded = grade.grade(assignment, folder, out, jobs=2, progress=False)
    rows = {g.student: {row.question: row for row in g.rows} for g in graded}
    written = {q.key for q in questions(assignment) if q.written}
    for term, keys in terms.items():
        assert set(rows[f"solved{term}"]) == set(rows[f"untouched{term}"]) == keys | written
        for key in keys:
            exercise = registry.exercises(assignment)[key]
            solved, untouched = rows[f"solved{term}"][key], rows[f"untouched{term}"][key]
            assert (solved.points, solved.reason) == (exercise.points, "")
            assert untouched.points == 0 and "not answered yet" in untouched.reason


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, list):
        return [_mapped(change, v) for v in value]
    if isinstance(value, dict):
        return {k: _mapped(change, v) for k, v in value.items()}
    return change(value)


def _filled(number: float) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if isinstance(value, Tensor):
            return torch.full(value.shape, number).to(value.dtype)
        if isinstance(value, bool):
            return bool(number)
        if isinstance(value, int | float):
            return type(value)(number)
        return "" if isinstance(value, str) else value

    return change


def _random(value: Any) -> Any:
    if isinstance(value, Tensor):
        if value.is_floating_point():
            return torch.rand_like(value)
        if value.dtype == torch.bool:
            return torch.rand(value.shape) < 0.5
        return torch.randint_like(value, 0, 3)
    if isinstance(value, bool):
        return random.random() < 0.5
    if isinstance(value, int | float):
        return type(value)(random.randrange(3))
    return random.choice("abc") if isinstance(value, str) else value


# What somebody answers who does not know; the form is always right.
EMPTY = {
    "None": lambda answer: None,
    "zeros": lambda answer: _mapped(_filled(0), answer),
    "ones": lambda answer: _mapped(_filled(1), answer),
    "random": lambda answer: _mapped(_random, answer),
    "nothing": lambda answer: [] if isinstance(answer, list) else {},
    "text": lambda answer: "full marks",
}


@pytest.mark.parametrize("kind", EMPTY)
@every_assignment
def test_answers_without_content_earn_nothing(assignment: str, kind: str):
    random.seed(1)
    torch.manual_seed(1)
    solutions = registry.solutions(assignment)
    for key, exercise in registry.exercises(assignment).items():
        if exercise.seconds > LONG:
            continue
        cases = registry.cases(assignment, key, 0)
        solution = registry.answers_of(assignment, key, solutions[key])
        answers = [attempt(exercise, solution, case.inputs) for case in cases]
        verdicts = judge(exercise, cases, [EMPTY[kind](answer) for answer in answers])
        earned = {v.criterion: v.points for v in verdicts if v.points}
        assert not earned, (key, kind)


@every_assignment
def test_a_reason_is_a_sentence_that_gives_no_code_away(assignment: str):
    """A judge is asked about a wrong answer of every kind above."""
    solutions = registry.solutions(assignment)
    for key, exercise in registry.exercises(assignment).items():
        if exercise.seconds > LONG:
            continue
        cases = registry.cases(assignment, key, 0)
        solution = registry.answers_of(assignment, key, solutions[key])
        answers = [attempt(exercise, solution, case.inputs) for case in cases]
        code = {line.strip() for line in solutions[key].splitlines() if len(line) > 25}
        for change in EMPTY.values():
            for verdict in judge(exercise, cases, [change(a) for a in answers]):
                assert verdict.reason.strip()[-1:] in (*".?!)",), (key, verdict.reason)
                assert len(verdict.reason) < 600
                assert not [line for line in code if line in verdict.reason]


@every_assignment
def test_the_check_of_a_solution_has_nothing_to_say(assignment: str):
    check = Checker([*registry.exercises(assignment).values()])
    names: dict[str, Any] = {"__name__": "__notebook__"}
    for code in (*registry.setup(assignment), *registry.solutions(assignment).values()):
        exec(code, names)
    for key, exercise in registry.exercises(assignment).items():
        if exercise.seconds <= LONG:
            told = check(key, *(names[name] for name in exercise.answers))
            assert "✓" in told and "✗" not in told, told
