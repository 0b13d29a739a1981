"""The training loop: seeded, and whatever happens beside it hooks into it."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from seq2seq_lib.batching import Batch, Epochs
from seq2seq_lib.hooks.checkpoints import Checkpoint
from seq2seq_lib.hooks.progress import Progress
from seq2seq_lib.model import Seq2Seq, token_loss
from seq2seq_lib.run import History, Hook, Run, TrainConfig

__all__ = ["History", "Hook", "Run", "Step", "TrainConfig", "fit", "train_step"]

# What makes one update: see ``train_step``.
Step = Callable[[Seq2Seq, Batch, torch.optim.Optimizer, float, float], float]


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


def fit(
    model: Seq2Seq,
    batches: Epochs,
    config: TrainConfig,
    hooks: Sequence[Hook] = (),
    *,
    progress: bool = True,
    step: Step | None = None,
) -> History:
    """Train ``model`` in place.

    Ctrl-C, or the stop button of a notebook, ends it after a whole update, and the
    history says so. The global random state is left as it was.

    Args:
        model: trained where its parameters are, on a CPU or a GPU.
        batches: the training set.
        config: how to train.
        hooks: what happens beside it (see ``hooks``), in this order after every update.
            A ``Checkpoint`` begins before all others and comes after them, wherever it
            stands: it restores what they then see, and saves what they have recorded.
        progress: show a bar.
        step: makes one update in place of ``train_step``.

    Raises:
        ValueError: the batches have ids that the model has no embedding for, or a hook
            refuses what it is given.
    """
    run = Run(model, batches, config)
    hooks = [*hooks, Progress()] if progress else list(hooks)
    checkpoint_last = sorted(hooks, key=lambda hook: isinstance(hook, Checkpoint))
    checkpoint_first = sorted(hooks, key=lambda hook: not isinstance(hook, Checkpoint))
    with run.random_state(config.seed), ExitStack() as at_the_end:
        at_the_end.callback(model.eval)
        try:
            for hook in checkpoint_first:
                hook.before_training(run)
                at_the_end.callback(hook.after_training, run)
            model.train()
            for batch in run.batches_left():
                with _uninterrupted():
                    _update(run, batch, step or train_step)
                for hook in checkpoint_last:
                    hook.after_update(run)
        except KeyboardInterrupt:
            run.history.interrupted = True
    return run.history


def _update(run: Run, batch: Batch, step: Step) -> None:
    """One update of a run, and what its history says of it."""
    start = time.perf_counter()
    batch = batch.to(run.model.device)
    loss = step(run.model, batch, run.optimizer, run.config.clip, run.teacher_forcing)
    run.scheduler.step()
    run.history.tokens += batch.n_tokens
    run.history.losses.append(loss)
    run.history.seconds += time.perf_counter() - start


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
