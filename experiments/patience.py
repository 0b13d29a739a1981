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

from dataclasses import dataclass

from experiments import runs
from experiments.number_words import (
    BATCH_SIZE,
    PER_LENGTH,
    TRAIN_PAIRS,
    fair_pair,
    train_and_test,
)
from experiments.train_longer import LONGER, NARROW
from experiments.tuning import GRID
from seq2seq_lib.model import ModelConfig
from seq2seq_lib.training import TrainConfig

LONGEST, TINY = 4 * LONGER, NARROW // 2
LR = 1e-2  # what experiments/tuning.py chose at a third of the hidden size
MOMENTS = 12  # at which each training is tested
SEEDS = range(5)


@dataclass(frozen=True)
class Arm:
    """One model, how long it trains, and how fast."""

    model: ModelConfig
    updates: int
    lr: float = LR


def arms() -> dict[str, Arm]:
    """All arms by name."""
    tiny = fair_pair(TINY)
    others = [lr for lr in GRID["narrow"][0] if lr != LR]
    return {
        f"fixed, {NARROW}": Arm(fair_pair(NARROW)["fixed"], LONGEST),
        f"fixed, {TINY}": Arm(tiny["fixed"], LONGEST),
        f"additive, {TINY}": Arm(tiny["additive"], LONGER),
        **{f"fixed, {TINY}, lr {lr:g}": Arm(tiny["fixed"], LONGEST, lr) for lr in others},
    }


def run(name: str, seed: int, quick: bool = False) -> runs.Values:
    """Train one model with one seed; exact match by length on the way and at the end."""
    arm = arms()[name]
    train = TrainConfig(updates=arm.updates, lr=arm.lr, seed=seed)
    return train_and_test(arm.model, train, quick, MOMENTS)


def experiment() -> runs.Experiment:
    return runs.Experiment(
        name="patience",
        configuration={
            "task": "numbers, en to de",
            "train_pairs": TRAIN_PAIRS,
            "per_length": PER_LENGTH,
            "batch_size": BATCH_SIZE,
            "arms": {
                name: {"model": vars(a.model), "updates": a.updates, "lr": a.lr}
                for name, a in arms().items()
            },
        },
        # The other rates only say that the chosen one is not to blame.
        seeds={name: SEEDS[:2] if "lr" in name else SEEDS for name in arms()},
        run=run,
    )


if __name__ == "__main__":
    runs.main(experiment(), __doc__)
