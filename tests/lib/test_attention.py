"""Looking things up: parity with PyTorch, exact zeros, no state, clear refusals."""

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from seq2seq_lib.attention import (
    MECHANISMS,
    Additive,
    Attention,
    Dot,
    FixedContext,
    General,
    Memory,
    MultiHead,
    Uniform,
    build_attention,
    masked_softmax,
    weighted_sum,
)
from seq2seq_lib.encoder import Encoded

BATCH, TGT, SRC = 3, 5, 7
QUERY, ENC, ATTN = 11, 13, 17

MASK = torch.tensor(
    [[True] * 7, [True] * 2 + [False] * 5, [False, True, True, False, True, False, False]]
)


# Who weighs a slot by its place, and who remembers what was asked before.
PLACED, IN_ORDER = {"location", "local_m", "local_p"}, {"local_m", "coverage"}
SIZES = {
    "location": {"positions": 19},
    "local_m": {"window": 2},
    "local_p": {"window": 4},
    "multi_head": {"heads": 2},
}


@pytest.fixture(params=[name for name in MECHANISMS if name != "fixed"])
def name(request):
    """Every attention with one slot per source token."""
    return request.param


@pytest.fixture
def looking(name):
    """Such an attention, with queries of its size."""
    query_dim = {"dot": ENC, "dot_unscaled": ENC, "multi_head": 2 * QUERY}.get(name, QUERY)
    attention = build_attention(name, query_dim, ENC, **SIZES.get(name, {}))
    return attention, torch.randn(BATCH, TGT, query_dim)


@pytest.fixture
def encoded():
    states = torch.randn(BATCH, SRC, ENC).masked_fill(~MASK[:, :, None], 0.0)
    return Encoded(states, torch.randn(BATCH, ENC), MASK)


# --- the functions ---------------------------------------------------------------------

rows = st.lists(st.booleans(), min_size=SRC, max_size=SRC).filter(any)


@given(st.lists(rows, min_size=1, max_size=5), st.integers(0, 999), st.floats(0, 1e4))
def test_weights_sum_to_one_and_are_exactly_zero_on_padding(mask, seed, size):
    mask = torch.tensor(mask)
    generator = torch.Generator().manual_seed(seed)
    scores = size * torch.randn(len(mask), TGT, SRC, generator=generator)
    weights = masked_softmax(scores, mask)
    assert torch.all(weights >= 0)
    assert torch.all(weights[~mask[:, None, :].expand_as(weights)] == 0.0)
    assert_close(weights.sum(dim=-1), torch.ones(len(mask), TGT))


def test_the_weights_of_the_real_positions_are_their_softmax():
    scores = torch.randn(BATCH, TGT, SRC)
    weights = masked_softmax(scores, MASK)
    for row in range(BATCH):
        real = MASK[row]
        assert_close(weights[row][:, real], scores[row][:, real].softmax(dim=-1))


def test_masking_leaves_the_scores_as_they_were():
    scores = torch.randn(BATCH, TGT, SRC)
    before = scores.clone()
    masked_softmax(scores, MASK)
    assert torch.equal(scores, before)


def test_a_mask_row_without_a_real_position_is_named():
    mask = MASK.clone()
    mask[1] = False
    with pytest.raises(ValueError, match="Row 1 of the mask has no valid position"):
        masked_softmax(torch.randn(BATCH, TGT, SRC), mask)


def test_a_mask_of_another_shape_is_refused(no_shape_checks):
    with pytest.raises(ValueError, match=r"\(3, 7\).*got \(3, 5\)"):
        masked_softmax(torch.randn(BATCH, TGT, SRC), MASK[:, :TGT])


def test_a_weighted_sum_is_what_its_loop_says():
    weights, values = torch.randn(BATCH, TGT, SRC), torch.randn(BATCH, SRC, ENC)
    looped = torch.zeros(BATCH, TGT, ENC)
    for b in range(BATCH):
        for t in range(TGT):
            for s in range(SRC):
                looped[b, t] += weights[b, t, s] * values[b, s]
    assert_close(weighted_sum(weights, values), looped)


# --- all mechanisms --------------------------------------------------------------------


def test_every_mechanism_keeps_the_one_signature(looking, encoded):
    attention, query = looking
    context, weights = attention(query, *attention.memory(encoded))
    assert context.shape == (BATCH, TGT, ENC)
    assert weights.shape == (BATCH, TGT, SRC)
    assert torch.all(weights[~MASK[:, None, :].expand_as(weights)] == 0.0)
    assert_close(weights.sum(dim=-1), torch.ones(BATCH, TGT))
    if not isinstance(attention, MultiHead):  # whose values are projected
        assert_close(context, weighted_sum(weights, encoded.states))


def test_looking_once_is_looking_at_the_beginning_of_a_target(looking, encoded):
    attention, query = looking
    memory = attention.memory(encoded)
    context, weights, _ = attention.look(query, memory)
    once = attention(query, *memory)
    assert torch.equal(context, once[0]) and torch.equal(weights, once[1])


def test_a_look_goes_on_from_what_the_look_before_returned(looking, encoded):
    attention, query = looking
    memory, past, found = attention.memory(encoded), None, []
    for queries in query.split([2, 1, 2], dim=1):
        context, weights, past = attention.look(queries, memory, past)
        found.append((context, weights))
    contexts, weights = (torch.cat(part, dim=1) for part in zip(*found, strict=True))
    whole = attention.look(query, memory)
    assert_close(contexts, whole[0])
    assert_close(weights, whole[1])
    if past is not None:
        assert_close(past, whole[2])


def test_only_those_who_need_it_remember_and_their_rows_can_be_chosen(
    name, looking, encoded
):
    attention, query = looking
    memory = attention.memory(encoded)
    _, _, past = attention.look(query[:, :3], memory)
    assert (past is not None) == (name in IN_ORDER)
    rows = torch.tensor([2, 0, 2, 1])
    chosen = Memory(*(part[rows] for part in memory))
    kept = None if past is None else past[rows]
    context, weights, _ = attention.look(query[rows, 3:], chosen, kept)
    whole = attention.look(query, memory)
    assert_close(context, whole[0][rows, 3:])
    assert_close(weights, whole[1][rows, 3:])


def test_nothing_is_known_of_the_targets_before(looking, encoded):
    attention, query = looking
    memory = attention.memory(encoded)
    first, _, _ = attention.look(query, memory)
    again, _, _ = attention.look(query, memory)
    assert torch.equal(first, again)


@pytest.mark.parametrize("place", [0, 3, SRC - 1])
def test_a_single_real_slot_gets_all_the_weight(looking, encoded, place):
    attention, query = looking
    mask = torch.zeros_like(MASK)
    mask[:, place] = True
    states = encoded.states.requires_grad_()
    memory = attention.memory(encoded._replace(states=states, src_mask=mask))
    context, weights = attention(query, *memory)
    assert torch.equal(weights, mask[:, None].float().expand(BATCH, TGT, SRC))
    context.sum().backward()
    for part in (context, states.grad, *(p.grad for p in attention.parameters())):
        assert part is None or part.isfinite().all()


def test_what_lies_on_padding_cannot_be_seen(looking, encoded):
    attention, query = looking
    noise = torch.randn(BATCH, SRC, ENC)
    states = torch.where(MASK[:, :, None], encoded.states, noise)
    clean = attention(query, *attention.memory(encoded))
    noisy = attention(query, *attention.memory(encoded._replace(states=states)))
    assert torch.equal(clean[1], noisy[1])
    assert_close(clean[0], noisy[0])


def test_a_sentence_alone_is_attended_to_as_in_a_batch(looking, encoded):
    attention, query = looking
    context, weights = attention(query, *attention.memory(encoded))
    row, real = 2, MASK[2]
    alone = Encoded(
        encoded.states[row : row + 1, real],
        encoded.summary[row : row + 1],
        MASK[row : row + 1, real],
    )
    one_context, one_weights = attention(query[row : row + 1], *attention.memory(alone))
    assert_close(context[row], one_context[0])
    assert_close(weights[row][:, real], one_weights[0])


def test_queries_are_answered_independently_unless_something_is_remembered(
    name, looking, encoded
):
    attention, query = looking
    if name in IN_ORDER:
        memory, last = attention.memory(encoded), query[:, -1:]
        assert not torch.allclose(
            attention(query, *memory)[1][:, -1:], attention(last, *memory)[1]
        )
        return
    memory = attention.memory(encoded)
    context, weights = attention(query, *memory)
    for t in range(TGT):
        one_context, one_weights = attention(query[:, t : t + 1], *memory)
        assert_close(context[:, t], one_context[:, 0])
        assert_close(weights[:, t], one_weights[:, 0])


def test_moving_a_slot_moves_its_weight_unless_places_count(name, looking, encoded):
    attention, query = looking
    order = torch.randperm(SRC)
    moved = Encoded(encoded.states[:, order], encoded.summary, MASK[:, order])
    context, weights = attention(query, *attention.memory(encoded))
    moved_context, moved_weights = attention(query, *attention.memory(moved))
    if name in PLACED:
        assert not torch.allclose(moved_weights, weights[:, :, order])
        return
    assert_close(moved_weights, weights[:, :, order])
    assert_close(moved_context, context)


def test_nothing_is_stored(looking, encoded):
    attention, query = looking
    before = set(vars(attention)) | set(attention.state_dict())
    attention(query, *attention.memory(encoded))
    assert set(vars(attention)) | set(attention.state_dict()) == before
    assert not list(attention.buffers())


def test_gradients_are_finite_and_padding_gets_none(looking, encoded):
    attention, query = looking
    states = encoded.states.requires_grad_()
    context, _ = attention(query, *attention.memory(encoded._replace(states=states)))
    context.square().sum().backward()
    assert states.grad.isfinite().all()
    assert torch.all(states.grad[~MASK] == 0)
    assert torch.all(states.grad[MASK].abs().sum(dim=-1) > 0)
    for parameter in attention.parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0


@pytest.mark.parametrize("wrong", ["query", "keys"])
def test_states_of_another_size_are_refused_with_both_sizes(name, looking, encoded, wrong):
    attention, query = looking
    if name == "uniform":
        return  # compares nothing
    keys, values, mask = attention.memory(encoded)
    if name == "location" and wrong == "keys":
        return  # reads none
    query, keys = (query[..., :-1], keys) if wrong == "query" else (query, keys[..., :-1])
    size = (query if wrong == "query" else keys).shape[-1]
    with pytest.raises(ValueError, match=r"must have \d+ components, got \d+") as told:
        attention(query, keys, values, mask)
    assert {int(n) for n in re.findall(r"\d+", str(told.value))} == {size, size + 1}


def test_encoder_states_of_another_size_are_refused(name, looking, encoded):
    attention, _ = looking
    narrow = encoded._replace(states=encoded.states[..., :-1])
    if any(p.shape[-1] == ENC for p in attention.parameters()) and name != "concat":
        with pytest.raises(ValueError, match="must have 13 components, got 12"):
            attention.memory(narrow)


def test_sizes_that_disagree_break_the_annotated_shapes(looking, encoded):
    attention, query = looking
    keys, values, mask = attention.memory(encoded)
    for wrong in (
        (query[:2], keys, values, mask),
        (query, keys, values[:, :5], mask),
        (query, keys, values, mask[:, :5]),
    ):
        with pytest.raises(TypeCheckError, match="typechecking parameter"):
            attention(*wrong)


def test_without_checked_shapes_sizes_that_disagree_give_no_numbers(
    looking, encoded, no_shape_checks
):
    attention, query = looking
    keys, values, mask = attention.memory(encoded)
    with pytest.raises((RuntimeError, ValueError)):
        attention(query[:2], keys, values, mask)
    with pytest.raises(RuntimeError):
        attention(query, keys, values[:, :5], mask)
    # Both of these would be stretched to the memory's size, and padding looked at.
    for narrow in (mask[:, :1], mask[:1]):
        with pytest.raises(ValueError, match=r"mask must have shape.*\(3, 7\)"):
            attention(query, keys, values, narrow)


def test_a_source_without_a_real_token_is_refused(looking, encoded):
    attention, query = looking
    mask = MASK.clone()
    mask[2] = False
    with pytest.raises(ValueError, match="Row 2 of the mask"):
        attention(query, *attention.memory(encoded._replace(src_mask=mask)))


# --- each mechanism --------------------------------------------------------------------


def test_a_look_that_can_be_checked_with_a_pencil():
    """Scores that are logarithms, so that the weights are fractions.

    The query (ln 2, ln 3) meets the keys (1, 0), (0, 1), (1, 1) and a padded (9, 9): its
    scores are ln 2, ln 3, ln 6, its weights 2, 3 and 6 of 11 parts, and its context
    2/11 of 11 and 6/11 of 22. The query (0, 0) finds all alike: a third each.
    """
    query = torch.tensor([[[math.log(2), math.log(3)], [0.0, 0.0]]])
    keys = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [9.0, 9.0]]])
    values = torch.tensor([[[11.0], [0.0], [22.0], [1000.0]]])
    mask = torch.tensor([[True, True, True, False]])
    context, weights = Dot(2, 2, scaled=False)(query, keys, values, mask)
    expected = torch.tensor([[[2, 3, 6, 0], [11 / 3, 11 / 3, 11 / 3, 0]]]) / 11
    assert_close(weights, expected)
    assert_close(context, torch.tensor([[[14.0], [11.0]]]))


def test_what_a_mechanism_does_can_be_read_from_its_text(looking):
    texts = {str(build(ENC + 3, ENC + 3)) for build in MECHANISMS.values()}
    assert len(texts) == len(MECHANISMS)
    assert str(Dot(ENC, ENC)) == f"Dot(scale={1 / math.sqrt(ENC)})"


@pytest.mark.parametrize("scaled", [True, False])
def test_dot_equals_pytorchs_own_attention(encoded, scaled):
    query, values = torch.randn(BATCH, TGT, ENC), torch.randn(BATCH, SRC, ATTN)
    context, weights = Dot(ENC, ENC, scaled)(query, encoded.states, values, MASK)
    scale = {"scale": 1.0} if not scaled else {}
    expected = scaled_dot_product_attention(
        query, encoded.states, values, attn_mask=MASK[:, None, :], **scale
    )
    assert_close(context, expected)
    identity = torch.eye(SRC).expand(BATCH, SRC, SRC)
    assert_close(
        weights,
        scaled_dot_product_attention(
            query, encoded.states, identity, attn_mask=MASK[:, None, :], **scale
        ),
    )


def test_dot_needs_equal_sizes_and_says_how_to_get_them():
    with pytest.raises(ValueError, match="query_dim=11 and enc_dim=13.*dec_hidden"):
        Dot(QUERY, ENC)


def test_additive_equals_a_loop_over_the_papers_formula(encoded):
    attention = Additive(QUERY, ENC, ATTN)
    w, u, v = (
        attention.query_proj.weight,
        attention.key_proj.weight,
        attention.v.weight[0],
    )
    query = torch.randn(BATCH, TGT, QUERY)
    context, weights = attention(query, *attention.memory(encoded))
    for b in range(BATCH):
        for t in range(TGT):
            real = [s for s in range(SRC) if MASK[b, s]]
            energies = torch.stack(
                [v @ torch.tanh(w @ query[b, t] + u @ encoded.states[b, s]) for s in real]
            )
            shares = energies.exp() / energies.exp().sum()
            assert_close(weights[b, t, real], shares)
            looked_up = sum(
                a * encoded.states[b, s] for a, s in zip(shares, real, strict=True)
            )
            assert_close(context[b, t], looked_up)


def test_additive_projects_its_keys_once_per_source(encoded):
    attention = Additive(QUERY, ENC, ATTN)
    memory = attention.memory(encoded)
    assert memory.keys.shape == (BATCH, SRC, ATTN)
    assert torch.equal(memory.values, encoded.states)
    attention.key_proj.weight.data.fill_(float("nan"))  # not needed any more
    context, _ = attention(torch.randn(BATCH, TGT, QUERY), *memory)
    assert context.isfinite().all()


def test_additive_refuses_keys_that_nobody_projected(encoded):
    attention = Additive(QUERY, ENC, ATTN)
    query = torch.randn(BATCH, TGT, QUERY)
    with pytest.raises(ValueError, match="keys.* must have 17 components, got 13"):
        attention(query, encoded.states, encoded.states, MASK)


def test_uniform_gives_the_mean_of_the_real_states(encoded):
    attention = Uniform()
    context, weights = attention(torch.randn(BATCH, TGT, QUERY), *attention.memory(encoded))
    for row in range(BATCH):
        mean = encoded.states[row][MASK[row]].mean(dim=0)
        assert_close(context[row], mean.expand(TGT, ENC))
        assert_close(weights[row][:, MASK[row]].max(), 1 / MASK[row].sum())


def test_a_fixed_context_is_the_summary_whatever_is_asked():
    encoded = Encoded(
        torch.randn(BATCH, SRC, ENC),
        torch.randn(BATCH, ENC),
        torch.arange(SRC) < torch.tensor([7, 2, 5])[:, None],
    )
    attention = FixedContext()
    context, weights = attention(torch.randn(BATCH, TGT, QUERY), *attention.memory(encoded))
    assert torch.equal(context, encoded.summary[:, None, :].expand(BATCH, TGT, ENC))
    assert torch.equal(weights, torch.ones(BATCH, TGT, 1))


def test_mechanisms_without_parameters_have_none():
    for attention in (FixedContext(), Uniform(), Dot(ENC, ENC)):
        assert sum(p.numel() for p in attention.parameters()) == 0
    counted = sum(p.numel() for p in Additive(QUERY, ENC, ATTN).parameters())
    assert counted == ATTN * (QUERY + ENC + 1)


def test_a_mechanism_must_say_how_it_scores(encoded):
    attention = Attention()
    with pytest.raises(NotImplementedError):
        attention(torch.randn(BATCH, TGT, QUERY), *attention.memory(encoded))


def test_general_is_a_dot_product_after_a_linear_map(encoded):
    attention = General(QUERY, ENC)
    query = torch.randn(BATCH, TGT, QUERY)
    memory = attention.memory(encoded)
    scores = attention.scores(query, memory.keys)
    by_hand = query[1, 2] @ attention.key_proj.weight @ encoded.states[1, 1]
    assert_close(scores[1, 2, 1], by_hand)
    assert memory.keys.shape == (BATCH, SRC, QUERY)
