"""The output layer: one linear map, or a maxout layer before tied embeddings."""

import pytest
import torch

from seq2seq_lib.batching import Pair, collate
from seq2seq_lib.model import ModelConfig, build_model, evaluating
from seq2seq_lib.output import DeepOutput
from seq2seq_lib.training import train_step
from seq2seq_lib.vocab import PAD

BATCH = collate([Pair((5, 6, 7), (8, 9)), Pair((4, 5), (6,))])


def tied(**options):
    return build_model(
        ModelConfig(11, 13, emb_dim=6, enc_hidden=5, dec_hidden=7, output="tied", **options)
    )


def test_by_hand():
    embedding = torch.nn.Embedding(3, 2, padding_idx=PAD)
    layer = DeepOutput(2, embedding)
    with torch.no_grad():
        layer.hidden.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]]))
        layer.hidden.bias.zero_()
        layer.bias.copy_(torch.tensor([0.0, 10, 20]))
    words = torch.tensor([[0.0, 0], [1, 2], [3, -1]])
    # features (4, 5): the pairs (4, 5) and (-4, -5) give t = (5, -4).
    logits = layer(torch.tensor([[4.0, 5]]), words)
    assert logits.tolist() == [[0, 10 + 5 - 8, 20 + 15 + 4]]


@pytest.mark.parametrize("wiring", ["bahdanau", "luong"])
def test_words_are_scored_by_the_embeddings_that_are_read(wiring):
    model = tied(wiring=wiring)
    with evaluating(model):
        before = model(BATCH).logits
        model.decoder.output.bias.data[9] += 1
        after = model(BATCH).logits
        assert torch.allclose((after - before)[..., 9], torch.tensor(1.0))
        # Token 12 is read nowhere in this batch: its embedding changes its score alone.
        model.decoder.embedding.weight.data[12] += 1
        changed = (model(BATCH).logits != after).any(dim=(0, 1))
        assert changed.nonzero().flatten().tolist() == [12]


def test_a_step_and_a_whole_target_agree_and_learn():
    model = tied()
    losses = [
        train_step(model, BATCH, torch.optim.Adam(model.parameters(), 0.01), 1.0)
        for _ in range(2)
    ]
    assert losses[1] < losses[0]
    with evaluating(model):
        encoded = model.encoder(BATCH.src_ids, BATCH.src_lengths)
        memory = model.decoder.attention.memory(encoded)
        state, steps = model.decoder.initial_state(encoded), []
        for t in range(BATCH.tgt_in.shape[1]):
            steps.append(model.decoder.step(BATCH.tgt_in[:, t], state, memory))
            state = steps[-1].dec_state
        alone = torch.stack([step.logits for step in steps], dim=1)
        assert torch.allclose(alone, model(BATCH).logits, atol=1e-6)


def test_it_has_few_parameters_and_padding_stays_zero():
    linear = build_model(ModelConfig(6000, 6000, emb_dim=16, enc_hidden=8, dec_hidden=8))
    deep = build_model(
        ModelConfig(6000, 6000, emb_dim=16, enc_hidden=8, dec_hidden=8, output="tied")
    )
    assert deep.n_parameters < 0.7 * linear.n_parameters
    assert not deep.decoder.embedding.weight[PAD].any()


def test_the_output_layer_may_have_a_dropout_of_its_own():
    model = tied(dropout=0.0, output_dropout=0.9).train()
    torch.manual_seed(0)
    assert not torch.equal(model(BATCH).logits, model(BATCH).logits)
    model = tied(dropout=0.9, output_dropout=0.0)
    features = torch.ones(2, 7 + 10 + 6)
    model.train()
    assert torch.equal(model.decoder.score(features), model.decoder.score(features))


def test_options_are_checked():
    with pytest.raises(ValueError, match="output='deep' is not an option; .* linear, tied"):
        ModelConfig(5, 5, output="deep")
    with pytest.raises(ValueError, match="output_dropout must be at least 0 and below 1"):
        ModelConfig(5, 5, output_dropout=1.0)
