"""One job of an experiment: one arm with one seed, and how it trains a model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seq2seq_lib.batching import Batches
from seq2seq_lib.hooks.checkpoints import Checkpoint
from seq2seq_lib.hooks.early_stop import StopAfter, StopWhen
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.training import History, Hook, Run, TrainConfig, fit

OPENING = 50  # updates that are run again to confirm a result
EVERY = 200  # updates between two checkpoints

Values = dict[str, Any]


class Opened(Exception):
    """Ends a job of which only the loss of the first updates is asked for."""

    def __init__(self, loss: float) -> None:
        super().__init__(loss)
        self.loss = loss


@dataclass(frozen=True)
class Job:
    """One arm with one seed.

    Args:
        arm: the name of what is compared.
        seed: of everything that is drawn.
        quick: train the first updates only, in the same way, and measure less.
        opening: measure nothing but the loss of the first updates, and raise ``Opened``.
        checkpoints: the folder for what an interrupted training goes on from.
    """

    arm: str
    seed: int
    quick: bool = False
    opening: bool = False
    checkpoints: Path | None = None

    @property
    def file_name(self) -> str:
        """What the job's files are called, without an ending."""
        arm = re.sub("[^a-z0-9.]+", "-", self.arm.lower()).strip("-")
        return f"{arm}-{self.seed}"

    def train(
        self,
        model: Seq2Seq,
        batches: Batches,
        config: TrainConfig,
        hooks: Sequence[Hook] = (),
        name: str = "model",
    ) -> tuple[Values, History]:
        """Train a model; returns what every experiment stores of it, and its history.

        Args:
            model: trained in place.
            batches: the training set.
            config: how to train.
            hooks: as ``fit`` takes them.
            name: tells the models of a job apart.

        Raises:
            Opened: this was all that is asked of the job.
            RuntimeError: an evaluation failed.
            KeyboardInterrupt: it was interrupted.
        """
        more: list[Hook] = [_NoFailure()]
        if self.opening and not any(isinstance(hook, StopWhen) for hook in hooks):
            hooks = [hook for hook in hooks if not isinstance(hook, Evaluation)]
        if self.quick or self.opening:
            more.append(StopAfter(OPENING))
        if self.checkpoints:
            more.append(Checkpoint(self.checkpoints / f"{name}.pt", EVERY))
        history = fit(model, batches, config, [*hooks, *more], progress=False)
        if history.interrupted:
            raise KeyboardInterrupt
        opening = history.losses[:OPENING]
        loss = sum(opening) / len(opening)
        if self.opening:
            raise Opened(loss)
        values = {
            "parameters": model.n_parameters,
            "updates": history.updates,
            "opening_loss": loss,
        }
        return values, history


class _NoFailure(Hook):
    """Ends a training whose evaluation failed; its checkpoint evaluates again."""

    def before_training(self, run: Run) -> None:
        self.after_update(run)

    def after_update(self, run: Run) -> None:
        records = run.history.evaluations
        if records and "failed" in records[-1]:
            raise RuntimeError(records.pop()["failed"])
