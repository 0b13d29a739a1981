"""Measuring a model while it trains."""

import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seq2seq_lib.model import Seq2Seq, evaluating
from seq2seq_lib.require import require, whole
from seq2seq_lib.run import Hook, Run


class Evaluation(Hook):
    """Records what ``evaluate`` says of the model, on the way and after the last update.

    It is called once before training too, and what it says then is not recorded: a
    mistake in it is told before hours of training and not after. If it fails later,
    training goes on, a warning says why, and the record has the reason as ``"failed"``.
    Whatever it draws, training goes on with its own random numbers.

    Args:
        evaluate: called with the model in evaluation mode, without gradients; returns a
            dictionary of numbers, text, and lists and dictionaries of them.
        every: updates between two evaluations; 0 = only after the last one.
        at: more numbers of updates after which to evaluate.

    Raises:
        ValueError: ``every`` or ``at`` is out of range; before training, ``evaluate``
            returns something else, or has a key ``"update"``: the number of updates.
    """

    def __init__(
        self,
        evaluate: Callable[[Seq2Seq], Mapping[str, Any]],
        every: int = 0,
        at: Collection[int] = (),
    ) -> None:
        self.evaluate = evaluate
        self.every = whole("every", every, at_least=0)
        self.at = {whole("at", update, at_least=0) for update in at}

    def before_training(self, run: Run) -> None:
        if self._due(run):
            self._record(run)  # a resumed run may have been stopped during an evaluation
        elif not run.finished:
            self._measure(run)

    def after_update(self, run: Run) -> None:
        if self._due(run):
            self._record(run)

    def _due(self, run: Run) -> bool:
        is_turn = self.every and run.done and run.done % self.every == 0
        due = is_turn or run.done in self.at or run.finished
        return due and all(e["update"] != run.done for e in run.history.evaluations)

    def _measure(self, run: Run) -> dict[str, Any]:
        with run.random_state(), torch.no_grad(), evaluating(run.model):
            found = self.evaluate(run.model)
        is_one, got = isinstance(found, Mapping), type(found).__name__
        require(is_one, f"evaluate must return a dictionary of values, got a {got}.")
        require("update" not in found, "evaluate returns one called 'update'; rename it.")
        return {"update": run.done, **_storable(found)}

    def _record(self, run: Run) -> None:
        try:
            record = self._measure(run)
        except Exception as error:  # of the reader's own code: anything
            if not run.done:
                raise
            reason = f"{type(error).__name__}: {error}"
            record = {"update": run.done, "failed": reason}
            told = f"evaluate failed after update {run.done} ({reason}); the model is kept."
            warnings.warn(told, RuntimeWarning, stacklevel=2)
        run.history.evaluations.append(record)


def _storable(value: Any) -> Any:
    """``value`` in the types that can be read back from a checkpoint."""
    if isinstance(value, Tensor | np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {_storable(key): _storable(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_storable, value))
    require(
        value is None or type(value) in (bool, int, float, str),
        "evaluate must return numbers, text, and lists and dictionaries of them, got a "
        f"{type(value).__name__}.",
    )
    return value
