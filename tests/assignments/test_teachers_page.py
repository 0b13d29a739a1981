"""What the page for teachers says of the exercises and of feedback is so."""

import json
import os
import re
from pathlib import Path

import pytest
from handing_in import changed, handed_in

from assignments import grade, registry
from assignments.grading import questions
from checks.exercise import Verdict

PAGE = (Path(__file__).parents[2] / "for-teachers.md").read_text(encoding="utf-8")
SAMPLE = Path(__file__).parents[2] / "docs" / "feedback.html"
UPSIDE_DOWN = """
def masked_weights(scores, mask):
    return scores.masked_fill(mask[:, None], -100).softmax(dim=-1)
"""


@pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
def test_the_exercises_have_their_names_and_points(assignment: str):
    asked = questions(assignment)
    coded = [q for q in asked if not q.written]
    points = sum(q.max_points for q in coded)
    written = sum(q.max_points for q in asked) - points
    head = (
        f"**{assignment}**: {points + written} points, {points} of them for code, {written}"
    )
    assert f"{head} for {len(asked) - len(coded)} questions in words." in PAGE
    rows = PAGE.split(f"**{assignment}**:")[1].split("\n\n")[1]
    told = re.findall(r"^\| \d\. (.+) \| (\d+) \| \d+ \| [123] \|$", rows, re.M)
    titles = [re.sub(r"^\d+ ?[.·] ", "", q.title) for q in coded]
    assert told == [(t, str(q.max_points)) for t, q in zip(titles, coded, strict=True)]


def _as_read(title: str, verdicts: list[Verdict]) -> str:
    earned, most = (sum(getattr(v, k) for v in verdicts) for k in ("points", "max_points"))
    lines, told = [f"{title}   {earned} / {most}"], set()
    for v in verdicts:
        mark = "✗" if v.reason else "✓"
        lines.append(f"  {mark} {v.criterion} ({v.points} of {v.max_points})")
        if v.reason and v.reason not in told:
            lines.append(f"      {v.reason}")
        told.add(v.reason)
    return "\n".join(lines)


def test_the_sample_of_feedback_is_what_such_an_answer_gets():
    title = next(q.title for q in questions("A3") if q.key == "weights")
    verdicts = registry.verdicts("A3", "weights", UPSIDE_DOWN, seed=3)
    assert f"```text\n{_as_read(title, verdicts)}\n```" in PAGE


def _as_graded(place: Path) -> str:
    """The page of a student who has made some mistakes, by the grader's own command."""
    wrong = {
        "pool": changed(
            "A1",
            "pool",
            (
                "enc_states.where(real, 0.0).sum(dim=1) / real.sum(dim=1)",
                "enc_states.mean(dim=1)",
            ),
        ),
        "loss": changed("A1", "loss", ("            ignore_index=PAD,\n", "")),
        "budget": "def batches_within(budget, lengths):\n    raise NotImplementedError()",
    }
    notebook = handed_in("A1", wrong)
    (place / "class").mkdir()
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "A1-why-agree":
            cell.source = "Packing stops at the length, and the mask hides the rest."
    (place / "class" / "anna.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    grade.grade("A1", place / "class", place / "out", 1, seed=5, progress=False)
    (page,) = (place / "out" / "feedback").glob("anna-*.html")
    return page.read_text(encoding="utf-8")


def _everywhere(page: str) -> str:
    """A page without what the machine that graded has to say of itself."""
    return re.sub(r'<p class="warning">.*?</p>', "", page, flags=re.DOTALL)


@pytest.mark.timeout(600)
def test_the_sample_page_is_what_the_grader_makes(bubblewrap: None, tmp_path: Path):
    """``RECORD_MEASURED=1`` in the environment writes it anew."""
    page = _as_graded(tmp_path)
    if os.environ.get("RECORD_MEASURED"):
        SAMPLE.write_text(page, encoding="utf-8")
    assert _everywhere(SAMPLE.read_text(encoding="utf-8")) == _everywhere(page)
    assert "PAD is counted as if it were an answer" in page
    assert "Not answered" in page and "to be read" in page


@pytest.mark.parametrize(
    "words", ["notice that a person settles, not a wall", "a quota of one core"]
)
def test_the_page_and_the_promise_of_security_say_the_same(words: str):
    for page in (PAGE, (SAMPLE.parents[1] / "SECURITY.md").read_text(encoding="utf-8")):
        assert words in " ".join(page.split())
