"""Which state asks, and who says the previous word."""

import pytest
import torch
from torch.testing import assert_close

from seq2seq_lib.decoder import Decoder, words_only
from seq2seq_lib.hooks.checkpoints import Checkpoint
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.training import TrainConfig, fit, train_step
from seq2seq_lib.vocab import BOS, PAD

# --- the query -------------------------------------------------------------------------


def two(make_model, attention):
    """The same parameters with both conventions of the query."""
    before, after = make_model(attention), make_model(attention, query="after")
    after.load_state_dict(before.state_dict())
    return before, after


def test_after_looks_again_with_the_new_state(make_model, batch, attention):
    _, model = two(make_model, attention)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    unrolled = model.decoder.unroll(batch.tgt_in, encoded)
    memory = model.decoder.attention.memory(encoded)
    _, expected = model.decoder.attention(unrolled.dec_states, *memory)
    assert_close(unrolled.weights, expected)


def test_before_looks_with_the_state_of_the_step_before(make_model, batch, attention):
    model, _ = two(make_model, attention)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    unrolled = model.decoder.unroll(batch.tgt_in, encoded)
    memory = model.decoder.attention.memory(encoded)
    first = model.decoder.initial_state(encoded)[:, None]
    queries = torch.cat([first, unrolled.dec_states[:, :-1]], dim=1)
    _, expected = model.decoder.attention(queries, *memory)
    assert_close(unrolled.weights, expected)


def test_the_cell_is_fed_the_same_in_both(make_model, batch, attention):
    """So the states agree, and only the look of the output layer differs."""
    before, after = (model(batch) for model in two(make_model, attention))
    if attention != "coverage":  # which remembers the second look, and feeds the first
        assert_close(before.dec_states, after.dec_states)
    if attention in ("fixed", "uniform"):  # nothing to ask
        assert_close(before.logits, after.logits)
    else:
        assert not torch.allclose(before.logits, after.logits)
    if attention not in ("local_m", "coverage"):  # who know that it is one look later
        assert_close(before.weights[:, 1:], after.weights[:, :-1])


def test_one_step_and_a_whole_target_agree(make_model, batch):
    model = make_model("additive", query="after")
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    memory, state = (
        model.decoder.attention.memory(encoded),
        model.decoder.initial_state(encoded),
    )
    unrolled = model.decoder.unroll(batch.tgt_in, encoded)
    for t in range(batch.tgt_in.shape[1]):
        step = model.decoder.step(batch.tgt_in[:, t], state, memory)
        state = step.dec_state
        assert_close(step.logits, unrolled.logits[:, t])


def test_an_unknown_query_is_refused(make_config, no_shape_checks):
    with pytest.raises(ValueError, match="query='during'.*before, after"):
        make_config("additive", query="during")
    with pytest.raises(ValueError, match="query='during'.*before, after"):
        Decoder(7, 3, 5, 11, attention=None, query="during")  # type: ignore[arg-type]


def test_a_checkpoint_of_the_other_query_is_refused(tmp_path, make_model, many_pairs):
    from seq2seq_lib.batching import Batches

    path, config = tmp_path / "run.pt", TrainConfig(updates=2)
    batches = Batches(many_pairs, batch_size=11)
    fit(make_model("additive"), batches, config, [Checkpoint(path)], progress=False)
    with pytest.raises(ValueError, match="holds another model.*query"):
        fit(
            make_model("additive", query="after"),
            batches,
            config,
            [Checkpoint(path)],
            progress=False,
        )


# --- teacher forcing ---------------------------------------------------------------------


def test_without_a_teacher_every_step_reads_the_models_own_word(make_model, batch):
    model = make_model("additive")
    free = model(batch, teacher_forcing=0.0)
    own = words_only(free.logits).argmax(dim=-1)
    tgt_in = torch.cat([torch.full((3, 1), BOS), own[:, :-1]], dim=1)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    forced = model.decoder.unroll(tgt_in, encoded)
    for mine, its in zip(free, forced, strict=True):
        assert_close(mine, its)


def test_no_step_reads_padding_or_the_beginning_as_its_own_word(make_model, batch):
    """They are no words, whatever their score, and decoding never writes them."""
    model = make_model("additive")
    with torch.no_grad():
        model.decoder.output.bias[[PAD, BOS]] = 100.0
    free = model(batch, teacher_forcing=0.0)
    own = words_only(free.logits[:, :-1]).argmax(dim=-1)
    assert not ((own == PAD) | (own == BOS)).any()
    tgt_in = torch.cat([torch.full((3, 1), BOS), own], dim=1)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    assert_close(free.logits, model.decoder.unroll(tgt_in, encoded).logits)


def test_a_rate_between_reads_each_word_from_one_of_the_two(make_model, batch):
    model = make_model("additive")
    torch.manual_seed(5)
    mixed = model(batch, teacher_forcing=0.5)
    torch.manual_seed(5)
    chosen = torch.rand(batch.tgt_in.shape) < 0.5
    said = words_only(mixed.logits[:, :-1]).argmax(dim=-1)
    own = torch.cat([torch.full((3, 1), BOS), said], dim=1)
    chosen[:, 0] = True
    assert chosen[:, 1:].any() and not chosen[:, 1:].all()
    tgt_in = torch.where(chosen, batch.tgt_in, own)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    assert_close(mixed.logits, model.decoder.unroll(tgt_in, encoded).logits)


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_out_of_range_is_refused(make_model, batch, rate):
    with pytest.raises(ValueError, match="teacher_forcing must lie between 0 and 1"):
        make_model("additive")(batch, teacher_forcing=rate)
    with pytest.raises(ValueError, match="teacher_forcing must lie between 0 and 1"):
        TrainConfig(updates=1, teacher_forcing=rate)


def test_training_uses_the_rate(make_model, batch):
    losses = []
    for rate in (1.0, 0.0):
        model = make_model("additive")
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        losses.append(train_step(model, batch, optimizer, 1.0, rate))
    assert losses[0] != pytest.approx(losses[1])


def test_a_run_with_mixed_words_can_be_repeated(many_pairs):
    from seq2seq_lib.batching import Batches

    def losses():
        config = ModelConfig(23, 29, emb_dim=5, enc_hidden=7, dec_hidden=11)
        history = fit(
            build_model(config),
            Batches(many_pairs, batch_size=11),
            TrainConfig(updates=7, teacher_forcing=0.5),
            progress=False,
        )
        return history.losses

    assert losses() == losses()
