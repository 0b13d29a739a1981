"""Read a source sequence into one state per token and one summary."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seq2seq_lib.require import require
from seq2seq_lib.vocab import PAD


class Encoded(NamedTuple):
    """What the encoder hands over.

    Args:
        states: one state per source token, zero on padding, (batch, src_len, enc_dim).
        summary: the last state of each direction, side by side, (batch, enc_dim).
        src_mask: True = real token, (batch, src_len).
    """

    states: Float[Tensor, "batch src_len enc_dim"]
    summary: Float[Tensor, "batch enc_dim"]
    src_mask: Bool[Tensor, "batch src_len"]

    @property
    def mask(self) -> Bool[Tensor, "batch src_len"]:
        """``src_mask`` by a shorter name, which assignments use."""
        return self.src_mask


class Encoder(nn.Module):
    """A recurrent encoder: embedding, then a gated recurrent unit (GRU) over the tokens.

    The forward direction reads from the first token to the last, the backward direction
    from the last *real* token to the first. Source position ``j`` gets the state

        h_j = [h_j forward ; h_j backward]        (Bahdanau et al. 2015, section 3.2)

    and the summary is [h_n forward ; h_1 backward]: what each direction knows after the
    whole sentence. Packing keeps both directions from ever reading padding.

    Args:
        vocab_size: number of source tokens.
        emb_dim: size of a token's embedding.
        hidden: size of one direction's state.
        bidirectional: read backwards too; then ``enc_dim = 2 * hidden``.
        dropout: probability of dropping an embedding's component while training.
    """

    def __init__(
        self,
        vocab_size: int,
        emb_dim: int,
        hidden: int,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, emb_dim, padding_idx=PAD)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(emb_dim, hidden, batch_first=True, bidirectional=bidirectional)
        self.enc_dim = hidden * (2 if bidirectional else 1)

    def forward(
        self,
        src_ids: Int64[Tensor, "batch src_len"],
        src_lengths: Int64[Tensor, " batch"],
    ) -> Encoded:
        """Encode a padded batch.

        Raises:
            ValueError: a length is below 1 or above ``src_len``, or not one for each row.
        """
        batch, src_len = src_ids.shape
        require(
            len(src_lengths) == batch,
            f"src_ids has {batch} rows but src_lengths has {len(src_lengths)} entries.",
        )
        shortest, longest = int(src_lengths.min()), int(src_lengths.max())
        require(
            shortest >= 1 and longest <= src_len,
            f"Every source length must lie between 1 and src_len={src_len}, got "
            f"{shortest} to {longest}.",
        )
        embedded = self.dropout(self.embedding(src_ids))  # (batch, src_len, emb)
        if shortest == src_len:
            # Nothing is padded: packing would give the same states, more slowly.
            states, last = self.gru(embedded)
        else:
            packed = pack_padded_sequence(
                embedded, src_lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            packed, last = self.gru(packed)
            # (batch, src_len, enc_dim)
            states, _ = pad_packed_sequence(packed, batch_first=True, total_length=src_len)
        # last is (directions, batch, hidden): PyTorch's hidden states are not batch first.
        summary = torch.cat(list(last), dim=-1)  # (batch, enc_dim)
        src_mask = torch.arange(src_len) < src_lengths.cpu()[:, None]  # (batch, src_len)
        return Encoded(states, summary, src_mask.to(src_ids.device))
