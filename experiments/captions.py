"""All of Multi30k as pieces of words, and captions that are joined: only length differs.

English to German, lower-cased. A *joined* source is k captions one after the other, and
its target their translations in the same order: the same content for every k, only longer.
Natural long sentences differ from short ones in more than their length, so that a curve
over natural lengths cannot tell what made a translation worse.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from seq2seq_lib.batching import Batch, Batches, Pair, collate
from seq2seq_lib.tasks import Example, multi30k
from seq2seq_lib.translate.lines import prepare, read_pairs
from seq2seq_lib.translate.subwords import Subwords

PIECES = 4_000  # on each side
SIZES = (1, 2, 3, 4)  # captions in a source
BLOCK = 12  # captions that make whole sources of every size
DATA = {
    "data": f"Multi30k {multi30k.COMMIT[:12]}, en to de, lower-cased",
    "pieces": PIECES,
}


class Caption(NamedTuple):
    """A caption and its translation."""

    src: str
    tgt: str


@cache
def captions(split: str) -> tuple[Caption, ...]:
    """The captions of a split, lower-cased, as people wrote them otherwise."""
    name = multi30k.FILES[split]
    files = (multi30k.fetch(f"{name}.{side}.gz") for side in ("en", "de"))
    return tuple(Caption(*map(_lowered, pair)) for pair in read_pairs(*files))


def _lowered(text: str) -> str:
    return prepare(text, lowercase=True)


@cache
def subwords() -> tuple[Subwords, Subwords]:
    """The pieces of both languages, learned from the training captions."""
    sides = zip(*captions("train"), strict=True)
    src, tgt = (Subwords.learn(side, PIECES) for side in sides)
    return src, tgt


@cache
def pairs(split: str) -> tuple[Pair, ...]:
    """The captions of a split as ids."""
    sides = zip(*captions(split), strict=True)
    rows = (own.encode(side) for own, side in zip(subwords(), sides, strict=True))
    return tuple(Pair(tuple(s), tuple(t)) for s, t in zip(*rows, strict=True))


def join(parts: Sequence[Pair]) -> Pair:
    """Captions one after the other, as one pair."""
    return Pair(
        tuple(i for part in parts for i in part.src),
        tuple(i for part in parts for i in part.tgt),
    )


def neighbours(order: Sequence[int], size: int) -> list[list[int]]:
    """``order`` in groups of ``size``; what is left over is left out."""
    return [
        list(order[start : start + size]) for start in range(0, len(order) - size + 1, size)
    ]


@cache
def blocks(split: str) -> tuple[tuple[int, ...], ...]:
    """The captions of a split in an order that is drawn once, twelve in each block.

    A block's captions are its 12 singles, 6 pairs, 4 triples and 3 fours, so every block
    has the same content at every size. What is left over is left out.
    """
    order = np.random.default_rng(0).permutation(len(captions(split)))
    return tuple(tuple(block) for block in neighbours(order.tolist(), BLOCK))


@cache
def groups(split: str, size: int) -> tuple[tuple[int, ...], ...]:
    """Which captions each source of a size joins, block by block."""
    return tuple(
        tuple(group) for block in blocks(split) for group in neighbours(block, size)
    )


@cache
def joined_pairs(split: str, size: int) -> tuple[Pair, ...]:
    """The sources of a size, as ids."""
    return tuple(join([pairs(split)[i] for i in group]) for group in groups(split, size))


@cache
def joined_texts(split: str, size: int) -> tuple[Caption, ...]:
    """The sources of a size and their references, as text."""
    every = captions(split)
    return tuple(
        Caption(*(" ".join(side) for side in zip(*(every[i] for i in group), strict=True)))
        for group in groups(split, size)
    )


@cache
def joined_pieces(split: str, size: int) -> tuple[Example, ...]:
    """The sources of a size in pieces, as ``translate`` takes them."""
    vocabs = [own.vocab for own in subwords()]
    return tuple(
        Example(
            *(
                tuple(vocab.decode(side))
                for vocab, side in zip(vocabs, (pair.src, pair.tgt), strict=True)
            )
        )
        for pair in joined_pairs(split, size)
    )


class Joined(Batches):
    """Batches of equally many captions, as sources of one size, each size equally often.

    Which captions are joined is drawn anew in every epoch, and for every size alone; so a
    model has nothing to learn from who stands beside whom. One epoch reads every caption
    once at every size. Sources of a batch have similar lengths.

    Args:
        captions: the captions of the training set.
        in_a_batch: how many captions a batch has; every size divides it.
        seed: the same seed gives the same batches.
    """

    def __init__(self, captions: Sequence[Pair], in_a_batch: int, seed: int) -> None:
        super().__init__(captions, in_a_batch, seed=seed)

    def __len__(self) -> int:
        return sum(len(self.pairs) // size // (self.batch_size // size) for size in SIZES)

    def epoch(self, number: int) -> Iterator[Batch]:
        """As in ``Batches``."""
        rng = np.random.default_rng([self.seed, number])
        batches: list[list[Pair]] = []
        for size in SIZES:
            order = rng.permutation(len(self.pairs)).tolist()
            sources = [
                self.join([self.pairs[i] for i in group])
                for group in neighbours(order, size)
            ]
            # The order was drawn, so sources of equal lengths are in a random order.
            sources.sort(key=lambda pair: (len(pair.src), len(pair.tgt)))
            rows = self.batch_size // size
            spare = len(sources) % rows
            kept = rng.permutation(len(sources))[spare:]
            batches += neighbours([sources[i] for i in sorted(kept)], rows)
        for chosen in rng.permutation(len(batches)):
            yield collate(batches[chosen])

    def join(self, parts: Sequence[Pair]) -> Pair:
        """One source of some captions, and its target."""
        return join(parts)

    def describe(self) -> str:
        """As in ``Batches``."""
        return f"{super().describe()}, joined"
