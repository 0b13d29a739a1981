"""What the library's tests share.

Sizes are different primes, so that no swapped axis can pass by accident, and the rows
of a batch have different lengths, so that there is always padding to get wrong.
"""

import random

import jaxtyping
import pytest
import torch
from hypothesis import settings

from seq2seq_lib.attention import MECHANISMS
from seq2seq_lib.batching import Batch, Batches, Pair, collate, encode
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.reversal import Reversal
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.vocab import PAD

# The same inputs in every run; a shared machine must not fail a test by being slow.
settings.register_profile("book", derandomize=True, deadline=None, max_examples=30)
settings.load_profile("book")

SRC_VOCAB, TGT_VOCAB = 23, 29
# The mechanisms that need a decoder as wide as the encoder's states.
IN_STEP = {name for name, build in MECHANISMS.items() if build(4, 4).equal_sizes}
# Sizes that suit sentences of seven words, and a decoder of 34.
OF_MECHANISM = {
    "local_m": {"window": 2},
    "local_p": {"window": 2},
    "location": {"positions": 19},
    "multi_head": {"heads": 2, "dec_hidden": 34},
}
SRC_LENGTHS, TGT_LENGTHS = (7, 2, 5), (3, 11, 1)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tensors this small are slower on many threads, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def on_the_cpu():
    """Whatever device the reader's models live on, the tests' do on the CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEQ2SEQ_DEVICE", raising=False)
        yield


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def no_shape_checks():
    """Let the library's own errors be seen where the shape checks would come first."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture(params=MECHANISMS)
def attention(request):
    """The name of every attention in turn."""
    return request.param


@pytest.fixture
def make_config():
    """A small ``ModelConfig``; dot attention needs a decoder as wide as the encoder."""

    def make(attention: str = "additive", **changes) -> ModelConfig:
        sizes = {
            "src_vocab_size": SRC_VOCAB,
            "tgt_vocab_size": TGT_VOCAB,
            "emb_dim": 13,
            "enc_hidden": 17,
            "dec_hidden": 34 if attention in IN_STEP else 19,
        }
        sizes |= OF_MECHANISM.get(attention, {})
        return ModelConfig(**{**sizes, "attention": attention, **changes})

    return make


@pytest.fixture
def make_model(make_config):
    """A small model with fresh weights, ready to be asked."""

    def make(attention: str = "additive", seed: int = 0, **changes):
        return build_model(make_config(attention, **changes), seed).eval()

    return make


def _ids(rng: random.Random, length: int, vocab_size: int) -> tuple[int, ...]:
    return tuple(rng.randrange(4, vocab_size) for _ in range(length))


@pytest.fixture
def pairs() -> list[Pair]:
    """Three pairs; no two sources and no two targets have the same length."""
    rng = random.Random(0)
    return [
        Pair(_ids(rng, src, SRC_VOCAB), _ids(rng, tgt, TGT_VOCAB))
        for src, tgt in zip(SRC_LENGTHS, TGT_LENGTHS, strict=True)
    ]


@pytest.fixture
def many_pairs() -> list[Pair]:
    """31 pairs, an odd number to split into batches."""
    rng = random.Random(1)
    return [
        Pair(
            _ids(rng, rng.randint(1, 7), SRC_VOCAB),
            _ids(rng, rng.randint(1, 11), TGT_VOCAB),
        )
        for _ in range(31)
    ]


@pytest.fixture
def batch(pairs) -> Batch:
    return collate(pairs)


@pytest.fixture
def batches(many_pairs) -> Batches:
    """Five batches in an epoch."""
    return Batches(many_pairs, batch_size=7)


@pytest.fixture
def train(make_model, batches):
    """Train a fresh small model; returns it with its history.

    Seventeen updates are three epochs of five batches, and two batches of a fourth.
    """

    def run(attention="additive", *, dropout=0.0, updates=17, seed=0, **options):
        config = options.pop("config", TrainConfig(updates=updates, warmup=3, seed=seed))
        model = options.pop("model", None) or make_model(attention, dropout=dropout)
        history = fit(
            model,
            options.pop("batches", batches),
            config,
            **{"progress": False, **options},
        )
        return model, history

    return run


@pytest.fixture
def poison():
    """Other ids in place of the padding; the lengths stay as they are."""

    def poisoned(batch: Batch) -> Batch:
        src_noise = torch.randint(4, SRC_VOCAB, batch.src_ids.shape)
        tgt_noise = torch.randint(4, TGT_VOCAB, batch.tgt_in.shape)
        return Batch(
            torch.where(batch.src_mask, batch.src_ids, src_noise),
            batch.src_lengths,
            torch.where(batch.tgt_in != PAD, batch.tgt_in, tgt_noise),
            batch.tgt_out,
        )

    return poisoned


@pytest.fixture(scope="session")
def reversal():
    """A handful of reversals of up to seven letters, with their vocabularies."""
    task = Reversal(n_symbols=5, max_length=7)
    examples = make_splits(task, train=31, per_length=0).train
    return examples, *task.vocabs()


@pytest.fixture(scope="session")
def overfit(reversal):
    """A model that has learned the handful by heart, trained once for each attention."""
    examples, src_vocab, tgt_vocab = reversal
    batches = Batches(encode(examples, src_vocab, tgt_vocab), batch_size=11)
    trained = {}

    def get(attention: str):
        if attention not in trained:
            model = build_model(
                ModelConfig(
                    len(src_vocab),
                    len(tgt_vocab),
                    attention,
                    emb_dim=13,
                    enc_hidden=23,
                    **{**OF_MECHANISM.get(attention, {}), "dec_hidden": 46},
                )
            )
            config = TrainConfig(updates=160, lr=0.01, warmup=10)
            history = fit(model, batches, config, progress=False)
            trained[attention] = model, history
        return trained[attention]

    return get
