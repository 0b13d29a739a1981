"""How an experiment runs: arms times seeds, two at a time, never from the start again.

Every job (one arm with one seed) runs in a process of its own with one thread, which on
two cores does twice the work of one job with two threads. What a job measured is kept as
soon as it ends (see ``parts``), and a job that trains for long goes on from its last
checkpoint; so an interrupted command goes on where it stopped.

A result that is whole, and of today's code, is not made again. Remove the file to run
everything from the beginning.
"""

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from experiments.engine import parts, results
from experiments.engine.job import Job, Values
from seq2seq_lib.require import require
from tools.provenance import definitions

CHECKPOINTS = results.ROOT / "_build" / "checkpoints"
TOLERANCE = 1e-6  # relative; two machines differ by as much
STOPPED: dict[type[BaseException], str] = {
    KeyboardInterrupt: "Interrupted",
    BrokenProcessPool: "A job was killed, perhaps because memory ran out",
}
Finished = dict[tuple[str, int], Values]  # (arm, seed) -> what was measured


@dataclass(frozen=True)
class Experiment:
    """What is measured, and everything that decides the numbers.

    Args:
        name: of the module in ``experiments/`` and of the file in ``results/``.
        configuration: sizes, rates, budgets: all that one would have to know to repeat
            it; stored with the values, and part of the fingerprint.
        seeds: for each arm its seeds.
        run: does one job and returns its values; it must be a function of a module. A
            quick job returns the same keys.
        needs_data: it needs Multi30k.

    Raises:
        ValueError: two arms have names that differ in signs alone.
    """

    name: str
    configuration: dict[str, Any]
    seeds: Mapping[str, Sequence[int]]
    run: Callable[[Job], Values]
    needs_data: bool = False

    def __post_init__(self) -> None:
        files = [Job(arm, 0).file_name for arm in self.seeds]
        for arm, file in zip(self.seeds, files, strict=True):
            require(
                files.count(file) == 1,
                f"The values of the arm {arm!r} would be kept in {file}.json, and so would "
                "another's; give it a name with other letters or digits.",
            )

    @property
    def jobs(self) -> list[Job]:
        """All arms and seeds, seed by seed, so that a partial run has every arm."""
        every = sorted({seed for seeds in self.seeds.values() for seed in seeds})
        return [Job(arm, s) for s in every for arm in self.seeds if s in self.seeds[arm]]

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the code or the configuration that decides the numbers does."""
        module = f"experiments.{self.name}"
        return definitions(module, self.run.__name__, self.configuration)

    @property
    def configuration_digest(self) -> str:
        """Changes when the configuration does."""
        text = json.dumps(self.configuration, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def command(self) -> str:
        """What a person types to run it."""
        return f"python -m experiments.{self.name}"


def workers() -> int:
    """How many jobs run side by side: one for each core, two at most.

    More would not change a number; two keep the memory of a laptop free.
    """
    return max(1, min(2, os.cpu_count() or 1))


def _start_worker() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer


def finished(experiment: Experiment) -> Finished:
    """What today's code has measured already: in the results file, and as parts."""
    found: Finished = {}
    try:
        whole = results.read_results(experiment.name, incomplete=True)
    except (FileNotFoundError, ValueError):
        whole = {"run": {"code": None}, "values": {}}
    if whole["run"]["code"] == experiment.fingerprint:
        for arm, seeds in whole["values"].items():
            found |= {(arm, int(seed)): values for seed, values in seeds.items()}
    kept = parts.read(experiment.name)
    ours = [part for part in kept if part.code == experiment.fingerprint]
    if len(ours) < len(kept):
        print(
            f"{len(kept) - len(ours)} finished jobs in results/parts/{experiment.name} are "
            "of other code or another configuration, and run again; first try "
            f"`{experiment.command} --confirm`, which keeps those whose numbers agree."
        )
    return found | {(part.arm, part.seed): part.values for part in ours}


def run_jobs(experiment: Experiment, jobs: Sequence[Job]) -> Values:
    """Run the jobs that are not finished yet; returns arm -> seed -> values.

    Quick jobs always run, and are not kept.

    Raises:
        SystemExit: it was interrupted; what had ended by then is kept.
    """
    quick = all(job.quick for job in jobs)
    done = {} if quick else finished(experiment)
    waiting = [
        job if quick else replace(job, checkpoints=_checkpoints(experiment) / job.file_name)
        for job in jobs
        if (job.arm, job.seed) not in done
    ]
    # A fresh interpreter for each worker: a forked PyTorch would share its threads.
    pool = ProcessPoolExecutor(
        min(workers(), len(waiting) or 1),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
    )
    bar = tqdm(total=len(jobs), initial=len(jobs) - len(waiting), desc=experiment.name)
    with bar, _stopped_by(signal.SIGINT, signal.SIGTERM):
        try:
            futures = {pool.submit(experiment.run, job): job for job in waiting}
            for future in as_completed(futures):
                job = futures[future]
                # As a file would hold it, so that a resumed run stores the same text.
                done[job.arm, job.seed] = json.loads(json.dumps(future.result()))
                if not quick:
                    _keep(experiment, job, done[job.arm, job.seed])
                bar.update()
        except BaseException as error:
            kill(pool)
            why = STOPPED.get(type(error))
            if why is None:
                raise
            next_time = "begins again" if quick else "goes on from here"
            raise SystemExit(f"{why}; `{experiment.command}` {next_time}.") from None
    pool.shutdown()
    values: Values = {}
    for job in jobs:
        values.setdefault(job.arm, {})[str(job.seed)] = done[job.arm, job.seed]
    return values


def _checkpoints(experiment: Experiment) -> Path:
    """Where today's code keeps what its jobs have not finished."""
    return CHECKPOINTS / experiment.name / experiment.fingerprint


def _keep(experiment: Experiment, job: Job, values: Values) -> None:
    """Write down what a job measured, and remove the checkpoints that it leaves."""
    part = parts.Part(
        job.arm, job.seed, experiment.fingerprint, experiment.configuration_digest, values
    )
    parts.write(experiment.name, part)
    if job.checkpoints:
        shutil.rmtree(job.checkpoints, ignore_errors=True)


@contextmanager
def _stopped_by(*signals: signal.Signals) -> Iterator[None]:
    """Stop as on Ctrl-C, or the workers would outlive this process.

    A shell's background jobs ignore Ctrl-C unless told otherwise.
    """
    before = [signal.signal(each, signal.default_int_handler) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def kill(pool: ProcessPoolExecutor) -> None:
    """Stop a pool at once, whatever its workers are doing."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def stored(experiment: Experiment) -> dict[str, Any]:
    """The results of an experiment, if they are what today's configuration asks for.

    Raises:
        FileNotFoundError: the experiment has not been run.
        ValueError: the file is damaged or incomplete, was made with another
            configuration, or lacks an arm or a seed.
    """
    found = results.read_results(experiment.name)
    _require_todays_configuration(experiment, found)
    for job in experiment.jobs:
        require(
            str(job.seed) in found["values"].get(job.arm, {}),
            f"results/{experiment.name}.json lacks seed {job.seed} of {job.arm!r}; run "
            f"`{experiment.command}` again.",
        )
    return found


def _require_todays_configuration(experiment: Experiment, found: dict[str, Any]) -> None:
    today = json.loads(json.dumps(experiment.configuration))
    kept = found["run"]["configuration"]
    for key in today.keys() | kept.keys():
        require(
            today.get(key) == kept.get(key),
            f"results/{experiment.name}.json was made with another configuration: its "
            f"{key!r} is {kept.get(key)!r}, today's is {today.get(key)!r}; run "
            f"`{experiment.command}` again.",
        )


def confirm(experiment: Experiment) -> None:
    """Record today's code for results and parts that it makes again.

    A change that cannot alter what is learned (a faster loop, a new option) changes
    the fingerprint all the same. One seed of each arm, trained for its first updates,
    is a check that costs minutes where the experiment costs hours: its opening loss must
    agree to the rounding of sums, ``TOLERANCE``. The result keeps the fingerprint
    of the code that made it.

    Raises:
        SystemExit: a number or the configuration differs; the experiment must be run again.
    """
    digest = experiment.configuration_digest
    kept = [p for p in parts.read(experiment.name) if p.configuration == digest]
    found = None
    try:
        found = results.read_results(experiment.name, incomplete=True)
        _require_todays_configuration(experiment, found)
    except (FileNotFoundError, ValueError) as error:
        found = None
        if not kept:
            raise SystemExit(str(error)) from None
    measured = [(part.arm, part.seed, part.values) for part in kept]
    for arm, seeds in (found["values"] if found else {}).items():
        measured += [(arm, int(seed), values) for seed, values in seeds.items()]
    one_of_each = {arm: (seed, values) for arm, seed, values in reversed(measured)}
    torch.set_num_threads(1)
    for arm, (seed, values) in reversed(one_of_each.items()):
        today = experiment.run(Job(arm, seed, quick=True))["opening_loss"]
        if not math.isclose(today, values["opening_loss"], rel_tol=TOLERANCE):
            raise SystemExit(
                f"{arm}, seed {seed}: the opening loss is {today!r}, stored "
                f"{values['opening_loss']!r}; run `{experiment.command}` again."
            )
        print(f"{arm}, seed {seed}: agrees")
    for part in kept:
        parts.write(experiment.name, replace(part, code=experiment.fingerprint))
    if found:
        found["run"].setdefault("made_by_code", found["run"]["code"])
        found["run"]["code"] = experiment.fingerprint
        results.write_json(results.result_file(experiment.name), found)


def is_whole(experiment: Experiment) -> bool:
    """Whether the results file has everything, as today's code would make it."""
    try:
        return stored(experiment)["run"]["code"] == experiment.fingerprint
    except (FileNotFoundError, ValueError):
        return False


def _options(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--quick",
        action="store_true",
        help="a short run to see that it works; writes to results/quick/",
    )
    choice.add_argument(
        "--confirm",
        action="store_true",
        help="run the beginning of each run again; if its loss agrees, record that "
        "today's code makes the stored numbers",
    )
    choice.add_argument(
        "--so-far",
        action="store_true",
        help="run nothing; write what has finished as an incomplete result",
    )
    return parser.parse_args()


def main(experiment: Experiment, description: str | None) -> None:
    """The command line of an experiment."""
    options = _options(description)
    if options.confirm:
        confirm(experiment)
        return
    jobs = wanted = experiment.jobs
    if options.quick:
        jobs = wanted = [
            replace(job, quick=True) for job in jobs if job.seed == jobs[0].seed
        ]
    elif is_whole(experiment):
        parts.remove(experiment.name)
        print(
            f"results/{experiment.name}.json is whole and of today's code; remove it to "
            "run everything again."
        )
        return
    elif options.so_far:
        done = finished(experiment)
        jobs = [job for job in wanted if (job.arm, job.seed) in done]
    values = run_jobs(experiment, jobs)
    missing: dict[str, list[int]] = {}
    for job in wanted:
        if str(job.seed) not in values.get(job.arm, {}):
            missing.setdefault(job.arm, []).append(job.seed)
    run = results.describe_run(
        experiment.name,
        experiment.configuration,
        sorted({job.seed for job in jobs}),
        options.quick,
        code=experiment.fingerprint,
        threads=1,
    )
    run["arm_seeds"] = {arm: [int(seed) for seed in seeds] for arm, seeds in values.items()}
    results.write_results(experiment.name, values, run, options.quick, missing)
    if not (options.quick or missing):
        parts.remove(experiment.name)
        shutil.rmtree(CHECKPOINTS / experiment.name, ignore_errors=True)
