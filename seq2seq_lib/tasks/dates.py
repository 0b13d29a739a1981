"""Dates as people write them, in many languages, to ISO 8601, by character.

"mercredi 7 mai 2031" becomes "2031-05-07". The patterns and the names come from Unicode
CLDR, through the ``Babel`` library (which writes the digits 0 to 9 in every locale). A
token is a character, and where each digit of the answer comes from is exactly known.

Source: Unicode Locale Data Markup Language, part 4 (Unicode Technical Standard 35).
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import chain
from typing import SupportsIndex

from babel import Locale, UnknownLocaleError
from babel.dates import DateTimeFormat, tokenize_pattern

from seq2seq_lib.require import option, require, shown, whole
from seq2seq_lib.tasks.example import Example, known_length
from seq2seq_lib.text import normalise
from seq2seq_lib.vocab import Vocab

FORMATS = ("short", "medium", "long", "full")
# Four orders (day month year, month day year, year month day, year day month), the day of
# the week first, last or absent, numbers with endings ("2031(e)ko"), one locale that pads
# days to two digits in one format, and three alphabets, all written from left to right
# and without combining marks, so that figures can show one character after the other.
# Croatian is left out: its "lipanj" is June, Polish "lipiec" is July, and both are "lip".
LOCALES = tuple("en_US en_GB de fr es it pt nl sv fi pl hu lv eu id tr ru el".split())
# A length that fewer sources have is left out: there would be nothing to test on.
FEWEST_SOURCES = 48

# The positions of the answer's parts in "2031-05-07".
YEAR, MONTH, DAY = range(0, 4), range(5, 7), range(8, 10)


@dataclass(frozen=True)
class Template:
    """One way to write the dates of one month and, if it is named, one day of the week.

    Args:
        month: 1 to 12.
        weekday: 0 (Monday) to 6, or None where the template does not name it.
        pieces: the text from left to right, as pairs of a part and its text. The part
            is ``"year"``, ``"month"``, ``"day"`` or ``""``; the text of a year or a day
            is a format such as ``"02d"``.
    """

    month: int
    weekday: int | None
    pieces: tuple[tuple[str, str], ...]

    def texts(self, day: date) -> Iterator[tuple[str, str]]:
        """The parts of ``day`` and their texts, from left to right."""
        numbers = {"year": day.year, "day": day.day}
        for part, text in self.pieces:
            yield part, format(numbers[part], text) if part in numbers else text

    def example(self, day: date) -> Example:
        """The example with ``day`` as its source."""
        src, positions = "", {}
        for part, text in self.texts(day):
            positions[part] = range(len(src), len(src) + len(text))
            src += text
        alignment = {(t, s) for t in MONTH for s in positions["month"]}
        # Aligned at their ends: the one digit of "7" is the second of "07".
        for part, answer in (("year", YEAR), ("day", DAY)):
            pairs = zip(reversed(answer), reversed(positions[part]), strict=False)
            alignment.update(pairs)
        # A datetime is a date with a time, which its own isoformat would write as well.
        return Example(tuple(src), tuple(date.isoformat(day)), frozenset(alignment))


def normalised(text: str) -> str:
    """``text`` in lower case and as ``seq2seq_lib.text.normalise`` spells it.

    >>> normalised("7 Mai 2031\\u202fг.")
    '7 mai 2031 г.'
    """
    return normalise(text.lower())


@cache
def _locale(code: str) -> Locale:
    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError, TypeError):
        raise ValueError(
            f"Babel knows no locale {code!r}; write it like 'de' or 'en_GB'."
        ) from None


def pattern(locale: str, format: str) -> str:
    """The pattern with which ``locale`` writes dates in ``format``.

    >>> pattern("en_US", "medium")
    'MMM d, y'

    Raises:
        ValueError: Babel does not know the locale, or the format is not one of the four.
    """
    option("format", format, FORMATS)
    return str(_locale(locale).date_formats[format].pattern)


@cache
def templates(locale: str, format: str) -> tuple[Template, ...]:
    """Every way to write a date in ``format``; none where a date could be misread.

    A date can be misread unless its year is written in full and its month is a word:
    nobody knows whether "5/7/31" is in May or in July, or in which century. The errors are
    those of ``pattern``.
    """
    fields = tokenize_pattern(pattern(locale, format))
    names_weekday = any(kind == "field" and value[0] in "Ec" for kind, value in fields)
    written = []
    for month in range(1, 13):
        for shift in range(7 if names_weekday else 1):
            sample = date(2003, month, 13 + shift)
            values = DateTimeFormat(sample, _locale(locale))
            pieces = []
            for kind, value in fields:
                if kind == "chars":
                    pieces.append(("", normalised(str(value))))
                    continue
                char, width = str(value[0]), int(value[1])
                if char == "y" and width != 2:
                    pieces.append(("year", f"0{width}d"))
                elif char == "d":
                    pieces.append(("day", f"0{width}d"))
                elif char in "ML" and width in (3, 4):
                    pieces.append(("month", normalised(values[char * width])))
                elif char in "EcG":
                    pieces.append(("", normalised(values[char * width])))
                else:
                    return ()
            weekday = sample.weekday() if names_weekday else None
            template = Template(month, weekday, tuple(pieces))
            # Each part once, and two numbers apart: no name or literal has a digit.
            parts = sorted(part for part, _ in pieces if part)
            text = "".join(text for _, text in template.texts(sample))
            numbers = sorted(re.findall(r"\d+", text), key=len)
            if parts != ["day", "month", "year"] or numbers != [str(sample.day), "2003"]:
                return ()
            written.append(template)
    return tuple(written)


def copied(example: Example) -> tuple[int, ...]:
    """The target positions that copy one source character: the year's and the day's.

    These are the positions at which an alignment error rate means something: a digit of
    the month comes from a whole word, a hyphen and the zero of "07" from nowhere.

    >>> copied(Dates().example(date(2031, 5, 7), "fr", "long"))
    (0, 1, 2, 3, 9)
    """
    pairs = example.alignment or ()
    return tuple(sorted(t for t, s in pairs if example.src[s] == example.tgt[t]))


class Dates:
    """Dates of many locales to ISO 8601, by character.

    Every source has exactly one reading. Two rules see to it:

    - a locale's format is used only where the year is written in full and the month is a
      word (see ``templates``): a medium "7 mai 2031", but not a medium "07.05.2031";
    - with the digits of day and year left out, no text may stand for two months. The
      task checks this for all its locales, months and days of the week when it is made.

    The source is in lower case, with plain spaces (see ``normalised``). Its length is its
    number of characters: "7 maj 2031" has 10, and "2031(e)ko urtarrilaren 14(a), osteguna"
    has 38. A longer source is not a harder one: it names the month in full, often the day
    of the week as well, and few locales write so much.

    In the gold alignment each digit of the year and the day has one link, to the same
    digit in the source (in "17 mars 2017" the right 17), and the zero that pads "7" to
    "07" has none. Both digits of the month are linked to *all* characters of its name,
    because the name as a whole decides them: "juin" and "juillet" differ in their fourth
    letter. Hyphens have no link. So an alignment error rate, which counts one link for each
    position, means something only for the positions that ``copied`` lists; for a month,
    ask whether the one link is among the gold ones.

    Args:
        locales: locales of CLDR, such as ``de`` or ``en_GB``.
        formats: some of ``short``, ``medium``, ``long`` and ``full``. A locale takes part
            with those that can be read in one way only.
        first_year: the first year, at least 1000: a year of four digits is no day.
        last_year: the last year, at most 9999.

    Raises:
        ValueError: a locale or format is not known, one has no date with one reading, a
            text would stand for two months, or the years are no range within these.

    >>> task = Dates()
    >>> example = task.example(date(2031, 5, 7), "en_US", "full")
    >>> "".join(example.src), "".join(example.tgt)
    ('wednesday, may 7, 2031', '2031-05-07')
    >>> [s for t, s in sorted(example.alignment) if t == 9]
    [15]
    """

    def __init__(
        self,
        locales: Sequence[str] = LOCALES,
        formats: Sequence[str] = FORMATS,
        first_year: SupportsIndex = 1950,
        last_year: SupportsIndex = 2049,
    ) -> None:
        first_year = whole("first_year", first_year)
        last_year = whole("last_year", last_year)
        require(
            1000 <= first_year <= last_year <= 9999,
            "The years must be a range within 1000 to 9999, the first one first, got "
            f"{first_year} to {last_year}.",
        )
        require(
            not isinstance(locales, str) and not isinstance(formats, str),
            f"Locales and formats are lists, got {shown(locales)} and {shown(formats)}.",
        )
        self.locales, self.formats = tuple(locales), tuple(formats)
        self.first_year, self.last_year = first_year, last_year
        have = f"{len(self.locales)} and {len(self.formats)}"
        require(
            self.locales and self.formats,
            f"Dates needs at least one locale and one format, got {have}.",
        )
        self._written: dict[tuple[str, str], tuple[Template, ...]] = {}
        for locale in self.locales:
            each = {(locale, format): templates(locale, format) for format in self.formats}
            found = {written: its for written, its in each.items() if its}
            require(
                found,
                f"The locale {locale!r} writes no date that can be read in one way only in "
                f"these formats: {', '.join(self.formats)}; leave it out.",
            )
            self._written.update(found)
        self._days = self._days_by_kind()
        self._sources = self._distinct_sources()
        self._weights = {
            length: [len(days) for _, days in kinds]
            for length, kinds in sorted(self._sources.items())
        }
        self.lengths = tuple(
            length for length, ways in self._weights.items() if sum(ways) >= FEWEST_SOURCES
        )

    @property
    def written(self) -> tuple[tuple[str, str], ...]:
        """The pairs of a locale and a format that dates are written in."""
        return tuple(self._written)

    def example(self, day: date, locale: str, format: str) -> Example:
        """The example with ``day`` as ``locale`` writes it in ``format``.

        Raises:
            ValueError: ``day`` is no date of its years, or it does not write ``format``.
        """
        is_date = isinstance(day, date)
        require(is_date, f"A day is a date, such as date(2031, 5, 7), got {shown(day)}.")
        known = ", ".join(f"{code} {name}" for code, name in self._written)
        require(
            (locale, format) in self._written,
            f"This task does not write {locale!r} {format!r}; choose one of {known}.",
        )
        require(
            self.first_year <= day.year <= self.last_year,
            f"This task has the years {self.first_year} to {self.last_year}, got {day}.",
        )
        return next(
            template.example(day)
            for template in self._written[locale, format]
            if template.month == day.month and template.weekday in (None, day.weekday())
        )

    def draw(self, rng: random.Random, length: SupportsIndex) -> Example:
        """A date as one of the locales writes it, with ``length`` characters.

        All different sources of this length are equally likely; a ValueError where there
        is none.
        """
        length = known_length(length, self.lengths, unit="characters")
        kinds, weights = self._sources[length], self._weights[length]
        ((template, days),) = rng.choices(kinds, weights)
        return template.example(rng.choice(days))

    def vocabs(self) -> tuple[Vocab, Vocab]:
        """Every character that a source can contain, and the digits and the hyphen."""
        kinds = chain.from_iterable(self._sources.values())
        texts = (text for template, days in kinds for _, text in template.texts(days[0]))
        digits = "0123456789"
        return Vocab(sorted(set(digits).union(*texts))), Vocab("-" + digits)

    def _days_by_kind(self) -> dict[tuple[int, int | None, int], list[date]]:
        """All days by month, day of the week (or None: any) and digits of the day."""
        days: dict[tuple[int, int | None, int], list[date]] = defaultdict(list)
        first, last = date(self.first_year, 1, 1), date(self.last_year, 12, 31)
        for day in map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1)):
            for weekday in (day.weekday(), None):
                days[day.month, weekday, len(str(day.day))].append(day)
        return days

    def _distinct_sources(self) -> dict[int, list[tuple[Template, list[date]]]]:
        """By length, the templates and their days; what two locales share stands once."""
        readings: dict[str, tuple[int, str]] = {}
        seen: set[str] = set()
        sources = defaultdict(list)
        for (locale, _), written in self._written.items():
            for template in written:
                for digits in (1, 2):
                    days = self._days[template.month, template.weekday, digits]
                    text = "".join(text for _, text in template.texts(days[0]))
                    # The year is the one number of four digits and the day the other
                    # one, so what is left decides the month.
                    left = re.sub(r"\d+", lambda n: "#" if len(n[0]) < 4 else "####", text)
                    month, its_locale = readings.setdefault(left, (template.month, locale))
                    require(
                        month == template.month,
                        f"{text!r} is a date of month {month} in {its_locale!r} and of "
                        f"month {template.month} in {locale!r}; leave one of them out.",
                    )
                    if text not in seen:
                        seen.add(text)
                        sources[len(text)].append((template, days))
        return sources
