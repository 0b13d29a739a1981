"""Weights that are changed on purpose stay weights, and nothing else changes."""

import copy
import math
import random
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from seq2seq_lib.attention import (
    MECHANISMS,
    Additive,
    FixedContext,
    MultiHead,
    Uniform,
)
from seq2seq_lib.batching import collate, encode
from seq2seq_lib.decoding import greedy, translate
from seq2seq_lib.interventions import (
    Edited,
    edited,
    entropy,
    erase,
    frozen,
    harden,
    one_at_a_time,
    rewrite,
    shift,
    shuffle,
    spread,
)
from seq2seq_lib.model import token_loss
from seq2seq_lib.tasks.reversal import Reversal
from seq2seq_lib.vocab import BOS, EOS, PAD

BATCH, TGT, SRC = 3, 5, 7
LENGTHS = (7, 1, 4)
EDITS = {
    "harden": harden,
    "erase": erase,
    "spread": spread,
    "shift": shift,
    "shuffle": shuffle,
}


@pytest.fixture
def mask():
    return torch.arange(SRC) < torch.tensor(LENGTHS)[:, None]  # (batch, src_len)


@pytest.fixture
def weights(mask):
    scores = torch.randn(BATCH, TGT, SRC).masked_fill(~mask[:, None], -math.inf)
    return scores.softmax(dim=-1)


@pytest.fixture(params=["before", "after"])
def query(request):
    return request.param


# --- the edits -------------------------------------------------------------------------


@pytest.mark.parametrize("name", EDITS)
def test_edited_weights_are_a_distribution_over_the_real_positions(name, weights, mask):
    changed = EDITS[name](weights, mask[:, None])
    assert changed.shape == weights.shape
    assert changed.dtype == weights.dtype
    assert_close(changed.sum(dim=-1), torch.ones(BATCH, TGT))
    assert torch.all(changed[~mask[:, None].expand_as(changed)] == 0.0)
    assert changed.min() >= 0


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_pure(name, weights, mask):
    kept = weights.clone()
    state = torch.get_rng_state()
    first = EDITS[name](weights, mask[:, None])
    assert torch.equal(torch.get_rng_state(), state)
    random.seed(5)
    torch.manual_seed(5)
    assert torch.equal(EDITS[name](weights, mask[:, None]), first)
    assert torch.equal(weights, kept)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_does_not_depend_on_the_batch_or_on_the_other_steps(name, weights, mask):
    together = EDITS[name](weights, mask[:, None])
    for b, length in enumerate(LENGTHS):
        for t in range(TGT):
            alone = EDITS[name](
                weights[b : b + 1, t : t + 1, :length], mask[b : b + 1, None, :length]
            )
            assert_close(alone[0, 0], together[b, t, :length])


def test_harden_keeps_the_largest_only(weights, mask):
    hard = harden(weights, mask[:, None])
    assert torch.equal(hard.argmax(dim=-1), weights.argmax(dim=-1))
    assert torch.equal(hard.max(dim=-1).values, torch.ones(BATCH, TGT))


def test_erase_takes_the_largest_and_keeps_the_proportions_of_the_others():
    weights = torch.tensor([[[0.5, 0.3, 0.2, 0.0], [1.0, 0.0, 0.0, 0.0]]])
    mask = torch.tensor([[[True, True, True, False]]])
    expected = torch.tensor([[[0.0, 0.6, 0.4, 0.0], [0.0, 0.5, 0.5, 0.0]]])
    assert_close(erase(weights, mask), expected)
    second = torch.tensor([[[5 / 7, 0.0, 2 / 7, 0.0], [1.0, 0.0, 0.0, 0.0]]])
    assert_close(erase(weights, mask, rank=1), second)
    assert_close(erase(weights, mask, rank=9), weights)


@pytest.mark.parametrize("rank", [-1, 1.0, None, True])
def test_the_rank_of_an_erased_weight_is_a_whole_number(
    weights, mask, rank, no_shape_checks
):
    with pytest.raises(ValueError, match="^rank must be"):
        erase(weights, mask[:, None], rank)


def test_spread_gives_every_real_position_the_same(weights, mask):
    even = spread(weights, mask[:, None])
    for b, length in enumerate(LENGTHS):
        assert_close(even[b, :, :length], torch.full((TGT, length), 1 / length))


def test_shift_moves_one_word_to_the_right_and_the_last_to_the_first(weights, mask):
    moved = shift(weights, mask[:, None])
    for b, length in enumerate(LENGTHS):
        assert torch.equal(moved[b, :, :length], weights[b, :, :length].roll(1, dims=-1))


def test_shift_passes_over_padding_wherever_it_is():
    weights = torch.tensor([[[0.5, 0.0, 0.2, 0.3]]])
    mask = torch.tensor([[[True, False, True, True]]])
    assert_close(shift(weights, mask), torch.tensor([[[0.3, 0.0, 0.5, 0.2]]]))


def test_shuffle_moves_every_weight_and_loses_none(weights, mask):
    moved = shuffle(weights, mask[:, None])
    for b, length in enumerate(LENGTHS):
        before, after = weights[b, :, :length], moved[b, :, :length]
        assert torch.equal(before.sort(dim=-1).values, after.sort(dim=-1).values)
        if length > 1:
            assert torch.all(before != after)


def test_the_seed_decides_the_order_of_a_shuffle(weights, mask):
    orders = {
        tuple(shuffle(weights, mask[:, None], seed)[0, 0].tolist()) for seed in range(7)
    }
    assert len(orders) > 1


# --- a module that looks with edited weights -------------------------------------------


@pytest.fixture
def memory(mask):
    return torch.randn(BATCH, SRC, 17), torch.randn(BATCH, SRC, 13), mask


def test_the_context_is_the_sum_with_the_edited_weights(memory):
    attention, query = Additive(11, 13, 17), torch.randn(BATCH, TGT, 11)
    context, weights = Edited(attention, shift)(query, *memory)
    own = attention(query, *memory)[1]
    assert_close(weights, shift(own, memory[2][:, None]))
    assert_close(context, weights @ memory[1])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda w, mask: w[:, :, 1:], "shape"),
        (lambda w, mask: 2 * w, "distribution"),
        (lambda w, mask: w - 1, "zero on padding"),
        (lambda w, mask: (2 * w - spread(w, mask) * mask) * 1.0, "distribution"),
        (lambda w, mask: w * math.nan, "padding|distribution"),
        (lambda w, mask: torch.full_like(w, 1 / SRC), "zero on padding"),
    ],
)
def test_weights_that_are_none_are_refused(memory, edit, message, no_shape_checks):
    attention = Additive(11, 13, 17)
    # A peaked distribution, so that twice it minus the even one is negative somewhere.
    torch.nn.init.constant_(attention.v.weight, 3.0)
    with pytest.raises(ValueError, match=message):
        Edited(attention, edit)(torch.randn(BATCH, TGT, 11), *memory)


def test_leaving_the_weights_alone_changes_nothing(make_model, attention, query, batch):
    model = make_model(attention, query=query)
    same = edited(model, lambda weights, mask: weights)
    expected, actual = model(batch), same(batch)
    assert torch.equal(actual.logits, expected.logits)
    assert torch.equal(actual.weights, expected.weights)


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_model_decodes_and_the_original_stays(
    name, make_model, attention, query, batch
):
    model = make_model(attention, query=query)
    before = model(batch)
    changed = edited(model, EDITS[name])
    decoded = greedy(changed, batch.src_ids, batch.src_lengths, max_len=7)
    looked = changed(batch).weights
    totals = looked.sum(dim=-1)
    assert_close(totals, torch.ones_like(totals))
    assert decoded.weights.shape[-1] == looked.shape[-1]
    assert torch.equal(model(batch).logits, before.logits)
    assert changed.n_parameters == model.n_parameters


def test_a_fixed_context_has_nothing_to_edit(make_model, query, batch):
    model = make_model("fixed", query=query)
    expected = model(batch).logits
    for edit in EDITS.values():
        assert_close(edited(model, edit)(batch).logits, expected)
    assert_close(frozen(model)(batch).logits, expected)


def test_a_model_spread_evenly_is_one_with_uniform_attention(make_model, query, batch):
    model = make_model("additive", query=query)
    expected = edited(model, spread)(batch).logits
    model.decoder.attention = Uniform()
    assert_close(model(batch).logits, expected)


# --- frozen ----------------------------------------------------------------------------


def test_a_frozen_model_looks_where_its_first_query_looks(make_model, attention, batch):
    model = make_model(attention)
    own, still = model(batch).weights, frozen(model)(batch).weights
    assert_close(still, own[:, :1].expand_as(own))
    if attention not in ("fixed", "uniform"):
        assert not torch.allclose(still, own)


def test_freezing_leaves_the_model_and_its_first_step_alone(make_model, query, batch):
    model = make_model("additive", query=query)
    before = model(batch)
    still = frozen(model)
    assert torch.equal(model(batch).logits, before.logits)
    assert still.n_parameters == model.n_parameters
    if query == "before":
        assert_close(still(batch).logits[:, 0], before.logits[:, 0])
    # A later change of the original does not reach the copy.
    expected = still(batch).logits
    torch.nn.init.zeros_(model.decoder.initial.weight)
    assert torch.equal(still(batch).logits, expected)


def test_a_frozen_module_stores_nothing(make_model, many_pairs):
    still = frozen(make_model("additive"))
    first, second = collate(many_pairs[:5]), collate(many_pairs[5:13])
    expected = still(first).logits
    still(second)
    assert torch.equal(still(first).logits, expected)


# --- one step at a time ----------------------------------------------------------------


def test_a_step_edited_alone_starts_from_the_unedited_state(make_model, query, batch):
    model = make_model("additive", query=query)
    alone = one_at_a_time(model, batch, shift)
    # By hand: the last step of a target whose earlier steps were left alone.
    for t in (0, 4):
        encoded = model.encoder(batch.src_ids, batch.src_lengths)
        memory = model.decoder.attention.memory(encoded)
        dec_state = model.decoder.initial_state(encoded)
        for earlier in range(t):
            dec_state = model.decoder.step(
                batch.tgt_in[:, earlier], dec_state, memory
            ).dec_state
        last = edited(model, shift).decoder.step(batch.tgt_in[:, t], dec_state, memory)
        assert_close(alone[:, t], last.logits)
    everywhere = edited(model, shift)(batch).logits
    assert_close(alone[:, 0], everywhere[:, 0])
    assert not torch.allclose(alone[:, 1:], everywhere[:, 1:])


def test_leaving_every_step_alone_changes_nothing(make_model, attention, batch):
    model = make_model(attention, dropout=0.5).train()
    same = one_at_a_time(model, batch, lambda weights, mask: weights)
    assert model.training
    assert_close(same, model.eval()(batch).logits)


# --- by hand ---------------------------------------------------------------------------


@pytest.fixture(params=MECHANISMS)
def trained(request, overfit, reversal):
    """A model that has learned its sentences, its vocabularies and one long sentence."""
    examples, src_vocab, tgt_vocab = reversal
    example = max(examples, key=lambda e: len(e.src))
    return overfit(request.param)[0], src_vocab, tgt_vocab, example.src


def row_at(weights, place):
    row = torch.zeros(weights.shape[-1])
    row[place] = 1.0
    return row


def test_without_edits_it_is_the_models_own_translation(trained):
    model, src_vocab, tgt_vocab, src = trained
    (own,) = translate(model, [src], src_vocab, tgt_vocab)
    again = rewrite(model, src, src_vocab, tgt_vocab, {})
    assert again.tokens == own.tokens
    assert again.finished == own.finished
    assert_close(torch.tensor(again.weights), torch.tensor(own.weights))


def test_its_own_weights_given_back_change_nothing(trained):
    model, src_vocab, tgt_vocab, src = trained
    if isinstance(model.decoder.attention, MultiHead):
        return  # a translation has the mean of the heads' weights, not each head's
    (own,) = translate(model, [src], src_vocab, tgt_vocab)
    given = dict(enumerate(torch.tensor(own.weights)))
    again = rewrite(model, src, src_vocab, tgt_vocab, given)
    assert again.tokens == own.tokens
    assert_close(torch.tensor(again.weights), torch.tensor(own.weights))


def test_before_the_edit_nothing_changes_and_at_the_edit_it_looks_there(trained):
    model, src_vocab, tgt_vocab, src = trained
    (own,) = translate(model, [src], src_vocab, tgt_vocab)
    row = row_at(own.weights, 0)
    again = rewrite(model, src, src_vocab, tgt_vocab, {2: row.tolist()})
    assert again.tokens[:2] == own.tokens[:2]
    assert_close(torch.tensor(again.weights[:2]), torch.tensor(own.weights[:2]))
    assert again.weights[2].tolist() == row.tolist()


def test_looking_at_another_letter_writes_that_letter(overfit, reversal):
    """The translation follows the weights: the point of editing by hand."""
    examples, src_vocab, tgt_vocab = reversal
    model = overfit("additive")[0]
    followed = 0
    chosen = [e for e in examples if len(e.src) >= 5]
    for example in chosen:
        own = translate(model, [example.src], src_vocab, tgt_vocab)[0]
        place = int(own.weights[3].argmax())
        again = rewrite(
            model, example.src, src_vocab, tgt_vocab, {1: row_at(own.weights, place)}
        )
        followed += again.tokens[1] == own.tokens[3]
    assert followed > len(chosen) / 2


def test_with_the_second_look_both_looks_are_replaced(make_model):
    src_vocab, tgt_vocab = Reversal(n_symbols=5, max_length=7).vocabs()
    sizes = {"src_vocab_size": len(src_vocab), "tgt_vocab_size": len(tgt_vocab)}
    model = make_model("additive", query="after", **sizes)
    torch.nn.init.constant_(model.decoder.output.bias[EOS], -100.0)  # never stop
    src = tuple(src_vocab.decode(range(4, 8)))
    everywhere = dict.fromkeys(range(3), [0.25] * 4)
    again = rewrite(model, src, src_vocab, tgt_vocab, everywhere, max_len=3)
    (expected,) = translate(edited(model, spread), [src], src_vocab, tgt_vocab, max_len=3)
    assert again.tokens == expected.tokens
    assert_close(torch.tensor(again.weights), torch.tensor(expected.weights))


def test_rewriting_leaves_the_model_alone(overfit, reversal):
    examples, src_vocab, tgt_vocab = reversal
    model = overfit("additive")[0]
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rewrite(model, examples[0].src, src_vocab, tgt_vocab, {})
    assert model.training
    model.eval()
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert not isinstance(model.decoder.attention, Edited)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_models_of_another_precision_can_be_rewritten(trained, dtype):
    model, src_vocab, tgt_vocab, src = trained
    model = copy.deepcopy(model).to(dtype)
    (own,) = translate(model, [src], src_vocab, tgt_vocab)
    for row in (row_at(own.weights, 0), row_at(own.weights, 0).int()):
        again = rewrite(model, src, src_vocab, tgt_vocab, {1: row})
        assert again.tokens[:1] == own.tokens[:1]
        assert again.weights[1].tolist() == row_at(own.weights, 0).tolist()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("name", EDITS)
def test_models_of_another_precision_can_be_edited(name, make_model, batch, dtype):
    model = make_model("additive").to(dtype)
    changed = edited(model, EDITS[name])
    for other in (changed, frozen(model)):
        found = other(batch).weights
        assert found.dtype == dtype
        if dtype is not torch.float64 and other is changed:
            assert entropy(found, batch.src_mask).isfinite().all()
    assert one_at_a_time(model, batch, EDITS[name]).isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert one_at_a_time(model.float(), batch, EDITS[name]).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_erasing_the_only_weight_shares_it_in_half_precision_too(dtype):
    weights = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]], dtype=dtype)
    mask = torch.tensor([[[True, True, True, False]]])
    expected = torch.tensor([[[0.0, 0.5, 0.5, 0.0]]], dtype=dtype)
    assert_close(erase(weights, mask), expected)


def test_pad_and_bos_are_never_rewritten(make_model):
    src_vocab, tgt_vocab = Reversal(n_symbols=5, max_length=7).vocabs()
    sizes = {"src_vocab_size": len(src_vocab), "tgt_vocab_size": len(tgt_vocab)}
    model = make_model("additive", **sizes)
    model.decoder.output.bias.data[[PAD, BOS]] = 100.0
    again = rewrite(model, ("a", "b"), src_vocab, tgt_vocab, {0: [0.5, 0.5]}, max_len=5)
    assert len(again.weights) == len(again.tokens) + again.finished


def test_the_mode_comes_back_after_an_error(trained):
    model, src_vocab, tgt_vocab, src = trained
    model.train()
    with pytest.raises(ValueError, match="distribution|shape"):
        rewrite(model, src, src_vocab, tgt_vocab, {1: [0.7] * 9})
    assert all(module.training for module in model.modules())
    model.eval()


def test_models_that_look_otherwise_have_another_text(make_model):
    model = make_model("additive")
    edits = [
        *EDITS.values(),
        *(partial(shuffle, seed=seed) for seed in range(3)),
        *(lambda w, mask, s=seed: shuffle(w, mask, s) for seed in range(3)),
        *(_shuffle_with(seed) for seed in range(3)),
        lambda w, mask: w,
    ]
    models = [model, frozen(model), *(edited(model, edit) for edit in edits)]
    assert len({str(m) for m in models}) == len(models)
    for edit in edits:  # and the same text in another process, where addresses differ
        assert str(edited(model, edit)) == str(edited(model, copy.copy(edit)))
        assert " at 0x" not in str(edited(model, edit))
    assert "edit=seq2seq_lib.interventions.shift" in str(edited(model, shift))


def _shuffle_with(seed):
    return lambda weights, mask: shuffle(weights, mask, seed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edits": {0: [0.5, 0.5]}}, "shape"),
        ({"edits": {0: [0.5] * 7}}, "distribution"),
        ({"edits": {0: [2.0, -1.0, *[0.0] * 5]}}, "distribution"),
        ({"edits": {99: [1.0, *[0.0] * 6]}}, r"steps \[99\].* 0 to 7"),
        ({"edits": {-1: [1.0, *[0.0] * 6]}}, r"steps \[-1\]"),
        ({"source": ()}, "empty"),
        ({"source": ("never",)}, "never"),
        ({"source": "ab"}, "sequence of tokens, got 'ab'"),
        ({"source": [1]}, "sequence of tokens, got"),
        ({"edits": {0.5: [1.0, *[0.0] * 6]}}, "Every step of edits must be a whole number"),
        ({"edits": {"0": [1.0, *[0.0] * 6]}}, "Every step of edits must be a whole number"),
        ({"max_len": 0}, "max_len"),
    ],
)
def test_what_cannot_be_rewritten_is_refused(
    overfit, reversal, change, message, no_shape_checks
):
    examples, src_vocab, tgt_vocab = reversal
    longest = max(examples, key=lambda e: len(e.src))
    assert len(longest.src) == 7
    given = {"source": longest.src, "edits": {}, **change}
    with pytest.raises(ValueError, match=message):
        rewrite(overfit("additive")[0], src_vocab=src_vocab, tgt_vocab=tgt_vocab, **given)


def test_the_wrong_vocabulary_is_refused(make_model, reversal):
    examples, src_vocab, tgt_vocab = reversal
    with pytest.raises(ValueError, match="vocabulary"):
        rewrite(make_model(), examples[0].src, src_vocab, tgt_vocab, {})


# --- entropy ---------------------------------------------------------------------------


def test_entropy_is_zero_for_one_word_and_the_logarithm_for_all(weights, mask):
    assert torch.all(entropy(harden(weights, mask[:, None]), mask) == 0)
    expected = torch.tensor(LENGTHS).log()[:, None].expand(BATCH, TGT)
    assert_close(entropy(spread(weights, mask[:, None]), mask), expected)


def test_entropy_of_a_known_row():
    weights = torch.tensor([[[0.5, 0.25, 0.25, 0.0]]])
    mask = torch.tensor([[True, True, True, False]])
    assert_close(entropy(weights, mask), torch.tensor([[1.5 * math.log(2)]]))


def test_weight_on_padding_has_no_entropy(weights, mask):
    with pytest.raises(ValueError, match="padding"):
        entropy(spread(weights, torch.ones_like(mask)[:, None]), mask)


def test_entropy_of_a_row_of_zeros_is_refused(weights, mask):
    with pytest.raises(ValueError, match="distribution"):
        entropy(weights * torch.tensor([1.0, 1, 1, 1, 0])[:, None], mask)


def test_edited_models_can_be_trained_on(make_model, batch):
    """Gradients flow through an edit, so a model can be trained under it."""
    model = edited(make_model("additive"), shift)
    token_loss(model(batch).logits, batch).backward()
    assert model.decoder.attention.attention.v.weight.grad.abs().sum() > 0


def test_the_fixed_contexts_memory_has_one_slot(make_model, batch):
    still = frozen(make_model("fixed"))
    encoded = still.encoder(batch.src_ids, batch.src_lengths)
    assert still.decoder.attention.memory(encoded).keys.shape == (len(batch), 1, 1)
    assert isinstance(still.decoder.attention.attention, FixedContext)


def test_sentences_of_one_word_survive_every_edit(overfit, reversal):
    examples, src_vocab, tgt_vocab = reversal
    model = overfit("additive")[0]
    short = [e.src for e in examples if len(e.src) == 1]
    assert encode([e for e in examples if len(e.src) == 1], src_vocab, tgt_vocab)
    own = [t.tokens for t in translate(model, short, src_vocab, tgt_vocab)]
    for edit in (shift, shuffle, spread):
        changed = translate(edited(model, edit), short, src_vocab, tgt_vocab)
        assert [t.tokens for t in changed] == own
