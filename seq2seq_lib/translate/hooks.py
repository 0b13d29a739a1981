"""What happens beside the training of a translator: best weights, their mean, a log."""

import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tensorboardX import SummaryWriter
from torch import Tensor

from seq2seq_lib.require import whole
from seq2seq_lib.run import Hook, Run
from seq2seq_lib.translate.folder import WEIGHTS, frame_digest, read_weights, write_weights

RECENT = "recent"  # the folder of the newest weights, of which the mean is taken
BOARD = "tensorboard"


class Best(Hook):
    """Keeps the weights with the highest score, and in the end their mean if it is better.

    It has to stand after ``hooks.evaluation``, whose records it reads. Evaluations are
    repeated exactly where a stopped run goes on, so the file is that of a run that was
    never stopped. If it cannot be written, training goes on and a warning says why.

    Args:
        folder: of the translator.
        measure: the key of the score; high is good.
        average: the mean of so many newest evaluated weights is tried at the end; 1 tries
            nothing.
        evaluate: scores the mean.
    """

    def __init__(
        self,
        folder: Path,
        measure: str,
        average: int,
        evaluate: Callable[[Any], dict[str, Any]],
    ) -> None:
        self.folder, self.measure, self.evaluate = folder, measure, evaluate
        self.average = whole("average", average, at_least=1)

    def after_update(self, run: Run) -> None:
        records = [e for e in run.history.evaluations if self.measure in e]
        if not records or records[-1]["update"] != run.done:
            return
        weights = run.model.state_dict()
        if self.average > 1:
            self._save(self.folder / RECENT / f"{run.done:08}.safetensors", weights, {})
            kept = sorted((self.folder / RECENT).glob("*.safetensors"))
            wanted = {f"{e['update']:08}" for e in records[-self.average :]}
            for path in kept:
                if path.stem not in wanted:
                    path.unlink(missing_ok=True)
        if records[-1] == max(records, key=lambda record: record[self.measure]):
            self._save(self.folder / WEIGHTS, weights, records[-1])

    def after_training(self, run: Run) -> None:
        records = [e for e in run.history.evaluations if self.measure in e]
        if not run.finished or len(records) < 2 or self.average == 1:
            return
        if any("mean_of" in record for record in records):
            return
        wanted = [f"{e['update']:08}.safetensors" for e in records[-self.average :]]
        paths = [p for name in wanted if (p := self.folder / RECENT / name).is_file()]
        if len(paths) > 1:
            self._try_mean(run, records, paths)
        shutil.rmtree(self.folder / RECENT, ignore_errors=True)

    def _try_mean(self, run: Run, records: list[dict[str, Any]], paths: list[Path]) -> None:
        last = {name: value.clone() for name, value in run.model.state_dict().items()}
        run.model.load_state_dict(mean([read_weights(path)[0] for path in paths]))
        found = {**self.evaluate(run.model), "update": run.done, "mean_of": len(paths)}
        if found[self.measure] > max(record[self.measure] for record in records):
            self._save(self.folder / WEIGHTS, run.model.state_dict(), found)
        run.model.load_state_dict(last)
        run.history.evaluations.append(found)

    def _save(self, path: Path, weights: dict[str, Tensor], facts: dict[str, Any]) -> None:
        try:
            write_weights(path, weights, {"frame": frame_digest(self.folder), **facts})
        except OSError as error:
            warnings.warn(
                f"{path} could not be saved ({error}); training goes on.",
                RuntimeWarning,
                stacklevel=2,
            )


def mean(weights: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several sets of weights, number by number."""
    return {n: torch.stack([w[n] for w in weights]).mean(dim=0) for n in weights[0]}


class Board(Hook):
    """Writes the loss, the rate and what is evaluated for TensorBoard.

    Args:
        folder: of the translator; TensorBoard is told its ``tensorboard``.
        every: updates between two points.
    """

    def __init__(self, folder: Path, every: int = 20) -> None:
        self.folder, self.every = folder / BOARD, whole("every", every, at_least=1)

    def before_training(self, run: Run) -> None:
        # What an interrupted run wrote after its last checkpoint is superseded.
        self.writer = SummaryWriter(str(self.folder), purge_step=run.done)

    def after_update(self, run: Run) -> None:
        if run.done % self.every == 0:
            recent = run.history.losses[-self.every :]
            rate = run.optimizer.param_groups[0]["lr"]
            self.writer.add_scalar("train/loss", sum(recent) / len(recent), run.done)
            self.writer.add_scalar("train/rate", rate, run.done)
            speed = run.history.tokens_per_second
            self.writer.add_scalar("train/tokens per second", speed, run.done)
        for record in run.history.evaluations[-1:]:
            if record["update"] == run.done:
                for name, value in record.items():
                    if name != "update" and isinstance(value, int | float):
                        self.writer.add_scalar(f"valid/{name}", value, run.done)

    def after_training(self, run: Run) -> None:
        self.writer.close()


class Told(Hook):
    """Prints a line for every evaluation.

    Args:
        say: prints it.
    """

    def __init__(self, say: Callable[[str], Any]) -> None:
        self.say, self.told = say, 0

    def before_training(self, run: Run) -> None:
        self.told = len(run.history.evaluations)
        self.begun, self.from_update = time.monotonic(), run.done
        if run.done:
            self.say(f"Going on after update {run.done:,} of {run.config.updates:,}.")

    def after_update(self, run: Run) -> None:
        for record in run.history.evaluations[self.told :]:
            left = (run.until - run.done) / max(1, run.done - self.from_update)
            minutes = left * (time.monotonic() - self.begun) / 60
            self.say(f"{described(record)}  {minutes:,.0f} minutes left")
        self.told = len(run.history.evaluations)


def described(record: dict[str, Any]) -> str:
    """An evaluation in one line."""
    if "failed" in record:
        return f"update {record['update']:>7,}  {record['failed']}"
    numbers = (f"{n} {v:.2f}" for n, v in record.items() if isinstance(v, float))
    return f"update {record['update']:>7,}  {'  '.join(numbers)}"
