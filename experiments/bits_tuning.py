"""The learning rate of each kind of squeezed model, chosen on fresh sources (see `bits`).

All kinds try the same rates with seeds that no other experiment uses. What counts is what
comes through after the cool-down at the last budget, on sources that judge nothing else.
"""

from statistics import fmean

from experiments import grids
from experiments.bits import Arm, train
from experiments.engine import Experiment, Job, Values, main

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


def lost(values: Values) -> float:
    """How few bits came through at the end, on the mean of all lengths."""
    return -fmean(values["curve"][-1]["bits"].values())


def best_rate(kind: str) -> float:
    """The rate with which most comes through.

    Raises:
        ValueError: it is at the edge of the grid.
    """
    rates = {name: lr for name, (arm, lr) in arms().items() if arm is TRIED[kind]}
    return grids.best_rate("bits_tuning", kind, rates, lost)


def experiment() -> Experiment:
    # Without the grid, which may grow: the arms' names say what was tried.
    how = {
        "arms": {kind: arm._asdict() for kind, arm in TRIED.items()},
        "chosen_by": CHOSEN_BY,
    }
    return Experiment("bits_tuning", run, dict.fromkeys(arms(), (100, 101)), how)


if __name__ == "__main__":
    main(experiment(), __doc__)
