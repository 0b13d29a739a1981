"""One token matters, and it stands at a distance that you choose: ``a b B a`` -> ``b``."""

import random
import string
from collections.abc import Sequence

from seq2seq_lib.tasks.example import Example
from seq2seq_lib.vocab import Vocab


class Needle:
    """Find the one capital letter in a source of small ones, and say it in small.

    All sources have the same length, so how far the needle lies from the end is the only
    thing that differs between an easy and a hard source. The distractors are the same
    letters as the answers: a model has to find the *marked* one.

    The gold alignment is one pair, from the answer to the needle. The mark is part of the
    needle's own token, so no other position carries it.

    Args:
        length: number of source tokens, the needle included.
        n_classes: number of possible answers, 2 to 26.
        distances: how many tokens may follow the needle, from 0 (it is the last) to
            ``length - 1`` (it is the first); each example draws one of them. One number
            fixes it; None allows all.

    Raises:
        ValueError: an argument is out of range.

    >>> Needle(length=4, n_classes=3).example(("a", "c", "B", "a")).tgt
    ('b',)
    """

    def __init__(
        self,
        length: int = 64,
        n_classes: int = 10,
        distances: int | Sequence[int] | None = None,
    ) -> None:
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}.")
        if not 2 <= n_classes <= 26:
            raise ValueError(f"n_classes must lie between 2 and 26, got {n_classes}.")
        if distances is None:
            distances = range(length)
        elif isinstance(distances, int):
            distances = (distances,)
        outside = [d for d in distances if not 0 <= d < length]
        if outside or not len(distances):
            raise ValueError(
                f"The needle of a source of {length} tokens has distances from 0 to "
                f"{length - 1} to the end, got {outside[0] if outside else 'none'}."
            )
        self.distances = tuple(distances)
        self.lengths = (length,)
        self.symbols = tuple(string.ascii_lowercase[:n_classes])

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """Small and capital letters on the source side, small ones on the target side."""
        capitals = tuple(symbol.upper() for symbol in self.symbols)
        return Vocab(self.symbols + capitals), Vocab(self.symbols)

    def example(self, src: tuple[str, ...]) -> Example:
        """The example with the given source.

        Raises:
            ValueError: the source has no needle, or more than one.
        """
        marked = [s for s, token in enumerate(src) if token.isupper()]
        if len(marked) != 1:
            raise ValueError(
                f"A source needs exactly one needle, a capital letter; this one has "
                f"{len(marked)}."
            )
        (s,) = marked
        return Example(src, (src[s].lower(),), frozenset({(0, s)}))

    def draw(self, rng: random.Random, length: int) -> Example:
        """Random letters, one of them made the needle at one of the distances.

        Raises:
            ValueError: ``length`` is not the task's.
        """
        if length not in self.lengths:
            raise ValueError(
                f"All sources of this task have {self.lengths[0]} tokens, got {length}; "
                "give the length to Needle itself."
            )
        src = rng.choices(self.symbols, k=length)
        s = length - 1 - rng.choice(self.distances)
        src[s] = src[s].upper()
        return self.example(tuple(src))
