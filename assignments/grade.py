"""Grade a class: one command, every submission in closed processes.

    python -m assignments.grade A3 submissions --out graded

``submissions`` holds one notebook, or one folder with a notebook, for each student. The
folder ``graded`` gets grades.csv, a feedback page for each student, summary.html for the
teacher, results.json for Gradescope, and written.csv, in which written answers are graded
by hand: fill in the points and run the command again. An interrupted run goes on where it
stopped. Everybody is asked on the same fresh inputs, which the seed in run.json decides.
"""

import argparse
import hashlib
import json
import os
import queue
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
from filelock import FileLock, Timeout
from tqdm import tqdm

from assignments import registry, reports
from assignments.grading import (
    Graded,
    Row,
    clean,
    coded_rows,
    questions,
    read,
    unearned,
    ungraded,
    written_row,
)
from assignments.limits import Limits
from assignments.notebook import cells
from assignments.sandbox import KINDS, Sandbox
from assignments.submissions import Submission, find
from checks.exercise import Verdict
from tools.provenance import ROOT, digest, files

LOCK = ".lock"  # in the output folder; a grader at work holds it
ROOM = 4 << 20  # bytes that must fit there before the work begins


@dataclass(frozen=True)
class Run:
    """What decides the grades beside the submissions; kept in run.json."""

    assignment: str
    seed: int
    version: str


def version(assignment: str) -> str:
    """A digest of everything that decides what an answer earns.

    That is the assignment, with its public and its hidden parts, and the grader: every
    file that they reach through imports, nothing in it ignored.
    """
    patterns = (
        f"assignments/source/{assignment}/**/*",
        f"assignments/hidden/{assignment.lower()}*",
        "assignments/grading.py",
        "assignments/box/*",
    )
    starts = [path for pattern in patterns for path in ROOT.glob(pattern)]
    kept = [path for path in starts if path.suffix in (".py", ".ipynb", ".json")]
    return digest(files(*kept, root=ROOT), root=ROOT)


def read_run(out: Path) -> Run | None:
    """The run that ``out`` belongs to, or None."""
    try:
        return Run(**json.loads((out / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def open_run(
    out: Path, assignment: str, seed: int | None, limits: Limits | None = None
) -> Run:
    """Begin a run in ``out``, or go on with the one that lies there.

    Raises:
        ValueError: the folder belongs to something else.
    """
    run = read_run(out)
    # Limits other than the exercises' own are another measure, too.
    measure = version(assignment) + (f", {limits}" if limits else "")
    if run is not None:
        if run.assignment != assignment:
            raise ValueError(
                f"{out} holds the grades of {run.assignment}; choose another folder for "
                f"{assignment}."
            )
        if run.version != measure:
            raise ValueError(
                f"{out} was graded with another version of {assignment}; choose a new "
                "folder, so that nobody is graded by two measures."
            )
        if seed is not None and seed != run.seed:
            raise ValueError(
                f"{out} was begun with the seed {run.seed}; leave --seed out to go on "
                "with it, or choose a new folder."
            )
        return run
    run = Run(assignment, secrets.randbits(32) if seed is None else seed, measure)
    reports.write(out / "run.json", json.dumps(asdict(run), indent=2) + "\n")
    return run


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep a second grader away from a folder, which is made if it is not there.

    Raises:
        ValueError: it is no folder of grades, nothing can be written there, or another
            grader is at work in it.
    """
    ours = (out / LOCK).exists() or (out / "run.json").exists()
    if out.exists() and not ours and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} holds other files; choose a new or an empty folder.")
    probe = out / ".try"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(bytes(ROOM))
        probe.unlink()
        held = FileLock(out / LOCK, timeout=0).acquire()
    except Timeout:
        raise ValueError(
            f"Another grader is at work in {out}; wait until it has ended, or choose "
            "another folder."
        ) from None
    except OSError as error:
        with suppress(OSError):
            probe.unlink()
        raise ValueError(
            f"Nothing can be written into {out} ({error.strerror}); choose another folder."
        ) from None
    with held:
        yield


def put_away_others(out: Path, found: Sequence[Submission]) -> None:
    """Take out of the tables who is no longer among the submissions.

    The records are kept in ``earlier``; pages, which are made from them, are removed.
    """
    names = {reports.safe_name(submission.student) for submission in found}
    for file in sorted((out / "students").glob("*.json")):
        if file.stem not in names:
            before = stored(file)
            (out / "earlier").mkdir(exist_ok=True)
            os.replace(file, out / "earlier" / file.name)
            (out / "feedback" / f"{file.stem}.html").unlink(missing_ok=True)
            shutil.rmtree(out / "gradescope" / file.stem, ignore_errors=True)
            print(
                f"{clean(before.student if before else file.stem)} is no longer among the "
                f"submissions; what it had earned is kept in {out / 'earlier'}."
            )


def _digest(submission: Submission) -> str:
    text = submission.problem.encode() + b"\0" + submission.data
    return hashlib.sha256(text).hexdigest()


def stored(file: Path) -> Graded | None:
    """What an earlier run said of a student, or None where it said nothing whole."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        rows = [
            Row(**{**row, "verdicts": [Verdict(**v) for v in row["verdicts"]]})
            for row in kept.pop("rows")
        ]
        return Graded(**kept, rows=rows)
    except (OSError, ValueError, KeyError, TypeError):
        return None


class _Class:
    """Grades many submissions side by side."""

    def __init__(
        self, run: Run, out: Path, sandbox: Sandbox, limits: Limits | None
    ) -> None:
        self.run, self.out, self.sandbox, self.limits = run, out, sandbox, limits
        self.questions = questions(run.assignment)
        self.coded = [q for q in self.questions if not q.written]
        self.slots: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.stopped = False

    def try_solution(self) -> None:
        """Grade the assignment's own solution first, as everybody is graded.

        Raises:
            ValueError: it does not earn everything, so nobody would.
        """
        name, seed = self.run.assignment, self.run.seed
        solved = cells(nbformat.writes(registry.source_notebook(name)).encode())
        why = ""
        try:
            rows = coded_rows(solved, name, self.coded, self.sandbox, seed, 0, self.limits)
            lost = [row for row in rows if row.points != row.max_points]
            why = f"{lost[0].question}: {lost[0].reason}" if lost else ""
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        if why:
            raise ValueError(
                f"Nobody is graded, because the solution of {name} itself does not earn "
                f"everything on this machine ({clean(why)}). Look whether the library is "
                "the one of this folder (python -m pip install -e .) and whether anything "
                "is missing."
            )

    def grade(self, waiting: Sequence[Submission], jobs: int, progress: bool) -> None:
        """Grade and keep every submission; what is kept survives an interruption."""
        for slot in range(jobs):
            self.slots.put(slot)
        bar = tqdm(total=len(waiting), unit="submission", disable=not progress)
        with bar, ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(self._one, submission) for submission in waiting]
            try:
                for future in as_completed(futures):
                    future.result()
                    bar.update()
            except BaseException:
                self.stopped = True
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _one(self, submission: Submission) -> None:
        if self.stopped:
            return
        slot = self.slots.get()
        digest = _digest(submission)
        try:
            rows = self._rows(submission, slot)
        except Exception as error:
            # Whatever the grader stumbles over here costs nobody else anything; without a
            # digest the record counts as none, so the next run tries again.
            digest, rows = "", unearned(self.questions, ungraded(error))
        finally:
            self.slots.put(slot)
        graded = Graded(submission.student, digest, self.sandbox.kind, rows)
        reports.write(
            reports.student_file(self.out, submission.student),
            json.dumps(asdict(graded), indent=1, ensure_ascii=True) + "\n",
        )

    def _rows(self, submission: Submission, slot: int) -> list[Row]:
        name, seed = self.run.assignment, self.run.seed
        found, problem = read(submission, name)
        if problem:
            return unearned(self.questions, problem)
        rows = coded_rows(found, name, self.coded, self.sandbox, seed, slot, self.limits)
        coded = {row.question: row for row in rows}
        return [coded.get(q.key) or written_row(found, name, q) for q in self.questions]


def grade(
    assignment: str,
    folder: Path,
    out: Path,
    jobs: int = 1,
    sandbox: str = "auto",
    seed: int | None = None,
    progress: bool = True,
    limits: Limits | None = None,
) -> list[Graded]:
    """Grade every submission in ``folder`` and write the reports into ``out``.

    Args:
        assignment: A1 to A4.
        folder: the submissions.
        out: where the grades go; an earlier run of the same assignment is continued.
        jobs: submissions that are graded at the same time.
        sandbox: see ``Sandbox``.
        seed: of the fresh inputs; by default drawn once for ``out``.
        progress: whether to show a progress bar.
        limits: other limits than the exercises' own; for tests.

    Raises:
        ValueError: an argument, or a folder, is not what it should be.
    """
    registry.check_name(assignment)
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}.")
    found = find(folder, assignment)
    box = Sandbox(sandbox)
    with locked(out):
        return _grade(assignment, found, out, jobs, box, seed, progress, limits)


def _grade(
    assignment: str,
    found: Sequence[Submission],
    out: Path,
    jobs: int,
    box: Sandbox,
    seed: int | None,
    progress: bool,
    limits: Limits | None,
) -> list[Graded]:
    """As ``grade``, in a folder that nobody else writes to."""
    run = open_run(out, assignment, seed, limits)
    put_away_others(out, found)
    files = {s.student: reports.student_file(out, s.student) for s in found}
    earlier = {student: g for student, file in files.items() if (g := stored(file))}
    kept = {student: g.digest for student, g in earlier.items()}
    waiting = [s for s in found if kept.get(s.student) != _digest(s)]
    if len(waiting) < len(found):
        print(f"{len(found) - len(waiting)} of {len(found)} are graded already and kept.")
    work = _Class(run, out, box, limits)
    for question in work.coded:
        registry.cases(assignment, question.key, run.seed)  # once, before any thread
    if waiting:
        work.try_solution()
    work.grade(waiting, jobs, progress)
    graded = [g for file in files.values() if (g := stored(file))]
    for result in graded:
        before = earlier.get(result.student)
        if before and before.digest and before.digest != result.digest:
            print(
                f"{clean(result.student)} handed in something else since the last run: "
                f"{before.points} points then, {result.points} now."
            )
    reports.write_all(out, assignment, work.questions, graded)
    return graded


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 1 if somebody could not be graded."""
    parser = argparse.ArgumentParser(
        prog="python -m assignments.grade",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
    options = parser.parse_args(arguments)
    try:
        graded = grade(**vars(options))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130
    print(reports.told(options.out, options.assignment, graded))
    return 0 if all(g.digest for g in graded) else 1


if __name__ == "__main__":
    sys.exit(main())
