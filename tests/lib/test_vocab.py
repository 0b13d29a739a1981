"""Tokens to ids and back."""

import numpy as np
import pytest
import torch
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


# --- words that look like control ids, numbers of other libraries, texts ------------------


@pytest.mark.parametrize("name", SPECIALS)
def test_no_text_is_a_control_id(name):
    with pytest.raises(ValueError, match=f"'{name}' is a reserved name.*unknown='unk'"):
        Vocab(["a"]).encode(["a", name])
    assert Vocab(["a"], unknown="unk").encode(["a", name]) == [4, UNK]


@pytest.mark.parametrize("unknown", ["error", "unk"])
def test_reserved_names_in_a_corpus_are_unknown_words(unknown):
    vocab = Vocab.build([["a", "<eos>", "<pad>"], ["<unk>", "a", "b", "<bos>"]], 1, unknown)
    assert vocab.tokens == (*SPECIALS, "a", "b")


@pytest.mark.parametrize(
    "ids", [np.array([4, 5, EOS, 4]), torch.tensor([4, 5, EOS]), [np.int64(4), np.uint8(5)]]
)
def test_ids_of_numpy_and_of_tensors_are_ids(ids):
    assert Vocab(["one", "two"]).decode(ids) == ["one", "two"]


@pytest.mark.parametrize("wrong", [4.0, True, None, "4", torch.tensor(4.0), np.float32(5)])
def test_what_is_no_whole_number_is_no_id(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="An id must be a whole number, got"):
        Vocab(["one", "two"]).decode([4, wrong])


@pytest.mark.parametrize("unknown", ["error", "unk"])
def test_a_text_is_not_its_tokens(unknown):
    vocab = Vocab(["ein", "hund"], unknown)
    with pytest.raises(ValueError, match="tokens, got the text 'ein hund'; split it"):
        vocab.encode("ein hund")
    with pytest.raises(ValueError, match=r"lists of tokens; split \['ein hund'\] first"):
        Vocab.build(["ein hund"], unknown=unknown)


def test_a_text_is_its_tokens_where_every_token_is_a_character():
    assert Vocab("abc").encode("cab") == [6, 4, 5]


@pytest.mark.parametrize("wrong", [5, None, b"one", ["one"]])
def test_a_token_is_a_text(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="A text is wanted, got"):
        Vocab([wrong])
    with pytest.raises(ValueError, match="A text is wanted, got"):
        Vocab(["one"], unknown="unk").encode(["one", wrong])


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, None])
def test_tokens_are_kept_from_a_whole_number_of_times_on(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="min_count must be "):
        Vocab.build([["a"]], wrong)
    assert len(Vocab.build([["a", "a", "b"]], np.int64(2))) == 5
