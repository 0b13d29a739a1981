"""The learning rate and the bias of the update gates for finding needles (see `distance`).

Both mechanisms try the same rates and biases with seeds that no other experiment uses, at
three distances. What counts is the mean over them of the logarithm of the updates needed.
"""

import math
from statistics import fmean

from experiments.distance import LIMIT, MECHANISMS, Arm, learn_all
from experiments.engine import Experiment, Job, Values, main
from experiments.engine.results import read_results
from experiments.grids import inside

GRID, GATES = (3e-3, 1e-2, 3e-2, 1e-1, 3e-1), (0.0, 1.0, 2.0)
DISTANCES = (0, 7, 31)
CHOSEN_BY = "lowest mean of log(updates) over distances and tuning seeds"


def arms() -> dict[str, Arm]:
    """All arms by name."""
    found = [Arm(m, gate, lr) for m in MECHANISMS for gate in GATES for lr in GRID]
    return {f"{arm.mechanism}, gate {arm.gate:g}, lr {arm.lr:g}": arm for arm in found}


def run(job: Job) -> Values:
    """Train one arm at each of the distances."""
    return learn_all(job, arms()[job.arm], DISTANCES)


def cost(seeds: Values) -> float:
    """What is to be low, of one arm's seeds."""
    times = [t or LIMIT for seed in seeds.values() for t in seed["learned"].values()]
    return fmean(map(math.log, times))


def best(mechanism: str, gates: tuple[float, ...] = GATES) -> Arm:
    """The best rate and bias of a mechanism.

    Raises:
        ValueError: its rate is at the edge of the grid.
    """
    values = read_results("distance_tuning")["values"]
    tried = {
        n: a for n, a in arms().items() if a.mechanism == mechanism and a.gate in gates
    }
    found = tried[min(tried, key=lambda name: cost(values[name]))]
    rates = [arm.lr for arm in tried.values() if arm.gate == found.gate]
    whose = f"{mechanism!r} with the bias {found.gate:g}"
    inside(found.lr, rates, whose, "GRID in experiments/distance_tuning.py")
    return found


def experiment() -> Experiment:
    # Without the rates, which may become more: the arms' names say what was tried.
    how = {"gates": GATES, "distances": DISTANCES, "chosen_by": CHOSEN_BY}
    return Experiment("distance_tuning", run, dict.fromkeys(arms(), (100, 101)), how)


if __name__ == "__main__":
    main(experiment(), __doc__)
