"""The ledger: every claim of the course, its measures, both models, 95% intervals.

It trains nothing. It reads the results of the other experiments and takes, for each
measure, one value for each seed of both models. What a measure shows is decided by a rule
that is fixed here. The rules were written before `comparison`, `needle`, `alignment`,
`extrapolation` and the captions with five seeds had run; `train_longer` was known by then.
Its narrow models and the captions ran again later, at tuned rates; no rule was changed.
One choice came later: claim 7 was first written for the query after the step, and the
course's own model, which asks before it, was put first when both results were in. The
first version stays as the claim's last measure.

    difference   the claim says which model has the higher number. The measure supports
                 it when the 95% interval of the paired differences lies on that side
                 of zero, contradicts it when it lies on the other, and else shows nothing.
    level        the claim says what one model reaches. The measure supports it when the
                 95% interval lies beyond the level, contradicts it when it lies short
                 of it, and else shows nothing.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from experiments import (
    alignment,
    comparison,
    extrapolation,
    multi30k_small,
    needle,
    train_longer,
)
from experiments.engine import runs
from experiments.engine.results import (
    RESULTS,
    ROOT,
    describe_run,
    read_results,
    write_json,
)
from seq2seq_lib.intervals import Interval, mean_interval

Values = dict[str, Any]
Take = Callable[[Values], float]
CONFIDENCE, FEWEST_SEEDS = 0.95, 5
QUERY = "before"  # the course's model; a row belongs to the word written at its step
SOURCES = (alignment, comparison, extrapolation, multi30k_small, needle, train_longer)
METHOD = (
    "Student's t over training seeds, 95%; a difference is attention minus fixed context, "
    "paired by seed. An interval says how much the seed matters, not which test "
    "sentences were drawn."
)


@dataclass(frozen=True)
class Level:
    """A number that one model, ``"fixed"`` or ``"attention"``, is said to reach."""

    side: str
    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"{self.side} at least {self.at_least:g}"
        return f"{self.side} at most {self.at_most:g}"

    def shows(self, found: Interval) -> str:
        """What an interval says about the level."""
        if self.at_least is not None:
            beyond, short = found.low >= self.at_least, found.high < self.at_least
        else:
            assert self.at_most is not None
            beyond, short = found.high <= self.at_most, found.low > self.at_most
        return "supports" if beyond else "contradicts" if short else "shows nothing"


@dataclass(frozen=True)
class Difference:
    """Which model is said to have the higher number."""

    higher: str

    def __str__(self) -> str:
        return f"{self.higher} higher"

    def shows(self, found: Interval) -> str:
        """What the interval of attention minus fixed context says."""
        sign = 1 if self.higher == "attention" else -1
        low, high = sorted((sign * found.low, sign * found.high))
        return "supports" if low > 0 else "contradicts" if high < 0 else "shows nothing"


@dataclass(frozen=True)
class Measure:
    """One number for each seed of both models.

    Args:
        name: what is measured, with its unit.
        source: the results file, without its ending.
        take: takes the number from one seed's values.
        rule: what would support the claim.
        arms: of the fixed context and of the model with attention.
        take_fixed: takes it from the fixed context, where that differs.
        limit: values from here on are censored: the true ones are at least as large.
    """

    name: str
    source: str
    take: Take
    rule: Level | Difference
    arms: tuple[str, str] = ("fixed", "additive")
    take_fixed: Take | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Claim:
    """A sentence that people repeat, and what could have contradicted it."""

    number: int
    statement: str
    chapter: str
    measures: tuple[Measure, ...]
    headline: int = 0  # which of the measures stands for the claim in a figure


def at(*keys: str) -> Take:
    """Take a number out of nested dictionaries."""

    def take(values: Values) -> float:
        found: Any = values
        for key in keys:
            found = found[key]
        return float(found)

    return take


def lost(edit: str) -> Take:
    """Exact match that an intervention costs."""

    def take(values: Values) -> float:
        found = values["interventions"]
        return found["unchanged"] - found[edit]

    return take


def fall(short: str, long: str) -> Take:
    """Exact match on short sources minus that on long ones."""
    return lambda values: values["exact_match"][short] - values["exact_match"][long]


def until_found(distance: int) -> Take:
    """Updates until a needle at a distance is found; the limit where it never was."""

    def take(values: Values) -> float:
        learned = values["learned"][str(distance)]
        return float(needle.LIMIT if learned is None else learned)

    return take


def bleu_of(bucket: str) -> Take:
    """BLEU of the captions with so many reference words."""
    return at("by_reference_length", bucket, "bleu")


def claims() -> tuple[Claim, ...]:
    """The eight claims of the course, in the order of the book."""
    fixed, attention = Difference("fixed"), Difference("attention")
    needles = tuple(f"{model}, one-way, {needle.RATE:g}" for model in needle.MECHANISMS)
    near, far = 0, 31
    looking = ("fixed", f"additive, {QUERY}")
    short_captions, *_, long_captions = (f"{a}-{b}" for a, b in multi30k_small.BUCKETS)
    return (
        Claim(
            1,
            "One fixed-length vector is enough for short inputs.",
            "06-the-bottleneck",
            (
                Measure(
                    "exact match, 1-4 words",
                    "comparison",
                    at("exact_match", "1-4"),
                    Level("fixed", at_least=0.95),
                ),
            ),
        ),
        Claim(
            2,
            "It loses information as inputs grow.",
            "06-the-bottleneck",
            (
                Measure(
                    "fall of exact match from 1-4 to 21-24 words, after 400 updates",
                    "comparison",
                    fall("1-4", "21-24"),
                    fixed,
                ),
                Measure(
                    "the same fall at a third of the hidden size, after 3,000 updates",
                    "train_longer",
                    fall("1-4", "21-24"),
                    fixed,
                    ("narrow fixed", "narrow additive"),
                ),
                Measure(
                    "the same fall at full size: fixed context after 3,000 updates, "
                    "attention after 400",
                    "train_longer",
                    fall("1-4", "21-24"),
                    fixed,
                    ("fixed, longer", "additive"),
                ),
            ),
        ),
        Claim(
            3,
            "Distant dependencies suffer most.",
            "06-the-bottleneck",
            (
                Measure(
                    f"updates until one token of {needle.LENGTH} is found, at distance "
                    f"{far} from the end",
                    "needle",
                    until_found(far),
                    fixed,
                    needles,
                    limit=needle.LIMIT,
                ),
                Measure(
                    f"updates at distance {far} over updates at distance {near}",
                    "needle",
                    lambda v: until_found(far)(v) / until_found(near)(v),
                    fixed,
                    needles,
                ),
            ),
        ),
        Claim(
            4,
            "Attention looks at a different part of the input at every step.",
            "10-alignment",
            (
                Measure(
                    "how far the weights move from step to step (0 to 1)",
                    "comparison",
                    at("movement"),
                    attention,
                ),
                Measure(
                    "exact match lost when every step looks where the first one did",
                    "comparison",
                    lost("frozen"),
                    attention,
                ),
                Measure(
                    "exact match lost when the weights are shuffled",
                    "comparison",
                    lost("shuffled"),
                    attention,
                ),
            ),
        ),
        Claim(
            5,
            "The context is the weighted sum of the encoder's states, and every step uses "
            "it.",
            "07-attention-from-scratch",
            (
                Measure(
                    "largest difference between loop, matrix product and class",
                    "comparison",
                    at("three_ways"),
                    Level("attention", at_most=1e-4),
                ),
                Measure(
                    "exact match lost when the context is withheld",
                    "comparison",
                    lost("withheld"),
                    Level("attention", at_least=0.5),
                ),
            ),
            headline=1,
        ),
        Claim(
            6,
            "Outputs become more accurate and more coherent.",
            "08-additive-attention",
            (
                Measure(
                    "exact match, all lengths",
                    "comparison",
                    at("exact_match_all"),
                    attention,
                ),
                Measure("BLEU, number words", "comparison", at("bleu"), attention),
                Measure("chrF, number words", "comparison", at("chrf"), attention),
                Measure(
                    "perplexity of the reference", "comparison", at("perplexity"), fixed
                ),
                Measure(
                    "share of answers that are well-formed numbers, right or wrong",
                    "comparison",
                    at("well_formed"),
                    attention,
                ),
            ),
        ),
        Claim(
            7,
            "The weights align the output with the input.",
            "10-alignment",
            (
                Measure(
                    "alignment error rate, content words (fixed: by gradients)",
                    "alignment",
                    at("aer", "content"),
                    fixed,
                    looking,
                    take_fixed=at("aer_of_gradients", "content"),
                ),
                Measure(
                    "alignment error rate of the weights on content words",
                    "alignment",
                    at("aer", "content"),
                    Level("attention", at_most=0.10),
                    looking,
                    take_fixed=at("aer_of_gradients", "content"),
                ),
                Measure(
                    "the same on hundreds, thousands and millions",
                    "alignment",
                    at("aer", "function"),
                    Level("attention", at_most=0.10),
                    looking,
                    take_fixed=at("aer_of_gradients", "function"),
                ),
                Measure(
                    "the same, for a model that asks after the step",
                    "alignment",
                    at("aer", "function"),
                    Level("attention", at_most=0.10),
                    ("fixed", "additive, after"),
                    take_fixed=at("aer_of_gradients", "function"),
                ),
            ),
        ),
        Claim(
            8,
            "It holds on real sentences, and most for long ones.",
            "08-additive-attention",
            (
                Measure("BLEU, captions", "multi30k_small", at("bleu"), attention),
                Measure("chrF, captions", "multi30k_small", at("chrf"), attention),
                Measure(
                    f"BLEU of captions of {long_captions.split('-')[0]} words and more",
                    "multi30k_small",
                    bleu_of(long_captions),
                    attention,
                ),
                Measure(
                    "fall of BLEU from the shortest captions to these",
                    "multi30k_small",
                    lambda v: bleu_of(short_captions)(v) - bleu_of(long_captions)(v),
                    fixed,
                ),
            ),
        ),
    )


def reach() -> tuple[Measure, ...]:
    """Lengths that training never showed: no claim of ours, and often mixed up with one."""
    attention = Difference("attention")
    return (
        Measure(
            f"exact match, 9-12 words, trained on at most {extrapolation.LONGEST}",
            "extrapolation",
            at("exact_match", "9-12"),
            attention,
        ),
        *(
            Measure(
                f"exact match, {bucket} words, trained on at most {extrapolation.LONGEST}",
                "extrapolation",
                at("exact_match", bucket),
                attention,
            )
            for bucket in ("13-16", "21-24")
        ),
    )


def _seeds(measure: Measure, stored: Values, arm: str) -> dict[str, Values]:
    if arm not in stored["values"]:
        raise ValueError(
            f"results/{measure.source}.json has no arm {arm!r}; run `python -m "
            f"experiments.{measure.source}` again."
        )
    return stored["values"][arm]


def _side(values: Sequence[float], seeds: dict[str, Values], limit: float | None) -> Values:
    """What is stored of one model."""
    found = mean_interval(values, CONFIDENCE)
    first = next(iter(seeds.values()))
    side: Values = {
        "values": dict(zip(seeds, values, strict=True)),
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "parameters": first["parameters"],
        "updates": first["updates"],
    }
    if limit is not None:
        side["updates"] = int(limit)  # at most
        side["censored"] = sum(value >= limit for value in values)
    return side


def entry(measure: Measure) -> Values:
    """One measure: both models, their difference, and what it shows.

    Raises:
        ValueError: an arm or a seed is missing, or there are fewer than five seeds.
    """
    stored = read_results(measure.source)
    fixed, attention = (_seeds(measure, stored, arm) for arm in measure.arms)
    if set(fixed) != set(attention) or len(fixed) < FEWEST_SEEDS:
        raise ValueError(
            f"{measure.name!r} needs the same {FEWEST_SEEDS} seeds or more of both models, "
            f"got {', '.join(fixed)} of {measure.arms[0]!r} and {', '.join(attention)} of "
            f"{measure.arms[1]!r}; run `python -m experiments.{measure.source}` again."
        )
    take_fixed = measure.take_fixed or measure.take
    ours = [take_fixed(fixed[seed]) for seed in fixed]
    theirs = [measure.take(attention[seed]) for seed in fixed]
    difference = mean_interval(
        [b - a for a, b in zip(ours, theirs, strict=True)], CONFIDENCE
    )
    sides = {"fixed": ours, "attention": theirs}
    judged = difference
    if isinstance(measure.rule, Level):
        judged = mean_interval(sides[measure.rule.side], CONFIDENCE)
    return {
        "measure": measure.name,
        "result": f"results/{measure.source}.json",
        "command": stored["run"]["command"],
        "code": stored["run"]["code"],
        "arms": dict(zip(sides, measure.arms, strict=True)),
        "seeds": [int(seed) for seed in fixed],
        "fixed": _side(ours, fixed, measure.limit),
        "attention": _side(theirs, {s: attention[s] for s in fixed}, measure.limit),
        "difference": {
            "mean": difference.mean,
            "low": difference.low,
            "high": difference.high,
        },
        "rule": str(measure.rule),
        "shows": measure.rule.shows(judged),
    }


def verdict(measures: Sequence[Values]) -> str:
    """``holds``, ``holds in part`` or ``does not hold``, from what the measures show."""
    shown = [measure["shows"] for measure in measures]
    if all(one == "supports" for one in shown):
        return "holds"
    return "holds in part" if "supports" in shown else "does not hold"


def ledger() -> Values:
    """All claims with their measures, and how both models do beyond their training."""
    found: Values = {}
    for claim in claims():
        measures = [entry(measure) for measure in claim.measures]
        found[str(claim.number)] = {
            "statement": claim.statement,
            "chapter": claim.chapter,
            "verdict": verdict(measures),
            "headline": claim.headline,
            "measures": measures,
        }
    return {"claims": found, "reach": [entry(measure) for measure in reach()]}


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    for module in SOURCES:
        runs.stored(module.experiment())  # raises where a result is not today's
    run = describe_run(
        "ledger",
        {"confidence": CONFIDENCE, "method": METHOD, "fewest_seeds": FEWEST_SEEDS},
    )
    path = RESULTS / "ledger.json"
    write_json(path, {"run": run, **ledger()})
    print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
