"""Say the source again: ``a b c`` becomes ``a b c``."""

from seq2seq_lib.tasks.symbols import SymbolTask


class Copy(SymbolTask):
    """Target position ``t`` copies source position ``t``.

    Read by a one-way encoder, every target symbol was seen ``length`` steps before it is
    to be said: all distances are equal.

    >>> Copy().example(("a", "b", "c")).tgt
    ('a', 'b', 'c')
    """

    def order(self, length: int) -> list[int]:
        return list(range(length))
