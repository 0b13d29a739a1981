"""Ending a run before its last update."""

import math
from collections.abc import Callable
from typing import Any

from seq2seq_lib.require import whole
from seq2seq_lib.run import Hook, Run


class StopAfter(Hook):
    """Ends a run after so many updates of the planned ones.

    The schedule stays that of the whole run, so these are its first updates.

    Args:
        updates: at least 1.

    Raises:
        ValueError: ``updates`` is not positive.
    """

    def __init__(self, updates: int) -> None:
        self.updates = whole("updates", updates, at_least=1)

    def before_training(self, run: Run) -> None:
        run.until = min(run.until, self.updates)


class StopWhen(Hook):
    """Ends a run as soon as an evaluation is good enough.

    Args:
        enough: called with the newest record of ``hooks.evaluation``, whose hook has to
            stand before this one; says whether the run may end.
    """

    def __init__(self, enough: Callable[[dict[str, Any]], bool]) -> None:
        self.enough = enough

    def before_training(self, run: Run) -> None:
        self.after_update(run)  # a resumed run may have been stopped here

    def after_update(self, run: Run) -> None:
        records = [e for e in run.history.evaluations if "failed" not in e]
        if records and records[-1]["update"] == run.done and self._ends(records):
            run.until = run.done

    def _ends(self, records: list[dict[str, Any]]) -> bool:
        return self.enough(records[-1])


class EarlyStop(StopWhen):
    """Ends a run whose evaluations have not become better for a while.

    Args:
        measure: the key of a number in those records.
        patience: so many evaluations after the best one, the run ends.
        lower_is_better: true for a loss, false for an accuracy.

    Raises:
        ValueError: ``patience`` is not positive.
    """

    def __init__(
        self, measure: str, patience: int = 3, lower_is_better: bool = True
    ) -> None:
        self.measure, self.sign = measure, 1 if lower_is_better else -1
        self.patience = whole("patience", patience, at_least=1)

    def _ends(self, records: list[dict[str, Any]]) -> bool:
        costs = [self.sign * e[self.measure] for e in records if self.measure in e]
        costs = [math.inf if math.isnan(cost) else cost for cost in costs]
        return bool(costs) and len(costs) - 1 - costs.index(min(costs)) >= self.patience
