"""What is taken away from attention, and nothing else; counting words by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from experiments import ibm1, number_words
from experiments.ablated import BUILT_FROM, build
from seq2seq_lib.batching import Pair, collate, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.model import bias_update_gates, build_model
from seq2seq_lib.tasks.numbers import Numbers

EXAMPLES = [Numbers().example(n) for n in (7, 21, 4871, 914_327)]
BATCH = collate(encode(EXAMPLES, *Numbers().vocabs()))
every = pytest.mark.parametrize("mechanism", BUILT_FROM)


def unrolled(model):
    encoded = model.encoder(BATCH.src_ids, BATCH.src_lengths)
    return encoded, model.decoder.unroll(BATCH.tgt_in, encoded)


@every
def test_none_has_fewer_parameters_than_attention(mechanism):
    additive = build("additive", 16).n_parameters
    used = {p for p in build(mechanism, 16).parameters() if p.requires_grad}
    assert additive <= sum(p.numel() for p in used) <= 1.06 * additive


@every
def test_each_can_be_trained_and_decoded(mechanism):
    model = build(mechanism, 16, gate=1.0, seed=3)
    model(BATCH).logits.sum().backward()
    assert model.decoder.cell.weight_ih.grad.abs().sum() > 0
    sources = [e.src for e in EXAMPLES]
    assert len(translate(model, sources, *Numbers().vocabs())) == len(EXAMPLES)


@every
def test_decoding_step_by_step_gives_the_scores_of_training(mechanism):
    model = build(mechanism, 16, seed=3)
    encoded, whole = unrolled(model)
    state = model.decoder.initial_state(encoded)
    memory = model.decoder.attention.memory(encoded)
    for t in range(BATCH.tgt_in.shape[1]):
        step = model.decoder.step(BATCH.tgt_in[:, t], state, memory)
        state = step.dec_state
        assert_close(step.logits, whole.logits[:, t])


def test_the_deaf_look_alike_at_every_step_and_not_everywhere():
    _, found = unrolled(build("deaf", 16))
    assert_close(found.weights, found.weights[:, :1].expand_as(found.weights))
    assert found.weights[-1, 0].std() > 1e-4


def test_frozen_is_the_first_look_of_attention():
    model, frozen = build("additive", 16, seed=5), build("frozen", 16, seed=5)
    encoded, looking = unrolled(model)
    first = torch.bmm(looking.weights[:, :1], encoded.states)
    assert_close(frozen.decoder.attention.memory(encoded).values, first)


def test_once_gets_a_context_in_its_first_state_and_never_again():
    model = build("once", 16)
    encoded, _ = unrolled(model)
    context, _ = model.decoder.look(
        model.decoder.initial_state(encoded), model.decoder.attention.memory(encoded)
    )
    assert context.shape[1] == encoded.states.shape[2] and not context.any()
    size = encoded.states.shape[2]
    moved = encoded._replace(summary=encoded.summary + torch.eye(2 * size)[-1])
    first = model.decoder.initial_state(encoded)
    assert not torch.equal(model.decoder.initial_state(moved), first)


def test_the_diagonal_knows_its_step_and_forgets_it_with_the_source():
    model = build("diagonal", 16)
    with torch.no_grad():
        model.decoder.attention.log_width.fill_(-2.0)
    for _ in range(2):
        _, found = unrolled(model)
        assert found.weights[-1].argmax(dim=-1).tolist()[:8] == list(range(8))


def test_update_gates_begin_by_keeping():
    config = build("additive", 16).config
    plain, biased = build_model(config, 2), bias_update_gates(build_model(config, 2), 1.5)
    for before, after in (
        (plain.encoder.gru.bias_ih_l0, biased.encoder.gru.bias_ih_l0),
        (plain.encoder.gru.bias_ih_l0_reverse, biased.encoder.gru.bias_ih_l0_reverse),
        (plain.decoder.cell.bias_ih, biased.decoder.cell.bias_ih),
    ):
        third = len(before) // 3
        assert_close(
            after[third : 2 * third] - before[third : 2 * third], torch.full((third,), 1.5)
        )
        assert torch.equal(after[:third], before[:third])
        assert torch.equal(after[2 * third :], before[2 * third :])
    same = dict(plain.named_parameters())
    for name, parameter in biased.named_parameters():
        assert "bias_ih" in name or torch.equal(parameter, same[name])
    with pytest.raises(ValueError, match="bias"):
        bias_update_gates(plain, float("nan"))


def test_hits_are_stored_by_length(monkeypatch):
    said = [EXAMPLES[0].tgt, (), EXAMPLES[2].tgt[:-1], EXAMPLES[3].tgt, EXAMPLES[0].tgt]

    def translations(model, sources, *vocabs):
        return [SimpleNamespace(tokens=tokens) for tokens in said]

    monkeypatch.setattr(number_words, "translate", translations)
    found = number_words.hits(None, [*EXAMPLES, Numbers().example(9)])
    assert found == {"1": "10", "2": "0", str(len(EXAMPLES[2].src)): "0"} | {
        str(len(EXAMPLES[3].src)): "1"
    }


# --- IBM Model 1 -----------------------------------------------------------------------


def test_one_round_by_hand():
    """das Haus / the house, das Buch / the book: equal shares with the empty word."""
    pairs = [Pair((1, 2), (1, 2)), Pair((1, 3), (1, 3))]
    found = ibm1.fit(pairs, rounds=1)
    # Source word 1 stands in both pairs: a third of each of four target words.
    assert found[:, 1] == pytest.approx([0, 0.5, 0.25, 0.25])
    assert found[:, 2] == pytest.approx([0, 0.5, 0.5, 0])


def test_many_rounds_find_which_words_go_together():
    pairs = [Pair((1, 2), (2, 1)), Pair((1, 3), (3, 1)), Pair((2, 3), (3, 2))]
    found = ibm1.fit(pairs, rounds=30)
    assert np.diag(found[:, :4])[1:].min() > 0.9
    assert ibm1.links(found, pairs[0]) == {(0, 1), (1, 0)}


def test_a_word_of_every_sentence_belongs_to_the_empty_word():
    pairs = [Pair((n,), (n, 9)) for n in range(1, 8)]
    found = ibm1.fit(pairs, rounds=30)
    assert ibm1.links(found, pairs[2]) == {(0, 0)}
