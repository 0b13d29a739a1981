"""What there is to grade: the exercises of each assignment, their cases and solutions."""

import importlib
import random
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat

from checks.attempt import ANSWER_FILE, attempt, described
from checks.cell import Namespace
from checks.exercise import UNKNOWN, Case, Exercise, Failed, Verdict
from checks.judging import judge

SOURCE = Path(__file__).parent / "source"
ASSIGNMENTS = ("A1", "A2", "A3", "A4")


def check_name(assignment: str) -> None:
    """Raise a ValueError unless there is such an assignment."""
    if assignment not in ASSIGNMENTS:
        raise ValueError(
            f"There is no assignment {assignment!r}; choose one of "
            f"{', '.join(ASSIGNMENTS)}."
        )


def checks_file(assignment: str) -> Path:
    """The public module that holds the exercises, handed out with the notebook."""
    return SOURCE / assignment / f"{assignment.lower()}_checks.py"


def public_files(assignment: str) -> list[Path]:
    """That module, and the package beside it with one file for each exercise."""
    module = checks_file(assignment)
    return [module, module.with_name(f"{assignment.lower()}_exercises")]


@cache
def public_module(assignment: str) -> ModuleType:
    """The public module, under the name that the notebook imports it by.

    It is always the one in ``SOURCE``, whatever a notebook that runs in the same process
    has imported under that name.

    Raises:
        ValueError: there is no such assignment.
    """
    check_name(assignment)
    names = {path.stem for path in public_files(assignment)}
    for module in [name for name in sys.modules if name.split(".")[0] in names]:
        del sys.modules[module]
    path = checks_file(assignment)
    sys.path.insert(0, str(path.parent))
    try:
        return importlib.import_module(path.stem)
    finally:
        sys.path.remove(str(path.parent))


@cache
def exercises(assignment: str) -> dict[str, Exercise]:
    """The coded exercises by their keys, in the notebook's order.

    Raises:
        ValueError: there is no such assignment.
    """
    return {exercise.key: exercise for exercise in public_module(assignment).EXERCISES}


@cache
def source_notebook(assignment: str) -> nbformat.NotebookNode:
    """The notebook that has the solutions."""
    return nbformat.read(SOURCE / assignment / f"{assignment}.ipynb", as_version=4)


def setup(assignment: str) -> list[str]:
    """The code that runs before any answer: the source's cells tagged ``setup``."""
    return [
        cell.source
        for cell in source_notebook(assignment).cells
        if cell.cell_type == "code" and "setup" in cell.metadata.get("tags", [])
    ]


@cache
def lines_of_checks(assignment: str) -> frozenset[str]:
    """The lines that stand in the source's cells of checks, without their margins."""
    return frozenset(
        line.strip()
        for cell in source_notebook(assignment).cells
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").endswith("-test")
        for line in cell.source.split("\n")
    )


def solutions(assignment: str) -> dict[str, str]:
    """The source of the cell that answers each exercise."""
    cells = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in source_notebook(assignment).cells
        if cell.metadata.get("nbgrader")
    }
    return {key: cells[f"{assignment}-{key}"] for key in exercises(assignment)}


def answers_of(
    assignment: str, key: str, source: str, others: Sequence[str] = ()
) -> SimpleNamespace:
    """Run an answer's source in this process: trusted code only.

    Args:
        others: what other cells lend to it.

    Raises:
        NameError: it does not define what the exercise asks for.
    """
    exercise = exercises(assignment)[key]
    space = Namespace()
    for code in setup(assignment):
        space.run(code, "<setup>")
    for number, code in enumerate(others, 1):
        space.run(code, f"<your other cells, {number}>")
    space.names.update(exercise.given())
    error = space.run(source, ANSWER_FILE)
    found = space.chosen(exercise.answers)
    missing = [name for name in exercise.answers if name not in found]
    if missing and isinstance(error, Exception):
        raise error
    if missing:
        raise NameError(f"the cell does not define {missing[0]}")
    return SimpleNamespace(**found)


@cache
def cases(assignment: str, key: str, seed: int) -> tuple[Case, ...]:
    """The visible cases and the fresh ones of a seed, with their right answers.

    Raises:
        RuntimeError: the solution does not answer a case.
    """
    exercise = exercises(assignment)[key]
    hidden = importlib.import_module(f"assignments.hidden.{assignment.lower()}")
    fresh = hidden.FRESH[key](random.Random(f"{seed}-{assignment}-{key}"))
    found = []
    for case in (*exercise.examples(), *fresh):
        if case.expected is UNKNOWN:
            solution = answers_of(assignment, key, solutions(assignment)[key])
            answer = attempt(exercise, solution, case.inputs)
            if isinstance(answer, Failed):
                raise RuntimeError(f"The solution of {assignment}-{key}: {answer.reason}")
            case = Case(case.inputs, answer)
        found.append(case)
    return tuple(found)


def verdicts(
    assignment: str, key: str, source: str, seed: int = 0, others: Sequence[str] = ()
) -> list[Verdict]:
    """Judge an answer's source, run in this process: trusted code only."""
    exercise = exercises(assignment)[key]
    wanted = cases(assignment, key, seed)
    try:
        student = answers_of(assignment, key, source, others)
    except Exception as error:
        return judge(exercise, wanted, [Failed(described(error))] * len(wanted))
    return judge(exercise, wanted, [attempt(exercise, student, c.inputs) for c in wanted])


def score(assignment: str, key: str, *answers: Any, seed: int | None = None) -> int:
    """The points of answers on fresh cases: what the hidden tests of a notebook call.

    nbgrader takes the number as partial credit. The answers run in this process, so this
    gives no protection; ``assignments.grade`` does.
    """
    exercise = exercises(assignment)[key]
    student = SimpleNamespace(**dict(zip(exercise.answers, answers, strict=True)))
    chosen = random.SystemRandom().getrandbits(32) if seed is None else seed
    wanted = cases(assignment, key, chosen)
    found = [attempt(exercise, student, case.inputs) for case in wanted]
    return sum(verdict.points for verdict in judge(exercise, wanted, found))
