"""What ten minutes on this machine make of 29,000 pairs: the promise of own-corpus.md.

The program is timed as a reader starts it, from two files to a translator, with its own
defaults but for the number of updates: so many as fit into ten minutes with preparation and
evaluations, by the pace of a trial of a few. Then it trains so many, and translates the
test set. Run it on a machine with nothing else to do.
"""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from experiments.engine import Values
from experiments.engine.command_line import command_line
from experiments.engine.results import describe_run, write_results
from experiments.translators import ALONE, files
from seq2seq_lib.translate import folder, scores
from seq2seq_lib.translate.architectures import ARCHITECTURES
from seq2seq_lib.translate.lines import read_pairs
from seq2seq_lib.translate.preparing import Files, Options
from seq2seq_lib.translate.training import train

LIMIT, TRIAL, EVALUATIONS = 600.0, 60, 3


class Timed(NamedTuple):
    """A training: all of its seconds, those of its updates, and how many these were."""

    seconds: float
    updating: float
    updates: int


def timed(out: Path, files: Files, options: Options) -> Timed:
    """Train in a new folder, with everything that the program does besides."""
    start = time.perf_counter()
    history = train(out, files, None, options, ALONE, lambda line: None)
    if history.interrupted:
        raise KeyboardInterrupt
    return Timed(time.perf_counter() - start, history.seconds, history.updates)


def affordable(trial: Timed, limit: float) -> int:
    """How many updates fit into so many seconds.

    A trial prepares the files and evaluates twice, before its updates and after them. The
    training evaluates before them, ``EVALUATIONS`` times, and once more their mean: two and
    a half times as often. Preparation is counted as often too, so that some time is left.
    """
    left = limit - (EVALUATIONS + 2) / 2 * (trial.seconds - trial.updating)
    return max(1, int(left / trial.updating * trial.updates))


def measure(files: Files, test: Files, options: Options, limit: float) -> Values:
    """Train for about so many seconds, and translate a test set."""
    with tempfile.TemporaryDirectory() as place:
        few = replace(options, updates=TRIAL, evaluate_every=TRIAL)
        many = affordable(timed(Path(place) / "trial", files, few), limit)
        every = max(1, many // EVALUATIONS)
        out = Path(place) / "out"
        # A multiple: otherwise there is an evaluation more, after the last update.
        whole = replace(
            options, updates=every * min(many, EVALUATIONS), evaluate_every=every
        )
        found = timed(out, files, whole)
        start = time.perf_counter()
        translator = folder.load(out)
        sources, references = zip(*read_pairs(*test), strict=True)
        measured = scores.score(translator, sources, references, beam=5)
        return {
            "updates": found.updates,
            "minutes": round(found.seconds / 60, 2),
            "minutes_of_updates": round(found.updating / 60, 2),
            "parameters": translator.model.n_parameters,
            "test_bleu": round(measured["bleu"], 2),
            "test_chrf": round(measured["chrf"], 2),
            "test_seconds": round(time.perf_counter() - start, 1),
            "test_sentences": len(sources),
        }


def main() -> None:
    quick = command_line(__doc__, "one minute each").parse_args().quick
    limit = LIMIT / 10 if quick else LIMIT
    values = {}
    for name in ARCHITECTURES:
        options = Options(architecture=name)
        values[name] = measure(files("train"), files("test"), options, limit)
        print(f"{name}: {values[name]}")
    how = {"data": "multi30k, en to de", "limit": limit, "cores": os.cpu_count()}
    how |= {name: Options(architecture=name).settled for name in ARCHITECTURES}
    write_results("laptop", values, describe_run("laptop", how, [0], quick), quick)


if __name__ == "__main__":
    main()
