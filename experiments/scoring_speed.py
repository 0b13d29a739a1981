"""How fast every way of looking trains and decodes, and what one look costs (chapter 9).

Every model of `scoring_ways` is timed in turn in every round, on the same batches; so is
one look of each scoring function at several sizes and lengths. A ratio is the median over
rounds of the ratio within a round, because the machine's speed drifts.

training    updates of number words, forward, backward and Adam
decoding    steps of the decoder one after the other, as greedy search takes them, each
            reading the word that the reference has
look        one query for each of 32 memories, forward and backward; keys that depend on
            the memory alone are not counted, as they are computed once per source
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from time import perf_counter

import torch
from tqdm import tqdm

from experiments.engine import options
from experiments.engine.command_line import command_line
from experiments.engine.results import describe_run, write_results
from experiments.number_words import BATCH_SIZE, splits, train_pairs
from experiments.scoring_ways import WAYS, config
from seq2seq_lib.attention import Attention, Memory, build_attention
from seq2seq_lib.batching import Batch, Batches, collate, encode
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.model import Seq2Seq, build_model
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig, fit

OPPONENT = "additive"
LOOKS = ("additive", "dot", "general")
SIZES, LENGTHS = (16, 64, 256, 1024), (8, 32, 128, 512)
AT_ONCE = 32  # memories that are looked at together
Times = dict[str, list[float]]


def rounds_of(work: Mapping[str, Callable[[], float]], rounds: int) -> Times:
    """Seconds of each piece of work, once per round after one round of warming up."""
    seconds: Times = defaultdict(list)
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for name, run in work.items():
            found = run()
            if number:
                seconds[name].append(found)
    return seconds


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """How many times as fast ``ours`` is, within rounds."""
    found = [a / b for a, b in zip(theirs, ours, strict=True)]
    return {
        "ratio": round(median(found), 2),
        "lowest": round(min(found), 2),
        "highest": round(max(found), 2),
    }


def training(name: str, updates: int) -> float:
    """Seconds of so many updates."""
    batches = Batches(train_pairs(), BATCH_SIZE, seed=0)
    model = build_model(config(WAYS[name]))
    return fit(model, batches, TrainConfig(updates), progress=False).seconds


@torch.no_grad()
def decoding(model: Seq2Seq, batch: Batch) -> float:
    """Seconds to take all steps of a batch, one after the other."""
    started = perf_counter()
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    memory = model.decoder.attention.memory(encoded)
    state = model.decoder.initial_state(encoded)
    for ids in batch.tgt_in.unbind(dim=1):
        state = model.decoder.step(ids, state, memory).dec_state
    return perf_counter() - started


def looking(attention: Attention, query: torch.Tensor, memory: Memory, times: int) -> float:
    """Seconds of so many looks, forward and backward."""
    started = perf_counter()
    for _ in range(times):
        context, _, _ = attention.look(query, memory)
        context.sum().backward()
    return perf_counter() - started


def one_look(name: str, size: int, length: int, times: int) -> float:
    """Seconds of looks at random memories of one size and length."""
    attention = build_attention(name, size, size)
    states = torch.randn(AT_ONCE, length, size)
    mask = torch.ones(AT_ONCE, length, dtype=torch.bool)
    query = torch.randn(AT_ONCE, 1, size, requires_grad=True)
    memory = attention.memory(Encoded(states, states[:, 0], mask))
    leaves = [part.detach().requires_grad_() for part in memory[:2]]
    return looking(attention, query, Memory(*leaves, mask), times) / times


def measure(rounds: int, updates: int, times: int) -> dict:
    """All three tables."""
    test = [e for e in splits().test if len(e.src) >= 12]
    batch = collate(encode(test[:256], *Numbers().vocabs()))
    models = {name: build_model(config(way)) for name, way in WAYS.items()}
    cases = [(name, s, n) for s in SIZES for n in LENGTHS for name in LOOKS]
    train = rounds_of({n: partial(training, n, updates) for n in WAYS}, rounds)
    decode = rounds_of({n: partial(decoding, m, batch) for n, m in models.items()}, rounds)
    look = rounds_of({str(c): partial(one_look, *c, times) for c in cases}, rounds)
    found = {
        name: {
            "training": ratios(train[OPPONENT], train[name]),
            "decoding": ratios(decode[OPPONENT], decode[name]),
            "parameters": models[name].n_parameters,
        }
        for name in WAYS
    }
    return {
        "models": found,
        "looks": {
            f"{name}, {size}, {length}": ratios(
                look[str((OPPONENT, size, length))], look[str((name, size, length))]
            )
            for name, size, length in cases
            if name != OPPONENT
        },
    }


def main() -> None:
    quick = command_line(__doc__, "one short round").parse_args().quick
    torch.set_num_threads(1)
    rounds, updates, times = (1, 2, 1) if quick else (9, 20, 5)
    values = measure(rounds, updates, times)
    for name, found in values["models"].items():
        speeds = {kind: found[kind]["ratio"] for kind in ("training", "decoding")}
        print(f"{name:28}", speeds)
    models = {name: options(config(way)) for name, way in WAYS.items()}
    how = {"models": models, "rounds": rounds, "updates": updates, "looks": times}
    run = describe_run("scoring_speed", how, [0], quick)
    write_results("scoring_speed", values, run, quick)


if __name__ == "__main__":
    main()
