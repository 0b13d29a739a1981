"""Grade one submission inside Gradescope's autograder.

    python -m assignments.gradescope /autograder --assignment A3 --seed 4711

Reads ``submission/`` and ``submission_metadata.json``, and always ends with a valid
``results/results.json``: without points and with a reason where there is no notebook, where
the time is over, or where the grader itself fails. One that says so is written first, so
that it is there whatever ends the process.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assignments.text import speak

ROOT = Path(__file__).resolve().parent.parent
MINUTES = 9.0  # Gradescope's own limit is 10, unless it was changed
UNPACKING = [sys.executable, "-m", "assignments.unpacking"]
LARGEST = 4 << 20  # bytes of a results.json, or of the metadata
OURS = "This is not your mistake; tell your teacher."
UNFINISHED = f"The grader was stopped before it had ended, and gave no points. {OURS}"


def failed(reason: str) -> dict[str, Any]:
    """Results without points."""
    return {
        "score": 0,
        "output": reason,
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [],
    }


def write(folder: Path, results: dict[str, Any]) -> None:
    """Write results.json, whole or not at all."""
    place = folder / "results"
    place.mkdir(parents=True, exist_ok=True)
    partial = place / ".results.json.partial"
    partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, place / "results.json")


def titled(folder: Path) -> str:
    """The assignment that Gradescope's title names, such as A3, or an empty string."""
    try:
        with (folder / "submission_metadata.json").open("rb") as file:
            title = json.loads(file.read(LARGEST))["assignment"]["title"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    match = re.search(r"\bA[1-4]\b", str(title))
    return match[0] if match else ""


def results(
    folder: Path, assignment: str, seed: int | None, minutes: float
) -> dict[str, Any]:
    """What the submission in ``folder`` earns.

    Raises:
        ValueError: it cannot be graded; the student is told why.
        subprocess.TimeoutExpired: the time is over.
    """
    # Here, so that a package that is missing is no end without results.
    from assignments import registry
    from assignments.text import clean

    name = assignment or titled(folder)
    if not name:
        raise RuntimeError("name the assignment with --assignment, or in its title")
    registry.check_name(name)
    end = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory(prefix="gradescope-") as place:
        told = _unpacked(folder / "submission", name, Path(place), minutes)
        if "problem" in told:
            raise ValueError(clean(str(told["problem"])))
        left = (end - time.monotonic()) / 60
        out = Path(place, "out")
        _run(name, Path(place, "in"), out, seed, left)
        (made,) = (out / "gradescope").glob("*/results.json")
        found = json.loads(made.read_bytes()[: LARGEST + 1])
    if told.get("note"):
        found["output"] = clean(str(told["note"]))
    return found


def _unpacked(submission: Path, name: str, place: Path, minutes: float) -> dict[str, Any]:
    """Have the upload opened elsewhere: this process owns the results."""
    status = _ended([*UNPACKING, str(submission), name, str(place)], minutes)
    if status:
        raise RuntimeError(f"what was uploaded could not be read (status {status})")
    with (place / "told.json").open("rb") as file:
        found = json.loads(file.read(LARGEST))
    return found if isinstance(found, dict) else {}


def _run(name: str, folder: Path, out: Path, seed: int | None, minutes: float) -> None:
    command = [sys.executable, "-m", "assignments.grade", name, str(folder)]
    command += ["--out", str(out), "--jobs", "1"]
    command += [] if seed is None else ["--seed", str(seed)]
    status = _ended(command, minutes)
    if status not in (0, 1):  # with 1 the rows say that the grader failed
        raise RuntimeError(f"the grader ended with the status {status}")


def _ended(command: Sequence[str], minutes: float) -> int:
    """How a process ended, that ends with everything that it started.

    Raises:
        subprocess.TimeoutExpired: the time is over.
    """
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        return process.wait(max(0, minutes * 60))
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 1 if the grader failed."""
    parser = argparse.ArgumentParser(
        prog="python -m assignments.gradescope",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("/autograder"), help="/autograder"
    )
    parser.add_argument("--assignment", default="", help="A1 to A4 (default: see title)")
    parser.add_argument("--seed", type=int, help="the same for everybody (default: drawn)")
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="Gradescope's less 1"
    )
    speak()
    options = parser.parse_args(arguments)
    folder = options.folder.absolute()
    try:
        write(folder, failed(UNFINISHED))
    except OSError as error:
        print(f"{folder / 'results'} cannot be written to: {error}.", file=sys.stderr)
        return 2
    status = 0
    try:
        found = results(folder, options.assignment, options.seed, options.minutes)
    except ValueError as error:
        found = failed(f"There are no points: {error}")
    except subprocess.TimeoutExpired:
        found = failed(
            f"There are no points: grading took longer than {options.minutes:g} minutes. "
            "Look for an endless loop, or tell your teacher."
        )
    except Exception as error:
        # The teacher sees what is printed; it may name what a student must not see.
        print(f"The grader failed: {type(error).__name__}: {error}", file=sys.stderr)
        found, status = failed(f"The grader failed, and gave no points. {OURS}"), 1
    write(folder, found)
    return status


if __name__ == "__main__":
    sys.exit(main())
