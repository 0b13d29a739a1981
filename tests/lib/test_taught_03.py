"""Chapter 03: the recurrent networks and the encoder built by hand are those that run."""

from typing import Any

import pytest
import torch
from by_hand import chapter_path, run_taught
from torch import Tensor, nn
from torch.testing import assert_close

from seq2seq_lib.encoder import Encoder

BATCH, SRC, EMB, HIDDEN = 3, 7, 5, 11


@pytest.fixture(scope="module")
def by_hand() -> dict[str, Any]:
    """What the chapter defines, by name."""
    return run_taught(chapter_path("03"))


@pytest.fixture
def embedded() -> Tensor:
    return torch.randn(BATCH, SRC, EMB)


def test_the_plain_network_by_hand_is_pytorchs(by_hand, embedded):
    rnn = nn.RNN(EMB, HIDDEN, batch_first=True)
    states, _ = rnn(embedded)
    assert_close(by_hand["rnn_by_hand"](embedded, rnn.all_weights[0]), states)


def test_every_step_of_the_gru_by_hand_is_pytorchs(by_hand, embedded):
    gru = nn.GRU(EMB, HIDDEN, batch_first=True)
    states, _ = gru(embedded)
    state = torch.zeros(BATCH, HIDDEN)
    for j in range(SRC):
        state = by_hand["gru_step"](embedded[:, j], state, gru.all_weights[0])
        assert_close(state, states[:, j])


def test_one_step_of_the_gru_by_hand_is_a_gru_cell(by_hand):
    cell = nn.GRUCell(EMB, HIDDEN)
    token, state = torch.randn(BATCH, EMB), torch.randn(BATCH, HIDDEN)
    weights = cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh
    assert_close(by_hand["gru_step"](token, state, weights), cell(token, state))


@pytest.mark.parametrize("backward", [False, True])
def test_reading_by_hand_is_reading_each_sentence_alone(by_hand, embedded, backward):
    gru = nn.GRU(EMB, HIDDEN, batch_first=True)
    lengths = [SRC, 2, 1]
    mask = torch.arange(SRC) < torch.tensor(lengths)[:, None]
    embedded[~mask] = 1000.0  # nobody may read this
    states, last = by_hand["read_by_hand"](embedded, mask, gru.all_weights[0], backward)
    for b, length in enumerate(lengths):
        real = embedded[b : b + 1, :length]
        expected, end = gru(real.flip(1) if backward else real)
        assert_close(states[b, :length], (expected.flip(1) if backward else expected)[0])
        assert torch.all(states[b, length:] == 0.0)
        assert_close(last[b], end[0, 0])


def test_the_encoder_by_hand_is_the_librarys(by_hand, batch):
    encoder = Encoder(23, 13, 17)
    encoded = encoder(batch.src_ids, batch.src_lengths)
    assert len(batch.src_lengths.unique()) > 1  # there is padding
    states, summary = by_hand["encode_by_hand"](encoder, batch.src_ids, batch.src_lengths)
    assert_close(states, encoded.states)
    assert_close(summary, encoded.summary)
