"""The small models that live in the pages: number words, under five ways of looking.

All have the sizes that a page can carry (embeddings of 32; additive attention states of 40,
the others wider, so that none has fewer parameters), the same pairs and the same updates,
each at the best of four rates, chosen on the validation set. What pages load is written to
`results/live/`, rounded to 16 bits; what is printed there was measured after rounding.

A model is written as soon as its rates have been tried, and one that is there is not
trained again while its configuration stays the same: remove it from
`results/live_models.json` to train it anew.
"""

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from experiments.engine import Values, options
from experiments.engine.command_line import command_line
from experiments.engine.results import RESULTS, describe_run, read_results, write_results
from experiments.grids import inside
from experiments.number_words import (
    BATCH_SIZE,
    DATA,
    config,
    exact_match_buckets,
    splits,
    train_pairs,
)
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.live.export import export, rounded
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig, fit

UPDATES, SEED = 1500, 0
RATES = (3e-3, 1e-2, 3e-2, 1e-1)
CHOSEN_BY = "lowest validation loss"
FOLDER = RESULTS / "live"


SIZES = {"emb_dim": 32, "enc_hidden": 40, "dec_hidden": 40}  # of additive attention
# The size of one direction of the encoder from which a model is widened. A dot product
# compares states of one size, so there the two directions make the decoder's.
NARROW = {"fixed": 40, "dot": 20, "dot_unscaled": 20, "general": 40}


def configs() -> dict[str, ModelConfig]:
    """Every model, none with fewer parameters than additive attention has."""
    additive = config("additive", **SIZES)
    narrow = {
        name: replace(additive, attention=name, enc_hidden=hidden)
        for name, hidden in NARROW.items()
    }
    enough = n_parameters(additive)
    return {"additive": additive} | {n: widen(c, enough) for n, c in narrow.items()}


def train(name: str, lr: float, updates: int) -> Seq2Seq:
    """One model after its updates, rounded to 16 bits."""
    model = build_model(configs()[name], SEED)
    batches = Batches(train_pairs(), BATCH_SIZE, seed=SEED)
    fit(model, batches, TrainConfig(updates, lr=lr, seed=SEED), progress=False)
    return rounded(model)


def measured(name: str, updates: int, folder: Path, quick: bool) -> Values:
    """Train a model at every rate, export the best; what is stored of it."""
    vocabs = Numbers().vocabs()
    valid = encode(splits().valid, *vocabs)
    tried = {lr: train(name, lr, updates) for lr in RATES}
    losses = {lr: loss_per_token(model, valid) for lr, model in tried.items()}
    best = min(losses, key=lambda lr: losses[lr])
    if not quick:
        inside(best, RATES, repr(name), "RATES in experiments/live_models.py")
    found = exact_match_buckets(tried[best], splits().test)
    about: Values = {"updates": updates, "lr": best, "exact_match": found}
    export(tried[best], *vocabs, folder / name, **about)
    return {
        **about,
        "valid_loss": {f"{lr:g}": loss for lr, loss in losses.items()},
        "parameters": tried[best].n_parameters,
    }


def how(names: Collection[str], updates: int) -> dict[str, Any]:
    """The configuration of some models, as it is stored with them."""
    models = {name: options(configs()[name]) for name in names}
    how = {**DATA, "models": models, "updates": updates, "rates": RATES, "seed": SEED}
    return json.loads(json.dumps({**how, "chosen_by": CHOSEN_BY}))


def kept() -> dict[str, Values]:
    """What is stored of models whose configuration is still today's."""
    with suppress(FileNotFoundError):
        found = read_results("live_models")
        then, today = found["run"]["configuration"], how(configs(), UPDATES)
        if then | {"models": 0} == today | {"models": 0}:
            ours = {n for n, m in then["models"].items() if m == today["models"].get(n)}
            return {name: found["values"][name] for name in configs() if name in ours}
    return {}


def main() -> None:
    quick = command_line(__doc__, "a few updates").parse_args().quick
    torch.set_num_threads(1)
    updates = 8 if quick else UPDATES
    folder = RESULTS / "quick" / "live" if quick else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    values = {} if quick else kept()
    for name in tqdm([n for n in configs() if n not in values], desc="models"):
        values[name] = measured(name, updates, folder, quick)
        run = describe_run("live_models", how(values, updates), [SEED], quick)
        write_results("live_models", values, run, quick)


if __name__ == "__main__":
    main()
