"""Are windows too narrow, or is the time too short? (chapter 9)

After 400 updates the two ways that look through a window are the only ones below 0.95 in
some length (`scoring`). So they get, one at a time, five times as many updates, and the
window of the paper, which holds nearly every source whole. The predicted window is cured
by neither, and gets both together. Three seeds, shown and not judged.
"""

from dataclasses import replace
from typing import NamedTuple

from experiments.declarations import SEEDS
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import DATA, UPDATES, exact_match_buckets, splits, train
from experiments.scoring_ways import RATES, WAYS, config
from seq2seq_lib.model import ModelConfig
from seq2seq_lib.training import TrainConfig

NAMES = ("local_m", "local_p")
LONGER, WIDER = 2000, 10  # updates; words to each side


class Arm(NamedTuple):
    """A way of looking, its updates, and its window if it is not that of `scoring`."""

    name: str
    updates: int
    window: int | None = None

    @property
    def model(self) -> ModelConfig:
        """As in `scoring`, but for the window."""
        found = config(WAYS[self.name])
        return found if self.window is None else replace(found, window=self.window)


def arms() -> dict[str, Arm]:
    """All arms by name."""
    longer = {f"{name}, {LONGER} updates": Arm(name, LONGER) for name in NAMES}
    wider = {f"{name}, window {WIDER}": Arm(name, UPDATES, WIDER) for name in NAMES}
    both = {f"local_p, window {WIDER}, {LONGER} updates": Arm("local_p", LONGER, WIDER)}
    return longer | wider | both


def run(job: Job) -> Values:
    """Train one arm with one seed."""
    arm = arms()[job.arm]
    how = TrainConfig(arm.updates, lr=RATES[arm.name])
    model, values, _ = train(job, arm.model, how)
    return {**values, "exact_match": exact_match_buckets(model, splits().test)}


def experiment() -> Experiment:
    found = arms()
    how = {
        "updates": {name: arm.updates for name, arm in found.items()},
        "rates": {name: RATES[name] for name in NAMES},
        "models": {name: options(arm.model) for name, arm in found.items()},
    }
    return Experiment("scoring_longer", run, dict.fromkeys(found, SEEDS[:3]), DATA | how)


if __name__ == "__main__":
    main(experiment(), __doc__)
