"""The learning rate of each model, chosen on the validation set from one small grid.

A comparison is only fair when neither side runs with the other's learning rate. Both
models try the same rates, with seeds that no other experiment uses, and each is then
trained with the rate that was best for it. (`caption_tuning` does the same with captions.)

    full    number words, the course's sizes and budget of updates
    narrow  number words, a third of the hidden size, 1,500 updates
"""

from statistics import fmean

from experiments.engine import Experiment, Job, Values, main
from experiments.engine.results import read_results
from experiments.number_words import (
    TRAIN_PAIRS,
    UPDATES,
    exact_match_buckets,
    fair_pair,
    splits,
    train,
)
from experiments.train_longer import NARROW
from seq2seq_lib.batching import encode
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig

# The rates tried, and the seeds that try them.
GRID = {
    "full": ((1e-3, 3e-3, 1e-2, 3e-2), (100, 101)),
    "narrow": ((3e-3, 1e-2, 3e-2), (100,)),
}
MODELS = ("fixed", "additive")
CHOSEN_BY = "lowest validation loss, mean over the tuning seeds"
NARROW_UPDATES = 1500  # half of train_longer's, so that six runs fit into minutes


def arms() -> dict[str, tuple[str, str, float]]:
    """Name -> (setting, model, learning rate)."""
    return {
        f"{setting}, {model}, lr {lr:g}": (setting, model, lr)
        for setting, (rates, _) in GRID.items()
        for model in MODELS
        for lr in rates
    }


def run(job: Job) -> Values:
    """Train one model with one rate; exact match and loss on the validation set."""
    setting, attention, lr = arms()[job.arm]
    config = fair_pair(NARROW if setting == "narrow" else 96)[attention]
    updates = NARROW_UPDATES if setting == "narrow" else UPDATES
    model, values, _ = train(job, config, TrainConfig(updates, lr=lr))
    valid = splits().valid
    return {
        **values,
        "valid_exact_match": exact_match_buckets(model, valid),
        "valid_loss": loss_per_token(model, encode(valid, *Numbers().vocabs())),
    }


def best_rate(name: str, source: str = "tuning") -> float:
    """The rate with the lowest validation loss, averaged over the tuning seeds.

    Args:
        name: of the arms, without their rates.
        source: the experiment that tried them.
    """
    losses = {}
    for arm, seeds in read_results(source)["values"].items():
        model, _, lr = arm.rpartition(", lr ")
        if model == name:
            losses[float(lr)] = fmean(seed["valid_loss"] for seed in seeds.values())
    return min(losses, key=lambda lr: losses[lr])


def experiment() -> Experiment:
    grid = {setting: list(rates) for setting, (rates, _) in GRID.items()}
    how = {"train_pairs": TRAIN_PAIRS, "grid": grid, "chosen_by": CHOSEN_BY}
    seeds = {name: GRID[setting][1] for name, (setting, _, _) in arms().items()}
    return Experiment("tuning", run, seeds, how)


if __name__ == "__main__":
    main(experiment(), __doc__)
