"""Scores by a small network: Bahdanau's additive attention, and Luong's concat."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from seq2seq_lib.attention.lookup import (
    Attention,
    Keys,
    Query,
    Values,
    Weights,
    check_size,
)


def additive_scores(
    query: Float[Tensor, "batch tgt_len attn_dim"],
    keys: Float[Tensor, "batch src_len attn_dim"],
    v: Float[Tensor, "1 attn_dim"],
) -> Weights:
    """``scores[t, j] = v . tanh(query[t] + keys[j])``, both projected already.

    Source: Bahdanau et al. 2015, appendix A.1.2.
    """
    hidden = query[:, :, None, :] + keys[:, None, :, :]
    return linear(hidden.tanh_(), v).squeeze(-1)  # (batch, tgt_len, src_len)


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
        check_size("encoder's states", enc_states, self.key_proj.in_features)
        return self.key_proj(enc_states)

    def scores(self, query: Query, keys: Keys) -> Weights:
        check_size("query", query, self.query_proj.in_features)
        check_size("keys, U h_j,", keys, self.v.in_features)
        return additive_scores(self.query_proj(query), keys, self.v.weight)


class Concat(Attention):
    """The same network over the two states side by side.

        scores[t, j] = v . tanh(W [s_t ; h_j])   (Luong et al. 2015, equation 8, "concat")

    A matrix times two vectors side by side is the sum of its two halves times one each,
    W [s ; h] = W_s s + W_h h. So this is ``Additive`` with W_s and W_h for its W and U,
    and is computed as such: ``keys[j] = W_h h_j``, once per source.

    Args:
        query_dim, enc_dim: sizes of s_t and h_j.
        attn_dim: size of the hidden layer.
    """

    def __init__(self, query_dim: int, enc_dim: int, attn_dim: int) -> None:
        super().__init__()
        self.proj = nn.Linear(query_dim + enc_dim, attn_dim, bias=False)  # W
        self.v = nn.Linear(attn_dim, 1, bias=False)
        self.sizes = [query_dim, enc_dim]

    def halves(self) -> tuple[Tensor, Tensor]:
        """W_s, (attn_dim, query_dim), and W_h, (attn_dim, enc_dim)."""
        of_query, of_state = self.proj.weight.split(self.sizes, dim=1)
        return of_query, of_state

    def project_keys(self, enc_states: Values) -> Keys:
        check_size("encoder's states", enc_states, self.sizes[1])
        return linear(enc_states, self.halves()[1])

    def scores(self, query: Query, keys: Keys) -> Weights:
        check_size("query", query, self.sizes[0])
        check_size("keys, W_h h_j,", keys, self.v.in_features)
        return additive_scores(linear(query, self.halves()[0]), keys, self.v.weight)
