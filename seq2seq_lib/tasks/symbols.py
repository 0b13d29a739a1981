"""Random symbol sequences, for tasks that only rearrange their input."""

import random
import string
from collections.abc import Sequence
from typing import SupportsIndex

from seq2seq_lib.require import whole
from seq2seq_lib.tasks.example import Example, known_length
from seq2seq_lib.vocab import Vocab


class SymbolTask:
    """Sources of random letters; a subclass says which source each target copies.

    Args:
        n_symbols: size of the alphabet, 2 to 26.
        max_length: the longest source.

    Raises:
        ValueError: an argument is no whole number, or out of range.
    """

    def __init__(
        self, n_symbols: SupportsIndex = 20, max_length: SupportsIndex = 24
    ) -> None:
        n_symbols = whole("n_symbols", n_symbols, at_least=2, at_most=26)
        max_length = whole("max_length", max_length, at_least=1)
        self.symbols = tuple(string.ascii_lowercase[:n_symbols])
        self.lengths = range(1, max_length + 1)

    def order(self, length: int) -> list[int]:
        """The source position that each target position copies."""
        raise NotImplementedError

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """The alphabet, twice."""
        return Vocab(self.symbols), Vocab(self.symbols)

    def example(self, src: Sequence[str]) -> Example:
        """The example with the given source, its target and gold alignment."""
        order = self.order(len(src))
        return Example(
            src=tuple(src),
            tgt=tuple(src[s] for s in order),
            alignment=frozenset(enumerate(order)),
        )

    def draw(self, rng: random.Random, length: SupportsIndex) -> Example:
        """``length`` symbols, if sources can have so many, each drawn uniformly."""
        length = known_length(length, self.lengths)
        return self.example(tuple(rng.choices(self.symbols, k=length)))
