"""Longer than anything seen in training: a limit that attention does not remove.

Both models are trained on number words of at most 12 words, with as many pairs, the
updates, the sizes and the learning rates of `comparison`, and tested on all lengths. Up to
12 words they show what they learned; beyond, how far it reaches. A third arm trains
attention with the smaller rate of chapter 8, to see whether reach depends on more than the
mechanism.
"""

from typing import Any

from experiments import runs
from experiments.comparison import RATES
from experiments.number_words import (
    BATCH_SIZE,
    PER_LENGTH,
    TRAIN_PAIRS,
    UPDATES,
    batches,
    exact_match_buckets,
    fair_pair,
)
from experiments.results import OPENING, opening_loss
from seq2seq_lib.model import build_model, n_parameters
from seq2seq_lib.training import TrainConfig, fit

LONGEST = 12
# Name -> the model and its learning rate.
ARMS = {
    "fixed": ("fixed", RATES["fixed"]),
    "additive": ("additive", RATES["additive"]),
    "additive, lr 0.003": ("additive", 3e-3),
}
SEEDS = range(5)


def run(name: str, seed: int, quick: bool = False) -> dict[str, Any]:
    """Train on short numbers, test on all."""
    attention, lr = ARMS[name]
    config = fair_pair()[attention]
    model = build_model(config, seed)
    history = fit(
        model,
        batches(seed, LONGEST),
        TrainConfig(updates=UPDATES, lr=lr, seed=seed),
        stop_after=OPENING if quick else None,
        progress=False,
    )
    return {
        "parameters": n_parameters(config),
        "updates": history.updates,
        "opening_loss": opening_loss(history),
        "exact_match": exact_match_buckets(model),
    }


def experiment() -> runs.Experiment:
    return runs.Experiment(
        name="extrapolation",
        configuration={
            "task": "numbers, en to de",
            "train_pairs": TRAIN_PAIRS,
            "longest_in_training": LONGEST,
            "per_length": PER_LENGTH,
            "batch_size": BATCH_SIZE,
            "updates": UPDATES,
            "arms": ARMS,
        },
        seeds=dict.fromkeys(ARMS, SEEDS),
        run=run,
    )


if __name__ == "__main__":
    runs.main(experiment(), __doc__)
