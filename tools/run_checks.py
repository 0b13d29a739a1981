"""Run every check there is, one after another, and say at the end what was not run.

    python -m tools.run_checks           # all of them: what `make test` does
    python -m tools.run_checks lint      # one or more, by name
    python -m tools.run_checks weekly    # what takes too long for every day

The steps: lint (style, types, state of the notebooks), library (everything in tests/
that needs no built book), assignments (their answers, checks and grader), notebooks
(each one through nbval), book (a build), pages (the built book, in a parser and in a
browser). A step that fails does not stop the others. With REQUIRE_ALL=1 or CI=true a check
that would be skipped fails instead.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from tools import commands, environment
from tools.execution import CELL_TIMEOUT, SIDE_BY_SIDE
from tools.notebooks import default_files

# Tests that look at _build/html, and so run after the build.
BUILT = [
    "tests/test_book.py",
    "tests/test_browser.py",
    "tests/test_look.py",
    "tests/test_slides.py",
]
ASSIGNMENTS = "tests/assignments"

# Tests run side by side, each file of them whole in one process: what it makes once for
# all of its tests is made once. Those of assignments share nothing that is dear, and the
# longest are in one file: there a process that is done takes over some of the other's.
# Tests marked `alone` have their turn afterwards, and those marked `weekly` once a week.
FILES = ["pytest", "-n", str(SIDE_BY_SIDE), "--dist", "loadfile"]
SINGLE = ["pytest", "-n", str(SIDE_BY_SIDE), "--dist", "worksteal"]
TOGETHER = ["-m", "not alone and not weekly"]
ALONE = ["pytest", "-m", "alone and not weekly"]

# What to run as `python -m ...` in each step; the notebooks are added to their line.
STEPS = {
    "lint": [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["tools.notebooks", "check"],
    ],
    "library": [
        [*FILES, *TOGETHER, "tests"]
        + [f"--ignore={path}" for path in [*BUILT, ASSIGNMENTS]],
        [*ALONE, "tests/test_bench.py"],
    ],
    "assignments": [
        [*SINGLE, *TOGETHER, ASSIGNMENTS],
        [*ALONE]
        + [
            f"{ASSIGNMENTS}/test_{name}.py"
            for name in (
                *("class", "clerk", "container", "hostile", "limits", "questions"),
                *("solutions", "variants"),
            )
        ],
    ],
    "notebooks": [
        [*FILES, "--nbval-lax", f"--nbval-cell-timeout={CELL_TIMEOUT}", "--timeout=0"]
    ],
    "book": [["tools.build_book"]],
    "pages": [[*FILES, *BUILT]],
}
# What takes too long for every day; only by name, and by `make weekly`.
WEEKLY = {"weekly": [["pytest", "-m", "weekly", "tests"]]}

# Pytest's words for how a test ended, and what marks those in its report.
WORDS = {
    "failed": "failure",
    "passed": "",
    "skipped": "pytest.skip",
    "xfailed": "pytest.xfail",
    "error": "error",
}


def run(command: list[str], counts: Counter[str], skipped: Counter[str]) -> bool:
    """Run `python -m ...`; whether it succeeded.

    Tests are counted by pytest's word for how they ended, skipped ones by the reason too.
    """
    env = environment.book_environment(static=False)
    if "--nbval-lax" in command:  # kernels draw inline, as they do for a reader
        command = [*command, *(str(path.resolve()) for path in default_files())]
    else:
        env["MPLBACKEND"] = "Agg"  # figures in tests need no window
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        reporting = []
        if command[0] == "pytest":
            slowest = ["--durations=15", "--durations-min=10"]
            reporting = [f"--junitxml={report}", *slowest]
        command = [sys.executable, "-m", *command, *reporting]
        process = subprocess.Popen(command, cwd=environment.ROOT, env=env)
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        tests = ElementTree.parse(report).iter("testcase") if report.is_file() else ()
    for test in tests:
        marks = {mark.get("type", mark.tag): mark for mark in test}
        word = next((word for word in WORDS if WORDS[word] in marks), "passed")
        counts[word] += 1
        if word == "skipped":
            reason = marks[WORDS[word]].get("message")
            skipped[f"{test.get('classname')}: {reason}"] += 1
    return status == 0


def summary(counts: Counter[str], seconds: float) -> str:
    """Numbers of tests in pytest's words and order, and a time."""
    told = [f"{counts[word]} {word}" for word in WORDS if counts[word]]
    return f"{', '.join(told) or 'done'} in {seconds:.2f}s"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = commands.parser("tools.run_checks", __doc__)
    parser.add_argument("steps", nargs="*", help=f"of {', '.join(STEPS)}; default: all")
    options = parser.parse_args(arguments)
    steps = STEPS | WEEKLY
    unknown = [name for name in options.steps if name not in steps]
    if unknown:
        parser.error(f"unknown step {unknown[0]!r}: choose from {', '.join(steps)}")
    environment.apply(static=False)

    table = []
    total: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    failed = False
    began = time.perf_counter()
    for name in options.steps or STEPS:
        print(f"\n##### {name}", flush=True)
        counts: Counter[str] = Counter()
        started = time.perf_counter()
        good = all([run(command, counts, skipped) for command in steps[name]])
        seconds = time.perf_counter() - started
        verdict = "passed" if good else "FAILED"
        table.append(f"{verdict}  {name:12} {summary(counts, seconds)}")
        total += counts
        failed |= not good

    print("\n##### together", *table, sep="\n")
    if skipped:
        print("\nNot checked here:")
        print(*(f"  [{count}] {reason}" for reason, count in skipped.items()), sep="\n")
    if not options.steps:
        print("\nLeft to `make weekly`: a class of two hundred, what grading costs,")
        print("models of students' own, a corpus of three million pairs, every notebook")
        print("with the wheel alone.")
    if total:
        print(f"===== {summary(total, time.perf_counter() - began)} =====")
    return int(failed)


if __name__ == "__main__":
    # Output of this process and of its children stays in order, in a pipe too.
    os.environ["PYTHONUNBUFFERED"] = "1"
    sys.exit(commands.run(main))
