"""How an experiment runs: arms times seeds, two at a time, never from the start again.

Every job (one arm with one seed) runs in a process of its own with one thread, which on
two cores does twice the work of one job with two threads. What a job measured is kept as
soon as it ends (see ``parts``), and a job that trains for long goes on from its last
checkpoint; so an interrupted command goes on where it stopped.

A result that is whole, and of today's code, is not made again. Remove the file to run
everything from the beginning.
"""

import json
import math
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from tqdm import tqdm

from experiments.engine import parts, results
from experiments.engine.command_line import command_line
from experiments.engine.job import Job, Opened, Values
from seq2seq_lib.require import require
from tools.provenance import definitions, digest

CHECKPOINTS = results.ROOT / "_build" / "checkpoints"
QUICK_ARMS = 14  # a grid has hundreds; a quick run takes so many of them
TOLERANCE = 1e-6  # relative; two machines differ by as much
OPTIONS = {
    "--quick": "a short run to see that it works; writes to results/quick/",
    "--confirm": "run the beginning of each run again; if its loss agrees, record that "
    "today's code makes the stored numbers",
    "--so-far": "run nothing; write what has finished as an incomplete result",
}
Finished = dict[tuple[str, int], Values]  # (arm, seed) -> what was measured


@dataclass(frozen=True)
class Experiment:
    """What is measured, and everything that decides the numbers.

    Args:
        name: of the module in ``experiments/`` and of the file in ``results/``.
        run: does one job and returns its values; it must be a function of a module. A
            quick job returns the same keys.
        seeds: for each arm its seeds.
        configuration: sizes, rates, budgets: all that one would have to know to repeat
            it; stored with the values, and part of the fingerprint.
        needs_data: it needs Multi30k.

    Raises:
        ValueError: two arms have names that differ in signs alone.
    """

    name: str
    run: Callable[[Job], Values]
    seeds: Mapping[str, Sequence[int]]
    configuration: dict[str, Any]
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
        return digest([], json.dumps(self.configuration, sort_keys=True))

    @property
    def command(self) -> str:
        """What a person types to run it."""
        return f"python -m experiments.{self.name}"


def _by_job(values: Mapping[str, Mapping[str, Values]]) -> Finished:
    return {(arm, int(s)): seeds[s] for arm, seeds in values.items() for s in seeds}


def finished(experiment: Experiment) -> Finished:
    """What today's code has measured already: in the results file, and as parts."""
    found: Finished = {}
    with suppress(FileNotFoundError, ValueError):
        whole = results.read_results(experiment.name, incomplete=True)
        if whole["run"]["code"] == experiment.fingerprint:
            found = _by_job(whole["values"])
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
    waiting = [job for job in jobs if (job.arm, job.seed) not in done]
    made_by = experiment.fingerprint, experiment.configuration_digest
    if not quick:  # other code has other checkpoints
        folder = CHECKPOINTS / experiment.name / experiment.fingerprint
        waiting = [replace(job, checkpoints=folder / job.file_name) for job in waiting]
    pool = ProcessPoolExecutor(
        # One for each core, but two at most, which keeps the memory of a laptop free.
        min(2, os.cpu_count() or 1, len(waiting) or 1),
        # A fresh interpreter for each: a forked PyTorch would share its threads.
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
                values = json.loads(json.dumps(future.result()))
                done[job.arm, job.seed] = values
                if not quick:
                    part = parts.Part(job.arm, job.seed, *made_by, values)
                    parts.write(experiment.name, part)
                    shutil.rmtree(job.checkpoints, ignore_errors=True)
                bar.update()
        except BaseException as error:
            _kill(pool)
            if not isinstance(error, KeyboardInterrupt | BrokenProcessPool):
                raise
            killed = "A job was killed, perhaps because memory ran out"
            why = "Interrupted" if isinstance(error, KeyboardInterrupt) else killed
            next_time = "begins again" if quick else "goes on from here"
            raise SystemExit(f"{why}; `{experiment.command}` {next_time}.") from None
    pool.shutdown()
    values = {}
    for job in jobs:
        values.setdefault(job.arm, {})[str(job.seed)] = done[job.arm, job.seed]
    return values


def _start_worker() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer


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


def _kill(pool: ProcessPoolExecutor) -> None:
    """Stop a pool at once, whatever its workers are doing."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def stored(experiment: Experiment, incomplete: bool = False) -> dict[str, Any]:
    """The results of an experiment, if they are what today's configuration asks for.

    Args:
        experiment: whose results are read.
        incomplete: arms and seeds may be missing.

    Raises:
        FileNotFoundError: the experiment has not been run.
        ValueError: the file is damaged or incomplete, was made with another
            configuration, or lacks an arm or a seed.
    """
    found = results.read_results(experiment.name, incomplete=incomplete)
    file, again = f"results/{experiment.name}.json", f"run `{experiment.command}` again."
    today = json.loads(json.dumps(experiment.configuration))
    kept = found["run"]["configuration"]
    for key in today.keys() | kept.keys():
        require(
            today.get(key) == kept.get(key),
            f"{file} was made with another configuration: its {key!r} is "
            f"{kept.get(key)!r}, today's is {today.get(key)!r}; {again}",
        )
    for job in () if incomplete else experiment.jobs:
        has_it = str(job.seed) in found["values"].get(job.arm, {})
        require(has_it, f"{file} lacks seed {job.seed} of {job.arm!r}; {again}")
    return found


def opening_loss(experiment: Experiment, job: Job) -> float:
    try:
        return experiment.run(job)["opening_loss"]
    except Opened as opened:  # what follows the training is not asked for
        return opened.loss


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
    today = experiment.configuration_digest
    kept = [part for part in parts.read(experiment.name) if part.configuration == today]
    measured = {(part.arm, part.seed): part.values for part in kept}
    found = None
    try:
        found = stored(experiment, incomplete=True)
        measured |= _by_job(found["values"])
    except (FileNotFoundError, ValueError) as error:
        if not kept:
            raise SystemExit(str(error)) from None
    torch.set_num_threads(1)
    for arm, seed in {arm: seed for arm, seed in reversed(measured)}.items():
        now = opening_loss(experiment, Job(arm, seed, quick=True, opening=True))
        then = measured[arm, seed]["opening_loss"]
        if not math.isclose(now, then, rel_tol=TOLERANCE):
            raise SystemExit(
                f"{arm}, seed {seed}: the opening loss is {now!r}, stored {then!r}; run "
                f"`{experiment.command}` again."
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


def main(experiment: Experiment, description: str | None) -> None:
    """The command line of an experiment."""
    parser = command_line(description)
    choice = parser.add_mutually_exclusive_group()
    for option, text in OPTIONS.items():
        choice.add_argument(option, action="store_true", help=text)
    options = parser.parse_args()
    name, jobs = experiment.name, experiment.jobs
    if options.confirm:
        return confirm(experiment)
    if options.quick:
        first = [replace(job, quick=True) for job in jobs if job.seed == jobs[0].seed]
        jobs = first[:: math.ceil(len(first) / QUICK_ARMS)]
    elif is_whole(experiment):
        parts.remove(name)
        print(
            f"results/{name}.json is whole and of today's code; remove it to run "
            "everything again."
        )
        return None
    missing: dict[str, list[int]] = {}
    if options.so_far:
        done = finished(experiment)
        for job in jobs:
            if (job.arm, job.seed) not in done:
                missing.setdefault(job.arm, []).append(job.seed)
        jobs = [job for job in jobs if job.seed not in missing.get(job.arm, [])]
    values = run_jobs(experiment, jobs)
    run = results.describe_run(
        name,
        experiment.configuration,
        sorted({job.seed for job in jobs}),
        options.quick,
        code=experiment.fingerprint,
        threads=1,
        arm_seeds={arm: [int(seed) for seed in seeds] for arm, seeds in values.items()},
    )
    results.write_results(name, values, run, options.quick, missing)
    if not (options.quick or missing):
        parts.remove(name)
        shutil.rmtree(CHECKPOINTS / name, ignore_errors=True)
