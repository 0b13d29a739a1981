"""Alignment error rate: counted by hand, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_lib.metrics import alignment_error_rate, links
from seq2seq_lib.tasks import Example
from seq2seq_lib.tasks.numbers import LANGUAGES, Numbers, kind

EXAMPLE = Example(("twenty", "one"), ("ein", "und", "zwanzig"), frozenset({(0, 1), (2, 0)}))


def test_links_are_the_arg_max_of_every_row():
    weights = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
    assert links(weights) == {(0, 1), (1, 0)}


@pytest.mark.parametrize("shape", [(3,), (2, 0), (1, 2, 3)])
def test_links_need_a_table(shape):
    with pytest.raises(ValueError, match="table"):
        links(np.zeros(shape))


@pytest.mark.parametrize(
    "predicted, expected",
    [
        ({(0, 1), (2, 0)}, 0.0),  # the gold alignment
        ({(0, 1), (1, 0), (2, 0)}, 1 - 4 / 5),  # one link too many
        ({(0, 1)}, 1 - 2 / 3),  # one missing
        ({(0, 0), (2, 1)}, 1.0),  # all wrong
        (set(), 1.0),
    ],
)
def test_aer_counted_by_hand(predicted, expected):
    assert alignment_error_rate([predicted], [EXAMPLE]) == pytest.approx(expected)


def test_aer_counts_over_the_corpus_not_over_sentences():
    single = Example(("one",), ("eins",), frozenset({(0, 0)}))
    found = alignment_error_rate([{(0, 1), (2, 0)}, {(0, 0)}], [EXAMPLE, single])
    assert found == 0.0
    found = alignment_error_rate([{(0, 0), (2, 1)}, {(0, 0)}], [EXAMPLE, single])
    assert found == pytest.approx(1 - 2 / 6)  # the mean of sentences would be 1/2


def test_only_the_named_positions_count():
    predicted = [{(0, 1), (1, 0), (2, 1)}]
    assert alignment_error_rate(predicted, [EXAMPLE], [[0]]) == 0.0
    assert alignment_error_rate(predicted, [EXAMPLE], [[2]]) == 1.0


@given(st.integers(1, 10**12 - 1))
def test_the_gold_alignment_has_no_error_and_the_empty_one_is_all_error(n):
    example = Numbers().example(n)
    assert alignment_error_rate([example.alignment], [example]) == 0.0
    assert alignment_error_rate([set()], [example]) == 1.0


@pytest.mark.parametrize(
    "predicted, examples, positions, said",
    [
        ([{(3, 0)}], [EXAMPLE], None, r"link \(target 3, source 0\) lies outside"),
        ([{(0, 2)}], [EXAMPLE], None, r"source 2\) lies outside"),
        ([{(-1, 0)}], [EXAMPLE], None, "lies outside"),
        ([set()], [EXAMPLE], [[3]], "Position 3 lies outside"),
        ([set()], [EXAMPLE], [[1]], "no gold link"),
        ([set()], [Example(("a",), ("b",))], None, "no gold alignment"),
        ([set()], [Example(("a",), ("b",), frozenset())], None, "no gold link"),
        ([set(), set()], [EXAMPLE], None, "2 hypotheses and 1 references"),
        ([], [], None, "nothing to score"),
    ],
)
def test_what_cannot_be_scored_is_refused(predicted, examples, positions, said):
    with pytest.raises(ValueError, match=said):
        alignment_error_rate(predicted, examples, positions)


# --- numbers of NumPy and of tensors ------------------------------------------------------

WEIGHTS = torch.tensor([[0.1, 0.9], [0.7, 0.3], [0.8, 0.2]])
KINDS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", KINDS)
def test_links_of_a_tensor_of_any_kind(dtype):
    expected = {(0, 1), (1, 0), (2, 0)}
    assert links(WEIGHTS.to(dtype)) == expected
    assert links(WEIGHTS.to(dtype).requires_grad_()) == expected
    assert all(type(t) is type(s) is int for t, s in links(WEIGHTS.to(dtype)))


@pytest.mark.parametrize("wrong", [None, "ab", [[0.1, 0.9]], 0.5])
def test_links_need_weights(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="Weights must be a table"):
        links(wrong)


@pytest.mark.parametrize("weights", [WEIGHTS, WEIGHTS.numpy()])
def test_links_are_numbers_whoever_made_them(weights):
    example = Example(("a", "b"), ("x", "y", "z"), frozenset({(0, 1), (1, 0), (2, 0)}))
    found = set(enumerate(weights.argmax(-1)))
    assert alignment_error_rate([found], [example]) == 0.0
    assert alignment_error_rate([[*found, *found]], [example]) == 0.0  # each counts once
    rows = type(weights.argmax(-1))
    pairs = torch.tensor(sorted(links(weights)))
    pairs = pairs if rows is torch.Tensor else pairs.numpy()
    assert alignment_error_rate([pairs], [example], [pairs[:2, 0]]) == 0.0
    wrong = set(enumerate(weights.argmin(-1)))
    assert alignment_error_rate([wrong], [example]) == 1.0


def test_a_gold_alignment_of_tensors_is_one(no_shape_checks):
    gold = frozenset(enumerate(WEIGHTS.argmax(-1)))
    example = Example(("a", "b"), ("x", "y", "z"), gold)
    assert alignment_error_rate([links(WEIGHTS)], [example]) == 0.0


@pytest.mark.parametrize("wrong", [1.0, True, None, "1", np.float64(1), torch.tensor(1.0)])
def test_other_positions_are_refused(wrong, no_shape_checks):
    for link in ((0, wrong), (wrong, 0)):
        with pytest.raises(ValueError, match="position must be a whole number, got"):
            alignment_error_rate([[link]], [EXAMPLE])
    with pytest.raises(ValueError, match="A position must be a whole number, got"):
        alignment_error_rate([set()], [EXAMPLE], [[wrong]])


@pytest.mark.parametrize("wrong", [0, (0,), (0, 1, 2), None, "0-1", torch.tensor(1)])
def test_a_link_is_a_pair(wrong, no_shape_checks):
    with pytest.raises(ValueError, match=r"A link is a pair \(target position, source"):
        alignment_error_rate([[wrong]], [EXAMPLE])


# --- which words carry content ------------------------------------------------------------


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_word_of_the_vocabulary_has_a_kind(code):
    other = "de" if code == "en" else "en"
    words = Numbers(code, other).vocabs()[0].tokens[4:]
    kinds = {word: kind(word, code) for word in words}
    assert {"value", "hundred", "scale", "connector"} == set(kinds.values())


def test_kinds_of_german_words():
    kinds = {word: kind(word, "de") for word in "eins ein zehn elf achtzig".split()}
    assert set(kinds.values()) == {"value"}
    assert kind("milliarden", "de") == "scale" and kind("hundert", "de") == "hundred"


@pytest.mark.parametrize("token, code", [("four", "de"), ("<eos>", "de")])
def test_a_word_that_is_no_number_word_has_no_kind(token, code):
    with pytest.raises(ValueError, match="is not a number word in 'de'"):
        kind(token, code)
