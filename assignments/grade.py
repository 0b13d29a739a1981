"""Grade a class: one command, every submission in closed processes.

    python -m assignments.grade A3 submissions --out graded

``submissions`` holds one notebook, or one folder with a notebook, for each student. The
folder ``graded`` gets grades.csv, a feedback page for each student, summary.html for the
teacher, results.json for Gradescope, and written.csv, in which written answers are graded
by hand: fill in the points and run the command again. An interrupted run goes on where it
stopped. Everybody is asked on the same fresh inputs, which the seed in run.json decides.

This process owns the results, and reads nothing that a student made but names of files and
small checked records: docs/grader.md draws the line.
"""

import argparse
import os
import re
import signal
import sys

STOPPED = "Stopped; the same command goes on from here."


def _leave(number: int, frame: object) -> None:
    """What Ctrl-C does before anything has begun: one sentence, at once."""
    os.write(2, f"\n{STOPPED}\n".encode())
    os._exit(128 + number)


if __name__ == "__main__":  # PyTorch takes seconds to load
    for early in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(early, _leave)

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

from assignments import memory, records, registry, reports
from assignments.clerk import Clerks, Gone, Said
from assignments.desk import Desk
from assignments.grading import questions
from assignments.limits import Limits
from assignments.records import Graded, ungraded, unreadable
from assignments.runs import (
    Run,
    Shard,
    keep,
    locked,
    open_run,
    put_away_others,
    stored,
)
from assignments.sandbox import KINDS, Sandbox
from assignments.server import Bounds
from assignments.submissions import Entry, entries
from assignments.text import clean, named, speak

OWN_SECONDS = 60.0  # for reading and judging a submission, beside what its answers take


class _Class:
    """Has many submissions graded side by side, and keeps what comes of them."""

    def __init__(self, run: Run, out: Path, clerks: Clerks, desk: Desk) -> None:
        self.run, self.out, self.clerks, self.desk = run, out, clerks, desk

    def digests(self, found: Sequence[Entry]) -> list[str]:
        """What says whether a submission is still the one that was graded."""
        digests = [""] * len(found)
        for said in self.clerks.each(self._requests("digest", range(len(found)))):
            try:
                digest = records.parsed(said.record) if said.record else ""
            except ValueError:
                continue
            if isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest):
                digests[said.number] = digest
        return digests

    def try_solution(self) -> None:
        """Grade the assignment's own solution first, as everybody is graded.

        Raises:
            ValueError: it does not earn everything, so nobody would.
        """
        (said,) = self.clerks.each(self._requests("solution", [0]))
        graded = self._graded("", "", said, None)
        coded = {question.key for question in self.desk.coded}
        rows = [row for row in graded.rows if row.question in coded]
        lost = [row for row in rows if row.points != row.max_points]
        if lost:
            why = said.problem or f"{lost[0].question}: {lost[0].reason}"
            raise _nobody(self.run.assignment, why)

    def grade(
        self,
        waiting: Sequence[tuple[int, Entry, str]],
        earlier: dict[str, Graded],
        progress: bool,
    ) -> None:
        """Grade and keep every submission; what is kept survives an interruption."""
        requests = self._requests("grade", [number for number, _, _ in waiting])
        bar = tqdm(total=len(waiting), unit="submission", disable=not progress)
        with bar:
            for said in self.clerks.each(requests):
                _, entry, digest = waiting[said.number]
                before = earlier.get(entry.student)
                graded = self._graded(entry.student, digest, said, before)
                graded.held = self.desk.sandbox.host.told()
                keep(self.out, graded)
                bar.update()

    def _requests(self, what: str, numbers: Sequence[int]) -> list[dict[str, Any]]:
        return [{"do": what, "number": number} for number in numbers]

    def _graded(
        self, student: str, digest: str, said: Said, before: Graded | None
    ) -> Graded:
        """What is known of a student now, whatever was said.

        Whatever the grader stumbles over costs nobody else anything. Without a digest a
        record counts as none, so the next run tries again; but not for ever, where it is
        the submission that goes beyond the limits.
        """
        problem, limit = said.problem, said.limit
        if not problem:
            try:
                return self._checked(said, student, digest)
            except ValueError as error:
                problem, limit = f"what was read of it makes no sense: {error}", True
        kind, asked = self.desk.sandbox.kind, self.desk.asked
        failed = f"{digest} {clean(problem, 300)}" if limit else ""
        if digest and limit and before and before.failed == failed:
            return Graded(student, digest, kind, unreadable(asked, problem), failed)
        return Graded(student, "", kind, ungraded(asked, problem), failed)

    def _checked(self, said: Said, student: str, digest: str) -> Graded:
        """The record, if it is one of this student and of what was handed in.

        Raises:
            ValueError: it is not.
        """
        graded = records.read(said.record)
        records.agree(graded, student, self.desk.asked)
        told_more = graded.failed or graded.held
        if graded.sandbox != self.desk.sandbox.kind or told_more:
            raise ValueError("it was closed in otherwise")
        if not graded.digest or digest not in ("", graded.digest):
            raise ValueError("it changed while it was graded")
        return graded


def _nobody(assignment: str, why: str) -> ValueError:
    return ValueError(
        f"Nobody is graded, because the solution of {assignment} itself does not earn "
        f"everything on this machine ({clean(why)}). Look whether the library is "
        "the one of this folder (python -m pip install -e .) and whether anything "
        "is missing."
    )


def grade(
    assignment: str,
    folder: Path,
    out: Path,
    jobs: int = 1,
    sandbox: str = "auto",
    seed: int | None = None,
    progress: bool = True,
    limits: Limits | None = None,
    shard: Shard | None = None,
) -> list[Graded]:
    """Grade every submission in ``folder`` and write the reports into ``out``.

    Args:
        assignment: A1 to A4.
        folder: the submissions.
        out: where the grades go; an earlier run of the same assignment is continued.
        jobs: submissions that are graded at the same time, where there is memory for so
            many.
        sandbox: see ``Sandbox``.
        seed: of the fresh inputs; by default drawn once for ``out``.
        progress: whether to show a progress bar.
        limits: other limits than the exercises' own; for tests.
        shard: grade this part only, and write no reports; a run without it joins the
            parts.

    Raises:
        ValueError: an argument, or a folder, is not what it should be.
    """
    registry.check_name(assignment)
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}.")
    found = entries(folder, assignment, out)
    part = shard.part(found) if shard else found
    room = memory.available()
    fitting = memory.at_once(jobs, room)
    if fitting < jobs:
        print(
            f"{fitting} of {jobs} submissions are graded at the same time, because there "
            f"are {room / (1 << 30):.1f} GB of memory."
        )
    box = Sandbox(sandbox, memory.of_one(fitting, room))
    asked = questions(assignment)
    with locked(out, shard):
        run = open_run(out, assignment, seed, limits)
        if not shard:
            put_away_others(out, found)
        desk = Desk(assignment, run.seed, asked, part, box, limits)
        bounds = Bounds(OWN_SECONDS + desk.seconds(), OWN_SECONDS)
        try:
            with Clerks(desk, fitting, bounds, desk.set_up) as clerks:
                graded = _grade(_Class(run, out, clerks, desk), part, progress)
        except Gone:
            raise ValueError(
                "The process that has submissions read was ended, perhaps for want of "
                "memory. What is graded is kept; run the same command again, with a "
                "smaller number of --jobs."
            ) from None
        except RuntimeError as error:
            raise _nobody(assignment, str(error)) from None
        if not shard:
            reports.write_all(out, assignment, asked, graded)
    return graded


def _grade(work: _Class, found: Sequence[Entry], progress: bool) -> list[Graded]:
    """Grade whoever waits; everybody's rows."""
    files = {e.student: reports.student_file(work.out, e.student) for e in found}
    earlier = {student: g for student, file in files.items() if (g := stored(file))}
    kept = {student: g.digest for student, g in earlier.items()}
    numbered = zip(range(len(found)), found, work.digests(found), strict=True)
    waiting = [n for n in numbered if not n[2] or kept.get(n[1].student) != n[2]]
    if len(waiting) < len(found):
        print(f"{len(found) - len(waiting)} of {len(found)} are graded already and kept.")
    if waiting:
        work.try_solution()
    work.grade(waiting, earlier, progress)
    graded = [g for file in files.values() if (g := stored(file))]
    for result in graded:
        before = earlier.get(result.student)
        if before and before.digest and before.digest != result.digest:
            print(
                f"{named(result.student)} handed in something else since the last run: "
                f"{before.points} points then, {result.points} now."
            )
    return graded


class Stopped(KeyboardInterrupt):
    """Somebody wants this to end: Ctrl-C, or a signal of the system's."""


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let Ctrl-C, and what a batch system sends, end the run in an orderly way, once."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        print("\nStopping ...", file=sys.stderr, flush=True)
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 1 if somebody could not be graded."""
    parser = argparse.ArgumentParser(
        prog="python -m assignments.grade",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    speak()
    parser.add_argument("assignment", help=" or ".join(registry.ASSIGNMENTS))
    parser.add_argument(
        "folder", metavar="submissions", type=Path, help="the folder of what was handed in"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder for the grades")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sandbox", choices=KINDS, default="auto")
    parser.add_argument(
        "--seed", type=int, help="of the fresh inputs (default: drawn once)"
    )
    parser.add_argument(
        "--shard",
        metavar="K/N",
        help="grade the K-th of N parts; the same command without it joins them",
    )
    options = parser.parse_args(arguments)
    try:
        shard = Shard.parse(options.shard) if options.shard else None
        with _stoppable():
            graded = grade(**{**vars(options), "shard": shard})
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except Stopped as stopped:
        print(STOPPED, file=sys.stderr)
        return 128 + stopped.args[0]
    except OSError as error:
        print(
            f"The grades could not be written ({error}). Make room, or see to the disk of "
            f"{options.out}; the same command then goes on from here.",
            file=sys.stderr,
        )
        return 2
    told = reports.told_of_shard if shard else reports.told
    print(told(options.out, options.assignment, graded))
    return 0 if all(g.digest for g in graded) else 1


if __name__ == "__main__":
    status = main()
    if status > 128:  # stopped: nothing is left to do, and PyTorch takes its time to go
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
