"""Build the book: run every chapter that changed, two at a time, then write the pages.

    python -m tools.build_book                      # what `make book` does
    python -m tools.build_book --page chapters/...  # one chapter alone, for its author
    python -m tools.build_book --no-solutions       # what `make book SOLUTIONS=0` does

Chapters are executed here rather than inside Sphinx, because here one can see how far
it is, and read what went wrong. The results go into the execution cache that Sphinx
reads, so Sphinx itself runs nothing.

That cache knows a chapter by its code cells only. With each chapter it also keeps a
fingerprint of what the cells depend on: library files, stored results, packages.
"""

import argparse
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml
from filelock import FileLock, Timeout
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn
from nbformat import NotebookNode

from tools import commands, environment, provenance, solutions
from tools.contents import (
    SUFFIXES,
    ContentsError,
    check,
    notebooks,
    pages,
    read_notebook,
)
from tools.execution import run_notebooks, say, unexpected_stderr

CACHE = ".jupyter_cache"  # in the build folder, as _config.yml says


class BuildFailed(ContentsError):
    """The book cannot be built; the message says why."""


class Run(NamedTuple):
    """A chapter that was executed, in this build or in an earlier one."""

    name: str
    seconds: float
    cached: bool


def fingerprint(source: Path, *chapters: Path) -> str:
    """A digest of everything that the outputs of chapters depend on, but their own cells.

    Args:
        source: the folder with _toc.yml.
        chapters: notebooks; without any, all of the book.
    """
    # All of the library counts: a module may be imported by a name made while code runs.
    used = ["seq2seq_lib/**/*.py", "results/*.json", "requirements.txt", "constraints.txt"]
    found = [path for pattern in used for path in source.glob(pattern)]
    reached = provenance.files(*(chapters or notebooks(source)), root=source)
    return provenance.digest(
        [*found, *(path for path in reached if path.suffix == ".py")],
        platform.python_version(),
        environment.THREADS,
        root=source,
    )


def run_chapters(source: Path, build: Path, listed: list[Path]) -> list[Run]:
    """Execute those of the listed pages that are chapters and that the cache does not hold.

    Raises:
        BuildFailed: after all of them were tried, if any failed.
        ContentsError: before any is tried, if a file is damaged.
    """
    check(source, [path for path in listed if path.suffix != ".ipynb"])
    chapters = [path for path in listed if path.suffix == ".ipynb"]
    names = {path.relative_to(source).as_posix(): path for path in chapters}
    contents = {name: read_notebook(path) for name, path in names.items()}
    depends = {name: fingerprint(source, path) for name, path in names.items()}
    cache = get_cache(build / CACHE)
    runs: dict[str, Run] = {}
    outdated = False
    for name, notebook in contents.items():
        try:
            record = cache.get_cache_bundle(cache.match_cache_notebook(notebook).pk).record
        except (KeyError, ValueError):  # not there, or cut short by a full disk
            continue
        known = record.data or {}
        if known.get("fingerprint") == depends[name]:
            runs[name] = Run(name, known["execution_seconds"], True)
        outdated |= name not in runs
    if outdated:
        say("The library, a result or a package changed: every chapter runs again.")

    def keep(name: str, notebook: NotebookNode, seconds: float) -> None:
        data = {"execution_seconds": round(seconds, 2), "fingerprint": depends[name]}
        bundle = CacheBundleIn(notebook, str(names[name]), data=data)
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        runs[name] = Run(name, seconds, False)
        say(f"{name}: done in {seconds:.1f} s")
        for position, line in unexpected_stderr(notebook):
            say(f"{name}, code cell {position} wrote to standard error: {line}")

    waiting = [(name, names[name], contents[name]) for name in names if name not in runs]
    if failed := run_notebooks(waiting, keep):
        raise BuildFailed(
            f"Not built: {', '.join(failed)} failed (see above). "
            "The chapters that ran are kept."
        )
    return [runs[name] for name in names]


def _write_pages(
    source: Path, build: Path, runs: list[Run], *, toc: Path, strict: bool
) -> Path:
    """Let Jupyter Book turn the executed chapters into pages; returns their folder.

    They are written from nothing each time: Sphinx reports the warnings of a page only
    when it reads that page, so a second build would hide those of the first. Readers keep
    the pages of the last build until all new ones are there.
    """
    started = time.perf_counter()
    html, fresh = build / "html", build / "next"
    shutil.rmtree(fresh, ignore_errors=True)
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", jupyter_book, "build", str(source), "--quiet"]
    command += ["--path-output", str(fresh), "--toc", str(toc)]
    if strict:
        command += ["-W", "-n", "--keep-going"]
    say("Writing the pages ...")
    # The cache's path in _config.yml is relative: run where _build is.
    done = subprocess.run(
        command,
        cwd=build.parent,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    problems = "\n".join(filter(_is_problem, done.stdout.splitlines()))
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        if cause := re.search(r"\[Errno \d+\][^\x1b\n]*", done.stdout):
            raise OSError(cause[0])
        say(problems or done.stdout, sys.stderr)
        raise BuildFailed(
            "Not built: the messages above are fatal. Correct the pages they name."
        )
    if problems:
        say(problems)
    if html.exists():
        html.rename(fresh / "old")
    (fresh / "_build" / "html").rename(html)
    shutil.rmtree(fresh, ignore_errors=True)

    width = max([len(run.name) for run in runs], default=0)
    for run in runs:
        note = "  (unchanged, kept from an earlier build)" if run.cached else ""
        say(f"  {run.name:{width}}  {run.seconds:6.1f} s{note}")
    say(f"  {'pages':{width}}  {time.perf_counter() - started:6.1f} s")
    return html


def _is_problem(line: str) -> bool:
    return any(word in line for word in ("WARNING", "ERROR", "Error:", "error:"))


@contextmanager
def _alone(build: Path) -> Iterator[None]:
    """Hold the build folder, so that two builds do not write into each other."""
    build.mkdir(parents=True, exist_ok=True)
    lock = FileLock(build / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        say(f"Another build is at work in {build}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def build_book(source: Path, output: Path) -> Path:
    """Build the book in `source`; returns the first page.

    Args:
        source: the folder with _config.yml and _toc.yml.
        output: where `_build` is made; usually the same folder.

    Raises:
        ContentsError: a file is damaged, a chapter failed, a reference leads nowhere.
    """
    source, build = source.resolve(), output.resolve() / "_build"
    listed = pages(source)
    with _alone(build):
        runs = run_chapters(source, build, listed)
        html = _write_pages(source, build, runs, toc=source / "_toc.yml", strict=True)
    return html / "index.html"


def build_classroom(source: Path, output: Path) -> Path:
    """Build the book without solutions, beside the ordinary one; returns the first page.

    Args:
        source: the folder with _config.yml and _toc.yml.
        output: where `_build` is made; the site is in `_build/classroom/_build/html`, and
            `_build/html` stays as it is.

    Raises:
        ContentsError: as `build_book`, or because a solution cannot be cut out.
    """
    source, ordinary = source.resolve(), output.resolve() / "_build"
    build, copied = ordinary / "classroom" / "_build", ordinary / "classroom" / "source"
    listed = pages(source)
    with _alone(build):
        with _alone(ordinary):
            runs = run_chapters(source, ordinary, listed)
            shutil.rmtree(build / CACHE, ignore_errors=True)
            solutions.write_copy(
                source, get_cache(ordinary / CACHE), copied, get_cache(build / CACHE)
            )
        html = _write_pages(copied, build, runs, toc=copied / "_toc.yml", strict=True)
    return html / "index.html"


def build_page(source: Path, page: Path) -> Path:
    """Build one page and the front page alone, in a folder of its own.

    For its author, while other chapters are in pieces. Warnings are shown but not
    fatal: references to the other chapters must lead nowhere here.

    Raises:
        ContentsError: there is no such page, or a file is damaged, or a chapter failed.
    """
    source, page = source.resolve(), page.resolve()
    if not (page.is_relative_to(source) and page.suffix in SUFFIXES and page.is_file()):
        raise BuildFailed(
            f"{page} is no page of this book: name a .ipynb or .md file below {source}."
        )
    name = page.relative_to(source).with_suffix("").as_posix()
    build = source / "_build" / "page" / page.stem / "_build"
    front = (source / f"intro{suffix}" for suffix in SUFFIXES)
    listed = list(dict.fromkeys([*filter(Path.is_file, front), page]))
    with _alone(build):
        toc = build / "_toc.yml"
        files = dict.fromkeys((name, "bibliography"))
        entries = [{"file": file} for file in files if file != "intro"]
        contents = {"format": "jb-book", "root": "intro", "chapters": entries}
        toc.write_text(yaml.safe_dump(contents))
        runs = run_chapters(source, build, listed)
        html = _write_pages(source, build, runs, toc=toc, strict=False)
    first = html / f"{name}.html"
    if not first.is_file():
        raise BuildFailed(f"{page} became no page: _config.yml excludes its folder.")
    return first


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_book", description=__doc__)
    parser.add_argument(
        "--source",
        type=Path,
        default=environment.ROOT,
        help="the folder with _config.yml and _toc.yml (default: this project)",
    )
    parser.add_argument(
        "--output", type=Path, help="where _build is made (default: the source folder)"
    )
    parser.add_argument(
        "--page", type=Path, help="build this one chapter alone, in _build/page"
    )
    parser.add_argument(
        "--no-solutions",
        action="store_true",
        help="build the site of a class, in _build/classroom: no solution is in it",
    )
    options = parser.parse_args(arguments)
    if options.page and options.no_solutions:
        parser.error("--page and --no-solutions do not go together")
    output = options.output or options.source

    def build() -> int:
        environment.apply(static=True)
        if options.page:
            first = build_page(options.source, options.page)
        elif options.no_solutions:
            first = build_classroom(options.source, output)
        else:
            first = build_book(options.source, output)
        say(f"Open {first}")
        return 0

    return commands.run(build)


if __name__ == "__main__":
    sys.exit(main())
