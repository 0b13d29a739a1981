"""Scores that know how much of each word has been looked at already."""

from jaxtyping import Float
from torch import Tensor, nn

from seq2seq_lib.attention.additive import Additive, additive_scores
from seq2seq_lib.attention.lookup import (
    Memory,
    Past,
    Query,
    Staged,
    Weights,
    check_size,
    masked_softmax,
)
from seq2seq_lib.precision import at_least_float32


def covered(
    coverage: Float[Tensor, "batch src_len"], weights: Weights
) -> Float[Tensor, "batch src_len"]:
    """``coverage[j] + sum over t of weights[t, j]``: what was looked at, added up."""
    return coverage + at_least_float32(weights).sum(dim=1)


class Coverage(Staged, Additive):
    """Additive attention whose network also reads how much each word is covered.

        scores[t, j] = v . tanh(W s_t + U h_j + c C_(t-1)[j])
        C_t[j] = C_(t-1)[j] + weights[t, j],     C_0 = 0

    The coverage C, (batch, src_len), is what is handed from look to look.

    Source: Tu et al. 2016, section 3: their linguistic coverage, which divides every
    weight by the fertility of its word, with fertility 1; c is their V_a.

    Args:
        query_dim, enc_dim: sizes of s_t and h_j.
        attn_dim: size of the hidden layer.
    """

    in_order = True

    def __init__(self, query_dim: int, enc_dim: int, attn_dim: int) -> None:
        super().__init__(query_dim, enc_dim, attn_dim)
        self.coverage_proj = nn.Linear(1, attn_dim, bias=False)  # c

    def start(self, memory: Memory) -> Past:
        """Nothing is covered."""
        return at_least_float32(memory.keys.new_zeros(memory.mask.shape))

    def weigh(self, query: Query, memory: Memory, past: Past) -> Weights:
        assert past is not None
        check_size("query", query, self.query_proj.in_features)
        check_size("keys, U h_j,", memory.keys, self.v.in_features)
        coverage = self.coverage_proj(past[:, :, None].to(memory.keys.dtype))
        keys = memory.keys + coverage  # (batch, src_len, attn_dim)
        scores = additive_scores(self.query_proj(query), keys, self.v.weight)
        return masked_softmax(scores, memory.mask)

    def remember(self, past: Past, weights: Weights) -> Past:
        assert past is not None
        return covered(past, weights)
