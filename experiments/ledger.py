"""The ledger: every claim of the course, its measures, both models, 95% intervals.

It trains nothing. It reads the results of the other experiments and takes, for each
measure of `claims`, one value for each seed of both models. What a measure shows is decided
by its rule.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from experiments.claims import CLAIMS, REACH, Difference, Level, Measure
from experiments.engine import runs
from experiments.engine.job import Values
from experiments.engine.results import (
    ROOT,
    describe_run,
    read_results,
    result_file,
    write_json,
)
from seq2seq_lib.intervals import Interval, mean_interval

CONFIDENCE, FEWEST_SEEDS = 0.95, 5
METHOD = (
    "Student's t over training seeds, 95%; a difference is attention minus fixed context, "
    "paired by seed. An interval says how much the seed matters, not which test "
    "sentences were drawn."
)


def shows(rule: Level | Difference, found: Interval) -> str:
    """What an interval says of a claim.

    Args:
        rule: what would support the claim.
        found: of one model's level, or of attention minus fixed context.
    """
    if isinstance(rule, Difference):
        sign = 1 if rule.higher == "attention" else -1
        low, high = sorted((sign * found.low, sign * found.high))
        beyond, short = low > 0, high < 0
    elif rule.at_least is not None:
        beyond, short = found.low >= rule.at_least, found.high < rule.at_least
    else:
        assert rule.at_most is not None
        beyond, short = found.high <= rule.at_most, found.low > rule.at_most
    return "supports" if beyond else "contradicts" if short else "shows nothing"


def taken(measure: Measure, values: Values, place: str, limit: float | None) -> float:
    """The number that a measure takes from one seed's values.

    Args:
        measure: what else goes into it.
        values: of one seed.
        place: where it stands.
        limit: what a number that was never reached counts as.

    Raises:
        ValueError: there is no number at a place.
    """

    def at(place: str) -> float:
        found: Any = values
        try:
            for key in place.split("/"):
                found = found[key]
            return float(limit if found is None else found)
        except (KeyError, TypeError):
            raise ValueError(
                f"results/{measure.source}.json has no number at {place!r}, which "
                f"{measure.name!r} needs; correct experiments/claims.py, or run "
                f"`python -m experiments.{measure.source}` again."
            ) from None

    number = at(place)
    if measure.minus:
        number -= at(measure.minus)
    if measure.over:
        number /= at(measure.over)
    return number


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
    limit = stored["run"]["configuration"].get("limit")
    place = measure.place_fixed or measure.place
    ours = [taken(measure, fixed[seed], place, limit) for seed in fixed]
    theirs = [taken(measure, attention[seed], measure.place, limit) for seed in fixed]
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
        "shows": shows(measure.rule, judged),
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
    for claim in CLAIMS:
        measures = [entry(measure) for measure in claim.measures]
        found[str(claim.number)] = {
            "statement": claim.statement,
            "chapter": claim.chapter,
            "verdict": verdict(measures),
            "headline": claim.headline,
            "measures": measures,
        }
    return {"claims": found, "reach": [entry(measure) for measure in REACH]}


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    measures = [*(m for claim in CLAIMS for m in claim.measures), *REACH]
    try:
        for source in sorted({measure.source for measure in measures}):
            runs.stored(import_module(f"experiments.{source}").experiment())
        found = ledger()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    configuration = {
        "confidence": CONFIDENCE,
        "method": METHOD,
        "fewest_seeds": FEWEST_SEEDS,
    }
    path = result_file("ledger")
    write_json(path, {"run": describe_run("ledger", configuration), **found})
    print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
