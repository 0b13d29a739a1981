"""The learning rate of each model, chosen on the validation set from one small grid.

A comparison is only fair when neither side runs with the other's learning rate. Both
models try the same rates, with seeds that no other experiment uses, and each is then
trained with the rate that was best for it. (`caption_tuning` does the same with captions.)

    full    number words, the course's sizes and budget of updates
    narrow  number words, a third of the hidden size, 1,500 updates
"""

from collections.abc import Mapping
from typing import Any

from experiments import runs
from experiments.number_words import (
    TRAIN_PAIRS,
    UPDATES,
    batches,
    exact_match_buckets,
    fair_pair,
    splits,
)
from experiments.results import OPENING, opening_loss, read_results
from experiments.train_longer import NARROW
from seq2seq_lib.batching import encode
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.model import Seq2Seq, build_model, n_parameters
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig, fit

# The rates tried, and the seeds that try them.
GRID = {
    "full": ((1e-3, 3e-3, 1e-2, 3e-2), (100, 101)),
    "narrow": ((3e-3, 1e-2, 3e-2), (100,)),
}
MODELS = ("fixed", "additive")
NARROW_UPDATES = 1500  # half of train_longer's, so that six runs fit into minutes


def arm_name(setting: str, model: str, lr: float) -> str:
    return f"{setting}, {model}, lr {lr:g}"


def arms() -> dict[str, tuple[str, str, float]]:
    """Name -> (setting, model, learning rate)."""
    return {
        arm_name(setting, model, lr): (setting, model, lr)
        for setting, (rates, _) in GRID.items()
        for model in MODELS
        for lr in rates
    }


def run(name: str, seed: int, quick: bool = False) -> dict[str, Any]:
    """Train one model with one rate; exact match or loss on the validation set."""
    setting, attention, lr = arms()[name]
    config = fair_pair(NARROW if setting == "narrow" else 96)[attention]
    updates = NARROW_UPDATES if setting == "narrow" else UPDATES
    pairs = encode(splits().valid, *Numbers().vocabs())

    def evaluate(model: Seq2Seq) -> dict[str, Any]:
        found = exact_match_buckets(model, "valid")
        return {"exact_match": found, "loss": loss_per_token(model, pairs)}

    history = fit(
        build_model(config, seed),
        batches(seed),
        TrainConfig(updates=updates, lr=lr, seed=seed),
        evaluate=evaluate,
        stop_after=OPENING if quick else None,
        progress=False,
    )
    return {
        "parameters": n_parameters(config),
        "updates": history.updates,
        "opening_loss": opening_loss(history),
        "valid_exact_match": history.evaluations[-1]["exact_match"],
        "valid_loss": history.evaluations[-1]["loss"],
    }


def lowest_loss(values: Mapping[str, runs.Values], names: Mapping[float, str]) -> float:
    """The rate with the lowest validation loss, averaged over the tuning seeds.

    Args:
        values: arm -> seed -> what was measured.
        names: rate -> the arm that tried it.
    """

    def loss(lr: float) -> float:
        seeds = values[names[lr]].values()
        return sum(seed["valid_loss"] for seed in seeds) / len(seeds)

    return min(names, key=loss)


def best_rate(setting: str, model: str) -> float:
    """The rate that was best for a model of number words."""
    names = {lr: arm_name(setting, model, lr) for lr in GRID[setting][0]}
    return lowest_loss(read_results("tuning")["values"], names)


def experiment() -> runs.Experiment:
    return runs.Experiment(
        name="tuning",
        configuration={
            "train_pairs": TRAIN_PAIRS,
            "grid": {setting: list(rates) for setting, (rates, _) in GRID.items()},
            "chosen_by": "lowest validation loss, mean over the tuning seeds",
        },
        seeds={name: GRID[setting][1] for name, (setting, _, _) in arms().items()},
        run=run,
    )


if __name__ == "__main__":
    runs.main(experiment(), __doc__)
