"""What can still be read out of one vector, by source position and length.

A model with a fixed context learns to copy up to 24 of 20 symbols. Then, for each length
and each source position, a linear probe tries to read the symbol at that position out of
the encoder's summary, which has 128 numbers whether the encoder reads one way or both.

    probe       the trained encoder's summary
    untrained   the same encoder before its first update: the control
    model       share of the positions that the model itself answers, teacher-forced
    states      for additive attention alone: the state h_j, asked for its own symbol x_j

Every list has one number for each source position, the first symbol first. The arms are
"fixed, one-way", "fixed, two-way" and "additive, two-way"; additive attention is here for
its states, not as a contestant.
"""

import random
from functools import cache
from typing import NamedTuple

import torch

from experiments.engine import Experiment, Job, Values, main, options
from seq2seq_lib.batching import Batch, Batches, Pair, collate, encode
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.probing import linear_probe
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.copy import Copy
from seq2seq_lib.training import TrainConfig

SYMBOLS, LONGEST, LENGTHS, SUMMARY = 20, 24, (4, 8, 16, 24), 128
TRAIN_PAIRS, BATCH_SIZE = 40_000, 64
TRAIN = TrainConfig(updates=800, lr=5e-3)
PROBED, QUICK_PROBED = 4_000, 600


class Arm(NamedTuple):
    """One model."""

    attention: str
    bidirectional: bool

    @property
    def config(self) -> ModelConfig:
        """Sizes such that the summary has 128 numbers."""
        return ModelConfig(
            *map(len, Copy(SYMBOLS, LONGEST).vocabs()),
            self.attention,
            enc_hidden=SUMMARY // (2 if self.bidirectional else 1),
            dec_hidden=SUMMARY,
            bidirectional=self.bidirectional,
        )


ARMS = {
    "fixed, one-way": Arm("fixed", False),
    "fixed, two-way": Arm("fixed", True),
    "additive, two-way": Arm("additive", True),
}


@cache
def train_pairs() -> tuple[Pair, ...]:
    """What every arm and seed trains on: lengths 1 to 24 in turn."""
    task = Copy(SYMBOLS, LONGEST)
    splits = make_splits(task, train=TRAIN_PAIRS, per_length=0)
    return tuple(encode(splits.train, *task.vocabs()))


@cache
def probed(length: int, examples: int) -> Batch:
    """Fresh sequences of one length, to probe."""
    task, rng = Copy(SYMBOLS, LONGEST), random.Random(f"probed-{length}")
    drawn = [task.draw(rng, length) for _ in range(examples)]
    return collate(encode(drawn, *task.vocabs()))


@torch.no_grad()
def read_out(model: Seq2Seq, batch: Batch, seed: int) -> list[float]:
    """Accuracy of a probe of the summary, for every source position."""
    summary = model.encoder(batch.src_ids, batch.src_lengths).summary
    columns = batch.src_ids.unbind(dim=1)
    return [round(linear_probe(summary, x, seed).accuracy, 4) for x in columns]


@torch.no_grad()
def read_own(model: Seq2Seq, batch: Batch, seed: int) -> list[float]:
    """Accuracy of a probe of each state for its own symbol."""
    states = model.encoder(batch.src_ids, batch.src_lengths).states
    columns = zip(states.unbind(dim=1), batch.src_ids.unbind(dim=1), strict=True)
    return [round(linear_probe(state, x, seed).accuracy, 4) for state, x in columns]


@torch.no_grad()
def answered(model: Seq2Seq, batch: Batch) -> list[float]:
    """Share of right answers at every position, EOS left out, teacher-forced."""
    right = model(batch).logits.argmax(dim=-1) == batch.tgt_out  # (batch, tgt_len)
    return [round(share, 4) for share in right.float().mean(dim=0)[:-1].tolist()]


def run(job: Job) -> Values:
    """Probe an encoder, train it, and probe it again."""
    arm, seed = ARMS[job.arm], job.seed
    batches = {n: probed(n, QUICK_PROBED if job.quick else PROBED) for n in LENGTHS}
    model = build_model(arm.config, seed)
    untrained = {n: read_out(model, batch, seed) for n, batch in batches.items()}
    values, _ = job.train(model, Batches(train_pairs(), BATCH_SIZE, seed=seed), TRAIN)
    values |= {
        "untrained": untrained,
        "probe": {n: read_out(model, batch, seed) for n, batch in batches.items()},
        "model": {n: answered(model, batch) for n, batch in batches.items()},
    }
    if arm.attention == "additive":
        values["states"] = {n: read_own(model, batch, seed) for n, batch in batches.items()}
    return values


def experiment() -> Experiment:
    configuration = {
        "task": "copy",
        "symbols": SYMBOLS,
        "trained_lengths": [1, LONGEST],
        "probed_lengths": LENGTHS,
        "train_pairs": TRAIN_PAIRS,
        "batch_size": BATCH_SIZE,
        "examples_per_length": PROBED,
        "held_out": 0.25,
        "train": options(TRAIN),
        "models": {name: options(arm.config) for name, arm in ARMS.items()},
    }
    return Experiment("probes", run, dict.fromkeys(ARMS, range(5)), configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
