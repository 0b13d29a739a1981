"""The training loop: seeded, resumable, safe to interrupt."""

import math
import os
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm

from seq2seq_lib.batching import Batch, Batches
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
        seed: of the dropout masks (the batches have a seed of their own).

    Raises:
        ValueError: an option is not known, or a number is out of range.
    """

    updates: int
    lr: float = 3e-3
    warmup: int = 50
    schedule: str = "cosine"
    clip: float = 1.0
    seed: int = 0

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
    model: Seq2Seq, batch: Batch, optimizer: torch.optim.Optimizer, clip: float
) -> float:
    """One update: score, measure, differentiate, clip, step. Returns the loss."""
    loss = token_loss(model(batch).logits, batch)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item()


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
    weights as a run that was never stopped. The global random state is left as it was.

    Args:
        model: trained where its parameters are, on a CPU or a GPU.
        batches: the training set.
        config: how to train.
        evaluate: called with the model in evaluation mode; returns numbers to record.
        evaluate_every: updates between two evaluations; 0 = only after the last one.
        checkpoint: file to save to and resume from.
        checkpoint_every: updates between two savings.
        stop_after: stop, and evaluate, after so many updates of the planned ones. The
            schedule stays that of the whole run, so these are its first updates.
        progress: show a bar.
        label: the bar's name.

    Raises:
        ValueError: the checkpoint is damaged, or belongs to another run.
    """
    until = min(config.updates, stop_after or config.updates)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    scheduler = LambdaLR(optimizer, config.rate)
    history = History()
    run = {"train": asdict(config), "data": _fingerprint(batches)}
    cuda = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(config.seed)
        if checkpoint is not None and Path(checkpoint).exists():
            history = _load(Path(checkpoint), model, optimizer, scheduler, run)
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
            for batch in _from_update(batches, history.updates, until):
                start = time.perf_counter()
                loss = train_step(model, batch.to(model.device), optimizer, config.clip)
                scheduler.step()
                history.seconds += time.perf_counter() - start
                history.tokens += batch.n_tokens
                history.losses.append(loss)
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                done = history.updates
                last = done == until
                due = evaluate_every and done % evaluate_every == 0
                if evaluate is not None and (last or due):
                    model.eval()
                    with torch.no_grad():
                        record = {"update": done, **evaluate(model)}
                    history.evaluations.append(record)
                    model.train()
                if checkpoint is not None and (last or done % checkpoint_every == 0):
                    _save(Path(checkpoint), model, optimizer, scheduler, history, run)
        except KeyboardInterrupt:
            history.interrupted = True
            if checkpoint is not None:
                _save(Path(checkpoint), model, optimizer, scheduler, history, run)
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


def _fingerprint(batches: Batches) -> str:
    """A short text that differs when the batches do."""
    tokens = sum(len(p.src) + len(p.tgt) for p in batches.pairs)
    return (
        f"{len(batches.pairs)} pairs, {tokens} tokens, batch_size "
        f"{batches.batch_size}, bucketed {batches.bucketed}, seed {batches.seed}"
    )


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint so that ``path`` is always whole: the old one or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def _save(
    path: Path,
    model: Seq2Seq,
    optimizer: torch.optim.Optimizer,
    scheduler: LambdaLR,
    history: History,
    run: dict[str, Any],
) -> None:
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "history": asdict(history),
        "rng": torch.get_rng_state(),
        "run": run,
    }
    if model.device.type == "cuda":
        state["cuda_rng"] = torch.cuda.get_rng_state(model.device)
    save_atomically(state, path)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What ``fit`` saved; no code in the file is ever run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a whole checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        state = None
    if not isinstance(state, dict) or not {"model", "history", "run"} <= state.keys():
        raise ValueError(
            f"{path} is not a whole checkpoint (cut short, or not written by fit); "
            "delete it to start from the beginning, or give the path of another."
        )
    return state


def _load(
    path: Path,
    model: Seq2Seq,
    optimizer: torch.optim.Optimizer,
    scheduler: LambdaLR,
    run: dict[str, Any],
) -> History:
    state = read_checkpoint(path)
    for part in ("train", "data"):
        if state["run"][part] != run[part]:
            raise ValueError(
                f"{path} belongs to another run ({state['run'][part]}) than this one "
                f"({run[part]}); give another path, or delete it to start again."
            )
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise ValueError(
            f"{path} holds a model of another shape; build the model with the "
            f"configuration that it was trained with. ({str(error).splitlines()[-1]})"
        ) from None
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["rng"])
    if "cuda_rng" in state and model.device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda_rng"], model.device)
    return History(**state["history"])
