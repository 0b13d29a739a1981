"""Fresh inputs for assignment A4. The solutions in its notebook say what is right."""

import random
from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from checks.drawing import by_exercise, generator
from checks.exercise import Case

Link = tuple[int, int]
Table = dict[str, dict[str, float]]


def masks(rng: random.Random, batch: int, src_len: int) -> Tensor:
    """Real positions of a batch: the first sentence has all, the others gaps anywhere."""
    mask = torch.ones(batch, src_len, dtype=torch.bool)
    for i in range(1, batch):
        real = rng.sample(range(src_len), rng.randint(2, src_len - 1))
        mask[i] = False
        mask[i, real] = True
    return mask


def weights_with_junk(rng: random.Random, mask: Tensor, tgt_len: int) -> Tensor:
    """Rows that sum to 1 over the real positions, with junk on the others."""
    gen = generator(rng)
    shape = (len(mask), tgt_len, mask.shape[1])
    scores = 1.5 * torch.randn(shape, generator=gen)
    weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1)
    junk = 0.1 + torch.rand(shape, generator=gen)
    return torch.where(mask[:, None], weights, junk)


def links(rng: random.Random) -> Iterator[Case]:
    for rows, columns in ((7, 5), (5, 11), (11, 7), (13, 3)):
        tgt_len = rng.randint(2, rows - 2)
        src_len = rng.randint(2, columns - 1)
        mask = (torch.arange(columns) < src_len)[None]
        weights = weights_with_junk(rng, mask, rows)[0]
        # Every other row has its largest number on a real column.
        weights[::2, src_len:] = 0.0
        yield Case({"weights": weights, "tgt_len": tgt_len, "src_len": src_len})


def some_links(rng: random.Random, tgt_len: int, src_len: int, count: int) -> list[Link]:
    everywhere = [(t, s) for t in range(tgt_len) for s in range(src_len)]
    return rng.sample(everywhere, count)


def sentence(
    rng: random.Random, tgt_len: int, src_len: int, more: int
) -> tuple[list[Link], list[Link], list[Link]]:
    """Links found, sure and possible; ``more`` of the last are only possible."""
    possible = some_links(rng, tgt_len, src_len, tgt_len + more)
    sure = possible[:tgt_len]
    others = [
        link
        for link in some_links(rng, tgt_len, src_len, tgt_len * src_len)
        if link not in possible
    ]
    found = rng.sample(sure, rng.randint(1, tgt_len - 1))
    found += rng.sample(possible[tgt_len:], min(more, rng.randint(1, 2)))
    found += others[: rng.randint(1, 3)]
    return rng.sample(found, len(found)), sure, possible


def aer(rng: random.Random) -> Iterator[Case]:
    def corpus(*shapes: tuple[int, int, int]) -> Case:
        found, sure, possible = zip(*(sentence(rng, *s) for s in shapes), strict=True)
        return Case({"found": [*found], "sure": [*sure], "possible": [*possible]})

    yield corpus((5, 7, 0))
    yield corpus((11, 5, 0))
    yield corpus((3, 5, 4))
    yield corpus((7, 11, 3))
    yield corpus((2, 3, 1), (13, 7, 5), (5, 5, 0))
    yield corpus((11, 3, 2), (2, 5, 1), (3, 7, 2), (7, 5, 6))


def entropy(rng: random.Random) -> Iterator[Case]:
    for batch, tgt_len, src_len in ((3, 5, 7), (5, 2, 11), (7, 3, 5)):
        mask = masks(rng, batch, src_len)
        mask[1] = True
        weights = weights_with_junk(rng, mask, tgt_len)
        # In the second sentence, which has no padding, half of each row is zero.
        gone = rng.sample(range(src_len), src_len // 2)
        weights[1, :, gone] = 0.0
        weights[1] /= weights[1].sum(dim=-1, keepdim=True)
        yield Case({"weights": weights, "mask": mask})


def clear_order(scores: Tensor, log_probs: Tensor, done: Tensor) -> bool:
    """Whether the best continuations differ enough that rounding cannot swap them."""
    steps = log_probs.clone()
    steps[done] = -torch.inf
    steps[done, 0] = 0.0
    best = (scores[:, None] + steps).flatten().topk(len(scores) + 1).values
    return bool((best[:-1] - best[1:] > 1e-3).all())


def step(rng: random.Random) -> Iterator[Case]:
    def drawn(width: int, vocab: int, ended: int) -> tuple[Tensor, Tensor, Tensor]:
        gen = generator(rng)
        log_probs = (2 * torch.randn(width, vocab, generator=gen)).log_softmax(dim=-1)
        scores = -3 - 1.5 * torch.rand(width, generator=gen)
        done = torch.zeros(width, dtype=torch.bool)
        done[rng.sample(range(width), ended)] = True
        if ended:  # one of the finished is the best of all, so it has to be kept
            scores[done.nonzero()[0]] = -2.5
        return scores, log_probs, done

    sizes = [(3, 11, 0), (5, 7, 0), (7, 13, 0), (3, 7, 1), (5, 13, 2), (7, 5, 3)]
    for size in [*sizes, (5, 11, 0)]:
        scores, log_probs, done = drawn(*size)
        if size == (5, 11, 0):  # the very first step: one empty beginning
            scores = torch.full((5,), -torch.inf)
            scores[0] = 0.0
        while not clear_order(scores, log_probs, done):
            log_probs = drawn(*size)[1]
        yield Case({"scores": scores, "log_probs": log_probs, "done": done})


def shares(rng: random.Random, words: list[str], end: float) -> dict[str, float]:
    """Random probabilities of the words, and ``end`` for the end."""
    raw = {word: 0.2 + rng.random() ** 2 for word in words}
    total = sum(raw.values())
    spread = {word: (1 - end) * p / total for word, p in raw.items()}
    found = [*spread.items(), ("<eos>", end)]
    return dict(rng.sample(found, len(found)))


def layered(rng: random.Random, depth: int, breadth: int) -> Table:
    """A table whose words never come back, so that no two sentences tie."""
    names = rng.sample("abcdefghijklmnop", breadth)
    layers = [[f"{name}{i}" for name in names] for i in range(depth)]
    table = {"<bos>": shares(rng, layers[0], rng.uniform(0.15, 0.25))}
    for layer, after in zip(layers, layers[1:], strict=False):
        for word in layer:
            table[word] = shares(rng, after, rng.uniform(0.1, 0.4))
    return table | {word: {"<eos>": 1.0} for word in layers[-1]}


def lift(rng: random.Random) -> Table:
    """A table in which better beginnings would push the first finished answer out."""
    up, down = rng.uniform(0.73, 0.79), rng.uniform(0.52, 0.57)
    return {
        "<bos>": {"stop": up, "<eos>": 1 - up},
        "stop": {"go": down, "wait": 1 - down},
        "go": {"<eos>": 0.9, "wait": 0.1},
        "wait": {"<eos>": 0.8, "then": 0.2},
        "then": {"<eos>": 1.0},
    }


def search(rng: random.Random) -> Iterator[Case]:
    def case(table: Table, width: int, max_len: int, alpha: float) -> Case:
        return Case({"table": table, "width": width, "max_len": max_len, "alpha": alpha})

    yield case(layered(rng, 6, 3), 1, 11, 0.0)
    yield case(layered(rng, 7, 2), 1, 9, 0.0)
    yield case(layered(rng, 6, 3), 3, 11, 0.0)
    yield case(layered(rng, 7, 4), 5, 9, 0.0)
    yield case(lift(rng), 2, 7, 0.0)
    yield case(layered(rng, 9, 3), 5, 3, 0.0)
    yield case(layered(rng, 9, 2), 7, 5, 0.0)
    yield case(layered(rng, 6, 3), 5, 11, 1.0)
    yield case(layered(rng, 6, 2), 7, 9, round(rng.uniform(0.4, 0.8), 2))


def edits(rng: random.Random) -> Iterator[Case]:
    def case(edit: str, size: tuple[int, int, int], gaps: bool, k: int = 0) -> Case:
        batch, tgt_len, src_len = size
        mask = masks(rng, batch, src_len)
        if not gaps:
            mask[:] = True
        weights = weights_with_junk(rng, mask, tgt_len)
        return Case({"edit": edit, "weights": weights, "mask": mask, "k": k})

    corner = case("erase", (5, 2, 7), gaps=True)
    mask, weights = corner.inputs["mask"], corner.inputs["weights"]
    only, place = rng.sample(range(7), 2)
    mask[2] = False
    mask[2, only] = True  # a sentence of one word
    weights[2, :, only] = 1.0
    mask[3, place] = True
    weights[3] = torch.where(mask[3], 0.0, weights[3])
    weights[3, :, place] = 1.0  # all weight on one of several words
    yield case("spread", (3, 5, 7), gaps=True)
    yield case("spread", (5, 2, 11), gaps=True)
    yield case("keep", (2, 3, 11), gaps=False, k=rng.randint(3, 5))
    yield case("keep", (3, 7, 5), gaps=False, k=2)
    yield case("keep", (5, 3, 7), gaps=True, k=1)
    yield case("keep", (7, 2, 11), gaps=True, k=7)
    yield case("erase", (2, 5, 7), gaps=False)
    yield case("erase", (5, 3, 11), gaps=True)
    yield corner


def aligned(
    rng: random.Random, offset: int, tgt_len: int, src_len: int
) -> tuple[Tensor, list[Link]]:
    """A table whose rows are ``offset`` words early or late, and the gold links."""
    gold = {t: rng.randrange(src_len) for t in range(tgt_len)}
    columns = []
    for t in range(tgt_len + 1):
        right = gold.get(t + offset, rng.randrange(src_len))
        columns.append(right if rng.random() < 0.85 else rng.randrange(src_len))
    weights = torch.rand(tgt_len + 1, src_len, generator=generator(rng))
    weights.scatter_(1, torch.tensor(columns)[:, None], 3.0)
    kept = rng.sample(sorted(gold), tgt_len - max(1, tgt_len // 5))
    return weights / weights.sum(dim=-1, keepdim=True), [(t, gold[t]) for t in kept]


def offset(rng: random.Random) -> Iterator[Case]:
    for true in rng.sample([-1, -1, 0, 1, 1], 5):
        sizes = [(7, 11), (2, 5), (13, 7), (5, 3), (11, 13)]
        pairs = [aligned(rng, true, *size) for size in rng.sample(sizes, 4)]
        weights, gold = zip(*pairs, strict=True)
        yield Case({"weights": [*weights], "gold": [*gold]})


def costs(rng: random.Random) -> Iterator[Case]:
    for batch, tgt_len, names in (
        (3, 7, ["content", "function"]),
        (7, 5, ["year", "month", "day"]),
        (5, 11, ["vowel", "consonant"]),
    ):
        gen = generator(rng)
        gold = torch.randint(4, 17, (batch, tgt_len), generator=gen)
        kinds = []
        for row in gold:
            length = rng.randint(2, tgt_len - 2)
            row[length], row[length + 1 :] = 2, 0
            kinds.append(rng.choices(names, k=length))
        kinds[0][:2] = names[:2]

        def near(ids: Tensor, kept: float, gen: Generator = gen) -> Tensor:
            """The ids, with some of them replaced."""
            others = torch.randint(4, 17, ids.shape, generator=gen)
            return torch.where(torch.rand(ids.shape, generator=gen) < kept, ids, others)

        own = near(gold, 0.6)
        edited = {
            "erase": near(own, 0.5),
            "spread": near(own, 0.2),
            "help": near(gold, 0.9),
        }
        inputs = {"own": own, "edited": edited, "gold": gold, "kinds": kinds}
        yield Case(inputs)


FRESH = by_exercise(links, aer, entropy, step, search, edits, offset, costs)
