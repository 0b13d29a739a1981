"""The checks of assignment A4, Alignment and decoding.

In a notebook: ``from a4_checks import check``, then ``check("links", links_of)``. The
tables are those of exercise 5.
"""

from a4_exercises import aer, costs, edits, entropy, links, offset, search, step
from a4_exercises.search import LIFT, TABLE, table_step

from checks.checker import Checker

__all__ = ["EXERCISES", "LIFT", "TABLE", "check", "table_step"]
MODULES = (links, aer, entropy, step, search, edits, offset, costs)
EXERCISES = tuple(module.EXERCISE for module in MODULES)
check = Checker(EXERCISES)
