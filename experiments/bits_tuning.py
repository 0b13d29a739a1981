"""The learning rate of each kind of squeezed model, chosen on fresh sources (see `bits`).

All kinds try the same rates with seeds that no other experiment uses. What counts is what
comes through after the cool-down at the last budget, on sources that judge nothing else.
"""

from statistics import fmean

from experiments.bits import Arm, train
from experiments.engine import Experiment, Job, Values, main
from experiments.engine.results import read_results
from experiments.grids import inside

GRID = (3e-4, 1e-3, 3e-3, 1e-2)
TRIED = {
    "fixed": Arm("fixed", 8, until=4000),
    "attention": Arm("attention", 8, until=2000),
    "hard": Arm("hard", 16, until=2000),
    "packed": Arm("packed", 16, until=2000),
}
CHOSEN_BY = "most bits through, mean over all lengths and the tuning seeds"


def arms() -> dict[str, tuple[Arm, float]]:
    """Name -> what is trained, and its learning rate."""
    return {f"{kind}, lr {lr:g}": (arm, lr) for kind, arm in TRIED.items() for lr in GRID}


def run(job: Job) -> Values:
    """Train one kind with one rate."""
    arm, lr = arms()[job.arm]
    return train(job, arm, lr, last=False)


def best_rate(kind: str) -> float:
    """The rate with which most comes through.

    Raises:
        ValueError: it is at the edge of the grid.
    """
    bits = {}
    for arm, seeds in read_results("bits_tuning")["values"].items():
        name, _, lr = arm.rpartition(", lr ")
        if name == kind:
            ends = [seed["curve"][-1]["bits"].values() for seed in seeds.values()]
            bits[float(lr)] = fmean(fmean(end) for end in ends)
    best = max(bits, key=lambda lr: bits[lr])
    return inside(best, bits, repr(kind), "GRID in experiments/bits_tuning.py")


def experiment() -> Experiment:
    # Without the grid, which may grow: the arms' names say what was tried.
    how = {
        "arms": {kind: arm._asdict() for kind, arm in TRIED.items()},
        "chosen_by": CHOSEN_BY,
    }
    return Experiment("bits_tuning", run, dict.fromkeys(arms(), (100, 101)), how)


if __name__ == "__main__":
    main(experiment(), __doc__)
