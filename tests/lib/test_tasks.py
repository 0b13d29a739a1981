"""The generated tasks: true to their source, soundly aligned, split without leaks."""

import random
import re
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from num2words import num2words

from seq2seq_lib.tasks import Example, Task, example, make_splits, numerals
from seq2seq_lib.tasks.copy import Copy
from seq2seq_lib.tasks.numbers import LANGUAGES, Numbers, number_words, value_of
from seq2seq_lib.tasks.numerals import tokenize
from seq2seq_lib.tasks.reversal import Reversal
from seq2seq_lib.tasks.splits import split_of
from seq2seq_lib.tasks.symbols import SymbolTask

CODES = tuple(LANGUAGES)
DIRECTIONS = tuple((src, tgt) for src in CODES for tgt in CODES if src != tgt)

# --- an independent reader of number words ---------------------------------------------


def _numbered(text: str, start: int = 0, step: int = 1) -> dict[str, int]:
    return {word: start + i * step for i, word in enumerate(text.split())}


ONES = {
    "en": _numbered(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen "
        "fourteen fifteen sixteen seventeen eighteen nineteen"
    ),
    "de": {
        **_numbered("null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"),
        **{"eins": 1, "eine": 1, "sechzehn": 16, "siebzehn": 17},
    },
    "fr": _numbered(
        "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize "
        "quatorze quinze seize"
    ),
    "es": {
        **_numbered(
            "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece "
            "catorce quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno "
            "veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
            "veintiocho veintinueve"
        ),
        **{"un": 1, "veintiún": 21},
    },
}
TENS = {
    "en": _numbered("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10),
    "de": _numbered(
        "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig", 20, 10
    ),
    "fr": _numbered("vingt trente quarante cinquante soixante", 20, 10),
    "es": _numbered("treinta cuarenta cincuenta sesenta setenta ochenta noventa", 30, 10),
}
VALUES = {code: {**ONES[code], **TENS[code]} for code in CODES}
SPANISH_HUNDREDS = _numbered(
    "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos "
    "ochocientos novecientos",
    100,
    100,
) | {"cien": 100}
HUNDREDS = {"en": {"hundred"}, "de": {"hundert"}, "fr": {"cent", "cents"}, "es": set()}
SCALES = {
    "en": {"thousand": 1, "million": 2, "billion": 3},
    "de": {"tausend": 1, "million": 2, "millionen": 2, "milliarde": 3, "milliarden": 3},
    "fr": {"mille": 1, "million": 2, "millions": 2, "milliard": 3, "milliards": 3},
    "es": {"mil": 1, "millón": 2, "millones": 2},
}
CONNECTORS = {"en": "and", "de": "und", "fr": "et", "es": "y"}


def read(tokens, code: str) -> int:
    """The number that ``tokens`` say; fails on a word that the language does not have."""
    total = group = 0
    for token in tokens:
        if token == CONNECTORS[code]:
            continue
        if token in SCALES[code]:
            total += max(group, 1) * 1000 ** SCALES[code][token]
            group = 0
        elif token in HUNDREDS[code]:
            group = max(group, 1) * 100
        elif code == "es" and token in SPANISH_HUNDREDS:
            group += SPANISH_HUNDREDS[token]
        elif code == "fr" and token in ("vingt", "vingts") and group % 100 == 4:
            group += 80 - 4  # quatre-vingt: four twenties
        else:
            group += VALUES[code][token]
    return total + group


@st.composite
def numbers(draw, max_digits: int = 12) -> int:
    """Numbers of every size, with many zeros and ones among the digits."""
    group = st.sampled_from([0, 1, 11, 21, 80, 100, 101]) | st.integers(0, 999)
    groups = draw(st.lists(group, min_size=1, max_size=4))
    n = sum(value * 1000**i for i, value in enumerate(groups))
    assume(0 < n < 10**max_digits)
    return n


def _tokens(n: int, code: str) -> list[str]:
    return [word.token for word in number_words(n, code)]


numbers_task = cache(Numbers)

# --- number words ----------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
@given(data=st.data())
def test_reading_the_words_back_gives_the_number(code, data):
    n = data.draw(numbers(LANGUAGES[code].max_digits))
    assert read(_tokens(n, code), code) == n


# What num2words 0.5 writes, and what is said: a one before a scale agrees with it.
MENDED = {
    "de": [
        (r"eins(?=tausend)", "ein"),
        (r"eins (?=million|milliard)", "eine "),
    ],
    "es": [
        (r"veintiuno (?=mil)", "veintiún "),  # and "millones"
        (r"uno (?=mil)", "un "),
    ],
}


def said(n: int, lang: str) -> str:
    """As ``num2words`` would write it if it were mended."""
    text = num2words(n, lang=lang).lower()
    for wrong, right in MENDED.get(lang, []):
        text = re.sub(wrong, right, text)
    return text


@pytest.mark.parametrize(
    ("code", "n", "words"),
    [
        ("de", 101_000, "ein hundert ein tausend"),
        ("de", 101_000_000, "ein hundert eine millionen"),
        ("de", 201_000_000_000, "zwei hundert eine milliarden"),
        ("de", 1_001, "ein tausend eins"),
        ("de", 21_000, "ein und zwanzig tausend"),
        ("es", 21_000, "veintiún mil"),
        ("es", 31_000, "treinta y un mil"),
        ("es", 101_021, "ciento un mil veintiuno"),
        ("es", 21_000_000, "veintiún millones"),
        ("es", 1_000_001, "un millón uno"),
        ("fr", 80_000, "quatre vingt mille"),
        ("fr", 200_000_200, "deux cents millions deux cents"),
    ],
)
def test_a_one_before_a_scale_agrees_with_it(code, n, words):
    assert _tokens(n, code) == words.split()
    assert value_of(words.split(), code) == n


@pytest.mark.parametrize("code", CODES)
def test_the_words_stay_when_num2words_is_mended(code, monkeypatch):
    asked = [g * 1000**i + 21 for g in range(1, 1000) for i in range(1, 4)]
    asked = [n for n in asked if n < 10 ** LANGUAGES[code].max_digits]
    before = [number_words(n, code) for n in asked]
    caches = (numerals._values, numerals.group_words, numerals._group_values)
    with monkeypatch.context() as mended:
        mended.setattr(numerals, "num2words", said)
        for each in caches:
            each.cache_clear()
        assert [number_words(n, code) for n in asked] == before
        assert [value_of(_tokens(n, code), code) for n in asked[::50]] == asked[::50]
    for each in caches:
        each.cache_clear()


@pytest.mark.parametrize("code", CODES)
@given(data=st.data())
def test_the_words_are_those_of_num2words_mended(code, data):
    n = data.draw(numbers(LANGUAGES[code].max_digits))
    text = said(n, code)
    assert "".join(_tokens(n, code)) == re.sub(r"\W", "", text)
    if code != "de":  # German writes several words as one
        assert _tokens(n, code) == re.findall(r"\w+", text)


@pytest.mark.parametrize("code", CODES)
def test_all_numbers_below_a_thousand_are_read_back(code):
    assert [read(_tokens(n, code), code) for n in range(1, 1000)] == list(range(1, 1000))


@pytest.mark.parametrize("n", [0, -7, 10**12])
def test_a_number_out_of_range_is_told(n):
    with pytest.raises(ValueError, match=rf"'en' must lie between 1 and .*got {n}"):
        number_words(n, "en")


@pytest.mark.parametrize("code", CODES)
@given(data=st.data())
def test_the_value_of_number_words_is_the_number(code, data):
    n = data.draw(numbers(LANGUAGES[code].max_digits))
    assert value_of(_tokens(n, code), code) == n


@pytest.mark.parametrize("code", CODES)
def test_thousands_of_numbers_have_their_value(code):
    rng = random.Random(0)
    digits = LANGUAGES[code].max_digits
    drawn = [rng.randrange(1, 10 ** rng.randint(1, digits)) for _ in range(3_000)]
    for n in (*range(1, 1_200), *drawn, 10**digits - 1):
        assert value_of(_tokens(n, code), code) == n


@pytest.mark.parametrize("code", CODES)
@given(data=st.data())
def test_a_spoilt_number_has_no_value_or_another_that_is_said_so(code, data):
    tokens = _tokens(data.draw(numbers(LANGUAGES[code].max_digits)), code)
    words = sorted({word for n in (21, 105, 3_007, 80) for word in _tokens(n, code)})
    at = data.draw(st.integers(0, len(tokens) - 1))
    how = data.draw(st.sampled_from(["drop", "double", "put", "swap"]))
    if how == "drop":
        spoilt = tokens[:at] + tokens[at + 1 :]
    elif how == "double":
        spoilt = [*tokens[: at + 1], *tokens[at:]]
    elif how == "put":
        spoilt = [*tokens[:at], data.draw(st.sampled_from(words)), *tokens[at:]]
    else:
        spoilt = [*tokens[at:], *tokens[:at]]
    value = value_of(spoilt, code)
    assert value is None or _tokens(value, code) == spoilt


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", ""),
        ("de", "und"),
        ("de", "ein"),  # alone it is "eins"
        ("de", "zwanzig und ein"),
        ("de", "eins und zwanzig"),
        ("de", "hundert"),  # "ein hundert"
        ("de", "ein million"),
        ("de", "zwei million"),
        ("de", "zwei tausend drei tausend"),
        ("de", "zwei tausend drei millionen"),
        ("de", "zwei tausend und fünf"),
        ("de", "fünf zehn zehn"),
        ("de", "fünf six"),
        ("en", "two thousand five"),  # without its "and"
        ("en", "and five"),
        ("en", "two thousand and one hundred"),
        ("en", "one hundred five"),
    ],
)
def test_what_is_not_a_number_has_no_value(code, text):
    assert value_of(text.split(), code) is None


def test_the_value_in_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match=r"'nl' is not available; choose one of en, de"):
        value_of(["een"], "nl")


def test_an_unknown_language_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'tlh' is not available.*en, de, fr, es"):
        number_words(1, "tlh")
    with pytest.raises(ValueError, match="'tlh'"):
        Numbers("en", "tlh")


@pytest.mark.parametrize("digits, src", [(0, "en"), (13, "en"), (10, "es")])
def test_a_number_of_digits_out_of_range_is_told(digits, src):
    limit = LANGUAGES[src].max_digits
    with pytest.raises(ValueError, match=f"between 1 and {limit} .*got {digits}"):
        Numbers(src, "de", max_digits=digits)


# --- gold alignments -------------------------------------------------------------------


def _groups(tokens, code: str) -> list[int]:
    """For each word the group of three digits that it belongs to, 0 = the last."""
    group, groups = 0, []
    for token in reversed(tokens):
        group = SCALES[code].get(token, group)
        groups.append(group)
    return groups[::-1]


def _digits(token: str, code: str) -> set[tuple[str, int]]:
    """The digits that a word alone gives away: ``("ones", 4)`` and so on."""
    if code == "es" and token in SPANISH_HUNDREDS:
        return {("hundreds", SPANISH_HUNDREDS[token] // 100)}
    value = VALUES[code][token]
    digits = {("tens", value // 10), ("ones", value % 10)}
    return {(place, digit) for place, digit in digits if digit}


def _is_content(token: str, code: str) -> bool:
    return token != CONNECTORS[code]


@pytest.mark.parametrize("src_lang, tgt_lang", DIRECTIONS)
@given(data=st.data())
def test_content_words_are_aligned_within_their_group_and_connectors_are_not(
    src_lang, tgt_lang, data
):
    task = numbers_task(src_lang, tgt_lang)
    example = task.example(data.draw(numbers(task.max_digits)))
    targets = {t for t, _ in example.alignment}
    sources = {s for _, s in example.alignment}
    for t, token in enumerate(example.tgt):
        assert (t in targets) == _is_content(token, tgt_lang)
    for s, token in enumerate(example.src):
        assert (s in sources) == _is_content(token, src_lang)
    src_groups = _groups(example.src, src_lang)
    tgt_groups = _groups(example.tgt, tgt_lang)
    for t, s in example.alignment:
        assert tgt_groups[t] == src_groups[s]


@pytest.mark.parametrize("src_lang, tgt_lang", [("en", "de"), ("de", "en")])
@given(data=st.data())
def test_aligned_digits_match_and_matching_digits_are_aligned(src_lang, tgt_lang, data):
    """Checked between two digits of a word, or a digit and the hundred that it counts."""
    example = numbers_task(src_lang, tgt_lang).example(data.draw(numbers()))
    groups = {
        "src": _groups(example.src, src_lang),
        "tgt": _groups(example.tgt, tgt_lang),
    }
    codes = {"src": src_lang, "tgt": tgt_lang}

    def roles(side: str, tokens) -> list[set[tuple]]:
        """What each word expresses: digits, hundreds and scales with their group."""
        code, found = codes[side], []
        for i, token in enumerate(tokens):
            group = groups[side][i]
            if token in SCALES[code]:
                found.append({("scale", group)})
            elif token in HUNDREDS[code]:
                found.append({("hundred", group)})
            elif not _is_content(token, code):
                found.append(set())
            elif tokens[i + 1 : i + 2] and tokens[i + 1] in HUNDREDS[code]:
                found.append({("hundreds", VALUES[code][token], group)})
            else:
                found.append({(*digit, group) for digit in _digits(token, code)})
        return found

    expected = {
        (t, s)
        for (t, said), (s, read_) in product(
            enumerate(roles("tgt", example.tgt)), enumerate(roles("src", example.src))
        )
        if said & read_
    }
    assert example.alignment == expected


# By hand: target words, and for each the source words that it comes from.
GOLD = [
    ("en", "de", 21, "ein:one und: zwanzig:twenty"),
    ("en", "de", 14, "vier:fourteen zehn:fourteen"),
    ("en", "de", 4871, "vier:four tausend:thousand acht:eight hundert:hundred "
     "ein:one und: siebzig:seventy"),
    ("de", "en", 514, "five:fünf hundred:hundert and: fourteen:vier,zehn"),
    ("en", "fr", 97, "quatre:ninety vingt:ninety dix:ninety sept:seven"),
    ("en", "fr", 71, "soixante:seventy et: onze:seventy,one"),
    ("en", "fr", 1100, "mille:one,thousand cent:one,hundred"),
    ("en", "es", 523, "quinientos:five,hundred veintitrés:twenty,three"),
    ("es", "de", 31, "ein:uno und: dreißig:treinta"),
    ("fr", "en", 1080, "one:mille thousand:mille and: eighty:quatre,vingts"),
]  # fmt: skip


@pytest.mark.parametrize("src_lang, tgt_lang, n, gold", GOLD)
def test_alignments_made_by_hand(src_lang, tgt_lang, n, gold):
    example = numbers_task(src_lang, tgt_lang).example(n)
    rows = [row.split(":") for row in gold.split()]
    assert example.tgt == tuple(target for target, _ in rows)
    for t, (_, sources) in enumerate(rows):
        aligned = (example.src[s] for t_, s in sorted(example.alignment) if t_ == t)
        assert ",".join(aligned) == sources


@given(numbers(), st.sampled_from(["en", "de"]))
def test_a_language_to_itself_is_aligned_along_the_diagonal(n, code):
    example = numbers_task(code, code).example(n)
    assert example.src == example.tgt
    content = {i for i, token in enumerate(example.src) if _is_content(token, code)}
    assert example.alignment == {(i, i) for i in content}


# --- drawing ---------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_every_length_that_is_promised_can_be_drawn(code):
    for max_digits in range(1, LANGUAGES[code].max_digits + 1):
        task = Numbers(code, "en", max_digits)
        assert task.lengths[0] == 1 and all(a < b for a, b in pairwise(task.lengths))
        for length in task.lengths:
            example = task.draw(random.Random(7), length)
            assert len(example.src) == length
            assert read(example.src, code) == read(example.tgt, "en") < 10**max_digits


def test_a_length_that_no_number_has_is_not_promised():
    lengths = {len(_tokens(n, "en")) for n in range(1, 1000)}
    task = Numbers("en", "de", max_digits=3)
    assert set(task.lengths) == lengths == {1, 2, 4, 5}
    with pytest.raises(ValueError, match="up to 3 digits have 1, 2, 4, 5 words, got 3"):
        task.draw(random.Random(0), 3)


def test_the_default_task_has_every_length_up_to_23():
    assert list(Numbers().lengths) == list(range(1, 24))
    with pytest.raises(ValueError, match="got 24"):
        Numbers().draw(random.Random(0), 24)


@given(numbers(), st.integers(0, 99))
def test_any_length_and_number_of_digits_that_go_together_can_be_asked_for(like, seed):
    digits, length = len(str(like)), len(_tokens(like, "en"))
    n = numbers_task("en", "de").draw_number(random.Random(seed), length, digits)
    assert len(str(n)) == digits
    assert len(_tokens(n, "en")) == length


def test_a_long_number_can_have_few_words_and_a_short_one_many():
    rng, task = random.Random(0), numbers_task("en", "de")
    assert len(_tokens(task.draw_number(rng, 3, digits=12), "en")) == 3
    assert len(_tokens(task.draw_number(rng, 11, digits=6), "en")) == 11


def test_a_length_that_no_number_of_so_many_digits_has_is_told():
    with pytest.raises(ValueError, match="No number of 1 words and 12 digits"):
        numbers_task("en", "de").draw_number(random.Random(0), 1, 12)
    with pytest.raises(ValueError, match="digits must lie between 1 and 12, got 13"):
        numbers_task("en", "de").draw_number(random.Random(0), 1, 13)


def test_drawing_reaches_all_short_numbers():
    rng, task = random.Random(0), numbers_task("en", "de")
    drawn = {task.draw_number(rng, 1) for _ in range(2000)}
    assert drawn == {n for n in range(1, 100) if len(_tokens(n, "en")) == 1}


# --- vocabularies ----------------------------------------------------------------------


@pytest.mark.parametrize("src_lang, tgt_lang", DIRECTIONS)
def test_the_vocabularies_cover_everything_drawn(src_lang, tgt_lang):
    task, rng = numbers_task(src_lang, tgt_lang), random.Random(0)
    src_vocab, tgt_vocab = task.vocabs()
    for length in task.lengths:
        for _ in range(7):
            example = task.draw(rng, length)
            assert set(example.src) <= set(src_vocab.tokens)
            assert set(example.tgt) <= set(tgt_vocab.tokens)


@pytest.mark.parametrize("code", CODES)
def test_the_vocabulary_has_no_word_that_is_never_said(code):
    for max_digits in (1, 2, 3):
        said = {t for n in range(1, 10**max_digits) for t in _tokens(n, code)}
        vocab, _ = Numbers(code, "en", max_digits).vocabs()
        assert set(vocab.tokens[4:]) == said


@pytest.mark.parametrize("code", CODES)
def test_long_sources_need_no_word_that_short_ones_do_not_have(code):
    task, rng = Numbers(code, "en"), random.Random(0)
    drawn = (task.draw_number(rng, rng.choice((1, 2, 3, 4, 4))) for _ in range(1500))
    short = {token for n in drawn for token in _tokens(n, code)}
    vocab, _ = task.vocabs()
    assert short == set(vocab.tokens[4:])


# --- reversal and copy -----------------------------------------------------------------


@given(st.sampled_from([Copy, Reversal]), st.integers(1, 24), st.integers(0, 99))
def test_symbols_are_rearranged_as_the_task_says(task_class, length, seed):
    task = task_class()
    example = task.draw(random.Random(seed), length)
    assert len(example.src) == length
    assert example.tgt == (example.src if task_class is Copy else example.src[::-1])
    assert len(example.alignment) == length
    for t, s in example.alignment:
        assert s == (t if task_class is Copy else length - 1 - t)
        assert example.tgt[t] == example.src[s]


def test_the_alphabet_is_the_vocabulary_on_both_sides():
    src_vocab, tgt_vocab = Reversal(n_symbols=5).vocabs()
    assert src_vocab.tokens[4:] == tgt_vocab.tokens[4:] == tuple("abcde")


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"n_symbols": 1}, "n_symbols must lie between 2 and 26, got 1"),
        ({"n_symbols": 27}, "n_symbols must lie between 2 and 26, got 27"),
        ({"max_length": 0}, "max_length must be at least 1, got 0"),
    ],
)
def test_symbol_tasks_refuse_sizes_out_of_range(wrong, told):
    with pytest.raises(ValueError, match=told):
        Copy(**wrong)


def test_a_symbol_task_must_say_its_order():
    with pytest.raises(NotImplementedError):
        SymbolTask().example(("a",))


# --- examples --------------------------------------------------------------------------


@pytest.mark.parametrize("src, tgt", [((), ("a",)), (("a",), ())])
def test_an_example_needs_two_sides(src, tgt):
    with pytest.raises(ValueError, match=f"got {len(src)} and {len(tgt)}"):
        Example(src, tgt)


@pytest.mark.parametrize("pair", [(2, 0), (0, 3), (-1, 0)])
def test_an_alignment_must_stay_inside(pair):
    with pytest.raises(ValueError, match="outside an example with 2 target and 3 source"):
        Example(("a", "b", "c"), ("x", "y"), frozenset({pair}))


# --- splits ----------------------------------------------------------------------------

TASKS = [Numbers(), Reversal(n_symbols=7, max_length=11), Copy(n_symbols=7, max_length=11)]


@pytest.fixture(params=TASKS, ids=lambda task: type(task).__name__)
def task(request):
    return request.param


def _sources(examples) -> set:
    return {example.src for example in examples}


def test_every_task_keeps_the_one_interface(task):
    assert isinstance(task, Task)


def test_splits_are_disjoint_across_all_seeds(task):
    one, other = (
        make_splits(task, train=300, per_length=3, lengths=range(2, 8), seed=seed)
        for seed in (0, 1)
    )
    train = _sources(one.train) | _sources(other.train)
    valid = _sources(one.valid) | _sources(other.valid)
    test = _sources(one.test) | _sources(other.test)
    assert not train & valid and not train & test and not valid & test


def test_test_sets_have_equally_many_different_sources_of_each_length(task):
    splits = make_splits(task, train=0, per_length=5, lengths=range(4, 11))
    for part in (splits.valid, splits.test):
        assert [len(e.src) for e in part] == [n for n in range(4, 11) for _ in range(5)]
        assert len(_sources(part)) == len(part)


def test_training_lengths_are_taken_in_turn(task):
    train = make_splits(task, train=23, per_length=0, lengths=range(3, 10)).train
    assert [len(e.src) for e in train] == [3 + i % 7 for i in range(23)]


def test_training_may_have_other_lengths_than_testing(task):
    splits = make_splits(
        task, train=50, per_length=2, lengths=range(9, 12), train_lengths=range(1, 6)
    )
    assert {len(e.src) for e in splits.train} == set(range(1, 6))
    assert {len(e.src) for e in splits.test} == set(range(9, 12))


def test_the_seed_decides_the_splits(task):
    def made(seed):
        return make_splits(task, train=50, per_length=3, lengths=range(4, 11), seed=seed)

    assert made(2) == made(2)
    assert made(2).train != made(3).train
    assert made(2).test != made(3).test


def test_the_test_set_does_not_depend_on_the_size_of_the_training_set(task):
    small, large = (
        make_splits(task, train=n, per_length=3, lengths=range(4, 11)) for n in (10, 200)
    )
    assert small.test == large.test and small.valid == large.valid
    assert large.train[:10] == small.train


def test_lengths_with_few_sources_give_fewer_without_looping():
    splits = make_splits(Reversal(n_symbols=2, max_length=2), train=5, per_length=7)
    ones_and_twos = [(a,) for a in "ab"] + list(product("ab", "ab"))
    for part, name in ((splits.valid, "valid"), (splits.test, "test")):
        existing = [src for src in ones_and_twos if split_of(src) == name]
        assert sorted(example.src for example in part) == sorted(existing)


class _Stuck(Copy):
    """Always draws the same source, which is kept for testing."""

    def draw(self, rng, length):
        assert split_of(("a",)) == "test"
        return self.example(("a",))


def test_a_length_without_training_sources_is_told_instead_of_looping():
    with pytest.raises(ValueError, match="No source of 1 tokens is for training"):
        make_splits(_Stuck(max_length=1), train=1, per_length=0)


def test_about_one_source_in_seven_is_for_testing():
    sources = list(product("abcdefg", repeat=5))
    share = {name: 0.0 for name in ("train", "valid", "test")}
    for src in sources:
        share[split_of(src)] += 1 / len(sources)
    assert share == pytest.approx({"train": 0.8, "valid": 0.05, "test": 0.15}, abs=0.01)


@pytest.mark.parametrize("lengths", [range(0, 5), range(5, 13), range(3, 3), [2, 40]])
def test_lengths_that_the_task_does_not_have_are_told(lengths):
    wanted = ", ".join(map(str, lengths)) or "none"
    with pytest.raises(ValueError, match=f"1, 2, 3.*11 tokens, .* wanted are {wanted}"):
        make_splits(Copy(max_length=11), train=1, per_length=1, lengths=lengths)


def test_negative_sizes_are_told():
    with pytest.raises(ValueError, match="train=-1, per_length=2"):
        make_splits(Copy(), train=-1, per_length=2)


# --- numbers of NumPy and of tensors; what is no number ----------------------------------

WHOLE = [np.int64, np.int16, np.uint8, np.array, torch.tensor]
NO_WHOLE_NUMBERS = [3.0, 3.5, True, None, "3", np.float64(3), torch.tensor(3.0), [3]]

whole_numbers = pytest.mark.parametrize("kind", WHOLE, ids=lambda k: k.__name__)
no_whole_numbers = pytest.mark.parametrize("wrong", NO_WHOLE_NUMBERS, ids=repr)


@whole_numbers
def test_a_whole_number_is_one_whoever_made_it(kind):
    assert number_words(kind(21), "en") == number_words(21, "en")
    assert Numbers("en", "de", kind(3)).example(kind(105)) == Numbers().example(105)
    assert Reversal(kind(5), kind(7)).vocabs()[0].tokens[4:] == tuple("abcde")


@whole_numbers
def test_a_length_is_one_whoever_made_it(kind, task):
    drawn = [task.draw(random.Random(3), length) for length in (5, kind(5))]
    assert drawn[0] == drawn[1]
    n = [numbers_task().draw_number(random.Random(3), *asked) for asked in
         ((5, 6), (kind(5), kind(6)))]  # fmt: skip
    assert n[0] == n[1]


@whole_numbers
def test_splits_of_sizes_whoever_made_them(kind, task):
    plain = make_splits(task, train=30, per_length=2, lengths=[4, 5], seed=7)
    same = make_splits(
        task, train=kind(30), per_length=kind(2), lengths=[kind(4), kind(5)], seed=kind(7)
    )
    assert plain == same
    array = make_splits(task, train=30, per_length=2, lengths=np.array([4, 5]), seed=7)
    assert plain == array


@no_whole_numbers
def test_what_is_no_whole_number_has_no_words(wrong, no_shape_checks):
    for asked in (lambda: number_words(wrong, "en"), lambda: Numbers().example(wrong)):
        with pytest.raises(ValueError, match="A number in 'en' must be a whole number"):
            asked()


@no_whole_numbers
def test_sizes_of_tasks_are_whole_numbers(wrong, no_shape_checks):
    for name in ("n_symbols", "max_length"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            Copy(**{name: wrong})
    for name in ("length", "digits") if wrong is not None else ("length",):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            Numbers().draw_number(random.Random(0), **{"length": 3, name: wrong})
    if wrong is not None:
        with pytest.raises(ValueError, match="max_digits must be a whole number"):
            Numbers(max_digits=wrong)


@no_whole_numbers
def test_sizes_and_seeds_of_splits_are_whole_numbers(wrong, task, no_shape_checks):
    sizes = {"train": 3, "per_length": 1, "lengths": [5], "seed": 0}
    for name in ("train", "per_length", "seed"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            make_splits(task, **{**sizes, name: wrong})
    for name in ("lengths", "train_lengths"):
        with pytest.raises(ValueError, match="A length must be a whole number"):
            make_splits(task, **{**sizes, name: [5, wrong]})


@no_whole_numbers
def test_a_length_is_a_whole_number(wrong, task, no_shape_checks):
    with pytest.raises(ValueError, match="length must be a whole number"):
        task.draw(random.Random(0), wrong)


def test_symbols_have_the_lengths_that_the_task_promises():
    for length in (0, 12):
        with pytest.raises(ValueError, match=f"1, 2, .*, 11 tokens, got {length}"):
            Copy(max_length=11).draw(random.Random(0), length)


# --- texts and tokens --------------------------------------------------------------------


@pytest.mark.parametrize("src", ["abc", list("abc"), np.array(list("abc"))])
def test_a_source_of_symbols_becomes_a_tuple(src, no_shape_checks):
    assert Reversal().example(src) == Reversal().example(("a", "b", "c"))


@pytest.mark.parametrize("wrong", ["ab", ["a"], ("a", 1), ("a", None), None])
def test_the_sides_of_an_example_are_tuples_of_texts(wrong, no_shape_checks):
    for sides in ((wrong, ("x",)), (("x",), wrong)):
        with pytest.raises(ValueError, match="sides of an example are tuples of tokens"):
            Example(*sides)


def test_number_words_are_given_as_tokens():
    with pytest.raises(ValueError, match="got the text 'ein und zwanzig'; split it"):
        value_of("ein und zwanzig", "de")


def test_what_is_not_made_of_number_words_is_not_taken_apart():
    with pytest.raises(ValueError, match="'zweihundhund' is no number in 'de'"):
        tokenize("zweihundhund", LANGUAGES["de"])


@pytest.mark.parametrize("wrong", [["en"], None, 3])
def test_a_language_is_named_by_its_code(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="is not available; choose one of en, de"):
        number_words(1, wrong)


def test_splits_can_be_imported_from_where_notebooks_import_them():
    assert example.split_of is split_of and example.make_splits is make_splits
