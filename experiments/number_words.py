"""What experiments on number words share: the pairs, the two models, the test."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from experiments.engine import Job, Values
from seq2seq_lib.batching import Batches, Pair, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.metrics import exact_match_by_length
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.tasks import Example, Splits, make_splits
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import History, Hook, TrainConfig

TRAIN_PAIRS, PER_LENGTH, BATCH_SIZE = 40_000, 50, 64
UPDATES = 400  # the course's budget: what a chapter can train while it is read
DATA = {
    "task": "numbers, en to de",
    "train_pairs": TRAIN_PAIRS,
    "per_length": PER_LENGTH,
    "batch_size": BATCH_SIZE,
}


@cache
def splits(longest: int | None = None, tgt_lang: str = "de") -> Splits:
    """The pairs that every arm and seed trains and is tested on.

    Args:
        longest: train on sources of at most so many words; the test set has all lengths.
        tgt_lang: the language to translate to.
    """
    return make_splits(
        Numbers("en", tgt_lang),
        train=TRAIN_PAIRS,
        per_length=PER_LENGTH,
        train_lengths=None if longest is None else range(1, longest + 1),
    )


@cache
def test_set() -> tuple[Example, ...]:
    """The test set of ``splits``, drawn without the pairs to train on."""
    return make_splits(Numbers(), train=0, per_length=PER_LENGTH).test


@cache
def train_pairs(**which) -> tuple[Pair, ...]:
    """A training set as ids; ``which`` one, as ``splits`` takes it."""
    vocabs = Numbers("en", which.get("tgt_lang", "de")).vocabs()
    return tuple(encode(splits(**which).train, *vocabs))


def config(attention: str = "additive", **changes) -> ModelConfig:
    """A model of the course's sizes for number words."""
    return ModelConfig(*map(len, Numbers().vocabs()), attention, **changes)


def exact_match_buckets(
    model: Seq2Seq, examples: Sequence[Example], tgt_lang: str = "de"
) -> dict[str, float]:
    """Exact match of greedy translations in every bucket of source lengths."""
    sources, references = [e.src for e in examples], [e.tgt for e in examples]
    answers = translate(model, sources, *Numbers("en", tgt_lang).vocabs())
    found = exact_match_by_length(sources, [a.tokens for a in answers], references)
    return {bucket.name: bucket.accuracy for bucket in found}


def hits(
    model: Seq2Seq, examples: Sequence[Example], tgt_lang: str = "de"
) -> dict[str, str]:
    """For each source length, which greedy translations are right: 1, or 0, for each."""
    answers = translate(model, [e.src for e in examples], *Numbers("en", tgt_lang).vocabs())
    found: dict[str, str] = {}
    for example, answer in zip(examples, answers, strict=True):
        length = str(len(example.src))
        found[length] = found.get(length, "") + str(
            int(tuple(answer.tokens) == example.tgt)
        )
    return found


def train(
    job: Job, model: ModelConfig, how: TrainConfig, hooks: Sequence[Hook] = (), **which
) -> tuple[Seq2Seq, Values, History]:
    """Train one model on the pairs of ``splits(**which)``, as ``Job.train`` does.

    The seed of the job draws the model, the order of the pairs and the dropout.
    """
    built = build_model(model, job.seed)
    return built, *train_model(job, built, how, hooks, **which)


def train_model(
    job: Job, model: Seq2Seq, how: TrainConfig, hooks: Sequence[Hook] = (), **which
) -> tuple[Values, History]:
    """Train a model that is built already, likewise."""
    data = Batches(train_pairs(**which), BATCH_SIZE, seed=job.seed)
    return job.train(model, data, replace(how, seed=job.seed), hooks)
