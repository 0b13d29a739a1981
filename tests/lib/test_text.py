"""One spelling for what looks the same, wherever text enters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_lib.tasks import multi30k, numerals
from seq2seq_lib.tasks.dates import normalised
from seq2seq_lib.text import normalise
from seq2seq_lib.vocab import UNK, Vocab

UNSEEN = {
    "soft hyphen": "\u00ad",
    "zero-width space": "\u200b",
    "zero-width non-joiner": "\u200c",
    "zero-width joiner": "\u200d",
    "left-to-right mark": "\u200e",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "variation selector": "\ufe0f",
    "grapheme joiner": "\u034f",
}
SPACES = {"no-break": "\u00a0", "thin": "\u2009", "narrow": "\u202f", "wide": "\u3000"}
WORD = "männer"
APART = unicodedata.normalize("NFD", WORD)

unseen = pytest.mark.parametrize("char", UNSEEN.values(), ids=UNSEEN)


def test_a_letter_and_its_accent_are_one_character():
    assert APART != WORD and normalise(APART) == WORD
    assert normalise("E\u0301te\u0301") == "Été"


@unseen
def test_what_nobody_sees_is_dropped(char):
    assert normalise(f"{char}m{char}änner{char}") == WORD
    assert normalise(f"ma{char}\u0308nner") == WORD


@pytest.mark.parametrize("char", SPACES.values(), ids=SPACES)
def test_every_space_is_a_plain_one(char):
    assert normalise(f"zwei{char}Männer") == "zwei Männer"


@given(st.text())
def test_once_is_enough(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("wrong", [None, 5, b"text", ["text"]])
def test_what_is_no_text_is_refused(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="A text is wanted, got .* \\(a "):
        normalise(wrong)
    with pytest.raises(ValueError, match="A text is wanted"):
        numerals.kind(wrong, "de")


def test_case_and_visible_characters_stay():
    for text in ("", "A b-C\td\n", "Ärger, „groß“ – 5 €", "ﬁ"):
        assert normalise(text) == text


# --- captions ---------------------------------------------------------------------------


@unseen
def test_captions_have_no_word_that_only_looks_the_same(char):
    plain = multi30k.tokenize("Zwei Männer.")
    assert plain == ("zwei", "männer", ".")
    assert multi30k.tokenize(f"{char}Zwei Män{char}ner.{char}") == plain
    assert multi30k.tokenize(unicodedata.normalize("NFD", "Zwei Männer.")) == plain


def test_an_accent_that_no_letter_composes_with_stays_in_its_word():
    assert multi30k.tokenize("ein x\u0302-Wert") == ("ein", "x\u0302", "-", "wert")


# --- dates ------------------------------------------------------------------------------


@unseen
def test_dates_are_written_in_one_spelling(char):
    assert normalised(f"7. Ma{char}\u0308rz\u202f2031") == "7. märz 2031"


# --- number words -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["fünf", unicodedata.normalize("NFD", "fünf"), "fü\u00adnf"]
)
def test_number_words_are_read_in_any_spelling(word):
    assert numerals.kind(word, "de") == "value"
    assert numerals.value_of([word, "und", "zwanzig"], "de") == 25
    assert numerals.tokenize(f"{word}und\u200bzwanzig", numerals.LANGUAGES["de"]) == [
        "fünf",
        "und",
        "zwanzig",
    ]


# --- vocabularies -----------------------------------------------------------------------


@pytest.mark.parametrize("listed", [WORD, APART])
@pytest.mark.parametrize("asked", [WORD, APART, "män\u00adner", "\ufeffmänner"])
def test_a_vocabulary_and_its_query_agree_whatever_the_spelling(listed, asked):
    for unknown in ("error", "unk"):
        vocab = Vocab(["ein", listed], unknown)
        assert asked in vocab
        assert vocab.encode([asked]) == [5]
        assert vocab.decode([5]) == [listed]


def test_two_spellings_that_are_both_listed_keep_their_ids():
    vocab = Vocab([WORD, APART])
    assert vocab.encode([APART, WORD, "män\u00adner"]) == [5, 4, 4]


def test_spellings_of_one_word_are_counted_together():
    corpus = [[WORD, "ein"], [APART], ["\u200bmänner"], ["ein", "\u200b"]]
    assert Vocab.build(corpus).tokens[4:] == (WORD, "ein")
    assert Vocab.build(corpus, min_count=3).tokens[4:] == (WORD,)


def test_two_unseen_tokens_are_not_the_same():
    assert Vocab(["\u200b"], unknown="unk").encode(["\u200b", "\u200d"]) == [4, UNK]
