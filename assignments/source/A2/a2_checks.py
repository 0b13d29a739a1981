"""The checks of assignment A2, handed out beside its notebook.

They look at what an answer does; they do not hold the answers.
"""

from a2_exercises import by_length, fields, greedy, harder, loss, start, step, summary

from checks.checker import Checker
from checks.exercise import exercise_in

EXERCISES = tuple(
    exercise_in(module)
    for module in (start, summary, step, loss, greedy, by_length, fields, harder)
)
check = Checker(EXERCISES)
