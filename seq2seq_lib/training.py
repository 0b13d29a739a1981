"""The training loop: seeded, resumable, safe to interrupt."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm

from seq2seq_lib.batching import Batch, Batches
from seq2seq_lib.checkpoints import Checkpoint, plain
from seq2seq_lib.model import Seq2Seq, token_loss

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
        if self.schedule not in SCHEDULES:
            raise ValueError(
                f"schedule={self.schedule!r} is not an option; choose one of "
                f"{', '.join(SCHEDULES)}."
            )
        if self.updates < 1 or self.warmup < 0 or self.lr <= 0 or self.clip <= 0:
            raise ValueError(
                "updates must be at least 1, warmup at least 0, lr and clip above 0, "
                f"got updates={self.updates}, warmup={self.warmup}, lr={self.lr}, "
                f"clip={self.clip}."
            )
        if not 0 <= self.teacher_forcing <= 1:
            raise ValueError(
                f"teacher_forcing must lie between 0 and 1, got {self.teacher_forcing}."
            )

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
        evaluations: what ``evaluate`` returned, with the number of updates done.
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


def train_step(
    model: Seq2Seq,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    clip: float,
    teacher_forcing: float = 1.0,
) -> float:
    """One update: score, measure, differentiate, clip, step. Returns the loss."""
    loss = token_loss(model(batch, teacher_forcing).logits, batch)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an interrupt wait until the block is done, so that no update is half done."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is None:
        yield
        return
    caught: list[Any] = []
    signal.signal(signal.SIGINT, lambda *args: caught.append(args))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if caught and callable(handler):
        handler(*caught[0])


def fit(
    model: Seq2Seq,
    batches: Batches,
    config: TrainConfig,
    *,
    evaluate: Callable[[Seq2Seq], dict[str, Any]] | None = None,
    evaluate_every: int = 0,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 200,
    stop_after: int | None = None,
    progress: bool = True,
    label: str = "training",
) -> History:
    """Train ``model`` in place.

    With ``checkpoint``, the state is saved there every ``checkpoint_every`` updates, at
    the end, and when the run is interrupted (Ctrl-C, or the stop button of a notebook);
    the next call with the same arguments goes on from there and ends with the same
    weights and evaluations as a run that was never stopped. The global random state is
    left as it was.

    Args:
        model: trained where its parameters are, on a CPU or a GPU.
        batches: the training set.
        config: how to train.
        evaluate: called with the model in evaluation mode; returns what to record, in
            numbers, text, and lists and dictionaries of them.
        evaluate_every: updates between two evaluations; 0 = only after the last one.
        checkpoint: file to save to and resume from.
        checkpoint_every: updates between two savings.
        stop_after: stop, and evaluate, after so many updates of the planned ones. The
            schedule stays that of the whole run, so these are its first updates.
        progress: show a bar.
        label: the bar's name.

    Raises:
        ValueError: a number is out of range; the checkpoint is damaged, or belongs to
            another run; the batches have ids that the model has no embedding for; or
            ``evaluate`` returns something that a checkpoint cannot hold.
    """
    stop_after = config.updates if stop_after is None else stop_after
    if evaluate_every < 0 or checkpoint_every < 1 or stop_after < 1:
        raise ValueError(
            "evaluate_every must be at least 0, checkpoint_every and stop_after at "
            f"least 1, got {evaluate_every}, {checkpoint_every} and {stop_after}."
        )
    _check_ids(model, batches)
    until = min(config.updates, stop_after)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    # A plain function, which the scheduler leaves out of its state.
    scheduler = LambdaLR(optimizer, lambda update: config.rate(update))
    history = History()
    saved = None
    if checkpoint is not None:
        saved = Checkpoint(
            Path(checkpoint), model, optimizer, scheduler, asdict(config), batches
        )
    cuda = [model.device] if model.device.type == "cuda" else []

    def evaluate_if_due() -> None:
        done = history.updates
        due = evaluate_every and done and done % evaluate_every == 0
        seen = any(record["update"] == done for record in history.evaluations)
        if evaluate is None or seen or not (due or done == until):
            return
        model.eval()
        # Whatever evaluation draws, training goes on with its own random numbers.
        with torch.no_grad(), torch.random.fork_rng(devices=cuda):
            record = plain(evaluate(model))
        history.evaluations.append({"update": done, **record})
        model.train()

    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(config.seed)
        for device in cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(config.seed)
        if saved and saved.path.exists():
            history = History(**saved.load())
        bar = tqdm(
            total=until,
            initial=history.updates,
            desc=label,
            disable=not progress,
            leave=False,
        )
        history.interrupted = False
        model.train()
        try:
            evaluate_if_due()  # the run may have been stopped during an evaluation
            for batch in _from_update(batches, history.updates, until):
                start = time.perf_counter()
                with _uninterrupted():
                    loss = train_step(
                        model,
                        batch.to(model.device),
                        optimizer,
                        config.clip,
                        config.teacher_forcing,
                    )
                    scheduler.step()
                    history.tokens += batch.n_tokens
                    history.losses.append(loss)
                    history.seconds += time.perf_counter() - start
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                evaluate_if_due()
                done = history.updates
                if saved and (done == until or done % checkpoint_every == 0):
                    saved.save(asdict(history))
        except KeyboardInterrupt:
            history.interrupted = True
            if saved:
                saved.save(asdict(history))
        finally:
            bar.close()
            model.eval()
    return history


def _from_update(batches: Batches, done: int, until: int) -> Iterator[Batch]:
    """The batches of updates ``done`` to ``until``, over as many epochs as it takes."""
    for number in range(done // len(batches), -(-until // len(batches))):
        for i, batch in enumerate(batches.epoch(number)):
            if done <= number * len(batches) + i < until:
                yield batch


def _check_ids(model: Seq2Seq, batches: Batches) -> None:
    """Raise where an id has no embedding; a GPU would only say "device-side assert"."""
    sides = {
        "source": (model.encoder.embedding, (p.src for p in batches.pairs)),
        "target": (model.decoder.embedding, (p.tgt for p in batches.pairs)),
    }
    for side, (embedding, rows) in sides.items():
        largest = max((max(row) for row in rows if row), default=0)
        if largest >= embedding.num_embeddings:
            raise ValueError(
                f"The {side} sentences have an id {largest}, but the model's {side} "
                f"vocabulary has only {embedding.num_embeddings} tokens; build the "
                "model for the vocabularies that encoded the sentences."
            )
