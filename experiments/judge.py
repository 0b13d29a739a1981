"""From stored numbers to verdicts: one number for each seed, an interval, a test, a word.

interval    95%, percentile bootstrap over seeds *and* test sentences: both are drawn
            again, independently of each other, so it lies inside the measure's range.
            Where every draw gives the same number, it reaches as far as the exact
            binomial interval of so many sentences that all agree.
p           of a difference: paired sign-flip test over seeds, two-sided, all patterns;
            over all claims that are differences by the method of Holm (1979).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from experiments.captions import BLOCK
from experiments.declarations import DECLARATIONS, Declaration
from experiments.engine.results import read_results
from seq2seq_lib.require import require

RESAMPLES, CONFIDENCE = 4_999, 0.95
LONG = 13  # words from which on a source is long
Stored = Mapping[str, Mapping[str, Any]]  # arm -> seed -> what was measured
Array = np.ndarray


class Sample(NamedTuple):
    """What a measure takes from the results of an experiment.

    Args:
        per_seed: from the places of the sentences that were drawn to one number a seed.
        sentences: how many there are; 0 where a measure has none.
        low, high: the smallest and the largest number that there can be.
        conditions: whether each condition of the declaration is met.
    """

    per_seed: Callable[[Array], Array]
    sentences: int = 0
    low: float = -np.inf
    high: float = np.inf
    conditions: tuple[bool, ...] = ()

    @property
    def numbers(self) -> Array:
        """One number for each seed, from every sentence."""
        return self.per_seed(np.arange(self.sentences))


# --- what is taken from the results -------------------------------------------------------


def right(stored: Stored, arm: str, seeds: Sequence[int], lengths: range) -> Array:
    """Which answers to sources of some lengths are right, (seeds, sentences)."""
    hits = [stored[arm][str(seed)]["hits"] for seed in seeds]
    return np.array(
        [[int(hit) for n in lengths for hit in seed.get(str(n), "")] for seed in hits]
    )


def short_sources(stored: Stored, declared: Declaration) -> Sample:
    """Claim 1."""
    (arm,) = declared.arms
    found = right(stored, arm, declared.seeds, range(1, 5))
    return Sample(lambda drawn: found[:, drawn].mean(axis=1), found.shape[1], 0, 1)


def lead(stored: Stored, declared: Declaration) -> Sample:
    """Claims 4 to 6: the first arm of each size minus the best other, the smaller lead."""
    sizes = list(dict.fromkeys(arm.split(", ")[1] for arm in declared.arms))
    found = [
        [
            right(stored, arm, declared.seeds, range(LONG, 25))
            for arm in declared.arms
            if arm.endswith(f", {size}")
        ]
        for size in sizes
    ]

    def per_seed(drawn: Array) -> Array:
        shares = [[arm[:, drawn].mean(axis=1) for arm in arms] for arms in found]
        leads = [first - np.max(others, axis=0) for first, *others in shares]
        return np.min(leads, axis=0)

    return Sample(per_seed, found[0][0].shape[1], -1, 1)


def lost_bits(stored: Stored, declared: Declaration) -> Sample:
    """Claim 2."""
    new, old = 12, 8
    bits = 4 * (new - old)

    def lost(arms: Sequence[str]) -> Array:
        """By vector, seed and source: what is lost of the bits that were added."""
        through = [
            [stored[arm][str(seed)]["test_sources"] for seed in declared.seeds]
            for arm in arms
        ]
        added = [[np.subtract(s[str(new)], s[str(old)]) for s in arm] for arm in through]
        return bits - np.array(added)

    def levelled(arm: str) -> bool:
        """Whether the last two doublings each add less than 2%."""
        curves = [stored[arm][str(seed)]["curve"][-3:] for seed in declared.seeds]
        ends = np.mean([[at["bits"][str(new)] for at in curve] for curve in curves], axis=0)
        return bool((ends[1:] < 1.02 * ends[:-1]).all())

    fixed = lost(declared.arms)
    attention = lost([arm.replace("fixed", "attention") for arm in declared.arms])
    conditions = (
        all(levelled(arm) for arm in declared.arms),
        bool(attention.mean() < fixed.mean() / 2),
    )
    return Sample(
        lambda drawn: fixed[:, :, drawn].mean(axis=(0, 2)),
        fixed.shape[2],
        conditions=conditions,
    )


def slopes(learned: Sequence[Mapping[str, int | None]], limit: int) -> Array:
    """Slope of log2(updates) on log2(1 + distance) for each seed, censored at a limit."""
    return np.array(
        [
            stats.linregress(
                np.log2([1 + int(distance) for distance in seed]),
                np.log2(
                    [limit if updates is None else updates for updates in seed.values()]
                ),
            ).slope
            for seed in learned
        ]
    )


def steeper(stored: Stored, declared: Declaration, limit: int = 1500) -> Sample:
    """Claim 3: the slope of the first arm minus that of the second; the smaller of two."""
    found = [
        slopes([stored[arm][str(seed)]["learned"] for seed in declared.seeds], limit)
        for arm in declared.arms
    ]
    leads = [a - b for a, b in zip(found[::2], found[1::2], strict=True)]
    return Sample(lambda drawn: np.min(leads, axis=0))


def better_aligned(stored: Stored, declared: Declaration) -> Sample:
    """Claim 7: the error rate of the first arm, which has one seed, minus the second's."""
    first, second = declared.arms
    (only,) = stored[first].values()
    theirs = np.array(only["counts"])  # (sentences, 3)
    ours = np.array([stored[second][str(seed)]["counts"] for seed in declared.seeds])

    def error_rate(counts: Array) -> Array:
        right, links, gold = np.moveaxis(counts.sum(axis=-2), -1, 0)
        return 1 - 2 * right / (links + gold)

    def per_seed(drawn: Array) -> Array:
        return error_rate(theirs[drawn]) - error_rate(ours[:, drawn])

    return Sample(per_seed, len(theirs), -1, 1)


def more_bleu(stored: Stored, declared: Declaration) -> Sample:
    """Claim 8."""
    more, less = (
        np.array([stored[arm][str(seed)]["bleu"] for seed in declared.seeds])
        for arm in declared.arms
    )
    return Sample(lambda drawn: more - less, 0, -100, 100)


def steeper_fall(stored: Stored, declared: Declaration) -> Sample:
    """Claim 8: slope of chrF on log2(captions), of the first arm minus the second.

    Drawn again are blocks of captions, which have the same content at every size.
    """

    def by_block(arm: str) -> list[Array]:
        """For each size the chrF of every source, (seeds, blocks, sources of a block)."""
        seeds = [stored[arm][str(seed)]["chrf"] for seed in declared.seeds]
        sizes = sorted(map(int, seeds[0]))
        blocks = len(seeds[0][str(sizes[0])]) // BLOCK
        return [
            np.array([seed[str(size)] for seed in seeds]).reshape(len(seeds), blocks, -1)
            for size in sizes
        ]

    more, less = map(by_block, declared.arms)
    x = np.log2([BLOCK / scores.shape[2] for scores in more])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()

    def means(arm: list[Array], drawn: Array) -> Array:
        return np.array([scores[:, drawn].mean(axis=(1, 2)) for scores in arm])

    def per_seed(drawn: Array) -> Array:
        return weights @ (means(more, drawn) - means(less, drawn))

    everything = np.arange(more[0].shape[1])
    alone = (means(more, everything) - means(less, everything))[0].mean()
    return Sample(per_seed, len(everything), conditions=(bool(alone >= 1),))


def less_surprising(stored: Stored, declared: Declaration) -> Sample:
    """Claim 9: nats per piece of the first arm's answers minus those of the second's."""

    def counted(arm: str, name: str) -> Array:
        """What was found, and of how much, (2, seeds, sentences)."""
        seeds = [stored[arm][str(seed)]["sentences"][name] for seed in declared.seeds]
        return np.array([[seed[key] for seed in seeds] for key in ("found", "of")])

    def share(of: Array) -> Array:
        found, every = of.sum(axis=-1)
        return found / np.maximum(1, every)

    first, second = (counted(arm, "surprise") for arm in declared.arms)
    conditions = []
    for name in ("repeated", "dropped"):
        theirs, ours = (share(counted(arm, name)).mean() for arm in declared.arms)
        conditions.append(bool(ours <= theirs))
    return Sample(
        lambda drawn: share(first[..., drawn]) - share(second[..., drawn]),
        first.shape[2],
        conditions=tuple(conditions),
    )


MEASURES: dict[int, Callable[[Stored, Declaration], Sample]] = {
    1: short_sources,
    2: lost_bits,
    3: steeper,
    4: lead,
    5: lead,
    6: lead,
    7: better_aligned,
    8: more_bleu,
}
# What takes their place, and joins them, when `joined` is whole.
ON_REAL_TEXT = {8: steeper_fall, 9: less_surprising}

# --- what is said of it -------------------------------------------------------------------


def interval(sample: Sample) -> tuple[float, float]:
    """The middle 95% of the means of what is drawn again."""
    seeds, sentences = np.arange(len(sample.numbers)), np.arange(sample.sentences)

    def mean(seeds: Array, drawn: Array = sentences) -> float:
        return float(sample.per_seed(drawn)[seeds].mean())

    found = stats.bootstrap(
        (seeds, sentences) if sample.sentences else (seeds,),
        mean,
        n_resamples=RESAMPLES,
        vectorized=False,
        method="percentile",
        confidence_level=CONFIDENCE,
        random_state=np.random.default_rng(0),
    ).confidence_interval
    low, high = float(found.low), float(found.high)
    if low == high and np.isfinite(sample.high - sample.low):
        share = (1 - CONFIDENCE) / 2
        unseen = 1 - share ** (1 / max(sample.sentences, len(seeds)))
        reach = unseen * (sample.high - sample.low)
        low, high = max(sample.low, low - reach), min(sample.high, high + reach)
    return low, high


def sign_flip(differences: Array) -> float:
    """How often a mean at least as far from zero comes from signs alone."""
    found = stats.permutation_test(
        (differences,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    return float(found.pvalue)


def holm(ps: Mapping[int, float]) -> dict[int, float]:
    """Each p as large as it must be when so many are looked at (Holm 1979)."""
    found: dict[int, float] = {}
    largest = 0.0
    for rank, number in enumerate(sorted(ps, key=lambda n: ps[n])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[number]))
        found[number] = largest
    return found


def verdict(entry: Mapping[str, Any]) -> str:
    """What an entry of the ledger says of its claim.

    The rule is at least a level, or a difference that matters; ``effect`` is that level
    or difference, and ``low`` to ``high`` the 95% interval.
    """
    low, high, effect = entry["low"], entry["high"], entry["effect"]
    if high < effect:
        return "does not hold"
    if entry["rule"] == "difference" and (low <= 0 or entry["p"] >= 0.05):
        return "cannot tell"
    if low >= effect:
        return "holds" if all(entry["conditions"].values()) else "holds in part"
    return "holds in part" if entry["rule"] == "difference" else "cannot tell"


def entry(number: int) -> dict[str, Any]:
    """The primary measure of a claim, without its verdict.

    Raises:
        ValueError: the result is incomplete, or was made under another declaration.
    """
    declared = DECLARATIONS[number]
    stored = read_results(declared.experiment)
    under = stored["run"]["configuration"].get("declared", {}).get(str(number))
    require(
        declared.after_looking or under == declared.digest,
        f"results/{declared.experiment}.json was made under another declaration of claim "
        f"{number}; what is declared after looking is a new claim with new seeds: declare "
        f"it so in experiments/declarations.py, and run `python -m experiments."
        f"{declared.experiment}` again.",
    )
    sample = MEASURES[number](stored["values"], declared)
    low, high = interval(sample)
    numbers = sample.numbers
    return {
        "measure": declared.measure,
        "result": f"results/{declared.experiment}.json",
        "arms": list(declared.arms),
        "seeds": list(declared.seeds),
        "values": dict(zip(map(str, declared.seeds), numbers.tolist(), strict=True)),
        "mean": float(numbers.mean()),
        "low": low,
        "high": high,
        "rule": declared.rule,
        "effect": declared.effect,
        "contradicts": declared.contradicts,
        "conditions": dict(zip(declared.conditions, sample.conditions, strict=True)),
        "known": declared.known,
        "after_looking": declared.after_looking,
        **({"p_alone": sign_flip(numbers)} if declared.rule == "difference" else {}),
    }


def primaries() -> dict[int, dict[str, Any]]:
    """The primary measure of each claim, with its verdict."""
    found = {number: entry(number) for number in DECLARATIONS}
    alone = {n: e["p_alone"] for n, e in found.items() if e["rule"] == "difference"}
    for number, p in holm(alone).items():
        found[number]["p"] = p
    return {number: {**e, "verdict": verdict(e)} for number, e in found.items()}
