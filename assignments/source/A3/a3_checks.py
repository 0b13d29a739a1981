"""The checks of assignment A3, "Attention from scratch, on dates".

In a notebook: ``from a3_checks import check``, then ``check("weights", masked_weights)``.
The other names are for the exercises that train a model, and for going on from there.
"""

from a3_exercises import attention, context, gate, lookup, own, scores, step, weights
from a3_exercises.dates import RECIPE, held_out, say, train_dates, vocabularies
from a3_exercises.own import lookup_case, own_model

from checks.checker import Checker
from checks.exercise import exercise_in

__all__ = [
    "EXERCISES",
    "RECIPE",
    "check",
    "held_out",
    "lookup_case",
    "own_model",
    "say",
    "train_dates",
    "vocabularies",
]
LIBRARY = (  # what would answer an exercise
    "seq2seq_lib.attention",
    "seq2seq_lib.decoder",
    "seq2seq_lib.transformer",
    "seq2seq_lib.translate",
    "seq2seq_lib.model",
    "seq2seq_lib.decoding",
    "seq2seq_lib.training",
    "MultiheadAttention",
    "scaled_dot_product_attention",
    "torch.*attention*",  # whatever PyTorch has of it, under any name
    "torch.*transformer*",
    "torch.*masked*softmax*",
    "torch.sparse.softmax",
    "a3_checks",
    "a3_exercises",
    "assignments",
    "check.exercises",
    "sys.modules",
)
EXERCISES = tuple(
    exercise_in(module, LIBRARY)
    for module in (lookup, scores, weights, context, attention, step, gate, own)
)
check = Checker(EXERCISES)
