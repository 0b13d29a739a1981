"""Right answers to A1, as students write them."""

from collections.abc import Iterator

from handing_in import changed

from variants.sources import as_it_is, each_line


def table() -> Iterator[tuple[str, str, str]]:
    """Assignment and exercise, name, cells."""
    yield (
        "A1 buckets",
        "NumPy's random in the place of Python's",
        "from numpy import random\n# %% answer\n"
        + changed("A1", "buckets", ("random.Random(seed)", "random.default_rng(seed)")),
    )
    yield (
        "A1 pad",
        "a reversed NumPy view, tried out with the notebook's own data",
        """
import numpy as np
# %% answer
def pad_to_multiple(rows, multiple):
    width = multiple * int(np.ceil(max(map(len, rows)) / multiple))
    found = np.zeros((len(rows), width), dtype=np.int64)
    for row, target in zip(rows, found):
        target[: len(row)] = row
    return found[::-1, ::-1][::-1, ::-1]

pad_to_multiple(src_rows[:3], 8)
print(src_rows[0], pad_to_multiple(src_rows[:40], 16).shape)
# %%
pad_to_multiple([[1, 2, 3], [4]], 2)
""",
    )
    yield (
        "A1 pad",
        "a helper with a forbidden function's name, below, with defaults and annotations",
        """
# %% answer
def pad_to_multiple(rows: list[list[int]], multiple: int = 8) -> torch.Tensor:
    width: int
    width = max(len(row) for row in rows)
    while width % multiple:
        width += 1
    return torch.stack([pad_sequence(row, width) for row in rows])
# %%
FILL = PAD

def pad_sequence(row, width, fill=FILL):
    return torch.tensor([*row] + [fill] * (width - len(row)))
""",
    )
    yield (
        "A1 pad",
        "Windows' line ends, tabs, and a recursion",
        each_line(
            """
# %% answer
def pad_to_multiple(rows, multiple):
\tdef widened(row, width):
\t\treturn row if len(row) >= width else widened(row + [PAD], width)
\twidth = (max(len(r) for r in rows) + multiple - 1) // multiple * multiple
\treturn torch.LongTensor([widened(list(row), width) for row in rows])
""",
            "",
            "\r",
        ),
    )
    first, second = as_it_is("A1", "masks").split("\n\n\n")
    yield (
        "A1 masks",
        "a cell split in two, prints and a plot between",
        f"""
# %% answer
{first}
# %%
import matplotlib.pyplot as plt
%matplotlib inline
plt.imshow(mask_from_lengths([3, 1, 2], 4, "left"))
plt.show()
# %% answer
{second}

for side in ("left", "right"):
    print(side, mask_from_lengths([1, 2], 3, side))
""",
    )
    untouched = second.partition('"""')[0] + "raise NotImplementedError"
    yield (
        "A1 masks",
        "functions spread over cells, the handed-out stub left standing",
        f"""
# %% answer
{first}


{untouched}
# %%
# I moved this one down here
{second}
""",
    )
    yield (
        "A1 masks",
        "forward references, names from elsewhere in the world, a dataclass",
        """
from dataclasses import dataclass, field

@dataclass
class Längen:
    Σ: list[int] = field(default_factory=list)
    größte: "int | None" = None
# %% answer
def mask_from_lengths(src_lengths: "Längen", src_len, padding_side) -> "Maske":
    längen = Längen([*src_lengths], src_len)
    мест = torch.arange(src_len).expand(len(längen.Σ), -1)
    if padding_side == "left":
        мест = src_len - 1 - мест
    return мест.lt(torch.as_tensor(längen.Σ).unsqueeze(1))

def disagreeing_rows(src_ids, src_lengths, padding_side):
    δ = mask_from_lengths(src_lengths, src_ids.size(1), padding_side) ^ src_ids.ne(PAD)
    return [i for i, zeile in enumerate(δ) if zeile.any()]
# %%
Maske = torch.Tensor
""",
    )
    yield (
        "A1 shift",
        "compiled with torch.jit.script",
        """
# %% answer
@torch.jit.script
def _shift(tgt_ids: torch.Tensor, bos: int, eos: int, pad: int):
    n, width = tgt_ids.shape
    tgt_in = torch.full((n, width + 1), bos)
    tgt_in[:, 1:] = tgt_ids
    tgt_out = torch.full((n, width + 1), pad)
    tgt_out[:, :-1] = tgt_ids
    for i in range(n):
        tgt_out[i, int((tgt_ids[i] != pad).sum())] = eos
    return tgt_in, tgt_out

def shift_targets(tgt_ids):
    return _shift(tgt_ids, BOS, EOS, PAD)
""",
    )
    yield (
        "A1 shift",
        "star imports, tensors that are not contiguous, a list of two",
        """
from seq2seq_lib.vocab import *
from itertools import *
# %% answer
def shift_targets(tgt_ids):
    from torch import cat, full
    column = full((1, len(tgt_ids)), BOS)
    tgt_in = cat([column, tgt_ids.T]).T
    tgt_out = cat([tgt_ids.T, column * 0 + PAD]).T
    ends = (tgt_out != PAD).sum(1, keepdim=True)
    return [tgt_in, tgt_out.scatter(1, ends, EOS)]

assert not shift_targets(torch.ones(3, 2).long())[0].is_contiguous()
""",
    )
    yield (
        "A1 shift",
        "plain lists in a loop, and an error after the answer",
        """
# %% answer
def shift_targets(tgt_ids):
    tgt_in, tgt_out = [], []
    for row in tgt_ids.tolist():
        words = [i for i in row if i != PAD]
        rest = [PAD] * (len(row) - len(words))
        tgt_in.append([BOS, *words, *rest])
        tgt_out.append([*words, EOS, *rest])
    return torch.tensor(tgt_in), torch.tensor(tgt_out)

shift_targets(tgt_rows_that_I_have_deleted)
""",
    )
    yield (
        "A1 loss",
        "a progress bar, prints in the loop, float64, a plain number",
        """
from tqdm.auto import tqdm
import torch.nn.functional as F
# %% answer
def mean_loss(batches):
    losses = []
    for step, (tgt_out, logits) in enumerate(tqdm(list(batches))):
        each = F.cross_entropy(logits.double().transpose(1, 2), tgt_out, reduction="none")
        losses += each[tgt_out != PAD].tolist()
        print(f"step {step}: {sum(losses) / max(1, len(losses)):.3f}", end="\\r")
    return sum(losses) / len(losses)
""",
    )
    yield (
        "A1 loss",
        "a result that still has its gradient, deep copies, no_grad",
        """
import copy
# %% answer
def mean_loss(batches):
    \"\"\"With gather.\"\"\"
    summe, anzahl = torch.zeros((), requires_grad=True), 0
    for tgt_out, logits in copy.deepcopy(batches):
        logits.requires_grad_()
        log_p = logits - logits.logsumexp(-1, keepdim=True)
        picked = log_p.gather(2, tgt_out[..., None])[..., 0]
        with torch.no_grad():
            anzahl += (tgt_out != PAD).sum().item()
        summe = summe - (picked * (tgt_out != PAD)).sum()
    return summe / anzahl
""",
    )
    yield (
        "A1 loss",
        "a class of its own with eval(), and a criterion made once",
        """
# %% answer
class Criterion(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.ce = torch.nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
        self.eval()

    def forward(self, logits, tgt_out):
        return self.ce(logits.reshape(-1, logits.size(-1)), tgt_out.reshape(-1))

criterion = Criterion().eval()

def mean_loss(batches):
    batches = list(batches)
    model = criterion
    model.eval()
    total = sum(model(logits, tgt) for tgt, logits in batches)
    return total / sum((tgt != PAD).sum() for tgt, _ in batches)
""",
    )
    yield (
        "A1 ends",
        "einsum, with a count along the mask",
        """
# %% answer
def summary_from_states(src_mask, enc_states):
    count = src_mask.cumsum(1)
    ends = ((count == src_mask.sum(1, keepdim=True)) & src_mask).float()
    starts = ((count == 1) & src_mask).float()
    half = enc_states.shape[-1] // 2
    last = torch.einsum("bs,bsd->bd", ends, enc_states[..., :half])
    first = torch.einsum("bs,bsd->bd", starts, enc_states[..., half:])
    return torch.cat((last, first), -1)
""",
    )
    yield (
        "A1 ends",
        "lambdas, a row at a time, stacked",
        """
# %% answer
ends_of = lambda row: (row.nonzero()[0].item(), row.nonzero()[-1].item())

def summary_from_states(src_mask, enc_states):
    rows = []
    for mask, states in zip(src_mask, enc_states):
        (first, last), d = ends_of(mask), states.shape[1] // 2
        rows.append(torch.hstack([states[last][:d], states[first][d:]]))
    return torch.stack(rows)

%timeit -n1 -r1 summary_from_states(torch.ones(2, 3, dtype=torch.bool), torch.ones(2, 3, 4))
""",
    )
    yield (
        "A1 ends",
        "NumPy in and out, and a warning",
        """
import numpy as np, warnings
# %% answer
def summary_from_states(src_mask, enc_states):
    warnings.warn("slow")
    mask, states = src_mask.numpy(), enc_states.detach().numpy().astype("float64")
    d = states.shape[2] // 2
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    first = mask.argmax(axis=1)
    rows = np.arange(len(mask))
    return np.concatenate([states[rows, last, :d], states[rows, first, d:]], axis=1)
""",
    )
    yield (
        "A1 pool",
        "a cell magic, shell lines, help, input, display",
        f"""
# %% answer
%%time
!ls
files = !ls
{as_it_is("A1", "pool")}

display(pool)
get_ipython().run_line_magic("timeit", "-n1 -r1 1 + 1")
_
pool?
""",
    )
    yield (
        "A1 pool",
        "a named tuple, a decorator, torch.no_grad",
        """
from collections import namedtuple
import functools
Pooled = namedtuple("Pooled", "mean highest")

def logged(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        found = function(*args, **kwargs)
        print(function.__name__, [tuple(f.shape) for f in found])
        return found
    return inner
# %% answer
@logged
@torch.no_grad()
def pool(src_mask, enc_states):
    m = src_mask.unsqueeze(-1)
    zero = torch.where(m, enc_states, torch.zeros_like(enc_states))
    low = torch.where(m, enc_states, torch.full_like(enc_states, float("-inf")))
    return Pooled(zero.sum(1) / m.sum(1), low.max(dim=1).values)
""",
    )
    yield (
        "A1 pool",
        "top-level await, and the checks imported again",
        f"""
import asyncio
await asyncio.sleep(0)
# %% answer
from a1_checks import check
import a1_checks
{as_it_is("A1", "pool")}

async def later():
    await asyncio.sleep(0)
    return check("pool", pool)

print(await later())
a1_checks.check("pool", pool)
""",
    )
    yield (
        "A1 buckets",
        "other names for modules, a cache, a closure that counts",
        """
import random as rnd
from functools import lru_cache
from itertools import *
# %% answer
def counter():
    n = 0
    def add(more):
        nonlocal n
        n += more
        return n
    return add

def padding_cells(batches, src_lengths):
    add = counter()
    for batch in batches:
        for i in batch:
            add(max(src_lengths[j] for j in batch) - src_lengths[i])
    return add(0)

@lru_cache
def chunk(ids, start, size):
    return list(islice(ids, start, start + size))

def bucketed(src_lengths, batch_size, seed):
    r = rnd.Random(seed)
    ids = [*range(len(src_lengths))]
    r.shuffle(ids)
    ids = tuple(sorted(ids, key=src_lengths.__getitem__))
    starts = takewhile(lambda k: k < len(ids), count(0, batch_size))
    chunks = [chunk(ids, k, batch_size) for k in starts]
    r.shuffle(chunks)
    return chunks
""",
    )
    yield (
        "A1 buckets",
        "methods of an object under the wanted names",
        """
# %% answer
class Buckets:
    def __init__(self, rng=random):
        self.rng = rng

    def cells(self, batches, src_lengths):
        lengths = torch.tensor(src_lengths)
        return sum(((lengths[b].max() - lengths[b]).sum() for b in batches), torch.tensor(0))

    def __call__(self, src_lengths, batch_size, seed):
        g = torch.Generator().manual_seed(seed)
        mixed = torch.randperm(len(src_lengths), generator=g)
        order = mixed[torch.tensor(src_lengths)[mixed].argsort(stable=True)]
        parts = order.split(batch_size)
        return [parts[i].tolist() for i in torch.randperm(len(parts), generator=g)]

buckets = Buckets()
padding_cells, bucketed = buckets.cells, buckets
""",
    )
    yield (
        "A1 buckets",
        "a generator, tuples, a global that is changed",
        """
# %% answer
SEEN = []

def padding_cells(batches, src_lengths):
    global SEEN
    SEEN = [src_lengths[i] for b in batches for i in b]
    return sum(len(b) * max(src_lengths[i] for i in b) for b in batches) - sum(SEEN)

def _chunks(order, n):
    while order:
        yield tuple(order[:n])
        order = order[n:]

def bucketed(src_lengths, batch_size, seed):
    random.seed(seed)
    order = sorted(range(len(src_lengths)), key=lambda i: (src_lengths[i], random.random()))
    found = list(_chunks(order, batch_size))
    random.shuffle(found)
    return tuple(found)
""",
    )
    yield (
        "A1 budget",
        "variables with the names of a library's modules",
        """
# %% answer
def batches_within(budget, lengths):
    attention = model = batching = None
    encoder = sorted(range(len(lengths)), key=lambda i: (max(lengths[i]), lengths[i]))
    assignments = [[]]
    for i in encoder:
        compile = assignments[-1] + [i]
        src, tgt = zip(*(lengths[j] for j in compile))
        if len(compile) * (max(src) + max(tgt)) <= budget or not assignments[-1]:
            assignments[-1] = compile
        else:
            assignments += [[i]]
    return assignments
""",
    )
    yield (
        "A1 budget",
        "a prompt copied along, and a text with odd line ends",
        "# %% answer\n"
        + "\n".join(
            (">>> " if line.startswith("def") else "... ") + line
            for line in as_it_is("A1", "budget").split("\n")
        ),
    )
    yield (
        "A1 budget",
        "a class with eval and exec, exit() and an assertion at the end",
        """
# %% answer
class Batcher:
    def exec(self, budget, lengths):
        self.eval()
        todo = sorted(range(len(lengths)), key=lambda i: max(lengths[i]), reverse=True)
        done = []
        while todo:
            take = 1
            while take < len(todo) and self.cost(todo[:take + 1], lengths) <= budget:
                take += 1
            done.append(todo[:take])
            todo = todo[take:]
        return done

    def eval(self):
        return self

    def cost(self, batch, lengths):
        return len(batch) * sum(max(side) for side in zip(*[lengths[i] for i in batch]))

def batches_within(budget, lengths):
    return Batcher().exec(budget, lengths)

TEXT = "one\u2028two\x85three"
assert TEXT is None, "not yet"
""",
    )
