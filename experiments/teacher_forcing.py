"""What a model learns when it reads its own words while it is trained.

All arms are the fixed context of `ablations`, translating number words from English to
German, with the same pairs, updates and parameters. What differs is the teacher-forcing
rate: the probability that a step of the decoder reads the correct previous word and not
its own.

    rate 1.0 ... rate 0.0   the same rate at every update
    falling                 from 1 at the first update to 0 at the last, as Bengio et al.
                            (2015) proposed
    rate r, lr x            three of these rates at two more learning rates, to see that no
                            rate was put at a disadvantage

Beside exact match: the share of right tokens and the perplexity of the reference, once
when the model reads the correct words and once when it reads its own; and the share of
right tokens after a digit that was planted in the correct words in place of another.
"""

import math
import random
from functools import cache
from typing import NamedTuple

import torch

from experiments.ablated import build, model_config
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import (
    DATA,
    UPDATES,
    exact_match_buckets,
    splits,
    test_set,
    train_model,
)
from experiments.recipes import RECIPES
from seq2seq_lib.batching import Pair, collate, encode, in_order
from seq2seq_lib.decoding import translate
from seq2seq_lib.metrics import exact_match
from seq2seq_lib.model import Seq2Seq, token_loss
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import Hook, Run, TrainConfig

LR, GATE = RECIPES["fixed", 96]
RATES = (1.0, 0.75, 0.5, 0.25, 0.0)
OTHER_LRS, OTHER_RATES = (LR / 3, LR * 3), (1.0, 0.5, 0.0)
DIGITS = "zwei drei vier fünf sechs sieben acht neun".split()


class Arm(NamedTuple):
    """How one model is trained; no rate means one that falls from 1 to 0."""

    rate: float | None
    lr: float = LR


def arms() -> dict[str, Arm]:
    """All arms by name."""
    found = {f"rate {rate}": Arm(rate) for rate in RATES} | {"falling": Arm(None)}
    more = [Arm(rate, lr) for lr in OTHER_LRS for rate in OTHER_RATES]
    return found | {f"rate {arm.rate}, lr {arm.lr:.3g}": arm for arm in more}


class Planted(NamedTuple):
    """A test pair, and its target with the digit at ``position`` replaced by another."""

    pair: Pair
    spoilt: tuple[int, ...]
    position: int


@cache
def planted() -> tuple[Planted, ...]:
    """One planted digit in every test target that has a digit before its last word."""
    vocabs = Numbers().vocabs()
    rng = random.Random(0)
    found = []
    for example in test_set():
        at = [t for t, word in enumerate(example.tgt[:-1]) if word in DIGITS]
        if at:
            t = rng.choice(at)
            other = rng.choice([word for word in DIGITS if word != example.tgt[t]])
            (pair,) = encode([example], *vocabs)
            spoilt = (*pair.tgt[:t], *vocabs[1].encode([other]), *pair.tgt[t + 1 :])
            found.append(Planted(pair, spoilt, t))
    return tuple(found)


@torch.no_grad()
def token_scores(model: Seq2Seq, rate: float) -> dict[str, float]:
    """Share of right tokens, EOS included, and perplexity of the test references.

    With ``rate`` 1 the model reads the references, with 0 its own words.
    """
    right, loss, tokens = 0, 0.0, 0
    for batch in in_order(encode(splits().test, *Numbers().vocabs())):
        logits = model(batch, rate).logits
        hits = (logits.argmax(dim=-1) == batch.tgt_out) & batch.tgt_mask
        right += int(hits.sum())
        loss += token_loss(logits, batch, reduction="sum").item()
        tokens += batch.n_tokens
    try:
        perplexity = math.exp(loss / tokens)
    except OverflowError:  # it has diverged
        perplexity = math.inf
    return {"accuracy": right / tokens, "perplexity": perplexity}


@torch.no_grad()
def after_planted(model: Seq2Seq) -> dict[str, float]:
    """Share of right tokens behind the planted digit: without it, and with it."""
    right, tokens = {"correct": 0, "spoilt": 0}, 0
    for start in range(0, len(planted()), 256):
        chosen = planted()[start : start + 256]
        batch = collate([case.pair for case in chosen])
        spoilt = collate([Pair(case.pair.src, case.spoilt) for case in chosen])
        positions = torch.arange(batch.tgt_out.shape[1])
        at = torch.tensor([[case.position] for case in chosen])
        behind = batch.tgt_mask & (positions > at)
        encoded = model.encoder(batch.src_ids, batch.src_lengths)
        for name, read in (("correct", batch.tgt_in), ("spoilt", spoilt.tgt_in)):
            said = model.decoder.unroll(read, encoded).logits.argmax(dim=-1)
            right[name] += int(((said == batch.tgt_out) & behind).sum())
        tokens += int(behind.sum())
    return {name: hits / tokens for name, hits in right.items()}


class Falling(Hook):
    """A teacher-forcing rate that falls along a line, from 1 to 0 at the last update."""

    def before_training(self, run: Run) -> None:
        self.after_update(run)

    def after_update(self, run: Run) -> None:
        run.teacher_forcing = 1 - run.done / run.config.updates


def run(job: Job) -> Values:
    """Train one arm with one seed, and measure it."""
    arm = arms()[job.arm]
    how = TrainConfig(UPDATES, lr=arm.lr, teacher_forcing=arm.rate or 0.0)
    hooks = [Falling()] if arm.rate is None else []
    model = build("fixed", 96, GATE, job.seed)
    values, _ = train_model(job, model, how, hooks)
    test = splits().test
    answers = translate(model, [e.src for e in test], *Numbers().vocabs())
    return {
        **values,
        "exact_match": exact_match_buckets(model, test),
        "exact_match_overall": exact_match(
            [a.tokens for a in answers], [e.tgt for e in test]
        ),
        "forced": token_scores(model, 1.0),
        "free": token_scores(model, 0.0),
        "after_planted": after_planted(model),
    }


def experiment() -> Experiment:
    configuration = {
        **DATA,
        "model": options(model_config("fixed", 96)),
        "train": options(TrainConfig(UPDATES, lr=LR)),
        "gate": GATE,
        "arms": {name: arm._asdict() for name, arm in arms().items()},
        "planted": len(planted()),
    }
    seeds = {name: range(2 if ", lr" in name else 5) for name in arms()}
    return Experiment("teacher_forcing", run, seeds, configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
