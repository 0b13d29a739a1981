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
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tools import commands, environment
from tools.execution import CELL_TIMEOUT, SIDE_BY_SIDE
from tools.notebooks import default_files

# Tests that look at _build/html, and so run after the build.
BUILT = ("tests/test_book.py", "tests/test_browser.py")

ASSIGNMENTS = "tests/assignments"

# How pytest's report marks a test that did not pass, and pytest's word for it.
MARKS = {
    "failure": "failed",
    "pytest.skip": "skipped",
    "pytest.xfail": "xfailed",
    "error": "error",
}


@dataclass
class Outcome:
    """One line of the table at the end.

    Args:
        name: of the step.
        passed: whether every command of it succeeded.
        seconds: how long it took.
        counts: how many tests ended with which of pytest's words.
        skipped: why tests were skipped, and how many.
    """

    name: str
    passed: bool = True
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    def run(self, *arguments: str, **variables: str) -> None:
        """Run `python -m ...` as a part of the step."""
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=environment.ROOT,
            env=environment.book_environment(static=False) | variables,
        )
        try:
            self.passed = process.wait() == 0 and self.passed
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        self.seconds += time.perf_counter() - started

    def pytest(self, *arguments: str, **variables: str) -> None:
        """Run pytest as a part of the step, and count what it reports."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            self.run("pytest", f"--junitxml={report}", *arguments, **variables)
            tests = ElementTree.parse(report).iter("testcase") if report.is_file() else ()
        for test in tests:
            marks = {MARKS.get(mark.get("type", mark.tag)): mark for mark in test}
            word = next((word for word in MARKS.values() if word in marks), "passed")
            self.counts[word] += 1
            if word == "skipped":
                file, reason = test.get("classname"), marks[word].get("message")
                self.skipped[f"{file}: {reason}"] += 1


def lint(step: Outcome) -> None:
    """Style, types, and the state in which notebooks are committed."""
    step.run("ruff", "check", ".")
    step.run("ruff", "format", "--check", ".")
    step.run("mypy")
    step.run("tools.notebooks", "check")


def library(step: Outcome) -> None:
    """The library and the tools."""
    others = (f"--ignore={path}" for path in (*BUILT, ASSIGNMENTS))
    step.pytest("tests", *others, MPLBACKEND="Agg")  # figures in tests need no window


def assignments(step: Outcome) -> None:
    """Assignments: right and wrong answers, hostile submissions, the handout."""
    step.pytest(ASSIGNMENTS, MPLBACKEND="Agg")


def notebooks(step: Outcome) -> None:
    """Every notebook runs, and keeps its promises."""
    files = [path.relative_to(environment.ROOT).as_posix() for path in default_files()]
    # No MPLBACKEND here: kernels draw inline, as they do for a reader.
    timeouts = ["--timeout=0", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
    two_at_a_time = ["-n", str(SIDE_BY_SIDE), "--dist", "loadfile"]
    step.pytest("--nbval-lax", *timeouts, *two_at_a_time, *files)


def book(step: Outcome) -> None:
    """The book builds without a warning."""
    step.run("tools.build_book")


def pages(step: Outcome) -> None:
    """The built pages hold together."""
    step.pytest(*BUILT, MPLBACKEND="Agg")


STEPS = {
    "lint": lint,
    "library": library,
    "assignments": assignments,
    "notebooks": notebooks,
    "book": book,
    "pages": pages,
}


def _summary(counts: Counter[str]) -> str:
    words = ("failed", "passed", "skipped", "xfailed", "error")  # in pytest's order
    return ", ".join(f"{counts[word]} {word}" for word in words if counts[word])


def run_steps(names: Iterable[str]) -> int:
    """Run steps by name and print the table; returns the exit status."""
    environment.apply(static=False)
    started = time.perf_counter()
    steps = [Outcome(name) for name in names]
    for step in steps:
        print(f"\n##### {step.name}: {STEPS[step.name].__doc__}", flush=True)
        STEPS[step.name](step)

    print("\n##### together")
    total: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for step in steps:
        verdict = "passed" if step.passed else "FAILED"
        print(f"{verdict}  {step.name:10} {step.seconds:6.1f} s  {_summary(step.counts)}")
        total += step.counts
        skipped += step.skipped
    if skipped:
        print("\nNot checked here:")
        for reason, count in skipped.items():
            print(f"  [{count}] {reason}")
    if total:
        seconds = time.perf_counter() - started
        print(f"===== {_summary(total)} in {seconds:.2f}s =====")
    return int(not all(step.passed for step in steps))


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
    return commands.run(lambda: run_steps(options.steps or STEPS))


if __name__ == "__main__":
    # Output of this process and of its children stays in order, in a pipe too.
    os.environ["PYTHONUNBUFFERED"] = "1"
    sys.exit(main())
