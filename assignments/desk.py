"""What is done with one submission, in a process that is thrown away afterwards.

The desk is set up once, before anything of a submission has been read. Whatever happens
at it, its only result is a few bytes: see ``assignments.records``.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import nbformat
import torch

from assignments.conversation import GRACE
from assignments.editions import edition
from assignments.grading import coded_rows, noted, read, written_row
from assignments.limits import Limits
from assignments.notebook import Cell, cells
from assignments.records import Graded, Question, Row, in_edition, packed, sound, unearned
from assignments.registry import cases, exercises, source_notebook
from assignments.sandbox import Sandbox
from assignments.submissions import Entry, Submission, opened
from assignments.versions import chosen
from assignments.written import written

TRIES = 8  # how often an exercise may be run: see ``grading``
SLACK = 10.0  # seconds for a process to start, each time


class Desk:
    """Reads submissions and grades them.

    Args:
        assignment: A1 to A4.
        seed: of the fresh inputs.
        asked: the questions.
        found: the submissions, by their numbers in requests.
        sandbox: what closes the answers in.
        limits: other limits than the exercises' own.
    """

    def __init__(
        self,
        assignment: str,
        seed: int,
        asked: Sequence[Question],
        found: Sequence[Entry],
        sandbox: Sandbox,
        limits: Limits | None = None,
    ) -> None:
        self.assignment, self.seed, self.asked = assignment, seed, asked
        self.found, self.sandbox, self.limits = found, sandbox, limits
        self.coded = [question for question in asked if not question.written]

    def seconds(self) -> float:
        """How long the answers of one submission may take together, at the very most."""
        by_key = exercises(self.assignment)
        each = [self.limits or Limits(seconds=by_key[q.key].seconds) for q in self.coded]
        longest = [limits.seconds + GRACE + SLACK for limits in each]
        return max((limits.start_seconds for limits in each), default=0) + TRIES * sum(
            longest
        )

    def set_up(self) -> None:
        """Make what every submission needs, while none has been read."""
        torch.set_num_threads(1)  # threads do not survive a fork
        for question in self.coded:
            cases(self.assignment, question.key, self.seed)
        for question in self.asked:
            if question.written:
                written([], self.assignment, question.key)

    def __call__(self, request: dict[str, Any]) -> bytes:
        """Do what is asked for: ``digest``, ``grade`` or ``solution``.

        Raises:
            Exception: whatever the grader stumbles over; the process ends with it.
        """
        slot = request.get("slot", 0)
        if request["do"] == "solution":
            solved = nbformat.writes(source_notebook(self.assignment)).encode()
            rows = self._answered(cells(solved), slot)
            return self._packed("", hashlib.sha256(solved).hexdigest(), *rows)
        submission = opened(self.found[request["number"]], self.assignment)
        if request["do"] == "digest":
            return json.dumps(submission.digest).encode()
        rows = self._rows(submission, slot)
        return self._packed(submission.student, submission.digest, *rows)

    def _packed(self, student: str, digest: str, rows: list[Row], edition: int) -> bytes:
        asked = in_edition(self.asked, edition)
        rows = [sound(row, question) for row, question in zip(rows, asked, strict=True)]
        return packed(Graded(student, digest, self.sandbox.kind, rows, edition=edition))

    def _rows(self, submission: Submission, slot: int) -> tuple[list[Row], int]:
        submission = chosen(submission, self.assignment)
        found, problem = read(submission, self.assignment)
        if problem:
            return noted(unearned(self.asked, problem), submission.note), 0
        rows, its = self._answered(found, slot)
        return noted(rows, submission.note), its

    def _answered(self, found: Sequence[Cell], slot: int) -> tuple[list[Row], int]:
        """A row for each question that the notebook has, and its edition."""
        name, its = self.assignment, edition(found, self.assignment)
        asked = in_edition(self.coded, its)
        rows = coded_rows(found, name, asked, self.sandbox, self.seed, slot, self.limits)
        coded = {row.question: row for row in rows}
        asked = in_edition(self.asked, its)
        return [coded.get(q.key) or written_row(found, name, q) for q in asked], its
