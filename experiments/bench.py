"""How much faster the library trains than a textbook loop, and which idea buys what.

All variants train the same additive model on the same pairs. They differ in three habits
of textbook code, which are mended one after the other:

    textbook        shuffled batches; at every step the keys are projected again and the
                    output layer is applied
    + buckets       batches of similar length
    + keys once     the keys are projected once per source
    library         the output layer is applied once per target: seq2seq_lib as it is

The machine's speed drifts, so every round times all variants in turn, and the ratios are
medians over rounds of ratios within a round.
"""

import statistics
import time
from collections.abc import Callable
from itertools import islice

import torch
from torch import Tensor
from tqdm import tqdm

from experiments.results import arguments, describe_run, write_results
from seq2seq_lib.attention import Memory
from seq2seq_lib.batching import Batch, Batches, encode
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, token_loss
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.numbers import Numbers

BATCH_SIZE, PAIRS = 64, 20_000
Logits = Callable[[Seq2Seq, Batch], Tensor]


def textbook_logits(model: Seq2Seq, batch: Batch, keys_once: bool = False) -> Tensor:
    """The scores of all target tokens, every step on its own."""
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    decoder = model.decoder
    dec_state = decoder.initial_state(encoded)
    memory = decoder.attention.memory(encoded)
    logits = []
    for t in range(batch.tgt_in.shape[1]):
        if not keys_once:
            keys = decoder.attention.project_keys(encoded.states)
            memory = Memory(keys, encoded.states, encoded.src_mask)
        step = decoder.step(batch.tgt_in[:, t], dec_state, memory)
        dec_state = step.dec_state
        logits.append(step.logits)
    return torch.stack(logits, dim=1)  # (batch, tgt_len, vocab)


def library_logits(model: Seq2Seq, batch: Batch) -> Tensor:
    return model(batch).logits


def keys_once_logits(model: Seq2Seq, batch: Batch) -> Tensor:
    return textbook_logits(model, batch, keys_once=True)


# Name, bucketed batches, how the logits are computed.
VARIANTS: tuple[tuple[str, bool, Logits], ...] = (
    ("textbook", False, textbook_logits),
    ("+ buckets", True, textbook_logits),
    ("+ keys once", True, keys_once_logits),
    ("library", True, library_logits),
)


def bench_config() -> ModelConfig:
    """The model that every variant trains."""
    src_vocab, tgt_vocab = Numbers().vocabs()
    return ModelConfig(
        len(src_vocab), len(tgt_vocab), emb_dim=64, enc_hidden=128, dec_hidden=128
    )


def tokens_per_second(model: Seq2Seq, logits: Logits, batches: list[Batch]) -> float:
    """Real target tokens trained on per second."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.perf_counter()
    for batch in batches:
        loss = token_loss(logits(model, batch), batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    seconds = time.perf_counter() - start
    return sum(batch.n_tokens for batch in batches) / seconds


def measure(rounds: int, updates: int, seed: int = 0) -> dict:
    """Time every variant once per round, after one round of warming up."""
    task = Numbers()
    vocabs = task.vocabs()
    pairs = encode(make_splits(task, train=PAIRS, per_length=0, seed=seed).train, *vocabs)
    config = bench_config()
    speeds: dict[str, list[float]] = {name: [] for name, _, _ in VARIANTS}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for name, bucketed, logits in VARIANTS:
            batches = Batches(pairs, BATCH_SIZE, bucketed, seed).epoch(number)
            model = build_model(config, seed)
            speed = tokens_per_second(model, logits, list(islice(batches, updates)))
            if number:
                speeds[name].append(speed)
    ratios = {
        name: [a / b for a, b in zip(values, speeds["textbook"], strict=True)]
        for name, values in speeds.items()
    }
    return {
        "tokens_per_second": {n: round(statistics.median(v)) for n, v in speeds.items()},
        "ratio": {n: round(statistics.median(v), 2) for n, v in ratios.items()},
        "ratio_lowest": {n: round(min(v), 2) for n, v in ratios.items()},
        "ratio_highest": {n: round(max(v), 2) for n, v in ratios.items()},
    }


def main() -> None:
    args = arguments(__doc__)
    rounds, updates = (2, 8) if args.quick else (7, 40)
    values = measure(rounds, updates)
    print(f"{'':14}target tokens/s   times the textbook loop (lowest-highest)")
    for name, _, _ in VARIANTS:
        print(
            f"{name:14}{values['tokens_per_second'][name]:15,}"
            f"{values['ratio'][name]:10.2f} ({values['ratio_lowest'][name]:.2f}-"
            f"{values['ratio_highest'][name]:.2f})"
        )
    configuration = {
        "model": vars(bench_config()),
        "pairs": PAIRS,
        "batch_size": BATCH_SIZE,
        "rounds": rounds,
        "updates": updates,
    }
    write_results("bench", values, describe_run("bench", configuration, [0], args), args)


if __name__ == "__main__":
    main()
