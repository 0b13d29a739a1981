"""The checks of assignment A4, Alignment and decoding.

In a notebook: ``from a4_checks import check``, then ``check("links", links_of)``. The
tables are those of exercise 5.
"""

from a4_exercises import aer, costs, edits, entropy, links, offset, search, step
from a4_exercises.search import LIFT, TABLE, table_step

from checks.checker import Checker
from checks.exercise import exercise_in

__all__ = ["EXERCISES", "LIFT", "TABLE", "check", "table_step"]
LIBRARY = (  # what would answer an exercise
    "seq2seq_lib.metrics",
    "seq2seq_lib.decoding",
    "seq2seq_lib.interventions",
    "a4_checks",
    "a4_exercises",
    "assignments",
)
EXERCISES = tuple(
    exercise_in(module, LIBRARY)
    for module in (links, aer, entropy, step, search, edits, offset, costs)
)
check = Checker(EXERCISES)
