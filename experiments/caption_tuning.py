"""The learning rate of each model on image captions, chosen on the validation set.

Both models try the same rates, with seeds that no other experiment uses, each for the
whole training of `multi30k_small`, which then trains every model with its best rate.
"""

from operator import itemgetter

from experiments import grids, multi30k_small
from experiments.engine import Experiment, Job, Values, main
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
    rates = {name: lr for name, (its, lr) in arms().items() if its == model}
    return grids.best_rate("caption_tuning", model, rates, itemgetter("valid_loss"))


def experiment() -> Experiment:
    how = {**multi30k_small.DATA, "grid": list(LRS), "chosen_by": CHOSEN_BY}
    seeds = dict.fromkeys(arms(), SEEDS)
    return Experiment("caption_tuning", run, seeds, how, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
