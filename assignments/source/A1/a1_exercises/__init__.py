"""The exercises of assignment A1, one in a file, and what they share.

What would answer an exercise of this assignment is in ``LIBRARY``.
"""

LIBRARY = ("seq2seq_lib.batching", "seq2seq_lib.model", "seq2seq_lib.attention")
