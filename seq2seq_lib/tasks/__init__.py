"""The problems that the models learn.

Each module gives examples with the same interface (``Example``): source tokens, target
tokens and, where it can be known, the gold alignment.

- ``numbers``: number words of one language to another's, the running example
- ``reversal`` and ``copy``: symbols whose every dependency distance is known
- ``needle``: one marked token among others, at a distance that you choose
- ``recall``: key-value pairs; the key to look up is given to the decoder
- ``dates``: dates of many languages to ISO 8601, by character
- ``multi30k``: 29,000 real image captions in English, German and French

``numerals`` knows the words of ``numbers``, and ``splits`` draws disjoint training,
validation and test sets from every task but the last, which has its own.
"""

from seq2seq_lib.tasks.example import Example, Task
from seq2seq_lib.tasks.splits import Splits, make_splits

__all__ = ["Example", "Splits", "Task", "make_splits"]
