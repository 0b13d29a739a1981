"""What a fixed context reaches when it may train on, and when its vector is smaller.

All arms translate the same number words, English to German; where two arms are compared,
the fixed context has no fewer parameters.

    additive               additive attention, the course's budget of updates
    fixed                  fixed context, the same updates
    fixed, longer          the same model, 3,000 updates
    fixed, constant rate   the same, but the learning rate does not fall
    narrow additive        additive attention, a third of the hidden size, 3,000 updates
    narrow fixed           fixed context, likewise

The step from `fixed` to `fixed, longer` is what slow learning costs. What `narrow fixed`
lacks after the same long training, and `narrow additive` does not, is capacity.
Runs are resumed from _build/checkpoints where an earlier call was stopped.
"""

from dataclasses import dataclass, replace
from typing import Any

from experiments.results import (
    OPENING,
    ROOT,
    arguments,
    code_fingerprint,
    confirm_results,
    describe_run,
    opening_loss,
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
UPDATES, LONGER = 400, 3000
TRAIN_PAIRS, PER_LENGTH, BATCH_SIZE = 40_000, 50, 64


@dataclass(frozen=True)
class Arm:
    """One model, how it is trained, and with how many seeds."""

    model: ModelConfig
    train: TrainConfig
    seeds: int

    @property
    def parameters(self) -> int:
        return n_parameters(self.model)


def arms() -> dict[str, Arm]:
    """All arms by name."""
    src_vocab, tgt_vocab = Numbers().vocabs()
    additive = ModelConfig(len(src_vocab), len(tgt_vocab), attention="additive")
    fixed = widen(replace(additive, attention="fixed"), n_parameters(additive))
    narrow = replace(additive, enc_hidden=32, dec_hidden=32)
    narrow_fixed = widen(replace(narrow, attention="fixed"), n_parameters(narrow))
    budget, longer = TrainConfig(updates=UPDATES), TrainConfig(updates=LONGER)
    constant = replace(longer, schedule="constant")
    return {
        "additive": Arm(additive, budget, seeds=5),
        "fixed": Arm(fixed, budget, seeds=5),
        "fixed, longer": Arm(fixed, longer, seeds=3),
        "fixed, constant rate": Arm(fixed, constant, seeds=3),
        "narrow additive": Arm(narrow, longer, seeds=3),
        "narrow fixed": Arm(narrow_fixed, longer, seeds=3),
    }


def data(seed: int = 0) -> Splits:
    """The pairs that every arm and seed trains and is tested on."""
    return make_splits(Numbers(), train=TRAIN_PAIRS, per_length=PER_LENGTH, seed=seed)


def run(name: str, seed: int, splits: Splits, stop_after: int | None = None) -> History:
    """Train one arm with one seed, or only its first ``stop_after`` updates."""
    task, arm = Numbers(), arms()[name]
    vocabs = task.vocabs()

    def evaluate(model: Seq2Seq) -> dict[str, Any]:
        sources = [e.src for e in splits.test]
        answers = [t.tokens for t in translate(model, sources, *vocabs)]
        buckets = exact_match_by_length(sources, answers, [e.tgt for e in splits.test])
        return {"exact_match": {b.name: b.accuracy for b in buckets}}

    file = f"{name.replace(', ', '-').replace(' ', '-')}-{seed}-{code_fingerprint()}.pt"
    return fit(
        build_model(arm.model, seed),
        Batches(encode(splits.train, *vocabs), BATCH_SIZE, seed=seed),
        replace(arm.train, seed=seed),
        evaluate=evaluate,
        evaluate_every=arm.train.updates // 12,
        checkpoint=CHECKPOINTS / file if stop_after is None else None,
        stop_after=stop_after,
        label=f"{name}, seed {seed}",
    )


def summary(history: History, parameters: int) -> dict[str, Any]:
    """What is stored of one run."""
    return {
        "parameters": parameters,
        "updates": history.updates,
        "tokens": history.tokens,
        "seconds_of_updates": round(history.seconds, 1),
        "opening_loss": opening_loss(history),
        "exact_match": history.evaluations[-1]["exact_match"],
        "curve": [{"update": e["update"], **e["exact_match"]} for e in history.evaluations],
    }


def main() -> None:
    args = arguments(__doc__)
    splits = data()
    if args.confirm:
        confirm_results(
            "train_longer",
            lambda name, seed: opening_loss(run(name, seed, splits, stop_after=OPENING)),
        )
        return
    values: dict[str, dict[str, Any]] = {}
    for name, arm in arms().items():
        values[name] = {}
        for seed in range(1 if args.quick else arm.seeds):
            history = run(name, seed, splits, stop_after=OPENING if args.quick else None)
            if history.interrupted:
                raise SystemExit("Interrupted; the same command goes on from here.")
            values[name][str(seed)] = summary(history, arm.parameters)
            print(name, seed, values[name][str(seed)]["exact_match"])
    configuration = {
        "task": "numbers, en to de",
        "train_pairs": TRAIN_PAIRS,
        "per_length": PER_LENGTH,
        "batch_size": BATCH_SIZE,
        "arms": {
            name: {"model": vars(arm.model), "train": vars(arm.train)}
            for name, arm in arms().items()
        },
    }
    seeds = range(max(arm.seeds for arm in arms().values()))
    described = describe_run("train_longer", configuration, seeds, args)
    write_results("train_longer", values, described, args)


if __name__ == "__main__":
    main()
