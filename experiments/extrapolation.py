"""Longer than anything seen in training: a limit that attention does not remove.

Both models are trained on number words of at most 12 words, with as many pairs, the
updates, the sizes and the learning rates of `comparison`, and tested on all lengths. Up to
12 words they show what they learned; beyond, how far it reaches. A third arm trains
attention with the smaller rate of chapter 8, to see whether reach depends on more than the
mechanism.
"""

from experiments.comparison import RATES
from experiments.engine import Experiment, Job, Values, main
from experiments.number_words import (
    DATA,
    UPDATES,
    exact_match_buckets,
    fair_pair,
    splits,
    train,
)
from seq2seq_lib.training import TrainConfig

LONGEST = 12
# Name -> the model and its learning rate.
ARMS = {
    "fixed": ("fixed", RATES["fixed"]),
    "additive": ("additive", RATES["additive"]),
    "additive, lr 0.003": ("additive", 3e-3),
}


def run(job: Job) -> Values:
    """Train on short numbers, test on all."""
    attention, lr = ARMS[job.arm]
    how = TrainConfig(UPDATES, lr=lr)
    model, values, _ = train(job, fair_pair()[attention], how, longest=LONGEST)
    return {**values, "exact_match": exact_match_buckets(model, splits().test)}


def experiment() -> Experiment:
    how = {"longest_in_training": LONGEST, "updates": UPDATES, "arms": ARMS}
    return Experiment("extrapolation", run, dict.fromkeys(ARMS, range(5)), DATA | how)


if __name__ == "__main__":
    main(experiment(), __doc__)
