"""How long one marked token takes to be learned, by its distance from the end.

Every source has 64 tokens; only the place of the needle differs. A model has learned a
distance when it answers 95% of held-out needles, looked at every 10 updates; one that has
not after 1,500 updates is stored as null: censored, not slow. The fixed context has no
fewer parameters than additive attention.

An arm is named by the mechanism, the encoder and the learning rate: "fixed, one-way, 0.01";
it trains one model for each distance. Three rates are tried with the one-way encoder,
because how far back a model learns to look turns out to depend on the rate; the two-way
encoder runs at the best of them.

Beside it, without any training: the norm of the gradient of the answer's log-probability
with respect to the embedding at every source position.
"""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch

from experiments.engine import Experiment, Job, Values, main, options
from seq2seq_lib.batching import Batch, Batches, Pair, collate, encode
from seq2seq_lib.hooks.early_stop import StopWhen
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.probing import gradient_norms
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.needle import Needle
from seq2seq_lib.training import TrainConfig

LENGTH, CLASSES, HIDDEN = 64, 10, 64
DISTANCES = (0, 7, 15, 31, 47, 63)
TRAIN_PAIRS, VALID_PAIRS, BATCH_SIZE = 20_000, 200, 64
LIMIT, EVERY, LEARNED = 1500, 10, 0.95
RATE, OTHER_RATES, OTHER_DISTANCES = 1e-2, (1e-3, 3e-3), (0, 15, 31, 63)
WAYS = {"one-way": False, "two-way": True}
MECHANISMS = ("fixed", "additive")


class Arm(NamedTuple):
    """One model, one rate, and the distances that it is to learn."""

    mechanism: str
    way: str
    rate: float
    distances: tuple[int, ...]


def arms() -> dict[str, Arm]:
    """All arms by name."""
    found = [Arm(m, way, RATE, DISTANCES) for m in MECHANISMS for way in WAYS] + [
        Arm(m, "one-way", rate, OTHER_DISTANCES) for m in MECHANISMS for rate in OTHER_RATES
    ]
    return {f"{arm.mechanism}, {arm.way}, {arm.rate:g}": arm for arm in found}


def model_config(mechanism: str, way: str) -> ModelConfig:
    """Additive attention at the nominal size, or a fixed context no smaller."""
    sizes = dict(enc_hidden=HIDDEN, dec_hidden=HIDDEN, bidirectional=WAYS[way])
    additive = ModelConfig(*map(len, Needle(LENGTH, CLASSES).vocabs()), "additive", **sizes)
    if mechanism == "additive":
        return additive
    return widen(replace(additive, attention=mechanism), n_parameters(additive))


@cache
def data(distance: int) -> tuple[tuple[Pair, ...], Batch]:
    """Training pairs, and the held-out needles as one batch."""
    task = Needle(LENGTH, CLASSES, distance)
    splits = make_splits(task, train=TRAIN_PAIRS, per_length=VALID_PAIRS)
    train = encode(splits.train, *task.vocabs())
    return tuple(train), collate(encode(splits.valid, *task.vocabs()))


@torch.no_grad()
def found(model: Seq2Seq, batch: Batch) -> float:
    """Share of needles that the first answer names."""
    answers = model(batch).logits[:, 0].argmax(dim=-1)
    return (answers == batch.tgt_out[:, 0]).float().mean().item()


def learn(job: Job, arm: Arm, distance: int) -> Values:
    """Train one model until it has learned one distance, or to the limit."""
    pairs, valid = data(distance)
    values, history = job.train(
        build_model(model_config(arm.mechanism, arm.way), job.seed),
        Batches(pairs, BATCH_SIZE, seed=job.seed),
        TrainConfig(LIMIT, lr=arm.rate, schedule="constant"),
        [
            Evaluation(lambda model: {"found": round(found(model, valid), 4)}, every=EVERY),
            StopWhen(lambda record: record["found"] >= LEARNED),
        ],
        name=f"distance-{distance}",
    )
    curve = [record["found"] for record in history.evaluations]
    learned = history.updates if curve[-1] >= LEARNED else None
    return {**values, "learned": learned, "found": curve}


def run(job: Job) -> Values:
    """Train one model for each distance; a quick run for the greatest alone."""
    arm = arms()[job.arm]
    untrained = build_model(model_config(arm.mechanism, arm.way), job.seed)
    norms = gradient_norms(untrained, data(0)[1])[:, 0].mean(dim=0)  # (src_len,)
    distances = arm.distances[-1:] if job.quick else arm.distances
    learned = {str(distance): learn(job, arm, distance) for distance in distances}
    return {
        **learned[str(distances[-1])],
        "updates": sum(one["updates"] for one in learned.values()),
        "learned": {distance: one["learned"] for distance, one in learned.items()},
        "found": {distance: one["found"] for distance, one in learned.items()},
        "gradient_norms": [float(f"{norm:.4g}") for norm in norms.tolist()],
    }


def experiment() -> Experiment:
    configuration = {
        "task": "needle",
        "length": LENGTH,
        "classes": CLASSES,
        "hidden": HIDDEN,
        "train_pairs": TRAIN_PAIRS,
        "valid_pairs": VALID_PAIRS,
        "batch_size": BATCH_SIZE,
        "limit": LIMIT,
        "evaluated_every": EVERY,
        "learned": f"{LEARNED:.0%} of the held-out needles found",
        "arms": {name: arm._asdict() for name, arm in arms().items()},
        "schedule": "constant after 50 updates of warm-up",
        "models": {
            f"{m}, {w}": options(model_config(m, w)) for m in MECHANISMS for w in WAYS
        },
    }
    # The other rates show a direction; the comparison is at the best rate.
    seeds = {name: range(5 if arm.rate == RATE else 2) for name, arm in arms().items()}
    return Experiment("needle", run, seeds, configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
