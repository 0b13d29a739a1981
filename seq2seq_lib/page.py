"""What a page of the book shares with every other: its values, stored results, its clock.

A chapter imports this module in its first cell, and that starts its clock.
"""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from seq2seq_lib.intervals import Interval
from seq2seq_lib.metrics import LENGTH_BUCKETS
from seq2seq_lib.require import require

_STARTED = time.perf_counter()


def put(**values: object) -> None:
    """Put values aside for the text of the page, which shows them by their names.

    After ``put(largest=0.67)`` the text may say ``{glue:text}`largest:.2f```. Numbers of
    NumPy become Python's, because the text can format no others. Where MyST-NB, which
    builds the book, is not installed, nothing happens.
    """
    try:
        from myst_nb import glue
    except ImportError:
        return
    for name, value in values.items():
        plain = value.item() if isinstance(value, np.generic) else value
        glue(name, plain, display=False)


def put_each(prefix: str, values: Mapping[Any, object]) -> None:
    """Put every value aside as ``PREFIX_KEY``: ``{1: 0.4}`` under "width" is "width_1"."""
    put(**{f"{prefix}_{key}": value for key, value in values.items()})


def elapsed() -> float:
    """Seconds since this module was imported, which a chapter does first."""
    return time.perf_counter() - _STARTED


def _inside() -> Path:
    """The results that an installed library carries; in a checkout there are none there."""
    return Path(__file__).resolve().parent / "results"


def find(name: str) -> Path:
    """Where a file of the ``results`` folder lies, such as ``speed.json``.

    Looked into is the ``results`` folder of every folder from the working directory up,
    then the one beside this library, which is that of a checkout, and then the one that
    an installed library carries.

    Raises:
        FileNotFoundError: there is no such file; the message lists those that there are.
    """
    here, library = Path.cwd(), Path(__file__).resolve().parent.parent
    folders = [folder / "results" for folder in (here, *here.parents, library)]
    folders.append(_inside())
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    known = sorted({path.stem for folder in folders for path in folder.glob("*.json")})
    hint = "run this inside a copy of the project, or install its wheel, which has them"
    if known:
        hint = f"choose one of {', '.join(known)}"
    raise FileNotFoundError(
        f"No file results/{name} in or above {here}, nor with the library; {hint}."
    )


def stored(name: str) -> dict[str, Any]:
    """What an experiment left in ``results/NAME.json`` (see ``find``).

    Raises:
        FileNotFoundError: there is no such file; the message lists those that there are.
        ValueError: the file is damaged, or says that it is incomplete.
    """
    path = find(f"{name}.json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        cure = "`git checkout` brings it back"
        if path.parent == _inside():
            cure = "installing the library again brings it back"
        raise ValueError(f"{path} is damaged ({error}); {cure}.") from None
    require(
        content.get("complete", True),
        f"{path} is incomplete; finish it with `python -m experiments.{name}`.",
    )
    return content


def arms_of(name: str) -> dict[str, list[dict[str, Any]]]:
    """The arms of a stored experiment: for each its records, one for each seed.

    Raises:
        FileNotFoundError, ValueError: as ``stored``, and where the results have no seeds.
    """
    values = stored(name).get("values")
    if not isinstance(values, dict):
        raise ValueError(f"The results of {name!r} have no arms; read them with `stored`.")
    return {arm: list(seeds.values()) for arm, seeds in values.items()}


def per_seed(records: Iterable[Mapping[str, Any]], *keys: str) -> list[Any]:
    """What each record holds under ``keys``, each within the one before.

    >>> per_seed([{"aer": {"content": 0.1}}, {"aer": {"content": 0.2}}], "aer", "content")
    [0.1, 0.2]
    """
    found: list[Any] = list(records)
    for key in keys:
        found = [record[key] for record in found]
    return found


def mean_of(records: Iterable[Mapping[str, Any]], *keys: str) -> float:
    """The mean over seeds of what ``per_seed`` finds.

    >>> mean_of([{"bleu": 10.0}, {"bleu": 11.0}], "bleu")
    10.5
    """
    return mean(per_seed(records, *keys))


def right_by_length(
    hits: Mapping[str, str], buckets: Iterable[tuple[int, int]] = LENGTH_BUCKETS
) -> dict[str, float]:
    """Exact match in every bucket of lengths, from the stored answers of one seed.

    Args:
        hits: for each source length a 1 for every right answer and a 0 for every other.
        buckets: shortest and longest length of each; those without a source are left out.

    >>> right_by_length({"1": "11", "2": "10", "23": "0"})
    {'1-4': 0.75, '21-24': 0.0}
    """
    found = {}
    for low, high in buckets:
        answers = "".join(hits.get(str(n), "") for n in range(low, high + 1))
        if answers:
            found[f"{low}-{high}"] = answers.count("1") / len(answers)
    return found


def judged(
    claims: Mapping[str, Mapping[str, Any]],
) -> dict[str, tuple[Interval, float, str]]:
    """The primary measure of each claim, as ``plotting.evidence`` draws it."""
    rows = {}
    for number, claim in claims.items():
        found = claim["primary"]
        interval = Interval(found["mean"], found["low"], found["high"], len(found["seeds"]))
        name = f"{number}: {found['short']}"
        rows[name] = interval, found["effect"], claim["verdict"]
    return rows
