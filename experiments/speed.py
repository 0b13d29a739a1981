"""How many updates of the fixed context take as long as one with additive attention.

Bahdanau et al. (2015) trained both for about equal hours, not for equal updates. Both
models of `ablations` are timed in turn in every round, on the same batches; the ratio is
the median over rounds of the ratio within a round, because the machine's speed drifts.
"""

from statistics import median

import torch
from tqdm import tqdm

from experiments.ablated import build, model_config
from experiments.engine import options
from experiments.engine.command_line import command_line
from experiments.engine.results import describe_run, write_results
from experiments.number_words import BATCH_SIZE, train_pairs
from seq2seq_lib.batching import Batches
from seq2seq_lib.training import TrainConfig, fit

HIDDEN, MODELS = (96, 16), ("fixed", "additive")


def measure(rounds: int, updates: int) -> dict:
    """Time every model once per round, after one round of warming up."""
    seconds: dict[tuple[str, int], list[float]] = {
        (name, hidden): [] for hidden in HIDDEN for name in MODELS
    }
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for name, hidden in seconds:
            batches = Batches(train_pairs(), BATCH_SIZE, seed=number)
            model = build(name, hidden)
            history = fit(model, batches, TrainConfig(updates), progress=False)
            if number:
                seconds[name, hidden].append(history.seconds / updates)
    found = {}
    for hidden in HIDDEN:
        fixed, additive = (seconds[name, hidden] for name in MODELS)
        ratios = [a / f for a, f in zip(additive, fixed, strict=True)]
        found[str(hidden)] = {
            "ratio": round(median(ratios), 2),
            "lowest": round(min(ratios), 2),
            "highest": round(max(ratios), 2),
            "seconds": {name: round(median(seconds[name, hidden]), 5) for name in MODELS},
        }
    return found


def main() -> None:
    quick = command_line(__doc__, "two short rounds").parse_args().quick
    torch.set_num_threads(1)
    rounds, updates = (2, 8) if quick else (9, 40)
    values = measure(rounds, updates)
    for hidden, found in values.items():
        print(
            f"hidden {hidden:>3}  {found['ratio']} ({found['lowest']}-{found['highest']})"
        )
    models = {f"{m}, {h}": options(model_config(m, h)) for h in HIDDEN for m in MODELS}
    how = {"models": models, "rounds": rounds, "updates": updates}
    write_results("speed", values, describe_run("speed", how, [0], quick), quick)


if __name__ == "__main__":
    main()
