"""Ragged examples to rectangular tensors, in batches of similar length."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from seq2seq_lib.tasks import Example
from seq2seq_lib.vocab import BOS, EOS, PAD, Vocab


@dataclass(frozen=True)
class Batch:
    """Sentence pairs as padded tensors, batch first.

    Args:
        src_ids: source ids, PAD after the end, (batch, src_len).
        src_lengths: number of real source tokens, (batch,); stays on the CPU, where
            packing needs it.
        tgt_in: what the decoder reads, BOS first, (batch, tgt_len).
        tgt_out: what it should answer, EOS last, (batch, tgt_len).

    The masks are boolean, True = real token.
    """

    src_ids: Int64[Tensor, "batch src_len"]
    src_lengths: Int64[Tensor, " batch"]
    tgt_in: Int64[Tensor, "batch tgt_len"]
    tgt_out: Int64[Tensor, "batch tgt_len"]

    @property
    def src_mask(self) -> Bool[Tensor, "batch src_len"]:
        """Which source tokens are real."""
        return self.src_ids != PAD

    @property
    def tgt_mask(self) -> Bool[Tensor, "batch tgt_len"]:
        """Which of the answers in ``tgt_out`` are real."""
        return self.tgt_out != PAD

    @property
    def n_tokens(self) -> int:
        """Number of real target tokens, EOS included."""
        return int(self.tgt_mask.sum())

    def __len__(self) -> int:
        return len(self.src_ids)

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on ``device``; the lengths stay on the CPU."""
        return Batch(
            self.src_ids.to(device),
            self.src_lengths,
            self.tgt_in.to(device),
            self.tgt_out.to(device),
        )


def pad(rows: Sequence[Sequence[int]]) -> Int64[Tensor, "batch length"]:
    """Stack rows of ids, filling short ones with PAD at the end.

    >>> pad([[7, 8, 9], [7]])
    tensor([[7, 8, 9],
            [7, 0, 0]])

    Raises:
        ValueError: there is no row, or a row is empty.
    """
    if not rows:
        raise ValueError("A batch needs at least one sequence, got none.")
    for i, row in enumerate(rows):
        if not row:
            raise ValueError(
                f"Sequence {i} of the batch is empty; every sequence needs at least "
                "one token."
            )
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows])


def check_batch_size(batch_size: int) -> None:
    """Raise a ValueError unless ``batch_size`` is positive."""
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")


@dataclass(frozen=True)
class Pair:
    """An example as ids, without BOS and EOS."""

    src: tuple[int, ...]
    tgt: tuple[int, ...]


def encode(examples: Sequence[Example], src_vocab: Vocab, tgt_vocab: Vocab) -> list[Pair]:
    """Look every token up once, so that no epoch has to do it again."""
    return [
        Pair(tuple(src_vocab.encode(e.src)), tuple(tgt_vocab.encode(e.tgt)))
        for e in examples
    ]


def collate(pairs: Sequence[Pair]) -> Batch:
    """Make one batch of ``pairs``.

    Raises:
        ValueError: there is no pair, or a source is empty.
    """
    return Batch(
        src_ids=pad([p.src for p in pairs]),
        src_lengths=torch.tensor([len(p.src) for p in pairs]),
        tgt_in=pad([(BOS, *p.tgt) for p in pairs]),
        tgt_out=pad([(*p.tgt, EOS) for p in pairs]),
    )


class Batches:
    """Batches of a training set, in an order that depends on the seed and epoch alone.

    A batch is as wide as its longest sentence, so mixed lengths waste work on padding.
    With ``bucketed``, every batch holds sentences of similar length, and only the order
    of the batches, and which similar sentences share one, is random.

    Args:
        pairs: the encoded examples.
        batch_size: pairs in a batch; the last one may be smaller.
        bucketed: group by length, or shuffle freely.
        seed: the same seed gives the same batches in every epoch.

    Raises:
        ValueError: there is no pair, or ``batch_size`` is not positive.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        batch_size: int = 64,
        bucketed: bool = True,
        seed: int = 0,
    ) -> None:
        if not pairs:
            raise ValueError("Batches needs at least one pair to train on, got none.")
        check_batch_size(batch_size)
        self.pairs = list(pairs)
        self.batch_size, self.bucketed, self.seed = batch_size, bucketed, seed

    def __len__(self) -> int:
        """Number of batches in one epoch."""
        return -(-len(self.pairs) // self.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch; the same ``number`` gives the same batches."""
        rng = random.Random(f"{self.seed}-{number}")
        pairs = rng.sample(self.pairs, len(self.pairs))
        if self.bucketed:
            # Sorting is stable: pairs of equal lengths stay in their shuffled order.
            pairs.sort(key=lambda p: (len(p.src), len(p.tgt)))
        starts = list(range(0, len(pairs), self.batch_size))
        if self.bucketed:
            rng.shuffle(starts)
        for start in starts:
            yield collate(pairs[start : start + self.batch_size])


def in_order(pairs: Sequence[Pair], batch_size: int = 256) -> Iterator[Batch]:
    """Every pair once, in the given order: for evaluation.

    Raises:
        ValueError: ``batch_size`` is not positive.
    """
    check_batch_size(batch_size)
    for start in range(0, len(pairs), batch_size):
        yield collate(pairs[start : start + batch_size])
