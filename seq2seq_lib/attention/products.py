"""Scores that are inner products: dot, scaled dot, general."""

import math

import torch
from torch import nn

from seq2seq_lib.attention.lookup import (
    Attention,
    Keys,
    Query,
    Values,
    Weights,
    check_size,
)
from seq2seq_lib.require import require


def dot_scores(query: Query, keys: Keys, scale: float = 1.0) -> Weights:
    """``scores[t, j] = scale * (query[t] . keys[j])``.

    Source: Luong et al. 2015, equation 8; with scale = 1 / sqrt(size), Vaswani et al.
    2017, equation 1.

    Raises:
        ValueError: queries and keys have different sizes.
    """
    check_size("keys", keys, query.shape[-1])
    products = torch.bmm(query, keys.transpose(1, 2))
    return products if scale == 1 else products * scale


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
        return dot_scores(query, keys, self.scale)


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
        check_size("encoder's states", enc_states, self.key_proj.in_features)
        return self.key_proj(enc_states)

    def scores(self, query: Query, keys: Keys) -> Weights:
        check_size("query", query, self.key_proj.out_features)
        check_size("keys, W h_j,", keys, self.key_proj.out_features)
        return dot_scores(query, keys)
