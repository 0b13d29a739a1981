"""What a look is: score every slot of a memory, normalise, take the weighted sum.

Axis names: ``batch``; ``tgt_len`` queries, one per decoding step; ``src_len`` slots of the
memory, one per source token.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from seq2seq_lib.encoder import Encoded
from seq2seq_lib.require import require

Query = Float[Tensor, "batch tgt_len query_dim"]
Keys = Float[Tensor, "batch src_len key_dim"]
Values = Float[Tensor, "batch src_len value_dim"]
Mask = Bool[Tensor, "batch src_len"]  # True = real position
Weights = Float[Tensor, "batch tgt_len src_len"]
Context = Float[Tensor, "batch tgt_len context_dim"]  # the values' size, as a rule
Look = tuple[Context, Weights]
# What is known of the looks before, batch first; None: nothing has to be.
Past = Shaped[Tensor, "batch *more"] | None
# A row for each sentence; of several heads, a row for each head of each sentence.
HeadWeights = Float[Tensor, "rows tgt_len src_len"]


def check_mask(mask: Tensor, batch: int, src_len: int) -> None:
    """Raise a ValueError unless each slot has a mask, and each row a real slot."""
    given, wanted = tuple(mask.shape), (batch, src_len)
    require(given == wanted, f"The mask must have shape {wanted}, got {given}.")
    # A meta tensor has shapes but no values to look at.
    if not mask.is_meta and not mask.any(dim=-1).all():
        row = int((~mask.any(dim=-1)).nonzero()[0])
        raise ValueError(
            f"Row {row} of the mask has no valid position, so its weights cannot sum to 1; "
            "every source needs at least one real token."
        )


def masked_softmax(scores: Weights, mask: Mask) -> Weights:
    """Scores to weights that sum to 1 over the real positions.

        weights[t, s] = exp(scores[t, s]) / sum over real s' of exp(scores[t, s'])

    Padding gets a score of minus infinity, hence a weight of exactly zero.

    Args:
        scores: any real numbers.
        mask: True = real position.

    Raises:
        ValueError: the shapes do not match, or a row of ``mask`` has no True.
    """
    check_mask(mask, *scores.shape[::2])
    return scores.masked_fill(~mask[:, None, :], -math.inf).softmax(dim=-1)


def weighted_sum(
    weights: Weights, values: Values
) -> Float[Tensor, "batch tgt_len value_dim"]:
    """The context of every query: ``context[t] = sum over s of weights[t, s] values[s]``.

    Source: Bahdanau et al. 2015, equation 5.
    """
    return torch.bmm(weights, values)


def check_size(what: str, states: Tensor, size: int) -> None:
    """Raise a ValueError unless the last axis of ``states`` has ``size`` components."""
    if states.shape[-1] != size:
        raise ValueError(
            f"The {what} must have {size} components, got {states.shape[-1]}; build the "
            "attention with the sizes of the states that it compares."
        )


class Memory(NamedTuple):
    """What a decoder may look at; made once per source, read at every step.

    Args:
        keys: what queries are compared with, (batch, src_len, key_dim).
        values: what is returned, (batch, src_len, value_dim).
        mask: True = real slot, (batch, src_len).
    """

    keys: Keys
    values: Values
    mask: Mask


class Attention(nn.Module):
    """What every mechanism is: a way to make a memory and a way to weigh it.

    A decoder calls ``memory`` once per source and ``look`` for its queries, in their
    order. Most mechanisms define ``scores`` alone; one whose weights are no softmax of
    such scores defines ``attend``, and one that has to know what was looked at before is
    a ``Staged``.
    """

    equal_sizes = False  # whether queries and encoder states must have the same size
    multiple = 1  # what the query's size has to be a multiple of
    in_order = False  # whether a look depends on the weights of those before it

    def memory(self, encoded: Encoded) -> Memory:
        """The memory of an encoded source: by default one slot per source token."""
        return Memory(self.project_keys(encoded.states), encoded.states, encoded.src_mask)

    def project_keys(self, enc_states: Values) -> Keys:
        """What depends on the source alone is computed here, once, not at every step."""
        return enc_states

    def scores(self, query: Query, keys: Keys) -> Weights:
        """How well each key answers each query, before the softmax."""
        raise NotImplementedError

    def attend(self, query: Query, keys: Keys, mask: Mask) -> Weights:
        """Where each query looks: by default the softmax of ``scores``."""
        return masked_softmax(self.scores(query, keys), mask)

    def forward(self, query: Query, keys: Keys, values: Values, mask: Mask) -> Look:
        """Look up every query; they are the first ones of their target.

        Returns:
            ``context``, (batch, tgt_len, enc_dim), and ``weights``, (batch, tgt_len,
            src_len), which are exactly zero where ``mask`` is False.

        Raises:
            ValueError: ``mask`` has another shape, or a row without a True; queries or
                keys have another size than the mechanism was built for.
        """
        weights = self.attend(query, keys, mask)
        return weighted_sum(weights, values), weights

    def look(
        self, query: Query, memory: Memory, past: Past = None
    ) -> tuple[Context, Weights, Past]:
        """Look up every query, going on from ``past``.

        Args:
            query: the next queries of each target, in their order.
            memory: what ``memory`` made of the source.
            past: what the look before returned; None before the first of a target. A
                search that chooses among rows of the batch chooses among its rows.

        Returns:
            context and weights as ``forward``, and the new ``past``. A mechanism that
            remembers nothing hands on what it was given.
        """
        context, weights = self(query, *memory)
        return context, weights, past

    # The stages of a look, for those who change one of them (see ``interventions``).

    def start(self, memory: Memory) -> Past:
        """What is known before the first look at a memory."""
        return None

    def weigh(self, query: Query, memory: Memory, past: Past) -> HeadWeights:
        """Where the queries look; with several heads, a row for each of them."""
        return self(query, *memory)[1]

    def remember(self, past: Past, weights: HeadWeights) -> Past:
        """What is known after looks with ``weights``."""
        return past

    def read(self, weights: HeadWeights, values: Values) -> Context:
        """What the weights find."""
        return weighted_sum(weights, values)

    def shown(self, weights: HeadWeights) -> Weights:
        """One row of weights for each query, to be returned beside the context."""
        return weights


class Staged(Attention):
    """A look in its stages: ``weigh``, ``remember``, ``read``.

    Where a look depends on the weights of those before (``in_order``), several queries
    are answered one after the other.
    """

    def weigh(self, query: Query, memory: Memory, past: Past) -> HeadWeights:
        raise NotImplementedError

    def look(
        self, query: Query, memory: Memory, past: Past = None
    ) -> tuple[Context, Weights, Past]:
        past = self.start(memory) if past is None else past
        found = []
        for queries in query.split(1, dim=1) if self.in_order else (query,):
            found.append(self.weigh(queries, memory, past))
            past = self.remember(past, found[-1])
        weights = torch.cat(found, dim=1) if self.in_order else found[0]
        return self.read(weights, memory.values), self.shown(weights), past

    def forward(self, query: Query, keys: Keys, values: Values, mask: Mask) -> Look:
        context, weights, _ = self.look(query, Memory(keys, values, mask))
        return context, weights
