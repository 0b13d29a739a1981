"""Writing a target: the equations, `step` = `unroll`, blindness to padding and to the
future."""

import pytest
import torch
from torch.nn.functional import softmax
from torch.testing import assert_close

from seq2seq_lib.attention import Uniform
from seq2seq_lib.batching import collate
from seq2seq_lib.decoder import Decoder, hidden_of
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.vocab import PAD

VOCAB, EMB, HIDDEN, ENC = 29, 13, 19, 17


@pytest.fixture
def unrolled(make_model, attention, batch):
    model = make_model(attention)
    return model, model(batch)


def test_shapes_follow_the_batch(unrolled, attention):
    model, answers = unrolled
    slots = 1 if attention == "fixed" else 7
    assert answers.logits.shape == (3, 12, VOCAB)
    assert answers.weights.shape == (3, 12, slots)
    assert model.decoder.cell.hidden_size in (34, 19)
    assert answers.dec_states.shape == (3, 12, model.decoder.cell.hidden_size)


def test_unroll_equals_a_loop_of_steps(unrolled, batch):
    model, answers = unrolled
    decoder = model.decoder
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    memory = decoder.attention.memory(encoded)
    dec_state = decoder.initial_state(encoded)
    for t in range(batch.tgt_in.shape[1]):
        step = decoder.step(batch.tgt_in[:, t], dec_state, memory)
        dec_state = step.dec_state
        assert_close(answers.logits[:, t], step.logits)
        assert_close(answers.weights[:, t], step.weights)
        assert_close(answers.dec_states[:, t], hidden_of(dec_state))


def test_a_sentence_alone_is_scored_as_in_a_batch(unrolled, pairs):
    model, answers = unrolled
    for row, pair in enumerate(pairs):
        alone = model(collate([pair]))
        n = len(pair.tgt) + 1
        slots = alone.weights.shape[2]
        assert_close(answers.logits[row, :n], alone.logits[0])
        assert_close(answers.weights[row, :n, :slots], alone.weights[0])


def test_what_stands_under_the_padding_changes_nothing(unrolled, batch, poison):
    model, answers = unrolled
    poisoned = model(poison(batch))
    assert torch.equal(answers.logits[batch.tgt_mask], poisoned.logits[batch.tgt_mask])
    assert torch.equal(answers.weights[batch.tgt_mask], poisoned.weights[batch.tgt_mask])


def test_weights_are_zero_on_source_padding_at_every_step(unrolled, batch, attention):
    _, answers = unrolled
    assert_close(answers.weights.sum(dim=-1), torch.ones(3, 12))
    if attention != "fixed":
        padding = ~batch.src_mask[:, None, :].expand_as(answers.weights)
        assert torch.all(answers.weights[padding] == 0.0)


def test_a_step_cannot_see_later_tokens(unrolled, batch):
    model, answers = unrolled
    changed = batch.tgt_in.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % VOCAB
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    later = model.decoder.unroll(changed, encoded)
    assert torch.equal(later.logits[:, :5], answers.logits[:, :5])
    assert not torch.equal(later.logits[:, 5], answers.logits[:, 5])


@pytest.fixture
def by_hand():
    """A decoder over a single source whose two real states and summary are known."""
    torch.manual_seed(1)
    decoder = Decoder(VOCAB, EMB, HIDDEN, ENC, Uniform()).eval()
    mask = torch.tensor([[True, True, False]])
    states = torch.randn(1, 3, ENC).masked_fill(~mask[:, :, None], 0.0)
    return decoder, Encoded(states, torch.randn(1, ENC), mask)


def test_the_first_state_is_made_from_the_summary(by_hand):
    decoder, encoded = by_hand
    expected = torch.tanh(
        decoder.initial.weight @ encoded.summary[0] + decoder.initial.bias
    )
    assert_close(decoder.initial_state(encoded)[0], expected)


def test_a_step_follows_the_equations(by_hand):
    decoder, encoded = by_hand
    s = decoder.initial_state(encoded)[0]
    e = decoder.embedding.weight[11]
    c = (encoded.states[0, 0] + encoded.states[0, 1]) / 2
    cell, x = decoder.cell, torch.cat([e, c])
    i_r, i_z, i_n = (cell.weight_ih @ x + cell.bias_ih).chunk(3)
    h_r, h_z, h_n = (cell.weight_hh @ s + cell.bias_hh).chunk(3)
    z = torch.sigmoid(i_z + h_z)
    n = torch.tanh(i_n + torch.sigmoid(i_r + h_r) * h_n)
    s_next = (1 - z) * n + z * s
    logits = decoder.output.weight @ torch.cat([s_next, c, e]) + decoder.output.bias

    memory = decoder.attention.memory(encoded)
    step = decoder.step(torch.tensor([11]), s[None], memory)
    assert_close(step.context[0], c)
    assert_close(step.dec_state[0], s_next)
    assert_close(step.logits[0], logits)


def test_the_query_is_the_state_before_the_step(make_model, batch, monkeypatch):
    model = make_model("additive")
    attention, queries = model.decoder.attention, []
    scores = attention.scores
    monkeypatch.setattr(attention, "scores", lambda q, k: queries.append(q) or scores(q, k))
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    states = model.decoder.unroll(batch.tgt_in, encoded).dec_states
    before = [model.decoder.initial_state(encoded), *states.unbind(dim=1)[:-1]]
    for query, state in zip(queries, before, strict=True):
        assert_close(query[:, 0], state)


def test_the_keys_are_projected_once_for_a_whole_target(make_model, batch, monkeypatch):
    model = make_model("additive")
    attention, calls = model.decoder.attention, []
    project = attention.project_keys
    monkeypatch.setattr(
        attention, "project_keys", lambda states: calls.append(1) or project(states)
    )
    model(batch)
    assert len(calls) == 1


def test_with_a_fixed_context_the_source_speaks_through_its_summary_only(make_model, batch):
    decoder = make_model("fixed").decoder
    encoded = Encoded(torch.randn(3, 7, 34), torch.randn(3, 34), batch.src_mask)
    answers = decoder.unroll(batch.tgt_in, encoded)
    other = encoded._replace(states=torch.randn(3, 7, 34))
    assert torch.equal(answers.logits, decoder.unroll(batch.tgt_in, other).logits)


def test_padding_has_an_embedding_of_zeros_that_never_learns(make_model, batch):
    model = make_model().train()
    for embedding in (model.encoder.embedding, model.decoder.embedding):
        assert torch.all(embedding.weight[PAD] == 0)
    model(batch).logits.sum().backward()
    for embedding in (model.encoder.embedding, model.decoder.embedding):
        assert torch.all(embedding.weight.grad[PAD] == 0)
        assert embedding.weight.grad.abs().sum() > 0


def test_dropout_acts_in_training_only(make_model, batch):
    model = make_model(dropout=0.5)
    assert torch.equal(model(batch).logits, model(batch).logits)
    model.train()
    assert not torch.equal(model(batch).logits, model(batch).logits)


def test_probabilities_are_over_the_vocabulary(unrolled):
    _, answers = unrolled
    assert_close(softmax(answers.logits, dim=-1).sum(dim=-1), torch.ones(3, 12))


def test_targets_of_another_batch_give_no_numbers(unrolled, batch, no_shape_checks):
    model, _ = unrolled
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    with pytest.raises(RuntimeError, match="[Ss]izes of tensors must match"):
        model.decoder.unroll(batch.tgt_in[:2], encoded)
