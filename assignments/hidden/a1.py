"""Fresh cases of assignment A1, "Batches and masks"."""

import random
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from assignments.hidden.a1_collates import RIGHT, versions
from checks.drawing import by_exercise, generator, ragged, ragged_mask
from checks.exercise import Case
from seq2seq_lib.vocab import EOS, PAD

VOCAB = 23


def words(rng: random.Random, n: int) -> list[int]:
    """``n`` ids of words; none is reserved."""
    return [rng.randrange(4, VOCAB) for _ in range(n)]


def padded(rows: Sequence[Sequence[int]], width: int) -> Tensor:
    """Rows with PAD at their ends, (batch, width)."""
    return torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows])


def pad(rng: random.Random) -> Iterator[Case]:
    """Widths below, at and above a multiple; an empty row."""
    for batch, longest, multiple in ((5, 7, 4), (3, 16, 8), (7, 11, 11), (2, 13, 1)):
        rows = [words(rng, n) for n in ragged(rng, batch, longest)]
        yield Case({"rows": rows, "multiple": multiple})
    rows = [[], words(rng, 5), words(rng, 2)]
    yield Case({"rows": rows, "multiple": rng.choice((3, 4))})


def placed(row: Sequence[int], width: int, side: str) -> list[int]:
    """A row with its padding on ``side``."""
    padding = [PAD] * (width - len(row))
    return [*padding, *row] if side == "left" else [*row, *padding]


def masks(rng: random.Random) -> Iterator[Case]:
    """Good rows between rows with a wrong length, a hole, or on the wrong side."""
    for batch, width, side in ((11, 7, "right"), (13, 5, "left"), (7, 17, "right")):
        lengths = [rng.randint(2, width - 2) for _ in range(batch)]
        rows = [placed(words(rng, n), width, side) for n in lengths]
        bad = rng.sample(range(batch), 4)
        lengths[bad[0]] += 1
        lengths[bad[1]] -= 1
        rows[bad[2]] = placed(words(rng, lengths[bad[2]]), width, side)[::-1]
        hole = [*words(rng, lengths[bad[3]] - 1), PAD, *words(rng, 1)]
        rows[bad[3]] = placed(hole, width, side)
        lengths[next(r for r in range(batch) if r not in bad)] = width
        full = lengths.index(width)
        rows[full] = words(rng, width)
        inputs = {"src_ids": torch.tensor(rows), "src_lengths": lengths}
        yield Case(inputs | {"padding_side": side})


def shift(rng: random.Random) -> Iterator[Case]:
    """Ragged targets, one of them empty, and one batch that no row fills."""
    for batch, width, longest in ((5, 7, 7), (3, 11, 9), (13, 2, 2)):
        lengths = ragged(rng, batch, longest, shortest=0)
        rows = [words(rng, n) for n in lengths]
        yield Case({"tgt_ids": padded(rows, width)})


def loss_batch(rng: random.Random, lengths: Sequence[int], width: int) -> list[Tensor]:
    """Targets that end in EOS, and logits; sentences differ in how hard they are."""
    tgt_out = padded([[*words(rng, n - 1), EOS] for n in lengths], width)
    logits = torch.randn(*tgt_out.shape, VOCAB, generator=generator(rng))
    right = torch.zeros_like(logits).scatter_(-1, tgt_out[..., None], 1.0)
    known = torch.tensor([rng.uniform(0, 6) for _ in lengths])
    return [tgt_out, logits + known[:, None, None] * right]


def loss(rng: random.Random) -> Iterator[Case]:
    """Full batches; then padded ones, of very different numbers of tokens."""
    yield Case({"batches": [loss_batch(rng, [5, 5, 5], 5)]})
    lengths = ragged(rng, 7, 11)
    yield Case({"batches": [loss_batch(rng, lengths, 11)]})
    yield Case({"batches": [loss_batch(rng, lengths, 13)]})
    yield Case({"batches": [loss_batch(rng, [7] * batch, 7) for batch in (1, 5, 3)]})
    several = [
        loss_batch(rng, [*ragged(rng, batch, longest), 1], 7)
        for batch, longest in ((11, 3), (2, 7), (5, 5))
    ]
    yield Case({"batches": several})


def states(rng: random.Random, *shape: int) -> Tensor:
    """States of which many components are below zero in every row."""
    values = torch.randn(*shape, generator=generator(rng))
    values[..., ::2] = -values[..., ::2].abs() - 0.1
    return values


def span(rng: random.Random, width: int, holes: bool) -> list[bool]:
    """One row of a mask: a stretch of real tokens, perhaps with holes."""
    start = rng.randint(1, width - 3)
    stop = rng.randint(start + 2, width)
    row = [start <= j < stop for j in range(width)]
    if holes and stop - start > 2:
        row[rng.randint(start + 1, stop - 2)] = False
    return row


def anywhere(rng: random.Random, batch: int, width: int, holes: bool = True) -> Tensor:
    """A mask with padding on both sides; in its first row at the start."""
    rows = [span(rng, width, holes) for _ in range(batch - 1)]
    return torch.tensor([[j >= 2 for j in range(width)], *rows])


def ends(rng: random.Random) -> Iterator[Case]:
    """Padding at the end, at the start, on both sides and inside."""
    for batch, width, hidden, mask in (
        (5, 7, 3, ragged_mask),
        (11, 5, 2, ragged_mask),
        (3, 11, 5, anywhere),
        (7, 13, 2, anywhere),
    ):
        src_mask, shape = mask(rng, batch, width), (batch, width, 2 * hidden)
        enc_states = torch.randn(shape, generator=generator(rng))
        yield Case({"src_mask": src_mask, "enc_states": enc_states})


def pool(rng: random.Random) -> Iterator[Case]:
    """Numbers on the padding, and then no numbers at all."""
    for batch, width, enc_dim, mask, odd in (
        (5, 7, 3, ragged_mask, ()),
        (3, 11, 13, anywhere, ()),
        (7, 5, 2, ragged_mask, ("inf", "nan")),
        (2, 13, 5, anywhere, ("nan", "-inf")),
    ):
        src_mask = mask(rng, batch, width)
        enc_states = states(rng, batch, width, enc_dim)
        enc_states[~src_mask] *= 9.0
        for place, text in zip((~src_mask).nonzero().tolist(), odd * 99, strict=False):
            enc_states[tuple(place)] = float(text)
        yield Case({"enc_states": enc_states, "src_mask": src_mask})


def buckets(rng: random.Random) -> Iterator[Case]:
    """Many pairs of few lengths, so that many have the same."""
    for pairs, longest, size in ((83, 7, 5), (61, 4, 3), (97, 11, 8)):
        lengths = [rng.randint(1, longest) for _ in range(pairs)]
        some = rng.sample(range(pairs), 17)
        yield Case(
            {
                "batches": [some[:2], some[2:7], some[7:]],
                "src_lengths": lengths,
                "batch_size": size,
                "seed": rng.randrange(1000),
            }
        )


Lengths = Sequence[Sequence[int]]


def filled(lengths: Lengths, budget: int, key: Callable[[int], object]) -> int:
    """The number of batches when pairs are taken in the order of ``key``."""
    batches, size, wide = 0, 0, [0, 0]
    for i in sorted(range(len(lengths)), key=key):  # type: ignore[arg-type]
        wider = [max(w, n) for w, n in zip(wide, lengths[i], strict=True)]
        if batches and (size + 1) * sum(wider) <= budget:
            size, wide = size + 1, wider
        else:
            batches, size, wide = batches + 1, 1, list(lengths[i])
    return batches


def levels(lengths: Lengths, budget: int) -> dict[str, int]:
    """How many batches each level of exercise 8 allows.

    Sorting by one side alone is the measure of "both"; sorting by the longer side is
    the best simple strategy that we know, and one batch more is allowed.
    """
    in_order = filled(lengths, budget, lambda i: i)
    one_side = min(
        filled(lengths, budget, lambda i: lengths[i][0]),
        filled(lengths, budget, lambda i: lengths[i][1]),
    )
    best = filled(lengths, budget, lambda i: max(lengths[i]))
    return {
        "in_order": in_order,
        "length": (in_order + best) // 2,
        "both": one_side - (one_side - best + 3) // 4,
        "best": best + 1,
    }


def drawn(rng: random.Random, mean: float) -> int:
    """A length from 1 to 60 near ``mean``."""
    return min(60, max(1, round(mean + rng.gauss(0, 7))))


def budget(rng: random.Random) -> Iterator[Case]:
    """Pairs whose two lengths are related, but loosely."""
    for pairs, cells in ((401, 397), (503, 499)):
        lengths = []
        for _ in range(pairs):
            mean = rng.lognormvariate(2.5, 0.6)
            lengths.append([drawn(rng, mean), drawn(rng, mean)])
        yield Case({"budget": cells, "lengths": lengths}, levels(lengths, cells))


def promise(rng: random.Random) -> Iterator[Case]:
    """Versions of ``collate`` that nobody has seen, in an order that nobody knows."""
    drawn = versions(rng)
    rng.shuffle(drawn)
    for version in drawn:
        yield Case({"version": version}, {"said": version.kind == RIGHT})


FRESH = by_exercise(pad, masks, shift, loss, ends, pool, buckets, budget, promise)
