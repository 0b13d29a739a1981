"""Ragged examples to rectangular tensors, in batches of similar length."""

import random
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from seq2seq_lib.require import Whole, require, whole
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
        ids = (self.src_ids, self.tgt_in, self.tgt_out)
        src_ids, tgt_in, tgt_out = (part.to(device) for part in ids)
        return Batch(src_ids, self.src_lengths, tgt_in, tgt_out)


def pad(rows: Collection[Collection[Whole]]) -> Int64[Tensor, "batch length"]:
    """Stack rows of ids, filling short ones with PAD at the end.

    >>> pad([[7, 8, 9], [7]])
    tensor([[7, 8, 9],
            [7, 0, 0]])

    Raises:
        ValueError: there is no row, a row is empty, or an id is no whole number from 0 on.
    """
    require(len(rows), "A batch needs at least one sequence, got none.")
    for i, row in enumerate(rows):
        require(len(row), f"Sequence {i} of the batch is empty; give it a token.")
    width = max(len(row) for row in rows)
    plain = [[whole("An id", i) for i in row] for row in rows]
    ids = torch.tensor([[*row, *[PAD] * (width - len(row))] for row in plain])
    require(bool((ids >= 0).all()), f"No id is negative, got {int(ids.min())}.")
    return ids


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
    """Make one batch of ``pairs``; at least one, and no empty source, or a ValueError."""
    return Batch(
        src_ids=pad([p.src for p in pairs]),
        src_lengths=torch.tensor([len(p.src) for p in pairs]),
        tgt_in=pad([(BOS, *p.tgt) for p in pairs]),
        tgt_out=pad([(*p.tgt, EOS) for p in pairs]),
    )


@runtime_checkable
class Epochs(Protocol):
    """What training draws its batches from; ``Batches`` is one such source."""

    def __len__(self) -> int:
        """Number of batches in one epoch."""

    def epoch(self, number: Whole) -> Iterator[Batch]:
        """The batches of one epoch; the same ``number`` gives the same batches."""

    def largest_ids(self) -> tuple[int, int]:
        """The largest id of a source and of a target."""

    def describe(self) -> str:
        """Pairs and order in a line that differs where one of them does."""


def largest(rows: Iterable[Sequence[int]]) -> int:
    """The largest id of all rows, 0 where there is none."""
    return max((max(row) for row in rows if row), default=0)


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
        ValueError: there is no pair, or ``batch_size`` or ``seed`` is out of range.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        batch_size: Whole = 64,
        bucketed: bool = True,
        seed: Whole = 0,
    ) -> None:
        require(len(pairs), "Batches needs at least one pair to train on, got none.")
        self.pairs, self.bucketed = list(pairs), bucketed
        self.batch_size = whole("batch_size", batch_size, at_least=1)
        self.seed = whole("seed", seed)

    def __len__(self) -> int:
        """Number of batches in one epoch."""
        return -(-len(self.pairs) // self.batch_size)

    def epoch(self, number: Whole) -> Iterator[Batch]:
        """The batches of one epoch; the same ``number`` gives the same batches."""
        rng = random.Random(f"{self.seed}-{whole('number', number)}")
        pairs = rng.sample(self.pairs, len(self.pairs))
        if self.bucketed:
            # Sorting is stable: pairs of equal lengths stay in their shuffled order.
            pairs.sort(key=lambda p: (len(p.src), len(p.tgt)))
        starts = list(range(0, len(pairs), self.batch_size))
        if self.bucketed:
            rng.shuffle(starts)
        for start in starts:
            yield collate(pairs[start : start + self.batch_size])

    def largest_ids(self) -> tuple[int, int]:
        """The largest id of a source and of a target."""
        return largest(p.src for p in self.pairs), largest(p.tgt for p in self.pairs)

    def describe(self) -> str:
        """Pairs and order in a line that differs where one of them does."""
        checksum = zlib.crc32(repr(self.pairs).encode())
        return (
            f"{len(self.pairs)} pairs with checksum {checksum:08x}, batch_size "
            f"{self.batch_size}, bucketed {self.bucketed}, seed {self.seed}"
        )


def in_order(pairs: Sequence[Pair], batch_size: Whole = 256) -> Iterator[Batch]:
    """Every pair once, in the given order, ``batch_size`` (at least 1) at a time."""
    batch_size = whole("batch_size", batch_size, at_least=1)
    for start in range(0, len(pairs), batch_size):
        yield collate(pairs[start : start + batch_size])
