"""Build the book: run every chapter that changed, two at a time, then write the pages.

    python -m tools.build_book                      # what `make book` does
    python -m tools.build_book --page chapters/...  # one chapter alone, for its author
    python -m tools.build_book --no-solutions       # what `make book SOLUTIONS=0` does

Chapters are executed here rather than inside Sphinx, because here one can see how far
it is, and read what went wrong. The results go into the execution cache that Sphinx
reads, so Sphinx itself runs nothing.

That cache knows a chapter by its code cells only. It must also forget the chapter when
the library, a stored result or a package changes: the fingerprint covers those.
"""

import argparse
import hashlib
import multiprocessing
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.cache.main import CacheBundleIn

from tools import environment, solutions
from tools.contents import ContentsError, notebooks
from tools.execution import (
    SIDE_BY_SIDE,
    NotebookFailed,
    run_notebook,
    take_slot,
    unexpected_stderr,
)

# Everything outside a chapter that can change what its cells print.
INGREDIENTS = (
    "seq2seq_lib/**/*.py",
    "results/*.json",
    "requirements.txt",
    "constraints.txt",
)


class BuildFailed(RuntimeError):
    """The book cannot be built; the message says why."""


def fingerprint(source: Path) -> str:
    """A digest of everything outside the chapters that their outputs depend on."""
    digest = hashlib.sha256()
    digest.update(platform.python_version().encode())
    digest.update(environment.THREADS.encode())
    for pattern in INGREDIENTS:
        for path in sorted(source.glob(pattern)):
            digest.update(path.relative_to(source).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _open_cache(source: Path, build: Path) -> JupyterCacheAbstract:
    """The execution cache, emptied if it was filled by another library."""
    folder, stamp = build / ".jupyter_cache", build / ".fingerprint"
    present = fingerprint(source)
    stored = stamp.read_text().strip() if stamp.is_file() else None
    if stored != present:
        if folder.exists():
            print("The library, a result or a package changed: every chapter runs again.")
            shutil.rmtree(folder)
        build.mkdir(parents=True, exist_ok=True)
        stamp.write_text(present + "\n")
    return get_cache(folder)


def _run_chapters(
    source: Path, build: Path, chapters: list[Path]
) -> list[tuple[str, float, bool]]:
    """Execute the chapters that the cache does not hold.

    Returns:
        For each chapter its name, its seconds, and whether it came from the cache.

    Raises:
        BuildFailed: after all of them were tried, if any failed.
    """
    cache = _open_cache(source, build)
    times: dict[Path, tuple[str, float, bool]] = {}
    waiting, failed = [], []
    for path in chapters:
        name = path.relative_to(source).as_posix()
        try:
            record = cache.match_cache_notebook(nbformat.read(path, as_version=4))
        except KeyError:
            waiting.append((path, name))
        else:
            seconds = float((record.data or {}).get("execution_seconds") or 0.0)
            times[path] = (name, seconds, True)
    for path, name, notebook, seconds in _executed(waiting):
        if isinstance(notebook, NotebookFailed):
            print(f"\n{notebook}\n", file=sys.stderr, flush=True)
            failed.append(name)
            continue
        cache.cache_notebook_bundle(
            CacheBundleIn(
                notebook, str(path), data={"execution_seconds": round(seconds, 2)}
            ),
            check_validity=False,
            overwrite=True,
        )
        times[path] = (name, seconds, False)
        print(f"{name}: done in {seconds:.1f} s", flush=True)
        for position, line in unexpected_stderr(notebook):
            print(f"{name}, code cell {position} wrote to standard error: {line}")
    if fingerprint(source) != (build / ".fingerprint").read_text().strip():
        (build / ".fingerprint").unlink()
        print("The library changed meanwhile; the next build runs every chapter again.")
    if failed:
        raise BuildFailed(
            f"Not built: {', '.join(failed)} failed (see above). "
            "The chapters that ran are kept."
        )
    return [times[path] for path in chapters]


def _executed(
    waiting: list[tuple[Path, str]],
) -> Iterator[tuple[Path, str, nbformat.NotebookNode | NotebookFailed, float]]:
    """Execute notebooks side by side; each comes as it ends, or as its failure."""
    if not waiting:
        return
    context = multiprocessing.get_context("spawn")
    workers = min(SIDE_BY_SIDE, len(waiting))
    slots = context.SimpleQueue()
    for slot in range(workers):
        slots.put(slot)
    pool = ProcessPoolExecutor(workers, context, take_slot, (slots, context.RLock()))
    try:
        futures = {pool.submit(_execute, *each): each for each in waiting}
        for future in as_completed(futures):
            yield *futures[future], *future.result()
    except BaseException:
        # A kernel ends by itself when the worker that began it has.
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    pool.shutdown()


def _execute(path: Path, name: str) -> tuple[nbformat.NotebookNode | NotebookFailed, float]:
    """In a worker. Outside its main thread, nbclient leaves signals alone."""
    notebook = nbformat.read(path, as_version=4)
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(run_notebook, notebook, name=name, folder=path.parent)
        try:
            return notebook, run.result()
        except NotebookFailed as failure:
            return failure, 0.0


def _write_pages(source: Path, output: Path, *, toc: Path, strict: bool) -> None:
    """Let Jupyter Book turn the executed chapters into pages.

    The pages are written from nothing each time: Sphinx reports the warnings of a page
    only when it reads that page, so a second build would hide those of the first.
    """
    for name in ("html", ".doctrees", "jupyter_execute"):
        shutil.rmtree(output / "_build" / name, ignore_errors=True)
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", jupyter_book, "build", str(source), "--quiet"]
    command += ["--path-output", str(output), "--toc", str(toc)]
    if strict:
        command += ["-W", "-n", "--keep-going"]
    print("Writing the pages ...", flush=True)
    # The cache's path in _config.yml is relative: run where _build is.
    done = subprocess.run(
        command,
        cwd=output,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    problems = [line for line in done.stdout.splitlines() if _is_problem(line)]
    if done.returncode:
        print("\n".join(problems) or done.stdout, file=sys.stderr)
        raise BuildFailed(
            "Not built: the messages above are fatal. Correct the pages they name."
        )
    for line in problems:
        print(line)


def _is_problem(line: str) -> bool:
    return any(word in line for word in ("WARNING", "ERROR", "Error:", "error:"))


@contextmanager
def _alone(build: Path) -> Iterator[None]:
    """Hold the build folder, so that two builds do not write into each other."""
    build.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (build / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"Another build is at work in {build}; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_book(source: Path, output: Path) -> Path:
    """Build the book in `source`; returns the first page.

    Args:
        source: the folder with _config.yml and _toc.yml.
        output: where `_build` is made; usually the same folder.

    Raises:
        BuildFailed: a chapter, a warning or a reference that leads nowhere.
    """
    source, output = source.resolve(), output.resolve()
    build = output / "_build"
    with _alone(build):
        try:
            chapters = notebooks(source)
        except ContentsError as error:
            raise BuildFailed(str(error)) from None
        times = _run_chapters(source, build, chapters)
        started = time.perf_counter()
        _write_pages(source, output, toc=source / "_toc.yml", strict=True)
        _summary(times, time.perf_counter() - started)
    return build / "html" / "index.html"


def build_classroom(source: Path, output: Path) -> Path:
    """Build the book without solutions, beside the ordinary one; returns the first page.

    Args:
        source: the folder with _config.yml and _toc.yml.
        output: where `_build` is made; the site is in `_build/classroom/_build/html`, and
            `_build/html` stays as it is.

    Raises:
        BuildFailed: as `build_book`, or because a solution cannot be cut out.
    """
    source, output = source.resolve(), output.resolve()
    classroom = output / "_build" / "classroom"
    build = classroom / "_build"
    with _alone(build):
        try:
            with _alone(output / "_build"):
                times = _run_chapters(source, output / "_build", notebooks(source))
                own = build / ".jupyter_cache"
                shutil.rmtree(own, ignore_errors=True)
                solutions.write_copy(
                    source,
                    get_cache(output / "_build" / ".jupyter_cache"),
                    classroom / "source",
                    get_cache(own),
                )
        except (ContentsError, solutions.SolutionsError) as error:
            raise BuildFailed(str(error)) from None
        started = time.perf_counter()
        copy = classroom / "source"
        _write_pages(copy, classroom, toc=copy / "_toc.yml", strict=True)
        _summary(times, time.perf_counter() - started)
    return build / "html" / "index.html"


def build_page(source: Path, page: Path) -> Path:
    """Build one chapter beside the start page, in a folder of its own.

    For its author, while other chapters are in pieces. Warnings are shown but not
    fatal: references to the other chapters must lead nowhere here.
    """
    source, page = source.resolve(), page.resolve()
    if not page.is_file():
        raise BuildFailed(f"There is no page {page}.")
    name = page.relative_to(source).with_suffix("").as_posix()
    output = source / "_build" / "page" / page.stem
    build = output / "_build"
    with _alone(build):
        toc = build / "_toc.yml"
        root = "intro"
        files = [name for name in (name, "bibliography") if name != root]
        entries = [{"file": file} for file in files]
        toc.write_text(
            yaml.safe_dump({"format": "jb-book", "root": root, "chapters": entries})
        )
        chapters = [page] if page.suffix == ".ipynb" else []
        intro = source / "intro.ipynb"
        if intro.is_file() and page != intro:
            chapters.insert(0, intro)
        times = _run_chapters(source, build, chapters)
        started = time.perf_counter()
        _write_pages(source, output, toc=toc, strict=False)
        _summary(times, time.perf_counter() - started)
    return build / "html" / f"{name}.html"


def _summary(times: list[tuple[str, float, bool]], pages: float) -> None:
    width = max([len(name) for name, _, _ in times], default=0)
    for name, seconds, cached in times:
        note = "  (unchanged, kept from an earlier build)" if cached else ""
        print(f"  {name:{width}}  {seconds:6.1f} s{note}")
    print(f"  {'pages':{width}}  {pages:6.1f} s")


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
    environment.apply(static=True)
    output = options.output or options.source
    try:
        if options.page:
            first = build_page(options.source, options.page)
        elif options.no_solutions:
            first = build_classroom(options.source, output)
        else:
            first = build_book(options.source, output)
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The chapters that ran are kept.", file=sys.stderr)
        return 130
    print(f"Open {first}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
