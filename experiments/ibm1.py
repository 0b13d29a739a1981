"""IBM Model 1: which words go together, learned by counting alone (Brown et al. 1993).

    p(tgt | src) = product over t of (1 / (S + 1)) sum over s of p(tgt_t | src_s)

with an empty source word beside the S real ones. It knows no positions and no grammar. Its
word probabilities are found by expectation and maximisation, which cannot end in different
places: each round shares every target word out among the source words of its sentence, as
the probabilities of the round before say, and counts the shares.
"""

from collections.abc import Sequence

import numpy as np

from seq2seq_lib.batching import Pair, pad

NULL, ROUNDS = 0, 10  # PAD's id does for the empty word


def _table(pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sources with the empty word in front, targets, and which source words are real."""
    src = pad([p.src for p in pairs]).numpy()
    real = np.pad(src > 0, ((0, 0), (1, 0)), constant_values=True)
    return np.pad(src, ((0, 0), (1, 0))), pad([p.tgt for p in pairs]).numpy(), real


def fit(pairs: Sequence[Pair], rounds: int = ROUNDS) -> np.ndarray:
    """p(target word | source word), (target words, source words); they begin equal."""
    src, tgt, real = _table(pairs)
    counted = real[:, None, :] & (tgt > 0)[:, :, None]
    rows, columns = tgt.max() + 1, src.max() + 1
    places = (tgt[:, :, None] * columns + src[:, None, :])[counted]
    pair_of = np.broadcast_to(np.arange(tgt.size).reshape(*tgt.shape, 1), counted.shape)
    word = pair_of[counted]  # which target word of the corpus
    probabilities = np.full(rows * columns, 1.0)
    for _ in range(rounds):
        given = probabilities[places]
        shares = given / np.bincount(word, given)[word]
        counts = np.bincount(places, shares, rows * columns).reshape(rows, columns)
        probabilities = (counts / np.maximum(counts.sum(axis=0), 1e-300)).ravel()
    return probabilities.reshape(rows, columns)


def links(probabilities: np.ndarray, pair: Pair) -> frozenset[tuple[int, int]]:
    """For each target word its most probable source word; none where that is the empty one.

    Of equal words the first is taken: the model cannot tell them apart.
    """
    best = probabilities[np.ix_(pair.tgt, (NULL, *pair.src))].argmax(axis=1) - 1
    return frozenset((t, int(s)) for t, s in enumerate(best) if s >= 0)
