"""Putting a model together, counting it, measuring its loss."""

import json
import math
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest
import torch

import seq2seq_lib.encoder
from seq2seq_lib.attention import (
    MECHANISMS,
    Additive,
    Concat,
    Coverage,
    Dot,
    FixedContext,
    General,
    LocalMonotonic,
    LocalPredictive,
    Location,
    MultiHead,
    Uniform,
)
from seq2seq_lib.batching import collate
from seq2seq_lib.model import (
    ModelConfig,
    Seq2Seq,
    build_model,
    evaluating,
    n_parameters,
    token_loss,
    widen,
)
from seq2seq_lib.vocab import PAD

# --- the configuration -----------------------------------------------------------------


def test_an_unknown_attention_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'multihead'.*fixed, uniform, additive, dot"):
        ModelConfig(23, 29, attention="multihead")


@pytest.mark.parametrize(
    "name", ["src_vocab_size", "tgt_vocab_size", "emb_dim", "enc_hidden", "dec_hidden"]
)
def test_a_size_below_one_is_refused_by_name(make_config, name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        make_config(**{name: 0})


NO_SIZES = [1e3, 5.0, np.float64(5), True, np.True_, None, "5", math.nan, [5]]


@pytest.mark.parametrize("value", NO_SIZES, ids=repr)
@pytest.mark.parametrize("name", ["src_vocab_size", "emb_dim", "enc_hidden"])
def test_what_is_no_size_is_named(make_config, no_shape_checks, name, value):
    with pytest.raises(ValueError, match=f"^{name} must be a whole number, got"):
        make_config(**{name: value})


@pytest.mark.parametrize("value", [math.nan, np.nan, math.inf, True, None, "0.1"], ids=repr)
def test_what_is_no_rate_is_named(make_config, no_shape_checks, value):
    with pytest.raises(ValueError, match="^dropout must be a finite number, got"):
        make_config(dropout=value)


@pytest.mark.parametrize("value", ["no", None, 2, "True"], ids=repr)
def test_reading_both_ways_is_a_yes_or_a_no(make_config, no_shape_checks, value):
    with pytest.raises(ValueError, match="^bidirectional must be True or False, got"):
        make_config(bidirectional=value)


def test_numbers_of_numpy_and_tensors_become_pythons(make_config, no_shape_checks):
    given = make_config(
        emb_dim=np.int64(13),
        enc_hidden=np.uint8(17),
        dec_hidden=torch.tensor(19),
        bidirectional=np.True_,
        dropout=np.float32(0.5),
    )
    assert given == make_config(dropout=0.5)
    kinds = {type(value) for value in vars(given).values() if value is not None}
    assert kinds == {int, float, bool, str}
    assert json.loads(json.dumps(asdict(given))) == asdict(given)
    assert build_model(given, seed=np.int64(3)).n_parameters == n_parameters(given)


@pytest.mark.parametrize("seed", [None, 1.0, True, 2**64], ids=repr)
def test_a_seed_is_a_whole_number(make_config, no_shape_checks, seed):
    with pytest.raises(ValueError, match="^seed must "):
        build_model(make_config(), seed)


@pytest.mark.parametrize("name", [None, ["dot"], 3, "Dot"], ids=repr)
def test_an_attention_that_is_no_name_lists_the_names(no_shape_checks, name):
    with pytest.raises(ValueError, match="is not an option; choose one of fixed, uniform"):
        ModelConfig(23, 29, attention=name)


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_must_be_a_probability_below_one(make_config, dropout):
    with pytest.raises(ValueError, match=f"dropout .* got {dropout}"):
        make_config(dropout=dropout)


def test_a_configuration_cannot_be_changed_by_accident(make_config):
    with pytest.raises(FrozenInstanceError):
        make_config().emb_dim = 7


def test_dot_attention_needs_states_of_one_size(make_config):
    with pytest.raises(ValueError, match="query_dim=19 and enc_dim=34"):
        build_model(make_config("dot", dec_hidden=19))
    build_model(make_config("dot", bidirectional=False, dec_hidden=17))


# --- building --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, module",
    list(
        zip(
            MECHANISMS,
            (
                *(FixedContext, Uniform, Additive, Dot, Dot, General, Concat, Location),
                *(LocalMonotonic, LocalPredictive, Coverage, MultiHead),
            ),
            strict=True,
        )
    ),
)
def test_a_name_stands_for_a_module(make_model, name, module):
    assert type(make_model(name).decoder.attention) is module


def test_the_configuration_reaches_every_part(make_config):
    model = build_model(make_config("additive", bidirectional=False, dropout=0.3))
    encoder, decoder = model.encoder, model.decoder
    assert encoder.embedding.weight.shape == (23, 13)
    assert decoder.embedding.weight.shape == (29, 13)
    assert (encoder.gru.hidden_size, encoder.gru.bidirectional) == (17, False)
    assert (decoder.cell.input_size, decoder.cell.hidden_size) == (13 + 17, 19)
    assert decoder.output.weight.shape == (29, 19 + 17 + 13)
    assert encoder.dropout.p == decoder.dropout.p == 0.3


def test_a_model_says_what_it_was_built_from(make_config):
    config = make_config("additive", dropout=0.3)
    model = build_model(config)
    assert model.config is config
    assert Seq2Seq(model.encoder, model.decoder).config is None


def test_every_configuration_has_a_text_of_its_own(make_config):
    changes = (
        *({"attention": name, "dec_hidden": 34} for name in MECHANISMS),
        {"query": "after"},
        {"bidirectional": False},
        {"dropout": 0.5},
        {"emb_dim": 11},
    )
    texts = {str(build_model(make_config(**change))) for change in changes}
    assert len(texts) == len(changes)


def test_models_differ_in_their_attention_and_in_nothing_else(make_model):
    fixed = {name: p.shape for name, p in make_model("fixed").named_parameters()}
    additive = {name: p.shape for name, p in make_model("additive").named_parameters()}
    for name in additive.keys() - fixed.keys():
        assert name.startswith("decoder.attention.")
    assert {name: additive[name] for name in fixed} == fixed


def _same_weights(one, other) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_seed_decides_the_weights(make_config, attention):
    config = make_config(attention)
    assert _same_weights(build_model(config, seed=3), build_model(config, seed=3))
    assert not _same_weights(build_model(config, seed=3), build_model(config, seed=4))


def test_building_leaves_the_random_state_as_it_was(make_config, monkeypatch):
    monkeypatch.setattr(torch.cuda, "manual_seed_all", _not_to_be_seeded)
    before = torch.get_rng_state()
    build_model(make_config(), seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def _not_to_be_seeded(seed):
    raise AssertionError("the GPUs' random state belongs to the reader")


# --- where the model lives -------------------------------------------------------------


def test_a_model_is_built_on_the_cpu_unless_told_otherwise(make_config, monkeypatch):
    monkeypatch.delenv("SEQ2SEQ_DEVICE", raising=False)
    assert build_model(make_config()).device.type == "cpu"


def test_the_environment_names_the_device(make_config, monkeypatch):
    monkeypatch.setenv("SEQ2SEQ_DEVICE", "meta")
    assert build_model(make_config()).device.type == "meta"


@pytest.mark.parametrize("name", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_named(make_config, monkeypatch, name):
    monkeypatch.setenv("SEQ2SEQ_DEVICE", name)
    with pytest.raises(ValueError, match=f"SEQ2SEQ_DEVICE='{name}'.*unset it"):
        build_model(make_config())


# --- counting --------------------------------------------------------------------------


def test_parameters_are_counted_without_a_model(make_config, attention):
    config = make_config(attention)
    model = build_model(config)
    counted = sum(p.numel() for p in model.parameters())
    assert n_parameters(config) == model.n_parameters == counted


def test_parameters_that_training_may_not_change_do_not_count(make_model):
    model = make_model()
    frozen = model.encoder.embedding.weight.requires_grad_(False)
    whole = sum(p.numel() for p in model.parameters())
    assert model.n_parameters == whole - frozen.numel()


def test_widening_stops_at_the_first_size_that_is_large_enough(make_config):
    wanted = n_parameters(make_config("additive"))
    narrow = make_config("fixed")
    wide = widen(narrow, wanted)
    assert n_parameters(wide) >= wanted > n_parameters(narrow)
    one_less = replace(wide, enc_hidden=wide.enc_hidden - 1, dec_hidden=wide.dec_hidden - 1)
    assert n_parameters(one_less) < wanted
    assert wide.enc_hidden - 17 == wide.dec_hidden - 19
    assert replace(wide, enc_hidden=17, dec_hidden=19) == narrow


@pytest.mark.parametrize("steps", range(4))
def test_widening_stops_where_the_number_is_reached_exactly(make_config, steps):
    narrow = make_config("fixed")
    wide = replace(narrow, enc_hidden=17 + steps, dec_hidden=19 + steps)
    assert widen(narrow, n_parameters(wide)) == wide
    assert widen(narrow, n_parameters(wide) + 1).enc_hidden == 18 + steps


@pytest.mark.parametrize("attention", ["dot", "dot_unscaled"])
@pytest.mark.parametrize("two_way, width", [(True, 34), (False, 17)])
def test_widening_keeps_sizes_that_must_agree_in_step(
    make_config, attention, two_way, width
):
    narrow = make_config(attention, bidirectional=two_way, dec_hidden=width)
    wanted = 2 * n_parameters(narrow)
    wide = widen(narrow, wanted)
    assert wide.dec_hidden == wide.enc_dim
    assert build_model(wide).n_parameters >= wanted
    less = wide.enc_hidden - 1
    one_less = replace(wide, enc_hidden=less, dec_hidden=less * width // 17)
    assert n_parameters(one_less) < wanted


def test_widening_sizes_that_do_not_agree_says_what_to_do(make_config):
    with pytest.raises(ValueError, match="choose dec_hidden equal to enc_dim"):
        widen(make_config("dot", dec_hidden=19), 10**5)


@pytest.mark.parametrize("wanted", [math.inf, math.nan, None, "many", 10**13], ids=repr)
def test_widening_always_ends(make_config, no_shape_checks, wanted):
    with pytest.raises(ValueError, match="^at_least must be"):
        widen(make_config(), wanted)


def test_widening_far_takes_no_longer(make_config, no_shape_checks):
    wide = widen(make_config(), np.int64(10**12))
    assert n_parameters(wide) >= 10**12
    assert wide.enc_hidden - 17 == wide.dec_hidden - 19


def test_a_model_that_is_large_enough_is_not_widened(make_config):
    assert widen(make_config("additive"), 1) == make_config("additive")


# --- evaluating ------------------------------------------------------------------------


def _modes(model) -> list[bool]:
    return [module.training for module in model.modules()]


def test_inside_nothing_is_dropped_and_after_it_every_mode_is_back(make_model):
    model = make_model(dropout=0.5).train()
    model.encoder.eval()  # as one does with a part that shall not learn
    before = _modes(model)
    assert set(before) == {True, False}
    with evaluating(model):
        assert not any(_modes(model))
    assert _modes(model) == before


def test_the_mode_comes_back_after_an_error(make_model):
    model = make_model().train()
    with pytest.raises(KeyboardInterrupt), evaluating(model):
        raise KeyboardInterrupt
    assert all(_modes(model))


# --- the loss --------------------------------------------------------------------------


def test_the_loss_is_the_mean_over_the_real_tokens(make_model, batch, attention):
    logits = make_model(attention)(batch).logits
    surprises = [
        -logits[row, t].log_softmax(dim=-1)[token].item()
        for row, tokens in enumerate(batch.tgt_out.tolist())
        for t, token in enumerate(tokens)
        if token != PAD
    ]
    assert len(surprises) == batch.n_tokens == 18
    assert token_loss(logits, batch).item() == pytest.approx(sum(surprises) / 18)
    assert token_loss(logits, batch, "sum").item() == pytest.approx(sum(surprises))


def test_logits_on_padding_do_not_count(make_model, batch):
    logits = make_model()(batch).logits.detach().requires_grad_()
    token_loss(logits, batch).backward()
    assert torch.all(logits.grad[~batch.tgt_mask] == 0)
    assert torch.all(logits.grad[batch.tgt_mask].abs().sum(dim=-1) > 0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_sum_over_many_tokens_is_not_rounded_to_half_precision(many_pairs, dtype):
    batch = collate(many_pairs)
    logits = torch.zeros(*batch.tgt_out.shape, 29, dtype=dtype)
    found = token_loss(logits, batch, "sum").item()
    assert found == pytest.approx(batch.n_tokens * math.log(29), rel=1e-5)


def test_knowing_nothing_costs_the_logarithm_of_the_vocabulary(make_model, batch):
    model = make_model()
    torch.nn.init.zeros_(model.decoder.output.weight)
    torch.nn.init.zeros_(model.decoder.output.bias)
    assert token_loss(model(batch).logits, batch).item() == pytest.approx(math.log(29))


def test_logits_of_another_batch_are_refused(make_model, batch, pairs):
    logits = make_model()(collate(pairs[:2])).logits
    with pytest.raises(ValueError, match=r"for \(2, 12\).*batch has \(3, 12\)"):
        token_loss(logits, batch)


def test_every_parameter_gets_a_gradient(make_model, batch, attention):
    model = make_model(attention)
    token_loss(model(batch).logits, batch).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


# --- other devices ---------------------------------------------------------------------


@pytest.fixture
def without_packing(monkeypatch):
    """PyTorch cannot unpack on the meta device; everything else can run there."""

    def pack(embedded, lengths, **_):
        assert lengths.device.type == "cpu"  # or packing on a GPU would fail
        return embedded

    module = seq2seq_lib.encoder
    monkeypatch.setattr(module, "pack_padded_sequence", pack)
    monkeypatch.setattr(module, "pad_packed_sequence", lambda states, **_: (states, None))


def test_nothing_is_tied_to_the_cpu(make_model, batch, attention, without_packing):
    model, batch = make_model(attention).to("meta"), batch.to("meta")
    assert model.device.type == "meta"
    answers = model(batch)
    assert answers.logits.device.type == answers.weights.device.type == "meta"
    assert answers.logits.shape == (3, 12, 29)
    loss = token_loss(answers.logits, batch)
    loss.backward()
    assert loss.device.type == "meta"
    assert all(p.grad.device.type == "meta" for p in model.parameters())


def test_a_batch_on_another_device_is_not_silently_moved(make_model, batch):
    with pytest.raises((RuntimeError, NotImplementedError)):
        make_model().to("meta")(batch)
