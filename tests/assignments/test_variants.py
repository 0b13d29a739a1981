"""What is green at a student's desk earns in the grade what the reference earns.

The table in ``variants`` holds right answers as students write them, for all four
assignments. Each is run twice: in a notebook, from top to bottom, in a real kernel, where
its check has to be content; and handed in, through the command's own code and real closed
processes, where its row has to be the reference's.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from desk_of_a_student import Told, checked
from handing_in import handed_in
from torch import Tensor
from variants import REFUSED, VARIANTS, Variant, notebooks

from assignments import grade, registry
from assignments.records import Row
from checks.attempt import attempt
from checks.judging import judge

# Kernels and closed processes, two at a time, from the first to the last.
pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]
REFERENCE = "reference"


def _cells(text: str) -> list[tuple[bool, str]]:
    """The cells of a variant: whether each has the exercise's mark, and its source."""
    if "# %%" not in text:
        return [(True, text)]
    found, marked, lines = [], False, list[str]()
    for line in [*text.split("\n"), "# %%"]:
        if not line.startswith("# %%"):
            lines.append(line)
            continue
        if any(each.strip() for each in lines):
            found.append((marked, "\n".join(lines).rstrip("\n")))
        marked, lines = "answer" in line, []
    return found


def notebook_of(assignment: str, variants: dict[str, Variant]) -> nbformat.NotebookNode:
    """The solved notebook with these variants in it, as a student would hand it in."""
    notebook = handed_in(assignment)
    cells = []
    for cell in notebook.cells:
        ours = cell.metadata.get("nbgrader", {})
        variant = variants.get(ours.get("grade_id", "").removeprefix(f"{assignment}-"))
        for marked, source in _cells(variant.cells) if variant else ():
            new = nbformat.v4.new_code_cell(source)
            new.metadata = cell.metadata if marked else {}
            cells.append(new)
        if not variant:
            cells.append(cell)
    notebook.cells = cells
    return notebook


@dataclass(frozen=True)
class Tried:
    """What became of one variant."""

    told: Told  # at the desk
    row: Row  # in the grade
    reference: Row


class Class:
    """Everything in the tables of one assignment: run once, when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tried: dict[Variant, Tried] = {}

    def __call__(self, variant: Variant) -> Tried:
        if variant not in self.tried:
            alike = [
                v
                for v in (*VARIANTS, *REFUSED)
                if (v.assignment, v.long) == (variant.assignment, variant.long)
            ]
            self.run(variant.assignment, alike)
        return self.tried[variant]

    def run(self, assignment: str, variants: Sequence[Variant]) -> None:
        folder = self.folder / f"{assignment} {variants[0].key}"
        (folder / "submissions").mkdir(parents=True)
        (folder / "desk").mkdir()
        right = [v for v in variants if v not in REFUSED]
        classes = [*notebooks(right), *notebooks([v for v in variants if v in REFUSED])]
        found = [notebook_of(assignment, each) for each in classes]
        for name, notebook in [*enumerate(found), (REFERENCE, handed_in(assignment))]:
            path = folder / "submissions" / f"{name}.ipynb"
            path.write_text(json.dumps(notebook), encoding="utf-8")
        keys = {variant.key for variant in variants}
        everything = grade.questions
        grade.questions = lambda a: [q for q in everything(a) if q.key in keys]
        try:
            graded = grade.grade(
                assignment,
                folder / "submissions",
                folder / "out",
                2,
                seed=7,
                progress=False,
            )
        finally:
            grade.questions = everything
        rows = {g.student: {row.question: row for row in g.rows} for g in graded}
        told = checked(found, assignment, keys, folder / "desk")
        for number, each in enumerate(classes):
            for key, variant in each.items():
                row, reference = rows[str(number)][key], rows[REFERENCE][key]
                self.tried[variant] = Tried(told[number][key], row, reference)


@pytest.fixture(scope="module")
def tried(bubblewrap: None, tmp_path_factory: pytest.TempPathFactory) -> Class:
    return Class(tmp_path_factory.mktemp("variants"))


def _named(variant: Variant) -> str:
    return f"{variant.assignment} {variant.key}: {variant.name}"


def _weekly(variant: Variant) -> Any:
    marks = [pytest.mark.weekly] if variant.long else []
    return pytest.param(variant, marks=marks, id=_named(variant))


@pytest.mark.parametrize("variant", [*map(_weekly, VARIANTS)])
def test_an_honest_variant_earns_what_the_reference_earns(variant: Variant, tried: Class):
    found = tried(variant)
    criteria = registry.exercises(variant.assignment)[variant.key].criteria
    assert found.told.text.count("  ✓ ") == len(criteria), found.told.text
    assert not found.told.failed
    assert found.reference.points == found.reference.max_points
    assert not found.reference.reason
    assert found.row.points == found.reference.points, found.row.reason
    assert found.row.verdicts == found.reference.verdicts


@pytest.mark.parametrize("variant", REFUSED, ids=_named)
def test_what_is_refused_is_refused_in_the_same_words(variant: Variant, tried: Class):
    found = tried(variant)
    assert found.told.failed and found.row.points < found.row.max_points
    assert found.row.reason
    if "does not allow" in found.row.reason:
        assert f"{found.row.reason} Grading gives no points." in found.told.reasons
        return
    lost = [verdict for verdict in found.row.verdicts if verdict.reason]
    assert {*found.told.failed} <= {verdict.criterion for verdict in lost}
    reasons = [verdict.reason for verdict in lost]
    assert {*found.told.reasons} <= {*reasons}, (found.told.reasons, reasons)


def test_there_are_enough_of_them_and_each_is_another_one():
    honest = Counter(v.assignment for v in VARIANTS if not v.long)
    assert sum(honest.values()) >= 80
    assert all(honest[name] >= 12 for name in registry.ASSIGNMENTS)
    named = [_named(variant) for variant in (*VARIANTS, *REFUSED)]
    assert len({*named}) == len(named)
    cells = {variant.cells for variant in VARIANTS}
    assert len(cells) == len(VARIANTS)


def _double(value: Any) -> Any:
    if isinstance(value, list):
        return [_double(each) for each in value]
    if isinstance(value, dict):
        return {key: _double(each) for key, each in value.items()}
    floats = isinstance(value, Tensor) and value.is_floating_point()
    return value.double() if floats else value


@pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
def test_twice_the_precision_earns_the_same(assignment: str):
    for key, exercise in registry.exercises(assignment).items():
        if exercise.seconds > 60:
            continue  # it trains a model
        cases = registry.cases(assignment, key, 3)
        student = registry.answers_of(assignment, key, registry.solutions(assignment)[key])
        answers = [_double(attempt(exercise, student, case.inputs)) for case in cases]
        lost = [v for v in judge(exercise, cases, answers) if v.points != v.max_points]
        assert not lost, key
