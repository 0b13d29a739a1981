"""What a fixed context reaches when it may train on, and when its vector is smaller.

All arms translate the same number words, English to German; where two arms are compared,
the fixed context has no fewer parameters.

    additive               additive attention, the course's budget of updates
    fixed                  fixed context, the same updates
    fixed, longer          the same model, 3,000 updates
    fixed, constant rate   the same, but the learning rate does not fall
    narrow additive        additive attention, a third of the hidden size, 3,000 updates
    narrow fixed           fixed context, likewise

The step from `fixed` to `fixed, longer` is what slow learning costs. What `narrow fixed`
lacks after the same long training, and `narrow additive` does not, is capacity.
"""

from dataclasses import dataclass, replace
from typing import Any

from experiments import runs
from experiments.number_words import (
    BATCH_SIZE,
    PER_LENGTH,
    TRAIN_PAIRS,
    UPDATES,
    batches,
    exact_match_buckets,
    fair_pair,
)
from experiments.results import OPENING, opening_loss
from seq2seq_lib.model import ModelConfig, build_model, n_parameters
from seq2seq_lib.training import TrainConfig, fit

LONGER, NARROW = 3000, 32
SEEDS = range(5)
UNSTEADY = "fixed, constant rate"  # shows how one model learns; compared with none


@dataclass(frozen=True)
class Arm:
    """One model and how it is trained."""

    model: ModelConfig
    train: TrainConfig

    @property
    def parameters(self) -> int:
        return n_parameters(self.model)


def arms() -> dict[str, Arm]:
    """All arms by name."""
    full, narrow = fair_pair(), fair_pair(NARROW)
    budget, longer = TrainConfig(updates=UPDATES), TrainConfig(updates=LONGER)
    return {
        "additive": Arm(full["additive"], budget),
        "fixed": Arm(full["fixed"], budget),
        "fixed, longer": Arm(full["fixed"], longer),
        "fixed, constant rate": Arm(full["fixed"], replace(longer, schedule="constant")),
        "narrow additive": Arm(narrow["additive"], longer),
        "narrow fixed": Arm(narrow["fixed"], longer),
    }


def run(name: str, seed: int, quick: bool = False) -> dict[str, Any]:
    """Train one arm with one seed, and test it twelve times on the way."""
    arm = arms()[name]
    history = fit(
        build_model(arm.model, seed),
        batches(seed),
        replace(arm.train, seed=seed),
        evaluate=lambda model: {"exact_match": exact_match_buckets(model)},
        evaluate_every=arm.train.updates // 12,
        stop_after=OPENING if quick else None,
        progress=False,
    )
    return {
        "parameters": arm.parameters,
        "updates": history.updates,
        "tokens": history.tokens,
        "seconds_of_updates": round(history.seconds, 1),
        "opening_loss": opening_loss(history),
        "exact_match": history.evaluations[-1]["exact_match"],
        "curve": [{"update": e["update"], **e["exact_match"]} for e in history.evaluations],
    }


def experiment() -> runs.Experiment:
    return runs.Experiment(
        name="train_longer",
        configuration={
            "task": "numbers, en to de",
            "train_pairs": TRAIN_PAIRS,
            "per_length": PER_LENGTH,
            "batch_size": BATCH_SIZE,
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
