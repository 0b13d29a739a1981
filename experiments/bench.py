"""How fast the library trains and translates, against two other ways to write it.

    textbook        shuffled batches; at every step the keys are projected again and the
                    output layer is applied
    + buckets       batches of similar length
    + keys once     the keys are projected once per source
    library         the output layer is applied once per target: seq2seq_lib as it is
    step loop       another program, in the shape of the best public tutorials

Sections, each of which can be measured alone with --only: ``habits`` (tokens per second of
these five, as ratios), ``models`` (every model in training and in both searches, and its
share of a thread's peak), ``race`` (seconds to 0.95 exact match at every length), ``costs``
(against length, batch size and corpus size), ``profile``. A run that is interrupted goes on
with the next section, or the next run of the race. It needs a machine with nothing else to
do; one thread is used.
"""

from collections.abc import Callable
from dataclasses import asdict
from itertools import islice

import torch

from experiments.engine import Values, options
from experiments.engine.command_line import command_line
from experiments.engine.results import (
    RESULTS,
    ROOT,
    describe_run,
    read_results,
    write_results,
)
from experiments.timing import costs, habits, models, race
from experiments.timing.entrants import (
    BATCH_SIZE,
    ENTRANTS,
    PAIRS,
    batches,
    bench_config,
)
from experiments.timing.figure import draw
from experiments.timing.kept import Kept, digest, folder
from experiments.timing.operations import SIZES, peak, profiled
from seq2seq_lib.model import ModelConfig

FIGURE = ROOT / "_static" / "bench.png"
FULL = {"rounds": 7, "updates": 40, "sentences": 120, "corpora": costs.CORPORA}
QUICK = {"rounds": 2, "updates": 8, "sentences": 12, "corpora": costs.CORPORA[:2]}
QUICK_RACE = {"most": 2, "size": 64, "rate": 1e-2}


def profile() -> Values:
    """Where the time of the library's updates goes, and this thread's peak."""
    library = ENTRANTS["library"]
    some = list(islice(batches(library, seed=0).epoch(0), 20))
    return {
        "profile": profiled(library.build(0), some),
        "peak_gigaoperations_per_second": round(peak(repeats=25) / 1e9, 1),
    }


def quick_race() -> Values:
    """A few updates of every racer, of which none is right."""
    return race.summary(
        {name: [race.run(name, seed=0, **QUICK_RACE)] for name in race.RACERS}
    )


def sections(quick: bool, kept: Kept) -> dict[str, Callable[[], Values]]:
    """What is measured, by its name; all of it together is the result."""
    how = QUICK if quick else FULL
    rounds, updates = how["rounds"], how["updates"]
    fewer = max(1, rounds - 2), max(1, updates // 4)
    return {
        "habits": lambda: habits.measure(rounds, updates),
        "models": lambda: {"models": models.measure(fewer[0], fewer[1], how["sentences"])},
        "race": lambda: {"race": quick_race() if quick else race.measure(kept)},
        "costs": lambda: {
            "by_length": costs.by_length(*fewer),
            "by_batch": costs.by_batch(*fewer),
            "by_corpus": costs.by_corpus(how["corpora"]),
        },
        "profile": profile,
    }


def configuration(quick: bool) -> Values:
    """What was chosen, as a result records it."""
    timed = {
        name: options(its) if isinstance(its, ModelConfig) else asdict(its)
        for name, its in models.configurations().items()
    }
    grid = {"sizes": race.SIZES, "rates": race.RATES, "tuning_seed": race.TUNING}
    ends = {"enough": race.ENOUGH, "every": race.EVERY, "most": race.MOST}
    return {
        "model": options(bench_config()),
        "pairs": PAIRS,
        "batch_size": BATCH_SIZE,
        **(QUICK if quick else FULL),
        "race": QUICK_RACE if quick else {**grid, **ends, "seeds": race.SEEDS},
        "models": timed,
        "matrices": SIZES,
    }


def tell(values: Values) -> None:
    """Print what was measured, in lines."""
    if "ratio" in values:
        print(f"{'':14}target tokens/s   times the textbook loop (lowest-highest)")
        names = "tokens_per_second", "ratio", "ratio_lowest", "ratio_highest"
        for name in ENTRANTS:
            speed, ratio, low, high = (values[key][name] for key in names)
            print(f"{name:14}{speed:15,}{ratio:10.2f} ({low:.2f}-{high:.2f})")
        print(f"library to step loop: {values['library_to_step_loop']}")
    for name, its in values.get("models", {}).items():
        print(f"{name:32}", *(f"{value:>12,}" for value in its.values()))
    for name in ("race", "by_length", "by_batch", "by_corpus", "profile"):
        for key, its in values.get(name, {}).items():
            print(f"{name}, {key}: {its}")


def main() -> None:
    parser = command_line(__doc__, "two short rounds")
    names = [*sections(True, Kept(None, ""))]
    parser.add_argument(
        "--only", choices=names, help="measure one section, and write no result but --quick"
    )
    parser.add_argument(
        "--draw", action="store_true", help="draw the stored result's figure again"
    )
    asked = parser.parse_args()
    if asked.draw:
        return save_figure(read_results("bench", asked.quick)["values"], asked.quick)
    torch.set_num_threads(1)
    kept = Kept(None if asked.quick else folder(), digest())
    values: Values = {}
    for name, measure in sections(asked.quick, kept).items():
        if asked.only in (None, name):
            values |= kept.get(name, measure)()
    tell(values)
    if asked.quick or not asked.only:
        how = configuration(asked.quick)
        write_results(
            "bench", values, describe_run("bench", how, [0], asked.quick), asked.quick
        )
    if not asked.only:
        save_figure(values, asked.quick)
        kept.clear()
    return None


def save_figure(values: Values, quick: bool) -> None:
    """Draw what was measured beside the other figures, or a quick run's beside it."""
    path = RESULTS / "quick" / FIGURE.name if quick else FIGURE
    draw(values).savefig(path, dpi=150)
    print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
