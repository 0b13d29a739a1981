"""The programs that train the same additive model on the same pairs."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch

from experiments.timing.step_loop import StepLoop
from seq2seq_lib.attention import Memory
from seq2seq_lib.batching import Batch, Batches, Pair, encode
from seq2seq_lib.decoder import Unrolled
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.tasks import Splits, make_splits
from seq2seq_lib.tasks.numbers import Numbers

BATCH_SIZE, PAIRS, PER_LENGTH = 64, 20_000, 20


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


@cache
def bench_config() -> ModelConfig:
    """The model that every entrant trains."""
    sizes = map(len, Numbers().vocabs())
    return ModelConfig(*sizes, emb_dim=64, enc_hidden=128, dec_hidden=128)


class Entrant(NamedTuple):
    """A program: whether its batches are bucketed, and its model for a seed."""

    bucketed: bool
    build: Callable[[int], Seq2Seq]


def _model(seed: int) -> Seq2Seq:
    return build_model(bench_config(), seed)


# Three habits of textbook code, which are mended one after the other.
VARIANTS = {
    "textbook": Entrant(False, lambda seed: Textbook(_model(seed))),
    "+ buckets": Entrant(True, lambda seed: Textbook(_model(seed))),
    "+ keys once": Entrant(True, lambda seed: Textbook(_model(seed), keys_once=True)),
    "library": Entrant(True, _model),
}
# Another program for the same task; its model has other weights.
OTHERS = {"step loop": Entrant(True, lambda seed: StepLoop(bench_config(), seed))}
ENTRANTS = {**VARIANTS, **OTHERS}


@cache
def splits() -> Splits:
    """Number words to train on, and sentences of every length to test on."""
    return make_splits(Numbers(), train=PAIRS, per_length=PER_LENGTH)


@cache
def train_pairs() -> tuple[Pair, ...]:
    """The training set as ids."""
    return tuple(encode(splits().train, *Numbers().vocabs()))


def batches(entrant: Entrant, seed: int, size: int = BATCH_SIZE) -> Batches:
    """What an entrant trains on."""
    return Batches(train_pairs(), size, entrant.bucketed, seed=seed)
