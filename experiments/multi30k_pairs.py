"""How many pairs are enough? Both translators on parts of Multi30k, by the program.

1,000, 3,000 and 10,000 pairs, drawn once, each part within the next larger; two seeds. The
point at 29,000 is `multi30k` itself. A smaller part gets fewer updates, which are still
more epochs, and the program's early stop on the validation captions ends what no longer
gains. The rates are those that `multi30k_tuning` chose for the whole; they were not tuned
again for the parts. The pieces of words are learned from the part alone.

    greedy_valid   BLEU of words of the validation captions, greedily, as in `multi30k`
    bleu_of_words  the same of the test set of 2016, by a beam of five
    unseen         the share of words that the part does not have, and more of that kind
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from experiments import unseen
from experiments.declarations import SEEDS
from experiments.engine import Experiment, Job, Values, main
from experiments.multi30k import KINDS, RATES, greedy_bleu, texts
from experiments.translators import DATA, options, trained
from seq2seq_lib.translate import scores
from seq2seq_lib.translate.preparing import Files

UPDATES = {1_000: 2_200, 3_000: 4_400, 10_000: 8_800}  # pairs -> updates at most
MODELS = ("fixed", "additive")


def arms() -> dict[str, tuple[str, int]]:
    """Name -> (model, pairs)."""
    return {f"{model}, {n} pairs": (model, n) for n in UPDATES for model in MODELS}


@contextmanager
def part(pairs: int) -> Iterator[tuple[Files, list[list[str]]]]:
    """So many of the training pairs, as two files that are gone afterwards, and as text."""
    order = np.random.default_rng(0).permutation(len(texts("train")[0]))[:pairs]
    sides = [[side[i] for i in order] for side in texts("train")]
    with tempfile.TemporaryDirectory() as name:
        files = Files(Path(name) / "part.en", Path(name) / "part.de")
        for path, side in zip(files, sides, strict=True):
            path.write_text("".join(f"{text}\n" for text in side), encoding="utf8")
        yield files, sides


def run(job: Job) -> Values:
    """Train one model on one part, and read the test set with it."""
    model, pairs = arms()[job.arm]
    architecture, chosen = KINDS[model]
    how = options(architecture, UPDATES[pairs], RATES[model], job.seed, **chosen)
    with part(pairs) as (files, sides):
        translator, values = trained(job, how, files)
    n = 20 if job.quick else None
    sources, references = (side[:n] for side in texts("test"))
    found = scores.score(translator, sources, references, beam=1 if job.quick else 5)
    return {
        **values,
        "greedy_valid": greedy_bleu(translator, n),
        "bleu_of_words": round(found["bleu_of_words"], 2),
        "unseen": unseen.counted(translator, sides, texts("valid")),
    }


def experiment() -> Experiment:
    configuration = {
        **DATA,
        "models": {model: KINDS[model][1] for model in MODELS},
        "updates": UPDATES,
        "rates": {model: RATES[model] for model in MODELS},
    }
    seeds = dict.fromkeys(arms(), SEEDS[:2])
    return Experiment("multi30k_pairs", run, seeds, configuration, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
