"""Say the source backwards: ``a b c`` becomes ``c b a``."""

from seq2seq_lib.tasks.symbols import SymbolTask


class Reversal(SymbolTask):
    """Target position ``t`` copies source position ``length - 1 - t``.

    Read by a one-way encoder, the first target symbol was seen one step ago and the last
    one ``2 * length - 1`` steps ago: distances grow from 1 to the longest there is.

    >>> Reversal().example(("a", "b", "c")).tgt
    ('c', 'b', 'a')
    """

    def order(self, length: int) -> list[int]:
        return list(range(length))[::-1]
