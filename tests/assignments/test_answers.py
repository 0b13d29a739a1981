"""Which cells answer an exercise, and what they are read with."""

import nbformat
import pytest
from handing_in import handed_in

from assignments import registry
from assignments.answers import Answer, find_answer
from assignments.notebook import Cell, cells

EVERY = [(a, key) for a in registry.ASSIGNMENTS for key in registry.exercises(a)]


def _found(assignment: str, key: str, *parts: tuple[str, str]) -> Answer:
    """The answer in cells, each with its mark: ``""``, ``"answer"`` or ``"check"``."""
    marks = {"": "", "answer": f"{assignment}-{key}", "check": f"{assignment}-{key}-test"}
    code = [Cell("code", src, marks[m], is_test=m == "check") for m, src in parts]
    return find_answer(code, assignment, registry.exercises(assignment)[key])


def _points(assignment: str, key: str, answer: Answer) -> int:
    assert not answer.problem, answer.problem
    found = registry.verdicts(assignment, key, answer.source, 3, answer.others)
    return sum(verdict.points for verdict in found)


# --- which cell answers -------------------------------------------------------------------


@pytest.mark.parametrize(("assignment", "key"), EVERY)
def test_an_answer_below_its_untouched_stub_is_found(assignment: str, key: str):
    notebook = handed_in(assignment, blank=True)
    solution = registry.solutions(assignment)[key]
    marks = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells]
    below = marks.index(f"{assignment}-{key}") + 1
    notebook.cells.insert(below, nbformat.v4.new_code_cell(solution))
    found = cells(nbformat.writes(notebook).encode())
    answer = find_answer(found, assignment, registry.exercises(assignment)[key])
    assert not answer.problem
    assert solution in answer.source
    assert "NotImplementedError" not in answer.source.partition(solution)[2]
