"""Subwords: learned once, reversible, and never mistaken for a reserved token."""

import pytest

from seq2seq_lib.translate.subwords import Subwords, look_swapped
from seq2seq_lib.vocab import SPECIALS, UNK

TEXT = ["the small cat sees a dog, the smaller cat sleeps."] * 20 + ["a big dog sleeps"] * 9
OTHER = ["die kleine Katze sieht einen Hund, die kleinere schläft."] * 20


@pytest.fixture(scope="module")
def subwords() -> Subwords:
    return Subwords.learn(TEXT, 100)


def test_text_comes_back(subwords):
    for text in (*TEXT[:1], "a smallest catdog", "cat , dog", "dogs,cats"):
        pieces = subwords.split(text)
        assert subwords.join(pieces) == text
        assert subwords.vocab.decode(subwords.vocab.encode(pieces)) == pieces
        assert subwords.encode([text]) == [subwords.vocab.encode(pieces)]


def test_frequent_words_are_one_piece_and_marks_stand_alone(subwords):
    assert subwords.split("the cat, the dog.") == ["▁the", "▁cat", ",", "▁the", "▁dog", "."]
    assert len(subwords.split("smallish")) > 1


def test_a_letter_that_was_never_seen_is_unknown_and_no_text_is_reserved(subwords):
    assert subwords.encode(["ж"])[0][-1] == UNK
    for name in SPECIALS:
        assert not {0, 1, 2} & {*subwords.encode([f"{name} cat {name}"])[0]}


def test_the_same_text_gives_the_same_pieces(subwords):
    again = Subwords.learn(iter(TEXT), 100)
    assert again.to_json() == subwords.to_json() and again.digest == subwords.digest
    assert Subwords.from_json(subwords.to_json()).split("a cat") == subwords.split("a cat")
    assert Subwords.learn(OTHER, 100).digest != subwords.digest


def test_the_vocabulary_is_never_larger_than_asked_for():
    letters = [chr(0x4E00 + i) * 2 for i in range(3_000)]
    assert len(Subwords.learn(letters, 120).vocab) <= 120


def test_what_is_no_vocabulary_is_told():
    with pytest.raises(ValueError, match="vocab_size must be at least 100, got 5"):
        Subwords.learn(TEXT, 5)
    with pytest.raises(ValueError, match="There is no text to learn"):
        Subwords.learn([], 100)
    for text in ("", "{}", '{"model": 3}'):
        with pytest.raises(ValueError, match="does not hold subwords"):
            Subwords.from_json(text)


def test_exchanged_sides_are_seen(subwords):
    other = Subwords.learn(OTHER, 100)
    assert look_swapped(subwords, other, OTHER[:3], TEXT[:3])
    assert not look_swapped(subwords, other, TEXT[:3], OTHER[:3])
    assert not look_swapped(subwords, other, ["zzz"], ["zzz"])
