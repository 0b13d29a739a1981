"""A decoder small enough to check by hand. It notes what it is given.

An answer asks it from afar (``Outside``): what it noted is not the answer's word.
"""

import torch
from torch import Tensor

from checks.exercise import Inputs

TABLES = ("bigram", "drift")  # whoever has them needs no decoder


class ToyDecoder:
    """A ``step`` whose logits are a table's row for the token read, plus its state.

    Args:
        bigram: the score of every token after every token, (vocab, vocab).
        drift: what reading a token adds to the state, (vocab, vocab).
        rows: the most rows that a step may have.
    """

    def __init__(self, bigram: Tensor, drift: Tensor, rows: int) -> None:
        self.bigram, self.drift, self.rows = bigram, drift, rows
        self.read: list[list[int]] = []
        self.handed_on = True
        self.last: Tensor | None = None
        self.best_rows: list[int] = []  # at the first step, for each token

    def __call__(self, prev_ids: Tensor, dec_state: Tensor) -> tuple[Tensor, Tensor]:
        if not isinstance(prev_ids, Tensor) or prev_ids.dim() != 1:
            raise ValueError("step reads one token for each row: prev_ids is (batch,)")
        vocab = len(self.bigram)
        if (
            not isinstance(dec_state, Tensor)
            or dec_state.dim() != 2
            or dec_state.shape[1] != vocab
            or len(dec_state) > self.rows
        ):
            raise ValueError(
                f"step goes on from states of {vocab} numbers, one for each of at most "
                f"{self.rows} rows: dec_state is (batch, {vocab})"
            )
        if len(prev_ids) != len(dec_state):
            over = " (one for each token: was it taken over the batch axis?)"
            raise ValueError(
                f"step got {len(prev_ids)} tokens to read for {len(dec_state)} rows"
                + (over if len(prev_ids) == vocab else "")
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
    return ToyDecoder(inputs["bigram"], inputs["drift"], len(inputs["dec_state"]))
