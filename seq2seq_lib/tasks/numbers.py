"""Number words of one language to another's, with exactly known alignments.

"four thousand eight hundred and seventy one" becomes "vier tausend acht hundert ein und
siebzig". The words come from the ``num2words`` library. It is a real translation problem
with endless data, exact references and real reordering (German says units before tens).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import NamedTuple

from num2words import num2words

from seq2seq_lib.tasks.example import Example
from seq2seq_lib.vocab import Vocab

# What a word expresses: ("digit", place), ("hundred", group) or ("scale", group), where
# group 0 is the last three digits, group 1 the thousands, group 2 the millions.
Meaning = tuple[str, int]


class Word(NamedTuple):
    """One token of a number and what it expresses (nothing, for "and")."""

    token: str
    meanings: frozenset[Meaning]


@dataclass(frozen=True)
class Language:
    """What must be known to take a language's number words apart.

    Args:
        code: the name that ``num2words`` uses.
        hundreds: words that express a hundred.
        connectors: words that join others and express no part of the number.
        variants: inflected forms, with the value they express.
        compounds: parts of words that are written as one; none where spaces and
            hyphens already separate the words.
        joiner: the word put before a last group below one hundred.
        max_digits: longest number whose groups are named independently.
    """

    code: str
    hundreds: tuple[str, ...]
    connectors: tuple[str, ...]
    variants: tuple[tuple[str, int], ...] = ()
    compounds: tuple[str, ...] = ()
    joiner: str = ""
    max_digits: int = 12


LANGUAGES = {
    "en": Language("en", ("hundred",), ("and",), joiner="and"),
    "de": Language(
        "de",
        ("hundert",),
        ("und",),
        variants=(("ein", 1), ("eine", 1)),
        compounds=tuple(
            "eine eins ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf "
            "sechzehn siebzehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig "
            "neunzig hundert tausend millionen million milliarden milliarde und".split()
        ),
    ),
    "fr": Language("fr", ("cent", "cents"), ("et",), variants=(("vingts", 20),)),
    "es": Language(
        "es",
        tuple(
            "cien ciento doscientos trescientos cuatrocientos quinientos seiscientos "
            "setecientos ochocientos novecientos".split()
        ),
        ("y",),
        variants=(("un", 1),),
        # Above this Spanish counts in thousands of millions, across two groups.
        max_digits=9,
    ),
}


def language(code: str) -> Language:
    """The language called ``code``.

    Raises:
        ValueError: there is no such language here; the message lists those there are.
    """
    if code not in LANGUAGES:
        raise ValueError(
            f"The language {code!r} is not available; choose one of {', '.join(LANGUAGES)}."
        )
    return LANGUAGES[code]


def tokenize(text: str, lang: Language) -> list[str]:
    """Split what ``num2words`` writes into lower-case words.

    >>> tokenize("einundsiebzig Millionen", LANGUAGES["de"])
    ['ein', 'und', 'siebzig', 'millionen']
    """
    words = text.lower().replace("-", " ").replace(",", " ").split()
    if not lang.compounds:
        return words
    tokens = []
    for word in words:
        while word:
            part = max((p for p in lang.compounds if word.startswith(p)), key=len)
            tokens.append(part)
            word = word[len(part) :]
    return tokens


@cache
def _values(code: str) -> dict[str, int]:
    """The value of every word that alone names a number below one hundred."""
    lang = LANGUAGES[code]
    values = dict(lang.variants)
    for n in range(1, 100):
        tokens = tokenize(num2words(n, lang=code), lang)
        if len(tokens) == 1:
            values[tokens[0]] = n
    return values


@cache
def _group_words(code: str, value: int, group: int) -> tuple[Word, ...]:
    """The words of ``value * 1000**group``, with ``value`` from 1 to 999."""
    lang = LANGUAGES[code]
    tokens = tokenize(num2words(value * 1000**group, lang=code), lang)
    end = len(tokens) - 1 if group else len(tokens)
    hundred = next((i for i in range(end) if tokens[i] in lang.hundreds), -1)

    words = []
    for i, token in enumerate(tokens):
        meanings: set[Meaning] = set()
        if i == end:
            meanings.add(("scale", group))
            if end == 0:  # "mille": one thousand, with no word for the one
                meanings.add(("digit", 3 * group))
        elif i == hundred:
            meanings.add(("hundred", group))
            if i == 0:  # "cent": one hundred, with no word for the one
                meanings.add(("digit", 3 * group + 2))
        elif i < hundred:
            meanings.add(("digit", 3 * group + 2))
        elif token not in lang.connectors:
            number = _values(code)[token]
            of_twenties = tokens[i + 1 : i + 2] in (["vingt"], ["vingts"])
            if number >= 10 or of_twenties:  # "quatre vingt" is eighty
                meanings.add(("digit", 3 * group + 1))
            if number % 10 and not of_twenties:
                meanings.add(("digit", 3 * group))
        words.append(Word(token, frozenset(meanings)))
    return tuple(words)


def kind(token: str, code: str) -> str:
    """What sort of number word ``token`` is in the language ``code``.

    Returns:
        ``"value"`` for a word that alone names a number below one hundred (digits, teens,
        tens): it carries content that only the source can tell. ``"hundred"`` and
        ``"scale"`` (thousand, million, ...) say where a digit stands; ``"connector"``
        says nothing.

    Raises:
        ValueError: the language is not known, or it has no such number word.

    >>> [kind(word, "de") for word in ("vier", "hundert", "und", "tausend")]
    ['value', 'hundred', 'connector', 'scale']
    """
    lang = language(code)
    if token in _values(code):
        return "value"
    if token in lang.hundreds:
        return "hundred"
    if token in lang.connectors:
        return "connector"
    if token in _scales(code):
        return "scale"
    raise ValueError(f"{token!r} is not a number word in {code!r}.")


@cache
def _scales(code: str) -> frozenset[str]:
    """The words for a thousand, a million and so on, in every form."""
    groups = range(1, LANGUAGES[code].max_digits // 3)
    words = (_group_words(code, value, group) for value in (1, 2) for group in groups)
    return frozenset(group_words[-1].token for group_words in words)


def number_words(n: int, code: str) -> tuple[Word, ...]:
    """The words of ``n`` in the language ``code``, each with what it expresses.

    >>> [word.token for word in number_words(4871, "de")]
    ['vier', 'tausend', 'acht', 'hundert', 'ein', 'und', 'siebzig']

    Raises:
        ValueError: ``n`` is not positive or too large, or the language is not known.
    """
    lang = language(code)
    if not 1 <= n < 10**lang.max_digits:
        raise ValueError(
            f"A number in {code!r} must lie between 1 and 10**{lang.max_digits} - 1, "
            f"got {n}."
        )
    words: list[Word] = []
    for group in (3, 2, 1, 0):
        value = n // 1000**group % 1000
        if value:
            if words and lang.joiner and group == 0 and value < 100:
                words.append(Word(lang.joiner, frozenset()))
            words.extend(_group_words(code, value, group))
    return tuple(words)


@cache
def _group_values(code: str, group: int) -> dict[tuple[str, ...], int]:
    """The value of every way to say a group of three digits."""
    words = {value: _group_words(code, value, group) for value in range(1, 1000)}
    return {tuple(word.token for word in said): n for n, said in words.items()}


def value_of(tokens: Sequence[str], code: str) -> int | None:
    """The number that ``tokens`` name in the language ``code``; None if they name none.

    The inverse of ``number_words``. Only the one way in which that function writes a
    number counts, so None means that the sequence is not well formed: a word is missing
    or repeated, or has the form that it takes elsewhere.

    >>> value_of(["ein", "und", "siebzig"], "de")
    71
    >>> value_of(["eins", "und", "siebzig"], "de") is None
    True

    Raises:
        ValueError: the language is not known.
    """
    lang = language(code)
    value, rest = 0, tuple(tokens)
    for group in reversed(range((lang.max_digits + 2) // 3)):
        if value and group == 0 and lang.joiner and rest[:1] == (lang.joiner,):
            rest = rest[1:]
        values = _group_values(code, group)
        end = next((n for n in range(len(rest), 0, -1) if rest[:n] in values), 0)
        if end:
            value += values[rest[:end]] * 1000**group
            rest = rest[end:]
    if rest or not value:
        return None
    # What was read may still be said otherwise, as with an "and" too many.
    said = tuple(word.token for word in number_words(value, code))
    return value if said == tuple(tokens) else None


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
        self, src_lang: str = "en", tgt_lang: str = "de", max_digits: int | None = None
    ) -> None:
        limit = min(language(src_lang).max_digits, language(tgt_lang).max_digits)
        max_digits = limit if max_digits is None else max_digits
        if not 1 <= max_digits <= limit:
            raise ValueError(
                f"max_digits must lie between 1 and {limit} for {src_lang} to "
                f"{tgt_lang}, got {max_digits}."
            )
        self.src_lang, self.tgt_lang, self.max_digits = src_lang, tgt_lang, max_digits
        # Group values by the number of words they take: sampling a length needs no
        # rejection but for the joining "and".
        self._by_length: list[dict[int, list[int]]] = []
        for group in range((max_digits + 2) // 3):
            top = 10 ** min(3, max_digits - 3 * group)
            sizes: dict[int, list[int]] = {0: [0]}
            for value in range(1, top):
                words = len(_group_words(src_lang, value, group))
                sizes.setdefault(words, []).append(value)
            self._by_length.append(sizes)
        self.lengths = self._existing_lengths()

    def example(self, n: int) -> Example:
        """The example that translates ``n``.

        A target and a source word are aligned when they express a part in common:
        "vierzehn" is "vier zehn", and both come from "fourteen". "und" and "and"
        express nothing and are aligned to nothing.
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
        self, rng: random.Random, length: int, digits: int | None = None
    ) -> int:
        """A number of exactly ``length`` source words and, if given, ``digits`` digits.

        How the words are spread over the groups of three digits is drawn uniformly.

        Raises:
            ValueError: no such number exists, or none was found in 10,000 draws.
        """
        if length not in self.lengths:
            raise ValueError(
                f"Numbers of up to {self.max_digits} digits have "
                f"{', '.join(map(str, self.lengths))} words, got {length}."
            )
        if digits is not None and not 1 <= digits <= self.max_digits:
            raise ValueError(
                f"digits must lie between 1 and {self.max_digits}, got {digits}."
            )
        spreads = self._spreads(length)
        for _ in range(10_000):
            spread = rng.choice(spreads)
            n = sum(
                rng.choice(self._by_length[group][words]) * 1000**group
                for group, words in enumerate(spread)
            )
            if digits is not None and len(str(n)) != digits:
                continue
            if n and len(number_words(n, self.src_lang)) == length:
                return n
        raise ValueError(
            f"No number of {length} words"
            + (f" and {digits} digits" if digits else "")
            + " was found in 10,000 draws; choose fewer words or more digits."
        )

    def draw(self, rng: random.Random, length: int) -> Example:
        """The example of a random number of ``length`` source words."""
        return self.example(self.draw_number(rng, length))

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """Every word that a number of up to ``max_digits`` digits can contain."""
        return self._vocab(self.src_lang), self._vocab(self.tgt_lang)

    def _vocab(self, code: str) -> Vocab:
        sentences = [
            [word.token for word in _group_words(code, value, group)]
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
        joiner = LANGUAGES[self.src_lang].joiner
        lengths = set()
        for last, *others in product(*self._by_length):
            for small in {0 < value < 100 for value in self._by_length[0][last]}:
                joined = bool(joiner) and small and any(others)
                lengths.add(last + sum(others) + joined)
        return tuple(sorted(lengths - {0}))

    def _spreads(self, length: int) -> list[tuple[int, ...]]:
        """All ways to spread ``length`` words over the groups, the last group first."""
        sizes = [sorted(group) for group in self._by_length]
        joined = [length, length - 1] if LANGUAGES[self.src_lang].joiner else [length]
        return [spread for spread in product(*sizes) if sum(spread) in joined]
