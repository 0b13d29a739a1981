"""How much faster the library trains than a textbook loop, and which idea buys what.

All variants train the same additive model on the same pairs. They differ in three habits
of textbook code, which are mended one after the other:

    textbook        shuffled batches; at every step the keys are projected again and the
                    output layer is applied
    + buckets       batches of similar length
    + keys once     the keys are projected once per source
    library         the output layer is applied once per target: seq2seq_lib as it is

``step loop`` is another program for the same task, in the shape of the best public
tutorials: see ``step_loop``.

The machine's speed drifts, so every round times all variants in turn, and the ratios are
medians over rounds of ratios within a round.
"""

import argparse
from collections.abc import Callable
from statistics import median

import torch
from tqdm import tqdm

from experiments.engine.results import describe_run, write_results
from experiments.step_loop import StepLoop
from seq2seq_lib.attention import Memory
from seq2seq_lib.batching import Batch, Batches, encode
from seq2seq_lib.decoder import Unrolled
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig, fit

BATCH_SIZE, PAIRS = 64, 20_000


class Textbook(Seq2Seq):
    """The same model, which takes every step on its own."""

    def __init__(self, model: Seq2Seq, keys_once: bool = False) -> None:
        super().__init__(model.encoder, model.decoder)
        self.keys_once = keys_once

    def forward(self, batch: Batch, teacher_forcing: float = 1.0) -> Unrolled:
        """The scores of all target tokens, from their correct predecessors."""
        encoded = self.encoder(batch.src_ids, batch.src_lengths)
        dec_state = self.decoder.initial_state(encoded)
        memory = self.decoder.attention.memory(encoded)
        steps = []
        for t in range(batch.tgt_in.shape[1]):
            if not self.keys_once:
                keys = self.decoder.attention.project_keys(encoded.states)
                memory = Memory(keys, encoded.states, encoded.src_mask)
            steps.append(self.decoder.step(batch.tgt_in[:, t], dec_state, memory))
            dec_state = steps[-1].dec_state
        logits, dec_states, _, weights = (
            torch.stack(part, dim=1) for part in zip(*steps, strict=True)
        )
        return Unrolled(logits, weights, dec_states)


# Name, bucketed batches, how the model computes.
VARIANTS: tuple[tuple[str, bool, Callable[[Seq2Seq], Seq2Seq]], ...] = (
    ("textbook", False, Textbook),
    ("+ buckets", True, Textbook),
    ("+ keys once", True, lambda model: Textbook(model, keys_once=True)),
    ("library", True, lambda model: model),
)

# What is raced: the variants, and a program that is none of them.
ENTRANTS = (*VARIANTS, ("step loop", True, lambda model: StepLoop(model.config)))


def bench_config() -> ModelConfig:
    """The model that every variant trains."""
    sizes = map(len, Numbers().vocabs())
    return ModelConfig(*sizes, emb_dim=64, enc_hidden=128, dec_hidden=128)


def measure(rounds: int, updates: int, seed: int = 0) -> dict:
    """Time every variant once per round, after one round of warming up."""
    splits = make_splits(Numbers(), train=PAIRS, per_length=0, seed=seed)
    pairs = encode(splits.train, *Numbers().vocabs())
    speeds: dict[str, list[float]] = {name: [] for name, _, _ in ENTRANTS}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for name, bucketed, variant in ENTRANTS:
            batches = Batches(pairs, BATCH_SIZE, bucketed, seed=number)
            model = variant(build_model(bench_config(), seed))
            history = fit(model, batches, TrainConfig(updates), progress=False)
            if number:
                speeds[name].append(history.tokens_per_second)
    ratios = {
        name: [a / b for a, b in zip(values, speeds["textbook"], strict=True)]
        for name, values in speeds.items()
    }
    return {
        "tokens_per_second": {n: round(median(v)) for n, v in speeds.items()},
        "ratio": {n: round(median(v), 2) for n, v in ratios.items()},
        "ratio_lowest": {n: round(min(v), 2) for n, v in ratios.items()},
        "ratio_highest": {n: round(max(v), 2) for n, v in ratios.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="two short rounds; writes to results/quick/"
    )
    quick = parser.parse_args().quick
    rounds, updates = (2, 8) if quick else (7, 40)
    values = measure(rounds, updates)
    print(f"{'':14}target tokens/s   times the textbook loop (lowest-highest)")
    for name, _, _ in ENTRANTS:
        speed, ratio, low, high = (each[name] for each in values.values())
        print(f"{name:14}{speed:15,}{ratio:10.2f} ({low:.2f}-{high:.2f})")
    how = {"model": vars(bench_config()), "pairs": PAIRS, "batch_size": BATCH_SIZE}
    how |= {"rounds": rounds, "updates": updates}
    write_results("bench", values, describe_run("bench", how, [0], quick), quick)


if __name__ == "__main__":
    main()
