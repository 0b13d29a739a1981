"""What a student hands in, made from the sources."""

import copy
from functools import cache

import nbformat

from assignments import registry
from assignments.handout import student_version


@cache
def _untouched(assignment: str) -> nbformat.NotebookNode:
    return student_version(registry.source_notebook(assignment))


def changed(assignment: str, key: str, *changes: tuple[str, str]) -> str:
    """The solution with parts of it exchanged, each of which it holds exactly once."""
    source = registry.solutions(assignment)[key]
    for old, new in changes:
        assert source.count(old) == 1, f"{old!r} is not once in the solution of {key}"
        source = source.replace(old, new)
    return source


def handed_in(
    assignment: str, changes: dict[str, str] | None = None, *, blank: bool = False
) -> nbformat.NotebookNode:
    """A student's notebook: the solution, some answers replaced; or untouched."""
    notebook = copy.deepcopy(_untouched(assignment))
    answers = {} if blank else dict(registry.solutions(assignment))
    answers |= changes or {}
    for cell in notebook.cells:
        key = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        key = key.removeprefix(f"{assignment}-")
        if key in answers:
            cell.source = answers.pop(key)
    assert not answers, f"{assignment} has no {' and no '.join(answers)}"
    return notebook
