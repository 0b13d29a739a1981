"""How an experiment runs: arms times seeds, two at a time, never from the start again.

Every job (one arm with one seed) runs in a process of its own with one thread, which on
two cores does twice the work of one job with two threads. What a job measured is kept in
``_build/experiments/`` as soon as it ends, under the fingerprint of its code and
configuration, so an interrupted command goes on where it stopped.
"""

import json
import math
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from experiments.fingerprint import code_fingerprint
from experiments.results import (
    RESULTS,
    ROOT,
    TOLERANCE,
    arguments,
    describe_run,
    read_results,
    write_json,
    write_results,
)

KEPT = ROOT / "_build" / "experiments"
Values = dict[str, Any]


@dataclass(frozen=True)
class Experiment:
    """What is measured, and everything that decides the numbers.

    Args:
        name: of the module in ``experiments/`` and of the file in ``results/``.
        configuration: sizes, rates, budgets: all that one would have to know to repeat
            it; stored with the values, and part of the fingerprint.
        seeds: for each arm its seeds.
        run: ``run(arm, seed, quick)`` does one job and returns its values; it must be a
            function of a module. A quick run trains the first updates only, in the same
            way, and returns the same keys.
        needs_data: it needs Multi30k.
    """

    name: str
    configuration: dict[str, Any]
    seeds: Mapping[str, Sequence[int]]
    run: Callable[[str, int, bool], Values]
    needs_data: bool = False

    @property
    def jobs(self) -> list[tuple[str, int]]:
        """All arms and seeds, seed by seed, so that a partial run has every arm."""
        longest = sorted({seed for seeds in self.seeds.values() for seed in seeds})
        return [(arm, s) for s in longest for arm in self.seeds if s in self.seeds[arm]]

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the code or the configuration that decides the numbers does."""
        return code_fingerprint(
            f"experiments.{self.name}", self.run.__name__, self.configuration
        )


def workers() -> int:
    """How many jobs run side by side: one for each core, two at most.

    More would not change a number; two keep the memory of a laptop free.
    """
    return max(1, min(2, os.cpu_count() or 1))


def _start_worker() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer


def _kept(experiment: Experiment, arm: str, seed: int, quick: bool) -> Path:
    """Where one finished job is kept."""
    folder = KEPT / experiment.name / (experiment.fingerprint + ("-quick" if quick else ""))
    return folder / f"{re.sub('[^a-z0-9]+', '-', arm.lower())}-{seed}.json"


def _read(path: Path) -> Values | None:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def run_jobs(
    experiment: Experiment, jobs: Sequence[tuple[str, int]], quick: bool = False
) -> dict[str, dict[str, Values]]:
    """Run what is not kept yet; returns arm -> seed -> values.

    Raises:
        SystemExit: it was interrupted; what had ended by then is kept.
    """
    # Asked to end, stop as on Ctrl-C (which a shell's background jobs ignore unless told
    # otherwise); the workers would outlive this process if it just died.
    stops = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(stop, signal.default_int_handler) for stop in stops]
    done = {job: _read(_kept(experiment, *job, quick)) for job in jobs}
    missing = [job for job in jobs if done[job] is None]
    # A fresh interpreter for each worker: a forked PyTorch would share its threads.
    pool = ProcessPoolExecutor(
        min(workers(), len(missing) or 1),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
    )
    bar = tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc=experiment.name)
    try:
        futures = {pool.submit(experiment.run, *job, quick): job for job in missing}
        for future in as_completed(futures):
            job = futures[future]
            write_json(_kept(experiment, *job, quick), future.result())
            # Read back, so that a resumed run and this one store the same text.
            done[job] = _read(_kept(experiment, *job, quick))
            bar.update()
    except KeyboardInterrupt:
        kill(pool)
        raise SystemExit(
            f"Interrupted; `python -m experiments.{experiment.name}` goes on from here."
        ) from None
    except BaseException:
        kill(pool)
        raise
    finally:
        bar.close()
        for stop, handler in zip(stops, before, strict=True):
            signal.signal(stop, handler)
    pool.shutdown()
    values: dict[str, dict[str, Values]] = {}
    for arm, seed in jobs:
        result = done[arm, seed]
        assert result is not None
        values.setdefault(arm, {})[str(seed)] = result
    return values


def kill(pool: ProcessPoolExecutor) -> None:
    """Stop a pool at once, whatever its workers are doing."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def confirm(experiment: Experiment) -> None:
    """Record today's code for stored numbers that it makes again.

    A change that cannot alter what is learned (a clearer error, a new option) changes
    the fingerprint all the same. One seed of each arm, trained for its first updates,
    is a check that costs minutes where the experiment costs hours: its opening loss must
    agree to the rounding of sums, ``TOLERANCE``. The result keeps the fingerprint
    of the code that made it.

    Raises:
        SystemExit: a number or the configuration differs; the experiment must be run again.
    """
    try:
        found = stored(experiment)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    again = f"run `python -m experiments.{experiment.name}` again."
    for arm, seeds in found["values"].items():
        seed, values = next(iter(seeds.items()))
        torch.set_num_threads(1)
        today = experiment.run(arm, int(seed), True)["opening_loss"]
        if not math.isclose(today, values["opening_loss"], rel_tol=TOLERANCE):
            raise SystemExit(
                f"{arm}, seed {seed}: the opening loss is {today!r}, stored "
                f"{values['opening_loss']!r}; {again}"
            )
        print(f"{arm}, seed {seed}: agrees")
    found["run"].setdefault("made_by_code", found["run"]["code"])
    found["run"]["code"] = experiment.fingerprint
    write_json(RESULTS / f"{experiment.name}.json", found)


def stored(experiment: Experiment) -> dict[str, Any]:
    """The results of an experiment, if they are what today's configuration asks for.

    Raises:
        FileNotFoundError: the experiment has not been run.
        ValueError: the file is damaged, was made with another configuration, or lacks
            an arm or a seed.
    """
    found = read_results(experiment.name)
    again = f"run `python -m experiments.{experiment.name}` again."
    today = json.loads(json.dumps(experiment.configuration))
    kept = found["run"]["configuration"]
    for key in today.keys() | kept.keys():
        if today.get(key) != kept.get(key):
            raise ValueError(
                f"results/{experiment.name}.json was made with another configuration: its "
                f"{key!r} is {kept.get(key)!r}, today's is {today.get(key)!r}; {again}"
            )
    for arm, seed in experiment.jobs:
        if str(seed) not in found["values"].get(arm, {}):
            raise ValueError(
                f"results/{experiment.name}.json lacks seed {seed} of {arm!r}; {again}"
            )
    return found


def main(experiment: Experiment, description: str | None) -> dict[str, Any] | None:
    """The command line of an experiment; returns the values that it wrote."""
    args = arguments(description)
    if args.confirm:
        confirm(experiment)
        return None
    jobs = experiment.jobs
    if args.quick:
        jobs = [job for job in jobs if job[1] == jobs[0][1]]
    values = run_jobs(experiment, jobs, args.quick)
    run = describe_run(
        experiment.name,
        experiment.configuration,
        sorted({seed for _, seed in jobs}),
        args,
        code=experiment.fingerprint,
        threads=1,
    )
    run["arm_seeds"] = {arm: [int(seed) for seed in seeds] for arm, seeds in values.items()}
    write_results(experiment.name, values, run, args)
    return values


if __name__ == "__main__":
    sys.exit("This module runs experiments; start one: python -m experiments.needle")
