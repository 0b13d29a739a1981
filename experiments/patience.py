"""Small vectors and long training: is the fixed context full, or only slow?

English-German number words. `train_longer` stops a fixed context of a third of the hidden
size after 3,000 updates, and it has not arrived. Here it gets four times as many, and so
does one of a sixth. Each has no fewer parameters than attention of the same hidden size,
which has its 3,000 updates at the smaller size too.

    fixed, 32              a third of the hidden size, 12,000 updates
    fixed, 16              a sixth, 12,000 updates
    fixed, 16, lr ...      the same with the two other learning rates of `tuning`
    additive, 16           attention, a sixth of the hidden size, 3,000 updates
"""

from dataclasses import replace

from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import DATA, Arm, fair_pair, train_and_test
from experiments.train_longer import LONGER, NARROW
from experiments.tuning import GRID
from seq2seq_lib.training import TrainConfig

LONGEST, TINY = 4 * LONGER, NARROW // 2
LR = 1e-2  # what experiments/tuning.py chose at a third of the hidden size
MOMENTS = 12  # at which each training is tested


def arms() -> dict[str, Arm]:
    """All arms by name."""
    tiny = fair_pair(TINY)
    longest = TrainConfig(LONGEST, lr=LR)
    found = {
        f"fixed, {NARROW}": Arm(fair_pair(NARROW)["fixed"], longest),
        f"fixed, {TINY}": Arm(tiny["fixed"], longest),
        f"additive, {TINY}": Arm(tiny["additive"], TrainConfig(LONGER, lr=LR)),
    }
    for lr in GRID["narrow"][0]:
        if lr != LR:
            found[f"fixed, {TINY}, lr {lr:g}"] = Arm(tiny["fixed"], replace(longest, lr=lr))
    return found


def run(job: Job) -> Values:
    """Train one model with one seed; exact match by length on the way and at the end."""
    return train_and_test(job, arms()[job.arm], MOMENTS)


def experiment() -> Experiment:
    how = {
        name: {"model": options(model), "updates": train.updates, "lr": train.lr}
        for name, (model, train) in arms().items()
    }
    # The other rates only say that the chosen one is not to blame.
    seeds = {name: range(2 if "lr" in name else 5) for name in how}
    return Experiment("patience", run, seeds, {**DATA, "arms": how})


if __name__ == "__main__":
    main(experiment(), __doc__)
