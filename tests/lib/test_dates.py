"""Dates in many languages: one reading each, and links to the right digits."""

import random
import re
import unicodedata
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import torch
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_lib.batching import encode
from seq2seq_lib.tasks import Task, dates, make_splits
from seq2seq_lib.tasks.dates import (
    DAY,
    FORMATS,
    LOCALES,
    YEAR,
    Dates,
    copied,
    normalised,
    pattern,
    templates,
)

TASK = Dates()
FIRST, LAST = date(TASK.first_year, 1, 1), date(TASK.last_year, 12, 31)

any_day = st.dates(FIRST, LAST)
any_written = st.sampled_from(TASK.written)
any_length = st.sampled_from(TASK.lengths)


def linked(example, t):
    """The source positions that target position ``t`` is linked to, and their text."""
    found = sorted(s for u, s in example.alignment if u == t)
    return found, "".join(example.src[s] for s in found)


# --- what is written --------------------------------------------------------------------


@given(any_day, any_written)
def test_the_source_is_what_babel_writes_and_the_target_is_iso(day, written):
    locale, format = written
    example = TASK.example(day, locale, format)
    assert "".join(example.src) == normalised(format_date(day, format, locale))
    assert "".join(example.tgt) == day.isoformat()
    assert all(len(token) == 1 for token in example.src + example.tgt)


def test_known_dates():
    def text(*args):
        return "".join(TASK.example(*args).src)

    day = date(2031, 5, 7)
    assert text(day, "en_US", "medium") == "may 7, 2031"
    assert text(day, "en_GB", "full") == "wednesday, 7 may 2031"
    assert text(day, "de", "long") == "7. mai 2031"
    assert text(day, "hu", "full") == "2031. május 7., szerda"
    assert text(day, "ru", "long") == "7 мая 2031 г."


def test_every_locale_is_written_and_the_short_format_never():
    assert {locale for locale, _ in TASK.written} == set(LOCALES)
    assert {format for _, format in TASK.written} == {"medium", "long", "full"}
    assert ("de", "medium") not in TASK.written  # 07.05.2031


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_left_out_is_what_has_no_word_for_the_month_or_no_century(locale):
    for format in FORMATS:
        written = format_date(date(2031, 5, 7), format, locale)
        readable = "2031" in written and len(re.findall(r"\d+", written)) == 2
        assert bool(templates(locale, format)) == readable


@pytest.mark.parametrize(
    "locale, format",
    [("ja", "long"), ("ko", "long"), ("vi", "long"), ("en_US", "short"), ("sv", "short")],
)
def test_a_month_as_a_number_is_left_out(locale, format):
    assert templates(locale, format) == ()


@pytest.mark.parametrize(
    "made_up, texts",
    [
        ("d MMMM y", "7 mai 2031"),
        ("MMM''dd''y", "mai'07'2031"),
        ("yyyy LLLL d cccc", "2031 mai 7 mittwoch"),
        ("d 'de' MMMM y G", "7 de mai 2031 n. chr."),
        ("d MMMM yyyyy", None),  # 02031
        ("d MMMM yy", None),  # no century
        ("d MMMMM y", None),  # "m" is March and May
        ("d M y", None),
        ("dy MMMM", None),  # where does the year begin?
        ("d MMMM y '3'", None),
        ("d MMMM y H", None),
        ("d MMMM Y", None),  # the year of the week
        ("d MMMM", None),
        ("MMMM y", None),
        ("d y", None),
        ("d MMMM MMM y", None),
    ],
)
def test_which_patterns_can_be_read_in_one_way_only(monkeypatch, made_up, texts):
    monkeypatch.setattr(dates, "pattern", lambda locale, format: made_up)
    found = templates.__wrapped__("de", "long")
    if texts is None:
        assert found == ()
    else:
        day = date(2031, 5, 7)  # a Wednesday
        (template,) = (t for t in found if t.month == 5 and t.weekday in (None, 2))
        assert "".join(template.example(day).src) == texts
        assert copied(template.example(day))[:4] == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "written, plain",
    [
        ("7\u202fMAI\u00a02031", "7 mai 2031"),
        ("7\u200f/5", "7/5"),
        ("ma\u0301rc.", "márc."),
    ],
)
def test_odd_characters_are_made_plain(written, plain):
    assert normalised(written) == plain


def test_sources_hold_letters_digits_plain_spaces_and_punctuation_only():
    for char in TASK.vocabs()[0].tokens[4:]:
        kind = unicodedata.category(char)
        assert char == " " or kind in ("Ll", "Nd", "Po", "Pd", "Ps", "Pe"), (char, kind)


# --- one reading ------------------------------------------------------------------------


def test_no_source_of_the_whole_range_has_two_targets():
    """A text is a year, a day and a rest; each decides its part of the date.

    Year and day are the only numbers of a text, and the year alone has four digits, so
    both can be read off, whatever the rest is. If moreover a rest belongs to one month,
    the text belongs to one date. Every year and every day stand in every template.
    """
    months = defaultdict(set)
    samples = [date(year, 1, 5) for year in range(FIRST.year, LAST.year + 1)]
    samples += [date(2021, 1, number) for number in range(1, 32)]
    for locale, format in TASK.written:
        for template in templates(locale, format):
            for day in samples:
                text = "".join(text for _, text in template.texts(day))
                numbers = sorted(re.findall(r"[0-9]+", text), key=len)
                assert [len(numbers[0]) < 3, len(numbers[1])] == [True, 4]
                assert list(map(int, numbers)) == [day.day, day.year]
                months[re.sub(r"[0-9]+", "#", text)].add(template.month)
    assert [rest for rest, found in months.items() if len(found) > 1] == []


def test_no_source_of_three_years_has_two_targets():
    """The same without any argument: all texts of all days in one dictionary."""
    readings = {}
    for i in range(1096):
        day = date(2024, 1, 1) + timedelta(days=i)
        for written in TASK.written:
            src = TASK.example(day, *written).src
            assert readings.setdefault(src, day) == day
    assert len(set(readings.values())) == 1096


@pytest.mark.parametrize(
    "first, second, text",
    [("en_GB", "teo", "mar"), ("pl", "lu", "lut"), ("bas", "ha", "may")],
)
def test_locales_that_call_two_months_alike_are_refused(first, second, text):
    for locale in (first, second):
        Dates([locale], first_year=2030, last_year=2031)
    with pytest.raises(ValueError, match=f"{text}.* is a date of month .* leave one"):
        Dates([first, second], first_year=2030, last_year=2031)


# --- alignment --------------------------------------------------------------------------


@given(any_day, any_written)
def test_links_lead_to_the_digits_and_to_the_name_of_the_month(day, written):
    example = TASK.example(day, *written)
    for t in YEAR:
        found, text = linked(example, t)
        assert len(found) == 1 and text == example.tgt[t]
    year = [linked(example, t)[0][0] for t in YEAR]
    assert year == list(range(year[0], year[0] + 4))

    (tens,), (ones,) = ([linked(example, t)] for t in DAY)
    assert ones[1] == example.tgt[9] and len(ones[0]) == 1
    padded = "dd" in pattern(*written)
    if day.day < 10 and not padded:
        assert tens[0] == []
    else:
        assert tens[1] == example.tgt[8] and tens[0][0] == ones[0][0] - 1

    assert linked(example, 5) == linked(example, 6)
    found, name = linked(example, 5)
    assert found == list(range(found[0], found[0] + len(found)))
    names = "MMM" if "MMMM" not in pattern(*written) else "MMMM"
    assert name == normalised(format_date(day, names, written[0]))
    assert linked(example, 4)[0] == linked(example, 7)[0] == []
    assert copied(example) == (0, 1, 2, 3, *([8] if tens[0] else []), 9)


@pytest.mark.parametrize(
    "day, locale, source, year_at, day_at",
    [
        (date(2017, 3, 17), "fr", "17 mars 2017", 8, 0),
        (date(2017, 3, 17), "en_US", "march 17, 2017", 10, 6),
        (date(2017, 3, 17), "hu", "2017. március 17.", 0, 14),
        (date(2020, 2, 20), "es", "20 de febrero de 2020", 17, 0),
        (date(2022, 2, 2), "hu", "2022. február 2.", 0, 14),
        (date(2011, 11, 11), "de", "11. november 2011", 13, 0),
        (date(2020, 10, 20), "lv", "2020. gada 20. oktobris", 0, 11),
        (date(2012, 12, 20), "eu", "2012(e)ko abenduaren 20(a)", 0, 21),
    ],
)
def test_a_day_that_stands_in_the_year_too(day, locale, source, year_at, day_at):
    example = TASK.example(day, locale, "long")
    assert "".join(example.src) == source
    assert [linked(example, t)[0] for t in YEAR] == [[year_at + i] for i in range(4)]
    width = len(str(day.day))
    places = [[day_at + i] for i in range(width)]
    assert [linked(example, t)[0] for t in DAY] == [[]] * (2 - width) + places


def test_a_written_zero_is_linked_and_a_padding_zero_is_not():
    task = Dates(["id"], first_year=2024, last_year=2024)
    day = date(2024, 7, 4)
    full = task.example(day, "id", "full")
    assert "".join(full.src) == "kamis, 04 juli 2024"
    assert (linked(full, 8), linked(full, 9)) == (([7], "0"), ([8], "4"))
    assert copied(full) == (0, 1, 2, 3, 8, 9)
    medium = task.example(day, "id", "medium")
    assert "".join(medium.src) == "4 jul 2024"
    assert (linked(medium, 8), linked(medium, 9)) == (([], ""), ([0], "4"))
    assert copied(medium) == (0, 1, 2, 3, 9)


# --- drawing ----------------------------------------------------------------------------


@given(any_length, st.integers(0, 99))
def test_a_draw_has_the_length_and_is_an_example(length, seed):
    example = TASK.draw(random.Random(seed), length)
    assert len(example.src) == length
    day = date.fromisoformat("".join(example.tgt))
    assert FIRST <= day <= LAST
    assert example in [TASK.example(day, *written) for written in TASK.written]
    assert example == TASK.draw(random.Random(seed), length)


def test_lengths_are_those_of_the_sources():
    """With two years, looked up one by one; every length kept has 48 sources or more."""
    task = Dates(("en_US", "pt"), first_year=2023, last_year=2024)
    sources = defaultdict(set)
    for i in range(731):
        for written in task.written:
            src = task.example(date(2023, 1, 1) + timedelta(days=i), *written).src
            sources[len(src)].add(src)
    kept = [length for length in sorted(sources) if len(sources[length]) >= 48]
    assert list(task.lengths) == kept
    assert len(kept) < len(sources)


def test_all_sources_of_a_length_are_drawn_equally_often():
    """Danish and Norwegian write the same medium dates; these stand once, not twice."""
    task = Dates(("da", "nb"), ("long",), first_year=2024, last_year=2024)
    rng = random.Random(0)
    drawn = [task.draw(rng, 12).src for _ in range(30_000)]
    counts = [drawn.count(src) for src in set(drawn)]
    expected = len(drawn) / len(counts)
    assert min(counts) > 0.7 * expected and max(counts) < 1.3 * expected


def test_all_locales_formats_days_and_months_are_drawn():
    rng = random.Random(0)
    drawn = [TASK.draw(rng, rng.choice(TASK.lengths)) for _ in range(6000)]
    texts = {"".join(e.src) for e in drawn}
    for word in "monday montag lundi lunes lunedì segunda maandag måndag".split():
        assert any(word in text for text in texts), word
    for word in "poniedziałek maanantai hétfő pirmdiena astelehena senin".split():
        assert any(word in text for text in texts), word
    for word in "pazartesi понедельник δευτέρα".split():
        assert any(word in text for text in texts), word
    targets = {"".join(e.tgt) for e in drawn}
    assert {t[5:7] for t in targets} == {f"{m:02d}" for m in range(1, 13)}
    assert {t[8:] for t in targets} == {f"{d:02d}" for d in range(1, 32)}
    assert {t[:4] for t in targets} == {str(y) for y in range(1950, 2050)}


def test_it_keeps_the_one_interface():
    assert isinstance(TASK, Task)


def test_splits_are_disjoint_even_for_the_rarest_length_and_can_be_encoded():
    longest = TASK.lengths[-1]
    splits = make_splits(TASK, train=600, per_length=7, lengths=(10, 17, longest))
    sources = [{e.src for e in part} for part in (splits.train, splits.valid, splits.test)]
    assert not (sources[0] & sources[1] or sources[0] & sources[2])
    assert not sources[1] & sources[2]
    assert len(splits.train) == 600
    assert sorted(len(e.src) for e in splits.test) == 7 * [10] + 7 * [17] + 7 * [longest]
    src_vocab, tgt_vocab = TASK.vocabs()
    for example, pair in zip(
        splits.test, encode(splits.test, src_vocab, tgt_vocab), strict=True
    ):
        assert tuple(src_vocab.decode(pair.src)) == example.src
        assert tuple(tgt_vocab.decode(pair.tgt)) == example.tgt


def test_the_vocabularies_hold_what_is_written_and_no_more():
    task = Dates(("it", "el"), first_year=2024, last_year=2024)
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(366)]
    examples = [task.example(day, *written) for day in days for written in task.written]
    src_vocab, tgt_vocab = task.vocabs()
    assert {token for e in examples for token in e.src} == set(src_vocab.tokens[4:])
    assert tgt_vocab.tokens[4:] == tuple("-0123456789")


# --- errors -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"locales": ("de", "xx")}, "knows no locale 'xx'; write it like"),
        ({"locales": ("",)}, "knows no locale ''"),
        ({"locales": ("no such place",)}, "knows no locale 'no such place'"),
        ({"formats": ("tiny",)}, "'tiny' is not an option; choose one of short, medium"),
        ({"locales": ()}, "at least one locale and one format, got 0 and 4"),
        ({"formats": ()}, "at least one locale and one format, got 18 and 0"),
        ({"locales": ("ja",)}, "'ja' writes no date that can be read in one way"),
        ({"formats": ("short",)}, "'en_US' writes no date .* in these formats: short;"),
        ({"first_year": 0}, "within 1000 to 9999.* got 0 to 2049"),
        ({"first_year": 999}, "within 1000 to 9999.* got 999 to 2049"),
        ({"last_year": 10_000}, "within 1000 to 9999.* got 1950 to 10000"),
        ({"first_year": 2001, "last_year": 2000}, "first one first, got 2001 to 2000"),
    ],
)
def test_dates_refuses_what_it_cannot_write(wrong, told):
    with pytest.raises(ValueError, match=told):
        Dates(**wrong)


def test_dates_refuses_examples_it_does_not_write():
    day = date(2031, 5, 7)
    for locale, format in (("ja", "long"), ("en_US", "short"), ("de", "medium")):
        with pytest.raises(ValueError, match=f"write '{locale}' '{format}'; choose"):
            TASK.example(day, locale, format)
    for year in (1949, 2050):
        with pytest.raises(ValueError, match=f"1950 to 2049, got {year}-05-07"):
            TASK.example(date(year, 5, 7), "de", "long")


def test_dates_refuses_a_length_it_does_not_have():
    with pytest.raises(ValueError, match="have 10, 11, .*, 40 characters, got 9"):
        TASK.draw(random.Random(0), 9)


# --- dates with a time, other numbers, texts --------------------------------------------


class Stamp(datetime):
    """A date and time of another library, such as pandas' Timestamp."""

    def isoformat(self, *args):
        return "never asked"


@pytest.mark.parametrize(
    "day",
    [
        datetime(2031, 5, 7, 12, 30),
        datetime(2031, 5, 7, 23, 59, tzinfo=UTC),
        Stamp(2031, 5, 7, 1, 2, 3),
    ],
)
def test_a_date_with_a_time_is_a_date(day):
    for written in TASK.written:
        example = TASK.example(day, *written)
        assert example == TASK.example(date(2031, 5, 7), *written)
    (template,) = (t for t in templates("de", "long") if t.month == 5)
    assert template.example(day).tgt == tuple("2031-05-07")


@pytest.mark.parametrize(
    "wrong", ["2031-05-07", None, 20310507, (2031, 5, 7), np.datetime64("2031-05-07")]
)
def test_what_is_no_date_is_refused(wrong, no_shape_checks):
    with pytest.raises(ValueError, match=r"A day is a date, .*got "):
        TASK.example(wrong, "de", "long")


def test_years_and_lengths_of_numpy_are_numbers():
    task = Dates(["de"], first_year=np.int64(2023), last_year=torch.tensor(2024))
    same = Dates(["de"], first_year=2023, last_year=2024)
    assert task.lengths == same.lengths and task.first_year == 2023
    length = task.lengths[0]
    drawn = task.draw(random.Random(1), np.int16(length))
    assert drawn == same.draw(random.Random(1), length)


@pytest.mark.parametrize("wrong", [2023.0, True, None, "2023"])
def test_years_and_lengths_are_whole_numbers(wrong, no_shape_checks):
    for name in ("first_year", "last_year"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            Dates(["de"], **{name: wrong})
    with pytest.raises(ValueError, match="length must be a whole number"):
        TASK.draw(random.Random(0), wrong)


@pytest.mark.parametrize("wrong", [{"locales": "de"}, {"formats": "long"}])
def test_one_name_is_no_list_of_names(wrong):
    with pytest.raises(ValueError, match=r"lists of names, got .*'(de|long)'"):
        Dates(**wrong)
