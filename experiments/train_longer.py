"""What a fixed context reaches when it may train on, and when its vector may grow.

Four arms on the number words, English to German, all with the same pairs:

    additive            additive attention, the course's budget of updates
    fixed               fixed context, no fewer parameters, the same updates
    fixed, longer       the same model, five times the updates
    fixed, longer, wide both hidden sizes doubled as well

The step from `fixed` to `fixed, longer` is what slow learning costs; what is still
missing then, and what the wider vector gives back of it, is the price of capacity.
Runs are resumed from _build/checkpoints where an earlier call was stopped.
"""

from dataclasses import replace
from typing import Any

from experiments.results import (
    ROOT,
    arguments,
    code_fingerprint,
    describe_run,
    write_results,
)
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.metrics import exact_match_by_length
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.tasks import Splits, make_splits
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import History, TrainConfig, fit

CHECKPOINTS = ROOT / "_build" / "checkpoints"
UPDATES, LONGER = 600, 3000
TRAIN_PAIRS, PER_LENGTH, BATCH_SIZE = 40_000, 50, 64


def configurations() -> dict[str, tuple[ModelConfig, int]]:
    """Model and number of updates of every arm."""
    src_vocab, tgt_vocab = Numbers().vocabs()
    additive = ModelConfig(len(src_vocab), len(tgt_vocab), attention="additive")
    fixed = widen(replace(additive, attention="fixed"), n_parameters(additive))
    wide = replace(fixed, enc_hidden=2 * fixed.enc_hidden, dec_hidden=2 * fixed.dec_hidden)
    return {
        "additive": (additive, UPDATES),
        "fixed": (fixed, UPDATES),
        "fixed, longer": (fixed, LONGER),
        "fixed, longer, wide": (wide, LONGER),
    }


def data(seed: int = 0) -> Splits:
    """The pairs that every arm and seed trains and is tested on."""
    return make_splits(Numbers(), train=TRAIN_PAIRS, per_length=PER_LENGTH, seed=seed)


def run(arm: str, seed: int, splits: Splits, updates: int | None = None) -> History:
    """Train one arm with one seed; stop early after ``updates`` if given.

    The schedule is that of the whole run, so an early stop gives the whole run's
    first updates.
    """
    task = Numbers()
    vocabs = task.vocabs()
    config, planned = configurations()[arm]

    def evaluate(model: Seq2Seq) -> dict[str, Any]:
        sources = [e.src for e in splits.test]
        answers = [t.tokens for t in translate(model, sources, *vocabs)]
        buckets = exact_match_by_length(sources, answers, [e.tgt for e in splits.test])
        return {"exact_match": {b.name: b.accuracy for b in buckets}}

    name = f"{arm.replace(', ', '-')}-{seed}-{code_fingerprint()}.pt"
    return fit(
        build_model(config, seed),
        Batches(encode(splits.train, *vocabs), BATCH_SIZE, seed=seed),
        TrainConfig(updates=planned, seed=seed),
        evaluate=evaluate,
        evaluate_every=planned // 12,
        checkpoint=CHECKPOINTS / name if updates is None else None,
        stop_after=updates,
        label=f"{arm}, seed {seed}",
    )


def summary(history: History, parameters: int) -> dict[str, Any]:
    """What is stored of one run."""
    return {
        "parameters": parameters,
        "updates": history.updates,
        "tokens": history.tokens,
        "seconds_of_updates": round(history.seconds, 1),
        "mean_loss_of_first_50_updates": sum(history.losses[:50]) / 50,
        "exact_match": history.evaluations[-1]["exact_match"],
        "curve": [{"update": e["update"], **e["exact_match"]} for e in history.evaluations],
    }


def main() -> None:
    args = arguments(__doc__)
    seeds = {"additive": 5, "fixed": 5, "fixed, longer": 3, "fixed, longer, wide": 3}
    splits = data()
    values: dict[str, dict[str, Any]] = {}
    for arm, (config, _) in configurations().items():
        values[arm] = {}
        for seed in range(1 if args.quick else seeds[arm]):
            history = run(arm, seed, splits, updates=50 if args.quick else None)
            if history.interrupted:
                raise SystemExit("Interrupted; the same command goes on from here.")
            values[arm][str(seed)] = summary(history, n_parameters(config))
            print(arm, seed, values[arm][str(seed)]["exact_match"])
    configuration = {
        "task": "numbers, en to de",
        "train_pairs": TRAIN_PAIRS,
        "per_length": PER_LENGTH,
        "batch_size": BATCH_SIZE,
        "train": vars(TrainConfig(updates=UPDATES)),
        "models": {arm: vars(config) for arm, (config, _) in configurations().items()},
    }
    described = describe_run("train_longer", configuration, range(5), args)
    write_results("train_longer", values, described, args)


if __name__ == "__main__":
    main()
