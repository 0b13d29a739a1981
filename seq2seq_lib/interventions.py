"""Change the attention weights of a trained model, and see what it says then.

A weight that can be moved without changing an answer did not decide it. Every function
here works on a copy: the model it is given stays as it was.
"""

import copy
import inspect
import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seq2seq_lib.attention import (
    Attention,
    Context,
    HeadWeights,
    Keys,
    Look,
    Mask,
    Memory,
    Past,
    Query,
    Staged,
    Values,
    Weights,
)
from seq2seq_lib.batching import Batch
from seq2seq_lib.decoder import State, hidden_of
from seq2seq_lib.decoding import Translation, greedy, source_ids, to_words
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.model import Seq2Seq, evaluating
from seq2seq_lib.precision import at_least_float32
from seq2seq_lib.require import require, whole
from seq2seq_lib.vocab import Vocab

# Takes weights (batch, tgt_len, src_len) and a mask (batch, 1, src_len), returns weights.
Edit = Callable[[Tensor, Tensor], Tensor]
FirstQuery = Callable[[Encoded], State]
EditMask = Bool[Tensor, "batch 1 src_len"]  # True = real position

NOT_ONE = "Only a decoder with one attention can be edited; this one looks in every layer."
TOLERANCE = 1e-4  # how far from 1 the sum of a row may be


def _check_distribution(weights: Tensor, mask: Tensor) -> None:
    """Raise unless every row of ``weights`` is a distribution over the real positions."""
    padded = weights.masked_fill(mask, 0.0)
    require(not padded.any(), "The weights are not zero on padding; multiply by the mask.")
    lowest, totals = weights.min(), at_least_float32(weights).sum(dim=-1)
    tolerance = max(TOLERANCE, torch.finfo(weights.dtype).eps)
    require(
        lowest >= 0 and ((totals - 1).abs() <= tolerance).all(),
        "Every row of weights must be a distribution, got a smallest weight of "
        f"{lowest:.3g} and sums from {totals.min():.3g} to {totals.max():.3g}.",
    )


def _described(edit: Any) -> str:
    """A text that differs when what ``edit`` does, or a number that it uses, does."""
    if isinstance(edit, partial):
        return f"{_described(edit.func)} {edit.args} {edit.keywords}"
    edit = getattr(edit, "__func__", edit)
    if not inspect.isfunction(edit):
        return f"{type(edit).__qualname__} {getattr(edit, '__dict__', edit)}"
    if edit.__module__ != "__main__" and "<" not in edit.__qualname__:
        return f"{edit.__module__}.{edit.__qualname__}"  # found by its name
    used = inspect.getclosurevars(edit)
    values = {**used.globals, **used.nonlocals}.items()
    numbers = {name: v for name, v in values if isinstance(v, int | float | str)}
    code = f"{numbers} {edit.__defaults__}"
    with suppress(OSError):  # what was typed into a console has no source
        code += inspect.getsource(edit)
    return f"{edit.__qualname__} {zlib.crc32(code.encode()):08x}"


class Edited(Staged):
    """Another module's attention, its weights changed between the softmax and the sum.

        weights = edit(the module's own weights)
        context[t] = sum over s of weights[t, s] values[s]

    What the module remembers is what the edited weights looked at. Of several heads, each
    is edited.

    Args:
        attention: the module whose memory and weights are used.
        edit: called with the weights, (batch, tgt_len, src_len), and the mask, (batch, 1,
            src_len), True = real position; returns new weights of the same shape.

    Raises:
        ValueError: in ``forward``, ``edit`` returns no distribution over real positions.
    """

    def __init__(self, attention: Attention, edit: Edit) -> None:
        super().__init__()
        self.attention, self.edit = attention, edit

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"edit={_described(self.edit)}"

    @property
    def in_order(self) -> bool:  # type: ignore[override]
        """As the module's own looks."""
        return self.attention.in_order

    def memory(self, encoded: Encoded) -> Memory:
        return self.attention.memory(encoded)

    def start(self, memory: Memory) -> Past:
        return self.attention.start(memory)

    def weigh(self, query: Query, memory: Memory, past: Past) -> HeadWeights:
        own = self.attention.weigh(query, memory, past)
        heads = len(own) // len(memory.mask)
        mask = memory.mask.repeat_interleave(heads, dim=0)[:, None, :]
        weights = self.edit(own, mask).to(own)
        given, wanted = tuple(weights.shape), tuple(own.shape)
        require(given == wanted, f"The weights must have the shape {wanted}, got {given}.")
        _check_distribution(weights, mask)
        return weights

    def remember(self, past: Past, weights: HeadWeights) -> Past:
        return self.attention.remember(past, weights)

    def read(self, weights: HeadWeights, values: Values) -> Context:
        return self.attention.read(weights, values)

    def shown(self, weights: HeadWeights) -> Weights:
        return self.attention.shown(weights)


class Frozen(Attention):
    """Looks once, with one query, and keeps those weights for every step.

    The look is made in ``memory`` and its weights are stored as the keys, so that the
    module itself stores nothing.

    Args:
        attention: the module whose weights are kept.
        first_query: the state that asks in the one look, made from the encoded source,
            (batch, query_dim).
    """

    def __init__(self, attention: Attention, first_query: FirstQuery) -> None:
        super().__init__()
        self.attention, self.first_query = attention, first_query

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"first_query={_described(self.first_query)}"

    def memory(self, encoded: Encoded) -> Memory:
        memory = self.attention.memory(encoded)
        query = hidden_of(self.first_query(encoded))[:, None, :]
        weights = self.attention.weigh(query, memory, self.attention.start(memory))
        heads = weights.unflatten(0, (len(query), -1))[:, :, 0]  # (batch, heads, src_len)
        return memory._replace(keys=heads.transpose(1, 2))  # (batch, src_len, heads)

    def forward(self, query: Query, keys: Keys, values: Values, mask: Mask) -> Look:
        heads = keys.transpose(1, 2).flatten(0, 1)  # (batch * heads, src_len)
        weights = heads[:, None, :].expand(-1, query.shape[1], -1)
        return self.attention.read(weights, values), self.attention.shown(weights)


def harden(weights: Weights, mask: EditMask) -> Weights:
    """All weight on the largest: every step looks at one position only."""
    best = weights.argmax(dim=-1)
    return nn.functional.one_hot(best, weights.shape[-1]).to(weights.dtype)


def erase(weights: Weights, mask: EditMask, rank: int = 0) -> Weights:
    """One weight taken away, the others scaled up to a sum of 1.

    Where nothing else has any weight the others share evenly; a single real position
    keeps its weight. Source: Serrano and Smith 2019, who erase weights like this.

    Args:
        weights, mask: of every query.
        rank: which weight goes: 0 the largest, 1 the second largest, and so on.

    Raises:
        ValueError: ``rank`` is no whole number or negative.
    """
    rank = whole("rank", rank, at_least=0)
    order = weights.argsort(dim=-1, descending=True, stable=True)
    kept = torch.ones_like(weights, dtype=torch.bool)
    kept = kept.scatter(-1, order[..., rank : rank + 1], False)
    others = at_least_float32(weights).clamp(min=1e-12)
    rest = torch.where(mask & kept, others, 0.0)
    total = rest.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, rest / total.clamp(min=1e-30), weights).to(weights.dtype)


def spread(weights: Weights, mask: EditMask) -> Weights:
    """The same weight on every real position."""
    return (mask / mask.sum(dim=-1, keepdim=True)).to(weights.dtype).expand_as(weights)


def _moved(weights: Tensor, mask: Tensor, order: Callable[[int], Sequence[int]]) -> Tensor:
    """Of n real positions, the i-th gets the weight of the ``order(n)[i]``-th."""
    width = mask.shape[-1]
    lengths = mask.sum(dim=-1).flatten().tolist()
    orders = {n: [*order(n), *range(n, width)] for n in set(lengths)}
    from_rank = torch.tensor([orders[n] for n in lengths], device=mask.device)[:, None]
    # Real positions first, in their order; padding after them, where it stays.
    places = (~mask).to(torch.uint8).argsort(dim=-1, stable=True)  # (batch, 1, src_len)
    source = torch.empty_like(places).scatter(-1, places, places.gather(-1, from_rank))
    return weights.gather(-1, source.expand_as(weights))


def shift(weights: Weights, mask: EditMask) -> Weights:
    """Every weight one source word to the right, and that of the last to the first."""
    return _moved(weights, mask, lambda n: [n - 1, *range(n - 1)])


def shuffle(weights: Weights, mask: EditMask, seed: int = 0) -> Weights:
    """The weights in another order among the real positions; none keeps its own.

    The order depends on the seed and the number of real positions alone, so it is the
    same at every step and in every batch. It is one random cycle through all positions
    (Sattolo 1986); of one position there is only one order.
    """

    def cycle(n: int) -> list[int]:
        rng = random.Random(f"{seed}-{n}")
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = rng.randrange(i)  # never i itself, or positions could stay
            order[i], order[j] = order[j], order[i]
        return order

    return _moved(weights, mask, cycle)


def _for_each(row: Sequence[float] | Tensor, weights: Tensor) -> Tensor:
    """One row of weights for every head."""
    return torch.as_tensor(row)[None, None, :].expand(len(weights), -1, -1)


def edited(model: Seq2Seq, edit: Edit) -> Seq2Seq:
    """A copy of ``model`` that looks with ``edit``-ed weights; the parameters are equal."""
    require(isinstance(model.decoder.attention, Attention), NOT_ONE)
    changed = copy.deepcopy(model)
    changed.decoder.attention = Edited(changed.decoder.attention, edit)
    return changed


def frozen(model: Seq2Seq) -> Seq2Seq:
    """A copy of ``model`` whose every step looks where the initial state would look."""
    require(isinstance(model.decoder.attention, Attention), NOT_ONE)
    changed = copy.deepcopy(model)
    decoder = changed.decoder
    decoder.attention = Frozen(decoder.attention, decoder.initial_state)
    return changed


@torch.no_grad()
def one_at_a_time(
    model: Seq2Seq, batch: Batch, edit: Edit
) -> Float[Tensor, "batch tgt_len vocab"]:
    """The answer of every step when the weights of that step alone are edited.

    Teacher-forced, without dropout; each step starts from the state that the decoder
    reached with its own weights. Returns the logits.
    """
    changed = edited(model, edit).eval()
    with evaluating(model):
        encoded = model.encoder(batch.src_ids, batch.src_lengths)
        memory = model.decoder.attention.memory(encoded)
        dec_state, steps = model.decoder.initial_state(encoded), []
        for prev_ids in batch.tgt_in.unbind(dim=1):
            steps.append(changed.decoder.step(prev_ids, dec_state, memory).logits)
            dec_state = model.decoder.step(prev_ids, dec_state, memory).dec_state
    return torch.stack(steps, dim=1)


@torch.no_grad()
def rewrite(
    model: Seq2Seq,
    source: Sequence[str],
    src_vocab: Vocab,
    tgt_vocab: Vocab,
    edits: Mapping[int, Sequence[float] | Tensor],
    max_len: int | None = None,
) -> Translation:
    """Translate greedily, but at some steps look where we say.

    Up to the first edit this is the model's own translation; from there it goes on from
    whatever was written. Where the decoder looks twice in a step (``query="after"``),
    both looks are replaced; of several heads, all of them.

    Args:
        model: a trained model.
        source: the tokens of one sentence.
        src_vocab, tgt_vocab: the vocabularies that it reads and writes.
        edits: for each step, counted from 0 as the rows of ``Translation.weights`` are,
            the weights it gets: one for each source token (for a fixed context, one).
        max_len: the most tokens to write, EOS included; by default twice the source's
            length and 10 more.

    Raises:
        ValueError: as ``translate``; weights are not a distribution over the source, or a
            step of ``edits`` was never reached.
    """
    (ids,) = source_ids(model, [source], src_vocab, tgt_vocab)
    max_len = 2 * len(ids) + 10 if max_len is None else max_len

    def given(row: Sequence[float] | Tensor) -> Edit:
        return lambda weights, mask: _for_each(row, weights)

    decoders = {
        whole("Every step of edits", step): edited(model, given(row)).eval().decoder
        for step, row in edits.items()
    }
    src_ids = torch.tensor([ids], device=model.device)
    decoded = greedy(model, src_ids, torch.tensor([len(ids)]), max_len, decoders)
    written = range(decoded.ids.shape[1])
    unused = sorted(decoders.keys() - set(written))
    require(
        not unused,
        f"The steps {unused} cannot be edited: the translation has 0 to {written[-1]}.",
    )
    return to_words(decoded, [source], tgt_vocab)[0]


def entropy(weights: Weights, mask: Mask) -> Float[Tensor, "batch tgt_len"]:
    """How widely every query looks, in nats.

        entropy[t] = - sum over s of weights[t, s] ln weights[t, s]        (0 ln 0 = 0)

    It is 0 when one position has all the weight and ln n when n positions share it
    equally.

    Raises:
        ValueError: a row is not a distribution over the real positions.
    """
    _check_distribution(weights, mask[:, None, :])
    return torch.special.entr(weights).sum(dim=-1)
