"""Right answers as students write them, and wrong ones that are refused.

Each variant answers one exercise. ``cells`` are what its student has written, in the
notebook's order, a line ``# %%`` between two cells; the cell under ``# %% answer`` is the
one with the exercise's mark (JupyterLab copies it when a cell is split, so there may be
several). Without such a line there is one cell, the answer's.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from variants import a1, a2, a3, a4, refused


@dataclass(frozen=True)
class Variant:
    """One answer."""

    assignment: str
    key: str
    name: str
    cells: str
    long: bool = False  # trains a model: for the weekly run


LONG = ("A3 gate", "A3 own")  # they train a model


def _of(rows: Iterator[tuple[str, str, str]]) -> list[Variant]:
    return [
        Variant(*place.split(), name, cells.strip("\n"), place in LONG)
        for place, name, cells in rows
    ]


VARIANTS = [variant for each in (a1, a2, a3, a4) for variant in _of(each.table())]
REFUSED = _of(refused.table())


def notebooks(variants: Sequence[Variant]) -> list[dict[str, Variant]]:
    """Variants of one assignment, one of each exercise to a notebook."""
    by_key = defaultdict(list)
    for variant in variants:
        by_key[variant.key].append(variant)
    most = max(map(len, by_key.values()), default=0)
    return [{k: v[n] for k, v in by_key.items() if n < len(v)} for n in range(most)]
