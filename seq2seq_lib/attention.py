"""Look something up in a memory: score every slot, normalise, take the weighted sum.

All mechanisms share ONE signature, ``(query, keys, values, mask) -> (context, weights)``,
and store nothing. A decoder that works with one works with all of them, so an experiment
can change the attention and nothing else.

Axis names: ``batch``; ``tgt_len`` queries, one per decoding step; ``src_len`` slots of the
memory, one per source token.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seq2seq_lib.encoder import Encoded
from seq2seq_lib.require import require

Query = Float[Tensor, "batch tgt_len query_dim"]
Keys = Float[Tensor, "batch src_len key_dim"]
Values = Float[Tensor, "batch src_len value_dim"]
Mask = Bool[Tensor, "batch src_len"]  # True = real position
Weights = Float[Tensor, "batch tgt_len src_len"]
Context = Float[Tensor, "batch tgt_len value_dim"]
Look = tuple[Context, Weights]


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
    given, wanted = tuple(mask.shape), tuple(scores.shape[::2])
    require(given == wanted, f"The mask must have shape {wanted}, got {given}.")
    # A meta tensor has shapes but no values to look at.
    if not mask.is_meta and not mask.any(dim=-1).all():
        row = int((~mask.any(dim=-1)).nonzero()[0])
        raise ValueError(
            f"Row {row} of the mask has no valid position, so its weights cannot sum to 1; "
            "every source needs at least one real token."
        )
    return scores.masked_fill(~mask[:, None, :], -math.inf).softmax(dim=-1)


def weighted_sum(weights: Weights, values: Values) -> Context:
    """The context of every query: ``context[t] = sum over s of weights[t, s] values[s]``.

    Source: Bahdanau et al. 2015, equation 5.
    """
    return torch.bmm(weights, values)


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
    """What every mechanism is: a way to make a memory and a way to score it."""

    equal_sizes = False  # whether queries and encoder states must have the same size

    def memory(self, encoded: Encoded) -> Memory:
        """The memory of an encoded source: by default one slot per source token."""
        return Memory(self.project_keys(encoded.states), encoded.states, encoded.src_mask)

    def project_keys(self, enc_states: Values) -> Keys:
        """What depends on the source alone is computed here, once, not at every step."""
        return enc_states

    def scores(self, query: Query, keys: Keys) -> Weights:
        """How well each key answers each query, before the softmax."""
        raise NotImplementedError

    def forward(self, query: Query, keys: Keys, values: Values, mask: Mask) -> Look:
        """Look up every query.

        Returns:
            ``context``, (batch, tgt_len, value_dim), and ``weights``, (batch, tgt_len,
            src_len), which are exactly zero where ``mask`` is False.

        Raises:
            ValueError: ``mask`` has another shape, or a row without a True.
        """
        weights = masked_softmax(self.scores(query, keys), mask)
        return weighted_sum(weights, values), weights


class Uniform(Attention):
    """Look everywhere equally: every real position gets the weight 1 / length.

    The scores are all zero, whatever the query. A model with this "attention" sees the
    mean of the encoder's states at every step and cannot choose.
    """

    def scores(self, query: Query, keys: Keys) -> Weights:
        return query.new_zeros(query.shape[0], query.shape[1], keys.shape[1])


class FixedContext(Uniform):
    """No choice at all: the context is the encoder's summary at every step.

    The memory has one slot, the summary, so its weight is always 1 and the query cannot
    matter. This is the encoder-decoder without attention (Cho et al. 2014, section 2.2,
    where the same summary c is fed to the decoder at every step).
    """

    def memory(self, encoded: Encoded) -> Memory:
        slot = encoded.summary[:, None, :]  # (batch, 1, enc_dim)
        return Memory(slot, slot, encoded.src_mask[:, :1])


class Additive(Attention):
    """A small network with one hidden layer scores each encoder state.

        scores[t, j] = v . tanh(W s_t + U h_j)

    where s_t is the query, h_j an encoder state and ``keys[j] = U h_j``.

    Source: Bahdanau et al. 2015, equation 6 and appendix A.1.2 (their v_a, W_a, U_a).
    They query with the decoder's state *before* the step, s_(i-1).

    Args:
        query_dim: size of s_t.
        enc_dim: size of h_j.
        attn_dim: size of the hidden layer.

    Shapes of ``forward``: query (batch, tgt_len, query_dim); keys, already projected by
    ``memory``, (batch, src_len, attn_dim); values (batch, src_len, enc_dim).
    """

    def __init__(self, query_dim: int, enc_dim: int, attn_dim: int) -> None:
        super().__init__()
        self.query_proj = nn.Linear(query_dim, attn_dim, bias=False)  # W
        self.key_proj = nn.Linear(enc_dim, attn_dim, bias=False)  # U
        self.v = nn.Linear(attn_dim, 1, bias=False)

    def project_keys(self, enc_states: Values) -> Keys:
        return self.key_proj(enc_states)

    def scores(self, query: Query, keys: Keys) -> Weights:
        hidden = self.query_proj(query)[:, :, None, :] + keys[:, None, :, :]
        return self.v(hidden.tanh_()).squeeze(-1)  # (batch, tgt_len, src_len)


class Dot(Attention):
    """The dot product of query and encoder state: no parameters at all.

        scores[t, j] = s_t . h_j                  (Luong et al. 2015, equation 8, "dot")
        scores[t, j] = s_t . h_j / sqrt(size)     with ``scaled``
                                                  (Vaswani et al. 2017, equation 1)

    Args:
        query_dim: size of s_t; must equal ``enc_dim``.
        enc_dim: size of h_j.
        scaled: divide by the square root of the size, so that the scores' spread does
            not grow with it.

    Raises:
        ValueError: the sizes differ.
    """

    equal_sizes = True

    def __init__(self, query_dim: int, enc_dim: int, scaled: bool = True) -> None:
        super().__init__()
        require(
            query_dim == enc_dim,
            f"Dot attention needs states of one size, got {query_dim=} and {enc_dim=}; "
            "choose dec_hidden equal to enc_dim (twice enc_hidden for a two-way encoder), "
            "or additive attention.",
        )
        self.scale = 1 / math.sqrt(enc_dim) if scaled else 1.0

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"scale={self.scale}"

    def scores(self, query: Query, keys: Keys) -> Weights:
        return torch.bmm(query, keys.transpose(1, 2)) * self.scale


class General(Attention):
    """A dot product after a linear map: query and encoder state may differ in size.

        scores[t, j] = s_t . (W h_j)          (Luong et al. 2015, equation 8, "general")

    with ``keys[j] = W h_j``. Luong et al. query with the decoder's state after the step;
    which state it is, the decoder decides.

    Args:
        query_dim, enc_dim: sizes of s_t and h_j.
    """

    def __init__(self, query_dim: int, enc_dim: int) -> None:
        super().__init__()
        self.key_proj = nn.Linear(enc_dim, query_dim, bias=False)  # W

    def project_keys(self, enc_states: Values) -> Keys:
        return self.key_proj(enc_states)

    def scores(self, query: Query, keys: Keys) -> Weights:
        return torch.bmm(query, keys.transpose(1, 2))


# Every mechanism by the name that a configuration gives it: what builds it from query_dim
# and enc_dim. A new one is added at the end, and nowhere else.
MECHANISMS: dict[str, Callable[[int, int], Attention]] = {
    "fixed": lambda query_dim, enc_dim: FixedContext(),
    "uniform": lambda query_dim, enc_dim: Uniform(),
    "additive": lambda query_dim, enc_dim: Additive(query_dim, enc_dim, query_dim),
    "dot": Dot,
    "dot_unscaled": partial(Dot, scaled=False),
    "general": General,
}
