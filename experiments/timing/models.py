"""How fast every model of the library trains and translates."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from statistics import median

import torch
from tqdm import tqdm

from experiments.engine import Values
from experiments.timing.entrants import BATCH_SIZE, bench_config, splits, train_pairs
from experiments.timing.operations import operations, peak
from seq2seq_lib.attention import MECHANISMS, build_attention
from seq2seq_lib.batching import Batches, encode, pad
from seq2seq_lib.decoding import Decoded, beam_search, greedy
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.transformer import TransformerConfig, build_transformer

WRITTEN = 24  # tokens of an answer at most; a model that knows nothing writes them all
BEAM = 5
# Luong et al. 2015 compare these; the others can be wired so as well.
LUONG = ("dot", "general", "concat", "local_m", "local_p", "location")


def _suited(name: str) -> ModelConfig:
    """A mechanism that needs equal sizes has a narrower encoder, and the same decoder."""
    usual = replace(bench_config(), attention=name)
    equal = build_attention(name, 8, 8).equal_sizes
    return replace(usual, enc_hidden=usual.dec_hidden // 2) if equal else usual


def configurations() -> dict[str, ModelConfig | TransformerConfig]:
    """Every model that is timed, by its name."""
    found: dict[str, ModelConfig | TransformerConfig] = {
        f"bahdanau, {name}": _suited(name) for name in MECHANISMS
    }
    for name in LUONG:
        found[f"luong, {name}"] = replace(_suited(name), wiring="luong", query="after")
    fed = found["luong, general"]
    found["luong, general, input feeding"] = replace(fed, input_feeding=True)
    found["bahdanau, additive, tied output"] = replace(_suited("additive"), output="tied")
    sizes = fed.src_vocab_size, fed.tgt_vocab_size
    found["transformer"] = TransformerConfig(*sizes, dim=128, heads=4, layers=2)
    return found


def build(config: ModelConfig | TransformerConfig) -> Seq2Seq:
    """A model of either kind."""
    if isinstance(config, TransformerConfig):
        return build_transformer(config)
    return build_model(config)


def written_per_second(model: Seq2Seq, search: Callable[..., Decoded], many: int) -> float:
    """Tokens that a search writes in a second, its sources of all lengths, sorted."""
    pairs = encode(splits().test[:many], *Numbers().vocabs())
    sources = sorted((pair.src for pair in pairs), key=len)
    start, written = time.perf_counter(), 0
    for first in range(0, len(sources), BATCH_SIZE):
        chosen = sources[first : first + BATCH_SIZE]
        lengths = torch.tensor([len(source) for source in chosen])
        written += int((search(model, pad(chosen), lengths, WRITTEN).ids > 0).sum())
    return written / (time.perf_counter() - start)


def measure(
    rounds: int, updates: int, sentences: int, names: Sequence[str] | None = None
) -> Values:
    """Speeds of every model in training and in both searches, and its share of the peak.

    The share is that of training: operations per second of the updates over ``peak``,
    which is measured in every round.
    """
    chosen = {n: c for n, c in configurations().items() if names is None or n in names}
    searches = {
        "greedy": greedy,
        f"beam of {BEAM}": partial(beam_search, beam_size=BEAM, length_penalty=1.0),
    }
    found: dict[str, dict[str, list[float]]] = {
        n: {k: [] for k in ("training", *searches, "share")} for n in chosen
    }
    work = {n: _operations_per_update(c, updates) for n, c in chosen.items()}
    for number in tqdm(range(rounds + 1), desc="models"):
        fastest = peak()
        for name, config in chosen.items():
            model = build(config)
            data = Batches(train_pairs(), BATCH_SIZE, seed=0)
            history = fit(model, data, TrainConfig(updates), progress=False)
            speeds = {
                "training": history.tokens_per_second,
                "share": work[name] * updates / history.seconds / fastest,
            }
            fresh = build(config)  # one that has learned to stop would write less
            for search, how in searches.items():
                speeds[search] = written_per_second(fresh, how, sentences)
            if number:
                for key, value in speeds.items():
                    found[name][key].append(value)
    return {
        name: {
            "parameters": build(chosen[name]).n_parameters,
            "million_operations_per_update": round(work[name] / 1e6, 1),
            "training_tokens_per_second": round(median(its["training"])),
            **{f"{s}_tokens_per_second": round(median(its[s])) for s in searches},
            "share_of_peak": round(median(its["share"]), 3),
        }
        for name, its in found.items()
    }


def _operations_per_update(config: ModelConfig | TransformerConfig, updates: int) -> float:
    """The mean over the batches that are timed."""
    model, data = build(config), Batches(train_pairs(), BATCH_SIZE, seed=0)
    many = min(updates, 10)
    return sum(operations(model, batch) for batch in islice(data.epoch(0), many)) / many
