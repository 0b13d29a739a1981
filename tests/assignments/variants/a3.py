"""Right answers to A3, as students write them."""

from collections.abc import Iterator

from handing_in import changed

from variants.sources import as_it_is


def table() -> Iterator[tuple[str, str, str]]:
    """Assignment and exercise, name, cells."""
    first, step = as_it_is("A3", "step").split("    def step(", 1)
    yield (
        "A3 step",
        "a class in two cells",
        f"{first}# %% answer\nclass Decoder(Decoder):\n    def step({step}",
    )
    yield (
        "A3 lookup",
        "lists of numbers in loops, stacked at the end",
        """
# %% answer
def look_up(query, states):
    scores = []
    for state in states:
        scores.append(sum(q * s for q, s in zip(query, state)))
    powers = [torch.exp(s - max(scores)) for s in scores]
    weights = [p / sum(powers) for p in powers]
    context = sum(w * state for w, state in zip(weights, states))
    return torch.stack(scores), torch.stack(weights), context
""",
    )
    yield (
        "A3 lookup",
        "NumPy and SciPy, float64",
        """
import numpy as np
from scipy.special import softmax
# %% answer
def look_up(query, states):
    q, H = query.numpy().astype(float), states.numpy().astype(float)
    scores = H.dot(q)
    alpha = softmax(scores)
    return scores, alpha, alpha.dot(H)

look_up(torch.ones(2), torch.eye(2))
""",
    )
    yield (
        "A3 lookup",
        "einsum, a dataclass for the parts, handed out as a tuple",
        """
from dataclasses import dataclass, astuple

@dataclass
class Look:
    scores: "torch.Tensor"
    weights: "torch.Tensor"
    context: "torch.Tensor"
# %% answer
def look_up(query: torch.Tensor, states: torch.Tensor) -> tuple:
    s = torch.einsum("d,sd->s", query, states)
    look = Look(s, torch.softmax(s, -1), torch.zeros(()))
    look.context = torch.einsum("s,sd->d", look.weights, states)
    return astuple(look)
""",
    )
    yield (
        "A3 scores",
        "linear layers of torch.nn.functional, a progress bar",
        """
import torch.nn.functional as F
from tqdm import tqdm
# %% answer
def additive_scores(query, enc_states, W, U, v):
    keys = F.linear(enc_states, U)
    columns = []
    for t in tqdm(range(query.size(1))):
        columns.append(F.linear((F.linear(query[:, t], W)[:, None] + keys).tanh(), v[None]))
    return torch.stack([c.squeeze(-1) for c in columns], dim=1)
""",
    )
    yield (
        "A3 scores",
        "compiled with torch.jit.script, contracted with einsum",
        """
# %% answer
@torch.jit.script
def additive_scores(query, enc_states, W, U, v):
    q = torch.einsum("btq,aq->bta", query, W).unsqueeze(2)
    k = torch.einsum("bse,ae->bsa", enc_states, U).unsqueeze(1)
    return torch.einsum("btsa,a->bts", torch.tanh(q + k), v)
""",
    )
    yield (
        "A3 scores",
        "four loops, and a result with a gradient that is not contiguous",
        """
# %% answer
def additive_scores(query, enc_states, W, U, v):
    B, T, S = len(query), query.shape[1], enc_states.shape[1]
    table = torch.zeros(B, S, T)
    for b in range(B):
        for t in range(T):
            for s in range(S):
                table[b, s, t] = v @ (W @ query[b, t] + U @ enc_states[b, s]).tanh()
    return table.requires_grad_().transpose(1, 2)

for size in (1, 2):
    print(additive_scores(*(torch.ones(size, size, size),) * 2, *(torch.ones(size, size),) * 2,
                          torch.ones(size)))
""",
    )
    yield (
        "A3 weights",
        "a subclass of the wanted error, from another cell",
        """
class EmptySource(ValueError):
    def __init__(self, row):
        super().__init__(f"row {row} is empty")
        self.row = row

def shares(numbers, dim=-1):
    return numbers / numbers.sum(dim, keepdim=True)
# %% answer
def masked_weights(scores, mask):
    for row, real in enumerate(mask.any(1).tolist()):
        if not real:
            raise EmptySource(row)
    hidden = scores.clone()
    hidden[~mask[:, None].expand_as(scores)] = float("-inf")
    return shares((hidden - hidden.amax(-1, keepdim=True)).exp())
""",
    )
    yield (
        "A3 weights",
        "a default that only its author uses, in the next exercise",
        """
# %% answer
def masked_weights(scores, mask, temperature=1.0, low=-torch.inf):
    if (mask.sum(-1) == 0).any():
        raise ValueError("nothing to look at") from None
    return torch.softmax((scores / temperature).masked_fill(mask.logical_not().unsqueeze(1),
                                                            low), dim=2)
""",
    )
    yield (
        "A3 weights",
        "the checks imported again, a forbidden name only in words",
        """
# %% answer
from a3_checks import check, held_out
import a3_checks
# not with MultiheadAttention or scaled_dot_product_attention

def masked_weights(scores, mask):
    \"\"\"As seq2seq_lib.attention does it.\"\"\"
    attention = scores.double().where(mask[:, None], torch.tensor(-float("inf")).double())
    if attention.isneginf().all(-1).any():
        raise ValueError("Every source needs a real token; MultiheadAttention gives nan.")
    return attention.softmax(-1).to(scores)

check("weights", masked_weights)
""",
    )
    yield (
        "A3 context",
        "a lambda and einsum",
        """
# %% answer
weighted_context = lambda weights, values: torch.einsum("bts,bsv->btv", weights, values)
weighted_context(torch.ones(1, 1, 2), torch.ones(1, 2, 1))
""",
    )
    yield (
        "A3 context",
        "broadcast and summed, no_grad, a failing assertion",
        """
# %% answer
def weighted_context(weights, values):
    with torch.no_grad():
        product = weights[..., None] * values[:, None]
        return product.sum(2)

assert weighted_context(torch.ones(1, 1, 1), torch.ones(1, 1, 1)).item() == 2, "just a try"
""",
    )
    yield (
        "A3 context",
        "bmm in float64 through a helper in another cell, timed",
        """
def in_double(function):
    def inner(*tensors, **named):
        named = {name: t.double() for name, t in named.items()}
        return function(*(t.double() for t in tensors), **named)
    return inner
# %% answer
%%time
@in_double
def weighted_context(weights, values):
    return weights.bmm(values)
""",
    )
    yield (
        "A3 attention",
        "a base class in another cell, eval() in the constructor, arguments by name",
        """
class Projected(nn.Module):
    def __init__(self, query_dim, enc_dim, attn_dim):
        super(Projected, self).__init__()
        self.query_proj = nn.Linear(query_dim, attn_dim, bias=False)
        self.key_proj = nn.Linear(enc_dim, attn_dim, bias=False)
        self.v = nn.Linear(attn_dim, 1, bias=False)
        self.dropout = nn.Dropout(0.5)
# %% answer
class AdditiveAttention(Projected):
    def __init__(self, *sizes, **more):
        super().__init__(*sizes, **more)
        self.dropout.eval()

    def memory(self, enc_states, mask):
        return (self.key_proj(enc_states), enc_states, mask)

    def forward(self, query, memory):
        keys, values, mask = memory
        h = self.dropout(torch.tanh(self.query_proj(query).unsqueeze(1) + keys))
        weights = masked_weights(scores=self.v(h).transpose(1, 2), mask=mask)
        return weighted_context(weights=weights, values=values).squeeze(1), weights.squeeze(1)
""",
    )
    yield (
        "A3 attention",
        "what the weights of exercise 3 take beyond what was asked",
        """
# %% answer
class AdditiveAttention(nn.Module):
    def __init__(self, query_dim, enc_dim, attn_dim):
        super().__init__()
        self.query_proj = nn.Linear(query_dim, attn_dim, bias=False)
        self.key_proj = nn.Linear(enc_dim, attn_dim, bias=False)
        self.v = nn.Linear(attn_dim, 1, bias=False)

    def memory(self, enc_states, mask):
        return self.key_proj(enc_states), enc_states, mask

    def forward(self, query, memory):
        keys, values, mask = memory
        scores = additive_scores_of_keys(self, query, keys)
        weights = masked_weights(scores, mask, temperature=1.0)
        return weighted_context(weights, values)[:, 0], weights[:, 0]
# %%
def additive_scores_of_keys(module, query, keys):
    return module.v(torch.tanh(module.query_proj(query)[:, None] + keys)).transpose(1, 2)
""",
    )
    yield (
        "A3 attention",
        "a named tuple as memory, the methods written below the class",
        """
from typing import NamedTuple

class Memory(NamedTuple):
    keys: torch.Tensor
    values: torch.Tensor
    mask: torch.Tensor
# %% answer
class AdditiveAttention(nn.Module):
    def __init__(self, query_dim, enc_dim, attn_dim):
        super().__init__()
        self.query_proj = nn.Linear(query_dim, attn_dim, bias=False)
        self.key_proj = nn.Linear(enc_dim, attn_dim, bias=False)
        self.v = nn.Linear(attn_dim, 1, bias=False)

def memory(self, enc_states: torch.Tensor, mask: torch.Tensor) -> "Memory":
    return Memory(self.key_proj(enc_states), enc_states, mask)

def forward(self, query, memory: Memory):
    e = self.v(torch.tanh(self.query_proj(query)[:, None] + memory.keys)).squeeze(-1)
    a = e.masked_fill(~memory.mask, -torch.inf).softmax(1)
    return torch.einsum("bs,bsd->bd", a, memory.values), a

AdditiveAttention.memory, AdditiveAttention.forward = memory, forward
print(AdditiveAttention(2, 3, 4))
""",
    )
    step = as_it_is("A3", "step")
    yield (
        "A3 step",
        "a helper method, notes that it keeps, annotations with its own name",
        changed(
            "A3",
            "step",
            (
                "read = torch.cat([token, context], dim=-1)\n"
                "        dec_state = self.cell(read, dec_state)",
                "self.looks.append(weights.detach())\n"
                "        dec_state = self.moved(token, context, dec_state)",
            ),
            (
                "        self.cell = ",
                "        self.looks: list[torch.Tensor] = []\n        self.cell = ",
            ),
        )
        + """
    def moved(self: "Decoder", token, context, dec_state) -> torch.Tensor:
        return self.cell(torch.hstack((token, context)), dec_state)
""",
    )
    yield (
        "A3 step",
        "a class in two cells, the second inherits under the same name",
        """
class Decoder(nn.Module):
    pass
# %% answer
class Layers(nn.Module):
    def __init__(self, vocab_size, emb_dim, hidden, enc_dim, attention):
        super().__init__()
        self.attention = attention
        self.embedding = nn.Embedding(vocab_size, emb_dim, padding_idx=PAD)
        self.initial = nn.Linear(enc_dim, hidden)
        self.cell = nn.GRUCell(input_size=emb_dim + enc_dim, hidden_size=hidden)
        self.output = nn.Linear(sum([hidden, enc_dim, emb_dim]), vocab_size)

    def initial_state(self, encoded):
        return self.initial(encoded.summary).tanh()

class Decoder(Layers):
    def step(self, prev_ids, dec_state, memory):
        context, weights = self.attention(dec_state, memory)
        word = self.embedding(prev_ids)
        new = self.cell(torch.cat((word, context), 1), dec_state)
        return self.output(torch.cat((new, context, word), 1)), new, weights
""",
    )
    yield (
        "A3 step",
        "a try-out with a stand-in, warnings, deep copies",
        f"""
import copy, warnings
# %% answer
{step}

class NoAttention(nn.Module):
    def forward(self, query, memory):
        warnings.warn("looks nowhere", UserWarning)
        return torch.zeros(len(query), 4), torch.zeros(len(query), 5)

decoder = copy.deepcopy(Decoder(6, 3, 2, 4, NoAttention()))
decoder.eval().step(torch.tensor([1, 2]), torch.zeros(2, 2), None)[0].sum().backward()
print(sum(p.numel() for p in decoder.parameters()))
""",
    )
    yield (
        "A3 gate",
        "what its own decoder has beyond what was asked",
        "class Decoder(Decoder):\n"
        "    def first(self, encoded):\n"
        "        return self.initial_state(encoded)\n"
        "# %% answer\n"
        + changed(
            "A3",
            "gate",
            (
                "return self.decoder.initial_state(encoded), memory",
                "return self.decoder.first(encoded), memory",
            ),
        ),
    )
    yield (
        "A3 own",
        "a score that is bilinear, two prints",
        """
# %% answer
class OwnAttention(nn.Module):
    def __init__(self, query_dim, enc_dim, attn_dim):
        super().__init__()
        self.down = nn.Linear(enc_dim, 16, bias=False)
        self.W = nn.Parameter(torch.randn(query_dim, 16) / query_dim ** 0.5)

    def memory(self, enc_states, mask):
        return self.down(enc_states), enc_states, mask

    def forward(self, query, memory):
        keys, values, mask = memory
        scores = torch.einsum("bq,qk,bsk->bs", query, self.W, keys)
        weights = masked_weights(scores[:, None], mask)
        return weighted_context(weights, values).squeeze(1), weights.squeeze(1)

print(OwnAttention(2, 3, 4), "scores")
""",
    )
