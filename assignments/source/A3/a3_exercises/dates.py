"""The dates that models are trained on, and their training."""

import random
from collections.abc import Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq_lib.batching import Batch, Batches, collate, encode
from seq2seq_lib.decoding import greedy
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.tasks import Example
from seq2seq_lib.tasks.dates import LOCALES, Dates
from seq2seq_lib.tasks.splits import make_splits, split_of
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.vocab import Vocab

EMB, HIDDEN = 32, 48
RECIPE = {"locales": list(LOCALES), "updates": 400, "seed": 0}
SMALL_RECIPE = {"locales": ["en_US", "de"], "updates": 200, "seed": 0}
PAIRS = 6_400
LONGEST_ANSWER = 11  # ten characters and EOS


class World:
    """A task of dates, its vocabularies, and the pairs to train on.

    Args:
        locales: as in ``Dates``.
    """

    def __init__(self, locales: Sequence[str]) -> None:
        self.task = Dates(locales)
        self.src_vocab, self.tgt_vocab = self.task.vocabs()
        self.train = make_splits(self.task, train=PAIRS, per_length=0).train

    def batch(self, sources: Sequence[str], targets: Sequence[str] | None = None) -> Batch:
        """One batch of dates as text."""
        if targets is None:
            targets = ["-"] * len(sources)
        pairs = zip(sources, targets, strict=True)
        examples = [Example(tuple(s), tuple(t)) for s, t in pairs]
        return collate(encode(examples, self.src_vocab, self.tgt_vocab))

    def text(self, ids: Tensor) -> list[str]:
        """Answers as text, one for each row of ids."""
        return ["".join(self.tgt_vocab.decode(row)) for row in ids.tolist()]


@cache
def _world(locales: tuple[str, ...]) -> World:
    return World(locales)


def world(recipe: Mapping[str, Any]) -> World:
    """The world of a recipe, made once."""
    return _world(tuple(recipe["locales"]))


def held_out(
    rng: random.Random, locales: Sequence[str], n: int
) -> tuple[list[str], list[str]]:
    """Dates that no model was trained on, of all lengths: sources and answers as text."""
    task = _world(tuple(locales)).task
    found: dict[str, str] = {}
    while len(found) < n:
        example = task.draw(rng, rng.choice(task.lengths))
        if split_of(example.src) == "test":
            found["".join(example.src)] = "".join(example.tgt)
    return list(found), list(found.values())


class AsLibrary(Seq2Seq):
    """A student's model, which answers logits alone, in the library's training."""

    def __init__(self, own: Any) -> None:
        nn.Module.__init__(self)  # the student's decoder is none of the library's
        self.own, self.encoder, self.decoder = own, own.encoder, own.decoder

    def forward(self, batch: Batch, teacher_forcing: float = 1.0) -> Any:
        logits = self.own(batch)
        # Axes in a wrong order are told by a criterion; they do not stop the training.
        logits = logits.flatten(0, 1).unflatten(0, batch.tgt_out.shape)
        return SimpleNamespace(logits=logits)


def train(model: Seq2Seq, recipe: Mapping[str, Any]) -> list[float]:
    """Train a model on dates, in batches of like lengths; returns the losses.

    Args:
        model: trained in place.
        recipe: locales, number of updates and seed.
    """
    here = world(recipe)
    pairs = encode(here.train, here.src_vocab, here.tgt_vocab)
    batches = Batches(pairs, batch_size=64, seed=recipe["seed"])
    config = TrainConfig(recipe["updates"], lr=0.01, warmup=20)
    history = fit(model, batches, config, progress=False)
    if history.interrupted:
        raise KeyboardInterrupt
    return history.losses


def vocabularies(recipe: Mapping[str, Any] = RECIPE) -> tuple[Vocab, Vocab]:
    """The characters of dates, and those of answers."""
    return world(recipe).src_vocab, world(recipe).tgt_vocab


def train_dates(
    model_class: type[nn.Module], recipe: Mapping[str, Any] = RECIPE
) -> tuple[Any, list[float]]:
    """A model of the class, trained by the recipe of the gate, and its losses."""
    here = world(recipe)
    torch.manual_seed(recipe["seed"])
    model = model_class(len(here.src_vocab), len(here.tgt_vocab), EMB, HIDDEN)
    return model, train(AsLibrary(model), recipe)


def say(model: Seq2Seq, recipe: Mapping[str, Any], sources: Sequence[str]) -> list[str]:
    """What a model of the library answers."""
    here = world(recipe)
    batch = here.batch(sources)
    return here.text(greedy(model, batch.src_ids, batch.src_lengths, LONGEST_ANSWER).ids)


def right_share(
    sources: Sequence[str], said: Sequence[str], right: Sequence[str]
) -> tuple[float, str]:
    """The share of right answers, and the first wrong one as a sentence."""
    rows = list(zip(sources, said, right, strict=True))
    wrong = [f"{a!r} became {b!r}." for a, b, c in rows if b != c]
    return 1 - len(wrong) / len(rows), wrong[0] if wrong else ""
