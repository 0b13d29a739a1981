"""Fresh cases of assignment A3, "Attention from scratch, on dates"."""

import random
from collections.abc import Iterator

import torch

from assignments.registry import public_module
from checks.drawing import by_exercise, generator, ragged_mask
from checks.exercise import Case

CHECKS = public_module("A3")  # which knows the recipe and how to draw dates


def lookup(rng: random.Random) -> Iterator[Case]:
    """Other sizes, and scores of both signs."""
    g = generator(rng)
    for size, src_len in ((5, 3), (3, 7), (2, 11), (1, 5)):
        query = torch.randn(size, generator=g)
        yield Case({"query": query, "states": torch.randn(src_len, size, generator=g)})


def scores(rng: random.Random) -> Iterator[Case]:
    """One query of one source, then batches; all axes have different primes."""
    g = generator(rng)

    def case(batch: int, tgt_len: int, src_len: int, sizes: tuple[int, int, int]) -> Case:
        query_dim, enc_dim, attn_dim = sizes
        return Case(
            {
                "query": torch.randn(batch, tgt_len, query_dim, generator=g),
                "enc_states": torch.randn(batch, src_len, enc_dim, generator=g),
                "W": torch.randn(attn_dim, query_dim, generator=g),
                "U": torch.randn(attn_dim, enc_dim, generator=g),
                "v": torch.randn(attn_dim, generator=g),
            }
        )

    yield case(1, 1, 7, (5, 3, 11))
    yield case(1, 1, 2, (3, 3, 3))
    yield case(2, 5, 7, (3, 11, 13))
    yield case(3, 2, 5, (11, 7, 2))
    yield case(5, 3, 3, (7, 7, 7))


def weights(rng: random.Random) -> Iterator[Case]:
    """Padding at the end and anywhere, one query, large scores, a source of padding."""
    g = generator(rng)
    for (batch, tgt_len, src_len), anywhere, scale in (
        ((2, 5, 7), False, 1.5),
        ((5, 3, 11), True, 1.5),
        ((3, 1, 5), True, 1.5),
        ((7, 2, 3), False, 90.0),
    ):
        scores = scale * torch.randn(batch, tgt_len, src_len, generator=g)
        if scale > 60:
            scores[0, 0, 0] = 3 * scale  # whatever was drawn, one is too large for exp
        mask = ragged_mask(rng, batch, src_len, anywhere=anywhere)
        yield Case({"scores": scores, "mask": mask})
    mask = ragged_mask(rng, 5, 7, anywhere=True)
    mask[rng.randrange(5)] = False
    scores = torch.randn(5, 2, 7, generator=g)
    yield Case({"scores": scores, "mask": mask}, "ValueError")


def context(rng: random.Random) -> Iterator[Case]:
    """Weights on one state, weights that mix, and weights with zeros on padding."""
    g = generator(rng)
    for batch, tgt_len, src_len, value_dim in ((2, 3, 5, 7), (3, 5, 2, 11)):
        chosen = [[rng.randrange(src_len) for _ in range(tgt_len)] for _ in range(batch)]
        hard = torch.eye(src_len)[torch.tensor(chosen)]
        values = 3 + torch.randn(batch, src_len, value_dim, generator=g)
        yield Case({"weights": hard, "values": values})
    for batch, tgt_len, src_len, value_dim in ((3, 2, 7, 5), (2, 7, 3, 13), (5, 1, 3, 3)):
        soft = torch.rand(batch, tgt_len, src_len, generator=g)
        soft = soft * ragged_mask(rng, batch, src_len, anywhere=True)[:, None]
        soft = soft / soft.sum(dim=-1, keepdim=True)
        values = 3 + torch.randn(batch, src_len, value_dim, generator=g)
        yield Case({"weights": soft, "values": values})


def attention(rng: random.Random) -> Iterator[Case]:
    """Sizes that differ and sizes that agree, padding anywhere."""
    g = generator(rng)
    for batch, src_len, (query_dim, enc_dim, attn_dim) in (
        (2, 7, (3, 5, 11)),
        (3, 5, (7, 7, 7)),
        (5, 3, (2, 11, 7)),
    ):
        inputs = {
            "parameters": {
                "query_proj.weight": torch.randn(attn_dim, query_dim, generator=g),
                "key_proj.weight": torch.randn(attn_dim, enc_dim, generator=g),
                "v.weight": torch.randn(1, attn_dim, generator=g),
            },
            "enc_states": torch.randn(batch, src_len, enc_dim, generator=g),
            "mask": ragged_mask(rng, batch, src_len, anywhere=True),
            "queries": torch.randn(2, batch, query_dim, generator=g),
        }
        yield Case(inputs)


def step(rng: random.Random) -> Iterator[Case]:
    """Random layers; in the last case the cell is deaf to the context."""
    g = generator(rng)
    for batch, vocab, emb_dim, hidden, enc_dim, deaf in (
        (3, 13, 5, 7, 11, False),
        (5, 11, 3, 3, 3, False),
        (2, 7, 3, 5, 13, True),
    ):
        cell = torch.randn(3 * hidden, emb_dim + enc_dim, generator=g)
        if deaf:
            cell[:, emb_dim:] = 0.0
        embedding = torch.randn(vocab, emb_dim, generator=g)
        features = hidden + enc_dim + emb_dim
        ids = torch.tensor([rng.sample(range(1, vocab), 2) for _ in range(batch)])
        inputs = {
            "parameters": {
                "embedding.weight": embedding,
                "initial.weight": torch.randn(hidden, enc_dim, generator=g),
                "initial.bias": torch.randn(hidden, generator=g),
                "cell.weight_ih": cell,
                "cell.weight_hh": torch.randn(3 * hidden, hidden, generator=g),
                "cell.bias_ih": torch.randn(3 * hidden, generator=g),
                "cell.bias_hh": torch.randn(3 * hidden, generator=g),
                "output.weight": torch.randn(vocab, features, generator=g),
                "output.bias": torch.randn(vocab, generator=g),
            },
            "prev_ids": ids[:, 0],
            "other_ids": ids[:, 1],
            "dec_state": torch.randn(batch, hidden, generator=g),
            "context": torch.randn(batch, enc_dim, generator=g),
            "other_context": torch.randn(batch, enc_dim, generator=g),
            "weights": torch.rand(batch, 7, generator=g).softmax(dim=-1),
        }
        yield Case(inputs)


def gate(rng: random.Random) -> Iterator[Case]:
    """The whole recipe. The held-out dates are never sent to where the answer runs."""
    sources, targets = CHECKS.held_out(rng, CHECKS.RECIPE["locales"], 112)
    seen = {"sources": sources[:12], "targets": targets[:12]}
    right = {"sources": sources[12:], "targets": targets[12:]}
    yield Case({**CHECKS.RECIPE, **seen}, right)


def own(rng: random.Random) -> Iterator[Case]:
    """Lookups of other sizes, and the whole recipe."""
    g = generator(rng)
    sources, targets = CHECKS.held_out(rng, CHECKS.RECIPE["locales"], 100)
    yield CHECKS.lookup_case(g, 5, 7, (48, 96, 48))
    yield CHECKS.lookup_case(g, 2, 11, (32, 64, 32))
    yield Case({**CHECKS.RECIPE, "sources": sources}, targets)


FRESH = by_exercise(lookup, scores, weights, context, attention, step, gate, own)
