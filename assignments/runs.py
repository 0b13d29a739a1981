"""The folder of a run: what decides its grades, who may write there, what it has kept."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from assignments import records, reports
from assignments.limits import Limits
from assignments.records import Graded
from assignments.submissions import Entry
from assignments.text import named
from tools.provenance import ROOT, digest, files

LOCK = ".lock"  # in the output folder; a grader at work holds it
PROBE = ".try"
ROOM = 4 << 20  # bytes that must fit there before the work begins


@dataclass(frozen=True)
class Shard:
    """A part of a class: every ``of``-th submission, beginning with one of the first."""

    number: int  # from 1 to ``of``
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """A shard from ``2/3``.

        Raises:
            ValueError: it is none.
        """
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise ValueError(
                f"--shard {text} is no part; write 2/3 for the second of three."
            )
        return cls(int(number), int(of))

    def part(self, found: Sequence[Entry]) -> list[Entry]:
        """The submissions that belong to it."""
        return list(found[self.number - 1 :: self.of])


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
        "assignments/desk.py",
        "assignments/server.py",
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
    with _lock(out / f"{LOCK}-run", patient=True):  # whoever comes first draws the seed
        return _open_run(out, assignment, seed, limits)


def _open_run(out: Path, assignment: str, seed: int | None, limits: Limits | None) -> Run:
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
def locked(out: Path, shard: Shard | None = None) -> Iterator[None]:
    """Keep a second grader away from a folder, which is made if it is not there.

    Graders of different shards may work in it together, one of each, and nobody else.

    Raises:
        ValueError: it is no folder of grades, nothing can be written there, or another
            grader is at work in it.
    """
    if out.exists() and (not out.is_dir() or _holds_others(out)):
        raise ValueError(f"{out} holds other files; choose a new or an empty folder.")
    probe = out / f"{PROBE}-{os.getpid()}-{secrets.token_hex(4)}"
    with ExitStack() as held:
        try:
            out.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(bytes(ROOM))
            probe.unlink()
            held.enter_context(_lock(out / LOCK, shared=shard is not None))
            if shard:
                held.enter_context(_lock(out / f"{LOCK}-{shard.number}-of-{shard.of}"))
        except BlockingIOError:
            raise ValueError(
                f"Another grader is at work in {out}; wait until it has ended, or choose "
                "another folder."
            ) from None
        except OSError as error:
            with suppress(OSError):
                probe.unlink()
            raise ValueError(
                f"Nothing can be written into {out} ({error.strerror}); choose another "
                "folder."
            ) from None
        yield


def _holds_others(out: Path) -> bool:
    """Whether a folder has files in it and none of ours."""
    names = {path.name for path in out.iterdir()}
    ours = any(name.startswith((LOCK, PROBE)) for name in names) or "run.json" in names
    return bool(names) and not ours


@contextmanager
def _lock(file: Path, *, shared: bool = False, patient: bool = False) -> Iterator[None]:
    """Hold a file's lock, which the kernel gives back however this process ends.

    Raises:
        BlockingIOError: somebody holds it, and we are not patient.
    """
    number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(number, kind if patient else kind | fcntl.LOCK_NB)
        yield
    finally:
        os.close(number)


def put_away_others(out: Path, found: Sequence[Entry]) -> None:
    """Take out of the tables who is no longer among the submissions.

    The records are kept in ``earlier``; pages, which are made from them, are removed.
    """
    names = {reports.safe_name(entry.student) for entry in found}
    for file in sorted((out / "students").glob("*.json")):
        if file.stem not in names:
            before = stored(file)
            (out / "earlier").mkdir(exist_ok=True)
            os.replace(file, out / "earlier" / file.name)
            (out / "feedback" / f"{file.stem}.html").unlink(missing_ok=True)
            shutil.rmtree(out / "gradescope" / file.stem, ignore_errors=True)
            print(
                f"{named(before.student if before else file.stem)} is no longer among the "
                f"submissions; what it had earned is kept in {out / 'earlier'}."
            )


def stored(file: Path) -> Graded | None:
    """What an earlier run said of a student, or None where it said nothing whole."""
    try:
        with file.open("rb") as opened:
            return records.read(opened.read(records.LARGEST + 1))
    except (OSError, ValueError):
        return None


def keep(out: Path, graded: Graded) -> None:
    """Write down what is known of a student."""
    reports.write_bytes(reports.student_file(out, graded.student), records.packed(graded))
