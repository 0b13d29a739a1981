"""How many bits fit in a vector, as inputs grow? The clearest form of claim 2.

Sources are symbols drawn from 16 alike, so each carries 4 bits, to be copied. Encoder and
decoder have the course's sizes; only what the encoder hands over is squeezed (`squeeze`):
the summary of the fixed context, and for attention every state and the summary. What comes
through is

    R = sum over positions of (4 - cross-entropy in bits of the right symbol)

of sources of one length, teacher-forced. The decoder knows nothing else of the source, so
R is a lower bound of the information in what was squeezed: no threshold, and guessing
brings nothing. Every update has a new batch, so nothing can be learned by heart.

    fixed, d; attention, d   through d numbers between -1 and 1
    hard, k                  fixed context through k numbers that are -1 or 1: k bits
                             at most
    packed, k                the same, but what is written is the code of the first k / 4
                             symbols, made by hand; only reading it is learned. Where it
                             stays below k, reading fails; where `hard` stays below it,
                             writing does; where both reach k, the vector is full.

Training goes on at one rate; at budgets that double, a copy cools down and is measured. A
vector has levelled off when two doublings each add less than 2%.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from experiments.declarations import SEEDS, declared
from experiments.engine import Experiment, Job, Values, main, options
from experiments.squeeze import COOL_DOWN, CoolDowns, HardBits, Squeezed, Tanh
from seq2seq_lib.batching import Batch, Batches, Pair
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.training import TrainConfig
from seq2seq_lib.vocab import BOS, EOS

SYMBOLS, BITS, FIRST = 16, 4, 4  # ids 0 to 3 are no symbols
BATCH_SIZE, BATCHES = 128, 1000  # in what counts as an epoch
SHORT, LONG = 12, 24
MEASURED = 500  # sources of each length
JUDGED = (8, 12)  # lengths whose sources are all stored
BUDGETS = tuple(500 * 2**k for k in range(6))
# Learning rates as experiments/bits_tuning.py chose them.
RATES = {"fixed": 1e-3, "attention": 1e-3, "hard": 1e-3, "packed": 3e-3}


class Arm(NamedTuple):
    """What is squeezed, to how much, the longest source, and the last budget."""

    kind: str
    size: int
    longest: int = SHORT
    until: int = BUDGETS[-1]


def arms() -> dict[str, Arm]:
    """All arms by name."""
    found = [Arm("fixed", d) for d in (2, 4, 8)]
    found += [Arm("attention", d, until=4000) for d in (2, 4, 8)]
    found += [Arm(kind, k, until=8000) for kind in ("hard", "packed") for k in (16, 32)]
    found += [Arm("fixed", d, LONG, 8000) for d in (16, 32)]
    found += [Arm("attention", d, LONG, 2000) for d in (16, 32)]
    return {f"{arm.kind}, {arm.size}": arm for arm in found}


class Packed(nn.Module):
    """An encoder that is a table: four bits for each symbol that has room, -1 elsewhere.

    Args:
        k: how many bits are written.
        size: of the summary that is made from them.
    """

    def __init__(self, k: int, size: int) -> None:
        super().__init__()
        codes = torch.arange(SYMBOLS)[:, None] >> torch.arange(BITS) & 1
        table = torch.cat([-torch.ones(FIRST, BITS), 2.0 * codes - 1])
        self.embedding = nn.Embedding.from_pretrained(table)  # is not trained
        self.k, self.up = k, nn.Linear(k, size)

    def forward(self, src_ids: Tensor, src_lengths: Tensor) -> Encoded:
        written = self.embedding(src_ids).flatten(1)[:, : self.k]
        missing = self.k - written.shape[1]
        bits = nn.functional.pad(written, (0, missing), value=-1.0)
        states = self.up(bits)[:, None].expand(-1, src_ids.shape[1], -1)
        mask = torch.ones_like(src_ids, dtype=torch.bool)
        return Encoded(states, states[:, 0], mask)


@cache
def config(attention: str) -> ModelConfig:
    """The course's sizes; the fixed context has no fewer parameters than attention."""
    sizes = (FIRST + SYMBOLS, FIRST + SYMBOLS)
    wanted = n_parameters(ModelConfig(*sizes, "additive"))
    return widen(ModelConfig(*sizes, attention), wanted)


def build(arm: Arm, seed: int) -> Seq2Seq:
    """The model of an arm."""
    model = build_model(config("additive" if arm.kind == "attention" else "fixed"), seed)
    size = model.encoder.enc_dim
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if arm.kind == "packed":
            model.encoder = Packed(arm.size, size)
        else:
            narrow = HardBits if arm.kind == "hard" else Tanh
            model.encoder = Squeezed(model.encoder, narrow(size, arm.size))
    return model


def to_copy(src_ids: Tensor) -> Batch:
    """Sources of one length with themselves as targets."""
    rows, length = src_ids.shape
    begin, end = torch.full((rows, 1), BOS), torch.full((rows, 1), EOS)
    return Batch(
        src_ids,
        torch.full((rows,), length),
        torch.cat([begin, src_ids], dim=1),
        torch.cat([src_ids, end], dim=1),
    )


def draw(rows: int, length: int, rng: torch.Generator) -> Tensor:
    """Sources of one length."""
    return torch.randint(FIRST, FIRST + SYMBOLS, (rows, length), generator=rng)


class Fresh(Batches):
    """New sources in every batch, all of one length, each length as often as any other."""

    def __init__(self, longest: int, seed: int) -> None:
        every = tuple(range(FIRST, FIRST + SYMBOLS))
        super().__init__([Pair(every, every)], BATCH_SIZE, seed=seed)
        self.longest = longest

    def __len__(self) -> int:
        return BATCHES

    def epoch(self, number):
        """As in ``Batches``."""
        rng = torch.Generator().manual_seed(self.seed * 100_000 + number)
        for _ in range(len(self)):
            length = int(torch.randint(1, self.longest + 1, (), generator=rng))
            yield to_copy(draw(BATCH_SIZE, length, rng))


@cache
def sources(split: str, length: int) -> Tensor:
    """Sources to measure with, the same for all arms and seeds."""
    # Drawn like those of the training: without an even chance for all, R is no bound.
    rng = torch.Generator().manual_seed(length + (1000 if split == "test" else 2000))
    return draw(MEASURED, length, rng)


@torch.no_grad()
def bits_through(model: Seq2Seq, split: str, length: int) -> list[float]:
    """R of each source of one length."""
    batch = to_copy(sources(split, length))
    log_probs = model(batch).logits.log_softmax(dim=-1)[:, :-1]  # without EOS
    right = log_probs.gather(-1, batch.src_ids[..., None])[..., 0]
    found = (BITS + right / torch.log(torch.tensor(2.0))).sum(dim=1)
    return [round(value, 2) for value in found.tolist()]


def mean_bits(model: Seq2Seq, split: str, longest: int) -> dict[str, float]:
    """Mean of R for every length."""
    return {
        str(length): round(sum(bits_through(model, split, length)) / MEASURED, 3)
        for length in range(1, longest + 1)
    }


def train(job: Job, arm: Arm, lr: float, last: bool = True) -> Values:
    """Train one arm with one seed and one rate, and measure it when cool.

    Args:
        job: which seed.
        arm: what is trained.
        lr: the learning rate.
        last: read the test sources too, at the last budget.
    """
    moments = (25, 50) if job.quick else [u for u in BUDGETS if u <= arm.until]

    def measure(model: Seq2Seq, updates: int) -> Values:
        found: Values = {"bits": mean_bits(model, "valid", arm.longest)}
        if last and updates == moments[-1]:
            found["test_bits"] = mean_bits(model, "test", arm.longest)
            found["test_sources"] = {str(n): bits_through(model, "test", n) for n in JUDGED}
        return found

    def data(seed: int) -> Fresh:
        return Fresh(arm.longest, seed)

    cool_downs = CoolDowns(moments, lambda seed: data(seed + 1_000_000), measure)
    how = TrainConfig(arm.until, lr=lr, schedule="constant", seed=job.seed)
    hooks = [] if job.opening else [cool_downs]
    values, history = job.train(build(arm, job.seed), data(job.seed), how, hooks)
    curve = [dict(record) for record in history.evaluations]
    tested = {key: curve[-1].pop(key) for key in [*curve[-1]] if key.startswith("test")}
    return {**values, **tested, "curve": curve}


def run(job: Job) -> Values:
    """Train one arm with one seed, and measure what comes through."""
    arm = arms()[job.arm]
    return train(job, arm, RATES[arm.kind])


def experiment() -> Experiment:
    found = arms()
    configuration = {
        "declared": declared("bits"),
        "task": "copy, fresh sources",
        "symbols": SYMBOLS,
        "batch_size": BATCH_SIZE,
        "budgets": BUDGETS,
        "cool_down": f"1/{COOL_DOWN} of the updates so far",
        "measured": MEASURED,
        "rates": RATES,
        "arms": {name: arm._asdict() for name, arm in found.items()},
        "models": {kind: options(config(kind)) for kind in ("fixed", "additive")},
    }
    # What is judged has five seeds, the channels of known size three; the rest is drawn.
    few = {"fixed": 2, "attention": 2, "hard": 3, "packed": 3}
    judged = [name for name, arm in found.items() if arm.size in (2, 4, 8)]
    seeds = {
        name: SEEDS[: 5 if name in judged else few[arm.kind]] for name, arm in found.items()
    }
    return Experiment("bits", run, seeds, configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
