"""The checks of assignment A1, "Batches and masks".

Run an exercise's check as often as you like. It tries your answer on small examples and
says what holds and what does not. Grading asks the same questions with other numbers.
"""

from a1_exercises import buckets, budget, ends, loss, masks, pad, pool, shift

from checks.checker import Checker

MODULES = (pad, masks, shift, loss, ends, pool, buckets, budget)
EXERCISES = tuple(module.EXERCISE for module in MODULES)
check = Checker(EXERCISES)
