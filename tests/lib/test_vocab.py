"""Tokens to ids and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_lib.vocab import BOS, EOS, PAD, SPECIALS, UNK, Vocab

words = st.lists(st.text(min_size=1).filter(lambda t: t not in SPECIALS), unique=True)


def test_the_reserved_tokens_have_the_first_four_ids():
    assert (PAD, BOS, EOS, UNK) == (0, 1, 2, 3)
    assert Vocab(["one"]).tokens == ("<pad>", "<bos>", "<eos>", "<unk>", "one")


def test_ids_follow_the_order_of_the_tokens():
    vocab = Vocab(["b", "a", "c"])
    assert vocab.encode(["a", "b", "c", "a"]) == [5, 4, 6, 5]
    assert len(vocab) == 7


@given(words, st.data())
def test_decoding_gives_back_what_was_encoded(tokens, data):
    vocab = Vocab(tokens)
    sentence = data.draw(st.lists(st.sampled_from(tokens))) if tokens else []
    assert vocab.decode(vocab.encode(sentence)) == sentence


def test_decoding_stops_at_the_first_eos_and_drops_pad_and_bos():
    vocab = Vocab(["one", "two"])
    assert vocab.decode([BOS, 4, PAD, UNK, 5, EOS, 4, EOS]) == ["one", "<unk>", "two"]


@pytest.mark.parametrize("outside", [-1, 6])
def test_decoding_an_id_outside_the_vocabulary_says_how_large_it_is(outside):
    with pytest.raises(ValueError, match=f"id {outside} .* 6 tokens"):
        Vocab(["one", "two"]).decode([4, outside])


def test_membership_covers_listed_and_reserved_tokens_only():
    vocab = Vocab(["one"])
    assert "one" in vocab and "<eos>" in vocab and "two" not in vocab


def test_build_puts_frequent_tokens_first_and_breaks_ties_alphabetically():
    sentences = [["d", "b", "c"], ["c", "a", "b"], ["c"]]
    assert Vocab.build(sentences).tokens[4:] == ("c", "b", "a", "d")
    assert Vocab.build(sentences[::-1]).tokens == Vocab.build(sentences).tokens


def test_build_leaves_out_tokens_seen_too_rarely():
    vocab = Vocab.build([["a", "a", "b"], ["b", "c", "a"]], min_count=2, unknown="unk")
    assert vocab.tokens[4:] == ("a", "b")
    assert vocab.encode(["c", "b"]) == [UNK, 5]


def test_an_unknown_token_is_named_together_with_the_way_out():
    with pytest.raises(ValueError, match="'zwei'.* 5 tokens.*unknown='unk'"):
        Vocab(["one"]).encode(["one", "zwei", "drei"])


def test_an_unknown_token_becomes_unk_where_that_was_asked_for():
    assert Vocab(["one"], unknown="unk").encode(["zwei", "one"]) == [UNK, 4]


def test_an_unknown_policy_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'ignore'.*error, unk"):
        Vocab(["one"], unknown="ignore")


@pytest.mark.parametrize(
    "tokens, twice", [(["a", "b", "a"], "'a'"), (["<eos>"], "'<eos>'")]
)
def test_a_token_cannot_appear_twice_or_take_a_reserved_name(tokens, twice):
    with pytest.raises(ValueError, match=f"{twice} appears twice"):
        Vocab(tokens)
