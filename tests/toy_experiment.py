"""A tiny experiment, in a module of its own so that worker processes can import it."""

from pathlib import Path

import torch

from experiments.engine.job import Job
from experiments.engine.runs import Experiment

FACTOR = 10


def scaled(seed: int) -> int:
    return FACTOR * seed


def unused() -> int:
    return 0


def run(job: Job) -> dict:
    """Leaves a trace of being run; fails where its arm says so."""
    folder, name = job.arm.rsplit("/", 1)
    trace = Path(folder) / f"{name}-{job.seed}-{job.quick}"
    trace.write_text(trace.read_text() + "x" if trace.exists() else "x")
    if name == "broken":
        raise ValueError("this arm breaks")
    return {
        "opening_loss": float(scaled(job.seed)),
        "threads": torch.get_num_threads(),
        "parameters": 1,
        "updates": 1,
    }


def toy(folder: Path, arms=("a", "b"), seeds=(0, 1, 2)) -> Experiment:
    return Experiment(
        name="toy",
        configuration={"size": 1},
        seeds={f"{folder}/{arm}": seeds for arm in arms},
        run=run,
    )
