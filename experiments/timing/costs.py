"""What an update costs with longer sentences and larger batches, and a larger corpus."""

import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
from tqdm import tqdm

from experiments.engine import Values
from experiments.timing.entrants import ENTRANTS, batches
from experiments.timing.models import build, configurations
from seq2seq_lib.batching import Batches, Pair
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.translate.batches import TokenBatches
from seq2seq_lib.translate.store import write
from seq2seq_lib.translate.subwords import Subwords

LENGTHS, SIZES = (8, 16, 32, 64, 128), (8, 16, 32, 64, 128, 256, 512)
CORPORA = (1_000, 10_000, 100_000, 1_000_000)
BY_LENGTH = ("bahdanau, fixed", "bahdanau, additive", "luong, general", "transformer")
TOKENS = 2_048  # of a side, in every batch of the costs by length


def _pairs(many: int, length: int | None, seed: int = 0) -> list[Pair]:
    """Pairs of random ids: all of one length, or of 4 to 19."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(4, 20, many) if length is None else [length] * many
    return [Pair(*(tuple(rng.integers(4, 30, n).tolist()) for _ in "st")) for n in lengths]


def _text(ids: Sequence[int]) -> str:
    return " ".join(map(str, ids))


def by_length(rounds: int, updates: int, lengths: Sequence[int] = LENGTHS) -> Values:
    """Microseconds of training for a target token, by the length of both sides.

    A batch has equally many tokens at every length, so that a cost that is linear in the
    length stays the same here, and one that is quadratic doubles with it.
    """
    names = [*BY_LENGTH, "step loop"]
    found = {(n, length): list[float]() for n in names for length in lengths}
    for number in tqdm(range(rounds + 1), desc="by length"):
        for name, length in found:
            size = max(1, TOKENS // length)
            data = Batches(_pairs(size * updates, length), size)
            step_loop = name == "step loop"
            model = ENTRANTS[name].build(0) if step_loop else build(configurations()[name])
            history = fit(model, data, TrainConfig(updates), progress=False)
            if number:
                found[name, length].append(1e6 / history.tokens_per_second)
    return {
        n: {str(length): round(median(found[n, length]), 2) for length in lengths}
        for n in names
    }


def by_batch(rounds: int, updates: int, sizes: Sequence[int] = SIZES) -> Values:
    """Target tokens per second by the number of pairs in a batch."""
    names = ("library", "step loop")
    found = {(n, size): list[float]() for n in names for size in sizes}
    for number in tqdm(range(rounds + 1), desc="by batch"):
        for name, size in found:
            entrant = ENTRANTS[name]
            model, data = entrant.build(0), batches(entrant, number, size)
            many = max(1, updates * 64 // size)
            history = fit(model, data, TrainConfig(many), progress=False)
            if number:
                found[name, size].append(history.tokens_per_second)
    return {n: {str(s): round(median(found[n, s])) for s in sizes} for n in names}


def by_corpus(sizes: Sequence[int] = CORPORA, updates: int = 200) -> Values:
    """What a larger corpus costs: seconds to open it, and microseconds for a pair drawn.

    ``in memory`` are the batches of the chapters, ``on disk`` those of the program.
    """
    found: Values = {"in memory": {}, "on disk": {}}
    for size in tqdm(sizes, desc="by corpus"):
        with tempfile.TemporaryDirectory() as place:
            pairs = _pairs(size, None)
            start = time.perf_counter()
            data: Batches | TokenBatches = Batches(pairs)
            found["in memory"][str(size)] = _drawn(data, start, updates)
            texts = ((_text(pair.src), _text(pair.tgt)) for pair in pairs)
            cut = Subwords.learn((_text(range(4, 30)) for _ in range(9)), 110)
            stored = write(Path(place) / "corpus", texts, (cut, cut), max_length=99)
            del pairs
            start = time.perf_counter()
            data = TokenBatches(stored, 1_000)
            found["on disk"][str(size)] = _drawn(data, start, updates)
            del data, stored  # which hold the files open
    return found


def _drawn(data: Batches | TokenBatches, start: float, updates: int) -> Values:
    epoch = data.epoch(0)
    first = next(epoch)
    opened = time.perf_counter()
    drawn = [len(batch) for batch in islice(epoch, updates)] or [len(first)]
    per_pair = (time.perf_counter() - opened) / sum(drawn)
    return {
        "seconds_to_first_batch": round(opened - start, 3),
        "microseconds_per_pair": round(1e6 * per_pair, 2),
    }
