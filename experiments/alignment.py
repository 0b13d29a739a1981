"""What the weights of every kind of attention align, and whether they are used (claim 7).

All arms translate number words with about the same number of parameters and the course's
budget, each with the rate that was chosen for it. An arm is a way of scoring and the state
that asks:

    uniform, fixed               no choice of where to look; the query cannot matter
    additive, dot (scaled), dot_unscaled, general, each with the query before and after
    additive ..., French         English to French instead of German
    IBM Model 1                  no network: words counted in the same pairs (`ibm1`)

The weights are those of the reference (teacher-forced), on ten test pairs of each length.
Rows are scored against the gold alignment once as they are (row t belongs to the word
*written* at step t) and once read off by one (row t given to the word *read* at step t).
Alignments are scored over three sets of target words that have a gold link: `content`
(digits, teens, tens), `function` (hundreds and scales), `gold` (both); and over `every`
word, those without a gold link too. ``counts`` has, for each test pair, how many predicted
links of gold words are right, how many there are, and how many gold links.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch

from experiments import ibm1
from experiments.ablated import looking_config
from experiments.declarations import SEEDS, declared
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import (
    BATCH_SIZE,
    DATA,
    UPDATES,
    exact_match_buckets,
    splits,
    train_model,
    train_pairs,
)
from experiments.recipes import RECIPES, Recipe
from seq2seq_lib.batching import Pair, encode, in_order
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
from seq2seq_lib.metrics import alignment_error_rate, links
from seq2seq_lib.model import (
    ModelConfig,
    Seq2Seq,
    bias_update_gates,
    build_model,
)
from seq2seq_lib.probing import gradient_norms
from seq2seq_lib.tasks import Example
from seq2seq_lib.tasks.numbers import Numbers, kind
from seq2seq_lib.training import TrainConfig

ALIGNED_PER_LENGTH = 10
MOMENTS = (0, 25, 50, 75, 100, 150, 200, 300, 400)  # at which the alignment is measured
LOOKING = ("additive", "dot", "dot_unscaled", "general")
COUNTED = "IBM Model 1"
JUDGED = ("fixed", "additive, before")
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

    @property
    def recipe(self) -> Recipe:
        """What was chosen for it, with German."""
        after = ", after" if self.query == "after" else ""
        return RECIPES[self.attention + after, 96]


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
    return looking_config(*arm)


@cache
def aligned(tgt_lang: str) -> tuple[Example, ...]:
    """The first ten test examples of each length."""
    seen: dict[int, list[Example]] = defaultdict(list)
    for example in splits(tgt_lang=tgt_lang).test:
        seen[len(example.src)].append(example)
    return tuple(e for group in seen.values() for e in group[:ALIGNED_PER_LENGTH])


@cache
def pairs(tgt_lang: str) -> tuple[Pair, ...]:
    """What alignments are measured on, as ids."""
    return tuple(encode(aligned(tgt_lang), *Numbers("en", tgt_lang).vocabs()))


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
            chosen = [t for t in linked if kind(example.tgt[t], tgt_lang) in wanted]
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


def error_rates_of(
    rows: Sequence[np.ndarray], read: Callable[..., Links], tgt_lang: str
) -> dict[str, float]:
    """AER of a table for each example, read in one of the two ways."""
    examples = aligned(tgt_lang)
    return error_rates([read(r, e) for r, e in zip(rows, examples, strict=True)], tgt_lang)


def diagonal(tgt_lang: str) -> dict[str, float]:
    """AER of a line from the first words to the last: what no model has to be asked."""
    predicted = [
        frozenset((t, int((t + 0.5) * len(e.src) / len(e.tgt))) for t in range(len(e.tgt)))
        for e in aligned(tgt_lang)
    ]
    return error_rates(predicted, tgt_lang)


def counts(predicted: Sequence[Links], tgt_lang: str) -> list[list[int]]:
    """For each example: right links, links and gold links of words with a gold link."""
    found = []
    for given, e, chosen in zip(
        predicted, aligned(tgt_lang), positions(tgt_lang)["gold"], strict=True
    ):
        links_of_gold = {(t, s) for t, s in given if t in chosen}
        gold = set(e.alignment or ())
        found.append([len(links_of_gold & gold), len(links_of_gold), len(gold)])
    return found


def tables(model: Seq2Seq, tgt_lang: str, what: str) -> list[np.ndarray]:
    """Weights, or gradient norms, of each example: one row for each step and the end."""
    found = []
    for batch in in_order(pairs(tgt_lang), BATCH_SIZE):
        table = gradient_norms(model, batch) if what == "gradient" else model(batch).weights
        for row, src, tgt in zip(
            table, batch.src_lengths, batch.tgt_mask.sum(dim=1), strict=True
        ):
            found.append(row[:tgt, :src].detach().numpy())
    return found


@torch.no_grad()
def looks(model: Seq2Seq, tgt_lang: str) -> Values:
    """AER read both ways, and the mean entropy over all steps in nats."""
    rows = tables(model, tgt_lang, "weights")
    entropies = [
        entropy(torch.from_numpy(r)[None], torch.ones(1, r.shape[1]).bool())[0].numpy()
        for r in rows
    ]
    written = [as_written(r, e) for r, e in zip(rows, aligned(tgt_lang), strict=True)]
    return {
        "aer": error_rates(written, tgt_lang),
        "aer_off_by_one": error_rates_of(rows, as_read, tgt_lang),
        "entropy": float(np.concatenate(entropies).mean()),
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
    answers: list[tuple[torch.Tensor, ...]] = []
    for batch in in_order(pairs(tgt_lang), BATCH_SIZE):
        own = model(batch).logits
        erased = one_at_a_time(model, batch, erase)
        control = one_at_a_time(model, batch, partial(erase, rank=1))
        answers += zip(*(x.argmax(dim=-1) for x in (own, erased, control)), strict=True)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    cases = zip(aligned(tgt_lang), rows, answers, strict=True)
    for e, row, (own, erased, control) in cases:
        if len(e.src) == 1:
            continue
        for t, word in enumerate([*e.tgt, "(end)"]):
            at = int(row[t].argmax())
            gold = {s for place, s in e.alignment or () if place == t}
            seen = found[word]
            seen["changed"].append(bool(own[t] != erased[t]))
            seen["changed_by_second"].append(bool(own[t] != control[t]))
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


def counted() -> Values:
    """What IBM Model 1 aligns, trained on the pairs of the models."""
    probabilities = ibm1.fit(train_pairs())
    found = [ibm1.links(probabilities, pair) for pair in pairs("de")]
    return {"aer": error_rates(found, "de"), "counts": counts(found, "de")}


def run(job: Job) -> Values:
    """Train one arm with one seed, and look at its weights."""
    if job.arm == COUNTED:
        return {"opening_loss": 0.0, **counted()}  # has no loss
    arm = arms()[job.arm]
    lang = arm.tgt_lang
    can_look = arm.attention != "fixed"
    looking = [Evaluation(lambda model: looks(model, lang), at=MOMENTS)] if can_look else []
    model = bias_update_gates(build_model(config(arm), job.seed), arm.recipe.gate)
    how = TrainConfig(UPDATES, lr=arm.recipe.lr)
    values, history = train_model(job, model, how, looking, tgt_lang=lang)
    test = splits(tgt_lang=lang).test
    values |= {
        "exact_match": exact_match_buckets(model, test, lang),
        "aer_of_the_diagonal": diagonal(lang),
    }
    if can_look:
        values |= {"curve": history.evaluations, **looks(model, lang)}
        rows = zip(tables(model, lang, "weights"), aligned(lang), strict=True)
        values["counts"] = counts([as_written(r, e) for r, e in rows], lang)
    if arm.attention not in ("fixed", "uniform"):
        values["words"] = words(model, lang)
    if arm.attention in ("fixed", "additive"):
        norms = tables(model, lang, "gradient")
        values["aer_of_gradients"] = error_rates_of(norms, as_written, lang)
    if arm in (Arm("additive"), Arm("additive", "after")):
        changed = {edit: edited(model, how) for edit, how in EDITS.items()}
        changed["frozen"] = frozen(model)
        values["interventions"] = {
            edit: exact_match_buckets(other, test, lang) for edit, other in changed.items()
        }
    return values


def experiment() -> Experiment:
    configuration = DATA | {
        "declared": declared("alignment"),
        "task": "numbers, en to de and en to fr",
        "aligned_per_length": ALIGNED_PER_LENGTH,
        "updates": UPDATES,
        "recipes": {name: arm.recipe for name, arm in arms().items()},
        "moments": list(MOMENTS),
        "models": {name: options(config(arm)) for name, arm in arms().items()},
    }
    # French is a check on one conclusion, not a comparison: two seeds.
    seeds = {n: SEEDS[: 5 if arm.tgt_lang == "de" else 2] for n, arm in arms().items()}
    seeds |= dict.fromkeys(JUDGED, SEEDS) | {COUNTED: SEEDS[:1]}
    return Experiment("alignment", run, seeds, configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
