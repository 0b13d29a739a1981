"""Looks that no query can change: the two controls of every comparison."""

from seq2seq_lib.attention.lookup import Attention, Keys, Memory, Query, Weights
from seq2seq_lib.encoder import Encoded


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
    matter. This is the encoder-decoder without attention (Cho et al. 2014a, section 2.2,
    where the same summary c is fed to the decoder at every step).
    """

    def memory(self, encoded: Encoded) -> Memory:
        slot = encoded.summary[:, None, :]  # (batch, 1, enc_dim)
        return Memory(slot, slot, encoded.src_mask[:, :1])
