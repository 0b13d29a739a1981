"""Exact match by length of the source and size of the vector.

Number words, English to German. The fixed context is built at four nominal hidden sizes and
additive attention at three, all trained alike; "fixed, 32" is widened until it has no fewer
parameters than "additive, 32" would have. The context of an arm has twice its encoder's
hidden size, because the encoder reads both ways: ``context`` says how many numbers.

The learning rate falls to zero at the last update, so the values on the way (``curve``) say
how far training had come, not what a shorter training would have reached.
"""

from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import DATA, Arm, fair_pair, train_and_test
from seq2seq_lib.model import ModelConfig
from seq2seq_lib.training import TrainConfig

SIZES = {"fixed": (16, 32, 64, 96), "additive": (16, 32, 64)}
TRAIN, MOMENTS = TrainConfig(updates=1500), 3


def arms() -> dict[str, ModelConfig]:
    """Name -> configuration, widened where it is a fixed context."""
    return {
        f"{attention}, {hidden}": fair_pair(hidden)[attention]
        for attention, sizes in SIZES.items()
        for hidden in sizes
    }


def run(job: Job) -> Values:
    """Train one size of one model, and test it three times on the way."""
    return train_and_test(job, Arm(arms()[job.arm], TRAIN), MOMENTS)


def experiment() -> Experiment:
    models = {name: options(config) for name, config in arms().items()}
    # Attention is drawn for scale; what is claimed is how the fixed context grows.
    seeds = {name: range(5 if "fixed" in name else 2) for name in models}
    return Experiment(
        "capacity", run, seeds, {**DATA, "train": options(TRAIN), "models": models}
    )


if __name__ == "__main__":
    main(experiment(), __doc__)
