"""Reading a source: parity with PyTorch's own GRU, and blindness to padding."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from seq2seq_lib.batching import collate
from seq2seq_lib.encoder import Encoder
from seq2seq_lib.vocab import PAD

VOCAB, EMB, HIDDEN = 23, 13, 17


@pytest.fixture(params=[True, False], ids=["two-way", "one-way"])
def encoder(request):
    return Encoder(VOCAB, EMB, HIDDEN, bidirectional=request.param).eval()


def test_shapes_follow_the_batch(encoder, batch):
    encoded = encoder(batch.src_ids, batch.src_lengths)
    directions = 2 if encoder.gru.bidirectional else 1
    assert encoder.enc_dim == directions * HIDDEN
    assert encoded.states.shape == (3, 7, encoder.enc_dim)
    assert encoded.summary.shape == (3, encoder.enc_dim)
    assert torch.equal(encoded.src_mask, batch.src_mask)
    assert encoded.mask is encoded.src_mask  # as assignments say it


def test_each_sentence_gets_what_a_plain_gru_gives_it_alone(encoder, batch):
    encoded = encoder(batch.src_ids, batch.src_lengths)
    for row, n in enumerate(batch.src_lengths.tolist()):
        embedded = encoder.embedding(batch.src_ids[row : row + 1, :n])
        states, last = encoder.gru(embedded)
        assert_close(encoded.states[row, :n], states[0])
        assert_close(encoded.summary[row], last[:, 0].flatten())


def _gru_by_hand(gru: nn.GRU, embedded: torch.Tensor, suffix: str) -> list[torch.Tensor]:
    """The states of one direction, from the equations in nn.GRU's documentation."""
    w_i, w_h = getattr(gru, f"weight_ih_{suffix}"), getattr(gru, f"weight_hh_{suffix}")
    b_i, b_h = getattr(gru, f"bias_ih_{suffix}"), getattr(gru, f"bias_hh_{suffix}")
    h, states = torch.zeros(gru.hidden_size), []
    for x in embedded:
        i_r, i_z, i_n = (w_i @ x + b_i).chunk(3)
        h_r, h_z, h_n = (w_h @ h + b_h).chunk(3)
        r, z = torch.sigmoid(i_r + h_r), torch.sigmoid(i_z + h_z)
        n = torch.tanh(i_n + r * h_n)
        h = (1 - z) * n + z * h
        states.append(h)
    return states


def test_both_directions_follow_the_gru_equations(batch):
    encoder = Encoder(VOCAB, EMB, HIDDEN).eval()
    encoded = encoder(batch.src_ids, batch.src_lengths)
    for row, n in enumerate(batch.src_lengths.tolist()):
        embedded = encoder.embedding(batch.src_ids[row, :n])
        forward = _gru_by_hand(encoder.gru, embedded, "l0")
        backward = _gru_by_hand(encoder.gru, embedded.flip(0), "l0_reverse")[::-1]
        by_hand = torch.cat([torch.stack(forward), torch.stack(backward)], dim=-1)
        assert_close(encoded.states[row, :n], by_hand)
        # Both directions have read the whole sentence: the last, and the first state.
        assert_close(encoded.summary[row], torch.cat([forward[-1], backward[0]]))


def test_a_sentence_alone_is_encoded_as_in_a_batch(encoder, batch, pairs):
    together = encoder(batch.src_ids, batch.src_lengths)
    for row, pair in enumerate(pairs):
        one = collate([pair])
        alone = encoder(one.src_ids, one.src_lengths)
        n = len(pair.src)
        assert_close(together.states[row, :n], alone.states[0])
        assert_close(together.summary[row], alone.summary[0])


def test_what_stands_under_the_padding_changes_nothing(encoder, batch, poison):
    clean = encoder(batch.src_ids, batch.src_lengths)
    poisoned = encoder(poison(batch).src_ids, batch.src_lengths)
    for before, after in zip(clean, poisoned, strict=True):
        assert torch.equal(before, after)


def test_states_are_zero_on_padding(encoder, batch):
    states = encoder(batch.src_ids, batch.src_lengths).states
    assert torch.all(states[~batch.src_mask] == 0)
    assert torch.all(states[batch.src_mask].abs().sum(dim=-1) > 0)


def test_wider_padding_than_the_longest_sentence_needs_is_kept(encoder, batch):
    wider = torch.cat([batch.src_ids, torch.full((3, 4), PAD)], dim=1)
    encoded = encoder(wider, batch.src_lengths)
    narrow = encoder(batch.src_ids, batch.src_lengths)
    assert encoded.states.shape[1] == encoded.src_mask.shape[1] == 11
    assert torch.equal(encoded.states[:, :7], narrow.states)
    assert not encoded.src_mask[:, 7:].any()


def test_the_order_of_the_rows_does_not_matter(encoder, batch):
    order = torch.tensor([2, 0, 1])
    encoded = encoder(batch.src_ids, batch.src_lengths)
    permuted = encoder(batch.src_ids[order], batch.src_lengths[order])
    assert_close(permuted.states, encoded.states[order])
    assert_close(permuted.summary, encoded.summary[order])


def test_no_gradient_reaches_what_stands_under_the_padding(batch, poison):
    encoder = Encoder(VOCAB, EMB, HIDDEN)
    poisoned = poison(batch).src_ids
    encoded = encoder(poisoned, batch.src_lengths)
    (encoded.states.sum() + encoded.summary.sum()).backward()
    read = set(poisoned[batch.src_mask].tolist())
    touched = encoder.embedding.weight.grad.abs().sum(dim=1).nonzero().flatten()
    assert set(touched.tolist()) == read


def test_dropout_acts_in_training_only(batch):
    encoder = Encoder(VOCAB, EMB, HIDDEN, dropout=0.5)
    asked = [encoder(batch.src_ids, batch.src_lengths).summary for _ in range(2)]
    assert not torch.equal(*asked)
    encoder.eval()
    asked = [encoder(batch.src_ids, batch.src_lengths).summary for _ in range(2)]
    assert torch.equal(*asked)


def test_one_length_per_row_is_demanded(encoder, batch, no_shape_checks):
    with pytest.raises(ValueError, match="3 rows but src_lengths has 2"):
        encoder(batch.src_ids, batch.src_lengths[:2])


@pytest.mark.parametrize("lengths, found", [([7, 0, 5], "0 to 7"), ([8, 2, 5], "2 to 8")])
def test_a_length_must_fit_its_row(encoder, batch, lengths, found):
    with pytest.raises(ValueError, match=f"between 1 and src_len=7, got {found}"):
        encoder(batch.src_ids, torch.tensor(lengths))
