"""A trained model that writes where an attention of one's own is out of reach."""

from typing import Any

import torch
from torch import Tensor

from a3_exercises import dates
from checks.exercise import Inputs
from seq2seq_lib import attention as library
from seq2seq_lib.decoder import Decoder, words_only
from seq2seq_lib.encoder import Encoder
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.vocab import BOS, EOS, PAD


class Told(library.Attention):
    """Reads what it was told to."""

    context: Tensor
    weights: Tensor

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.context[:, None], self.weights[:, None]


class Writer:
    """The library's encoder and decoder; only what a look gives comes from an answer.

    The dates are known here alone, and a look can give nothing but a mixture of the
    encoder's states. So what is written is the trained model's, as far as one can see.

    Args:
        inputs: a recipe, and the sources.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.refused = ""
        self.model: Seq2Seq | None = None
        self.ids: list[Tensor] = []

    @torch.no_grad()
    def begin(self, parameters: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Take the trained parameters; returns states, mask and the first query."""
        if self.model is not None:
            raise ValueError("the writing has begun already")
        here = dates.world(self.inputs)
        encoder = Encoder(len(here.src_vocab), dates.EMB, dates.HIDDEN)
        self.told = Told()
        sizes = dates.EMB, dates.HIDDEN, encoder.enc_dim
        decoder = Decoder(len(here.tgt_vocab), *sizes, self.told)
        self.model = Seq2Seq(encoder, decoder).to("cpu").eval()
        self.model.load_state_dict({name: p.float() for name, p in parameters.items()})
        batch = here.batch(self.inputs["sources"])
        encoded = self.model.encoder(batch.src_ids, batch.src_lengths)
        self.memory = decoder.attention.memory(encoded)
        self.state = decoder.initial_state(encoded)
        self.prev_ids = torch.full((len(batch.src_ids),), BOS)
        return encoded.states, encoded.mask, self.state

    @torch.no_grad()
    def look(self, context: Tensor, weights: Tensor) -> Tensor | None:
        """Make a step with what a look gave; returns the next query, or None at the end."""
        if self.model is None or self.ended():
            raise ValueError("nothing is being written")
        self.refused = self.refused or self.no_look(context, weights)
        if self.refused:
            raise ValueError(self.refused)
        self.told.context, self.told.weights = context.float(), weights.float()
        step = self.model.decoder.step(self.prev_ids, self.state, self.memory)
        done = torch.stack([self.prev_ids == EOS, self.prev_ids == PAD]).any(dim=0)
        self.prev_ids = words_only(step.logits).argmax(dim=-1).masked_fill(done, PAD)
        self.state = step.dec_state
        self.ids.append(self.prev_ids)
        return None if self.ended() else self.state

    def ended(self) -> bool:
        """Whether every row is done, or as long as an answer may be."""
        over = (self.prev_ids == EOS) | (self.prev_ids == PAD)
        return len(self.ids) == dates.LONGEST_ANSWER or bool(over.all())

    def no_look(self, context: Any, weights: Any) -> str:
        """Why this is no look at the states, or an empty string."""
        values, mask = self.memory.values, self.memory.mask
        if not isinstance(context, Tensor) or context.shape != values[:, 0].shape:
            return "While writing, a look gave no context (batch, enc_dim)."
        if not isinstance(weights, Tensor) or weights.shape != mask.shape:
            return "While writing, a look gave no weights (batch, src_len)."
        sums, least = weights.sum(dim=-1), weights.min()
        if not ((sums - 1).abs().max() < 1e-3 and least >= 0 and not weights[~mask].any()):
            return "While writing, the weights of a look are not shares of the real tokens."
        low = values.masked_fill(~mask[..., None], torch.inf).amin(dim=1)
        high = values.masked_fill(~mask[..., None], -torch.inf).amax(dim=1)
        if not ((low - 1e-3 <= context) & (context <= high + 1e-3)).all():
            return "While writing, a context is no mixture of the encoder's states."
        return ""

    def facts(self) -> dict[str, Any]:
        """What was written, as text."""
        rows = torch.stack(self.ids, dim=1) if self.ids else torch.zeros(0, 1)
        told = dates.world(self.inputs).text(rows) if self.ids else []
        return {"answers": told, "refused": self.refused}
