"""The opponent of the bench is a model that is right, not one that is easy to beat."""

import torch

from experiments.timing.step_loop import StepLoop
from seq2seq_lib.batching import Batches, Pair, collate
from seq2seq_lib.decoder import words_only
from seq2seq_lib.decoding import greedy
from seq2seq_lib.model import ModelConfig, token_loss
from seq2seq_lib.training import TrainConfig, fit

CONFIG = ModelConfig(9, 11, emb_dim=6, enc_hidden=5, dec_hidden=7)
PAIRS = [Pair((4, 5, 6)[: n % 3 + 1], (7, 8, 9, 10)[: n % 4 + 1]) for n in range(12)]


def test_padding_changes_no_score():
    model = StepLoop(CONFIG).eval()
    alone, both = collate(PAIRS[:1]), collate(PAIRS[:4])
    steps = alone.tgt_in.shape[1]
    assert torch.allclose(model(both).logits[:1, :steps], model(alone).logits, atol=1e-6)
    weights = model(both).weights
    assert torch.allclose(weights.sum(-1), torch.tensor(1.0))
    assert not weights[~both.src_mask[:, None].expand_as(weights)].any()


def test_a_later_word_changes_no_earlier_score():
    model, batch = StepLoop(CONFIG).eval(), collate(PAIRS[3:4])
    before = model(batch).logits
    batch.tgt_in[0, 2] = 10
    after = model(batch).logits
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.equal(before[:, 2], after[:, 2])


def test_a_search_scores_what_training_scored():
    model, batch = StepLoop(CONFIG).eval(), collate(PAIRS)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    memory = model.decoder.memory(encoded)
    state, wanted = model.decoder.initial_state(encoded), model(batch)
    for t in range(batch.tgt_in.shape[1]):
        step = model.decoder.step(batch.tgt_in[:, t], state, memory)
        state = step.dec_state
        assert torch.allclose(step.logits, wanted.logits[:, t], atol=1e-6)
        assert torch.allclose(step.weights, wanted.weights[:, t], atol=1e-6)
    answer = greedy(model, batch.src_ids, batch.src_lengths, 5)
    assert torch.equal(answer.ids[:, 0], words_only(wanted.logits[:, 0]).argmax(-1))


def test_it_learns():
    model, batch = StepLoop(CONFIG), collate(PAIRS)
    before = token_loss(model(batch).logits, batch).item()
    fit(model, Batches(PAIRS, 4), TrainConfig(60, lr=1e-2), progress=False)
    assert token_loss(model(batch).logits, batch).item() < 0.5 * before
