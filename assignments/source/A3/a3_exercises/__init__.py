"""The exercises of assignment A3, one in a file, and what they share.

What would answer an exercise instead of the student is in ``LIBRARY``.
"""

LIBRARY = (
    "seq2seq_lib.attention",
    "seq2seq_lib.decoder",
    "seq2seq_lib.model",
    "seq2seq_lib.decoding",
    "seq2seq_lib.training",
    "MultiheadAttention",
    "scaled_dot_product_attention",
    "a3_checks",
    "a3_exercises",
    "assignments",
    "check.exercises",
    "sys.modules",
)
