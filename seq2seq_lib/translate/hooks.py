"""What happens beside a training: best weights, their mean, the state, a log."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar
from torch import Tensor

from seq2seq_lib.hooks.checkpoints import Checkpoint, identity, read_checkpoint
from seq2seq_lib.require import require, whole
from seq2seq_lib.run import Hook, Run
from seq2seq_lib.translate.folder import WEIGHTS, frame_digest, read_weights, write_weights

RECENT = "recent"  # the folder of the newest weights, of which the mean is taken
BOARD = "tensorboard"


class Best(Hook):
    """Keeps the weights with the highest score, and in the end their mean if it is better.

    It has to stand after ``hooks.evaluation``, whose records it reads. Evaluations are
    repeated exactly where a stopped run goes on, so the file is that of a run that was
    never stopped. The newest weights stay until the caller removes them: before the end of
    the run is saved, their mean may have to be tried again.

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

    def before_training(self, run: Run) -> None:
        if any("mean_of" in record for record in run.history.evaluations):
            run.until = run.done  # the mean is tried at the end, and for once
        self.after_update(run)  # a resumed run may have been stopped before this

    def after_update(self, run: Run) -> None:
        records = [e for e in run.history.evaluations if self.measure in e]
        if not records or records[-1]["update"] != run.done or "mean_of" in records[-1]:
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

    def _try_mean(self, run: Run, records: list[dict[str, Any]], paths: list[Path]) -> None:
        last = {name: value.clone() for name, value in run.model.state_dict().items()}
        try:
            run.model.load_state_dict(mean([read_weights(path)[0] for path in paths]))
            found = {**self.evaluate(run.model), "update": run.done, "mean_of": len(paths)}
            if found[self.measure] > max(record[self.measure] for record in records):
                self._save(self.folder / WEIGHTS, run.model.state_dict(), found)
        finally:  # the state of the run is saved after this
            run.model.load_state_dict(last)
        run.history.evaluations.append(found)

    def _save(self, path: Path, weights: dict[str, Tensor], facts: dict[str, Any]) -> None:
        write_weights(path, weights, {"frame": frame_digest(self.folder), **facts})


class Saved(Checkpoint):
    """A ``Checkpoint`` that ends the run where it cannot save, and says so.

    Raises:
        ValueError: the state cannot be saved, or the file is another training's.
    """

    def after_training(self, run: Run) -> None:
        try:
            super().after_training(run)
        finally:
            self.lock.release()

    def _save(self, run: Run) -> None:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            super()._save(run)
        for said in (str(each.message) for each in told):
            refused, _, _ = said.rpartition("; training goes on")
            require(
                not refused,
                f"{refused}; make room or mend that and start the same command again.",
            )

    def _resume(self, run: Run, state: dict[str, Any]) -> None:
        require(
            state["run"] == self.identity,
            f"{self.path} belongs to another training; put this one's own file back, or "
            "give another --out.",
        )
        super()._resume(run, state)


class Follow(Saved):
    """Goes on from what another process saves, and saves nothing."""

    def before_training(self, run: Run) -> None:
        self.identity = identity(run)
        if self.path.exists():
            self._resume(run, read_checkpoint(self.path))

    def after_update(self, run: Run) -> None:
        pass

    def after_training(self, run: Run) -> None:
        pass


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
        self.folder.mkdir(parents=True, exist_ok=True)
        # Not by the library's own thread: where the disk is full, that one dies, and
        # whoever waits for it waits for ever.
        self.writer = EventsWriter(str(self.folder / "events"))
        # What an interrupted run wrote after its last checkpoint is superseded.
        self._write(run.done, session_log=SessionLog(status=SessionLog.START))

    def after_update(self, run: Run) -> None:
        if run.done % self.every == 0:
            recent = run.history.losses[-self.every :]
            rate = run.optimizer.param_groups[0]["lr"]
            self._point("train/loss", sum(recent) / len(recent), run.done)
            self._point("train/rate", rate, run.done)
            speed = run.history.tokens_per_second
            self._point("train/tokens per second", speed, run.done)
        for record in run.history.evaluations[-1:]:
            if record["update"] == run.done:
                for name, value in record.items():
                    if name != "update" and isinstance(value, int | float):
                        self._point(f"valid/{name}", value, run.done)
                self.writer.flush()

    def after_training(self, run: Run) -> None:
        self.writer.close()

    def _point(self, name: str, value: float, step: int) -> None:
        self._write(step, summary=scalar(name, value))

    def _write(self, step: int, **content: Any) -> None:
        self.writer.write_event(Event(wall_time=time.time(), step=step, **content))


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
