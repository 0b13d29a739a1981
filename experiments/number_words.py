"""What experiments on number words share: the pairs, the two models, the test."""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

from experiments.engine.job import Job, Values
from seq2seq_lib.batching import Batches, Pair, encode
from seq2seq_lib.decoding import Translation, translate
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.metrics import exact_match_by_length
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.tasks import Splits, make_splits
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig

TRAIN_PAIRS, PER_LENGTH, BATCH_SIZE = 40_000, 50, 64
UPDATES = 400  # the course's budget: what a chapter can train while it is read
DATA = {
    "task": "numbers, en to de",
    "train_pairs": TRAIN_PAIRS,
    "per_length": PER_LENGTH,
    "batch_size": BATCH_SIZE,
}


@cache
def splits(longest: int | None = None) -> Splits:
    """The pairs that every arm and seed trains and is tested on.

    Args:
        longest: train on sources of at most so many words; the test set has all lengths.
    """
    return make_splits(
        Numbers(),
        train=TRAIN_PAIRS,
        per_length=PER_LENGTH,
        train_lengths=None if longest is None else range(1, longest + 1),
    )


@cache
def train_pairs(longest: int | None = None) -> tuple[Pair, ...]:
    """The training set as ids."""
    return tuple(encode(splits(longest).train, *Numbers().vocabs()))


def batches(seed: int, longest: int | None = None) -> Batches:
    """The training set in the order of ``seed``."""
    return Batches(train_pairs(longest), BATCH_SIZE, seed=seed)


def config(attention: str = "additive", **changes) -> ModelConfig:
    """A model of the course's sizes for number words."""
    src_vocab, tgt_vocab = Numbers().vocabs()
    return ModelConfig(len(src_vocab), len(tgt_vocab), attention=attention, **changes)


def fair_pair(hidden: int = 96) -> dict[str, ModelConfig]:
    """Both models, the fixed context widened to no fewer parameters than attention has."""
    additive = config("additive", enc_hidden=hidden, dec_hidden=hidden)
    fixed = widen(replace(additive, attention="fixed"), n_parameters(additive))
    return {"fixed": fixed, "additive": additive}


def answers(model: Seq2Seq, split: str = "test") -> list[Translation]:
    """Greedy translations of the test (or validation) set."""
    examples = getattr(splits(), split)
    return translate(model, [e.src for e in examples], *Numbers().vocabs())


def exact_match_buckets(model: Seq2Seq, split: str = "test") -> dict[str, float]:
    """Exact match in every bucket of source lengths."""
    examples = getattr(splits(), split)
    found = exact_match_by_length(
        [e.src for e in examples],
        [answer.tokens for answer in answers(model, split)],
        [e.tgt for e in examples],
    )
    return {bucket.name: bucket.accuracy for bucket in found}


class Arm(NamedTuple):
    """One model and how it is trained."""

    model: ModelConfig
    train: TrainConfig


def train_and_test(job: Job, arm: Arm, moments: int) -> Values:
    """Train one model; exact match by length at so many moments, the last at the end.

    The seed of the job draws the model, the order of the pairs and the dropout.
    """

    def test(model: Seq2Seq) -> Values:
        return {"exact_match": exact_match_buckets(model)}

    values, history = job.train(
        build_model(arm.model, job.seed),
        batches(job.seed),
        replace(arm.train, seed=job.seed),
        [Evaluation(test, every=arm.train.updates // moments)],
    )
    return {
        **values,
        "context": arm.model.enc_dim,
        "exact_match": history.evaluations[-1]["exact_match"],
        "curve": [{"update": e["update"], **e["exact_match"]} for e in history.evaluations],
    }
