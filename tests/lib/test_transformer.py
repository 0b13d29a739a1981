"""The Transformer: parity with PyTorch, no look ahead, the same loop and searches."""

import math
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from seq2seq_lib.attention import Memory, masked_softmax, weighted_sum
from seq2seq_lib.batching import Batches, collate, encode
from seq2seq_lib.decoding import beam_search, greedy, translate
from seq2seq_lib.hooks.checkpoints import Checkpoint
from seq2seq_lib.hooks.early_stop import StopAfter
from seq2seq_lib.interventions import edited, frozen, one_at_a_time, rewrite, shift
from seq2seq_lib.metrics import alignment_error_rate, links, loss_per_token
from seq2seq_lib.model import token_loss
from seq2seq_lib.probing import gradient_norms
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.copy import Copy
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.transformer import (
    NORMS,
    POSITIONS,
    DecoderLayer,
    EncoderLayer,
    MultiHead,
    TransformerConfig,
    attend,
    build_transformer,
    causal_mask,
    head_weights,
    sinusoids,
)
from seq2seq_lib.vocab import BOS, EOS, PAD

SRC_VOCAB, TGT_VOCAB = 23, 29
HEADS, SIZE, HIDDEN, LAYERS = 3, 5, 19, 2
DIM, BATCH, TGT, SRC = HEADS * SIZE, 3, 5, 7
MASK = torch.tensor(
    [[True] * 7, [True] * 2 + [False] * 5, [False, True, True, False, True, False, False]]
)

norms = pytest.mark.parametrize("norm", NORMS)
positions = pytest.mark.parametrize("positions", POSITIONS)


def config_of(**changes) -> TransformerConfig:
    sizes = {"dim": DIM, "heads": HEADS, "layers": LAYERS, "hidden": HIDDEN, "max_len": 17}
    return TransformerConfig(SRC_VOCAB, TGT_VOCAB, **{**sizes, **changes})


@torch.no_grad()
def randomised(module: nn.Module) -> nn.Module:
    """Every number is drawn, biases and norms too, which begin as zeros and ones."""
    for parameter in module.parameters():
        parameter.normal_(std=0.3)
    return module


def make(seed: int = 0, **changes):
    return randomised(build_transformer(config_of(**changes), seed)).eval()


# --- the functions ---------------------------------------------------------------------


def test_attention_by_hand():
    """Scores ln 3 and 0 give the weights 3/4 and 1/4, and 3/4 * 4 + 1/4 * 8 = 5."""
    query = torch.tensor([2.0, 0, 0, 0]).view(1, 1, 1, 4)
    keys = torch.tensor([[math.log(3), 0, 0, 0], [0, 1, 1, 1]]).view(1, 1, 2, 4)
    values = torch.tensor([[4.0, 0, 0, 0], [8.0, 0, 0, 0]]).view(1, 1, 2, 4)
    context, weights = attend(query, keys, values, torch.ones(1, 1, 2, dtype=torch.bool))
    assert_close(weights.flatten(), torch.tensor([0.75, 0.25]))
    assert_close(context.flatten(), torch.tensor([5.0, 0, 0, 0]))


def three(tgt_len: int = TGT, src_len: int = SRC):
    shapes = (tgt_len, src_len, src_len)
    return [torch.randn(BATCH, HEADS, length, SIZE) for length in shapes]


def test_attention_is_pytorchs():
    query, keys, values = three()
    mask = MASK[:, None].expand(-1, TGT, -1) & (torch.rand(BATCH, TGT, SRC) < 0.7)
    mask[..., 1] = True
    context, weights = attend(query, keys, values, mask)
    expected = scaled_dot_product_attention(query, keys, values, mask[:, None])
    assert_close(context, expected)
    assert torch.all(weights[~mask[:, None].expand_as(weights)] == 0.0)
    assert_close(weights.sum(dim=-1), torch.ones(BATCH, HEADS, TGT))


def test_each_head_looks_as_the_other_mechanisms_do():
    query, keys, values = three()
    context, weights = attend(query, keys, values, MASK[:, None])
    for head in range(HEADS):
        scores = query[:, head] @ keys[:, head].transpose(1, 2) / math.sqrt(SIZE)
        assert_close(weights[:, head], masked_softmax(scores, MASK))
        assert_close(context[:, head], weighted_sum(weights[:, head], values[:, head]))


def test_waves_by_hand():
    first, second = sinusoids(range(2), 5)
    assert_close(first, torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0]))
    slow, slower = 10000**-0.4, 10000**-0.8
    waves = [math.sin(1), math.cos(1), math.sin(slow), math.cos(slow), math.sin(slower)]
    assert_close(second, torch.tensor(waves))


def test_how_near_two_waves_are_depends_on_their_distance_alone():
    waves = sinusoids(range(90), 22)
    near = waves @ waves.T
    for distance in (1, 7, 31):
        assert_close(near.diagonal(distance), near[0, distance].expand(90 - distance))
    assert_close(sinusoids(range(37, 41), 22), waves[37:41])


# --- parity with PyTorch ---------------------------------------------------------------


@torch.no_grad()
def copy_weights(ours, theirs) -> None:
    """The weights of our part, in the layout of PyTorch's."""
    if isinstance(ours, MultiHead):
        parts = ours.query_proj, ours.key_proj, ours.value_proj
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
        return
    copy_weights(ours.self_attention, theirs.self_attn)
    norms = [ours.add_self, ours.add_feed]
    if isinstance(ours, DecoderLayer):
        copy_weights(ours.cross_attention, theirs.multihead_attn)
        norms.insert(1, ours.add_cross)
    for number, residual in enumerate(norms, start=1):
        theirs.get_submodule(f"norm{number}").load_state_dict(residual.norm.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward[0].state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward[2].state_dict())


def theirs_like(kind: type, norm: str, **sizes):
    options = {"dropout": 0.0, "batch_first": True, "norm_first": norm == "first"}
    return kind(DIM, HEADS, dim_feedforward=HIDDEN, **options, **sizes)


def test_heads_are_pytorchs():
    ours = randomised(MultiHead(config_of()))
    theirs = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
    copy_weights(ours, theirs)
    query, states = torch.randn(BATCH, TGT, DIM), torch.randn(BATCH, SRC, DIM)
    context, weights = ours(query, *ours.project(states), MASK[:, None])
    expected = theirs(query, states, states, ~MASK, average_attn_weights=False)
    assert_close((context, weights), expected)


@norms
def test_a_layer_of_the_encoder_is_pytorchs(norm):
    ours = randomised(EncoderLayer(config_of(norm=norm)))
    theirs = theirs_like(nn.TransformerEncoderLayer, norm)
    copy_weights(ours, theirs)
    states = torch.randn(BATCH, SRC, DIM)
    expected = theirs(states, src_key_padding_mask=~MASK)
    assert_close(ours(states, MASK[:, None])[MASK], expected[MASK])


@norms
def test_a_layer_of_the_decoder_is_pytorchs(norm):
    ours = randomised(DecoderLayer(config_of(norm=norm)))
    theirs = theirs_like(nn.TransformerDecoderLayer, norm)
    copy_weights(ours, theirs)
    states, source = torch.randn(BATCH, TGT, DIM), torch.randn(BATCH, SRC, DIM)
    memory = (*ours.cross_attention.project(source), MASK)
    nothing, causal = torch.zeros(BATCH, 0, 2 * DIM), causal_mask(TGT)
    found, *_ = ours(states, nothing, causal[None], Memory(*memory))
    expected = theirs(states, source, ~causal, memory_key_padding_mask=~MASK)
    assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@norms
def test_the_whole_model_is_pytorchs(norm, batch):
    model = make(norm=norm)
    layers = {"num_encoder_layers": LAYERS, "num_decoder_layers": LAYERS}
    theirs = theirs_like(nn.Transformer, norm, **layers)
    for ours, other in ((model.encoder, theirs.encoder), (model.decoder, theirs.decoder)):
        for one, two in zip(ours.layers, other.layers, strict=True):
            copy_weights(one, two)
        if norm == "first":
            other.norm.load_state_dict(ours.norm.state_dict())
        else:
            other.norm = None  # a norm after a norm, which the paper does not have
    states = theirs(
        model.encoder.embed(batch.src_ids),
        model.decoder.embed(batch.tgt_in),
        tgt_mask=~causal_mask(batch.tgt_in.shape[1]),
        src_key_padding_mask=~batch.src_mask,
        memory_key_padding_mask=~batch.src_mask,
    )
    assert_close(model(batch).dec_states, states)
    assert_close(model(batch).logits, model.decoder.output(states))


# --- no look ahead, no look at padding -------------------------------------------------


def later_changed(batch, start: int = 5):
    changed = batch.tgt_in.clone()
    changed[:, start:] = (changed[:, start:] + 1) % TGT_VOCAB
    return replace(batch, tgt_in=changed)


@norms
def test_a_later_word_changes_no_earlier_answer(norm, batch):
    model = make(norm=norm)
    before, after = model(batch).logits, model(later_changed(batch)).logits
    assert torch.equal(before[:, :5], after[:, :5])
    assert torch.all((before[:, 5:] != after[:, 5:]).any(dim=-1))


def test_with_the_mask_upside_down_every_word_reads_ahead(batch):
    """The shapes pass; what was written so far is all that a search has to go by."""
    model = make()
    model.decoder.self_mask = lambda length: causal_mask(length).T
    before, after = model(batch), model(later_changed(batch))
    assert torch.all((before.logits[:, :5] != after.logits[:, :5]).any(dim=-1))
    written, _ = stepwise(model, batch)
    assert not torch.allclose(before.logits[:, 0], written[:, 0], atol=1e-3)


def test_what_stands_under_the_padding_changes_nothing(batch, poison):
    model = make()
    answers, poisoned = model(batch), model(poison(batch))
    assert torch.equal(answers.logits[batch.tgt_mask], poisoned.logits[batch.tgt_mask])
    assert torch.equal(answers.weights[batch.tgt_mask], poisoned.weights[batch.tgt_mask])
    padding = ~batch.src_mask[:, None, :].expand_as(answers.weights)
    assert torch.all(answers.weights[padding] == 0.0)
    assert_close(answers.weights.sum(dim=-1), torch.ones(3, 12))


def test_a_sentence_alone_is_scored_as_in_a_batch(batch, pairs):
    model = make()
    answers, encoded = model(batch), model.encoder(batch.src_ids, batch.src_lengths)
    for row, pair in enumerate(pairs):
        one = collate([pair])
        alone, its = model(one), model.encoder(one.src_ids, one.src_lengths)
        n, slots = len(pair.tgt) + 1, len(pair.src)
        assert_close(answers.logits[row, :n], alone.logits[0])
        assert_close(answers.weights[row, :n, :slots], alone.weights[0])
        assert_close(encoded.states[row, :slots], its.states[0])
        assert_close(encoded.summary[row], its.states[0].mean(dim=0))
        assert not encoded.states[row, slots:].any()


# --- positions -------------------------------------------------------------------------


@positions
def test_only_without_positions_is_a_moved_word_the_same_word(positions, batch):
    """Permuted words give permuted states, and a decoder that cannot tell the order."""
    model = make(positions=positions)
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    lengths = torch.tensor([7])
    encoded = model.encoder(batch.src_ids[:1], lengths)
    moved = model.encoder(batch.src_ids[:1, order], lengths)
    answers, others = (model.decoder.unroll(batch.tgt_in[:1], e) for e in (encoded, moved))
    unordered = positions == "none"
    assert torch.allclose(encoded.states[:, order], moved.states, atol=1e-5) == unordered
    assert torch.allclose(answers.logits, others.logits, atol=1e-5) == unordered
    if unordered:
        assert_close(answers.weights[:, :, order], others.weights)


def test_words_are_scaled_and_their_place_is_added(batch):
    for positions in POSITIONS:
        side = make(positions=positions).decoder
        words = math.sqrt(DIM) * side.embedding(batch.tgt_in[:, :4])
        places = sinusoids(range(2, 6), DIM)
        if positions == "learned":
            places = side.positions.table.weight[2:6]
        expected = words if positions == "none" else words + places
        assert_close(side.embed(batch.tgt_in[:, :4], start=2), expected)


# --- step by step ----------------------------------------------------------------------


def stepwise(model, batch):
    """Logits, weights and caches of a loop of steps that reads the known target."""
    decoder = model.decoder
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    memory, cache = decoder.attention.memory(encoded), decoder.initial_state(encoded)
    found = []
    for t in range(batch.tgt_in.shape[1]):
        step = decoder.step(batch.tgt_in[:, t], cache, memory)
        assert step.dec_state.shape == (3, t + 1, LAYERS * 2 * DIM)
        assert torch.equal(step.dec_state[:, :t], cache)
        cache = step.dec_state
        found.append(step)
    return (
        torch.stack([getattr(s, n) for s in found], dim=1) for n in ("logits", "weights")
    )


@norms
@positions
def test_steps_with_a_cache_are_the_pass_without_one(norm, positions, batch):
    model = make(norm=norm, positions=positions)
    answers = model(batch)
    logits, weights = stepwise(model, batch)
    assert_close(logits, answers.logits)
    assert_close(weights, answers.weights)


def test_a_cache_can_be_reordered_along_the_batch(batch):
    model = make()
    decoder, rows = model.decoder, torch.tensor([2, 0, 0, 1])
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    memory, cache = decoder.memory(encoded), decoder.initial_state(encoded)
    for t in range(3):
        cache = decoder.step(batch.tgt_in[:, t], cache, memory).dec_state
    whole = decoder.step(batch.tgt_in[:, 3], cache, memory)
    chosen = Memory(*(part[rows] for part in memory))
    some = decoder.step(batch.tgt_in[rows, 3], cache[rows], chosen)
    assert_close(some.logits, whole.logits[rows])
    assert_close(some.dec_state, whole.dec_state[rows])


def test_what_was_read_is_the_last_look_at_the_source(batch):
    model = make(heads=1)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    decoder, last = model.decoder, model.decoder.layers[-1].cross_attention
    memory = decoder.memory(encoded)
    step = decoder.step(batch.tgt_in[:, 0], decoder.initial_state(encoded), memory)
    values = last.value_proj(encoded.states)
    assert_close(step.context, last.output((step.weights[:, None] @ values)[:, 0]))


def test_without_teacher_forcing_it_reads_what_it_writes(batch):
    model = make(seed=3)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    free = model.decoder.unroll(batch.tgt_in, encoded, teacher_forcing=0.0)
    own = greedy(model, batch.src_ids, batch.src_lengths, 12).ids
    read = torch.cat([batch.tgt_in[:, :1], own[:, :-1]], dim=1)
    read = nn.functional.pad(read, (0, 12 - read.shape[1]))
    expected = model.decoder.unroll(read, encoded).logits
    for row, ids in enumerate(own.tolist()):
        steps = ids.index(EOS) + 1 if EOS in ids else len(ids)
        assert_close(free.logits[row, :steps], expected[row, :steps])
    torch.manual_seed(5)
    mixed = model(batch, teacher_forcing=0.5).logits
    assert torch.equal(mixed[:, 0], model(batch).logits[:, 0])
    assert not torch.allclose(mixed, model(batch).logits)
    assert not torch.allclose(mixed, free.logits)


# --- searches --------------------------------------------------------------------------


def test_a_beam_of_one_is_greedy_and_a_wide_one_finds_more(batch):
    model = make(seed=1)
    args = (model, batch.src_ids, batch.src_lengths, 7)
    expected, found = greedy(*args), beam_search(*args, beam_size=1)
    assert torch.equal(found.ids, expected.ids)
    assert_close(found.weights, expected.weights)
    wide = beam_search(*args, beam_size=11)
    scores = [answer_score(model, batch, decoded.ids) for decoded in (expected, wide)]
    assert torch.all(scores[1] >= scores[0] - 1e-4)
    assert torch.any(scores[1] > scores[0] + 1e-2)


def answer_score(model, batch, ids):
    """log p of each row of answers, by teacher forcing."""
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    tgt_in = torch.cat([torch.full((len(ids), 1), BOS), ids[:, :-1]], dim=1)
    log_probs = model.decoder.unroll(tgt_in, encoded).logits.log_softmax(dim=-1)
    its = log_probs.gather(-1, ids[:, :, None]).squeeze(-1)
    return its.masked_fill(ids == PAD, 0.0).sum(dim=1)


def test_the_weights_of_a_beam_belong_to_its_answer(batch):
    model = make(seed=1)
    decoded = beam_search(model, batch.src_ids, batch.src_lengths, 7, beam_size=3)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    tgt_in = torch.cat([torch.full((3, 1), BOS), decoded.ids[:, :-1]], dim=1)
    expected = model.decoder.unroll(tgt_in, encoded).weights
    for row, ids in enumerate(decoded.ids.tolist()):
        steps = ids.index(EOS) + 1 if EOS in ids else len(ids)
        assert_close(decoded.weights[row, :steps], expected[row, :steps])


# --- training --------------------------------------------------------------------------


def trained(positions: str):
    """A model that has learned to say the source again, and sources that are new to it."""
    task = Copy(n_symbols=5, max_length=6)
    splits, vocabs = make_splits(task, train=1999, per_length=11), task.vocabs()
    sizes = {"dim": 24, "heads": 3, "hidden": 48, "layers": 1, "positions": positions}
    model = build_transformer(TransformerConfig(*map(len, vocabs), **sizes))
    batches = Batches(encode(splits.train, *vocabs), batch_size=31)
    history = fit(model, batches, TrainConfig(400, lr=0.01, warmup=30), progress=False)
    return model, history, splits.test, vocabs


def right(answers, test) -> float:
    pairs = zip(answers, test, strict=True)
    return sum(answer.tokens == example.tgt for answer, example in pairs) / len(test)


@pytest.fixture(scope="module")
def learned():
    return trained("sinusoidal")


@pytest.mark.parametrize("beam_size", [1, 3])
def test_the_same_loop_trains_it_and_the_same_searches_decode_it(learned, beam_size):
    model, history, test, vocabs = learned
    start = math.log(len(vocabs[1]))
    assert history.losses[0] == pytest.approx(start, rel=0.5)
    assert sum(history.losses[-20:]) / 20 < 0.1 < history.losses[0]
    assert loss_per_token(model, encode(test, *vocabs)) < 0.3
    answers = translate(model, [e.src for e in test], *vocabs, beam_size=beam_size)
    assert right(answers, test) >= 0.9


def test_its_weights_are_alignments(learned):
    model, _, test, vocabs = learned
    answers = translate(model, [e.src for e in test], *vocabs)
    for answer in answers:
        shape = (len(answer.tokens) + answer.finished, len(answer.src))
        assert answer.weights.shape == shape
        assert answer.weights.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    good = [(a, e) for a, e in zip(answers, test, strict=True) if a.tokens == e.tgt]
    found = [links(a.weights[: len(e.tgt)]) for a, e in good]
    assert 0.0 <= alignment_error_rate(found, [e for _, e in good]) < 0.9


def test_the_order_of_words_cannot_be_learned_without_positions():
    """The source's words are all there, in any order: who says them again must guess."""
    model, _, test, vocabs = trained("none")
    assert right(translate(model, [e.src for e in test], *vocabs), test) < 0.6


def same_weights(one, other) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("changes", [{}, {"positions": "learned", "tied": True}])
def test_a_checkpoint_goes_on_from_where_it_stopped(train, tmp_path, changes):
    def fresh():
        return build_transformer(config_of(dropout=0.3, **changes))

    whole, expected = train(model=fresh())
    saved = Checkpoint(tmp_path / "run.pt")
    train(model=fresh(), hooks=[saved, StopAfter(7)])
    resumed, history = train(model=fresh(), hooks=[saved])
    assert history.losses == expected.losses
    assert same_weights(resumed, whole)
    with pytest.raises(ValueError, match="holds another model"):
        train(model=build_transformer(config_of(heads=5, **changes)), hooks=[saved])
    with pytest.raises(ValueError, match="holds another model"):
        train(hooks=[saved])  # a recurrent one


@pytest.mark.parametrize("tied", [False, True])
@positions
@norms
def test_every_parameter_gets_a_gradient(norm, positions, tied, batch):
    model = make(norm=norm, positions=positions, tied=tied)
    token_loss(model(batch).logits, batch).backward()
    for name, parameter in model.named_parameters():
        if not name.endswith("key_proj.bias"):  # it moves all scores of a query alike
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_tied_embeddings_are_one_matrix(batch):
    tied, loose = make(tied=True), make()
    assert tied.decoder.output.weight is tied.decoder.embedding.weight
    assert loose.n_parameters - tied.n_parameters == TGT_VOCAB * DIM
    answers = tied(batch)
    expected = answers.dec_states @ tied.decoder.embedding.weight.T
    assert_close(answers.logits, expected + tied.decoder.output.bias)


def test_dropout_acts_in_training_only(batch):
    model = make(dropout=0.5)
    assert torch.equal(model(batch).logits, model(batch).logits)
    model.train()
    assert not torch.equal(model(batch).logits, model(batch).logits)
    embedded, states = model.encoder.embed(batch.src_ids), torch.randn(BATCH, SRC, DIM)
    assert (embedded == 0.0).float().mean().item() == pytest.approx(0.5, abs=0.1)
    changes = (
        model.encoder.layers[0].add_self.leave(states, torch.ones_like(states)) - states
    )
    assert {round(change) for change in changes.flatten().tolist()} == {0, 2}


# --- every head ------------------------------------------------------------------------


def test_every_head_can_be_looked_at(batch):
    model = make(dropout=0.5).train()
    found = head_weights(model, batch)
    assert model.training
    lengths = {
        "encoder.layers.{}.self_attention": (7, 7),
        "decoder.layers.{}.self_attention": (12, 12),
        "decoder.layers.{}.cross_attention": (12, 7),
    }
    wanted = {name.format(n): size for name, size in lengths.items() for n in range(LAYERS)}
    shapes = {name: tuple(weights.shape) for name, weights in found.items()}
    assert shapes == {name: (3, HEADS, *size) for name, size in wanted.items()}
    for name, weights in found.items():
        assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))
        ahead = weights.triu(1) if name.startswith("decoder") and "self" in name else None
        assert ahead is None or not ahead.any()
    last = found[f"decoder.layers.{LAYERS - 1}.cross_attention"]
    assert_close(last.mean(dim=1), model.eval()(batch).weights)
    assert not any(module._forward_hooks for module in model.modules())


def test_what_each_answer_feels_can_be_asked(batch):
    norms = gradient_norms(make(), batch)
    real = batch.tgt_mask[:, :, None] & batch.src_mask[:, None, :]
    assert torch.all((norms > 0) == real)


@pytest.mark.parametrize(
    "change",
    [
        lambda model, batch: edited(model, shift),
        lambda model, batch: frozen(model),
        lambda model, batch: one_at_a_time(model, batch, shift),
    ],
)
def test_an_intervention_that_would_do_nothing_is_refused(change, batch):
    with pytest.raises(ValueError, match="one attention.*looks in every layer"):
        change(make(), batch)


def test_a_rewriting_that_would_do_nothing_is_refused(learned):
    model, _, test, vocabs = learned
    source = test[0].src
    even = [1 / len(source)] * len(source)
    with pytest.raises(ValueError, match="looks in every layer"):
        rewrite(model, source, *vocabs, {0: even})


# --- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"heads": 4}, "heads must divide the size, got dim=15 and heads=4"),
        ({"heads": 16}, "got dim=15 and heads=16"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"dim": 1e3}, "dim must be a whole number"),
        ({"hidden": True}, "hidden must be a whole number"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ({"dropout": math.nan}, "dropout must be a finite number"),
        ({"positions": "rotary"}, "'rotary' is not an option.*sinusoidal, learned, none"),
        ({"norm": "both"}, "'both' is not an option.*first, last"),
        ({"tied": 2}, "tied must be True or False, got 2"),
    ],
)
def test_a_configuration_that_cannot_be_built_is_named(changes, said, no_shape_checks):
    with pytest.raises(ValueError, match=said):
        config_of(**changes)


def test_keys_of_another_size_are_refused(no_shape_checks):
    query, keys, values = three()
    with pytest.raises(ValueError, match="queries' size, 5, got 4"):
        attend(query, keys[..., :4], values, MASK[:, None])


@pytest.mark.parametrize("shape", [(TGT, SRC - 1), (TGT + 1, SRC), (SRC, TGT)])
def test_a_mask_of_another_shape_is_refused(no_shape_checks, shape):
    mask = torch.ones(1, *shape, dtype=torch.bool)
    with pytest.raises(ValueError, match=rf"\(5, 7\), got \({shape[0]}, {shape[1]}\)"):
        attend(*three(), mask)


@pytest.mark.parametrize("length", [11, 13])
def test_a_causal_mask_of_another_length_is_refused(batch, no_shape_checks, length):
    model = make()
    model.decoder.self_mask = lambda _: causal_mask(length)
    with pytest.raises(ValueError, match=rf"\(12, 12\), got \({length}, {length}\)"):
        model(batch)


def test_a_word_that_may_look_nowhere_is_refused(batch):
    model = make()
    model.decoder.self_mask = lambda length: ~causal_mask(length)
    with pytest.raises(ValueError, match="must look at something"):
        model(batch)


def test_there_is_no_position_beyond_the_table(batch):
    model = make(positions="learned", max_len=11)  # a source of 7 and a target of 12
    with pytest.raises(ValueError, match="has 11 positions, got 12 words"):
        model(batch)
    with pytest.raises(ValueError, match="has 6 positions, got 7 words"):
        make(positions="learned", max_len=6)(batch)
    assert make(max_len=6)(batch).logits.shape == (3, 12, TGT_VOCAB)
    with torch.no_grad():
        model.decoder.output.bias[EOS] = -1e9
    assert greedy(model, batch.src_ids, batch.src_lengths, 11).ids.shape == (3, 11)
    with pytest.raises(ValueError, match="has 11 positions, got 12 words"):
        greedy(model, batch.src_ids, batch.src_lengths, 12)


@pytest.mark.parametrize("lengths", [[7, 2, 8], [7, 0, 5], [7, 2]])
def test_lengths_that_do_not_fit_are_refused(batch, no_shape_checks, lengths):
    with pytest.raises(ValueError, match="Give 3 src_lengths from 1 to 7, got"):
        make().encoder(batch.src_ids, torch.tensor(lengths))


def test_teacher_forcing_is_a_probability(batch, no_shape_checks):
    with pytest.raises(ValueError, match="teacher_forcing must lie between 0 and 1"):
        make()(batch, teacher_forcing=1.5)


# --- building --------------------------------------------------------------------------


def test_numbers_of_numpy_become_pythons(no_shape_checks):
    given = config_of(dim=np.int64(15), dropout=np.float32(0.5), tied=np.True_)
    assert given == config_of(dropout=0.5, tied=True)
    assert {type(value) for value in asdict(given).values()} == {int, float, bool, str}
    with pytest.raises(FrozenInstanceError):
        given.dim = 16


def test_every_configuration_has_a_text_of_its_own():
    changes = [{}, {"heads": 5}, {"positions": "none"}, {"norm": "last"}, {"tied": True}]
    texts = {str(build_transformer(config_of(**each))) for each in changes}
    assert len(texts) == len(changes)


def test_the_seed_decides_the_weights_and_the_random_state_stays():
    before = torch.get_rng_state()
    one, same, other = (build_transformer(config_of(), seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert same_weights(one, same) and not same_weights(one, other)
    assert one.config == config_of()
    with pytest.raises(ValueError, match="^seed must "):
        build_transformer(config_of(), 2**64)


def test_words_begin_as_large_as_their_places():
    model = build_transformer(config_of(dim=96))
    for side in (model.encoder, model.decoder):
        assert not side.embedding.weight[PAD].any()
        words = math.sqrt(96) * side.embedding.weight[4:]
        assert words.std().item() == pytest.approx(1.0, rel=0.1)


def test_it_is_built_where_the_environment_says_and_tied_to_no_device(batch, monkeypatch):
    monkeypatch.setenv("SEQ2SEQ_DEVICE", "meta")
    for each in POSITIONS:
        model, there = build_transformer(config_of(positions=each)), batch.to("meta")
        assert model.device.type == "meta"
        answers = model(there)
        assert answers.logits.device.type == answers.weights.device.type == "meta"
        token_loss(answers.logits, there).backward()
