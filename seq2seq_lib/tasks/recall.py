"""Look a key up that only the decoder is told: ``a 3 b 7 c 1`` and ``b`` -> ``7``."""

import random
import string
from collections.abc import Sequence
from typing import SupportsIndex

from seq2seq_lib.require import require, whole
from seq2seq_lib.tasks.example import Example, known_length
from seq2seq_lib.vocab import Vocab


class Recall:
    """Key-value pairs in the source; the key, then its value, in the target.

    The encoder cannot know which key will be asked for, so it has to keep all pairs. The
    key comes as the *first target token*: give it to the decoder (teacher forcing does)
    and look at the second answer, the value. Do not score the first answer: which key it
    will be is chance, and no model can be better than 1 in the number of pairs.

    Mind the query. The step that answers the value is the step that reads the key. A
    query made *before* it (the state s_(t-1), as in Bahdanau et al. 2015) cannot know the
    key, and its attention does not know where to look; a query made *after* it (s_t, as
    in Luong et al. 2015) does.

    The gold alignment is one pair, from the value in the target to the value in the
    source. The key in the target is given, not made from a source token.

    Args:
        max_pairs: the most pairs in a source.
        n_keys: number of keys to draw from, at least ``max_pairs`` and at most 26: no
            key stands twice in a source.
        n_values: number of values, 2 to 10.

    Raises:
        ValueError: an argument is no whole number, or out of range.

    >>> Recall().example([("a", "3"), ("b", "7"), ("c", "1")], "b").tgt
    ('b', '7')
    """

    def __init__(
        self,
        max_pairs: SupportsIndex = 6,
        n_keys: SupportsIndex = 12,
        n_values: SupportsIndex = 10,
    ) -> None:
        max_pairs = whole("max_pairs", max_pairs, at_least=1)
        n_keys = whole("n_keys", n_keys)
        n_values = whole("n_values", n_values, at_least=2, at_most=10)
        require(
            max_pairs <= n_keys <= 26,
            f"n_keys must lie between max_pairs and 26, got {max_pairs=} and {n_keys=}.",
        )
        self.keys = tuple(string.ascii_lowercase[:n_keys])
        self.values = tuple(string.digits[:n_values])
        self.lengths = range(2, 2 * max_pairs + 1, 2)

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """Keys and values, twice."""
        tokens = self.keys + self.values
        return Vocab(tokens), Vocab(tokens)

    def example(self, pairs: Sequence[Sequence[str]], key: str) -> Example:
        """The example with the given pairs that asks for ``key``.

        Raises:
            ValueError: a key stands twice, or ``key`` stands nowhere.
        """
        keys = [k for k, _ in pairs]
        require(
            len(set(keys)) == len(keys) and key in keys,
            "Every key may stand once, and the one asked for must stand there, got the "
            f"keys {', '.join(keys) or 'none'} and asked for {key}.",
        )
        asked = keys.index(key)
        return Example(
            src=tuple(token for pair in pairs for token in pair),
            tgt=tuple(pairs[asked]),
            alignment=frozenset({(1, 2 * asked + 1)}),
        )

    def draw(self, rng: random.Random, length: SupportsIndex) -> Example:
        """Pairs of random different keys and random values, if they fill ``length``."""
        length = known_length(length, self.lengths)
        keys = rng.sample(self.keys, length // 2)
        values = rng.choices(self.values, k=length // 2)
        return self.example(list(zip(keys, values, strict=True)), rng.choice(keys))
