"""Number words by size, budget and length: is the fixed context full, or only slow?

    fixed, h           fixed context of nominal hidden size h, to 12,000 updates
    additive, h        additive attention of that size, to 3,000
    squeezed, d        the fixed context of size 96 whose summary passes through d numbers
                       (see `squeeze`), to 12,000

A fixed context has no fewer parameters than additive attention of the same nominal size;
``context`` says how many numbers its vector has. All run at the rate and the bias of the
update gates that was chosen for their mechanism and size. Training goes on at that rate; at
budgets that double, a copy cools down, and exact match by length of that copy is stored, so
each value is one that a training of that length would have reached. ``missing`` is what the
model still has to guess of a whole number, in bits: the cross-entropy of its words.
"""

import math
from typing import NamedTuple

import torch

from experiments.ablated import build, model_config
from experiments.declarations import SEEDS
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import (
    BATCH_SIZE,
    DATA,
    exact_match_buckets,
    hits,
    splits,
    train_model,
    train_pairs,
)
from experiments.recipes import RECIPES, Recipe
from experiments.squeeze import COOL_DOWN, CoolDowns, Squeezed, Tanh
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.tasks import Example
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig

BUDGETS = tuple(375 * 2**k for k in range(6))
ATTENTION_UNTIL = 3000
LONG = range(21, 25)  # lengths of the longest numbers


class Arm(NamedTuple):
    """A mechanism of a nominal hidden size, the last budget, and what it passes through."""

    mechanism: str
    hidden: int
    until: int = BUDGETS[-1]
    squeezed: int = 0

    @property
    def recipe(self) -> Recipe:
        """What was chosen for it."""
        return RECIPES[self.mechanism, self.hidden]


def arms() -> dict[str, Arm]:
    """All arms by name."""
    fixed = {f"fixed, {h}": Arm("fixed", h) for h in (16, 32, 64, 96)}
    additive = {
        f"additive, {h}": Arm("additive", h, ATTENTION_UNTIL) for h in (16, 32, 64, 96)
    }
    squeezed = {f"squeezed, {d}": Arm("fixed", 96, squeezed=d) for d in (8, 32)}
    return fixed | additive | squeezed


def built(arm: Arm, seed: int) -> Seq2Seq:
    """The model of an arm."""
    model = build(arm.mechanism, arm.hidden, arm.recipe.gate, seed)
    if arm.squeezed:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            narrow = Tanh(model.encoder.enc_dim, arm.squeezed)
        model.encoder = Squeezed(model.encoder, narrow)
    return model


def missing(model: Seq2Seq, examples: list[Example]) -> float:
    """Bits of a number that the model has to guess, on average."""
    pairs = encode(examples, *Numbers().vocabs())
    words = sum(len(pair.tgt) + 1 for pair in pairs) / len(pairs)
    return loss_per_token(model, pairs) * words / math.log(2)


def run(job: Job) -> Values:
    """Train one arm with one seed, and measure it whenever it is cool."""
    arm = arms()[job.arm]
    valid, test = list(splits().valid), list(splits().test)
    moments = (25, 50) if job.quick else [u for u in BUDGETS if u <= arm.until]
    long = [example for example in valid if len(example.src) in LONG]

    def measure(model: Seq2Seq, updates: int) -> Values:
        found: Values = {
            "exact_match": exact_match_buckets(model, valid),
            "missing": missing(model, long),
        }
        if updates == moments[-1]:
            found["hits"] = hits(model, test[::23] if job.quick else test)
        return found

    def data(seed: int) -> Batches:
        return Batches(train_pairs(), BATCH_SIZE, seed=seed)

    hooks = [] if job.opening else [CoolDowns(moments, data, measure)]
    how = TrainConfig(arm.until, lr=arm.recipe.lr, schedule="constant")
    values, history = train_model(job, built(arm, job.seed), how, hooks)
    curve = [dict(record) for record in history.evaluations]
    if curve:
        values["hits"] = curve[-1].pop("hits")
    context = model_config(arm.mechanism, arm.hidden).enc_dim
    return {**values, "context": arm.squeezed or context, "curve": curve}


def experiment() -> Experiment:
    found = arms()
    configuration = {
        **DATA,
        "budgets": BUDGETS,
        "cool_down": f"1/{COOL_DOWN} of the updates so far",
        "arms": {
            name: {
                **arm._asdict(),
                "recipe": arm.recipe,
                "model": options(model_config(arm.mechanism, arm.hidden)),
            }
            for name, arm in found.items()
        },
    }
    many = {"fixed": 3, "additive": 2, "squeezed": 3}  # drawn, not judged
    seeds = {name: SEEDS[: many[name.split(",")[0]]] for name in found}
    return Experiment("surface", run, seeds, configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
