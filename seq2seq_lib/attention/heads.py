"""Several looks side by side, each with a part of the states."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from seq2seq_lib.attention.lookup import (
    Attention,
    Context,
    HeadWeights,
    Keys,
    Look,
    Mask,
    Memory,
    Past,
    Query,
    Values,
    Weights,
    check_mask,
    check_size,
    masked_softmax,
    weighted_sum,
)
from seq2seq_lib.attention.products import dot_scores
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.require import require, whole


def split_heads(
    states: Float[Tensor, "batch length size"], heads: int
) -> Float[Tensor, "rows length head_size"]:
    """Each head's part of the states: (batch * heads, length, size / heads).

    The heads of one sentence follow each other.

    Raises:
        ValueError: ``heads`` does not divide the size.
    """
    size = states.shape[-1]
    require(size % heads == 0, f"{heads} heads cannot share {size} components evenly.")
    return states.unflatten(-1, (heads, size // heads)).transpose(1, 2).flatten(0, 1)


def join_heads(
    parts: Float[Tensor, "rows length head_size"], heads: int
) -> Float[Tensor, "batch length size"]:
    """The parts of all heads side by side again: what ``split_heads`` took apart."""
    return parts.unflatten(0, (-1, heads)).transpose(1, 2).flatten(2)


class MultiHead(Attention):
    """Scaled dot-product attention, several times with other projections.

        head_i = softmax(Q_i K_i^T / sqrt(d / heads)) V_i
        context = W^O [head_1 ; ... ; head_n]

    with Q = W^Q s, K = W^K h and V = W^V h, of d components each, of which head i gets
    its share; d is the size of the query. Keys and values are projected once per source.

    ``forward`` and ``look`` return the mean of the heads' weights, as PyTorch does;
    ``head_weights`` gives those of each head. Whoever edits the weights (see
    ``interventions``) edits them in every head.

    Source: Vaswani et al. 2017, section 3.2.2; equal to ``nn.MultiheadAttention`` without
    biases, but that W^O gives back the size of an encoder state.

    Args:
        query_dim, enc_dim: sizes of s and h.
        heads: how many; they divide ``query_dim``.

    Raises:
        ValueError: ``heads`` is no whole number of 1 or more, or does not divide
            ``query_dim``.
    """

    def __init__(self, query_dim: int, enc_dim: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = self.multiple = whole("heads", heads, at_least=1)
        require(
            query_dim % self.heads == 0,
            f"heads must divide the size of the query, but {query_dim} is no multiple of "
            f"{self.heads}; choose another dec_hidden, or another number of heads.",
        )
        self.query_proj = nn.Linear(query_dim, query_dim, bias=False)  # W^Q
        self.key_proj = nn.Linear(enc_dim, query_dim, bias=False)  # W^K
        self.value_proj = nn.Linear(enc_dim, query_dim, bias=False)  # W^V
        self.output_proj = nn.Linear(query_dim, enc_dim, bias=False)  # W^O

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"heads={self.heads}"

    def memory(self, encoded: Encoded) -> Memory:
        keys = self.project_keys(encoded.states)
        return Memory(keys, self.value_proj(encoded.states), encoded.src_mask)

    def project_keys(self, enc_states: Values) -> Keys:
        check_size("encoder's states", enc_states, self.key_proj.in_features)
        return self.key_proj(enc_states)

    def head_weights(
        self, query: Query, keys: Keys, mask: Mask
    ) -> Float[Tensor, "batch heads tgt_len src_len"]:
        """Where each head looks."""
        check_size("query", query, self.query_proj.in_features)
        check_size("keys, W^K h,", keys, self.key_proj.out_features)
        check_mask(mask, len(query), keys.shape[1])
        queries = split_heads(self.query_proj(query), self.heads)
        scale = 1 / math.sqrt(queries.shape[-1])
        scores = dot_scores(queries, split_heads(keys, self.heads), scale)
        weights = masked_softmax(scores, mask.repeat_interleave(self.heads, dim=0))
        return weights.unflatten(0, (-1, self.heads))

    def forward(self, query: Query, keys: Keys, values: Values, mask: Mask) -> Look:
        weights = self.head_weights(query, keys, mask).flatten(0, 1)
        return self.read(weights, values), self.shown(weights)

    def weigh(self, query: Query, memory: Memory, past: Past) -> HeadWeights:
        return self.head_weights(query, memory.keys, memory.mask).flatten(0, 1)

    def read(self, weights: HeadWeights, values: Values) -> Context:
        """W^O times what each head finds in its part of the values."""
        found = weighted_sum(weights, split_heads(values, self.heads))
        return self.output_proj(join_heads(found, self.heads))

    def shown(self, weights: HeadWeights) -> Weights:
        """The mean over the heads."""
        return weights.unflatten(0, (-1, self.heads)).mean(dim=1)
