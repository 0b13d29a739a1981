"""The exercises of assignment A4, one in a file, and what they share.

What would answer an exercise instead of the student is in ``LIBRARY``.
"""

LIBRARY = (
    "seq2seq_lib.metrics",
    "seq2seq_lib.decoding",
    "seq2seq_lib.interventions",
    "a4_checks",
    "a4_exercises",
    "assignments",
)
