"""What a fixed context reaches when it may train on, and when its vector is smaller.

All arms translate the same number words, English to German; where two arms are compared,
the fixed context has no fewer parameters.

    additive               additive attention, the course's budget of updates
    fixed                  fixed context, the same updates
    fixed, longer          the same model, 3,000 updates
    fixed, constant rate   the same, but the learning rate does not fall
    narrow additive        additive attention, a third of the hidden size, 3,000 updates,
                           with the rate that `tuning` chose for it
    narrow fixed           fixed context, likewise

The step from `fixed` to `fixed, longer` is what slow learning costs. What `narrow fixed`
lacks after the same long training, and `narrow additive` does not, may be capacity or more
time; `patience` waits longer.
"""

from dataclasses import replace

from experiments.engine import runs
from experiments.engine.job import Job, Values
from experiments.number_words import DATA, UPDATES, Arm, fair_pair, train_and_test
from seq2seq_lib.training import TrainConfig

LONGER, NARROW = 3000, 32
# Learning rates of the narrow models as experiments/tuning.py chose them.
NARROW_RATES = {"fixed": 1e-2, "additive": 1e-2}
MOMENTS = 12  # at which each training is tested
SEEDS = range(5)
UNSTEADY = "fixed, constant rate"  # shows how one model learns; compared with none


def arms() -> dict[str, Arm]:
    """All arms by name."""
    full, narrow = fair_pair(), fair_pair(NARROW)
    budget, longer = TrainConfig(updates=UPDATES), TrainConfig(updates=LONGER)
    return {
        "additive": Arm(full["additive"], budget),
        "fixed": Arm(full["fixed"], budget),
        "fixed, longer": Arm(full["fixed"], longer),
        "fixed, constant rate": Arm(full["fixed"], replace(longer, schedule="constant")),
        **{
            f"narrow {name}": Arm(narrow[name], replace(longer, lr=NARROW_RATES[name]))
            for name in ("additive", "fixed")
        },
    }


def run(job: Job) -> Values:
    """Train one arm with one seed; exact match by length on the way and at the end."""
    return train_and_test(job, arms()[job.arm], MOMENTS)


def experiment() -> runs.Experiment:
    return runs.Experiment(
        name="train_longer",
        configuration={
            **DATA,
            "arms": {
                name: {"model": vars(arm.model), "train": vars(arm.train)}
                for name, arm in arms().items()
            },
        },
        seeds={name: SEEDS[:3] if name == UNSTEADY else SEEDS for name in arms()},
        run=run,
    )


if __name__ == "__main__":
    runs.main(experiment(), __doc__)
