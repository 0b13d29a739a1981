"""The two small models that live in the pages: number words, with attention and without.

Both have the sizes that a page can carry (embeddings of 32, states of 40; the fixed context
wider, so that it has no fewer parameters), the same pairs and the same updates, each at the
best of four rates, chosen on the validation set. What pages load is written to
`results/live/`, rounded to 16 bits; what is printed there was measured after rounding.
"""

import argparse
from dataclasses import replace

import torch
from tqdm import tqdm

from experiments.engine import options
from experiments.engine.results import RESULTS, describe_run, write_results
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
from seq2seq_lib.require import require
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig, fit

UPDATES, SEED = 1500, 0
RATES = (3e-3, 1e-2, 3e-2, 1e-1)
CHOSEN_BY = "lowest validation loss"
FOLDER = RESULTS / "live"


def configs() -> dict[str, ModelConfig]:
    """Both models, the fixed context with no fewer parameters."""
    additive = config("additive", emb_dim=32, enc_hidden=40, dec_hidden=40)
    fixed = widen(replace(additive, attention="fixed"), n_parameters(additive))
    return {"additive": additive, "fixed": fixed}


def train(name: str, lr: float, updates: int) -> Seq2Seq:
    """One model after its updates, rounded to 16 bits."""
    model = build_model(configs()[name], SEED)
    batches = Batches(train_pairs(), BATCH_SIZE, seed=SEED)
    fit(model, batches, TrainConfig(updates, lr=lr, seed=SEED), progress=False)
    return rounded(model)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few updates; writes to results/quick/"
    )
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    updates = 8 if quick else UPDATES
    vocabs = Numbers().vocabs()
    valid = encode(splits().valid, *vocabs)
    folder = RESULTS / "quick" / "live" if quick else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    values = {}
    for name in tqdm(configs(), desc="models"):
        tried = {lr: train(name, lr, updates) for lr in RATES}
        losses = {lr: loss_per_token(model, valid) for lr, model in tried.items()}
        best = min(losses, key=lambda lr: losses[lr])
        require(
            quick or best not in (min(RATES), max(RATES)),
            f"The best rate of {name!r} is {best:g}, at the edge of its grid; add the next "
            "one to RATES in experiments/live_models.py.",
        )
        found = exact_match_buckets(tried[best], splits().test)
        about = {"updates": updates, "lr": best, "exact_match": found}
        export(tried[best], *vocabs, folder / name, **about)
        values[name] = {
            **about,
            "valid_loss": {f"{lr:g}": loss for lr, loss in losses.items()},
            "parameters": tried[best].n_parameters,
        }
        print(name, about)
    models = {name: options(model) for name, model in configs().items()}
    how = {**DATA, "models": models, "updates": updates, "rates": RATES, "seed": SEED}
    how["chosen_by"] = CHOSEN_BY
    write_results(
        "live_models", values, describe_run("live_models", how, [SEED], quick), quick
    )


if __name__ == "__main__":
    main()
