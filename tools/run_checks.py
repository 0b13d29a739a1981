"""Run every check there is, one after another, and say at the end what was not run.

    python -m tools.run_checks           # all of them: what `make test` does
    python -m tools.run_checks lint      # one or more, by name

The steps: lint (style, types, state of the notebooks), library (everything in tests/
that needs no built book), assignments (their answers, checks and grader), notebooks
(each one through nbval), book (a build), pages (the built book, in a parser and in a
browser). A step that fails does not stop the others. With REQUIRE_ALL=1 or CI=true a check
that would be skipped fails instead.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

from tools import environment
from tools.execution import CELL_TIMEOUT, SIDE_BY_SIDE
from tools.notebooks import default_files

# Tests that look at _build/html, and so run after the build.
BUILT = ("tests/test_book.py", "tests/test_browser.py")

ASSIGNMENTS = "tests/assignments"

_SUMMARY = re.compile(r"^=+ (.*(?:passed|failed|error|skipped|no tests ran).*) =+$")
_SKIPPED = re.compile(r"^SKIPPED (?:\[\d+\] )?(.*)$")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Step:
    """One line of the table at the end."""

    name: str
    passed: bool = True
    seconds: float = 0.0
    summaries: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def _run(step: Step, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run `python -m ...`, pass its output on, and note what pytest says at its end."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=environment.ROOT,
        env=env or environment.book_environment(static=False),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            plain = _ANSI.sub("", line.strip())
            if match := _SUMMARY.match(plain):
                step.summaries.append(match[1])
            elif match := _SKIPPED.match(plain):
                step.skipped.append(match[1])
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    step.passed = process.wait() == 0 and step.passed
    step.seconds += time.perf_counter() - started


def _pytest(step: Step, *arguments: str) -> None:
    env = environment.book_environment(static=False)
    env["MPLBACKEND"] = "Agg"  # figures in tests need no window
    _run(step, "pytest", *arguments, env=env)


def lint(step: Step) -> None:
    """Style, types, and the state in which notebooks are committed."""
    _run(step, "ruff", "check", ".")
    _run(step, "ruff", "format", "--check", ".")
    _run(step, "mypy")
    _run(step, "tools.notebooks", "check")


def library(step: Step) -> None:
    """The library and the tools."""
    _pytest(step, "tests", *(f"--ignore={path}" for path in (*BUILT, ASSIGNMENTS)))


def assignments(step: Step) -> None:
    """Assignments: right and wrong answers, hostile submissions, the handout."""
    _pytest(step, ASSIGNMENTS)


def notebooks(step: Step) -> None:
    """Every notebook runs, and keeps its promises."""
    files = [path.relative_to(environment.ROOT).as_posix() for path in default_files()]
    # No MPLBACKEND here: kernels draw inline, as they do for a reader.
    timeouts = ["--timeout=0", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
    two_at_a_time = ["-n", str(SIDE_BY_SIDE), "--dist", "loadfile"]
    _run(step, "pytest", "--nbval-lax", *timeouts, *two_at_a_time, *files)


def book(step: Step) -> None:
    """The book builds without a warning."""
    _run(step, "tools.build_book")


def pages(step: Step) -> None:
    """The built pages hold together."""
    _pytest(step, *BUILT)


STEPS = {
    "lint": lint,
    "library": library,
    "assignments": assignments,
    "notebooks": notebooks,
    "book": book,
    "pages": pages,
}


def _total(steps: list[Step], seconds: float) -> str:
    """One line in pytest's words for all of its runs together."""
    counts: dict[str, int] = {}
    for step in steps:
        for summary in step.summaries:
            for number, word in re.findall(
                r"(\d+) (failed|passed|skipped|errors?)", summary
            ):
                word = "error" if word.startswith("error") else word
                counts[word] = counts.get(word, 0) + int(number)
    words = ", ".join(
        f"{counts[word]} {word}"
        for word in ("failed", "passed", "skipped", "error")
        if word in counts
    )
    return f"===== {words or 'no tests ran'} in {seconds:.2f}s ====="


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.run_checks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("steps", nargs="*", help=f"of {', '.join(STEPS)}; default: all")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.steps if name not in STEPS]
    if unknown:
        parser.error(f"unknown step {unknown[0]!r}: choose from {', '.join(STEPS)}")

    environment.apply(static=False)
    started = time.perf_counter()
    steps = []
    for name in options.steps or STEPS:
        print(f"\n##### {name}: {STEPS[name].__doc__}", flush=True)
        step = Step(name)
        try:
            STEPS[name](step)
        except KeyboardInterrupt:
            print(f"\nStopped in {name}.", file=sys.stderr)
            return 130
        steps.append(step)

    print("\n##### together")
    for step in steps:
        verdict = "passed" if step.passed else "FAILED"
        details = "; ".join(step.summaries)
        print(f"{verdict}  {step.name:10} {step.seconds:6.1f} s  {details}")
    skipped = list(dict.fromkeys(text for step in steps for text in step.skipped))
    if skipped:
        print("\nNot checked here:")
        for text in skipped:
            print(f"  {text}")
    if any(step.summaries for step in steps):
        print(_total(steps, time.perf_counter() - started))
    return int(not all(step.passed for step in steps))


if __name__ == "__main__":
    # Output of this process and of its children stays in order, in a pipe too.
    os.environ["PYTHONUNBUFFERED"] = "1"
    sys.exit(main())
