"""Experiments that train with the program: all of Multi30k, from its files to a folder.

A job trains as `python -m seq2seq_lib.translate train` does, in the folder of its
checkpoints, and goes on there when it was interrupted. What is best on the validation
captions is kept, as the program keeps it; the test set is not touched.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from experiments.engine import Job, Values
from experiments.engine.job import OPENING, Opened
from experiments.engine.results import RESULTS
from seq2seq_lib.hooks.early_stop import StopAfter
from seq2seq_lib.tasks import multi30k
from seq2seq_lib.translate import folder
from seq2seq_lib.translate.folder import Translator
from seq2seq_lib.translate.preparing import Files, Options
from seq2seq_lib.translate.processes import Processes
from seq2seq_lib.translate.training import train

ALONE = Processes(0, 1, torch.device("cpu"))
SHIPPED = RESULTS / "translators"  # one of each kind, small: a chapter translates with them
EVERY = 660  # updates between two evaluations, at most: about two epochs
DATA = {"data": f"Multi30k {multi30k.COMMIT[:12]}, en to de, lower-cased"}


def options(architecture: str, updates: int, lr: float, seed: int, **more: Any) -> Options:
    """The program's defaults, lower-cased, for so many updates."""
    return Options(
        architecture,
        lowercase=True,
        updates=updates,
        lr=lr,
        seed=seed,
        evaluate_every=min(EVERY, -(-updates // 10)),
        **more,
    )


def files(split: str) -> Files:
    """The two files of a split."""
    name = multi30k.FILES[split]
    return Files(*(multi30k.fetch(f"{name}.{side}.gz") for side in ("en", "de")))


def folder_of(job: Job) -> Path | None:
    """Where a job trains, if that is kept until it has ended."""
    return job.checkpoints / "translator" if job.checkpoints and not job.quick else None


@contextmanager
def _folder(job: Job) -> Iterator[Path]:
    """Where a job trains: the folder of its checkpoints, or one that is thrown away."""
    if kept := folder_of(job):
        yield kept
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "translator"


def trained(job: Job, how: Options, text: Files | None = None) -> tuple[Translator, Values]:
    """Train one translator; returns the best one, and what is stored of its training.

    Args:
        job: its seed, and where it keeps the state of its training.
        how: the options.
        text: the training text, if it is not the whole one.

    Raises:
        Opened: the job asks for the loss of the first updates alone.
        KeyboardInterrupt: it was interrupted.
    """
    brief = [StopAfter(OPENING)] if job.quick or job.opening else []
    with _folder(job) as out:
        both = text or files("train"), files("valid")
        history = train(
            out, *both, how, ALONE, lambda line: None, more=brief, progress=False
        )
        if history.interrupted:
            raise KeyboardInterrupt
        loss = fmean(history.losses[:OPENING])
        if job.opening:
            raise Opened(loss)
        found = folder.load(out, ALONE.device)
    curve = [
        {key: round(record[key], 4) for key in ("update", "loss", "bleu") if key in record}
        for record in history.evaluations
    ]
    return found, {
        "parameters": found.model.n_parameters,
        "updates": history.updates,
        "opening_loss": loss,
        "seconds_of_updates": round(history.seconds, 1),
        "curve": curve,
    }


def ship(trained_in: Path, name: str) -> Translator:
    """Write a finished translator small, for chapter 12, and read it back.

    Args:
        trained_in: its folder.
        name: of its new folder in ``SHIPPED``, which is made anew.

    Raises:
        ValueError: ``trained_in`` holds no translator.
    """
    target = SHIPPED / name
    shutil.rmtree(target, ignore_errors=True)
    folder.shrink(trained_in, target)
    return folder.load(target, ALONE.device)
