"""What a page of the book shares with every other: its values, stored results, its clock.

A chapter imports this module in its first cell, and that starts its clock.
"""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from seq2seq_lib.intervals import Interval
from seq2seq_lib.require import require

_STARTED = time.perf_counter()


def put(**values: object) -> None:
    """Put values aside for the text of the page, which shows them by their names.

    After ``put(largest=0.67)`` the text may say ``{glue:text}`largest:.2f```. Where
    MyST-NB, which builds the book, is not installed, nothing happens.
    """
    try:
        from myst_nb import glue
    except ImportError:
        return
    for name, value in values.items():
        glue(name, value, display=False)


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


# How measures begin of which more, or less, is better; of others neither is.
_BETTER = {
    "exact match,": "more",
    "BLEU": "more",
    "fall of exact match": "less",
    "updates until": "less",
    "alignment error rate": "less",
}


def _with_direction(measure: str) -> str:
    """A measure and which way is better, if one is."""
    for begins, way in _BETTER.items():
        if measure.startswith(begins):
            return f"{measure}; {way} is better"
    return measure


def headlines(claims: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Interval]]:
    """The headline measure of each claim, as ``plotting.evidence`` draws them."""
    rows = {}
    for number, claim in claims.items():
        measure = claim["measures"][claim["headline"]]
        n = len(measure["seeds"])
        models = {"fixed context": "fixed", "additive attention": "attention"}
        sides = {model: measure[name] for model, name in models.items()}
        rows[f"{number}: {_with_direction(measure['measure'])}"] = {
            model: Interval(side["mean"], side["low"], side["high"], n)
            for model, side in sides.items()
        }
    return rows
