"""Numbers of figures, tables and exercises that begin with the number of their chapter.

Sphinx counts through the whole book unless sections are numbered, and here chapters carry
their number in their title and file name. After Sphinx has counted, this extension counts
again: the third figure of chapter 7 is Fig. 7.3. Pages without a number share one count.
"""

import re
from collections import Counter
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

_CHAPTER = re.compile(r"chapters/(\d+)-")

Numbers = dict[str, dict[str, dict[str, tuple[int, ...]]]]


def by_chapter(numbers: Numbers) -> Numbers:
    """Number the things of each page anew.

    Args:
        numbers: for each page, for each kind, the number of each thing by its name, in the
            order of the book.
    """
    shared: Counter[str] = Counter()
    found: Numbers = {}
    for page, kinds in numbers.items():
        chapter = _CHAPTER.match(page)
        for kind, things in kinds.items():
            own: dict[str, tuple[int, ...]] = {}
            for place, name in enumerate(sorted(things, key=things.__getitem__), start=1):
                shared[kind] += not chapter
                own[name] = (int(chapter[1]), place) if chapter else (shared[kind],)
            found.setdefault(page, {})[kind] = own
    return found


def _count_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    env.toc_fignumbers = by_chapter(env.toc_fignumbers)
    return []


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls; Sphinx itself has counted before, at the usual priority."""
    app.connect("env-get-updated", _count_again, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
