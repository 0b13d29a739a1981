"""A narrow place between encoder and decoder, and how to read it after long training.

Encoder and decoder stay as they are; what the encoder hands over has to pass through few
numbers (``Tanh``) or through bits (``HardBits``). How much came through is measured after
*cool-downs*: a training at a constant rate is left alone, and at each of a few moments a
copy of it trains on for a fifth of the updates so far while its rate falls to zero.
"""

import copy
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seq2seq_lib.batching import Batches
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.training import Hook, Run, fit

COOL_DOWN = 5  # a fifth of the updates so far
Vectors = Float[Tensor, "*rows size"]


class Tanh(nn.Sequential):
    """Through ``d`` numbers between -1 and 1: up(tanh(down(x)))."""

    def __init__(self, size: int, d: int) -> None:
        super().__init__(nn.Linear(size, d), nn.Tanh(), nn.Linear(d, size))


class HardBits(nn.Module):
    """Through ``k`` numbers that are -1 or 1: no more than ``k`` bits can pass.

    The gradient goes through as if tanh had stood there (straight-through; Bengio et al.
    2013, "Estimating or Propagating Gradients Through Stochastic Neurons").
    """

    def __init__(self, size: int, k: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(size, k), nn.Linear(k, size)

    def bits(self, x: Vectors) -> Vectors:
        """What passes: -1 or 1."""
        soft = self.down(x).tanh()
        hard = torch.where(soft >= 0, 1.0, -1.0)
        return soft + (hard - soft).detach()

    def forward(self, x: Vectors) -> Vectors:
        return self.up(self.bits(x))


class Squeezed(nn.Module):
    """An encoder whose summary, and every state, passes through a narrow place.

    Args:
        encoder: reads the source.
        through: the narrow place, the same for all.
    """

    def __init__(self, encoder: nn.Module, through: nn.Module) -> None:
        super().__init__()
        self.encoder, self.through = encoder, through

    @property
    def embedding(self) -> nn.Embedding:
        """Of the encoder."""
        return self.encoder.embedding

    def forward(self, src_ids: Tensor, src_lengths: Tensor) -> Encoded:
        states, summary, mask = self.encoder(src_ids, src_lengths)
        return Encoded(self.through(states), self.through(summary), mask)


class CoolDowns(Hook):
    """At some moments, lets a copy cool down and records what is measured of it.

    Args:
        at: the numbers of updates done.
        batches: from a seed to what the copy trains on.
        measure: from the cool model to values; called with its number of updates too.
    """

    def __init__(
        self,
        at: Collection[int],
        batches: Callable[[int], Batches],
        measure: Callable[[Seq2Seq, int], dict[str, Any]],
    ) -> None:
        self.at, self.batches, self.measure = set(at), batches, measure

    def before_training(self, run: Run) -> None:
        self.after_update(run)  # a resumed run may have been stopped in a cool-down

    def after_update(self, run: Run) -> None:
        recorded = [record["update"] for record in run.history.evaluations]
        if run.done in self.at and run.done not in recorded:
            model = self.cooled(run)
            with torch.no_grad():
                record = {"update": run.done, **self.measure(model, run.done)}
            run.history.evaluations.append(record)

    def cooled(self, run: Run) -> Seq2Seq:
        """A copy of the model after its cool-down, in evaluation mode."""
        model = copy.deepcopy(run.model)
        updates = max(1, run.done // COOL_DOWN)
        how = replace(run.config, updates=updates, warmup=0, schedule="cosine")
        going_on = _GoOn(copy.deepcopy(run.optimizer.state_dict()))
        data = self.batches(run.config.seed + run.done)
        history = fit(model, data, how, [going_on], progress=False)
        if history.interrupted:
            raise KeyboardInterrupt
        return model


class _GoOn(Hook):
    """Begins with the moments of another run's optimizer."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def before_training(self, run: Run) -> None:
        run.optimizer.load_state_dict(self.state)
