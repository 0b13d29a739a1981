"""Notebooks that students got keep working after every update.

``handed_out`` holds the students' versions of each term as they were handed out. They are
never made anew; an update that breaks one of them breaks a student's work. That they are
graded as today's are is shown in test_solutions.py.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import nbformat
import pytest
import torch
from handing_in import EARLIER, answered, handed_out, solutions_for

from assignments import answers, registry
from assignments.editions import edition
from assignments.grading import questions
from assignments.notebook import cells as cells_of
from assignments.notebook import wrong_assignment
from assignments.records import in_edition
from seq2seq_lib.training import TrainConfig

every_notebook = pytest.mark.parametrize(
    "path", EARLIER, ids=lambda path: f"{path.parent.name} {path.stem}"
)
# Names that a text tells students to import, beside those of the code.
IN_TEXT = re.compile(r"`from ([\w.]+) import ([\w, ]+)`")
FURTHER = [("a3_checks", "held_out"), ("a3_checks", "say"), ("a4_checks", "LIFT")]
FEW = 12  # updates of a training that is only to run


def _imported(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """Module and name of every import in the code and in the text."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            for module, names in IN_TEXT.findall(cell.source):
                yield from ((module, name.strip()) for name in names.split(","))
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom):
                yield from ((str(node.module), alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names)


def test_all_that_was_handed_out_is_kept():
    names = {path.stem for path in EARLIER if path.parent.name == "2026-11"}
    assert names == {*registry.ASSIGNMENTS, "project"}


@every_notebook
def test_every_import_is_found(path: Path):
    further = [pair for pair in FURTHER if pair[0] == f"{path.stem.lower()}_checks"]
    imported = {*_imported(handed_out(path)), *further}
    assert len(imported) >= 4
    for module, wanted in imported:
        exec(f"from {module} import {wanted}" if wanted else f"import {module}", {})


@pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
def test_it_is_read_and_every_question_is_in_it(assignment: str):
    handed = [path for path in EARLIER if path.stem == assignment]
    assert handed
    for path in handed:
        _is_read(path.read_bytes(), assignment)


def _is_read(data: bytes, assignment: str) -> None:
    cells = cells_of(data)
    assert wrong_assignment(cells, assignment) == ""
    marks = {cell.grade_id for cell in cells}
    asked = in_edition(questions(assignment), edition(cells, assignment))
    assert {f"{assignment}-{question.key}" for question in asked} <= marks
    for key in [question.key for question in asked if not question.written]:
        exercise = registry.exercises(assignment)[key]
        answer = answers.find_answer(cells, assignment, exercise)
        assert "NotImplementedError" in answer.source
        assert (answer.problem, answer.note) == ("", "")


@every_notebook
def test_solved_it_runs_from_top_to_bottom(path: Path, monkeypatch: pytest.MonkeyPatch):
    """Trainings are cut short; what they learn is not asked here."""
    matplotlib.use("agg")
    complete = TrainConfig.__post_init__

    def cut_short(config: TrainConfig) -> None:
        complete(config)
        object.__setattr__(config, "updates", min(config.updates, FEW))

    monkeypatch.setattr(TrainConfig, "__post_init__", cut_short)
    torch.set_num_threads(1)
    notebook = handed_out(path)
    if path.stem in registry.ASSIGNMENTS:
        notebook = answered(notebook, path.stem, solutions_for(path))
    namespace: dict[str, object] = {"__name__": "__main__"}
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    for source in code:
        exec(compile(source, f"<{path.stem}>", "exec"), namespace)
