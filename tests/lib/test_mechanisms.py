"""Each way of looking: numbers for a pencil, PyTorch's own, and what it refuses."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from seq2seq_lib.attention import (
    MECHANISMS,
    Additive,
    Concat,
    Coverage,
    Dot,
    General,
    LocalMonotonic,
    LocalPredictive,
    Location,
    Memory,
    MultiHead,
    build_attention,
    join_heads,
    split_heads,
)
from seq2seq_lib.attention.local import distances, log_gaussian, within
from seq2seq_lib.encoder import Encoded

BATCH, TGT, SRC = 3, 5, 7
QUERY, ENC, ATTN = 11, 13, 17
LENGTHS = (7, 2, 5)
MASK = torch.arange(SRC) < torch.tensor(LENGTHS)[:, None]


@pytest.fixture
def encoded():
    states = torch.randn(BATCH, SRC, ENC).masked_fill(~MASK[:, :, None], 0.0)
    return Encoded(states, torch.randn(BATCH, ENC), MASK)


@pytest.fixture
def query():
    return torch.randn(BATCH, TGT, QUERY)


def filled(attention, **weights):
    """The same module with these numbers for its weights."""
    for name, numbers in weights.items():
        weight = getattr(attention, name).weight
        weight.data = torch.tensor(numbers, dtype=torch.float).view_as(weight)
    return attention


def one_sentence(*states, padding=0) -> Encoded:
    """A source of states with one component each, padded with nines."""
    column = torch.tensor([*states, *[9.0] * padding]).float()[None, :, None]
    mask = torch.arange(column.shape[1]) < len(states)
    return Encoded(column, torch.zeros(1, 1), mask[None])


def parts(*weights) -> torch.Tensor:
    """Weights in these proportions."""
    row = torch.tensor(weights, dtype=torch.float)
    return row / row.sum()


# --- with a pencil ---------------------------------------------------------------------


@pytest.mark.parametrize("build", [Additive, Concat])
def test_additive_and_concat_by_hand(build):
    """v tanh(1), v tanh(0) and v tanh(-1) are ln 2, 0 and -ln 2: 4, 2 and 1 parts of 7."""
    attention = filled(build(1, 1, 1), v=[math.log(2) / math.tanh(1)])
    halves = {"query_proj": [1.0], "key_proj": [1.0]}
    attention = filled(attention, **({"proj": [1, 1]} if build is Concat else halves))
    memory = attention.memory(one_sentence(0.0, -1.0, -2.0, padding=1))
    context, weights = attention(torch.ones(1, 1, 1), *memory)
    assert_close(weights[0, 0], parts(4, 2, 1, 0))
    assert_close(context[0, 0], torch.tensor([-4 / 7]))


def test_scaled_dot_by_hand():
    """Four components: 2 ln 2 becomes ln 2, so the first key has twice the weight."""
    query = torch.tensor([[[2 * math.log(2), 0, 0, 0]]])
    keys = torch.tensor([[[1.0, 5, 5, 5], [0, 5, 5, 5]]])
    _, weights = Dot(4, 4)(query, keys, keys, torch.ones(1, 2, dtype=torch.bool))
    assert_close(weights[0, 0], parts(2, 1))


def test_general_by_hand():
    """ln 2 times W h, which is 0, 1 and 2: 1, 2 and 4 parts."""
    attention = filled(General(1, 1), key_proj=[2.0])
    memory = attention.memory(one_sentence(0.0, 0.5, 1.0, padding=2))
    _, weights = attention(torch.full((1, 1, 1), math.log(2)), *memory)
    assert_close(weights[0, 0], parts(1, 2, 4, 0, 0))


def test_location_by_hand():
    """The table says 1, 2 and 5 parts; a shorter sentence uses its beginning."""
    table = [math.log(n) for n in (1, 2, 5)]
    attention = filled(Location(1, 1, positions=3), table=table)
    for source, expected in (
        (one_sentence(3.0, 4.0, 5.0), parts(1, 2, 5)),
        (one_sentence(7.0, 8.0, padding=1), parts(1, 2, 0)),
        (one_sentence(7.0, padding=4), parts(1, 0, 0, 0, 0)),
    ):
        _, weights = attention(torch.ones(1, 1, 1), *attention.memory(source))
        assert_close(weights[0, 0], expected)


def test_local_m_by_hand():
    """All keys score alike, so that only the window is seen; it stops at the last word."""
    attention = filled(LocalMonotonic(1, 1, window=1), key_proj=[0.0])
    memory = attention.memory(one_sentence(1.0, 2.0, 3.0, 4.0, padding=1))
    _, weights, past = attention.look(torch.ones(1, 6, 1), memory)
    first, inner = parts(1, 1, 0, 0, 0), [parts(1, 1, 1, 0, 0), parts(0, 1, 1, 1, 0)]
    last = parts(0, 0, 1, 1, 0)
    assert_close(weights[0], torch.stack([first, *inner, last, last, last]))
    assert past.tolist() == [6]


def test_local_p_by_hand():
    """The centre is half the length and sigma is 1: a bell over the second of four."""
    attention = filled(
        LocalPredictive(1, 1, window=2), key_proj=[0.0], place_hidden=[1.0], place=[0.0]
    )
    half = math.exp(-1 / 2)
    for source, expected in (
        (one_sentence(1.0, 2.0, 3.0, 4.0), parts(half, 1, half, math.exp(-2))),
        (one_sentence(1.0, 2.0, padding=2), parts(1, half, 0, 0)),
    ):
        _, weights = attention(torch.ones(1, 1, 1), *attention.memory(source))
        assert_close(weights[0, 0], expected)


def test_local_p_puts_its_centre_where_the_query_says():
    attention = filled(
        LocalPredictive(1, 1, window=1),
        key_proj=[0.0],
        place_hidden=[1.0],
        place=[math.log(3) / math.tanh(1)],
    )
    mask = torch.ones(1, 8, dtype=torch.bool)
    query = torch.tensor([[[1.0], [0.0], [-1.0]]])
    # sigmoid(ln 3) = 3/4 and sigmoid(-ln 3) = 1/4 of eight words
    assert_close(attention.centres(query, mask), torch.tensor([[6.0, 4.0, 2.0]]))


def test_coverage_by_hand():
    """The first look gives 3/4 and 1/4; then the first word is worth less.

    v tanh(1) is ln 3, and c C is -1 for what has 3/4: the scores of the second look are
    v tanh(0) and v tanh(-1/3).
    """
    v = math.log(3) / math.tanh(1)
    attention = filled(
        Coverage(1, 1, 1), query_proj=[0.0], key_proj=[1.0], v=[v], coverage_proj=[-4 / 3]
    )
    memory = attention.memory(one_sentence(1.0, 0.0, padding=1))
    _, weights, past = attention.look(torch.ones(1, 2, 1), memory)
    second = parts(1, math.exp(-v * math.tanh(1 / 3)), 0)
    assert_close(weights[0], torch.stack([parts(3, 1, 0), second]))
    assert_close(past[0], parts(3, 1, 0) + second)


def test_heads_by_hand():
    """Each head sees one component: 2 to 1 in the first, 1 to 3 in the second."""
    unit = [1.0, 0, 0, 1]
    attention = filled(
        MultiHead(2, 2, heads=2),
        **dict.fromkeys(("query_proj", "key_proj", "value_proj", "output_proj"), unit),
    )
    states = torch.eye(2)[None]
    encoded = Encoded(states, torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool))
    query = torch.tensor([[[math.log(2), math.log(3)]]])
    keys, values, mask = attention.memory(encoded)
    heads = attention.head_weights(query, keys, mask)[0, :, 0]
    assert_close(heads, torch.stack([parts(2, 1), parts(1, 3)]))
    context, weights = attention(query, keys, values, mask)
    assert_close(weights[0, 0], parts(11, 13))  # the mean
    assert_close(context[0, 0], torch.tensor([2 / 3, 3 / 4]))


# --- concat ----------------------------------------------------------------------------


def test_concat_is_additive_with_its_matrix_split(encoded, query):
    concat, additive = Concat(QUERY, ENC, ATTN), Additive(QUERY, ENC, ATTN)
    additive.v.load_state_dict(concat.v.state_dict())
    additive.query_proj.weight.data = concat.proj.weight.data[:, :QUERY]
    additive.key_proj.weight.data = concat.proj.weight.data[:, QUERY:]
    for found, expected in zip(
        concat(query, *concat.memory(encoded)),
        additive(query, *additive.memory(encoded)),
        strict=True,
    ):
        assert torch.equal(found, expected)
    n_parameters = [sum(p.numel() for p in a.parameters()) for a in (concat, additive)]
    assert n_parameters[0] == n_parameters[1]


def test_concat_equals_a_loop_over_the_papers_formula(encoded, query):
    concat = Concat(QUERY, ENC, ATTN)
    scores = concat.scores(query, concat.project_keys(encoded.states))
    for b in range(BATCH):
        for t in range(TGT):
            for s in range(SRC):
                both = torch.cat([query[b, t], encoded.states[b, s]])
                expected = concat.v.weight[0] @ torch.tanh(concat.proj.weight @ both)
                assert_close(scores[b, t, s], expected)


# --- location --------------------------------------------------------------------------


def test_a_table_has_no_answer_beyond_its_end(encoded, query):
    attention = Location(QUERY, ENC, positions=6)
    with pytest.raises(ValueError, match="has 6 positions, but source 0 .* has 7 tokens"):
        attention(query, *attention.memory(encoded))


def test_padding_beyond_the_table_is_no_reason_to_refuse(encoded, query):
    attention = Location(QUERY, ENC, positions=5)
    shorter = Encoded(*(part[1:] for part in encoded))
    _, weights = attention(query[1:], *attention.memory(shorter))
    assert not weights[:, :, 5:].any()
    narrow = Encoded(shorter.states[:, :5], shorter.summary, shorter.src_mask[:, :5])
    _, alone = attention(query[1:], *attention.memory(narrow))
    assert_close(weights[:, :, :5], alone)


def test_location_does_not_read_the_source(encoded, query):
    attention = Location(QUERY, ENC, positions=19)
    _, weights = attention(query, *attention.memory(encoded))
    other = encoded._replace(states=torch.randn_like(encoded.states))
    assert torch.equal(weights, attention(query, *attention.memory(other))[1])


# --- windows ---------------------------------------------------------------------------


def centres_of(attention, query, mask):
    """p_t of either kind."""
    if isinstance(attention, LocalPredictive):
        return attention.centres(query, mask)
    steps = torch.arange(1.0, query.shape[1] + 1)
    return torch.minimum(steps, mask.sum(dim=1, keepdim=True))


@pytest.mark.parametrize("build", [LocalMonotonic, LocalPredictive])
@pytest.mark.parametrize("window", [1, 2, 3])
def test_weights_are_zero_outside_of_the_window_and_nowhere_else(
    build, window, encoded, query
):
    attention = build(QUERY, ENC, window)
    _, weights = attention(3 * query, *attention.memory(encoded))
    centres = centres_of(attention, 3 * query, MASK)
    for b in range(BATCH):
        for t in range(TGT):
            for s in range(SRC):
                off = abs(s + 1 - centres[b, t].item())
                seen = s < LENGTHS[b] and off <= window
                assert (weights[b, t, s] > 0) == seen
    assert_close(weights.sum(dim=-1), torch.ones(BATCH, TGT))


def test_a_window_as_wide_as_the_sentence_is_general_attention(encoded, query):
    general, local = General(QUERY, ENC), LocalMonotonic(QUERY, ENC, window=SRC)
    local.load_state_dict(general.state_dict())
    found, expected = (a(query, *a.memory(encoded)) for a in (local, general))
    assert_close(found, expected)


def test_local_p_equals_a_loop_over_the_papers_formula(encoded, query):
    """The paper's weights, divided by their sum."""
    attention = LocalPredictive(QUERY, ENC, window=2)
    _, weights = attention(query, *attention.memory(encoded))
    w, w_p, v_p = (
        getattr(attention, name).weight for name in ("key_proj", "place_hidden", "place")
    )
    for b in range(BATCH):
        for t in range(TGT):
            s_t = query[b, t]
            p_t = LENGTHS[b] * torch.sigmoid(v_p[0] @ torch.tanh(w_p @ s_t))
            seen = [s for s in range(1, LENGTHS[b] + 1) if abs(s - p_t) <= 2]
            scores = torch.stack([s_t @ w @ encoded.states[b, s - 1] for s in seen])
            bell = torch.stack([torch.exp(-((s - p_t) ** 2) / (2 * 1.0**2)) for s in seen])
            papers = scores.softmax(dim=0) * bell
            assert_close(weights[b, t, [s - 1 for s in seen]], papers / papers.sum())


def test_where_a_window_is_learned_from_what_it_finds(encoded, query):
    attention = LocalPredictive(QUERY, ENC, window=3)
    context, _ = attention(query, *attention.memory(encoded))
    context.square().sum().backward()
    for name in ("place", "place_hidden"):
        assert getattr(attention, name).weight.grad.abs().sum() > 0


@pytest.mark.parametrize("centre, row", [(-0.5, 0), (8.0, 0), (2.5, 1)])
def test_a_window_outside_of_its_sentence_is_refused(centre, row):
    centres = torch.ones(BATCH, 1)
    centres[row] = centre
    message = f"between 0 and the {LENGTHS[row]} words .* got {centre:g} in row {row}"
    with pytest.raises(ValueError, match=message):
        distances(centres, MASK)


def test_distances_bells_and_windows_by_hand():
    apart = distances(torch.tensor([[2.0, 3.5]]), torch.ones(1, 4, dtype=torch.bool))
    expected = torch.tensor([[[-1.0, 0, 1, 2], [-2.5, -1.5, -0.5, 0.5]]])
    assert_close(apart, expected)
    assert within(apart, 1).tolist() == [
        [[True, True, True, False], [False, False, True, True]]
    ]
    assert_close(log_gaussian(apart, 2), -(expected**2) / 2)  # sigma = 1


# --- coverage --------------------------------------------------------------------------


def test_coverage_equals_a_loop_over_the_papers_formula(encoded, query):
    attention = Coverage(QUERY, ENC, ATTN)
    _, weights, past = attention.look(query, attention.memory(encoded))
    w, u, c, v = (
        getattr(attention, name).weight
        for name in ("query_proj", "key_proj", "coverage_proj", "v")
    )
    for b in range(BATCH):
        n, coverage = LENGTHS[b], torch.zeros(LENGTHS[b])
        for t in range(TGT):
            hidden = [
                w @ query[b, t] + u @ encoded.states[b, j] + c[:, 0] * coverage[j]
                for j in range(n)
            ]
            scores = torch.stack([v[0] @ torch.tanh(h) for h in hidden])
            assert_close(weights[b, t, :n], scores.softmax(dim=0))
            coverage = coverage + scores.softmax(dim=0)
        assert_close(past[b, :n], coverage)
        assert not past[b, n:].any()


def test_coverage_that_counts_nothing_is_additive(encoded, query):
    attention, additive = Coverage(QUERY, ENC, ATTN), Additive(QUERY, ENC, ATTN)
    additive.load_state_dict(attention.state_dict(), strict=False)
    torch.nn.init.zeros_(attention.coverage_proj.weight)
    found, expected = (a(query, *a.memory(encoded)) for a in (attention, additive))
    assert_close(found, expected)


# --- heads -----------------------------------------------------------------------------


def test_heads_are_split_and_joined_again():
    states = torch.randn(BATCH, SRC, 15)
    taken = split_heads(states, 5)
    assert taken.shape == (BATCH * 5, SRC, 3)
    assert torch.equal(taken[1 * 5 + 2], states[1, :, 6:9])
    assert torch.equal(join_heads(taken, 5), states)
    with pytest.raises(ValueError, match="4 heads cannot share 15 components"):
        split_heads(states, 4)


def copied(attention, enc_dim):
    """PyTorch's module with our weights."""
    size = attention.query_proj.in_features
    theirs = torch.nn.MultiheadAttention(
        size, attention.heads, bias=False, batch_first=True, kdim=enc_dim, vdim=enc_dim
    )
    projections = [
        getattr(attention, name).weight.data
        for name in ("query_proj", "key_proj", "value_proj")
    ]
    if enc_dim == size:
        theirs.in_proj_weight.data = torch.cat(projections)
    else:
        names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        for name, weight in zip(names, projections, strict=True):
            getattr(theirs, name).data = weight
    return theirs


@pytest.mark.parametrize("heads", [1, 2, 5])
@pytest.mark.parametrize("enc_dim", [10, 13])
def test_heads_are_those_of_pytorch(heads, enc_dim):
    attention = MultiHead(10, enc_dim, heads)
    states, query = torch.randn(BATCH, SRC, enc_dim), torch.randn(BATCH, TGT, 10)
    encoded = Encoded(states, torch.randn(BATCH, enc_dim), MASK)
    theirs = copied(attention, enc_dim)
    if enc_dim == 10:
        theirs.out_proj.weight.data = attention.output_proj.weight.data
    else:  # PyTorch's gives back the size of the query
        theirs.out_proj.weight.data = torch.eye(10)
    memory = attention.memory(encoded)
    context, weights = attention(query, *memory)
    found, mean = theirs(query, states, states, key_padding_mask=~MASK)
    assert_close(context, found if enc_dim == 10 else attention.output_proj(found))
    assert_close(weights, mean)
    _, each = theirs(
        query, states, states, key_padding_mask=~MASK, average_attn_weights=False
    )
    assert_close(attention.head_weights(query, memory.keys, MASK), each)


def test_heads_without_weights_of_their_own_are_pytorchs_dot_products():
    attention = MultiHead(12, 12, heads=3)
    for projection in attention.children():
        torch.nn.init.eye_(projection.weight)
    states, query = torch.randn(BATCH, SRC, 12), torch.randn(BATCH, TGT, 12)
    encoded = Encoded(states, torch.randn(BATCH, 12), MASK)
    context, _ = attention(query, *attention.memory(encoded))
    by_head = (
        part.unflatten(-1, (3, 4)).transpose(1, 2) for part in (query, states, states)
    )
    expected = scaled_dot_product_attention(*by_head, attn_mask=MASK[:, None, None])
    assert_close(context, expected.transpose(1, 2).flatten(2))


def test_one_head_is_a_scaled_dot_product_after_projections(encoded):
    attention, dot = MultiHead(ENC, ENC, heads=1), Dot(ENC, ENC)
    query = torch.randn(BATCH, TGT, ENC)
    keys, values, mask = attention.memory(encoded)
    found, weights = dot(attention.query_proj(query), keys, values, mask)
    context, mine = attention(query, keys, values, mask)
    assert_close(context, attention.output_proj(found))
    assert_close(mine, weights)


# --- learning --------------------------------------------------------------------------


def test_every_mechanism_learns_to_reverse(overfit, attention):
    _, history = overfit(attention)
    assert sum(history.losses[-5:]) < 0.5 * sum(history.losses[:5])


# --- by name ---------------------------------------------------------------------------


def test_an_unknown_name_lists_the_known_ones(no_shape_checks):
    with pytest.raises(ValueError) as told:
        build_attention("telepathy", 3, 5)
    assert "telepathy" in str(told.value)
    assert all(name in str(told.value) for name in MECHANISMS)


@pytest.mark.parametrize(
    "name, size, value",
    [
        *[("local_m", "window", n) for n in (0, -1, 10**6, 1.5, True)],
        *[("local_p", "window", n) for n in (0, 10**6, "2")],
        *[("location", "positions", n) for n in (0, -3, 10**6, 2.5)],
        *[("multi_head", "heads", n) for n in (0, -1, 1.5)],
    ],
)
def test_sizes_out_of_range_are_named(name, size, value, no_shape_checks):
    with pytest.raises(ValueError, match=f"{size} must .*got .*{value}"):
        build_attention(name, 6, 5, **{size: value})


def test_heads_have_to_divide_the_size():
    with pytest.raises(ValueError, match="11 is no multiple of 3"):
        MultiHead(11, 13, heads=3)


@pytest.mark.parametrize(
    "name, sizes",
    [("additive", {"heads": 2}), ("multi_head", {"window": 2}), ("dot", {"positions": 5})],
)
def test_a_size_for_others_is_refused(name, sizes):
    ((size, _),) = sizes.items()
    with pytest.raises(ValueError, match=f"{size}=. is for .*attention is '{name}'"):
        build_attention(name, 4, 4, **sizes)


def test_a_size_that_nobody_has_is_refused():
    with pytest.raises(ValueError, match="size='colour' .* heads, window, positions"):
        build_attention("dot", 4, 4, colour=3)


def test_a_memory_is_made_of_rows_that_a_search_can_choose(encoded):
    for name in MECHANISMS:
        attention = build_attention(name, 52 if name == "multi_head" else ENC, ENC)
        memory = attention.memory(encoded)
        assert isinstance(memory, Memory)
        assert {len(part) for part in memory} == {BATCH}
