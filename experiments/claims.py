"""The claims of the course as data: what is said, what is measured, what would support it.

`ledger` judges them. The rules were written before `comparison`, `needle`, `alignment`,
`extrapolation` and the captions with five seeds had run; `train_longer` was known by then.
Its narrow models and the captions ran again later, at tuned rates; no rule was changed.
One choice came later: claim 7 was first written for the query after the step, and the
course's own model, which asks before it, was put first when both results were in. The
first version stays as the claim's last measure.

    higher              the claim says which model has the higher number. The measure
                        supports it when the 95% interval of the paired differences lies
                        on that side of zero, contradicts it when it lies on the other,
                        and else shows nothing.
    at least, at most   the claim says what one model reaches. The measure supports it when
                        the 95% interval lies beyond the level, contradicts it when it lies
                        short of it, and else shows nothing.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple


class Rule(NamedTuple):
    """That ``"fixed"`` or ``"attention"`` is above the other, or reaches a level."""

    side: str
    wording: str = "higher"
    level: float | None = None

    def __str__(self) -> str:
        level = "" if self.level is None else f" {self.level:g}"
        return f"{self.side} {self.wording}{level}"


@dataclass(frozen=True)
class Measure:
    """One number for each seed of both models.

    A place is where a number stands in one seed's values: the keys on the way to it, with
    slashes between them. A number that was never reached is stored as null, and counts as
    the limit of the experiment.

    Args:
        name: what is measured, with its unit.
        place: of the number.
        rule: what would support the claim.
        source: the results file, without its ending.
        arms: of the fixed context and of the model with attention.
        minus: the place of a number that is taken from it.
        over: the place of a number that it is divided by.
        place_fixed: the place in the fixed context's values, where that differs.
        limit: values from here on are censored: the true ones are at least as large.
    """

    name: str
    place: str
    rule: Rule
    source: str = "comparison"
    arms: tuple[str, str] = ("fixed", "additive")
    minus: str | None = None
    over: str | None = None
    place_fixed: str | None = None
    limit: float | None = None


class Claim(NamedTuple):
    """A sentence that people repeat, where it is told, and which measure stands for it."""

    statement: str
    chapter: str
    headline: int = 0


CLAIMS = {
    1: Claim("One fixed-length vector is enough for short inputs.", "06-the-bottleneck"),
    2: Claim("It loses information as inputs grow.", "06-the-bottleneck"),
    3: Claim("Distant dependencies suffer most.", "06-the-bottleneck"),
    4: Claim(
        "Attention looks at a different part of the input at every step.", "10-alignment"
    ),
    5: Claim(
        "The context is the weighted sum of the encoder's states, and every step uses it.",
        "07-attention-from-scratch",
        headline=1,
    ),
    6: Claim("Outputs become more accurate and more coherent.", "08-additive-attention"),
    7: Claim("The weights align the output with the input.", "10-alignment"),
    8: Claim(
        "It holds on real sentences, and most for long ones.", "08-additive-attention"
    ),
}

FIXED, ATTENTION = Rule("fixed"), Rule("attention")
ALIGNED = Rule("attention", "at most", 0.10)
fall = partial(Measure, place="exact_match/1-4", rule=FIXED, minus="exact_match/21-24")
found = partial(
    Measure,
    place="learned/31",
    rule=FIXED,
    source="needle",
    arms=("fixed, one-way, 0.01", "additive, one-way, 0.01"),
)
lost = partial(Measure, place="interventions/unchanged")
# The course's model asks before the step; a row belongs to the word written at it.
content, function, function_after = (
    partial(
        Measure,
        place=f"aer/{words}",
        source="alignment",
        arms=("fixed", f"additive, {query}"),
        place_fixed=f"aer_of_gradients/{words}",
    )
    for words, query in (
        ("content", "before"),
        ("function", "before"),
        ("function", "after"),
    )
)
captions = partial(Measure, source="multi30k_small")
LONG = "by_reference_length/20-99/bleu"

MEASURES = {
    1: [
        Measure(
            "exact match, 1-4 words", "exact_match/1-4", Rule("fixed", "at least", 0.95)
        )
    ],
    2: [
        fall("fall of exact match from 1-4 to 21-24 words, after 400 updates"),
        fall(
            "the same fall at a third of the hidden size, after 3,000 updates",
            source="train_longer",
            arms=("narrow fixed", "narrow additive"),
        ),
        fall(
            "the same fall at full size: fixed context after 3,000 updates, attention "
            "after 400",
            source="train_longer",
            arms=("fixed, longer", "additive"),
        ),
    ],
    3: [
        found(
            "updates until one token of 64 is found, at distance 31 from the end",
            limit=1500,
        ),
        found("updates at distance 31 over updates at distance 0", over="learned/0"),
    ],
    4: [
        Measure(
            "how far the weights move from step to step (0 to 1)", "movement", ATTENTION
        ),
        lost(
            "exact match lost when every step looks where the first one did",
            rule=ATTENTION,
            minus="interventions/frozen",
        ),
        lost(
            "exact match lost when the weights are shuffled",
            rule=ATTENTION,
            minus="interventions/shuffled",
        ),
    ],
    5: [
        Measure(
            "largest difference between loop, matrix product and class",
            "three_ways",
            Rule("attention", "at most", 1e-4),
        ),
        lost(
            "exact match lost when the context is withheld",
            rule=Rule("attention", "at least", 0.5),
            minus="interventions/withheld",
        ),
    ],
    6: [
        Measure("exact match, all lengths", "exact_match_all", ATTENTION),
        Measure("BLEU, number words", "bleu", ATTENTION),
        Measure("chrF, number words", "chrf", ATTENTION),
        Measure("perplexity of the reference", "perplexity", FIXED),
        Measure(
            "share of answers that are well-formed numbers, right or wrong",
            "well_formed",
            ATTENTION,
        ),
    ],
    7: [
        content("alignment error rate, content words (fixed: by gradients)", rule=FIXED),
        content("alignment error rate of the weights on content words", rule=ALIGNED),
        function("the same on hundreds, thousands and millions", rule=ALIGNED),
        function_after("the same, for a model that asks after the step", rule=ALIGNED),
    ],
    8: [
        captions("BLEU, captions", "bleu", ATTENTION),
        captions("chrF, captions", "chrf", ATTENTION),
        captions("BLEU of captions of 20 words and more", LONG, ATTENTION),
        captions(
            "fall of BLEU from the shortest captions to these",
            "by_reference_length/1-9/bleu",
            FIXED,
            minus=LONG,
        ),
    ],
}

# Lengths that training never showed: no claim of ours, and often mixed up with one.
REACH = [
    Measure(
        f"exact match, {bucket} words, trained on at most 12",
        f"exact_match/{bucket}",
        ATTENTION,
        "extrapolation",
    )
    for bucket in ("9-12", "13-16", "21-24")
]
