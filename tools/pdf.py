"""Print the built book to PDF, a file for each page, in _build/pdf.

    python -m tools.pdf               # what `make pdf` does
    python -m tools.pdf intro         # one page, or more, by name

A browser that is at hand prints what it shows: Chromium or Chrome, without a window. On
paper the page's own style for printing holds, and folded solutions stay folded.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import commands, environment
from tools.contents import ContentsError, pages
from tools.slides import name_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT = 300  # seconds for one page


def browser() -> str:
    """The command of a browser that can print.

    Raises:
        ContentsError: there is none.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise ContentsError(
            "No PDF is made: there is no Chromium or Chrome; install one, or print the "
            "pages from the browser that shows them."
        )
    return found


def print_page(command: str, page: Path, target: Path) -> None:
    """Let a browser print one page.

    Raises:
        ContentsError: it wrote nothing, or took too long.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage"]
        options += [f"--user-data-dir={profile}", "--no-pdf-header-footer"]
        # Formulas are set before it is printed; this clock runs as fast as the page allows.
        options += ["--virtual-time-budget=20000", f"--print-to-pdf={target}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            options.append("--no-sandbox")  # a browser of root refuses otherwise
        target.unlink(missing_ok=True)
        try:
            done = subprocess.run(
                [command, *options, page.as_uri()], capture_output=True, timeout=TIMEOUT
            )
            said = done.stderr.decode(errors="replace").strip().splitlines()
        except subprocess.TimeoutExpired:
            said = [f"it took more than {TIMEOUT} seconds"]
    if not target.is_file() or not target.read_bytes().startswith(b"%PDF"):
        raise ContentsError(f"{page} was not printed: {said[-1] if said else 'no reason'}.")


def print_book(source: Path, built: Path, folder: Path, only: list[str]) -> list[Path]:
    """Print pages of the built book, all or those with some names; returns the files.

    Raises:
        ContentsError: there is no browser, no built book, or no such page.
    """
    command = browser()
    names = [name_of(page, source) for page in pages(source)]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ContentsError(f"No page {unknown[0]}: choose from {', '.join(names)}.")
    made = []
    for name in only or names:
        page = built / f"{name}.html"
        if not page.is_file():
            raise ContentsError(
                f"There is no {page}: build the book with `make book` first."
            )
        made.append(folder / f"{name.replace('/', '-')}.pdf")
        print_page(command, page, made[-1])
        print(made[-1], flush=True)
    return made


def main() -> int:
    """The command line; returns the exit status."""
    parser = commands.parser("tools.pdf", __doc__)
    parser.add_argument(
        "pages", nargs="*", help="such as chapters/07-attention-from-scratch"
    )
    only = parser.parse_args().pages
    root = environment.ROOT
    print_book(root, root / "_build" / "html", root / "_build" / "pdf", only)
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(main))
