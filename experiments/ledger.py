"""The ledger: every claim of the course, what judges it, and what is shown beside.

It trains nothing. It reads the results of the other experiments. Each claim has one
primary measure, declared before its numbers (`declarations`) and judged by `judge`; the
secondary measures of `claims` stand beside it and are never counted.
"""

import sys
from importlib import import_module
from typing import Any

import numpy as np

from experiments import judge
from experiments.claims import CLAIMS, SECONDARY, Measure
from experiments.declarations import DECLARATIONS
from experiments.engine import runs
from experiments.engine.command_line import command_line
from experiments.engine.job import Values
from experiments.engine.results import (
    ROOT,
    describe_run,
    read_results,
    result_file,
    write_json,
)
from seq2seq_lib.require import require

METHOD = (
    "Percentile bootstrap over training seeds and, where single sentences are stored, test "
    "sentences, 95%; differences by a paired sign-flip test over seeds, Holm over all of "
    "them. Secondary measures: bootstrap over seeds, without width where all seeds agree."
)


def _numbers(measure: Measure, values: dict[str, Any]) -> dict[str, float]:
    """One number for each seed of one model."""
    try:
        return {seed: measure.take(one) for seed, one in values.items()}
    except (KeyError, IndexError, TypeError, ZeroDivisionError):
        raise ValueError(
            f"results/{measure.source}.json lacks a number that {measure.name!r} needs; "
            "correct experiments/claims.py, or run "
            f"`python -m experiments.{measure.source}` again."
        ) from None


def beside(measure: Measure) -> Values:
    """A secondary measure: both models, with the seeds that both have.

    Raises:
        ValueError: an arm, a number or every common seed is missing.
    """
    stored = read_results(measure.source)
    again = f"run `python -m experiments.{measure.source}` again."
    for arm in measure.arms:
        has_it = arm in stored["values"]
        require(has_it, f"results/{measure.source}.json has no arm {arm!r}; {again}")
    fixed, attention = (stored["values"][arm] for arm in measure.arms)
    seeds = [seed for seed in fixed if seed in attention]
    require(
        len(seeds) >= 2,
        f"{measure.name!r} needs two seeds or more of both {measure.arms[0]!r} and "
        f"{measure.arms[1]!r}; {again}",
    )
    found: Values = {
        "measure": measure.name,
        "result": f"results/{measure.source}.json",
        "command": stored["run"]["command"],
        "seeds": [int(seed) for seed in seeds],
    }
    sides = {"fixed": fixed, "attention": attention}
    for arm, (name, values) in zip(measure.arms, sides.items(), strict=True):
        numbers = _numbers(measure, {seed: values[seed] for seed in seeds})
        array = np.array(list(numbers.values()))
        low, high = judge.interval(judge.Sample(lambda drawn, array=array: array))
        found[name] = {
            "arm": arm,
            "values": numbers,
            "mean": float(array.mean()),
            "low": low,
            "high": high,
        }
    return found


def ledger() -> Values:
    """All claims with what judges them and what stands beside.

    A claim whose experiment is waited for has no ``primary``, and says so; secondary
    measures of such an experiment are left out.

    Raises:
        FileNotFoundError, ValueError: a result is missing, incomplete, damaged, or was
            made under another declaration.
    """
    primaries = judge.primaries()
    found: Values = {}
    for number, claim in CLAIMS.items():
        told = claim._asdict()
        primary = {"short": told.pop("short")} | primaries[number]
        judged = {"verdict": primary.pop("verdict"), "primary": primary}
        shown = [beside(measure) for measure in SECONDARY[number]]
        found[str(number)] = told | judged | {"secondary": shown}
    return {"claims": found}


def main() -> None:
    command_line(__doc__).parse_args()
    secondary = sum(SECONDARY.values(), [])
    sources = {measure.source for measure in secondary}
    sources |= {declared.experiment for declared in DECLARATIONS.values()}
    try:
        for source in sorted(sources):
            runs.stored(import_module(f"experiments.{source}").experiment())
        found = ledger()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    how = {"confidence": judge.CONFIDENCE, "method": METHOD}
    path = result_file("ledger")
    write_json(path, {"run": describe_run("ledger", how), **found})
    print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
