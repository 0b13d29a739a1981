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

from experiments import judge
from experiments.claims import CLAIMS, MEASURES, REACH, Measure, Rule
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
from seq2seq_lib.require import require

CONFIDENCE, FEWEST_SEEDS = 0.95, 5
METHOD = (
    "Student's t over training seeds, 95%; a difference is attention minus fixed context, "
    "paired by seed. An interval says how much the seed matters, not which test "
    "sentences were drawn."
)


def shows(rule: Rule, found: Interval) -> str:
    """What an interval says of a claim.

    Args:
        rule: what would support the claim.
        found: of one model's level, or of attention minus fixed context.
    """
    low, high = found.low, found.high
    if rule.wording == "at least":
        beyond, short = low >= rule.level, high < rule.level
    elif rule.wording == "at most":
        beyond, short = high <= rule.level, low > rule.level
    elif rule.side == "attention":
        beyond, short = low > 0, high < 0
    else:
        beyond, short = high < 0, low > 0
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


def _range(found: Interval) -> Values:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def entry(measure: Measure) -> Values:
    """One measure: both models, their difference, and what it shows.

    Raises:
        ValueError: an arm or a seed is missing, or there are fewer than five seeds.
    """
    stored = read_results(measure.source)
    again = f"run `python -m experiments.{measure.source}` again."
    for arm in measure.arms:
        has_it = arm in stored["values"]
        require(has_it, f"results/{measure.source}.json has no arm {arm!r}; {again}")
    fixed, attention = (stored["values"][arm] for arm in measure.arms)
    require(
        set(fixed) == set(attention) and len(fixed) >= FEWEST_SEEDS,
        f"{measure.name!r} needs the same {FEWEST_SEEDS} seeds or more of both models, got "
        f"{', '.join(fixed)} of {measure.arms[0]!r} and {', '.join(attention)} of "
        f"{measure.arms[1]!r}; {again}",
    )
    reached = stored["run"]["configuration"].get("limit")
    intervals, sides = {}, {}
    for side, seeds, place in (
        ("fixed", fixed, measure.place_fixed or measure.place),
        ("attention", attention, measure.place),
    ):
        numbers = {seed: taken(measure, seeds[seed], place, reached) for seed in fixed}
        intervals[side] = mean_interval(list(numbers.values()), CONFIDENCE)
        first = next(iter(seeds.values()))
        sides[side] = {
            "values": numbers,
            **_range(intervals[side]),
            "parameters": first["parameters"],
            "updates": first["updates"],
        }
        if measure.limit is not None:
            sides[side]["updates"] = int(measure.limit)  # at most
            censored = [number >= measure.limit for number in numbers.values()]
            sides[side]["censored"] = sum(censored)
    ours, theirs = (sides[side]["values"] for side in sides)
    difference = mean_interval([theirs[s] - ours[s] for s in fixed], CONFIDENCE)
    judged = difference if measure.rule.level is None else intervals[measure.rule.side]
    return {
        "measure": measure.name,
        "result": f"results/{measure.source}.json",
        "command": stored["run"]["command"],
        "code": stored["run"]["code"],
        "arms": dict(zip(sides, measure.arms, strict=True)),
        "seeds": [int(seed) for seed in fixed],
        **sides,
        "difference": _range(difference),
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
    primaries = judge.primaries()
    for number, claim in CLAIMS.items():
        measures = [entry(measure) for measure in MEASURES[number]]
        more = {"verdict": verdict(measures), "measures": measures}
        if number in primaries:
            more["primary"] = primaries[number]
        found[str(number)] = claim._asdict() | more
    return {"claims": found, "reach": [entry(measure) for measure in REACH]}


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    measures = [*sum(MEASURES.values(), []), *REACH]
    try:
        for source in sorted({measure.source for measure in measures}):
            runs.stored(import_module(f"experiments.{source}").experiment())
        found = ledger()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    how = {"confidence": CONFIDENCE, "method": METHOD, "fewest_seeds": FEWEST_SEEDS}
    path = result_file("ledger")
    write_json(path, {"run": describe_run("ledger", how), **found})
    print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
