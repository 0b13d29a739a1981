"""Ragged pairs to padded batches."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_lib.batching import Batches, Pair, collate, encode, in_order, pad
from seq2seq_lib.tasks import Example
from seq2seq_lib.vocab import BOS, EOS, PAD, UNK, Vocab

ids = st.lists(st.integers(4, 97), min_size=1, max_size=7)
some_pairs = st.lists(st.tuples(ids, ids), min_size=1, max_size=31)


@given(st.lists(ids, min_size=1, max_size=11))
def test_padding_fills_the_end_of_short_rows_and_nothing_else(rows):
    padded = pad(rows)
    assert padded.shape == (len(rows), max(map(len, rows)))
    for row, filled in zip(rows, padded.tolist(), strict=True):
        assert filled == row + [PAD] * (len(filled) - len(row))


def test_padding_names_the_row_that_is_empty():
    with pytest.raises(ValueError, match="Sequence 1 .*empty"):
        pad([[4], [], [5]])


def test_a_batch_needs_a_row():
    with pytest.raises(ValueError, match="at least one sequence, got none"):
        pad([])


def test_collate_shifts_the_target_by_one():
    batch = collate([Pair((7, 8, 9), (5, 6)), Pair((4,), (10, 11, 12))])
    assert batch.src_ids.tolist() == [[7, 8, 9], [4, PAD, PAD]]
    assert batch.src_lengths.tolist() == [3, 1]
    assert batch.tgt_in.tolist() == [[BOS, 5, 6, PAD], [BOS, 10, 11, 12]]
    assert batch.tgt_out.tolist() == [[5, 6, EOS, PAD], [10, 11, 12, EOS]]


def test_masks_are_true_on_real_tokens(batch):
    assert batch.src_mask.dtype == batch.tgt_mask.dtype == torch.bool
    assert batch.src_mask.sum(dim=1).tolist() == [7, 2, 5]
    assert batch.src_mask.sum(dim=1).tolist() == batch.src_lengths.tolist()
    assert batch.tgt_mask.sum(dim=1).tolist() == [4, 12, 2]  # EOS included
    assert batch.n_tokens == 4 + 12 + 2
    assert len(batch) == 3


def test_a_real_unknown_word_is_not_padding():
    batch = collate([Pair((UNK, 4), (UNK,)), Pair((5,), (6,))])
    assert batch.src_mask.tolist() == [[True, True], [True, False]]
    assert batch.n_tokens == 4


def test_collate_refuses_an_empty_source():
    with pytest.raises(ValueError, match="Sequence 1 .*empty"):
        collate([Pair((4,), (5,)), Pair((), (5,))])


def test_encode_looks_up_both_sides():
    examples = [Example(("b", "a"), ("x",)), Example(("a",), ("y", "x"))]
    assert encode(examples, Vocab("ab"), Vocab("xy")) == [
        Pair((5, 4), (4,)),
        Pair((4,), (5, 4)),
    ]


@given(some_pairs, st.integers(1, 13), st.booleans(), st.integers(0, 5))
def test_an_epoch_has_every_pair_exactly_once(pairs, batch_size, bucketed, number):
    pairs = [Pair(tuple(src), tuple(tgt)) for src, tgt in pairs]
    batches = Batches(pairs, batch_size, bucketed, seed=3)
    seen, count = [], 0
    for batch in batches.epoch(number):
        count += 1
        assert 1 <= len(batch) <= batch_size
        for src, n, tgt in zip(
            batch.src_ids.tolist(),
            batch.src_lengths.tolist(),
            batch.tgt_out.tolist(),
            strict=True,
        ):
            seen.append(Pair(tuple(src[:n]), tuple(tgt[: tgt.index(EOS)])))
    assert sorted(seen, key=repr) == sorted(pairs, key=repr)
    assert count == len(batches)


def _order(batches: Batches, number: int) -> list[list[list[int]]]:
    return [batch.src_ids.tolist() for batch in batches.epoch(number)]


@pytest.mark.parametrize("bucketed", [True, False])
def test_the_order_depends_on_the_seed_and_the_epoch_alone(many_pairs, bucketed):
    batches = Batches(many_pairs, 5, bucketed, seed=2)
    again = Batches(many_pairs, 5, bucketed, seed=2)
    other = Batches(many_pairs, 5, bucketed, seed=7)
    first = _order(batches, 0)
    assert _order(batches, 1) != first
    assert _order(batches, 0) == first == _order(again, 0)
    assert _order(other, 0) != first


def _padding_share(batches: Batches) -> float:
    masks = [batch.src_mask for batch in batches.epoch(0)]
    return 1 - sum(int(m.sum()) for m in masks) / sum(m.numel() for m in masks)


def test_buckets_waste_far_less_on_padding(many_pairs):
    bucketed = _padding_share(Batches(many_pairs, 5))
    shuffled = _padding_share(Batches(many_pairs, 5, bucketed=False))
    assert bucketed < shuffled / 2


def test_buckets_hold_neighbouring_lengths_and_come_in_random_order(many_pairs):
    ranges = [
        (int(b.src_lengths.min()), int(b.src_lengths.max()))
        for b in Batches(many_pairs, 5).epoch(0)
    ]
    by_length = sorted(ranges)
    assert ranges != by_length
    for (_, longest), (shortest, _) in zip(by_length, by_length[1:], strict=False):
        assert longest <= shortest


def test_which_similar_sentences_share_a_batch_changes_with_the_epoch():
    pairs = [Pair((i, i), (i,)) for i in range(4, 35)]  # all of one length
    batches = Batches(pairs, 31)
    assert _order(batches, 0) != _order(batches, 1)


def test_in_order_keeps_the_order_and_every_pair(many_pairs):
    lengths = [int(n) for batch in in_order(many_pairs, 7) for n in batch.src_lengths]
    assert lengths == [len(p.src) for p in many_pairs]
    assert [len(batch) for batch in in_order(many_pairs, 7)] == [7, 7, 7, 7, 3]


def test_the_training_set_is_not_touched_by_drawing_epochs(many_pairs):
    before = list(many_pairs)
    batches = Batches(many_pairs, 5)
    list(batches.epoch(0))
    assert many_pairs == before == batches.pairs


def test_no_pairs_and_no_batch_size_are_refused():
    with pytest.raises(ValueError, match="at least one pair"):
        Batches([])
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        Batches([Pair((4,), (5,))], batch_size=0)


@pytest.mark.parametrize("batch_size", [0, -3])
def test_evaluation_batches_need_a_size_too(pairs, batch_size):
    with pytest.raises(ValueError, match=f"batch_size .*at least 1, got {batch_size}"):
        list(in_order(pairs, batch_size))


def test_moving_a_batch_keeps_the_lengths_on_the_cpu(batch):
    moved = batch.to("meta")
    assert moved.src_ids.device.type == moved.tgt_in.device.type == "meta"
    assert moved.tgt_out.device.type == "meta"
    assert moved.src_lengths.device.type == "cpu"
    assert torch.equal(moved.src_lengths, batch.src_lengths)


# --- numbers of NumPy and of tensors ----------------------------------------------------

NO_WHOLE_NUMBERS = [2.0, True, None, "2", np.float64(2), torch.tensor(2.0)]


def test_sizes_and_seeds_of_numpy_are_numbers(many_pairs):
    plain = Batches(many_pairs, 5, seed=2)
    same = Batches(many_pairs, np.int64(5), seed=np.int64(2))
    assert _order(plain, 1) == _order(same, np.int64(1))
    assert len(same) == 7
    sizes = [len(batch) for batch in in_order(many_pairs, torch.tensor(7))]
    assert sizes == [7, 7, 7, 7, 3]


@pytest.mark.parametrize("wrong", NO_WHOLE_NUMBERS, ids=repr)
def test_sizes_and_seeds_are_whole_numbers(many_pairs, wrong, no_shape_checks):
    for options in ({"batch_size": wrong}, {"seed": wrong}):
        with pytest.raises(ValueError, match=f"{next(iter(options))} must be a whole"):
            Batches(many_pairs, **options)
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        list(in_order(many_pairs, wrong))


@pytest.mark.parametrize(
    "row", [np.array([7, 8]), np.array([7, 8], dtype=np.int16), torch.tensor([7, 8])]
)
def test_rows_of_numpy_and_tensors_are_padded(row, no_shape_checks):
    rows = [row, list(row), [9]]
    assert pad(rows).tolist() == [[7, 8], [7, 8], [9, PAD]]
    pair = Pair(tuple(row), tuple(row))
    assert torch.equal(collate([pair]).tgt_out, torch.tensor([[7, 8, EOS]]))


@pytest.mark.parametrize("wrong", NO_WHOLE_NUMBERS, ids=repr)
def test_ids_are_whole_numbers(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="An id must be a whole number, got"):
        pad([[4, 5], [4, wrong]])
    with pytest.raises(ValueError, match="An id must be a whole number, got"):
        collate([Pair((4, wrong), (5,))])


def test_ids_are_not_negative():
    with pytest.raises(ValueError, match="No id is negative, got -3"):
        pad([[4, 5], [4, -3]])
