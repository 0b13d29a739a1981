"""Two tasks that take the bottleneck apart: needle and recall."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_lib.batching import encode
from seq2seq_lib.tasks import Task, make_splits
from seq2seq_lib.tasks.needle import Needle
from seq2seq_lib.tasks.recall import Recall

# --- needle ----------------------------------------------------------------------------


@given(st.integers(1, 23), st.integers(2, 26), st.integers(0, 99), st.data())
def test_the_needle_is_the_only_capital_and_stands_where_it_was_asked_for(
    length, n_classes, seed, data
):
    distance = data.draw(st.integers(0, length - 1))
    task = Needle(length, n_classes, distance)
    example = task.draw(random.Random(seed), length)
    assert len(example.src) == length
    ((t, s),) = example.alignment
    assert t == 0 and length - 1 - s == distance
    assert [token.isupper() for token in example.src] == [i == s for i in range(length)]
    assert example.tgt == (example.src[s].lower(),)


def test_drawn_distances_are_those_given_and_all_of_them():
    rng, task = random.Random(0), Needle(11, 5, distances=(0, 3, 10))
    drawn = [task.draw(rng, 11).alignment for _ in range(200)]
    assert {10 - s for ((_, s),) in drawn} == {0, 3, 10}
    everywhere = [Needle(7).draw(rng, 7).alignment for _ in range(300)]
    assert {s for ((_, s),) in everywhere} == set(range(7))


def test_every_class_is_an_answer_and_a_distractor():
    rng, task = random.Random(0), Needle(7, 3, distances=2)
    drawn = [task.draw(rng, 7) for _ in range(100)]
    assert {e.tgt for e in drawn} == {("a",), ("b",), ("c",)}
    assert {token for e in drawn for token in e.src} == set("abcABC")


def test_the_answer_cannot_be_told_from_the_distractors():
    """Among sources with the answer "a", small letters are as frequent as elsewhere."""
    rng, task = random.Random(0), Needle(41, 4, distances=17)
    drawn = [task.draw(rng, 41) for _ in range(2000)]
    small = [token for e in drawn if e.tgt == ("a",) for token in e.src if token.islower()]
    for symbol in "abcd":
        assert small.count(symbol) / len(small) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"length": 0}, "length must be at least 1, got 0"),
        ({"n_classes": 1}, "n_classes must lie between 2 and 26, got 1"),
        ({"n_classes": 27}, "n_classes must lie between 2 and 26, got 27"),
        ({"length": 5, "distances": 5}, "from 0 to 4 to the end, got 5"),
        ({"length": 5, "distances": (0, -1)}, "from 0 to 4 to the end, got -1"),
        ({"length": 5, "distances": ()}, "from 0 to 4 to the end, got none"),
    ],
)
def test_needle_refuses_what_is_out_of_range(wrong, told):
    with pytest.raises(ValueError, match=told):
        Needle(**wrong)


@pytest.mark.parametrize("src, number", [("abc", 0), ("aBC", 2)])
def test_a_source_needs_exactly_one_needle(src, number):
    with pytest.raises(ValueError, match=f"exactly one needle.* has {number}"):
        Needle(3, 3).example(tuple(src))


def test_needle_has_one_length():
    with pytest.raises(ValueError, match="have 7 tokens, got 6"):
        Needle(7).draw(random.Random(0), 6)


# --- recall ----------------------------------------------------------------------------


@given(st.integers(1, 7), st.integers(0, 99))
def test_the_value_is_that_of_the_key_asked_for(n_pairs, seed):
    task = Recall(max_pairs=7, n_keys=11, n_values=5)
    example = task.draw(random.Random(seed), 2 * n_pairs)
    keys, values = example.src[::2], example.src[1::2]
    assert len(set(keys)) == len(keys) == n_pairs
    key, value = example.tgt
    assert dict(zip(keys, values, strict=True))[key] == value
    ((t, s),) = example.alignment
    assert t == 1 and example.src[s] == value and example.src[s - 1] == key


def test_any_pair_is_asked_for():
    rng, task = random.Random(0), Recall(max_pairs=5)
    asked = [next(iter(task.draw(rng, 10).alignment)) for _ in range(200)]
    assert set(asked) == {(1, s) for s in (1, 3, 5, 7, 9)}


def test_lengths_of_recall_are_even():
    task = Recall(max_pairs=3)
    assert list(task.lengths) == [2, 4, 6]
    for length in (0, 3, 8):
        with pytest.raises(ValueError, match=f"2, 4, 6 tokens.* got {length}"):
            task.draw(random.Random(0), length)


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"max_pairs": 0}, "max_pairs must be at least 1, got 0"),
        ({"max_pairs": 7, "n_keys": 6}, "max_pairs=7 and n_keys=6"),
        ({"n_keys": 27}, "max_pairs=6 and n_keys=27"),
        ({"n_values": 1}, "n_values must lie between 2 and 10, got 1"),
        ({"n_values": 11}, "n_values must lie between 2 and 10, got 11"),
    ],
)
def test_recall_refuses_what_is_out_of_range(wrong, told):
    with pytest.raises(ValueError, match=told):
        Recall(**wrong)


@pytest.mark.parametrize(
    "pairs, key, told",
    [
        ([("a", "1"), ("a", "2")], "a", "keys a, a and asked for a"),
        ([("a", "1")], "b", "keys a and asked for b"),
        ([], "b", "keys none and asked for b"),
    ],
)
def test_recall_refuses_a_question_without_one_answer(pairs, key, told):
    with pytest.raises(ValueError, match=told):
        Recall().example(pairs, key)


# --- both ------------------------------------------------------------------------------

TASKS = [Needle(length=13, n_classes=7), Recall(max_pairs=3, n_keys=7, n_values=5)]


@pytest.fixture(params=TASKS, ids=lambda task: type(task).__name__)
def task(request):
    return request.param


def test_they_keep_the_one_interface(task):
    assert isinstance(task, Task)


def test_they_can_be_split_and_encoded(task):
    splits = make_splits(task, train=60, per_length=3, lengths=task.lengths[-1:])
    sources = [{e.src for e in part} for part in (splits.train, splits.valid, splits.test)]
    assert len(splits.test) == 3 and len(splits.train) == 60
    assert not sources[0] & sources[2] and not sources[1] & sources[2]
    src_vocab, tgt_vocab = task.vocabs()
    for example, pair in zip(
        splits.train, encode(splits.train, src_vocab, tgt_vocab), strict=True
    ):
        assert tuple(src_vocab.decode(pair.src)) == example.src
        assert tuple(tgt_vocab.decode(pair.tgt)) == example.tgt


def test_the_vocabularies_hold_what_is_drawn_and_no_more(task):
    rng, length = random.Random(0), task.lengths[-1]
    drawn = [task.draw(rng, length) for _ in range(400)]
    src_vocab, tgt_vocab = task.vocabs()
    assert {token for e in drawn for token in e.src} == set(src_vocab.tokens[4:])
    assert {token for e in drawn for token in e.tgt} == set(tgt_vocab.tokens[4:])


# --- numbers of NumPy and of tensors; sequences that are no tuples ----------------------

NO_WHOLE_NUMBERS = [3.0, True, "3", np.float64(3), torch.tensor(3.0)]


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.array, torch.tensor])
def test_a_whole_number_is_one_whoever_made_it(kind):
    needle = Needle(kind(7), kind(5), kind(2))
    assert needle.distances == (2,) and needle.symbols == tuple("abcde")
    assert Needle(7, distances=[kind(0), 3]).distances == (0, 3)
    recall = Recall(kind(3), kind(7), kind(5))
    assert list(recall.lengths) == [2, 4, 6] and recall.keys == tuple("abcdefg")
    for made in (needle, recall):
        length = made.lengths[-1]
        drawn = [made.draw(random.Random(1), n) for n in (length, kind(length))]
        assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    "distances", [np.array([0, 3]), torch.tensor([0, 3]), range(0, 4, 3)]
)
def test_distances_may_be_an_array(distances):
    assert Needle(7, distances=distances).distances == (0, 3)


@pytest.mark.parametrize("wrong", [*NO_WHOLE_NUMBERS, None], ids=repr)
def test_sizes_are_whole_numbers(wrong, no_shape_checks):
    for name in ("length", "n_classes"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            Needle(**{name: wrong})
    for name in ("max_pairs", "n_keys", "n_values"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            Recall(**{name: wrong})
    for made in TASKS:
        with pytest.raises(ValueError, match="length must be a whole number"):
            made.draw(random.Random(0), wrong)


@pytest.mark.parametrize("wrong", NO_WHOLE_NUMBERS, ids=repr)
def test_distances_are_whole_numbers(wrong, no_shape_checks):
    for distances in (wrong, [1, wrong]):
        with pytest.raises(ValueError, match="A distance must be a whole number"):
            Needle(7, distances=distances)


def test_examples_of_lists_are_those_of_tuples():
    assert Needle(3).example(list("aBc")) == Needle(3).example(("a", "B", "c"))
    pairs = [["a", "3"], ["b", "7"]]
    assert Recall().example(pairs, "b") == Recall().example([*map(tuple, pairs)], "b")
