"""The claims of the course, and what is shown beside the measure that judges each.

What judges a claim is declared in `declarations`: one primary measure each, before its
numbers. The measures here are *secondary*: they say more about a claim, from other sides
and in other units, and are never counted. `ledger` writes both down.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from seq2seq_lib.page import right_by_length

Take = Callable[[Mapping[str, Any]], float]
LONG, LONGEST = "13-24", "21-24"  # words; numbers have at most 23
LIMIT = 1500  # updates after which a needle counts as found, though it was not


class Claim(NamedTuple):
    """A sentence that people repeat, where it is told, and what of it stays open.

    Args:
        statement: what is judged.
        chapter: where its experiment is explained.
        short: the primary measure in few words, for a figure.
        open_half: what people say with it and these experiments cannot tell, and why.
    """

    statement: str
    chapter: str
    short: str
    open_half: str = ""


CLAIMS = {
    1: Claim(
        "One fixed-length vector is enough for short inputs.",
        "06-the-bottleneck",
        "exact match of 1 to 4 words, fixed context",
    ),
    2: Claim(
        "Such a vector loses information as inputs grow.",
        "06-the-bottleneck",
        "bits lost of the 16 that symbols 9 to 12 bring, fixed context",
    ),
    3: Claim(
        "Distant dependencies suffer most.",
        "06-the-bottleneck",
        "slope of log updates on log distance: fixed context minus attention",
    ),
    4: Claim(
        "Attention looks at a different part of the input at every step, and has to.",
        "10-alignment",
        "exact match from 13 words on: learned weights minus the best others",
    ),
    5: Claim(
        "The context is the weighted sum of the encoder's states, and every step needs it.",
        "07-attention-from-scratch",
        "exact match from 13 words on: context at every step minus once",
    ),
    6: Claim(
        "Outputs become more accurate.",
        "08-additive-attention",
        "exact match from 13 words on: attention minus fixed context",
        "More coherent? Cannot tell: number words have a strict grammar, which both models "
        "keep, so wrong answers are as well formed as right ones. It takes real text.",
    ),
    7: Claim(
        "The weights align the output with the input.",
        "10-alignment",
        "alignment error rate, IBM Model 1 minus the weights",
    ),
    8: Claim(
        "Attention's lead holds on real sentences.",
        "08-additive-attention",
        "BLEU of captions, attention minus fixed context",
    ),
}


# --- where a number stands in what one seed measured -----------------------------------


def at(*keys: str | int) -> Take:
    """The number at the end of keys, each within the one before."""

    def take(values: Mapping[str, Any]) -> float:
        found: Any = values
        for key in keys:
            found = found[key]
        return float(found)

    return take


def less(one: Take, other: Take) -> Take:
    """The difference of two numbers of one seed."""
    return lambda values: one(values) - other(values)


def right(lengths: str) -> Take:
    """The share of right answers to sources of some lengths, from the stored answers."""
    first, last = map(int, lengths.split("-"))

    return lambda values: right_by_length(values["hits"], [(first, last)])[lengths]


def updates_at(distance: int) -> Take:
    """Updates until a needle was found; the limit where it never was."""
    return lambda values: float(values["learned"][str(distance)] or LIMIT)


@dataclass(frozen=True)
class Measure:
    """One number for each seed of both models.

    Args:
        name: what is measured, with its unit.
        take: finds the number in one seed's values.
        source: the results file, without its ending.
        arms: of the fixed context, or whatever stands against attention, and of attention.
    """

    name: str
    take: Take
    source: str = "comparison"
    arms: tuple[str, str] = ("fixed", "additive")


def pair(size: str) -> tuple[str, str]:
    """The arms of a size: fixed context and additive attention."""
    return f"fixed, {size}", f"additive, {size}"


def longer(mechanism: str) -> tuple[str, str]:
    """The arms that were trained on at full size: a mechanism and additive attention."""
    return f"{mechanism}, 96, 3000 updates", "additive, 96, 3000 updates"


unchanged = at("interventions", "unchanged")
ablations = partial(Measure, source="ablations")
aligned = partial(Measure, source="alignment", arms=("fixed", "additive, before"))
captions = partial(Measure, source="multi30k_small")
LONG_CAPTIONS = at("by_reference_length", "20-99", "bleu")

SECONDARY = {
    1: [],
    2: [
        Measure(
            "bits of the longest numbers that have to be guessed, full size, after 12,000 "
            "updates (attention: 3,000)",
            at("curve", -1, "missing"),
            "surface",
            pair("96"),
        ),
        Measure(
            "exact match, 21-24 words, a sixth of the size, after 12,000 updates "
            "(attention: 3,000)",
            at("curve", -1, "exact_match", LONGEST),
            "surface",
            pair("16"),
        ),
    ],
    3: [
        Measure(
            "updates (mean) until a needle at distance 31 is found, default gate",
            updates_at(31),
            "distance",
            ("fixed, default gate", "additive, default gate"),
        )
    ],
    4: [
        ablations(
            "exact match, 13 words and more: one look for all steps, deaf to the query",
            right(LONG),
            arms=("deaf, 96", "additive, 96"),
        ),
        ablations(
            "the same: a place that moves on by one learned distance at every step",
            right(LONG),
            arms=("diagonal, 96", "additive, 96"),
        ),
        ablations(
            "the same place after 3,000 updates",
            right(LONG),
            arms=longer("diagonal"),
        ),
    ],
    5: [
        ablations(
            "exact match, 13 words and more: context once, after 3,000 updates",
            right(LONG),
            arms=longer("once"),
        ),
        Measure(
            "exact match, all lengths, lost when a trained model's context is withheld",
            less(unchanged, at("interventions", "withheld")),
        ),
    ],
    6: [
        ablations(
            "exact match, 13 words and more, equal time",
            right(LONG),
            arms=("fixed, 96, equal time", "additive, 96"),
        ),
        ablations(
            "the same at a sixth of the size",
            right(LONG),
            arms=("fixed, 16, equal time", "additive, 16"),
        ),
        ablations("after 3,000 updates, full size", right(LONG), arms=longer("fixed")),
        Measure("BLEU, number words", at("bleu")),
        Measure("chrF, number words", at("chrf")),
        Measure("perplexity of the reference", at("perplexity")),
        Measure("share of answers that are well-formed numbers", at("well_formed")),
    ],
    7: [
        aligned(
            "alignment error rate by gradients of both, content words",
            at("aer_of_gradients", "content"),
        ),
        aligned(
            "the same on hundreds, thousands and millions",
            at("aer_of_gradients", "function"),
        ),
    ],
    8: [
        captions("chrF, captions", at("chrf")),
        captions("BLEU of captions of 20 words and more", LONG_CAPTIONS),
        captions(
            "fall of BLEU from captions of up to 9 words to those of 20 and more",
            less(at("by_reference_length", "1-9", "bleu"), LONG_CAPTIONS),
        ),
    ],
}
