"""Longer than anything seen in training: a limit that attention does not remove.

Both models are trained on number words of at most 12 words, with as many pairs, the
updates, the sizes and the learning rates of `comparison`, and tested on all lengths. Up to
12 words they show what they learned; beyond, how far it reaches. A third arm trains
attention with the smaller rate of chapter 8, to see whether reach depends on more than the
mechanism.
"""

from experiments.comparison import RATES
from experiments.engine import runs
from experiments.engine.job import Job, Values
from experiments.number_words import (
    DATA,
    UPDATES,
    batches,
    exact_match_buckets,
    fair_pair,
)
from seq2seq_lib.model import build_model
from seq2seq_lib.training import TrainConfig

LONGEST = 12
# Name -> the model and its learning rate.
ARMS = {
    "fixed": ("fixed", RATES["fixed"]),
    "additive": ("additive", RATES["additive"]),
    "additive, lr 0.003": ("additive", 3e-3),
}
SEEDS = range(5)


def run(job: Job) -> Values:
    """Train on short numbers, test on all."""
    attention, lr = ARMS[job.arm]
    model = build_model(fair_pair()[attention], job.seed)
    how = TrainConfig(UPDATES, lr=lr, seed=job.seed)
    values, _ = job.train(model, batches(job.seed, LONGEST), how)
    return {**values, "exact_match": exact_match_buckets(model)}


def experiment() -> runs.Experiment:
    return runs.Experiment(
        name="extrapolation",
        configuration={
            **DATA,
            "longest_in_training": LONGEST,
            "updates": UPDATES,
            "arms": ARMS,
        },
        seeds=dict.fromkeys(ARMS, SEEDS),
        run=run,
    )


if __name__ == "__main__":
    runs.main(experiment(), __doc__)
