"""The checks of assignment A1, "Batches and masks".

Run an exercise's check as often as you like. It tries your answer on small examples and
says what holds and what does not. Grading asks the same questions with other numbers.
"""

from a1_exercises import buckets, budget, ends, loss, masks, pad, pool, promise, shift

from checks.checker import Checker
from checks.exercise import exercise_in

LIBRARY = (  # what would answer an exercise
    "seq2seq_lib.batching",
    "seq2seq_lib.model",
    "seq2seq_lib.attention",
    "seq2seq_lib.translate",
)
EXERCISES = tuple(
    exercise_in(module, LIBRARY)
    for module in (pad, masks, shift, loss, ends, pool, buckets, budget, promise)
)
check = Checker(EXERCISES)
