"""Two processes that know nothing of each other get the same numbers."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = """
import hashlib

from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig, fit

task = Numbers()
vocabs = task.vocabs()
splits = make_splits(task, train=101, per_length=1, seed=3)
model = build_model(
    ModelConfig(*map(len, vocabs), emb_dim=13, enc_hidden=17, dec_hidden=19, dropout=0.1)
)
batches = Batches(encode(splits.train, *vocabs), batch_size=31)
history = fit(model, batches, TrainConfig(updates=11), progress=False)
answers = translate(model, [e.src for e in splits.test], *vocabs)

digest = hashlib.sha256()
for name, value in sorted(model.state_dict().items()):
    digest.update(name.encode() + value.numpy().tobytes())
print(digest.hexdigest())
print(history.losses)
for answer in answers:
    print(*answer.src, "->", *answer.tokens)
"""


def _run(hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def test_training_and_translating_again_gives_the_same_bits_and_words():
    first, second = _run("1"), _run("2")
    assert first == second
    weights, losses, *sentences = first.splitlines()
    assert len(weights) == 64 and losses.count(",") == 10
    assert len(sentences) >= 20 and all("->" in sentence for sentence in sentences)
