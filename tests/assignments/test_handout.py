"""What students get holds no solution, and is the source without them and nothing else."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from assignments import handout, registry
from assignments.grading import questions
from tools.environment import ROOT

SUFFIXES = (".py", ".ipynb")
EVERYTHING = (*registry.ASSIGNMENTS, "project")
every_assignment = pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("handout")
    assert handout.main(["--out", str(out)]) == 0
    return out


def _student(made: Path, assignment: str) -> nbformat.NotebookNode:
    path = made / "release" / assignment / f"{assignment}.ipynb"
    return nbformat.read(path, as_version=4)


def _public(assignment: str) -> list[Path]:
    """The modules of the checks that students get."""
    return sorted((registry.SOURCE / assignment).rglob("*.py"))


def _lines_of_solutions(assignment: str) -> set[str]:
    """Lines that stand in a solution and nowhere else in what students may see."""
    inside, outside = set(), set()
    for cell in registry.source_notebook(assignment).cells:
        hidden = False
        for line in cell.source.splitlines():
            hidden |= "### BEGIN" in line
            (inside if hidden else outside).add(line.strip())
            hidden &= "### END" not in line
    for path in _public(assignment):
        outside |= {line.strip() for line in path.read_text("utf-8").splitlines()}
    return {line for line in inside - outside if len(line) > 12}


@every_assignment
def test_no_solution_and_no_hidden_test_is_handed_out(made: Path, assignment: str):
    solutions = _lines_of_solutions(assignment)
    assert len(solutions) > 20
    text = "\n".join(cell.source for cell in _student(made, assignment).cells)
    lines = {line.strip() for line in text.splitlines()}
    assert not solutions & lines
    for word in ("BEGIN SOLUTION", "HIDDEN TESTS", "assignments.registry"):
        assert word not in text


@every_assignment
def test_students_get_the_source_but_for_the_solutions(made: Path, assignment: str):
    source, student = registry.source_notebook(assignment), _student(made, assignment)
    assert len(source.cells) == len(student.cells)
    for mine, theirs in zip(source.cells, student.cells, strict=True):
        ours = mine.metadata.get("nbgrader", {})
        assert theirs.metadata.get("nbgrader", {}).get("grade_id") == ours.get("grade_id")
        if ours.get("solution") and mine.cell_type == "code":
            assert "raise NotImplementedError" in theirs.source
            assert theirs.source.startswith(mine.source.split("### BEGIN")[0].rstrip()[:30])
        elif "### BEGIN" not in mine.source and not ours.get("solution"):
            assert theirs.source == mine.source
        assert not theirs.get("outputs")


@every_assignment
def test_cells_carry_the_marks_and_points_that_grading_expects(assignment: str):
    coded = registry.exercises(assignment)
    cells = {}
    for cell in registry.source_notebook(assignment).cells:
        if ours := cell.metadata.get("nbgrader"):
            assert ours.grade_id not in cells
            cells[ours.grade_id] = (cell, ours)
    for key, exercise in coded.items():
        _, answer = cells[f"{assignment}-{key}"]
        assert answer.solution and not answer.grade
        test, its = cells[f"{assignment}-{key}-test"]
        assert its.grade and not its.solution and its.locked
        assert its.points == exercise.points > 0
        assert test.source.startswith(f'check("{key}", ')
        assert f'score("{assignment}", "{key}", ' in test.source
    asked = questions(assignment)
    assert [q.key for q in asked if not q.written] == list(coded)
    assert sum(not q.written for q in asked) >= 6 and sum(q.written for q in asked) >= 2
    setup = registry.setup(assignment)
    assert f"from {assignment.lower()}_checks import" in "\n".join(setup)


@every_assignment
def test_checks_have_one_short_file_for_each_exercise(made: Path, assignment: str):
    module, folder = registry.public_files(assignment)
    for path in (module, *folder.glob("*.py")):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
    stems = {path.stem for path in folder.glob("*.py")}
    assert {key.replace("-", "_") for key in registry.exercises(assignment)} <= stems
    released = made / "release" / assignment
    for path in _public(assignment):
        place = path.relative_to(registry.SOURCE / assignment)
        assert (released / place).read_bytes() == path.read_bytes()
    assert not [p for p in released.rglob("*") if p.is_file() and p.suffix not in SUFFIXES]


def test_the_checks_of_all_assignments_live_in_one_folder_and_one_process():
    """As in the zip: nothing that one of them brings has the name of another's."""
    names = [
        path.relative_to(registry.SOURCE / assignment)
        for assignment in registry.ASSIGNMENTS
        for path in _public(assignment)
    ]
    assert len(set(names)) == len(names) > 32
    for assignment in registry.ASSIGNMENTS:
        loaded = sys.modules[registry.public_module(assignment).__name__]
        assert set(loaded.check.exercises) == set(registry.exercises(assignment))


def test_the_graders_checks_are_those_of_the_source(tmp_path: Path):
    """Whatever lies beside a notebook that imports the grader, as nbgrader's does."""
    (tmp_path / "a1_checks.py").write_text("check = 'mine'", encoding="utf-8")
    (tmp_path / "a1_exercises.py").write_text("pad = 'mine'", encoding="utf-8")
    script = (
        "import sys\nsys.path.insert(0, '.')\nimport a1_checks, a1_exercises\n"
        "assert a1_checks.check == 'mine'\nfrom assignments import registry\n"
        "print(len(registry.exercises('A1')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.strip() == "9", done.stderr[-2000:]


@every_assignment
def test_every_exercise_shows_an_example_with_its_exact_answer(assignment: str):
    from checks.exercise import UNKNOWN

    shown = 0
    for exercise in registry.exercises(assignment).values():
        examples = exercise.examples()
        assert examples, exercise.key
        shown += sum(case.expected is not UNKNOWN for case in examples)
    assert shown >= len(registry.exercises(assignment)) - 1


def test_the_zip_holds_all_that_a_student_needs(made: Path, tmp_path: Path):
    with zipfile.ZipFile(made / f"{handout.NAME}.zip") as archive:
        names = archive.namelist()
        assert not [n for n in names if n.startswith(("/", "..")) or "hidden" in n]
        archive.extractall(tmp_path)
    folder = tmp_path / handout.NAME
    for name in EVERYTHING:
        file = folder / f"{name}.ipynb"
        released = made / "release" / name / f"{name}.ipynb"
        assert file.read_bytes() == released.read_bytes()
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    required = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    assert "torch==2.13.0" in required and len(required) > 8
    assert all(line in pins for line in required)
    assert not [line for line in required if "nbgrader" in line or "pytest" in line]


@every_assignment
def test_a_students_folder_checks_answers_without_the_project(
    made: Path, tmp_path: Path, assignment: str
):
    """The visible checks run from the zip alone, on a student's empty answers."""
    with zipfile.ZipFile(made / f"{handout.NAME}.zip") as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / handout.NAME
    notebook = nbformat.read(folder / f"{assignment}.ipynb", as_version=4)
    cells = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code"
        and (
            "setup" in cell.metadata.get("tags", [])
            or cell.metadata.get("nbgrader", {}).get("grade_id")
        )
    ]
    cells = [re.sub(r"^(check\(.*)", r"told.append(str(\1))", c) for c in cells]
    script = folder / "try.py"
    script.write_text(
        "import sys\nsys.path = [p for p in sys.path if p != " + repr(str(ROOT)) + "]\n"
        "told = []\n" + "\n\n".join(cells) + "\nimport json, checks, seq2seq_lib\n"
        "print(json.dumps([seq2seq_lib.__file__, checks.__file__, told]))\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "try.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    library, checks, told = json.loads(done.stdout.splitlines()[-1])
    assert Path(library).is_relative_to(folder) and Path(checks).is_relative_to(folder)
    assert len(told) == len(registry.exercises(assignment))
    for text in told:
        assert "✓" not in text and "not answered yet" in text


def test_made_twice_it_is_the_same_and_replaces_the_first(made: Path, tmp_path: Path):
    first = (made / f"{handout.NAME}.zip").read_bytes()
    assert handout.make(tmp_path).read_bytes() == first
    (tmp_path / "release" / "A1" / "old.txt").write_text("old")
    handout.make(tmp_path)
    assert not (tmp_path / "release" / "A1" / "old.txt").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{handout.NAME}.zip", "release"]


def test_the_project_is_a_notebook_with_a_rubric(made: Path):
    notebook = _student(made, "project")
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "ubric" in text and "seed" in text
    assert any(cell.metadata.get("nbgrader", {}).get("points") for cell in notebook.cells)


def test_a_region_without_an_end_is_an_error():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("### BEGIN SOLUTION\nx = 1")]
    )
    with pytest.raises(RuntimeError, match="END SOLUTION|end solution|no end"):
        handout.student_version(notebook)


@every_assignment
def test_the_first_cells_tell_time_and_points_as_they_are(assignment: str):
    asked = questions(assignment)
    assert len({q.title for q in asked}) == len(asked)
    coded = sum(q.max_points for q in asked if not q.written)
    written = sum(q.max_points for q in asked if q.written)
    cells = registry.source_notebook(assignment).cells[:3]
    start = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    numbers = set(map(int, re.findall(r"\b\d+\b", start)))
    assert {coded, written} <= numbers, (coded, written)
    assert "hour" in start and re.search(r"chapters? \d", start)
    headings = "\n".join(c.source for c in registry.source_notebook(assignment).cells)
    for question in asked:
        place = headings.index(question.title)
        assert f"{question.max_points} point" in headings[place : place + 200]
