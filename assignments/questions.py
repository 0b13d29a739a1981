"""What an answer asks while it runs is answered here, on the side that is trusted.

The functions that an exercise gives to an answer are on this side (``checks.asking``), so
what was asked is a fact. Questions are data that the student may have written, and nobody
has to read what is answered: nothing here waits for the other side.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any

from assignments.box.transport import LENGTH, pack
from assignments.limits import MIB, Limits
from checks.asking import answered
from checks.exercise import Outside


class Questions:
    """The questions of one job, case after case in their order.

    Args:
        replies: the end of the pipe that answers are written to; never waited for.
        cases: how many there are.
        outside: makes, for the number of a case, the functions that may be asked.
        limits: how many questions, and of what size.
    """

    def __init__(
        self, replies: int, cases: int, outside: Callable[[int], Outside], limits: Limits
    ) -> None:
        os.set_blocking(replies, False)
        self.replies, self.cases, self.limits = replies, cases, limits
        self.facts: dict[int, dict[str, Any]] = {}  # of the cases that were answered
        self.waiting = bytearray()  # what is answered and not yet taken away
        self._outside, self._current, self._asked = outside, outside(0), 0

    def answer(self, question: dict[str, Any], size: int) -> str:
        """Answer one; returns why the job ends here, or an empty string.

        Args:
            question: what was sent.
            size: its bytes.
        """
        self._asked += 1
        if self._asked > self.limits.questions:
            return f"It asked more than {self.limits.questions} questions in one case."
        if size > self.limits.question:
            return f"It asked with more than {self.limits.question // MIB} MiB at once."
        try:
            data = pack(answered(self._current, question), None)
        except ValueError as error:
            return str(error)
        self.waiting += LENGTH.pack(len(data)) + data
        self.write()
        if len(self.waiting) > self.limits.unread:
            return "It asks and does not read what is answered."
        return ""

    def write(self) -> None:
        """Write what there is room for."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self.waiting:
                del self.waiting[: os.write(self.replies, self.waiting[: 1 << 16])]

    def close_case(self, number: Any) -> bool:
        """Whether this is the case whose turn it is; if so, its facts stand now."""
        if type(number) is not int or number != len(self.facts) or number >= self.cases:
            return False
        self.facts[number] = self._current.facts()
        more = number + 1 < self.cases
        self._current, self._asked = self._outside(number + 1) if more else Outside(), 0
        return True
