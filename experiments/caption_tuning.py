"""The learning rate of each model on image captions, chosen on the validation set.

The same rates and the same two seeds as `tuning` takes for number words, each for the
whole training of `multi30k_small`, which then trains every model with its best rate.
"""

from experiments import multi30k_small, tuning
from experiments.engine import Experiment, Job, Values, main
from seq2seq_lib.batching import encode
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.tasks import multi30k

LRS, SEEDS = tuning.GRID["full"]


def arms() -> dict[str, tuple[str, float]]:
    """Name -> (model, learning rate)."""
    return {f"{m}, lr {lr:g}": (m, lr) for m in tuning.MODELS for lr in LRS}


def run(job: Job) -> Values:
    """Train one model with one rate; its loss on the validation captions."""
    splits = multi30k_small.load()
    model, values, _ = multi30k_small.train(job, *arms()[job.arm])
    valid = encode(splits.valid, *multi30k.vocabs(splits.train))
    return {**values, "valid_loss": loss_per_token(model, valid)}


def experiment() -> Experiment:
    how = {**multi30k_small.DATA, "grid": list(LRS), "chosen_by": tuning.CHOSEN_BY}
    seeds = dict.fromkeys(arms(), SEEDS)
    return Experiment("caption_tuning", run, seeds, how, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
