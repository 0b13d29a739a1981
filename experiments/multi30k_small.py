"""Real sentences: BLEU of both models after a few thousand Multi30k pairs.

English to German, words lower-cased, words seen once replaced by UNK. The two models
differ in the attention module and in the hidden size that evens out their parameters.
BLEU and chrF compare lower-cased, split text with the references in the same form, so
they cannot be set beside BLEU of other tokenisations.
"""

from dataclasses import replace
from functools import cache

from experiments.engine import Experiment, Job, Values, main
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.metrics import bleu, chrf, perplexity
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.tasks import Splits, multi30k
from seq2seq_lib.training import History, TrainConfig

PAIRS, UPDATES, BATCH_SIZE, MAX_LENGTH = 5_000, 600, 64, 25
# Learning rates as experiments/caption_tuning.py chose them.
RATES = {"fixed": 3e-3, "additive": 3e-3}
# Numbers of reference words, first and last included, that BLEU is split by.
BUCKETS = ((1, 9), (10, 14), (15, 19), (20, 99))
DATA = {
    "pairs": PAIRS,
    "updates": UPDATES,
    "batch_size": BATCH_SIZE,
    "max_length": MAX_LENGTH,
    "commit": multi30k.COMMIT,
}


@cache
def load() -> Splits:
    """The captions that every arm and seed trains and is tested on."""
    return multi30k.load_splits(limit=PAIRS, max_length=MAX_LENGTH)


def configurations(splits: Splits) -> dict[str, ModelConfig]:
    """Both models, with no fewer parameters for the fixed context."""
    sizes = map(len, multi30k.vocabs(splits.train))
    additive = ModelConfig(
        *sizes, "additive", emb_dim=96, enc_hidden=128, dec_hidden=128, dropout=0.3
    )
    fixed = widen(replace(additive, attention="fixed"), n_parameters(additive))
    return {"fixed": fixed, "additive": additive}


def train(job: Job, attention: str, lr: float) -> tuple[Seq2Seq, Values, History]:
    """Train one model with one rate."""
    splits = load()
    model = build_model(configurations(splits)[attention], job.seed)
    pairs = encode(splits.train, *multi30k.vocabs(splits.train))
    how = TrainConfig(UPDATES, lr=lr, seed=job.seed)
    return model, *job.train(model, Batches(pairs, BATCH_SIZE, seed=job.seed), how)


def scores(texts: list[str], references: list[str]) -> dict[str, float]:
    """BLEU and chrF of split text."""
    return {
        "bleu": round(bleu(texts, references, tokenize="none"), 2),
        "chrf": round(chrf(texts, references), 2),
    }


def run(job: Job) -> Values:
    """Train one model and score its greedy translations of the test set."""
    splits = load()
    vocabs = multi30k.vocabs(splits.train)
    model, values, history = train(job, job.arm, RATES[job.arm])
    test = splits.test[:100] if job.quick else splits.test
    answers = translate(model, [e.src for e in test], *vocabs, max_len=50)
    texts = [" ".join(answer.tokens) for answer in answers]
    references = [" ".join(e.tgt) for e in test]
    by_length = {}
    for low, high in BUCKETS:
        chosen = [i for i, e in enumerate(test) if low <= len(e.tgt) <= high]
        by_length[f"{low}-{high}"] = {
            "sentences": len(chosen),
            **scores([texts[i] for i in chosen], [references[i] for i in chosen]),
        }
    return {
        **values,
        "seconds_of_updates": round(history.seconds, 1),
        "perplexity": round(perplexity(model, encode(test, *vocabs)), 2),
        **scores(texts, references),
        "by_reference_length": by_length,
        "samples": [
            {"source": " ".join(e.src), "reference": r, "answer": t}
            for e, r, t in zip(test[:3], references, texts, strict=False)
        ],
    }


def experiment() -> Experiment:
    seeds, configuration = dict.fromkeys(RATES, range(5)), {**DATA, "rates": RATES}
    return Experiment("multi30k_small", run, seeds, configuration, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
