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

from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import DATA, UPDATES, Arm, fair_pair, train_and_test
from seq2seq_lib.training import TrainConfig

LONGER, NARROW = 3000, 32
# Learning rates of the narrow models as experiments/tuning.py chose them.
NARROW_RATES = {"fixed": 1e-2, "additive": 1e-2}
MOMENTS = 12  # at which each training is tested


def arms() -> dict[str, Arm]:
    """All arms by name."""
    full, narrow = fair_pair(), fair_pair(NARROW)
    found = {name: Arm(full[name], TrainConfig(UPDATES)) for name in ("additive", "fixed")}
    found["fixed, longer"] = Arm(full["fixed"], TrainConfig(LONGER))
    constant = TrainConfig(LONGER, schedule="constant")
    found["fixed, constant rate"] = Arm(full["fixed"], constant)
    for name in ("additive", "fixed"):
        rate = TrainConfig(LONGER, lr=NARROW_RATES[name])
        found[f"narrow {name}"] = Arm(narrow[name], rate)
    return found


def run(job: Job) -> Values:
    """Train one arm with one seed; exact match by length on the way and at the end."""
    return train_and_test(job, arms()[job.arm], MOMENTS)


def experiment() -> Experiment:
    how = {
        name: {"model": options(arm.model), "train": options(arm.train)}
        for name, arm in arms().items()
    }
    # Shows how one model learns; compared with none.
    seeds = {name: range(3 if "constant rate" in name else 5) for name in how}
    return Experiment("train_longer", run, seeds, {**DATA, "arms": how})


if __name__ == "__main__":
    main(experiment(), __doc__)
