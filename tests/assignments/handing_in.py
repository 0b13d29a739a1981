"""What a student hands in, made from the sources."""

import copy
import re
from functools import cache
from pathlib import Path

import nbformat

from assignments import registry
from assignments.handout import student_version

# Students' notebooks of earlier terms, a folder for each, as they were handed out.
EARLIER = sorted((Path(__file__).parent / "handed_out").glob("*/*.ipynb"))


@cache
def handed_out(path: Path) -> nbformat.NotebookNode:
    """A student's version of an earlier term; the checks that it imports can be found."""
    if path.stem in registry.ASSIGNMENTS:
        registry.exercises(path.stem)
    return nbformat.read(path, as_version=4)


def solutions_for(path: Path) -> dict[str, str]:
    """The solutions of those exercises that an earlier hand-out has."""
    marks = {c.metadata.get("nbgrader", {}).get("grade_id") for c in handed_out(path).cells}
    name = path.stem
    return {k: s for k, s in registry.solutions(name).items() if f"{name}-{k}" in marks}


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
    answers = {} if blank else dict(registry.solutions(assignment))
    return answered(_untouched(assignment), assignment, answers | (changes or {}))


def answered(
    notebook: nbformat.NotebookNode, assignment: str, answers: dict[str, str]
) -> nbformat.NotebookNode:
    """The notebook with these answers in the cells that ask for them; a new object."""
    notebook, answers = copy.deepcopy(notebook), dict(answers)
    for cell in notebook.cells:
        key = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        key = key.removeprefix(f"{assignment}-")
        if key in answers:
            cell.source = answers.pop(key)
    assert not answers, f"{assignment} has no {' and no '.join(answers)}"
    return notebook


# Past every list of names: what a list cannot see, the box has to hold.
DOOR = 'getattr(lambda: 0, "__%s__" % "globals")["__builtins__"]["__import__"]'
_IMPORT = re.compile(r"^( *|.*; *)import (\w+(?:, \w+)*)(?= *(?:;|$))", re.MULTILINE)


def unseen(source: str) -> str:
    """An attack whose imports no reader of code can follow."""
    return _IMPORT.sub(
        lambda match: "; ".join(
            f'{match[1] * (n == 0)}{name} = {DOOR}("{name}")'
            for n, name in enumerate(match[2].split(", "))
        ),
        source,
    )
