"""Does attention rest on the end of the source? Sources with and without EOS.

Learners report heatmaps with all weight in the last column; their sources end in an EOS
token, and ours do not. Additive attention translates number words, trained on 1,000 to
40,000 pairs with the course's budget and recipe. Measured on ten test pairs of each length,
at the steps that write a word with a gold link:

    last         mean weight on the last source token, EOS where there is one
    last_gold    share of those words that really come from the last source token
    aer          alignment error rate of the largest weights; a link to EOS is none
    exact_match  of the translations, by length
"""

from functools import cache
from typing import NamedTuple

import torch

from experiments.ablated import build, model_config
from experiments.alignment import aligned, positions
from experiments.declarations import SEEDS
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import BATCH_SIZE, DATA, UPDATES, splits, train_pairs
from experiments.recipes import RECIPES
from seq2seq_lib.batching import Batches, Pair, encode, in_order
from seq2seq_lib.decoding import greedy
from seq2seq_lib.metrics import alignment_error_rate, exact_match_by_length, links
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.tasks import Example
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig
from seq2seq_lib.vocab import EOS

PAIRS = (1_000, 5_000, 40_000)
RECIPE = RECIPES["additive", 96]


class Arm(NamedTuple):
    """How many pairs, and whether sources end in EOS."""

    pairs: int
    eos: bool


def arms() -> dict[str, Arm]:
    """All arms by name."""
    return {
        f"{pairs} pairs, {'with' if eos else 'without'} EOS": Arm(pairs, eos)
        for pairs in PAIRS
        for eos in (False, True)
    }


def ended(pairs: tuple[Pair, ...], eos: bool) -> list[Pair]:
    """The pairs, with EOS at the end of the source if it is wanted."""
    return [Pair((*p.src, EOS), p.tgt) if eos else p for p in pairs]


@cache
def tested() -> tuple[Pair, ...]:
    """The test pairs as ids."""
    return tuple(encode(splits().test, *Numbers().vocabs()))


def exact_match(model: Seq2Seq, eos: bool) -> dict[str, float]:
    """Of greedy translations, by length of the source without EOS."""
    _, tgt_vocab = Numbers().vocabs()
    said = []
    for batch in in_order(ended(tested(), eos)):
        decoded = greedy(model, batch.src_ids, batch.src_lengths, max_len=50)
        said += [tuple(tgt_vocab.decode(row)) for row in decoded.ids.tolist()]
    test: list[Example] = list(splits().test)
    found = exact_match_by_length([e.src for e in test], said, [e.tgt for e in test])
    return {bucket.name: bucket.accuracy for bucket in found}


@torch.no_grad()
def looks(model: Seq2Seq, eos: bool) -> Values:
    """Where the weights are, and where they should be."""
    examples, chosen = aligned("de"), positions("de")["gold"]
    pairs = ended(tuple(encode(examples, *Numbers().vocabs())), eos)
    rows = [row for batch in in_order(pairs, BATCH_SIZE) for row in model(batch).weights]
    on_last, from_last, predicted = [], [], []
    for example, steps, row in zip(examples, chosen, rows, strict=True):
        src_len = len(example.src)
        for t in steps:
            on_last.append(float(row[t, src_len if eos else src_len - 1]))
            from_last.append((t, src_len - 1) in (example.alignment or ()))
        found = links(row[: len(example.tgt), : src_len + eos])
        predicted.append({(t, s) for t, s in found if s < src_len})
    return {
        "last": sum(on_last) / len(on_last),
        "last_gold": sum(from_last) / len(from_last),
        "aer": alignment_error_rate(predicted, examples, chosen),
    }


def run(job: Job) -> Values:
    """Train one arm with one seed, and look at its weights."""
    arm = arms()[job.arm]
    model = build("additive", 96, RECIPE.gate, job.seed)
    pairs = ended(train_pairs()[: arm.pairs], arm.eos)
    how = TrainConfig(UPDATES, lr=RECIPE.lr, seed=job.seed)
    values, _ = job.train(model, Batches(pairs, BATCH_SIZE, seed=job.seed), how)
    return {**values, **looks(model, arm.eos), "exact_match": exact_match(model, arm.eos)}


def experiment() -> Experiment:
    configuration = DATA | {
        "updates": UPDATES,
        "recipe": RECIPE,
        "arms": {name: arm._asdict() for name, arm in arms().items()},
        "model": options(model_config("additive", 96)),
    }
    return Experiment("sink", run, dict.fromkeys(arms(), SEEDS[:3]), configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
