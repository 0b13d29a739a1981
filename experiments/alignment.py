"""What the weights of every kind of attention align, and whether they are used.

All arms translate number words with about the same number of parameters, on the pairs and
with the budget of `train_longer`. An arm is a way of scoring and the state that asks:

    uniform, fixed               no choice of where to look; the query cannot matter
    additive, dot (scaled), dot_unscaled, general, each with the query before and after
    additive ..., French         English to French instead of German

The weights are those of the reference (teacher-forced), on ten test pairs of each length.
Rows are scored against the gold alignment once as they are (row t belongs to the word
*written* at step t) and once read off by one (row t given to the word *read* at step t).
Alignments are scored over three sets of target words that have a gold link: `content`
(digits, teens, tens), `function` (hundreds and scales), `gold` (both); and over `every`
word, those without a gold link too.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch

from experiments.engine import runs
from experiments.engine.job import Job, Values
from experiments.number_words import BATCH_SIZE, DATA, PER_LENGTH, TRAIN_PAIRS, UPDATES
from seq2seq_lib.batching import Batches, Pair, encode, in_order
from seq2seq_lib.decoding import translate
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.interventions import (
    edited,
    entropy,
    erase,
    frozen,
    harden,
    one_at_a_time,
    shift,
    shuffle,
    spread,
)
from seq2seq_lib.metrics import alignment_error_rate, exact_match_by_length, links
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, n_parameters, widen
from seq2seq_lib.probing import gradient_norms
from seq2seq_lib.tasks import Example, Splits, make_splits
from seq2seq_lib.tasks.numbers import Numbers, kind
from seq2seq_lib.training import TrainConfig

SEEDS = range(5)
ALIGNED_PER_LENGTH = 10
MOMENTS = (0, 25, 50, 75, 100, 150, 200, 300, 400)  # at which the alignment is measured
LOOKING = ("additive", "dot", "dot_unscaled", "general")
EDITS = {
    "hardened": harden,
    "erased": erase,
    "shifted": shift,
    "shuffled": shuffle,
    "uniform": spread,
}
Links = frozenset[tuple[int, int]]


class Arm(NamedTuple):
    """A way of scoring, the state that asks, and the language to translate to."""

    attention: str
    query: str = "before"
    tgt_lang: str = "de"


def arms() -> dict[str, Arm]:
    """All arms by name."""
    found = {"fixed": Arm("fixed"), "uniform": Arm("uniform")}
    for attention in LOOKING:
        for query in ("before", "after"):
            found[f"{attention}, {query}"] = Arm(attention, query)
    for query in ("before", "after"):
        found[f"additive, {query}, French"] = Arm("additive", query, "fr")
    return found


def config(arm: Arm) -> ModelConfig:
    """A model with the parameters of the additive one, at least, and at most 2% more."""
    src_vocab, tgt_vocab = Numbers("en", arm.tgt_lang).vocabs()
    additive = ModelConfig(len(src_vocab), len(tgt_vocab), query=arm.query)
    wanted = n_parameters(additive)
    found = replace(additive, attention=arm.attention)
    if arm.attention.startswith("dot"):
        # The decoder's state has to be as wide as the encoder's two directions.
        found = replace(found, enc_hidden=1, dec_hidden=2)
    return widen(found, wanted)


@cache
def splits(tgt_lang: str) -> Splits:
    """The pairs that every arm of a language trains and is tested on."""
    task = Numbers("en", tgt_lang)
    return make_splits(task, train=TRAIN_PAIRS, per_length=PER_LENGTH)


@cache
def pairs(tgt_lang: str, split: str) -> tuple[Pair, ...]:
    """A split as ids; ``"aligned"`` is what alignments are measured on."""
    examples = aligned(tgt_lang) if split == "aligned" else getattr(splits(tgt_lang), split)
    return tuple(encode(examples, *Numbers("en", tgt_lang).vocabs()))


@cache
def aligned(tgt_lang: str) -> tuple[Example, ...]:
    """The first ten test examples of each length."""
    seen: dict[int, list[Example]] = defaultdict(list)
    for example in splits(tgt_lang).test:
        seen[len(example.src)].append(example)
    return tuple(e for group in seen.values() for e in group[:ALIGNED_PER_LENGTH])


def kind_at(example: Example, t: int, tgt_lang: str) -> str:
    """The kind of the word written at step ``t``; ``"end"`` after the last."""
    return kind(example.tgt[t], tgt_lang) if t < len(example.tgt) else "end"


@cache
def positions(tgt_lang: str) -> dict[str, list[list[int]]]:
    """For each set of words, the target positions that count in each example."""
    kinds = {"content": {"value"}, "function": {"hundred", "scale"}}
    kinds["gold"] = kinds["content"] | kinds["function"]
    found: dict[str, list[list[int]]] = {"every": []}
    for example in aligned(tgt_lang):
        linked = sorted({t for t, _ in example.alignment or ()})
        found["every"].append(list(range(len(example.tgt))))
        for name, wanted in kinds.items():
            chosen = [t for t in linked if kind_at(example, t, tgt_lang) in wanted]
            found.setdefault(name, []).append(chosen)
    return found


def error_rates(predicted: Sequence[Links], tgt_lang: str) -> dict[str, float]:
    """AER over every set of words."""
    return {
        name: alignment_error_rate(predicted, aligned(tgt_lang), chosen)
        for name, chosen in positions(tgt_lang).items()
    }


def as_written(rows: np.ndarray, example: Example) -> Links:
    """Row t belongs to the word written at step t."""
    return links(rows[: len(example.tgt)])


def as_read(rows: np.ndarray, example: Example) -> Links:
    """Row t is given to the word read at step t: off by one."""
    return frozenset((t - 1, s) for t, s in links(rows) if t > 0)


def diagonal(tgt_lang: str) -> dict[str, float]:
    """AER of a line from the first words to the last: what no model has to be asked."""
    predicted = [
        frozenset((t, int((t + 0.5) * len(e.src) / len(e.tgt))) for t in range(len(e.tgt)))
        for e in aligned(tgt_lang)
    ]
    return error_rates(predicted, tgt_lang)


def tables(model: Seq2Seq, tgt_lang: str, what: str) -> list[np.ndarray]:
    """Weights, or gradient norms, of each example: one row for each step and the end."""
    found = []
    for batch in in_order(pairs(tgt_lang, "aligned"), BATCH_SIZE):
        table = gradient_norms(model, batch) if what == "gradient" else model(batch).weights
        for row, src, tgt in zip(
            table, batch.src_lengths, batch.tgt_mask.sum(dim=1), strict=True
        ):
            found.append(row[:tgt, :src].detach().numpy())
    return found


def entropy_of_rows(rows: np.ndarray) -> np.ndarray:
    """The entropy of every row of one example, in nats."""
    table = torch.from_numpy(rows)[None]
    return entropy(table, torch.ones(1, rows.shape[1], dtype=torch.bool))[0].numpy()


@torch.no_grad()
def looks(model: Seq2Seq, tgt_lang: str) -> Values:
    """AER read both ways, and the mean entropy over all steps in nats."""
    rows = tables(model, tgt_lang, "weights")
    examples = aligned(tgt_lang)
    spreads = [entropy_of_rows(r) for r in rows]
    return {
        "aer": error_rates(
            [as_written(r, e) for r, e in zip(rows, examples, strict=True)], tgt_lang
        ),
        "aer_off_by_one": error_rates(
            [as_read(r, e) for r, e in zip(rows, examples, strict=True)], tgt_lang
        ),
        "entropy": float(np.concatenate(spreads).mean()),
    }


@torch.no_grad()
def words(model: Seq2Seq, tgt_lang: str) -> dict[str, dict[str, float]]:
    """For each target word: how well its row aligns, and whether the answer needs it.

    ``aligned`` is the share of rows whose largest weight is on a gold source word;
    ``one_left`` and ``one_right`` are the shares whose largest weight lies one word to the
    left or right of it; ``largest`` is the mean of the largest weight; ``changed`` is the
    share of answers that turn into another word once the largest weight is erased, in
    that step alone, and ``changed_by_second`` the same for the second largest. Sources of
    one word are left out: nothing can be moved there.
    """
    rows = tables(model, tgt_lang, "weights")
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    i = 0
    for batch in in_order(pairs(tgt_lang, "aligned"), BATCH_SIZE):
        own = model(batch).logits.argmax(dim=-1)
        erased = one_at_a_time(model, batch, erase).argmax(dim=-1)
        control = one_at_a_time(model, batch, partial(erase, rank=1)).argmax(dim=-1)
        for b in range(len(batch)):
            example, row = aligned(tgt_lang)[i], rows[i]
            i += 1
            if len(example.src) == 1:
                continue
            for t in range(len(example.tgt) + 1):
                word = "(end)" if t == len(example.tgt) else example.tgt[t]
                at = int(row[t].argmax())
                gold = {s for place, s in example.alignment or () if place == t}
                seen = found[word]
                seen["changed"].append(bool(own[b, t] != erased[b, t]))
                seen["changed_by_second"].append(bool(own[b, t] != control[b, t]))
                seen["largest"].append(float(row[t].max()))
                if gold:
                    seen["aligned"].append(at in gold)
                    seen["one_left"].append(at + 1 in gold and at not in gold)
                    seen["one_right"].append(at - 1 in gold and at not in gold)
    return {
        word: {
            "count": len(seen["changed"]),
            **{name: sum(each) / len(each) for name, each in seen.items()},
        }
        for word, seen in sorted(found.items())
    }


def exact_match_buckets(model: Seq2Seq, tgt_lang: str) -> dict[str, float]:
    """Exact match on the whole test set in every bucket of source lengths."""
    examples = splits(tgt_lang).test
    sources = [e.src for e in examples]
    answers = translate(model, sources, *Numbers("en", tgt_lang).vocabs())
    found = exact_match_by_length(
        sources, [a.tokens for a in answers], [e.tgt for e in examples]
    )
    return {bucket.name: bucket.accuracy for bucket in found}


def run(job: Job) -> Values:
    """Train one arm with one seed, and look at its weights."""
    arm = arms()[job.arm]
    lang = arm.tgt_lang
    can_look = arm.attention != "fixed"
    model = build_model(config(arm), job.seed)
    looking = [Evaluation(lambda model: looks(model, lang), at=MOMENTS)] if can_look else []
    values, history = job.train(
        model,
        Batches(pairs(lang, "train"), BATCH_SIZE, seed=job.seed),
        TrainConfig(UPDATES, seed=job.seed),
        looking,
    )
    values |= {
        "exact_match": exact_match_buckets(model, lang),
        "aer_of_the_diagonal": diagonal(lang),
    }
    if can_look:
        values |= {"curve": history.evaluations, **looks(model, lang)}
    if arm.attention not in ("fixed", "uniform"):
        values["words"] = words(model, lang)
    if arm.attention in ("fixed", "additive"):
        norms = tables(model, lang, "gradient")
        felt = [as_written(n, e) for n, e in zip(norms, aligned(lang), strict=True)]
        values["aer_of_gradients"] = error_rates(felt, lang)
    if arm in (Arm("additive"), Arm("additive", "after")):
        changed = {edit: edited(model, how) for edit, how in EDITS.items()}
        changed["frozen"] = frozen(model)
        values["interventions"] = {
            edit: exact_match_buckets(other, lang) for edit, other in changed.items()
        }
    return values


def experiment() -> runs.Experiment:
    return runs.Experiment(
        name="alignment",
        configuration={
            **DATA,
            "task": "numbers, en to de and en to fr",
            "aligned_per_length": ALIGNED_PER_LENGTH,
            "train": vars(TrainConfig(UPDATES)),
            "moments": list(MOMENTS),
            "models": {name: vars(config(arm)) for name, arm in arms().items()},
        },
        # French is a check on one conclusion, not a comparison: two seeds.
        seeds={
            name: SEEDS if a.tgt_lang == "de" else SEEDS[:2] for name, a in arms().items()
        },
        run=run,
    )


if __name__ == "__main__":
    runs.main(experiment(), __doc__)
