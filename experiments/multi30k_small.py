"""Real sentences: BLEU of both models after a few thousand Multi30k pairs.

English to German, words lower-cased, words seen once replaced by UNK. The two models
differ in the attention module and in the hidden size that evens out their parameters.
BLEU and chrF compare lower-cased, split text with the references in the same form, so
they cannot be set beside BLEU of other tokenisations.
"""

import argparse
from dataclasses import replace
from typing import Any

from experiments.results import (
    OPENING,
    arguments,
    confirm_results,
    describe_run,
    opening_loss,
    write_results,
)
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.metrics import bleu, chrf, perplexity
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.tasks import Splits, multi30k
from seq2seq_lib.training import History, TrainConfig, fit

PAIRS, UPDATES, BATCH_SIZE, MAX_LENGTH = 5_000, 800, 64, 25
SEEDS = range(2)


def configurations(splits: Splits) -> dict[str, ModelConfig]:
    """Both models, with no fewer parameters for the fixed context."""
    src_vocab, tgt_vocab = multi30k.vocabs(splits.train)
    additive = ModelConfig(
        len(src_vocab),
        len(tgt_vocab),
        attention="additive",
        emb_dim=96,
        enc_hidden=128,
        dec_hidden=128,
        dropout=0.3,
    )
    fixed = widen(replace(additive, attention="fixed"), n_parameters(additive))
    return {"fixed": fixed, "additive": additive}


def train(
    config: ModelConfig,
    seed: int,
    splits: Splits,
    updates: int,
    stop_after: int | None = None,
) -> tuple[Seq2Seq, History]:
    """Train one model, or only its first ``stop_after`` updates."""
    model = build_model(config, seed)
    pairs = encode(splits.train, *multi30k.vocabs(splits.train))
    history = fit(
        model,
        Batches(pairs, BATCH_SIZE, seed=seed),
        TrainConfig(updates=updates, lr=2e-3, seed=seed),
        stop_after=stop_after,
        label=f"{config.attention}, seed {seed}",
    )
    return model, history


def run(
    config: ModelConfig, seed: int, splits: Splits, updates: int, test_size: int
) -> dict[str, Any]:
    """Train one model and score its greedy translations of the test set."""
    vocabs = multi30k.vocabs(splits.train)
    model, history = train(config, seed, splits, updates)
    test = splits.test[:test_size]
    answers = translate(model, [e.src for e in test], *vocabs, max_len=50)
    texts = [" ".join(answer.tokens) for answer in answers]
    references = [" ".join(e.tgt) for e in test]
    return {
        "parameters": model.n_parameters,
        "seconds_of_updates": round(history.seconds, 1),
        "opening_loss": opening_loss(history),
        "perplexity": round(perplexity(model, encode(test, *vocabs)), 2),
        "bleu": round(bleu(texts, references, tokenize="none"), 2),
        "chrf": round(chrf(texts, references), 2),
        "samples": [
            {"source": " ".join(e.src), "reference": r, "answer": t}
            for e, r, t in zip(test[:3], references, texts, strict=False)
        ],
    }


def measure(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    pairs, updates, test_size = (500, 20, 50) if args.quick else (PAIRS, UPDATES, 1000)
    splits = multi30k.load_splits(limit=pairs, max_length=MAX_LENGTH)
    values: dict[str, dict[str, Any]] = {}
    for name, config in configurations(splits).items():
        values[name] = {}
        for seed in SEEDS[:1] if args.quick else SEEDS:
            values[name][str(seed)] = run(config, seed, splits, updates, test_size)
            print(f"{name}, seed {seed}: BLEU {values[name][str(seed)]['bleu']}")
    return values


def main() -> None:
    args = arguments(__doc__)
    if args.confirm:
        splits = multi30k.load_splits(limit=PAIRS, max_length=MAX_LENGTH)

        def opening(name: str, seed: int) -> float:
            config = configurations(splits)[name]
            _, history = train(config, seed, splits, UPDATES, stop_after=OPENING)
            return opening_loss(history)

        confirm_results("multi30k_small", opening)
        return
    values = measure(args)
    configuration = {
        "pairs": PAIRS,
        "updates": UPDATES,
        "batch_size": BATCH_SIZE,
        "max_length": MAX_LENGTH,
        "commit": multi30k.COMMIT,
    }
    described = describe_run("multi30k_small", configuration, SEEDS, args)
    write_results("multi30k_small", values, described, args)


if __name__ == "__main__":
    main()
