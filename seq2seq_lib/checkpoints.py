"""A training run in one file: always whole, read without running code, never mixed up."""

import os
import zlib
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from seq2seq_lib.batching import Batches
from seq2seq_lib.model import Seq2Seq

PARTS = {"model", "optimizer", "scheduler", "history", "rng", "run"}


class Checkpoint:
    """Where one run is saved, and what has to agree before it may go on.

    Args:
        path: the file.
        model: what is trained.
        optimizer: with its moving averages.
        scheduler: with the number of updates done.
        config: how to train.
        batches: the training set.
    """

    def __init__(
        self,
        path: Path,
        model: Seq2Seq,
        optimizer: torch.optim.Optimizer,
        scheduler: LRScheduler,
        config: dict[str, Any],
        batches: Batches,
    ) -> None:
        self.path = path
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.run: dict[str, Any] = {
            "train": config,
            "data": _fingerprint(batches),
            "model": str(model),  # its modules, sizes and dropout
        }

    def save(self, history: dict[str, Any]) -> None:
        """Write everything that going on needs."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "history": history,
            "rng": torch.get_rng_state(),
            "run": self.run,
        }
        if self.model.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.model.device)
        save_atomically(state, self.path)

    def load(self) -> dict[str, Any]:
        """Put everything back as it was and return the history.

        Raises:
            ValueError: the file is damaged, or belongs to another run or model.
        """
        state = read_checkpoint(self.path)
        for part in ("train", "data"):
            if state["run"][part] != self.run[part]:
                raise ValueError(
                    f"{self.path} belongs to another run ({state['run'][part]}) than "
                    f"this one ({self.run[part]}); give another path, or delete it to "
                    "start again."
                )
        lines = [run["model"].splitlines() for run in (state["run"], self.run)]
        for saved, given in zip_longest(*lines):
            if saved != given:
                raise ValueError(
                    f"{self.path} holds another model, with {str(saved).strip()} where "
                    f"this one has {str(given).strip()}; build the model with the "
                    "configuration that it was trained with, or give another path."
                )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["rng"])
        if "cuda_rng" in state and self.model.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], self.model.device)
        return state["history"]


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint so that ``path`` is always whole: the old one or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What ``fit`` saved; no code in the file is ever run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a whole checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception:  # what a damaged file makes the reader stumble over is open-ended
        state = None
    if not isinstance(state, dict) or PARTS - state.keys():
        raise ValueError(
            f"{path} is not a whole checkpoint (cut short, or not written by fit); "
            "delete it to start from the beginning, or give the path of another."
        )
    return state


def plain(value: Any) -> Any:
    """``value`` in the types that can be read back from a checkpoint.

    Raises:
        ValueError: it holds something else.
    """
    if hasattr(value, "item"):  # a number of NumPy or PyTorch
        return value.item()
    if type(value) is dict:
        return {key: plain(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(plain(part) for part in value)
    if value is not None and type(value) not in (bool, int, float, str):
        raise ValueError(
            "evaluate must return numbers, text, and lists and dictionaries of them, "
            f"got a {type(value).__name__}."
        )
    return value


def _fingerprint(batches: Batches) -> str:
    """A short text that differs when the batches do."""
    return (
        f"{len(batches.pairs)} pairs with checksum "
        f"{zlib.crc32(repr(batches.pairs).encode()):08x}, batch_size "
        f"{batches.batch_size}, bucketed {batches.bucketed}, seed {batches.seed}"
    )
