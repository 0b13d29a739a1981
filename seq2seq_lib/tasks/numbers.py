"""Number words of one language to another's, with exactly known alignments.

"four thousand eight hundred and seventy one" becomes "vier tausend acht hundert ein und
siebzig". It is a real translation problem with endless data, exact references and real
reordering (German says units before tens).
"""

import random
from itertools import product

from seq2seq_lib.require import Whole, require, whole
from seq2seq_lib.tasks.example import Example, known_length
from seq2seq_lib.tasks.numerals import (
    LANGUAGES,
    group_words,
    kind,
    language,
    number_words,
    value_of,
)
from seq2seq_lib.vocab import Vocab

__all__ = ["LANGUAGES", "Numbers", "kind", "number_words", "value_of"]


class Numbers:
    """Translate number words.

    The source length and the size of the number are independent: a number of ``digits``
    digits is short when most of them are zero. Long sources therefore need no word that
    short ones do not have.

    Args:
        src_lang: language to translate from: ``en``, ``de``, ``fr`` or ``es``.
        tgt_lang: language to translate to.
        max_digits: the most digits a number may have, up to 12 (9 with Spanish).

    Raises:
        ValueError: a language is not known, or ``max_digits`` is out of its range.

    >>> Numbers().example(21).tgt
    ('ein', 'und', 'zwanzig')
    """

    def __init__(
        self, src_lang: str = "en", tgt_lang: str = "de", max_digits: Whole | None = None
    ) -> None:
        limit = min(language(src_lang).max_digits, language(tgt_lang).max_digits)
        max_digits = limit if max_digits is None else whole("max_digits", max_digits)
        require(
            1 <= max_digits <= limit,
            f"max_digits must lie between 1 and {limit} for these, got {max_digits}.",
        )
        self.src_lang, self.tgt_lang, self.max_digits = src_lang, tgt_lang, max_digits
        # Group values by the number of words they take: sampling a length needs no
        # rejection but for the joining "and".
        self._by_length: list[dict[int, list[int]]] = []
        for group in range((max_digits + 2) // 3):
            top = 10 ** min(3, max_digits - 3 * group)
            sizes = {0: [0]}
            for value in range(1, top):
                words = len(group_words(src_lang, value, group))
                sizes.setdefault(words, []).append(value)
            self._by_length.append(sizes)
        self.lengths = self._existing_lengths()

    def example(self, n: Whole) -> Example:
        """The example that translates ``n``.

        A target and a source word are aligned when they express a part in common:
        "vierzehn" is "vier zehn", and both come from "fourteen". "und" and "and"
        express nothing and are aligned to nothing.

        Raises:
            ValueError: ``n`` is no whole number, not positive or too large.
        """
        src = number_words(n, self.src_lang)
        tgt = number_words(n, self.tgt_lang)
        return Example(
            src=tuple(word.token for word in src),
            tgt=tuple(word.token for word in tgt),
            alignment=frozenset(
                (t, s)
                for (t, target), (s, source) in product(enumerate(tgt), enumerate(src))
                if target.meanings & source.meanings
            ),
        )

    def draw_number(
        self, rng: random.Random, length: Whole, digits: Whole | None = None
    ) -> int:
        """A number of exactly ``length`` source words and, if given, ``digits`` digits.

        How the words are spread over the groups of three digits is drawn uniformly.

        Raises:
            ValueError: no such number exists, or none was found in 10,000 draws.
        """
        sources = f"Numbers of up to {self.max_digits} digits"
        length = known_length(length, self.lengths, sources, "words")
        if digits is not None:
            digits = whole("digits", digits, at_least=1, at_most=self.max_digits)
        spreads = self._spreads(length)
        for _ in range(10_000):
            spread = rng.choice(spreads)
            n = sum(
                rng.choice(self._by_length[group][words]) * 1000**group
                for group, words in enumerate(spread)
            )
            fits = digits is None or len(str(n)) == digits
            if n and fits and len(number_words(n, self.src_lang)) == length:
                return n
        with_digits = f" and {digits} digits" if digits else ""
        raise ValueError(
            f"No number of {length} words{with_digits} was found; choose other sizes."
        )

    def draw(self, rng: random.Random, length: Whole) -> Example:
        """The example of a random number of ``length`` source words, if there is one."""
        return self.example(self.draw_number(rng, length))

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """Every word that a number of up to ``max_digits`` digits can contain."""
        return self._vocab(self.src_lang), self._vocab(self.tgt_lang)

    def _vocab(self, code: str) -> Vocab:
        sentences = [
            [word.token for word in group_words(code, value, group)]
            for group in range(len(self._by_length))
            for value in range(1, 10 ** min(3, self.max_digits - 3 * group))
        ]
        if LANGUAGES[code].joiner and len(self._by_length) > 1:
            sentences.append([LANGUAGES[code].joiner])
        return Vocab.build(sentences)

    def _existing_lengths(self) -> tuple[int, ...]:
        """The lengths that some number has.

        There can be gaps: no number below 10,000 takes three English words.
        """
        joiner = bool(LANGUAGES[self.src_lang].joiner)
        lengths = set()
        for last, *others in product(*self._by_length):
            for small in {0 < value < 100 for value in self._by_length[0][last]}:
                lengths.add(last + sum(others) + (joiner and small and any(others)))
        return tuple(sorted(lengths - {0}))

    def _spreads(self, length: int) -> list[tuple[int, ...]]:
        """All ways to spread ``length`` words over the groups, the last group first."""
        sizes = [sorted(group) for group in self._by_length]
        joined = [length, length - 1] if LANGUAGES[self.src_lang].joiner else [length]
        return [spread for spread in product(*sizes) if sum(spread) in joined]
