"""What the results of `scoring` say, by the rule that was written down there.

It trains nothing. Every way is compared with additive attention in Bahdanau's wiring, seed
by seed: by the share of test answers that are right, and by the alignment error rate over
words with a gold link.
"""

import sys
from typing import Any

import numpy as np

from experiments import scoring
from experiments.engine import runs
from experiments.engine.command_line import command_line
from experiments.engine.results import describe_run, read_results, write_results
from experiments.judge import holm, sign_flip
from experiments.scoring_ways import WAYS
from seq2seq_lib.intervals import mean_interval

OPPONENT = "additive"


def per_seed(name: str, measure: str) -> np.ndarray:
    """The share of right answers, or the error rate, of each seed."""
    found = []
    for seed in read_results("scoring")["values"][name].values():
        if measure == "exact match":
            right = "".join(seed["hits"].values())
            found.append(right.count("1") / len(right))
        else:
            found.append(seed["aer"]["gold"])
    return np.array(found)


def verdicts(measure: str) -> dict[str, dict[str, Any]]:
    """Every way beside the opponent: the mean difference, its p, and whether it is one."""
    theirs = per_seed(OPPONENT, measure)
    names = [name for name in WAYS if name != OPPONENT]
    apart = [per_seed(name, measure) - theirs for name in names]
    ps = holm({i: sign_flip(differences) for i, differences in enumerate(apart)})
    found = {}
    for i, name in enumerate(names):
        interval = mean_interval(apart[i].tolist())
        differs = ps[i] < 0.05 and abs(interval.mean) >= scoring.MATTERS[measure]
        found[name] = {
            "difference": interval.mean,
            "low": interval.low,
            "high": interval.high,
            "p": ps[i],
            "differs": bool(differs),
        }
    return found


def measured() -> dict[str, dict[str, dict[str, Any]]]:
    """Both tables."""
    return {measure: verdicts(measure) for measure in scoring.MATTERS}


def main() -> None:
    command_line(__doc__).parse_args()
    try:
        runs.stored(scoring.experiment())
        found = measured()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    how = {"matters": scoring.MATTERS, "p": "sign flips over seeds, by Holm's method"}
    write_results("scoring_verdicts", found, describe_run("scoring_verdicts", how))


if __name__ == "__main__":
    main()
