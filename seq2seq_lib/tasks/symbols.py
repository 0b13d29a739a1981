"""Random symbol sequences, for tasks that only rearrange their input."""

import random
import string

from seq2seq_lib.tasks.example import Example
from seq2seq_lib.vocab import Vocab


class SymbolTask:
    """Sources of random letters; a subclass says which source each target copies.

    Args:
        n_symbols: size of the alphabet, 2 to 26.
        max_length: the longest source.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, n_symbols: int = 20, max_length: int = 24) -> None:
        if not 2 <= n_symbols <= 26:
            raise ValueError(f"n_symbols must lie between 2 and 26, got {n_symbols}.")
        if max_length < 1:
            raise ValueError(f"max_length must be at least 1, got {max_length}.")
        self.symbols = tuple(string.ascii_lowercase[:n_symbols])
        self.lengths = range(1, max_length + 1)

    def order(self, length: int) -> list[int]:
        """The source position that each target position copies."""
        raise NotImplementedError

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """The alphabet, twice."""
        return Vocab(self.symbols), Vocab(self.symbols)

    def example(self, src: tuple[str, ...]) -> Example:
        """The example with the given source, its target and gold alignment."""
        order = self.order(len(src))
        return Example(
            src=src,
            tgt=tuple(src[s] for s in order),
            alignment=frozenset(enumerate(order)),
        )

    def draw(self, rng: random.Random, length: int) -> Example:
        """``length`` symbols, each drawn independently and uniformly."""
        return self.example(tuple(rng.choices(self.symbols, k=length)))
