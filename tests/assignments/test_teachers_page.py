"""What the page for teachers says of the exercises and of feedback is so."""

import re
from pathlib import Path

import pytest

from assignments import registry
from assignments.grading import questions
from checks.exercise import Verdict

PAGE = (Path(__file__).parents[2] / "for-teachers.md").read_text(encoding="utf-8")
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
