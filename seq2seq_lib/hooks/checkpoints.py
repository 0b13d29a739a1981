"""A training run in one file: always whole, read without running code, never mixed up."""

import io
import warnings
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from seq2seq_lib.files import write_atomically
from seq2seq_lib.require import require, whole
from seq2seq_lib.run import History, Hook, Run

PARTS = {"model", "optimizer", "scheduler", "history", "rng", "run"}


class Checkpoint(Hook):
    """Saves a run, and goes on from where it stopped.

    The state is saved every so many updates and at the end, also where the run is
    interrupted. The next run with the same model, batches and configuration goes on from
    there, and ends with the same weights and evaluations as one that was never stopped.
    If the file cannot be written, training goes on and a warning says why.

    A lock beside the file, which stays there, keeps a second training away from it.

    Args:
        path: the file to save to and resume from.
        every: updates between two savings.

    Raises:
        ValueError: ``path`` names no file, or ``every`` is not positive; before training,
            the file cannot be read, is of another run, or another training uses it.
    """

    def __init__(self, path: str | Path, every: int = 200) -> None:
        self.path = Path(path)
        names_one = self.path.name and not self.path.is_dir()
        require(names_one, f"A checkpoint needs the path of a file, got {str(path)!r}.")
        self.every = whole("every", every, at_least=1)
        self.lock = FileLock(self.path.with_name(self.path.name + ".lock"), timeout=0)

    def before_training(self, run: Run) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.lock.acquire()
        except Timeout:
            raise ValueError(
                f"Another training is at work on {self.path}; wait, or give another path."
            ) from None
        except OSError as error:
            raise ValueError(
                f"Nothing can be saved to {self.path} ({error.strerror}); try another path."
            ) from None
        try:
            self.identity = identity(run)
            if self.path.exists():
                self._resume(run, read_checkpoint(self.path))
        except BaseException:
            self.lock.release()
            raise

    def after_update(self, run: Run) -> None:
        if run.done % self.every == 0 and not run.finished:
            self._save(run)

    def after_training(self, run: Run) -> None:
        if run.done:
            self._save(run)
        self.lock.release()

    def _save(self, run: Run) -> None:
        """Store everything that going on needs, and that changes while a run trains."""
        state = {
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "scheduler": run.scheduler.state_dict(),
            "history": asdict(run.history),
            "rng": torch.get_rng_state(),
            "run": self.identity,
        }
        try:
            if run.model.device.type == "cuda":
                state["cuda_rng"] = torch.cuda.get_rng_state(run.model.device)
            write_atomically(self.path, lambda path: torch.save(state, path))
        except (OSError, RuntimeError) as error:  # PyTorch's, on a full disk
            reason = getattr(error, "strerror", None) or "is the disk full?"
            warnings.warn(
                f"{self.path} could not be saved after update {run.done} ({reason}); "
                "training goes on, but could not be resumed from here.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _resume(self, run: Run, state: dict[str, Any]) -> None:
        """Put everything back as it was, unless it belongs to another run or model."""
        saved, given = state["run"], self.identity
        for part in ("train", "data"):
            require(
                saved[part] == given[part],
                f"{self.path} belongs to another run ({saved[part]}) than this one "
                f"({given[part]}); give another path, or move it away to start again.",
            )
        lines = (its["model"].splitlines() for its in (saved, given))
        for theirs, ours in zip_longest(*lines, fillvalue="nothing"):
            require(
                theirs == ours,
                f"{self.path} holds another model, with {theirs.strip()} where this one "
                f"has {ours.strip()}; build the model that was trained, or give another "
                "path.",
            )
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.scheduler.load_state_dict(state["scheduler"])
        run.history = History(**{**state["history"], "interrupted": False})
        torch.set_rng_state(state["rng"])
        if "cuda_rng" in state and run.model.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], run.model.device)


def identity(run: Run) -> dict[str, Any]:
    """What has to agree before a run may go on: configuration, data and model.

    Of the model these are its modules, sizes and options, and how each parameter is kept.
    """
    parameters = [
        f"{name}: {tuple(p.shape)} {p.dtype}{'' if p.requires_grad else ', not trained'}"
        for name, p in run.model.named_parameters()
    ]
    return {
        "train": asdict(run.config),
        "data": run.batches.describe(),
        "model": "\n".join([str(run.model), *parameters]),
    }


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a ``Checkpoint`` saved; no code in the file is ever run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or is not a whole checkpoint.
    """
    try:
        with Path(path).open("rb") as file:
            content = io.BytesIO(file.read())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(
            f"{str(path)!r} could not be read ({error.strerror}); give a path that can."
        ) from None
    try:
        state = torch.load(content, map_location="cpu", weights_only=True)
    except Exception:  # what a damaged file makes the reader stumble over is open-ended
        state = None
    require(
        isinstance(state, dict) and state.keys() >= PARTS,
        f"{path} is not a whole checkpoint (cut short, or not written by fit); give "
        "another path, or move it away to start from the beginning.",
    )
    return state
