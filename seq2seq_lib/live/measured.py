"""Pieces that show what experiments stored, each as the value of a cell.

See ``place`` for how a piece stands in a page and in a notebook.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from seq2seq_lib.live import runs
from seq2seq_lib.live.place import piece, wait
from seq2seq_lib.require import require


def rates(
    times: Mapping[tuple[str, float, float], Mapping[int, Sequence[int | None]]],
    limit: int,
    first: tuple[float, float],
) -> Any:
    """How long needles took at every distance, for a rate and a bias that one chooses.

    Args:
        times: for each model ("fixed" or "additive"), rate, and bias of the update gates:
            for each distance the updates of every seed, None where it was never found.
        limit: updates, after which a search was given up.
        first: the rate and the bias that are chosen at first.

    Raises:
        ValueError: a rate was not tried with every bias.
    """
    models = sorted({model for model, _, _ in times})
    tried = sorted({rate for _, rate, _ in times})
    biases = sorted({bias for _, _, bias in times})
    require(
        len(times) == len(models) * len(tried) * len(biases),
        f"{len(times)} settings are not every one of {len(tried)} rates with each of "
        f"{len(biases)} biases, for {len(models)} models.",
    )
    data = {
        "distances": list(next(iter(times.values()))),
        "rates": tried,
        "biases": biases,
        "limit": limit,
        "times": {
            m: [[list(times[m, r, b].values()) for r in tried] for b in biases]
            for m in models
        },
        "first": dict(zip(("rate", "bias"), first, strict=True)),
    }
    what = wait("choose a learning rate and a bias, and see what a distance costs")
    return piece("rates", {"times": json.dumps(data)}, what, (30, 32))


def bits(
    curves: Mapping[tuple[str, int], Mapping[int, Sequence[float]]],
    per_symbol: int,
    first: int,
) -> Any:
    """How many bits come through a few numbers, for a size and a budget that one chooses.

    Args:
        curves: for each model ("fixed" or "attention") and size, by updates: the bits that
            come through of sources of 1, 2, ... symbols.
        per_symbol: bits that a symbol brings.
        first: the size that is chosen at first.

    Raises:
        ValueError: a size was not tried with both models.
    """
    models = ("fixed", "attention")
    sizes = sorted({size for _, size in curves})
    require(
        {*curves} == {(model, size) for model in models for size in sizes},
        f"Each of the sizes {sizes} needs both models, fixed and attention.",
    )
    data = {
        "sizes": sizes,
        "budgets": sorted({updates for curve in curves.values() for updates in curve}),
        "perSymbol": per_symbol,
        "curves": {
            model: {
                size: [
                    {"updates": updates, "bits": [round(value, 2) for value in through]}
                    for updates, through in curves[model, size].items()
                ]
                for size in sizes
            }
            for model in models
        },
        "first": first,
    }
    what = wait("choose how many numbers are let through, and for how long one trains")
    return piece("bits", {"curves": json.dumps(data)}, what, (30, 30))


def verdict(claims: Mapping[str, Mapping[str, Any]]) -> Any:
    """Judged claims, their runs, and what their verdicts would be had more mattered.

    Args:
        claims: of the ledger, by number, each with its ``primary`` measure.
    """
    kept = ("short", "values", "low", "high", "effect", "rule")
    data = [
        {
            "number": number,
            **{key: claim["primary"][key] for key in kept},
            "p": claim["primary"].get("p", 0.0),
            "met": all(claim["primary"]["conditions"].values()),
            "runs": runs.of_claim(claim["primary"]),
        }
        for number, claim in claims.items()
    ]
    what = wait("move what would have mattered and read the verdict")
    return piece("verdict", {"claims": json.dumps(data)}, what, (32, 35))
