"""Is it needed? Attention with one thing taken away, trained from scratch (claims 4 to 6).

The mechanisms are those of `ablated`; each has the recipe that was chosen for it. Two
settings are judged: hidden size 96 after the course's 400 updates, and hidden size 16 after
3,000. Hidden size 96 after 3,000 is shown: there the fixed context catches up. Beside the
arms with equal updates stands the fixed context with equal time: as many updates as it can
do while additive attention does its own (`speed`).

Every test answer is stored, right or wrong, by the length of its source.
"""

from typing import NamedTuple

from experiments.ablated import BUILT_FROM, build, model_config
from experiments.declarations import SEEDS, declared
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import DATA, UPDATES, hits, splits, train_model
from experiments.recipes import RECIPES, SPEED
from seq2seq_lib.training import TrainConfig

LONGER = 3000
SETTINGS = {96: UPDATES, 16: LONGER}  # nominal hidden size -> updates
SHOWN = 3  # seeds of what is not judged


class Arm(NamedTuple):
    """A mechanism of a nominal hidden size, and how long it is trained."""

    mechanism: str
    hidden: int
    updates: int

    @property
    def train(self) -> TrainConfig:
        """With the rate that was chosen."""
        return TrainConfig(self.updates, lr=RECIPES[self.mechanism, self.hidden].lr)


def arms() -> dict[str, Arm]:
    """All arms by name."""
    judged = {
        f"{mechanism}, {hidden}": Arm(mechanism, hidden, updates)
        for hidden, updates in SETTINGS.items()
        for mechanism in BUILT_FROM
    }
    equal_time = {
        f"fixed, {hidden}, equal time": Arm("fixed", hidden, round(updates * SPEED[hidden]))
        for hidden, updates in SETTINGS.items()
    }
    shown = {
        f"{mechanism}, 96, {LONGER} updates": Arm(mechanism, 96, LONGER)
        for mechanism in BUILT_FROM
    }
    return judged | equal_time | shown


def run(job: Job) -> Values:
    """Train one arm with one seed; which test answers are right."""
    arm = arms()[job.arm]
    gate = RECIPES[arm.mechanism, arm.hidden].gate
    model = build(arm.mechanism, arm.hidden, gate, job.seed)
    values, _ = train_model(job, model, arm.train)
    test = list(splits().test)
    return {**values, "hits": hits(model, test[::23] if job.quick else test)}


def experiment() -> Experiment:
    found = arms()
    configuration = {
        "declared": declared("ablations"),
        **DATA,
        "arms": {
            name: {
                "train": options(arm.train),
                "gate": RECIPES[arm.mechanism, arm.hidden].gate,
                "model": options(model_config(arm.mechanism, arm.hidden)),
            }
            for name, arm in found.items()
        },
    }
    seeds = {n: SEEDS[: SHOWN if n.endswith("updates") else 10] for n in found}
    return Experiment("ablations", run, seeds, configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
