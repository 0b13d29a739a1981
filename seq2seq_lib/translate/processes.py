"""One training in several processes: on one machine or many, started by ``torchrun``.

Every process draws the same batches and takes its share of the rows of each; their
gradients are added. So the same command gives the same updates in one process or in
eight, but for the order of sums and for the dropout masks.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from seq2seq_lib.batching import Batch
from seq2seq_lib.model import Seq2Seq, token_loss
from seq2seq_lib.require import option, require
from seq2seq_lib.run import Hook, Run

PRECISIONS = ("float32", "bfloat16")


class Lost(BaseException):
    """Another process is gone.

    It is no ``Exception``, because an evaluation that ends with one is recorded as failed,
    and training goes on; this one has to be made again where the run goes on.
    """


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Args:
        rank: its number, from 0.
        world: how many there are.
        device: where it computes.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files and messages for all."""
        return self.rank == 0

    def from_first(self, value: Any) -> Any:
        """What the first process has, in all of them.

        Raises:
            Lost: it, or another, is gone.
        """
        if self.world == 1:
            return value
        held: list[Any] = [value]
        try:
            dist.broadcast_object_list(held)
        except RuntimeError as error:
            raise Lost(str(error)) from None
        return held[0]


@contextmanager
def joined(device: str, patience: timedelta = timedelta(hours=1)) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started, or be alone.

    Args:
        device: ``auto``, or a device of PyTorch; on a machine with several GPUs each
            process takes one.
        patience: how long one waits for another, which may be evaluating.

    Raises:
        ValueError: this machine has no such device.
    """
    local, world = (
        int(os.environ.get("LOCAL_RANK", 0)),
        int(os.environ.get("WORLD_SIZE", 1)),
    )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        count = torch.cuda.device_count()
        require(count, "PyTorch finds no GPU on this machine; try --device cpu.")
        started = int(os.environ.get("LOCAL_WORLD_SIZE", local + 1))
        require(
            started <= count,
            f"{started} processes were started on this machine, which has {count} GPUs; "
            "start as many as there are.",
        )
        device = f"cuda:{local}"
    try:
        found = torch.empty(0, device=device).device
    except (RuntimeError, AssertionError):
        raise ValueError(
            f"{device!r} is no device of this machine; try --device cpu."
        ) from None
    if world == 1:
        yield Processes(0, 1, found)
        return
    if found.type == "cuda":
        torch.cuda.set_device(found)
    backend = "nccl" if found.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=patience)
    try:
        yield Processes(dist.get_rank(), world, found)
    finally:
        dist.destroy_process_group()


def share(batch: Batch, rank: int, world: int) -> Batch:
    """Every world-th row of a batch; its first row where there is none for this process."""
    rows = range(rank, len(batch), world) if rank < len(batch) else range(1)
    chosen = torch.tensor(rows)
    lengths = batch.src_lengths[chosen]
    src_ids = batch.src_ids[chosen, : int(lengths.max())]
    return Batch(src_ids, lengths, batch.tgt_in[chosen], batch.tgt_out[chosen])


class _Loss(nn.Module):
    """The loss of a batch as a module, which is what can be wrapped."""

    def __init__(self, model: Seq2Seq, smoothing: float) -> None:
        super().__init__()
        self.model, self.smoothing = model, smoothing

    def forward(self, batch: Batch, teacher_forcing: float) -> torch.Tensor:
        logits = self.model(batch, teacher_forcing).logits
        return token_loss(logits, batch, "sum", self.smoothing)


class SharedStep(Hook):
    """An update that several processes make together; with one, ``training.train_step``.

    It is a hook as well, which has to be given beside it: its dropout masks depend on the
    seed, the number of the update and the process, and on nothing before, so that a run
    that was stopped goes on with the same ones.

    Args:
        processes: who makes it.
        smoothing: label smoothing (see ``model.token_loss``).
        precision: ``float32``, or ``bfloat16`` for the matrix products of the forward
            pass; weights, sums and the loss stay in 32 bits.
    """

    def __init__(
        self, processes: Processes, smoothing: float = 0.0, precision: str = "float32"
    ) -> None:
        option("precision", precision, PRECISIONS)
        self.processes, self.smoothing, self.precision = processes, smoothing, precision

    def before_training(self, run: Run) -> None:
        self.run = run
        self.loss: nn.Module = _Loss(run.model, self.smoothing)
        if self.processes.world > 1:
            devices = [run.model.device] if run.model.device.type == "cuda" else None
            self.loss = DistributedDataParallel(self.loss, device_ids=devices)

    def __call__(
        self,
        model: Seq2Seq,
        batch: Batch,
        optimizer: torch.optim.Optimizer,
        clip: float,
        teacher_forcing: float,
    ) -> float:
        """One update; returns the loss of the whole batch, without smoothing's share."""
        rank, world = self.processes.rank, self.processes.world
        with self.run.random_state(self._seed()):
            with torch.autocast(
                model.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"
            ):
                total = self.loss(share(batch, rank, world), teacher_forcing)
            # Gradients are averaged over processes; their sum over all tokens is wanted.
            mine = float(rank < len(batch))
            loss = total * (mine / batch.n_tokens)
            optimizer.zero_grad()
            (loss * world).backward()
        found = loss.detach()
        if world > 1:
            dist.all_reduce(found)
        # Whoever is lost is missed before this line: an update is made whole or not at all.
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return found.item()

    def _seed(self) -> int:
        seed = torch.tensor([self.run.config.seed, self.run.done, self.processes.rank])
        factors = torch.tensor([1_000_003, 8_191, 1])
        return int((seed * factors).sum()) % 2**31
