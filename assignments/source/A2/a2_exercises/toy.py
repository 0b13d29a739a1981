"""A decoder small enough to check by hand. It notes what it is given."""

import torch
from torch import Tensor

from checks.exercise import Inputs


class ToyDecoder:
    """A ``step`` whose logits are a table's row for the token read, plus its state.

    Args:
        bigram: the score of every token after every token, (vocab, vocab).
        drift: what reading a token adds to the state, (vocab, vocab).
    """

    def __init__(self, bigram: Tensor, drift: Tensor) -> None:
        self.bigram, self.drift = bigram, drift
        self.read: list[list[int]] = []
        self.handed_on = True
        self.last: Tensor | None = None
        self.best_rows: list[int] = []  # at the first step, for each token

    def __call__(self, prev_ids: Tensor, dec_state: Tensor) -> tuple[Tensor, Tensor]:
        if not isinstance(prev_ids, Tensor) or prev_ids.dim() != 1:
            raise ValueError("step reads one token for each row: prev_ids is (batch,)")
        if len(prev_ids) != len(dec_state):
            over = " (one for each token: was it taken over the batch axis?)"
            raise ValueError(
                f"step got {len(prev_ids)} tokens to read for {len(dec_state)} rows"
                + (over if len(prev_ids) == len(self.bigram) else "")
            )
        self.read.append(prev_ids.tolist())
        if self.last is not None and self.last.shape == dec_state.shape:
            self.handed_on &= bool(torch.equal(self.last, dec_state))
        self.last = dec_state + self.drift[prev_ids]
        logits = self.bigram[prev_ids] + self.last
        if len(self.read) == 1:
            self.best_rows = logits.argmax(dim=0).tolist()
        return logits, self.last.clone()


def toy(inputs: Inputs) -> ToyDecoder:
    return ToyDecoder(inputs["bigram"], inputs["drift"])
