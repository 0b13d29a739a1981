"""Batches of about equally many tokens, from a corpus on disk."""

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
import torch

from seq2seq_lib.batching import Batch
from seq2seq_lib.require import Whole, require, whole
from seq2seq_lib.translate.store import Store
from seq2seq_lib.vocab import BOS, EOS


class TokenBatches:
    """Batches that hold so many tokens at most, in an order that the seed decides.

    All pairs are sorted by their length and cut into batches: many short sentences in
    one, few long ones in another. Which of the equally long pairs share a batch, and the
    order of the batches, is random and differs by epoch; the number of batches does not.

    Args:
        store: the corpus.
        tokens: of a batch: its rows times its longest side. A pair that is longer than
            this has a batch of its own.
        seed: the same seed gives the same batches.
    """

    def __init__(self, store: Store, tokens: Whole, seed: Whole = 0) -> None:
        self.store, self.seed = store, whole("seed", seed, at_least=0)
        self.tokens = whole("batch_tokens", tokens, at_least=1)
        width = np.maximum(store.src_lengths, store.tgt_lengths + 1)
        longest = int(width.max()) + 1
        require(longest < 2**20, "A sentence has more than a million tokens.")
        # As narrow as the numbers allow: there is one for every pair.
        key = width.astype(np.int32 if longest**2 < 2**31 else np.int64)
        key *= longest
        key += store.src_lengths
        self._key = key
        self._starts = self._cut(np.sort(width))

    def _cut(self, width: np.ndarray) -> np.ndarray:
        """Where each batch begins, in the order by length, and where the last one ends."""
        starts = [0]
        while (start := starts[-1]) < len(width):
            # The longest row of a batch, its last, decides how many fit.
            counts = range(1, len(width) - start + 1)
            fit = bisect_right(
                counts, self.tokens, key=lambda n: n * int(width[start + n - 1])
            )
            starts.append(start + max(1, fit))
        return np.array(starts)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def epoch(self, number: Whole) -> Iterator[Batch]:
        """The batches of one epoch; the same ``number`` gives the same batches."""
        rng = np.random.default_rng([self.seed, whole("number", number, at_least=0)])
        order = rng.permutation(len(self.store))
        order = order.astype(np.min_scalar_type(len(order)))
        order = order[np.argsort(self._key[order], kind="stable")]
        for batch in rng.permutation(len(self)):
            yield self._batch(order[self._starts[batch] : self._starts[batch + 1]])

    def _batch(self, rows: np.ndarray) -> Batch:
        sources, targets = (list(self.store.rows(side, rows.tolist())) for side in (0, 1))
        lengths = [len(row) for row in sources]
        width = max(len(row) for row in targets) + 1
        src_ids = np.zeros((len(rows), max(lengths)), dtype=np.int64)
        tgt_in = np.zeros((len(rows), width), dtype=np.int64)
        tgt_out = np.zeros((len(rows), width), dtype=np.int64)
        tgt_in[:, 0] = BOS
        for i, (src, tgt) in enumerate(zip(sources, targets, strict=True)):
            src_ids[i, : len(src)] = src
            tgt_in[i, 1 : len(tgt) + 1] = tgt
            tgt_out[i, : len(tgt)] = tgt
            tgt_out[i, len(tgt)] = EOS
        as_tensor = torch.from_numpy
        return Batch(
            as_tensor(src_ids), torch.tensor(lengths), as_tensor(tgt_in), as_tensor(tgt_out)
        )

    def largest_ids(self) -> tuple[int, int]:
        """The largest id of a source and of a target."""
        return self.store.facts.largest

    def describe(self) -> str:
        """Pairs and order in a line that differs where one of them does."""
        facts = self.store.facts
        return (
            f"{facts.pairs} pairs with checksum {facts.checksum:08x}, {self.tokens} tokens "
            f"in a batch, seed {self.seed}"
        )
