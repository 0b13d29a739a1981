"""One token matters, and it stands at a distance that you choose: ``a b B a`` -> ``b``."""

import random
import string
from collections.abc import Iterable, Sequence
from typing import SupportsIndex, cast

from seq2seq_lib.require import require, whole
from seq2seq_lib.tasks.example import Example, known_length
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
        ValueError: an argument is no whole number, or out of range.

    >>> Needle(length=4, n_classes=3).example(("a", "c", "B", "a")).tgt
    ('b',)
    """

    def __init__(
        self,
        length: SupportsIndex = 64,
        n_classes: SupportsIndex = 10,
        distances: SupportsIndex | Iterable[SupportsIndex] | None = None,
    ) -> None:
        length = whole("length", length, at_least=1)
        n_classes = whole("n_classes", n_classes, at_least=2, at_most=26)
        if distances is None:
            distances = range(length)
        elif not isinstance(distances, Iterable) or getattr(distances, "ndim", 1) == 0:
            distances = [cast(SupportsIndex, distances)]
        self.distances = tuple(whole("A distance", distance) for distance in distances)
        wrong = [d for d in self.distances if not 0 <= d < length]
        require(
            self.distances and not wrong,
            f"The distances of a needle go from 0 to {length - 1} to the end, got "
            f"{wrong[0] if wrong else 'none'}.",
        )
        self.lengths = (length,)
        self.symbols = tuple(string.ascii_lowercase[:n_classes])

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """Small and capital letters on the source side, small ones on the target side."""
        capitals = tuple(symbol.upper() for symbol in self.symbols)
        return Vocab(self.symbols + capitals), Vocab(self.symbols)

    def example(self, src: Sequence[str]) -> Example:
        """The example with the given source.

        Raises:
            ValueError: the source has no needle, or more than one.
        """
        marked = [s for s, token in enumerate(src) if token.isupper()]
        found = len(marked)
        require(found == 1, f"A source needs exactly one needle; this one has {found}.")
        (s,) = marked
        return Example(tuple(src), (src[s].lower(),), frozenset({(0, s)}))

    def draw(self, rng: random.Random, length: SupportsIndex) -> Example:
        """Random letters, one of them made the needle; ``length`` is that of the task."""
        length = known_length(length, self.lengths)
        src = rng.choices(self.symbols, k=length)
        s = length - 1 - rng.choice(self.distances)
        src[s] = src[s].upper()
        return self.example(tuple(src))
