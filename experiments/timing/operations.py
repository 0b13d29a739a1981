"""How many operations an update has, how fast this machine multiplies, where time goes.

An operation is a multiplication or an addition of a matrix product: a product of (m, k)
with (k, n) counts 2 m k n, forward and backward, as PyTorch's own counter has it. What is
done element by element (gates, tanh, softmax, the optimiser) is not counted, though it
takes time; so a share of the peak says what is left for it, not how well it is written.
"""

import time
from collections.abc import Sequence
from statistics import median

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from seq2seq_lib.batching import Batch
from seq2seq_lib.model import Seq2Seq, token_loss
from seq2seq_lib.training import train_step

SIZES = (256, 512, 1024)


def peak(sizes: Sequence[int] = SIZES, repeats: int = 9) -> float:
    """Operations per second of the best square product of these sizes, by this thread."""
    found = []
    for size in sizes:
        a, b = torch.randn(2, size, size)
        seconds = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            a @ b
            seconds.append(time.perf_counter() - start)
        found.append(2 * size**3 / median(seconds[1:]))
    return max(found)


def operations(model: Seq2Seq, batch: Batch) -> int:
    """Operations of an update's matrix products, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        token_loss(model(batch).logits, batch).backward()
    model.zero_grad()
    return counter.get_total_flops()


def profiled(model: Seq2Seq, batches: Sequence[Batch], most: int = 12) -> dict[str, float]:
    """The share of an update's time that each kind of operation takes, the largest first.

    Args:
        model: it is trained a little.
        batches: of the updates that are watched, after one that is not.
        most: how many kinds are told; the others are one, ``"all others"``.
    """
    optimizer = torch.optim.Adam(model.parameters())
    train_step(model, batches[0], optimizer, 1.0)
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        for batch in batches:
            train_step(model, batch, optimizer, 1.0)
    times = {e.key: e.self_cpu_time_total for e in watched.key_averages()}
    total = sum(times.values())
    names = sorted(times, key=times.__getitem__, reverse=True)[:most]
    told = {name: round(times[name] / total, 3) for name in names}
    return {**told, "all others": round(1 - sum(told.values()), 3)}
