"""Right answers to A2, as students write them."""

from collections.abc import Iterator


def table() -> Iterator[tuple[str, str, str]]:
    """Assignment and exercise, name, cells."""
    yield (
        "A2 start",
        "a star import in the answer's own cell, and %time",
        """
# %% answer
from math import *

def before_training(vocab, length):
    return dict(loss=log(vocab), token_accuracy=1 / vocab, exact_match=vocab ** -(length + 1))

%time before_training(10, 2)
""",
    )
    yield (
        "A2 start",
        "a lambda, NumPy's numbers, a defaultdict",
        """
import numpy as np
from collections import defaultdict
# %% answer
def _filled(**numbers):
    found = defaultdict(float)
    found.update(numbers)
    return found

before_training = lambda vocab, length: _filled(
    loss=-np.log(1 / np.float64(vocab)),
    token_accuracy=np.divide(1, vocab),
    exact_match=np.power(1.0 / vocab, length + 1),
)
""",
    )
    yield (
        "A2 start",
        "tensors as numbers, a constant of another cell, forward references",
        """
from __future__ import annotations
ONE = torch.tensor(1.0, dtype=torch.float64)
# %% answer
def before_training(vocab: int, length: Length) -> Expectation:
    p: Share = ONE / vocab
    return {"exact_match": p.pow(length + 1), "token_accuracy": p, "loss": -p.log()}
# %%
Length = int
Expectation = dict[str, torch.Tensor]
""",
    )
    yield (
        "A2 summary",
        "views: unflatten, transpose, flatten",
        """
# %% answer
def hand_over(last, layers, directions):
    return last.unflatten(0, (layers, directions))[-1].transpose(0, 1).flatten(1)

print(hand_over(torch.randn(4, 3, 5), 2, 2).shape)
hand_over(last, layers=2, directions=2)
""",
    )
    yield (
        "A2 summary",
        "the function itself compiled with torch.jit.script",
        """
# %% answer
@torch.jit.script
def hand_over(last: Tensor, layers: int, directions: int) -> Tensor:
    parts = []
    for d in range(directions):
        parts.append(last[(layers - 1) * directions + d])
    return torch.cat(parts, dim=1)
""",
    )
    yield (
        "A2 summary",
        "NumPy, float64, not contiguous, a default",
        """
import numpy as np
# %% answer
def hand_over(last, layers=1, directions=2):
    top = np.asarray(last, dtype=np.float64)[-directions:]
    return np.moveaxis(top, 0, 1).reshape(top.shape[1], -1)[:, ::-1][:, ::-1]
""",
    )
    yield (
        "A2 step",
        "einsum, and a try-out with made-up weights",
        """
# %% answer
def decoder_step(weights, prev_ids, dec_state, context):
    E, W, U, C, b, O, P = (weights[k] for k in "E W U C b O P".split())
    x = E[prev_ids]
    h = torch.einsum("be,eh->bh", x, W) + torch.einsum("bh,hk->bk", dec_state, U)
    h = (h + torch.einsum("bc,ch->bh", context, C) + b).tanh()
    return torch.einsum("bh,hv->bv", h, O) + torch.einsum("bc,cv->bv", context, P), h

sizes = {"E": (5, 2), "W": (2, 3), "U": (3, 3), "C": (4, 3), "b": (3,), "O": (3, 5), "P": (4, 5)}
torch.manual_seed(1)
made_up = {name: torch.randn(*size) for name, size in sizes.items()}
decoder_step(made_up, torch.tensor([1, 2]), torch.randn(2, 3), torch.randn(2, 4))
""",
    )
    yield (
        "A2 step",
        "a module of one's own in eval mode, subclassed",
        """
from torch import nn
from torch.nn import functional as F

class Base(nn.Module):
    def __init__(self, **weights):
        super().__init__()
        for name, value in weights.items():
            self.register_buffer(name, value.clone())
        self.dropout = nn.Dropout(0.5)
# %% answer
class Step(Base):
    def forward(self, ids, h, c):
        x = self.dropout(F.embedding(ids, self.E))
        h = torch.tanh(F.linear(x, self.W.t()) + F.linear(h, self.U.t(), self.b) + c @ self.C)
        return self.dropout(h) @ self.O + c @ self.P, h

def decoder_step(weights, prev_ids, dec_state, context):
    model = Step(**weights).eval()
    model.training and print("training")
    with torch.inference_mode():
        return model(prev_ids, dec_state, context)
""",
    )
    yield (
        "A2 step",
        "deep copies changed in place, results with gradients, a SimpleNamespace",
        """
from types import SimpleNamespace
from copy import deepcopy
# %% answer
def decoder_step(weights, prev_ids, dec_state, context):
    w = SimpleNamespace(**deepcopy(weights))
    for value in vars(w).values():
        value.requires_grad_(True)
    state = dec_state.clone()
    state = w.E.index_select(0, prev_ids).mm(w.W).add(state.mm(w.U)).add(context.mm(w.C))
    state = (state + w.b).tanh()
    logits = torch.cat([state, context], 1) @ torch.cat([w.O, w.P], 0)
    return [logits, state]
""",
    )
    yield (
        "A2 loss",
        "cross_entropy of the stacked logits, prints in the loop",
        """
import torch.nn.functional as F
# %% answer
def forced_loss(step, dec_state, tgt_ids):
    all_logits = []
    for i in range(tgt_ids.size(1) - 1):
        logits, dec_state = step(tgt_ids[:, i], dec_state)
        print(i, logits.shape)
        all_logits += [logits]
    all_logits = torch.stack(all_logits, 1)
    return F.cross_entropy(all_logits.flatten(0, 1), tgt_ids[:, 1:].flatten(), ignore_index=PAD)
""",
    )
    yield (
        "A2 loss",
        "a recursion, float64, a plain number",
        """
# %% answer
def _lost(step, state, columns):
    if len(columns) < 2:
        return 0.0
    logits, state = step(columns[0], state)
    p = logits.double().softmax(-1)
    mine = sum(-math.log(p[i, w]) for i, w in enumerate(columns[1].tolist()) if w != PAD)
    return mine + _lost(step, state, columns[1:])

def forced_loss(step, dec_state, tgt_ids):
    n = (tgt_ids[:, 1:] != PAD).sum().item()
    return _lost(step, dec_state, list(tgt_ids.unbind(1))) / n
""",
    )
    yield (
        "A2 loss",
        "no_grad, NLLLoss, pairs of columns, an error below",
        """
# %% answer
nll = torch.nn.NLLLoss(ignore_index=PAD, reduction="sum")

@torch.no_grad()
def forced_loss(step, dec_state, tgt_ids):
    lost = torch.tensor(0.0)
    for read, right in zip(tgt_ids.T[:-1], tgt_ids.T[1:]):
        logits, dec_state = step(read, dec_state)
        lost += nll(torch.log_softmax(logits, 1), right)
    return lost / tgt_ids[:, 1:].ne(PAD).sum()

forced_loss(step, dec_state, tgt_ids)
""",
    )
    yield (
        "A2 greedy",
        "plain lists, a while loop, NumPy's result",
        """
# %% answer
def decode_greedily(step, dec_state, max_len):
    n = dec_state.shape[0]
    rows, ended = [[] for _ in range(n)], [False] * n
    ids = torch.LongTensor([BOS] * n)
    t = 0
    while t < max_len and not all(ended):
        logits, dec_state = step(ids, dec_state)
        for i, row in enumerate(logits.tolist()):
            word = PAD if ended[i] else row.index(max(row))
            rows[i].append(word)
            ended[i] = ended[i] or word == EOS
        ids = torch.tensor([row[-1] for row in rows])
        t += 1
    return torch.tensor(rows).numpy()
""",
    )
    yield (
        "A2 greedy",
        "a buffer that is cut, a set of unfinished rows",
        """
# %% answer
def decode_greedily(step, dec_state, max_len: int = 20):
    batch = len(dec_state)
    out = torch.zeros(max_len + 1, batch, dtype=torch.int64) + PAD
    out[0] = BOS
    unfinished = set(range(batch))
    for t in range(1, max_len + 1):
        logits, dec_state = step(out[t - 1].clone(), dec_state)
        best = torch.topk(logits, 1, dim=-1).indices.squeeze(-1)
        for i in sorted(unfinished):
            out[t, i] = best[i]
            if best[i] == EOS:
                unfinished.discard(i)
        if not unfinished:
            break
    return out[1 : t + 1].t()
""",
    )
    yield (
        "A2 greedy",
        "a generator, masks as numbers, inference mode",
        """
# %% answer
def _columns(step, state, n):
    ids, alive = torch.full([state.size(0)], BOS), torch.ones(state.size(0)).long()
    for _ in range(n):
        if not alive.any():
            return
        scores, state = step(ids, state)
        ids = alive * scores.argmax(1) + (1 - alive) * PAD
        alive = alive * (ids != EOS).long()
        yield ids

@torch.inference_mode()
def decode_greedily(step, dec_state, max_len):
    return torch.stack([*_columns(step, dec_state, max_len)]).transpose(0, 1)
""",
    )
    yield (
        "A2 by-length",
        "NumPy's digitize, its numbers, lists for tuples",
        """
import numpy as np
# %% answer
def match_by_length(sources, hypotheses, references, edges):
    lengths = np.array([len(s) for s in sources])
    right = np.array([h == r for h, r in zip(hypotheses, references)])
    where = np.digitize(lengths, edges)
    found = []
    for i in range(1, len(edges)):
        mine = right[where == i]
        found.append([mine.size, mine.mean() if mine.size else None])
    return found
""",
    )
    yield (
        "A2 by-length",
        "a dataclass with a forward reference, and a plot",
        """
from __future__ import annotations
from dataclasses import dataclass
import matplotlib.pyplot as plt

@dataclass(order=True)
class Bucket:
    low: int
    high: int
    n: int = 0
    right: int = 0

    def holds(self, text: str) -> bool:
        return self.low <= len(text) < self.high

    def merged(self, other: Bucket) -> Bucket:
        return Bucket(self.low, other.high, self.n + other.n, self.right + other.right)
# %% answer
def match_by_length(sources, hypotheses, references, edges):
    buckets = [Bucket(a, b) for a, b in zip(edges, edges[1:])]
    for s, h, r in zip(sources, hypotheses, references):
        for bucket in buckets:
            if bucket.holds(s):
                bucket.n += 1
                bucket.right += h == r
    return [(b.n, b.right / b.n if b.n else None) for b in buckets]

plt.bar(range(2), [1, 2])
plt.savefig("bar.png")
""",
    )
    yield (
        "A2 by-length",
        "Counters, bisect, a function inside a function, a generator given out as a list",
        """
from bisect import bisect_right
from collections import Counter
# %% answer
def match_by_length(sources, hypotheses, references, edges):
    def bucket(text):
        return bisect_right(edges, len(text)) - 1
    n = Counter(map(bucket, sources))
    hits = Counter(bucket(s) for s, h, r in zip(sources, hypotheses, references) if h == r)
    return list((n[i], hits[i] / n[i]) if n[i] else (0, None) for i in range(len(edges) - 1))

match_by_length(["abc"], ["a"], ["a"], [0, 5])
# %%
sources = ["my own", "scratch"]
edges = None
""",
    )
    yield (
        "A2 fields",
        "a regular expression of another cell, defaults",
        """
import re
DATE = re.compile(r"^.{4}-.{2}-.{2}$", re.DOTALL)
FIELDS = {"year": (0, 4), "month": (5, 7), "day": (8, 10)}
# %% answer
def errors_by_field(hypotheses, references, fields=FIELDS, pattern=DATE):
    wrong = {}
    for name, (a, b) in fields.items():
        wrong[name] = sum(
            not pattern.match(h) or h[a:b] != r[a:b] for h, r in zip(hypotheses, references)
        ) / len(references)
    return wrong
""",
    )
    yield (
        "A2 fields",
        "split at the hyphens, an OrderedDict, names from elsewhere in the world",
        """
# %% answer
from collections import OrderedDict

def errors_by_field(hypotheses, references):
    año, mês, день = 0, 0, 0
    for ŷ, y in zip(hypotheses, references):
        teile = ŷ.split("-")
        gut = [len(t) for t in teile] == [4, 2, 2]
        r = y.split("-")
        año += not gut or teile[0] != r[0]
        mês += not gut or teile[1] != r[1]
        день += not gut or teile[2] != r[2]
    n = len(references)
    return OrderedDict([("year", año / n), ("month", mês / n), ("day", день / n)])
""",
    )
    yield (
        "A2 fields",
        "exceptions for what is no date, NumPy's mean, an unused import",
        """
import pandas_that_is_not_installed
# %% answer
import numpy as np

class NoDate(ValueError):
    pass

def _parts(text):
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        raise NoDate(text)
    return text[:4], text[5:7], text[8:]

def errors_by_field(hypotheses, references):
    table = []
    for said, right in zip(hypotheses, references):
        try:
            row = [a != b for a, b in zip(_parts(said), _parts(right))]
        except NoDate:
            row = [True] * 3
        table.append(row)
    return dict(zip(("year", "month", "day"), np.mean(table, axis=0)))
""",
    )
    yield (
        "A2 harder",
        "NumPy's truth, an f-string that tells",
        """
import numpy as np
# %% answer
def is_harder(source, reference):
    seldom = np.array([" de " not in source, reference[8] == "0", reference[8] == "3"])
    print(f"{source=} {seldom!r}")
    return seldom.any()
""",
    )
    yield (
        "A2 harder",
        "a callable object, a regular expression with walrus",
        """
import re
# %% answer
class Harder:
    \"\"\"Objects can be called, too.\"\"\"
    PATTERN = re.compile(r" de ")

    def __call__(self, source: str, reference: str) -> bool:
        if (found := self.PATTERN.search(source)) is None:
            return True
        return reference[8] in "03"

is_harder = Harder()
is_harder("7 de mayo de 2031", "2031-05-07")
""",
    )
    yield (
        "A2 harder",
        "partial application, and a match statement",
        """
from functools import partial
# %% answer
def _harder(source, reference, words):
    match reference[8]:
        case "0" | "3":
            return True
        case _:
            return not any(word in source for word in words)

is_harder = partial(_harder, words=(" de ",))
compare(is_harder, valid_sources, valid_references, valid_answers)
""",
    )
