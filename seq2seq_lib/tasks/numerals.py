"""Number words, and what each of them expresses.

The words come from the ``num2words`` library; here they are taken apart ("einundsiebzig"
is three words) and read back.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from num2words import num2words

from seq2seq_lib.require import Whole, require, shown, whole
from seq2seq_lib.text import normalise

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
        before_scale: words for one, as last word before a scale: the form before a
            thousand, and before a million or more.
        joiner: the word put before a last group below one hundred.
        max_digits: longest number whose groups are named independently.
    """

    code: str
    hundreds: tuple[str, ...]
    connectors: tuple[str, ...]
    variants: tuple[tuple[str, int], ...] = ()
    compounds: tuple[str, ...] = ()
    before_scale: tuple[tuple[str, tuple[str, str]], ...] = ()
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
        before_scale=tuple((one, ("ein", "eine")) for one in ("eins", "ein", "eine")),
    ),
    "fr": Language("fr", ("cent", "cents"), ("et",), variants=(("vingts", 20),)),
    "es": Language(
        "es",
        tuple(
            "cien ciento doscientos trescientos cuatrocientos quinientos seiscientos "
            "setecientos ochocientos novecientos".split()
        ),
        ("y",),
        variants=(("un", 1), ("veintiún", 21)),
        before_scale=(
            ("uno", ("un", "un")),
            ("veintiuno", ("veintiún", "veintiún")),
        ),
        # Above this Spanish counts in thousands of millions, across two groups.
        max_digits=9,
    ),
}


def language(code: str) -> Language:
    """The language called ``code``.

    Raises:
        ValueError: there is no such language here; the message lists those there are.
    """
    require(
        isinstance(code, str) and code in LANGUAGES,
        f"The language {code!r} is not available; choose one of {', '.join(LANGUAGES)}.",
    )
    return LANGUAGES[code]


def tokenize(text: str, lang: Language) -> list[str]:
    """Split what ``num2words`` writes into lower-case words.

    Raises:
        ValueError: the text contains something else.

    >>> tokenize("einundsiebzig Millionen", LANGUAGES["de"])
    ['ein', 'und', 'siebzig', 'millionen']
    """
    words = re.findall(r"[^\s,-]+", normalise(text.lower()))
    if not lang.compounds:
        return words
    parts = "|".join(sorted(lang.compounds, key=len, reverse=True))
    tokens = []
    for word in words:
        found = re.findall(parts, word)
        require("".join(found) == word, f"{shown(word)} is no number in {lang.code!r}.")
        tokens += found
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
def group_words(code: str, value: int, group: int) -> tuple[Word, ...]:
    """The words of ``value * 1000**group``, with ``value`` from 1 to 999.

    A one before a scale agrees with it, which ``num2words`` 0.5 leaves out.

    >>> [word.token for word in group_words("de", 71, 1)]
    ['ein', 'und', 'siebzig', 'tausend']
    >>> [word.token for word in group_words("de", 101, 2)]
    ['ein', 'hundert', 'eine', 'millionen']
    """
    lang = LANGUAGES[code]
    tokens = tokenize(num2words(value * 1000**group, lang=code), lang)
    end = len(tokens) - 1 if group else len(tokens)
    if group and end:
        forms = dict(lang.before_scale).get(tokens[end - 1])
        tokens[end - 1] = forms[group > 1] if forms else tokens[end - 1]
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
    token = normalise(token)
    if token in _values(code):
        return "value"
    if token in lang.hundreds:
        return "hundred"
    if token in lang.connectors:
        return "connector"
    if token in _scales(code):
        return "scale"
    raise ValueError(f"{shown(token)} is not a number word in {code!r}.")


@cache
def _scales(code: str) -> frozenset[str]:
    """The words for a thousand, a million and so on, in every form."""
    groups = range(1, LANGUAGES[code].max_digits // 3)
    words = (group_words(code, value, group) for value in (1, 2) for group in groups)
    return frozenset(group_words[-1].token for group_words in words)


def number_words(n: Whole, code: str) -> tuple[Word, ...]:
    """The words of ``n`` in the language ``code``, each with what it expresses.

    >>> [word.token for word in number_words(4871, "de")]
    ['vier', 'tausend', 'acht', 'hundert', 'ein', 'und', 'siebzig']

    Raises:
        ValueError: ``n`` is no whole number, not positive or too large, or the language
            is not known.
    """
    lang = language(code)
    n = whole(f"A number in {code!r}", n, at_least=1, at_most=10**lang.max_digits - 1)
    words: list[Word] = []
    for group in (3, 2, 1, 0):
        value = n // 1000**group % 1000
        if value:
            if words and lang.joiner and group == 0 and value < 100:
                words.append(Word(lang.joiner, frozenset()))
            words.extend(group_words(code, value, group))
    return tuple(words)


@cache
def _group_values(code: str, group: int) -> dict[tuple[str, ...], int]:
    """The value of every way to say a group of three digits."""
    words = {value: group_words(code, value, group) for value in range(1, 1000)}
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
        ValueError: the language is not known, or a text is given instead of its tokens.
    """
    lang = language(code)
    require(
        not isinstance(tokens, str),
        f"A number is a list of words, got the text {shown(tokens)}; split it first.",
    )
    given = rest = tuple(map(normalise, tokens))
    value = 0
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
    return value if said == given else None
