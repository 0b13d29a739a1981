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
from contextlib import AbstractContextManager
from pathlib import Path

import yaml
from filelock import FileLock, Timeout
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn
from nbformat import NotebookNode

from seq2seq_lib.live.publish import publish
from tools import commands, environment, figures, provenance, solutions
from tools.contents import (
    SUFFIXES,
    ContentsError,
    check,
    notebooks,
    pages,
    read_notebook,
    settings,
)
from tools.execution import run_notebooks, say, unexpected_stderr
from tools.finish import finish

CACHE = ".jupyter_cache"  # in the build folder, as _config.yml says

# Everything outside a chapter that can change what its cells print, imported or not: a
# name may be put together while code runs.
PACKAGES = ["requirements.txt", "constraints.txt"]
STORED = ["results/*.json", "results/live/*", "results/translators/*/*"]
INGREDIENTS = ["seq2seq_lib/**/*.py", *STORED, *PACKAGES]


def fingerprint(source: Path, *chapters: Path) -> str:
    """A digest of all that the outputs of chapters depend on, but their own cells.

    Without any chapters it is that of all of the book.
    """
    files = [path for pattern in INGREDIENTS for path in source.glob(pattern)]
    reached = provenance.files(*(chapters or notebooks(source)), root=source)
    files += [path for path in reached if path.suffix == ".py"]
    more = platform.python_version(), environment.THREADS, str(environment.FIGURES)
    return provenance.digest(files, *more, root=source)


def run_chapters(source: Path, build: Path, listed: list[Path]) -> dict[str, str]:
    """Execute the chapters among some pages, but those that the cache holds.

    Returns:
        For each chapter how long it took, in words.

    Raises:
        ContentsError: before any is tried, if a file is damaged; after all of them were
            tried, if any failed.
    """
    check(source, [path for path in listed if path.suffix != ".ipynb"])
    chapters = [path for path in listed if path.suffix == ".ipynb"]
    paths = {path.relative_to(source).as_posix(): path for path in chapters}
    contents = {name: read_notebook(path) for name, path in paths.items()}
    depends = {name: fingerprint(source, path) for name, path in paths.items()}
    cache = get_cache(build / CACHE)
    times = dict.fromkeys(paths, "")
    outdated = False
    for name, notebook in contents.items():
        try:
            record = cache.get_cache_bundle(cache.match_cache_notebook(notebook).pk).record
        except (KeyError, ValueError):  # not there, or cut short by a full disk
            continue
        known = record.data or {}
        if known.get("fingerprint") == depends[name]:
            seconds = known["execution_seconds"]
            times[name] = f"{seconds:6.1f} s  (unchanged, kept from an earlier build)"
        else:
            outdated = True
    if outdated:
        say("The library, a result or a package changed: every chapter runs again.")

    def keep(name: str, notebook: NotebookNode, seconds: float) -> None:
        figures.drop_large(notebook)
        data = {"execution_seconds": round(seconds, 2), "fingerprint": depends[name]}
        bundle = CacheBundleIn(notebook, str(paths[name]), data=data)
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        times[name] = f"{seconds:6.1f} s"
        say(f"{name}: done in {seconds:.1f} s")
        for position, line in unexpected_stderr(notebook):
            say(f"{name}, code cell {position} wrote to standard error: {line}")

    waiting = [(name, paths[name], contents[name]) for name in paths if not times[name]]
    if failed := run_notebooks(waiting, keep):
        raise ContentsError(
            f"Not built: {', '.join(failed)} failed (see above). "
            "The chapters that ran are kept."
        )
    return times


def write_pages(
    source: Path, build: Path, times: dict[str, str], *options: str, about: str = ""
) -> Path:
    """Let Jupyter Book turn the executed chapters into pages; returns their folder.

    Of warnings that are not fatal, those that name ``about`` are shown.

    They are written from nothing each time: Sphinx reports the warnings of a page only
    when it reads that page, so a second build would hide those of the first. Readers keep
    the pages of the last build until all new ones are there.
    """
    started = time.perf_counter()
    html, fresh = build / "html", build / "next"
    shutil.rmtree(fresh, ignore_errors=True)
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", jupyter_book, "build", str(source), "--quiet"]
    say("Writing the pages ...")
    # The cache's path in _config.yml is relative: run where _build is.
    done = subprocess.run(
        [*command, "--path-output", str(fresh), *options],
        cwd=build.parent,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    said = done.stdout + done.stderr
    problems = re.findall(r"^.*(?:WARNING|ERROR|[Ee]rror:).*$", said, re.M)
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        if cause := re.search(r"\[Errno \d+\][^\x1b\n]*", said):
            raise OSError(cause[0])
        say("\n".join(problems) or said, file=sys.stderr)
        raise ContentsError(
            "Not built: the messages above are fatal. Correct the pages they name."
        )
    kept, pages = source / "results", fresh / "_build" / "html"
    publish(kept / "live", pages / "live", kept / "translators")
    given = settings(source)
    repository = given.get("repository", {}).get("url", "")
    finish(pages, given.get("title", ""), repository)
    if html.exists():
        html.rename(fresh / "old")
    pages.rename(html)
    shutil.rmtree(fresh, ignore_errors=True)

    times = times | {"pages": f"{time.perf_counter() - started:6.1f} s"}
    width = max(map(len, times))
    problems = [problem for problem in problems if about in problem]
    say(*problems, *(f"  {name:{width}}  {took}" for name, took in times.items()), sep="\n")
    return html


STRICT = ("-W", "-n", "--keep-going")


def alone(build: Path) -> AbstractContextManager:
    """Hold the build folder, so that two builds do not write into each other."""
    build.mkdir(parents=True, exist_ok=True)
    lock = FileLock(build / ".lock")
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        say(f"Another build is at work in {build}; waiting for it.")
        return lock.acquire()


def build_book(source: Path, output: Path) -> Path:
    """Build the book in `source`, in `output/_build`; returns the first page.

    This and the next two raise a ContentsError if there is something to mend: a damaged
    file, a chapter that failed, a reference that leads nowhere.
    """
    source, build = source.resolve(), output.resolve() / "_build"
    listed = pages(source)
    with alone(build):
        times = run_chapters(source, build, listed)
        return write_pages(source, build, times, *STRICT) / "index.html"


def build_classroom(source: Path) -> Path:
    """Build the book without solutions, beside the ordinary one; returns the first page.

    The site is in `_build/classroom/_build/html`, and `_build/html` stays as it is.
    """
    source = source.resolve()
    ordinary, classroom = source / "_build", source / "_build" / "classroom"
    build, copied = classroom / "_build", classroom / "source"
    listed = pages(source)
    with alone(build):
        with alone(ordinary):
            times = run_chapters(source, ordinary, listed)
            shutil.rmtree(build / CACHE, ignore_errors=True)
            caches = get_cache(ordinary / CACHE), get_cache(build / CACHE)
            solutions.write_copy(source, caches[0], copied, caches[1])
        return write_pages(copied, build, times, *STRICT) / "index.html"


def build_page(source: Path, page: Path) -> Path:
    """Build one page and the front page alone, in a folder of its own.

    For its author, while other chapters are in pieces. The glossary and the bibliography
    come along, so that its words and citations lead there. Warnings about the page are
    shown but not fatal: references to the other chapters must lead nowhere here.
    """
    source, page = source.resolve(), page.resolve()
    if not (page.is_relative_to(source) and page.suffix in SUFFIXES and page.is_file()):
        raise ContentsError(
            f"{page} is no page of this book: name a .ipynb or .md file below {source}."
        )
    name = page.relative_to(source).with_suffix("").as_posix()
    build = source / "_build" / "page" / page.stem / "_build"
    front = (source / f"intro{suffix}" for suffix in SUFFIXES)
    listed = list(dict.fromkeys([*filter(Path.is_file, front), page]))
    beside = [
        file for file in ("glossary", "bibliography") if (source / f"{file}.md").exists()
    ]
    files = [file for file in dict.fromkeys((name, *beside)) if file != "intro"]
    with alone(build):
        toc = build / "_toc.yml"
        entries = [{"file": file} for file in files]
        contents = {"format": "jb-book", "root": "intro", "chapters": entries}
        toc.write_text(yaml.safe_dump(contents))
        times = run_chapters(source, build, listed)
        options = ("--toc", str(toc))
        html = write_pages(source, build, times, *options, about=page.name)
    first = html / f"{name}.html"
    if not first.is_file():
        raise ContentsError(f"{page} became no page: _config.yml excludes its folder.")
    return first


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_book", description=__doc__)
    parser.add_argument(
        "--source",
        type=Path,
        default=environment.ROOT,
        help="the folder with _config.yml and _toc.yml (default: this project)",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--page", type=Path, help="build this one chapter alone, in _build/page"
    )
    kind.add_argument(
        "--no-solutions",
        action="store_true",
        help="build the site of a class, in _build/classroom: no solution is in it",
    )
    options = parser.parse_args()
    environment.apply(static=True)
    if options.page:
        first = build_page(options.source, options.page)
    elif options.no_solutions:
        first = build_classroom(options.source)
    else:
        first = build_book(options.source, options.source)
    say(f"Open {first}")
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(main))
