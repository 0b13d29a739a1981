"""Looks through a window: Luong's local attention, monotonic and predictive."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seq2seq_lib.attention.location import positions
from seq2seq_lib.attention.lookup import (
    Keys,
    Mask,
    Memory,
    Past,
    Query,
    Staged,
    Weights,
    check_size,
    masked_softmax,
)
from seq2seq_lib.attention.products import General
from seq2seq_lib.precision import at_least_float32
from seq2seq_lib.require import require, whole

Centres = Float[Tensor, "batch tgt_len"]
Distances = Float[Tensor, "batch tgt_len src_len"]

WIDEST = 10_000  # words to each side; no sentence is as long


def distances(centres: Centres, mask: Mask) -> Distances:
    """How far each real slot is from each centre: ``distances[t, s] = s - p_t``.

    Places are counted from 1, so a sentence of S words reaches from 1 to S.

    Raises:
        ValueError: a centre lies before 0 or behind the last word of its sentence.
    """
    places = positions(mask)
    last = places[:, -1:]
    if not mask.is_meta and (outside := (centres < 0) | (centres > last)).any():
        row, step = outside.nonzero()[0].tolist()
        centre, length = float(centres[row, step]), int(last[row])
        require(
            False,
            f"The centre of a window must lie between 0 and the {length} words of its "
            f"sentence, got {centre:g} in row {row}.",
        )
    return places[:, None, :] - centres[:, :, None]


def within(apart: Distances, window: int) -> Bool[Tensor, "batch tgt_len src_len"]:
    """Which slots lie in ``[p_t - D, p_t + D]``, D being the window."""
    return apart.abs() <= window


def log_gaussian(apart: Distances, window: int) -> Distances:
    """``-(s - p_t)^2 / (2 sigma^2)``, sigma = D / 2 (Luong et al. 2015, equation 10)."""
    return -2 * (apart / window) ** 2


class LocalMonotonic(Staged, General):
    """A window of 2 D + 1 words that moves on by one word at every step (local-m).

        p_t = min(t, S)                          t = 1, 2, ... and S words of the source
        scores[t, s] = s_t . (W h_s)             for s in [p_t - D, p_t + D]

    The weights are a softmax over the window, and zero outside of it. The number of looks
    so far is what it counts. At the end of the source the window stays on the last word;
    the paper does not say what becomes of targets that are longer.

    Source: Luong et al. 2015, section 3.2.

    Args:
        query_dim, enc_dim: sizes of s_t and h_s.
        window: D; the paper's is 10.

    Raises:
        ValueError: ``window`` is no whole number of 1 to 10,000.
    """

    def __init__(self, query_dim: int, enc_dim: int, window: int = 10) -> None:
        super().__init__(query_dim, enc_dim)
        self.window = whole("window", window, at_least=1, at_most=WIDEST)

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"window={self.window}"

    def start(self, memory: Memory) -> Past:
        """No look has been made: 0 for each sentence."""
        return torch.zeros(len(memory.mask), dtype=torch.long, device=memory.mask.device)

    def weigh(self, query: Query, memory: Memory, past: Past) -> Weights:
        assert past is not None
        steps = torch.arange(1, query.shape[1] + 1, device=past.device)
        last = memory.mask.sum(dim=-1, keepdim=True)
        centres = torch.minimum(past[:, None] + steps, last).float()  # p_t
        inside = within(distances(centres, memory.mask), self.window)
        scores = self.scores(query, memory.keys).masked_fill(~inside, -math.inf)
        return masked_softmax(scores, memory.mask)

    def remember(self, past: Past, weights: Weights) -> Past:
        assert past is not None
        return past + weights.shape[1]


class LocalPredictive(General):
    """A window around a place that the query predicts, with a bell over it (local-p).

        p_t = S sigmoid(v_p . tanh(W_p s_t))           S words of the source
        scores[t, s] = s_t . (W h_s) - (s - p_t)^2 / (2 sigma^2)
                                                       for s in [p_t - D, p_t + D]

    with sigma = D / 2. The weights are a softmax over the window, and zero outside of it.
    The paper multiplies weights by the bell (its equation 10), so that they sum to less
    than 1; adding its logarithm to the scores is the same, divided by that sum.

    Source: Luong et al. 2015, section 3.2, equations 9 and 10.

    Args:
        query_dim, enc_dim: sizes of s_t and h_s.
        window: D; the paper's is 10.

    Raises:
        ValueError: ``window`` is no whole number of 1 to 10,000.
    """

    def __init__(self, query_dim: int, enc_dim: int, window: int = 10) -> None:
        super().__init__(query_dim, enc_dim)
        self.window = whole("window", window, at_least=1, at_most=WIDEST)
        self.place_hidden = nn.Linear(query_dim, query_dim, bias=False)  # W_p
        self.place = nn.Linear(query_dim, 1, bias=False)  # v_p

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"window={self.window}"

    def centres(self, query: Query, mask: Mask) -> Centres:
        """p_t, the predicted places, from 0 to S."""
        check_size("query", query, self.place_hidden.in_features)
        hidden = self.place_hidden(query).tanh()  # (batch, tgt_len, query_dim)
        share = at_least_float32(self.place(hidden)).sigmoid().squeeze(-1)
        return mask.sum(dim=-1, keepdim=True) * share

    def attend(self, query: Query, keys: Keys, mask: Mask) -> Weights:
        apart = distances(self.centres(query, mask), mask)
        scores = self.scores(query, keys)
        scores = scores + log_gaussian(apart, self.window).to(scores.dtype)
        scores = scores.masked_fill(~within(apart, self.window), -math.inf)
        return masked_softmax(scores, mask)
