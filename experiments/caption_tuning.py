"""The learning rate of each model on image captions, chosen on the validation set.

Both models try the same rates, with seeds that no other experiment uses, each for the
whole training of `multi30k_small`, which then trains every model with its best rate.
"""

from statistics import fmean

from experiments import multi30k_small
from experiments.engine import Experiment, Job, Values, main
from experiments.engine.results import read_results
from seq2seq_lib.batching import encode
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.tasks import multi30k

LRS, SEEDS = (1e-3, 3e-3, 1e-2, 3e-2), (100, 101)
MODELS = ("fixed", "additive")
CHOSEN_BY = "lowest validation loss, mean over the tuning seeds"


def arms() -> dict[str, tuple[str, float]]:
    """Name -> (model, learning rate)."""
    return {f"{m}, lr {lr:g}": (m, lr) for m in MODELS for lr in LRS}


def run(job: Job) -> Values:
    """Train one model with one rate; its loss on the validation captions."""
    splits = multi30k_small.load()
    model, values, _ = multi30k_small.train(job, *arms()[job.arm])
    valid = encode(splits.valid, *multi30k.vocabs(splits.train))
    return {**values, "valid_loss": loss_per_token(model, valid)}


def best_rate(model: str) -> float:
    """The rate with the lowest validation loss, averaged over the tuning seeds."""
    values = read_results("caption_tuning")["values"]
    losses = {
        lr: fmean(seed["valid_loss"] for seed in values[f"{model}, lr {lr:g}"].values())
        for lr in LRS
    }
    return min(losses, key=lambda lr: losses[lr])


def experiment() -> Experiment:
    how = {**multi30k_small.DATA, "grid": list(LRS), "chosen_by": CHOSEN_BY}
    seeds = dict.fromkeys(arms(), SEEDS)
    return Experiment("caption_tuning", run, seeds, how, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
