"""A training run: how it is configured, what happened in it, and what may hook into it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR

from seq2seq_lib.batching import Batch, Epochs
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.require import number, option, require, whole

SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Args:
        updates: number of gradient steps.
        lr: highest learning rate of Adam.
        warmup: updates over which the rate rises from zero.
        schedule: what follows: ``"cosine"`` falls to zero at the last update,
            ``"constant"`` stays.
        clip: gradients with a larger norm are scaled down to this norm.
        seed: of the dropout masks and of the choices below (the batches have a seed of
            their own).
        teacher_forcing: probability that a step of the decoder reads the correct previous
            token and not its own (see ``Decoder.unroll``).

    Raises:
        ValueError: an option is not known, or a number is out of range.
    """

    updates: int
    lr: float = 3e-3
    warmup: int = 50
    schedule: str = "cosine"
    clip: float = 1.0
    seed: int = 0
    teacher_forcing: float = 1.0

    def __post_init__(self) -> None:
        option("schedule", self.schedule, SCHEDULES)
        forced = self.teacher_forcing
        numbers = {
            "updates": whole("updates", self.updates, at_least=1),
            "warmup": whole("warmup", self.warmup, at_least=0),
            "seed": whole("seed", self.seed, at_least=0, at_most=2**63 - 1),
            "lr": number("lr", self.lr, above=0),
            "clip": number("clip", self.clip, above=0),
            "teacher_forcing": number("teacher_forcing", forced, at_least=0, at_most=1),
        }
        for name, value in numbers.items():
            object.__setattr__(self, name, value)  # numbers of NumPy are numbers

    def rate(self, update: int) -> float:
        """The learning rate before update number ``update``, as a share of ``lr``."""
        if update < self.warmup:
            return (update + 1) / self.warmup
        if self.schedule == "constant":
            return 1.0
        done = (update - self.warmup) / max(1, self.updates - self.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


@dataclass
class History:
    """What happened during training.

    Args:
        losses: loss of every update's batch, in nats per target token.
        tokens: target tokens trained on, padding left out.
        seconds: time spent in the updates, evaluation left out.
        evaluations: what ``hooks.evaluation`` recorded, with the number of updates done.
        interrupted: training was stopped from the keyboard before its last update.
    """

    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False

    @property
    def updates(self) -> int:
        """Number of updates done."""
        return len(self.losses)

    @property
    def tokens_per_second(self) -> float:
        """Target tokens trained on per second of updates."""
        return self.tokens / self.seconds if self.seconds else math.nan


class Run:
    """A training run under way; hooks look at it and may change what is said below.

    Args:
        model, batches, config: as ``training.fit`` takes them.

    Attributes:
        optimizer: Adam over the model's parameters.
        scheduler: sets its learning rate before every update.
        history: what has happened so far.
        until: the number of updates after which it ends. A hook may lower it.
        teacher_forcing: of the next update. A hook may change it.

    Raises:
        ValueError: the batches have ids that the model has no embedding for.
    """

    def __init__(self, model: Seq2Seq, batches: Epochs, config: TrainConfig) -> None:
        _check_ids(model, batches)
        self.model, self.batches, self.config = model, batches, config
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
        # A plain function, which the scheduler leaves out of its state.
        self.scheduler = LambdaLR(self.optimizer, lambda update: config.rate(update))
        self.history = History()
        self.until = config.updates
        self.teacher_forcing = config.teacher_forcing

    @property
    def done(self) -> int:
        """Number of updates done."""
        return self.history.updates

    @property
    def finished(self) -> bool:
        """Whether all of its updates are done."""
        return self.done >= self.until

    def batches_left(self) -> Iterator[Batch]:
        """The batches of the updates to come, over as many epochs as it takes."""
        while not self.finished:
            epoch, position = divmod(self.done, len(self.batches))
            for batch in islice(self.batches.epoch(epoch), position, None):
                yield batch
                if self.done >= self.until:  # a hook may have lowered it
                    return

    @contextmanager
    def random_state(self, seed: int | None = None) -> Iterator[None]:
        """Random numbers of its own, from ``seed`` if there is one; others stay."""
        device = self.model.device
        cuda = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            if seed is not None:
                torch.default_generator.manual_seed(seed)
                for each in cuda:
                    with torch.cuda.device(each):
                        torch.cuda.manual_seed(seed)
            yield


class Hook:
    """Something that happens beside training; every method does nothing by default."""

    def before_training(self, run: Run) -> None:
        """Called before the first update, or before the first after a resumption."""

    def after_update(self, run: Run) -> None:
        """Called after every update."""

    def after_training(self, run: Run) -> None:
        """Called at the end, also where training was interrupted or failed."""


def _check_ids(model: Seq2Seq, batches: Epochs) -> None:
    """Raise where an id has no embedding; a GPU would only say "device-side assert"."""
    embeddings = {"source": model.encoder.embedding, "target": model.decoder.embedding}
    sides = zip(embeddings.items(), batches.largest_ids(), strict=True)
    for (side, embedding), largest in sides:
        size = embedding.num_embeddings
        require(
            largest < size,
            f"The {side} sentences have an id {largest}, but the model was built for a "
            f"vocabulary of only {size} tokens; build it for the one that encoded them.",
        )
