"""Seconds of training until 0.95 of the answers are right in every bucket of lengths.

Tokens per second say how fast a loop turns; this says how soon one is done. Every program
has the batch size and the rate that suited it best of the same grid, chosen with another
seed than those that are raced. Evaluations are not timed.
"""

from itertools import product
from statistics import median
from typing import Any

from experiments.engine import Values
from experiments.number_words import exact_match_buckets
from experiments.timing.entrants import ENTRANTS, batches, splits
from experiments.timing.kept import Kept
from seq2seq_lib.hooks.early_stop import StopWhen
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.training import TrainConfig, fit

RACERS = ("textbook", "step loop", "library")
SIZES, RATES = (64, 256), (1e-3, 3e-3, 1e-2)
ENOUGH, EVERY, MOST = 0.95, 25, 1_500
TUNING, SEEDS = 100, (0, 1, 2, 3, 4)


def run(name: str, size: int, rate: float, seed: int, most: int = MOST) -> Values:
    """Train one program until it is right; ``reached`` says whether it came to that."""

    def lowest(model: Seq2Seq) -> dict[str, Any]:
        return {"lowest": min(exact_match_buckets(model, splits().test).values())}

    entrant = ENTRANTS[name]
    ends = [Evaluation(lowest, every=EVERY), StopWhen(lambda e: e["lowest"] >= ENOUGH)]
    how = TrainConfig(most, rate, schedule="constant", seed=seed)
    model, data = entrant.build(seed), batches(entrant, seed, size)
    history = fit(model, data, how, ends, progress=False)
    return {
        "reached": history.evaluations[-1].get("lowest", 0.0) >= ENOUGH,
        "updates": history.updates,
        "seconds": round(history.seconds, 2),
    }


def best(tried: dict[tuple[int, float], Values]) -> tuple[int, float]:
    """The batch size and the rate that were right soonest.

    Raises:
        ValueError: none was right in time.
    """
    right = {how: found["seconds"] for how, found in tried.items() if found["reached"]}
    if not right:
        raise ValueError(f"No run came to {ENOUGH} in time; allow more updates.")
    return min(right, key=right.__getitem__)


def measure(kept: Kept) -> Values:
    """The race; every run that has ended is kept.

    Seeds come first and programs second, so that those of a ratio ran one after another.
    """
    chosen: dict[str, tuple[int, float]] = {}
    for name in RACERS:
        tried = {}
        for size, rate in product(SIZES, RATES):
            tried[size, rate] = kept.get(f"race {name} {size} {rate} {TUNING}", run)(
                name, size, rate, TUNING
            )
        chosen[name] = best(tried)
    found: dict[str, list[Values]] = {name: [] for name in RACERS}
    for seed in SEEDS:
        for name in RACERS:
            size, rate = chosen[name]
            once = kept.get(f"race {name} {size} {rate} {seed}", run)
            found[name].append(once(name, size, rate, seed))
    return {**summary(found), "chosen": {n: [*how] for n, how in chosen.items()}}


def summary(found: dict[str, list[Values]]) -> Values:
    """Medians over seeds, and the library's time as a share of the others', seed by seed.

    A program that was not right in time counts with the time that it had.
    """
    seconds = {name: [run["seconds"] for run in runs] for name, runs in found.items()}
    mine = seconds["library"]
    shares = {
        name: [a / b for a, b in zip(mine, theirs, strict=True)]
        for name, theirs in seconds.items()
    }
    return {
        "seconds": {n: round(median(s), 2) for n, s in seconds.items()},
        "updates": {n: median(run["updates"] for run in r) for n, r in found.items()},
        "reached": {n: sum(run["reached"] for run in r) for n, r in found.items()},
        "library_as_share": {n: round(median(s), 3) for n, s in shares.items()},
        "library_as_share_lowest": {n: round(min(s), 3) for n, s in shares.items()},
        "library_as_share_highest": {n: round(max(s), 3) for n, s in shares.items()},
    }
