"""Luong's wiring: its equations, one call for all steps, and what its feeding carries."""

from dataclasses import asdict

import pytest
import torch
from torch.testing import assert_close

from seq2seq_lib.attention import Uniform
from seq2seq_lib.batching import Batches, collate
from seq2seq_lib.decoder import Carried, Decoder, LuongDecoder, hidden_of, words_only
from seq2seq_lib.decoding import greedy
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.hooks.checkpoints import Checkpoint
from seq2seq_lib.hooks.early_stop import StopAfter
from seq2seq_lib.interventions import edited, frozen, one_at_a_time, shift
from seq2seq_lib.model import ModelConfig, bias_update_gates, build_model, widen
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.vocab import BOS, EOS, PAD

VOCAB, EMB, HIDDEN, ENC = 29, 13, 19, 17


@pytest.fixture(params=[False, True], ids=["unfed", "fed"])
def fed(request):
    """Without input feeding and with it."""
    return request.param


@pytest.fixture
def model(make_model, attention, fed):
    """Luong's wiring around every mechanism."""
    return make_model(attention, wiring="luong", input_feeding=fed)


def encode(model, batch):
    return model.encoder(batch.src_ids, batch.src_lengths)


# --- the equations ---------------------------------------------------------------------


def test_a_step_follows_the_equations(fed):
    torch.manual_seed(1)
    decoder = LuongDecoder(VOCAB, EMB, HIDDEN, ENC, Uniform(), input_feeding=fed).eval()
    mask = torch.tensor([[True, True, False]])
    states = torch.randn(1, 3, ENC).masked_fill(~mask[:, :, None], 0.0)
    encoded = Encoded(states, torch.randn(1, ENC), mask)
    memory, unit = decoder.attention.memory(encoded), decoder.gru

    s = torch.tanh(decoder.initial.weight @ encoded.summary[0] + decoder.initial.bias)
    c = (states[0, 0] + states[0, 1]) / 2
    vector = torch.zeros(HIDDEN)
    dec_state = decoder.initial_state(encoded)
    assert_close(hidden_of(dec_state)[0], s)
    for token in (11, 7, 23):
        e = decoder.embedding.weight[token]
        x = torch.cat([e, vector]) if fed else e
        i_r, i_z, i_n = (unit.weight_ih_l0 @ x + unit.bias_ih_l0).chunk(3)
        h_r, h_z, h_n = (unit.weight_hh_l0 @ s + unit.bias_hh_l0).chunk(3)
        z = torch.sigmoid(i_z + h_z)
        n = torch.tanh(i_n + torch.sigmoid(i_r + h_r) * h_n)
        s = (1 - z) * n + z * s
        vector = torch.tanh(decoder.combine.weight @ torch.cat([c, s]))
        logits = decoder.output.weight @ vector + decoder.output.bias

        step = decoder.step(torch.tensor([token]), dec_state, memory)
        dec_state = step.dec_state
        assert_close(hidden_of(dec_state)[0], s)
        assert_close(step.context[0], c)
        assert_close(step.logits[0], logits)


def test_the_query_is_the_state_after_the_step(make_model, batch, fed):
    model = make_model("general", wiring="luong", input_feeding=fed)
    unrolled = model(batch)
    memory = model.decoder.attention.memory(encode(model, batch))
    _, expected = model.decoder.attention(unrolled.dec_states, *memory)
    assert_close(unrolled.weights, expected)


def test_unroll_equals_a_loop_of_steps(model, batch):
    encoded = encode(model, batch)
    answers, decoder = model.decoder.unroll(batch.tgt_in, encoded), model.decoder
    memory = decoder.attention.memory(encoded)
    dec_state = decoder.initial_state(encoded)
    for t in range(batch.tgt_in.shape[1]):
        step = decoder.step(batch.tgt_in[:, t], dec_state, memory)
        dec_state = step.dec_state
        assert_close(answers.logits[:, t], step.logits)
        assert_close(answers.weights[:, t], step.weights)
        assert_close(answers.dec_states[:, t], hidden_of(dec_state))


def test_without_feeding_a_target_is_one_call_of_the_unit_and_one_look(
    make_model, batch, fed, monkeypatch
):
    model, calls = make_model("dot", wiring="luong", input_feeding=fed), []
    for part in (model.decoder.gru, model.decoder.attention):
        part.register_forward_hook(lambda part, *_: calls.append(type(part).__name__))
    model(batch)
    once = batch.tgt_in.shape[1] if fed else 1
    assert sorted(calls) == ["Dot"] * once + ["GRU"] * once


def test_without_feeding_no_state_depends_on_the_look(make_model, batch, fed):
    model = make_model("additive", wiring="luong", input_feeding=fed)
    before, after = model(batch), edited(model, shift)(batch)
    assert not torch.allclose(before.logits, after.logits)
    assert torch.equal(before.dec_states, after.dec_states) != fed


# --- what holds for every decoder ------------------------------------------------------


def test_a_sentence_alone_is_scored_as_in_a_batch(model, batch, pairs):
    answers = model(batch)
    for row, pair in enumerate(pairs):
        alone, n = model(collate([pair])), len(pair.tgt) + 1
        assert_close(answers.logits[row, :n], alone.logits[0])
        slots = alone.weights.shape[-1]
        assert_close(answers.weights[row, :n, :slots], alone.weights[0])
        assert not answers.weights[row, :, slots:].any()


def test_what_stands_under_the_padding_changes_nothing(model, batch, poison):
    clean, poisoned = model(batch), model(poison(batch))
    assert torch.equal(clean.logits[batch.tgt_mask], poisoned.logits[batch.tgt_mask])


def test_a_step_cannot_see_later_tokens(model, batch):
    changed = batch.tgt_in.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % VOCAB
    encoded = encode(model, batch)
    now, later = (model.decoder.unroll(ids, encoded) for ids in (batch.tgt_in, changed))
    assert_close(now.logits[:, :5], later.logits[:, :5])
    assert not torch.allclose(now.logits[:, 5], later.logits[:, 5])


def test_greedy_is_a_loop_that_reads_everything_again(model, batch):
    decoded = greedy(model, batch.src_ids, batch.src_lengths, max_len=5)
    encoded = encode(model, batch)
    prefix = torch.full((3, 1), BOS)
    for t in range(decoded.ids.shape[1]):
        logits = model.decoder.unroll(prefix, encoded).logits[:, -1]
        best = words_only(logits).argmax(dim=-1)
        ended = (prefix == EOS).any(dim=1)
        assert torch.equal(decoded.ids[:, t], best.masked_fill(ended, PAD))
        prefix = torch.cat([prefix, best[:, None]], dim=1)


def test_without_a_teacher_every_step_reads_the_models_own_word(make_model, batch, fed):
    model = make_model("coverage", wiring="luong", input_feeding=fed)
    free = model(batch, teacher_forcing=0.0)
    own = words_only(free.logits).argmax(dim=-1)
    tgt_in = torch.cat([torch.full((3, 1), BOS), own[:, :-1]], dim=1)
    forced = model.decoder.unroll(tgt_in, encode(model, batch))
    for mine, its in zip(free, forced, strict=True):
        assert_close(mine, its)


def test_every_parameter_gets_a_finite_gradient(model, batch):
    model(batch).logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    assert model.decoder.gru.weight_ih_l0.grad.abs().sum() > 0
    assert model.decoder.combine.weight.grad.abs().sum() > 0


# --- what is carried -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, how, carries",
    [
        ("additive", {}, (False, False)),
        ("additive", {"wiring": "luong"}, (False, False)),
        ("additive", {"wiring": "luong", "input_feeding": True}, (True, False)),
        ("coverage", {}, (False, True)),
        ("local_m", {"wiring": "luong"}, (False, True)),
        ("coverage", {"wiring": "luong", "input_feeding": True}, (True, True)),
    ],
)
def test_a_state_is_a_tensor_unless_more_goes_on(make_model, batch, name, how, carries):
    model = make_model(name, **how)
    encoded = encode(model, batch)
    memory = model.decoder.attention.memory(encoded)
    first = model.decoder.initial_state(encoded)
    dec_state = model.decoder.step(batch.tgt_in[:, 0], first, memory).dec_state
    if not any(carries):
        assert isinstance(dec_state, torch.Tensor)
        return
    assert isinstance(dec_state, Carried)
    assert (dec_state.fed is not None, dec_state.past is not None) == carries
    chosen = dec_state[torch.tensor([2, 2, 0, 1])]
    for part in ("hidden", "fed", "past"):
        its = getattr(dec_state, part)
        if its is not None:
            assert torch.equal(getattr(chosen, part), its[[2, 2, 0, 1]])


def test_feeding_does_not_go_on_from_a_hidden_state_alone(make_model, batch):
    model = make_model("additive", wiring="luong", input_feeding=True)
    encoded = encode(model, batch)
    memory = model.decoder.attention.memory(encoded)
    hidden = hidden_of(model.decoder.initial_state(encoded))
    with pytest.raises(ValueError, match="Input feeding goes on from the dec_state"):
        model.decoder.step(batch.tgt_in[:, 0], hidden, memory)


# --- weights changed on purpose --------------------------------------------------------


def test_an_edit_that_changes_nothing_changes_nothing(model, batch):
    same = edited(model, lambda weights, mask: weights)
    found, expected = same(batch), model(batch)
    for mine, its in zip(found, expected, strict=True):
        assert_close(mine, its)
    assert_close(one_at_a_time(model, batch, lambda w, m: w), expected.logits)


def test_a_frozen_look_is_the_first_at_every_step(make_model, batch, attention, fed):
    model = make_model(attention, wiring="luong", input_feeding=fed)
    encoded = encode(model, batch)
    first = hidden_of(model.decoder.initial_state(encoded))[:, None]
    _, looked = model.decoder.attention(first, *model.decoder.attention.memory(encoded))
    weights = frozen(model)(batch).weights
    assert_close(weights, looked.expand_as(weights))


# --- training --------------------------------------------------------------------------


def learned(model, many_pairs, updates=60) -> float:
    """The loss at the end as a share of the loss at the beginning."""
    config = TrainConfig(updates=updates, lr=0.01, warmup=5)
    history = fit(model, Batches(many_pairs, batch_size=16), config, progress=False)
    return sum(history.losses[-5:]) / sum(history.losses[:5])


def test_every_mechanism_learns(make_model, attention, many_pairs):
    assert learned(make_model(attention, wiring="luong"), many_pairs) < 0.8


@pytest.mark.parametrize("name", ["general", "coverage"])
def test_feeding_learns(make_model, name, many_pairs):
    model = make_model(name, wiring="luong", input_feeding=True)
    assert learned(model, many_pairs) < 0.8


@pytest.mark.parametrize(
    "name, how",
    [
        ("coverage", {"wiring": "luong", "input_feeding": True}),
        ("local_m", {}),
        ("local_p", {"wiring": "luong"}),
        ("location", {}),
        ("multi_head", {}),
        ("concat", {}),
    ],
)
def test_a_run_goes_on_from_its_checkpoint(tmp_path, make_model, many_pairs, name, how):
    batches, config = Batches(many_pairs, batch_size=11), TrainConfig(updates=5)
    whole, halved = make_model(name, **how), make_model(name, **how)
    fit(whole, batches, config, progress=False)
    path = tmp_path / "run.pt"
    hooks = [Checkpoint(path), StopAfter(2)]
    fit(make_model(name, **how), batches, config, hooks, progress=False)
    fit(halved, batches, config, [Checkpoint(path)], progress=False)
    for mine, its in zip(halved.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, its)


def test_a_checkpoint_of_the_other_wiring_is_refused(tmp_path, make_model, many_pairs):
    batches, config = Batches(many_pairs, batch_size=11), TrainConfig(updates=2)
    path = tmp_path / "run.pt"
    fit(make_model("dot"), batches, config, [Checkpoint(path)], progress=False)
    other = make_model("dot", wiring="luong")
    with pytest.raises(ValueError, match="holds another model"):
        fit(other, batches, config, [Checkpoint(path)], progress=False)


# --- the configuration -----------------------------------------------------------------


def test_the_wiring_decides_the_decoder_and_who_asks(make_config):
    for wiring, kind, query in (
        ("bahdanau", Decoder, "before"),
        ("luong", LuongDecoder, "after"),
    ):
        config = make_config("additive", wiring=wiring)
        assert config.query == query
        assert type(build_model(config).decoder) is kind
    assert build_model(
        make_config(wiring="luong", input_feeding=True)
    ).decoder.input_feeding


@pytest.mark.parametrize(
    "options, said",
    [
        ({"wiring": "star"}, "wiring='star' .* bahdanau, luong"),
        ({"wiring": "luong", "query": "before"}, "after the step.*instead of 'before'"),
        ({"input_feeding": True}, "Luong's wiring.*instead of 'bahdanau'"),
        (
            {"wiring": "luong", "input_feeding": "yes"},
            "input_feeding must be True or False",
        ),
        ({"window": 3}, "window=3 is for local_m and local_p; attention is 'additive'"),
        ({"attention": "local_m", "window": 0}, "window must be at least 1, got 0"),
        ({"attention": "multi_head", "heads": 0}, "heads must be at least 1, got 0"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, said, no_shape_checks):
    with pytest.raises(ValueError, match=said):
        ModelConfig(23, 29, **options)


def test_heads_that_do_not_divide_the_decoder_are_refused():
    with pytest.raises(ValueError, match="19 is no multiple of 4"):
        build_model(ModelConfig(23, 29, "multi_head", dec_hidden=19, heads=4))


def test_a_configuration_comes_back_from_what_is_stored():
    plain = ModelConfig(23, 29)
    assert plain.query == "before" and plain.wiring == "bahdanau" and plain.heads is None
    chosen = ModelConfig(23, 29, "local_p", window=3, wiring="luong", input_feeding=True)
    for config in (plain, chosen):
        again = ModelConfig(**asdict(config))
        assert again == config and hash(again) == hash(config) and str(again) == str(config)
    assert chosen != plain


def test_every_choice_has_a_text_of_its_own(make_config):
    luong = {"wiring": "luong"}
    configs = [
        make_config("local_m", dec_hidden=34, window=2),
        make_config("local_m", dec_hidden=34, window=3),
        make_config("local_p", dec_hidden=34, window=3),
        make_config("location", dec_hidden=34, positions=7),
        make_config("location", dec_hidden=34, positions=9),
        make_config("multi_head", heads=2),
        make_config("multi_head", heads=17),
        make_config("multi_head", heads=17, **luong),
        make_config("multi_head", heads=17, input_feeding=True, **luong),
    ]
    assert len({str(build_model(config)) for config in configs}) == len(configs)


def test_update_gates_begin_by_keeping_in_this_wiring_too(make_model):
    model = make_model("dot", wiring="luong")
    before = model.decoder.gru.bias_ih_l0.detach().clone()
    bias_update_gates(model, 1.5)
    change, hidden = model.decoder.gru.bias_ih_l0 - before, model.decoder.gru.hidden_size
    assert_close(change[hidden : 2 * hidden], torch.full((hidden,), 1.5))
    assert not change[:hidden].any() and not change[2 * hidden :].any()


@pytest.mark.parametrize("name, how", [("multi_head", {"heads": 2}), ("dot", {})])
def test_a_wider_model_can_be_built(make_config, name, how):
    config = make_config(name, wiring="luong", **how)
    size = build_model(config).n_parameters
    wider = widen(config, 2 * size)
    assert build_model(wider).n_parameters >= 2 * size
