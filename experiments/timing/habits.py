"""What each habit of textbook code costs in training, and what the step loop costs."""

from statistics import median

from tqdm import tqdm

from experiments.engine import Values
from experiments.timing.entrants import ENTRANTS, batches
from seq2seq_lib.training import TrainConfig, fit


def measure(rounds: int, updates: int) -> Values:
    """Target tokens per second of every entrant, and its ratio to the textbook's.

    Every entrant is timed once in each round, after one round of warming up.
    """
    speeds: dict[str, list[float]] = {name: [] for name in ENTRANTS}
    for number in tqdm(range(rounds + 1), desc="habits"):
        for name, entrant in ENTRANTS.items():
            model, data = entrant.build(0), batches(entrant, seed=number)
            history = fit(model, data, TrainConfig(updates), progress=False)
            if number:
                speeds[name].append(history.tokens_per_second)

    def ratios(to: str) -> dict[str, list[float]]:
        return {
            name: [a / b for a, b in zip(values, speeds[to], strict=True)]
            for name, values in speeds.items()
        }

    of, beside = ratios("textbook"), ratios("step loop")["library"]
    return {
        "tokens_per_second": {n: round(median(v)) for n, v in speeds.items()},
        "ratio": {n: round(median(v), 2) for n, v in of.items()},
        "ratio_lowest": {n: round(min(v), 2) for n, v in of.items()},
        "ratio_highest": {n: round(max(v), 2) for n, v in of.items()},
        "library_to_step_loop": {
            "ratio": round(median(beside), 2),
            "lowest": round(min(beside), 2),
            "highest": round(max(beside), 2),
        },
    }
