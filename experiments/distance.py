"""How long one marked token takes to be learned, by its distance from the end (claim 3).

Every source has 64 tokens; only the place of the needle differs. A one-way encoder reads
them, because one that reads both ways has two ends and no position far from both. One model
is trained for each distance, and looked at every 2 updates to 100, then every 2%. It has
learned at the first of three looks in a row that find 95% of 1,000 held-out needles. What
is not learned after 1,500 updates enters as 1,500: the true time is longer.

    slope   of log2(updates) on log2(1 + distance), by least squares: with 1, a distance
            twice as great takes twice as long; with 0, distance makes no difference

An arm is a mechanism and the bias of the update gates at the start: the default, 0, or the
better of 1 and 2 (see `distance_tuning`), which lets states last longer. The fixed context
has no fewer parameters than additive attention. "two-way" is drawn, not judged.
"""

from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import torch

from experiments.declarations import SEEDS, declared
from experiments.engine import Experiment, Job, Values, main, options
from seq2seq_lib.batching import Batch, Batches, Pair, collate, encode
from seq2seq_lib.hooks.early_stop import StopWhen
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import (
    ModelConfig,
    Seq2Seq,
    bias_update_gates,
    build_model,
    n_parameters,
    widen,
)
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.needle import Needle
from seq2seq_lib.training import TrainConfig

LENGTH, CLASSES, HIDDEN = 64, 10, 64
DISTANCES = (0, 1, 3, 7, 15, 31, 63)
TRAIN_PAIRS, HELD_OUT, BATCH_SIZE = 20_000, 1_000, 64
LIMIT, LEARNED, IN_A_ROW = 1500, 0.95, 3
MECHANISMS = ("fixed", "additive")


def _looks() -> tuple[int, ...]:
    looks = list(range(2, 101, 2))
    while looks[-1] < LIMIT:
        looks.append(min(LIMIT, max(looks[-1] + 2, round(looks[-1] * 1.02))))
    return tuple(looks)


LOOKS = _looks()


class Arm(NamedTuple):
    """One mechanism, how it is trained, and which way the encoder reads."""

    mechanism: str
    gate: float = 0.0
    lr: float = 1e-2
    two_way: bool = False


# The rates, and the biases that are not PyTorch's, as experiments/distance_tuning.py
# chose them.
CHOSEN = {
    "fixed, default gate": Arm("fixed", 0.0, 3e-2),
    "fixed, biased gate": Arm("fixed", 2.0, 1e-1),
    "additive, default gate": Arm("additive", 0.0, 1e-1),
    "additive, biased gate": Arm("additive", 1.0, 1e-1),
}


def arms() -> dict[str, Arm]:
    """All arms by name."""
    two_way = {
        f"{m}, two-way": CHOSEN[f"{m}, default gate"]._replace(two_way=True)
        for m in MECHANISMS
    }
    return CHOSEN | two_way


@cache
def config(mechanism: str, two_way: bool) -> ModelConfig:
    """Additive attention at the nominal size, or a fixed context no smaller."""
    sizes = dict(enc_hidden=HIDDEN, dec_hidden=HIDDEN, bidirectional=two_way)
    additive = ModelConfig(*map(len, Needle(LENGTH, CLASSES).vocabs()), "additive", **sizes)
    return widen(replace(additive, attention=mechanism), n_parameters(additive))


@cache
def data(distance: int) -> tuple[tuple[Pair, ...], Batch]:
    """Training pairs, and the held-out needles as one batch."""
    task = Needle(LENGTH, CLASSES, distance)
    splits = make_splits(task, train=TRAIN_PAIRS, per_length=HELD_OUT)
    train = encode(splits.train, *task.vocabs())
    return tuple(train), collate(encode(splits.valid, *task.vocabs()))


@torch.no_grad()
def found(model: Seq2Seq, batch: Batch) -> float:
    """Share of needles that the first answer names."""
    answers = model(batch).logits[:, 0].argmax(dim=-1)
    return (answers == batch.tgt_out[:, 0]).float().mean().item()


class Passed(StopWhen):
    """Ends a run after the third of three looks in a row that find enough."""

    def __init__(self) -> None:
        super().__init__(lambda record: record["found"] >= LEARNED)

    def _ends(self, records: list[dict[str, Any]]) -> bool:
        last = records[-IN_A_ROW:]
        return len(last) == IN_A_ROW and all(map(self.enough, last))


def learn(job: Job, arm: Arm, distance: int) -> Values:
    """Train one model until it has learned one distance, or to the limit."""
    pairs, held_out = data(distance)
    model = build_model(config(arm.mechanism, arm.two_way), job.seed)
    passed = Passed()
    looking = Evaluation(lambda m: {"found": round(found(m, held_out), 4)}, at=LOOKS)
    values, history = job.train(
        bias_update_gates(model, arm.gate),
        Batches(pairs, BATCH_SIZE, seed=job.seed),
        TrainConfig(LIMIT, lr=arm.lr, schedule="constant"),
        [looking, passed],
        name=f"distance-{distance}",
    )
    records = history.evaluations
    has_learned = passed._ends(records)
    first = records[-IN_A_ROW]["update"] if has_learned else None
    return {**values, "learned": first, "found": records[-1]["found"]}


def learn_all(job: Job, arm: Arm, distances: tuple[int, ...] = DISTANCES) -> Values:
    """Train one model for each distance; a quick job for the greatest alone."""
    tried = distances[-1:] if job.quick else distances
    learned = {str(distance): learn(job, arm, distance) for distance in tried}
    return {
        **learned[str(tried[-1])],
        "updates": sum(one["updates"] for one in learned.values()),
        "learned": {distance: one["learned"] for distance, one in learned.items()},
        "found": {distance: one["found"] for distance, one in learned.items()},
    }


def run(job: Job) -> Values:
    """Train one arm with one seed at every distance."""
    return learn_all(job, arms()[job.arm])


def experiment() -> Experiment:
    configuration = {
        "declared": declared("distance"),
        "task": "needle",
        "length": LENGTH,
        "classes": CLASSES,
        "hidden": HIDDEN,
        "train_pairs": TRAIN_PAIRS,
        "held_out": HELD_OUT,
        "batch_size": BATCH_SIZE,
        "distances": DISTANCES,
        "limit": LIMIT,
        "looks": "every 2 updates to 100, then every 2%",
        "learned": f"first of {IN_A_ROW} looks in a row that find {LEARNED:.0%}",
        "arms": {name: arm._asdict() for name, arm in arms().items()},
        "schedule": "constant after 50 updates of warm-up",
        "models": {m: options(config(m, False)) for m in MECHANISMS},
    }
    seeds = {name: SEEDS[: 2 if arm.two_way else 10] for name, arm in arms().items()}
    return Experiment("distance", run, seeds, configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
