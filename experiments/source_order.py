"""Does a fixed context learn faster when the source is read backwards?

Sutskever et al. (2014) reversed every source sentence, so that its first word is read last,
shortly before the first target word is written: the average distance stays, the smallest
shrinks. Their encoder reads one way, and their decoder gets the summary once, as its first
state. Ours gets it at every step. Both wirings are tried ("once", "every step"), on copying
16 of 4 symbols and on number words, English to German. With an encoder that reads both ways
there should be nothing to gain; it is the control. Every setting runs at two learning
rates.

An arm is named by task, encoder, wiring, learning rate and order of the source. All see the
same pairs in the same order of batches and have the same parameters. What is measured is
the validation loss every 50 updates and, at the end, the share of right answers at every
target position, teacher-forced.
"""

from functools import cache
from itertools import product
from typing import Any, NamedTuple

import torch

from experiments.ablated import Withheld
from experiments.engine import Experiment, Job, Values, main, options
from seq2seq_lib.batching import Batch, Batches, Pair, collate, encode
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, token_loss
from seq2seq_lib.tasks import Task, make_splits
from seq2seq_lib.tasks.copy import Copy
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig

UPDATES, EVERY, BATCH_SIZE = 400, 50, 64
RATES = (3e-3, 1e-2)
SYMBOLS, LENGTH = 4, 16
HIDDEN = {"copy": 64, "numbers": 96}
VALID_PER_LENGTH = {"copy": 400, "numbers": 20}
ORDERS = ("natural", "reversed")


class Arm(NamedTuple):
    """One task, encoder, wiring, learning rate, and order of the source."""

    task: str
    way: str
    wiring: str
    rate: float
    order: str

    @property
    def config(self) -> ModelConfig:
        """The model; the order of the source makes no difference to it."""
        return ModelConfig(
            *map(len, task(self.task).vocabs()),
            "fixed",
            enc_hidden=HIDDEN[self.task],
            dec_hidden=HIDDEN[self.task],
            bidirectional=self.way == "two-way",
        )


def arms() -> dict[str, Arm]:
    """All arms by name."""
    settings = [
        ("copy", "one-way", "every step"),
        ("copy", "one-way", "once"),
        ("copy", "two-way", "every step"),
        ("numbers", "one-way", "every step"),
        ("numbers", "one-way", "once"),
    ]
    each = product(settings, RATES, ORDERS)
    found = [Arm(*setting, rate, order) for setting, rate, order in each]
    return {", ".join(f"{x:g}" if x == arm.rate else x for x in arm): arm for arm in found}


def task(name: str) -> Task:
    """The task called ``name``."""
    return Copy(SYMBOLS, LENGTH) if name == "copy" else Numbers()


@cache
def pairs(name: str, order: str) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Training and validation pairs; reversed, the same with the source turned round."""
    made = make_splits(
        task(name),
        train=UPDATES * BATCH_SIZE,
        per_length=VALID_PER_LENGTH[name],
        lengths=[LENGTH] if name == "copy" else None,
    )
    vocabs = task(name).vocabs()
    step = -1 if order == "reversed" else 1
    train, valid = (
        tuple(Pair(pair.src[::step], pair.tgt) for pair in encode(part, *vocabs))
        for part in (made.train, made.valid)
    )
    return train, valid


@torch.no_grad()
def scores(model: Seq2Seq, batch: Batch) -> dict[str, Any]:
    """Loss, and share of right answers at each target position where there are any."""
    logits = model(batch).logits
    right = (logits.argmax(dim=-1) == batch.tgt_out) & batch.tgt_mask
    share = right.sum(dim=0) / batch.tgt_mask.sum(dim=0)
    return {
        "loss": round(token_loss(logits, batch).item(), 5),
        "by_position": [round(value, 4) for value in share.tolist()],
    }


def run(job: Job) -> Values:
    """Train one arm, and score it every 50 updates."""
    arm = arms()[job.arm]
    train, valid = pairs(arm.task, arm.order)
    batch = collate(valid)
    model = build_model(arm.config, job.seed)
    if arm.wiring == "once":
        model.decoder.attention = Withheld()
    values, history = job.train(
        model,
        Batches(train, BATCH_SIZE, seed=job.seed),
        TrainConfig(UPDATES, lr=arm.rate, schedule="constant"),
        [Evaluation(lambda model: scores(model, batch), every=EVERY)],
    )
    return {
        **values,
        "curve": [{"update": e["update"], "loss": e["loss"]} for e in history.evaluations],
        "by_position": history.evaluations[-1]["by_position"],
    }


def experiment() -> Experiment:
    how = {
        name: {**arm._asdict(), "model": options(arm.config)}
        for name, arm in arms().items()
    }
    configuration = {
        "tasks": {
            "copy": f"{LENGTH} of {SYMBOLS} symbols",
            "numbers": "English to German, all lengths",
        },
        "updates": UPDATES,
        "train_pairs": UPDATES * BATCH_SIZE,
        "valid_per_length": VALID_PER_LENGTH,
        "batch_size": BATCH_SIZE,
        "schedule": "constant after 50 updates of warm-up",
        "arms": how,
    }
    return Experiment("source_order", run, dict.fromkeys(how, range(5)), configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
