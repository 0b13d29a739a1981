"""What single runs measured, as curves: a seed of a claim can be looked at by itself."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any, NamedTuple

from seq2seq_lib.page import right_by_length, stored


class Curve(NamedTuple):
    """What a run measured: named places from left to right, and a value at each."""

    x: str
    y: str
    values: Mapping[str, float | None]


def curve(found: Mapping[str, Any]) -> Curve:
    """The part of a run's stored values that tells most about it.

    Raises:
        ValueError: none of the known parts is stored.
    """
    if "hits" in found:
        right = right_by_length(found["hits"])
        return Curve("source length (words)", "exact match", right)
    if "learned" in found:
        return Curve("tokens behind the needle", "updates until found", found["learned"])
    if "aer" in found:
        return Curve("links of these words", "alignment error rate", found["aer"])
    if "by_reference_length" in found:
        bleu = {name: its["bleu"] for name, its in found["by_reference_length"].items()}
        return Curve("reference length (words)", "BLEU", bleu)
    if "test_bits" in found:
        return Curve("symbols in the source", "bits that arrive", found["test_bits"])
    if isinstance(found.get("chrf"), Mapping):  # one for each source
        means = {size: fmean(each) for size, each in found["chrf"].items()}
        return Curve("captions in a source", "chrF", means)
    raise ValueError(
        f"A run that stored {', '.join(found) or 'nothing'} has no curve; say in "
        "`live.runs.curve` which part shows most."
    )


def of_claim(primary: Mapping[str, Any]) -> dict[str, Any]:
    """The runs behind a primary measure of the ledger, as ``runs.mjs`` draws them."""
    values = stored(primary["result"].split("/")[-1].removesuffix(".json"))["values"]
    curves = {
        arm: {seed: curve(found) for seed, found in values[arm].items()}
        for arm in primary["arms"]
    }
    some = next(iter(next(iter(curves.values())).values()))
    return {
        "x": some.x,
        "y": some.y,
        "log": "updates" in some.y,
        "names": list(some.values),
        "arms": {
            arm: {
                seed: [its.values[name] for name in some.values]
                for seed, its in seeds.items()
            }
            for arm, seeds in curves.items()
        },
    }
