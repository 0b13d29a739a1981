"""The same content, only longer: captions alone and joined (claim 8; coherence, claim 6).

Every test caption is translated four times: alone, and as part of a pair, a triple and a
four (see `captions`). Training has all four sizes, with equally many captions of each, so
no size is a surprise and none has more to learn from. Pieces of words, a deep output layer
tied to the embeddings, dropout; the fixed context has no fewer parameters than additive
attention. Each model has the rate that `joined_tuning` chose on the validation captions.

    fixed, additive      seven paired seeds
    fixed, reversed      reads every source from its end (Sutskever et al. 2014)
    fixed, twice         trains for twice the updates: too slow, or too small?

Both have three seeds, and are drawn, not judged. What is stored of a translation is its
chrF, sentence by sentence, and what `coherence` says of it; never its text.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import sacrebleu

from experiments import captions, coherence
from experiments.captions import BLOCK, DATA, PIECES, SIZES, Joined, subwords
from experiments.declarations import SEEDS, declared
from experiments.engine import Experiment, Job, Values, main, options
from seq2seq_lib.batching import Pair
from seq2seq_lib.decoding import translate
from seq2seq_lib.metrics import bleu, chrf
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.tasks import Example
from seq2seq_lib.training import TrainConfig

UPDATES, IN_A_BATCH = 4_000, 96  # captions in a batch, whatever their sources' size
# The learning rates as experiments/joined_tuning.py chose them.
RATES = {"fixed": 8e-3, "additive": 8e-3}


class Arm(NamedTuple):
    """A model, which way it reads, and for how many times the updates it trains."""

    attention: str
    reversed: bool = False
    times: int = 1


ARMS = {
    "fixed": Arm("fixed"),
    "additive": Arm("additive"),
    "fixed, reversed": Arm("fixed", reversed=True),
    "fixed, twice": Arm("fixed", times=2),
}


@cache
def config(attention: str) -> ModelConfig:
    """Additive attention, or a fixed context with no fewer parameters.

    It needs no data: the training captions fill both vocabularies.
    """
    additive = ModelConfig(
        PIECES,
        PIECES,
        "additive",
        emb_dim=96,
        enc_hidden=128,
        dec_hidden=128,
        dropout=0.3,
        output="tied",
        output_dropout=0.3,
    )
    return widen(replace(additive, attention=attention), n_parameters(additive))


def read(pair: Pair, arm: Arm) -> Pair:
    """A caption as the encoder reads it."""
    return Pair(pair.src[::-1], pair.tgt) if arm.reversed else pair


class Read(Joined):
    """Joined captions as an arm reads them: the whole source from its end, or as it is."""

    def __init__(self, arm: Arm, seed: int) -> None:
        super().__init__(captions.pairs("train"), IN_A_BATCH, seed)
        self.arm = arm

    def join(self, parts: Sequence[Pair]) -> Pair:
        """As in ``Joined``."""
        return read(super().join(parts), self.arm)


def train(job: Job, arm: Arm, lr: float, updates: int = UPDATES) -> tuple[Seq2Seq, Values]:
    """Train one model with one rate."""
    model = build_model(config(arm.attention), job.seed)
    how = TrainConfig(arm.times * updates, lr=lr, seed=job.seed)
    values, _ = job.train(model, Read(arm, job.seed), how)
    return model, values


def answers(model: Seq2Seq, examples: Sequence[Example], arm: Arm) -> list[tuple[str, ...]]:
    """Greedy translations in pieces."""
    sources = [e.src[::-1] if arm.reversed else e.src for e in examples]
    found = translate(model, sources, *(own.vocab for own in subwords()), batch_size=96)
    return [answer.tokens for answer in found]


def sentence_chrf(texts: Sequence[str], references: Sequence[str]) -> list[float]:
    """chrF of each text."""
    return [
        round(sacrebleu.sentence_chrf(text, [reference]).score, 1)
        for text, reference in zip(texts, references, strict=True)
    ]


def coherent(
    sources: Sequence[str], texts: Sequence[str], pieces: Sequence[Sequence[str]], job: Job
) -> dict[str, coherence.Shares]:
    """What ``coherence`` measures of texts."""
    vocab = subwords()[1].vocab
    split = [coherence.words(text) for text in texts]
    updates = 20 if job.quick else coherence.UPDATES
    return {
        "surprise": coherence.surprise([vocab.encode(row) for row in pieces], updates),
        "repeated": coherence.repeated(split),
        "dropped": coherence.dropped([coherence.words(text) for text in sources], split),
    }


def run(job: Job) -> Values:
    """Train one arm with one seed, and translate the test captions at every size."""
    arm = ARMS[job.arm]
    model, values = train(job, arm, RATES[arm.attention])
    found: Values = {"chrf": {}, "corpus": {}, "shares": {}}
    for size in SIZES:
        n = BLOCK // size if job.quick else None
        examples = captions.joined_pieces("test", size)[:n]
        sources, references = zip(*captions.joined_texts("test", size)[:n], strict=True)
        pieces = answers(model, examples, arm)
        texts = [subwords()[1].join(row) for row in pieces]
        found["chrf"][str(size)] = sentence_chrf(texts, references)
        found["corpus"][str(size)] = {
            "bleu": round(bleu(texts, references), 2),
            "chrf": round(chrf(texts, references), 2),
        }
        measured = coherent(sources, texts, pieces, job)
        own = coherent(sources, references, [e.tgt for e in examples], job)
        found["shares"][str(size)] = {
            name: {"answers": round(of.share, 5), "references": round(own[name].share, 5)}
            for name, of in measured.items()
        }
        if size == 1:
            found["sentences"] = {name: each._asdict() for name, each in measured.items()}
    return {**values, **found}


def experiment() -> Experiment:
    configuration = {
        **DATA,
        "declared": declared("joined"),
        "updates": UPDATES,
        "captions_in_a_batch": IN_A_BATCH,
        "sizes": SIZES,
        "block": BLOCK,
        "rates": RATES,
        "arms": {name: arm._asdict() for name, arm in ARMS.items()},
        "models": {kind: options(config(kind)) for kind in RATES},
    }
    seeds = {name: SEEDS[: 7 if name in RATES else 3] for name in ARMS}
    return Experiment("joined", run, seeds, configuration, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
