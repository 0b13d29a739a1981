"""Right answers to A4, as students write them."""

from collections.abc import Iterator

from variants.sources import as_it_is


def table() -> Iterator[tuple[str, str, str]]:
    """Assignment and exercise, name, cells."""
    yield (
        "A4 links",
        "a first try with the mark, the answer in a new cell, a table that a loop fills",
        """
OFFSETS = {}
for start in range(3):
    OFFSETS[start] = 0
# %% answer
def links_of(weights, tgt_len, src_len):
    return set()
# %%
def links_of(weights, tgt_len, src_len):
    best = weights[:tgt_len, :src_len].argmax(-1).tolist()
    return {(t, s + OFFSETS[0]) for t, s in enumerate(best)}
""",
    )
    yield (
        "A4 aer",
        "beside it a comparison with the library's",
        """
# %% answer
def error_rate(found, sure, possible):
    agree = sum(len(f & s) + len(f & p) for f, s, p in zip(found, sure, possible))
    return 1 - agree / sum(len(f) + len(s) for f, s in zip(found, sure))

from seq2seq_lib.metrics import alignment_error_rate
print(alignment_error_rate([{(0, 0)}], [{(0, 0)}]), error_rate([{(0, 0)}], [{(0, 0)}], [{(0, 0)}]))
""",
    )
    yield (
        "A4 entropy",
        "torch.jit over two helpers of another cell, odd spaces in a formatted text",
        """
def logs(p: torch.Tensor) -> torch.Tensor:
    return torch.where(p > 0, p, torch.ones_like(p)).log2()

def plain(p: torch.Tensor) -> torch.Tensor:
    return -(p * logs(p)).sum(-1)

def told(rows): return f"{'\u00a0'.join(rows)}"
# %% answer
NAME = told(["bits"])

@torch.jit.script
def bits(weights: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return plain(weights * mask[:, None])
""",
    )
    yield (
        "A4 links",
        "NumPy's numbers in the pairs",
        """
import numpy as np
# %% answer
def links_of(weights, tgt_len, src_len):
    table = np.asarray(weights)[:tgt_len, :src_len]
    return set(zip(np.arange(tgt_len), table.argmax(axis=-1)))

links_of(torch.eye(3), 2, 3)
""",
    )
    yield (
        "A4 links",
        "a comprehension with max and a key, a frozenset",
        """
# %% answer
def links_of(weights, tgt_len, src_len):
    return frozenset(
        (t, max(range(src_len), key=lambda s: weights[t][s])) for t in range(tgt_len)
    )
""",
    )
    yield (
        "A4 links",
        "a loop that adds, prints and plots, and a scratch cell with its names",
        """
import matplotlib.pyplot as plt
# %% answer
def links_of(weights, tgt_len, src_len):
    links = set()
    for t in range(tgt_len):
        best = 0
        for s in range(1, src_len):
            if weights[t, s] > weights[t, best]:
                best = s
        links |= {(t, best)}
        print(t, "->", best)
    return links

plt.matshow(torch.eye(3))
# %%
def argmax(x):
    return 0

t = links = best = None
""",
    )
    yield (
        "A4 aer",
        "a tensor of float64 as the number, sums of generators",
        """
# %% answer
def error_rate(found, sure, possible):
    a = sum(len(f & s) for f, s in zip(found, sure))
    b = sum(len(f & p) for f, p in zip(found, possible))
    n = sum(map(len, found)) + sum(map(len, sure))
    return 1 - torch.tensor(a + b, dtype=torch.float64) / n
""",
    )
    yield (
        "A4 aer",
        "a dataclass that adds up, functools.reduce, NumPy's number",
        """
from dataclasses import dataclass
from functools import reduce
import numpy as np

@dataclass(frozen=True)
class Count:
    agreeing: int = 0
    total: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.agreeing + other.agreeing, self.total + other.total)
# %% answer
def error_rate(found, sure, possible):
    each = [Count(len(a & s) + len(a & p), len(a) + len(s))
            for a, s, p in zip(found, sure, possible)]
    whole = reduce(Count.__add__, each, Count())
    return np.float32(1) - np.float32(whole.agreeing) / np.float32(whole.total)
""",
    )
    yield (
        "A4 aer",
        "one-element tensor, intersections in a loop, an exit() below",
        """
# %% answer
def error_rate(found, sure, possible):
    numbers = torch.zeros(2)
    for i in range(len(found)):
        a, s, p = (set(x[i]) for x in (found, sure, possible))
        numbers += torch.tensor([len(a.intersection(s)) + len(a.intersection(p)),
                                 len(a) + len(s)])
    return (1 - numbers[:1] / numbers[1:])
""",
    )
    yield (
        "A4 entropy",
        "torch.special, masked_fill",
        """
# %% answer
def bits(weights, mask):
    p = weights.masked_fill(~mask.unsqueeze(1), 0)
    return torch.special.entr(p).sum(-1) / math.log(2)
""",
    )
    yield (
        "A4 entropy",
        "three loops over numbers, SciPy",
        """
from scipy.stats import entropy
# %% answer
def bits(weights, mask):
    table = []
    for rows, real in zip(weights, mask):
        table.append([float(entropy(row[real].numpy(), base=2)) for row in rows])
    return torch.tensor(table)
""",
    )
    yield (
        "A4 entropy",
        "NaN taken out, an expanded view, float16 in a print",
        """
# %% answer
@torch.no_grad()
def bits(weights, mask):
    m = mask[:, None].expand(-1, weights.shape[1], -1)
    p = weights.double().clone()
    p[~m] = 0
    print(p.half()[0])
    return torch.nan_to_num(-p * p.log2(), nan=0.0).sum(dim=2).T.T
""",
    )
    yield (
        "A4 step",
        "sorted in plain Python, tensors made of lists",
        """
# %% answer
def beam_step(scores, log_probs, done):
    ways = []
    for i, (score, row, ended) in enumerate(zip(scores.tolist(), log_probs.tolist(), done)):
        if ended:
            ways.append((score, i, PAD))
        else:
            ways += [(score + p, i, word) for word, p in enumerate(row)]
    ways = sorted(ways, reverse=True)[: len(scores)]
    worth, beams, words = zip(*ways)
    return torch.tensor(beams), torch.tensor(words), torch.tensor(worth)
""",
    )
    yield (
        "A4 step",
        "torch.div with a rounding mode, unravelled indices, a copy changed in place",
        """
# %% answer
def beam_step(scores, log_probs, done):
    p = log_probs.clone()
    p[done] = float("-inf")
    p[done, PAD] = 0
    p += scores.unsqueeze(1)
    order = p.reshape(-1).sort(descending=True, stable=True)
    best = order.indices[: len(scores)]
    beam = torch.div(best, p.shape[1], rounding_mode="floor")
    return beam, best.remainder(p.shape[1]), p[beam, best.remainder(p.shape[1])]
""",
    )
    yield (
        "A4 step",
        "lists of tensors that can be stacked, NumPy's argsort",
        """
import numpy as np
# %% answer
def beam_step(scores, log_probs, done):
    grown = np.where(done.numpy()[:, None], -np.inf, log_probs.numpy())
    grown[done.numpy(), PAD] = 0.0
    grown = grown + scores.numpy()[:, None]
    best = np.argsort(-grown, axis=None)[: len(scores)]
    beam, word = np.unravel_index(best, grown.shape)
    return beam, word, grown[beam, word]
""",
    )
    yield (
        "A4 search",
        "a heap, a recursion, tuples that are lists",
        """
import heapq
# %% answer
def search(step, width, max_len, alpha):
    finished = []

    def grow(beam, left):
        if not beam or not left:
            return
        ways = ((p + q, (*words, word)) for p, words in beam for word, q in step(words).items())
        best = heapq.nlargest(width - len(finished), ways, key=lambda way: way[0])
        finished.extend(way for way in best if way[1][-1] == "<eos>")
        grow([way for way in best if way[1][-1] != "<eos>"], left - 1)

    grow([(0.0, ())], max_len)
    worth = [[list(words), p / len(words) ** alpha] for p, words in finished]
    return sorted(worth, key=lambda pair: -pair[1])
""",
    )
    yield (
        "A4 search",
        "dataclasses in another cell, a cache around step, and a try-out",
        """
from dataclasses import dataclass
from functools import lru_cache

@dataclass
class Beam:
    words: tuple = ()
    p: float = 0.0

    @property
    def ended(self) -> bool:
        return self.words[-1:] == ("<eos>",)
# %% answer
def search(step, width, max_len, alpha):
    step = lru_cache(maxsize=None)(step)
    beams: list[Beam] = [Beam()]
    answers: list[Beam] = []
    for _ in range(max_len):
        new = [Beam(b.words + (w,), b.p + q) for b in beams for w, q in step(b.words).items()]
        new = sorted(new, key=lambda b: b.p)[::-1][: width - len(answers)]
        answers, beams = answers + [b for b in new if b.ended], [b for b in new if not b.ended]
        if not beams:
            break
    rank = lambda b: b.p / len(b.words) ** alpha
    return [(b.words, rank(b)) for b in sorted(answers, key=rank, reverse=True)]

for words, worth in search(table_step(TABLE), 3, 8, 1.0):
    print(words, worth)
""",
    )
    yield (
        "A4 search",
        "a loop with prints, a variable that has a forbidden module's name",
        """
# %% answer
def search(step, width, max_len, alpha):
    decoding, metrics = {(): 0.0}, {}
    while decoding:
        candidates = {}
        for words, p in decoding.items():
            for word, more in step(words).items():
                candidates[words + (word,)] = p + more
        free = width - len(metrics)
        kept = sorted(candidates, key=candidates.get, reverse=True)[:free]
        print(len(candidates), "->", len(kept))
        metrics.update({w: candidates[w] for w in kept if w[-1] == "<eos>"})
        decoding = {w: candidates[w] for w in kept if w[-1] != "<eos>" and len(w) < max_len}
    pairs = [(w, p / len(w) ** alpha) for w, p in metrics.items()]
    pairs.sort(key=lambda pair: pair[1], reverse=True)
    return pairs
""",
    )
    spread, keep, erase = as_it_is("A4", "edits").split("\n\n\n")
    yield (
        "A4 edits",
        "three functions in three cells, one of them without the mark",
        f"""
# %% answer
{spread}
# %%
print("and now the second one")
{keep}
# %% answer
{erase}
""",
    )
    yield (
        "A4 edits",
        "partial application, lambdas, a shared helper in another cell",
        """
from functools import partial

def real(weights, mask, other=0.0):
    return weights.where(mask[:, None], other)
# %% answer
def _normal(table):
    return table / table.sum(-1, keepdim=True)

spread = lambda weights, mask: _normal(mask.double()[:, None].repeat(1, weights.shape[1], 1))

def _kept(k, weights, mask):
    table = real(weights, mask)
    lowest = table.sort(-1, descending=True).values[..., k - 1 : k]
    return _normal(table * (table >= lowest))

def keep(weights, mask, k):
    return partial(_kept, k)(weights, mask)

def erase(weights, mask):
    table = real(weights, mask)
    best = torch.nn.functional.one_hot(table.argmax(-1), table.shape[-1]).bool()
    left = table.masked_fill(best, 0.0)
    only = left.sum(-1) == 0
    many = (mask.sum(-1) > 1)[:, None] & only
    others = (mask[:, None] & ~best).float()
    left[many] = others[many]
    left[only & ~many] = table[only & ~many]
    return _normal(left)
""",
    )
    yield (
        "A4 edits",
        "rows in loops, lists of tensors stacked, global constants",
        """
NOTHING = 0.0
# %% answer
def _each(weights, mask, change):
    return torch.stack([
        torch.stack([change(row, real) for row in rows]) for rows, real in zip(weights, mask)
    ])

def spread(weights, mask):
    return _each(weights, mask, lambda row, real: real.float() / real.sum())

def keep(weights, mask, k):
    def change(row, real):
        row = row * real
        out = torch.full_like(row, NOTHING)
        for s in sorted(range(len(row)), key=lambda s: -row[s])[:k]:
            out[s] = row[s]
        return out / out.sum()
    return _each(weights, mask, change)

def erase(weights, mask):
    def change(row, real):
        row = row * real
        out = row.clone()
        out[row.argmax()] = NOTHING
        if out.sum() == 0:
            out = ((row == 0) & real).float()
        return out / out.sum() if out.sum() > 0 else row
    return _each(weights, mask, change)
""",
    )
    yield (
        "A4 offset",
        "NumPy, a defaultdict whose keys are whole numbers",
        """
import numpy as np
from collections import defaultdict
# %% answer
def best_offset(weights, gold):
    rates = defaultdict(lambda: np.nan)
    for o in np.arange(-1, 2):
        hits = n = 0
        for table, links in zip(weights, gold):
            words = {t for t, _ in links}
            for row, s in enumerate(np.argmax(table.numpy(), axis=1)):
                if row + o in words:
                    n += 1
                    hits += (row + o, s) in links
            n += len(links)
        rates[int(o)] = 1 - 2 * hits / n
    return min(rates.items(), key=lambda item: item[1])[0], rates
""",
    )
    yield (
        "A4 offset",
        "an enumeration, a function in a function, a list for the pair",
        """
from enum import IntEnum

class Offset(IntEnum):
    BEFORE = -1
    SAME = 0
    AFTER = 1
# %% answer
def best_offset(weights, gold):
    def rate(offset):
        a = g = both = 0
        for table, links in zip(weights, gold):
            t_of = {t for t, s in links}
            mine = {(i + offset.value, int(row.argmax())) for i, row in enumerate(table)}
            mine = {(t, s) for t, s in mine if t in t_of}
            a, g, both = a + len(mine), g + len(links), both + len(mine & links)
        return 1 - 2 * both / (a + g)
    rates = {o.value: rate(o) for o in Offset}
    return [sorted(rates, key=rates.get)[0], rates]
""",
    )
    yield (
        "A4 offset",
        "deep copies changed on the way, tensors for numbers",
        """
from copy import deepcopy
# %% answer
def best_offset(weights, gold):
    rates = {}
    tables, gold = deepcopy(weights), deepcopy(gold)
    best = [[int(r.max(0)[1]) for r in table] for table in tables]
    for o in (-1, 0, 1):
        right = links = 0
        for row_of, g in zip(best, gold):
            t_with_link = sorted({t for t, _ in g})
            rows = [(t, row_of[t - o]) for t in t_with_link if 0 <= t - o < len(row_of)]
            right += len(g.intersection(rows))
            links += len(rows) + len(g)
        rates[o] = torch.tensor(1.0) - 2 * right / links
    return torch.tensor(min(rates, key=rates.get)), rates
""",
    )
    yield (
        "A4 costs",
        "nested defaultdicts and counters",
        """
from collections import Counter, defaultdict
# %% answer
def cost_table(own, edited, gold, kinds):
    table = defaultdict(lambda: defaultdict(dict))
    for name, ids in edited.items():
        n, changed, cost = Counter(), Counter(), Counter()
        for i, row in enumerate(kinds):
            for t, kind in enumerate(row):
                n[kind] += 1
                changed[kind] += int(own[i, t] != ids[i, t])
                cost[kind] += int(own[i, t] == gold[i, t]) - int(ids[i, t] == gold[i, t])
        for kind in n:
            table[name][kind]["changed"] = changed[kind] / n[kind]
            table[name][kind]["cost"] = cost[kind] / n[kind]
    return table
""",
    )
    yield (
        "A4 costs",
        "NumPy's masks and means, a TypedDict",
        """
import numpy as np
from typing import TypedDict

class Cell(TypedDict):
    changed: float
    cost: float
# %% answer
def cost_table(own, edited, gold, kinds) -> dict[str, dict[str, Cell]]:
    width = own.shape[1]
    names = np.array([[*row, *[""] * width][:width] for row in kinds], dtype=object)
    own, gold = own.numpy(), gold.numpy()
    found: dict[str, dict[str, Cell]] = {}
    for name, ids in edited.items():
        found[name] = {}
        for kind in np.unique(names[names != ""]):
            at = names == kind
            was, now = own[at] == gold[at], ids.numpy()[at] == gold[at]
            found[name][kind] = Cell(
                changed=(own[at] != ids.numpy()[at]).mean(),
                cost=was.mean() - now.mean(),
            )
    return found
""",
    )
    yield (
        "A4 costs",
        "a class with a property, warnings, tensors for numbers",
        """
import warnings
# %% answer
class Words:
    def __init__(self, kinds):
        self.places = [(i, t, kind) for i, row in enumerate(kinds) for t, kind in enumerate(row)]

    @property
    def kinds(self):
        return list(dict.fromkeys(kind for *_, kind in self.places))

    def of(self, kind):
        rows, columns = zip(*[(i, t) for i, t, k in self.places if k == kind])
        return torch.tensor(rows), torch.tensor(columns)

def cost_table(own, edited, gold, kinds):
    words = Words(kinds)
    warnings.warn(f"{len(words.places)} words")
    right = lambda ids, at: (ids[at] == gold[at]).float().mean()
    return {
        name: {
            kind: {"changed": (own[at] != ids[at]).float().mean(),
                   "cost": right(own, at) - right(ids, at)}
            for kind, at in ((kind, words.of(kind)) for kind in words.kinds)
        }
        for name, ids in edited.items()
    }
""",
    )
