"""The claims of the course as data: what is said, what is measured, what would support it.

`ledger` judges them. The rules were written before `comparison`, `needle`, `alignment`,
`extrapolation` and the captions with five seeds had run; `train_longer` was known by then.
Its narrow models and the captions ran again later, at tuned rates; no rule was changed.
One choice came later: claim 7 was first written for the query after the step, and the
course's own model, which asks before it, was put first when both results were in. The
first version stays as the claim's last measure.

    difference   the claim says which model has the higher number. The measure supports
                 it when the 95% interval of the paired differences lies on that side
                 of zero, contradicts it when it lies on the other, and else shows nothing.
    level        the claim says what one model reaches. The measure supports it when the
                 95% interval lies beyond the level, contradicts it when it lies short
                 of it, and else shows nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A number that one model, ``"fixed"`` or ``"attention"``, is said to reach."""

    side: str
    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"{self.side} at least {self.at_least:g}"
        return f"{self.side} at most {self.at_most:g}"


@dataclass(frozen=True)
class Difference:
    """Which model is said to have the higher number."""

    higher: str

    def __str__(self) -> str:
        return f"{self.higher} higher"


@dataclass(frozen=True)
class Measure:
    """One number for each seed of both models.

    A place is where a number stands in one seed's values: the keys on the way to it, with
    slashes between them. A number that was never reached is stored as null, and counts as
    the limit of the experiment.

    Args:
        name: what is measured, with its unit.
        source: the results file, without its ending.
        place: of the number.
        rule: what would support the claim.
        minus: the place of a number that is taken from it.
        over: the place of a number that it is divided by.
        arms: of the fixed context and of the model with attention.
        place_fixed: the place in the fixed context's values, where that differs.
        limit: values from here on are censored: the true ones are at least as large.
    """

    name: str
    source: str
    place: str
    rule: Level | Difference
    minus: str | None = None
    over: str | None = None
    arms: tuple[str, str] = ("fixed", "additive")
    place_fixed: str | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Claim:
    """A sentence that people repeat, and what could have contradicted it."""

    number: int
    statement: str
    chapter: str
    measures: tuple[Measure, ...]
    headline: int = 0  # which of the measures stands for the claim in a figure


FIXED, ATTENTION = Difference("fixed"), Difference("attention")
SHORT, LONG = "exact_match/1-4", "exact_match/21-24"
NEEDLES = ("fixed, one-way, 0.01", "additive, one-way, 0.01")
# The course's model asks before the step; a row belongs to the word written at it.
BEFORE, AFTER = ("fixed", "additive, before"), ("fixed", "additive, after")

CLAIMS = (
    Claim(
        1,
        "One fixed-length vector is enough for short inputs.",
        "06-the-bottleneck",
        (
            Measure(
                "exact match, 1-4 words", "comparison", SHORT, Level("fixed", at_least=0.95)
            ),
        ),
    ),
    Claim(
        2,
        "It loses information as inputs grow.",
        "06-the-bottleneck",
        (
            Measure(
                "fall of exact match from 1-4 to 21-24 words, after 400 updates",
                "comparison",
                SHORT,
                FIXED,
                minus=LONG,
            ),
            Measure(
                "the same fall at a third of the hidden size, after 3,000 updates",
                "train_longer",
                SHORT,
                FIXED,
                minus=LONG,
                arms=("narrow fixed", "narrow additive"),
            ),
            Measure(
                "the same fall at full size: fixed context after 3,000 updates, attention "
                "after 400",
                "train_longer",
                SHORT,
                FIXED,
                minus=LONG,
                arms=("fixed, longer", "additive"),
            ),
        ),
    ),
    Claim(
        3,
        "Distant dependencies suffer most.",
        "06-the-bottleneck",
        (
            Measure(
                "updates until one token of 64 is found, at distance 31 from the end",
                "needle",
                "learned/31",
                FIXED,
                arms=NEEDLES,
                limit=1500,
            ),
            Measure(
                "updates at distance 31 over updates at distance 0",
                "needle",
                "learned/31",
                FIXED,
                over="learned/0",
                arms=NEEDLES,
            ),
        ),
    ),
    Claim(
        4,
        "Attention looks at a different part of the input at every step.",
        "10-alignment",
        (
            Measure(
                "how far the weights move from step to step (0 to 1)",
                "comparison",
                "movement",
                ATTENTION,
            ),
            Measure(
                "exact match lost when every step looks where the first one did",
                "comparison",
                "interventions/unchanged",
                ATTENTION,
                minus="interventions/frozen",
            ),
            Measure(
                "exact match lost when the weights are shuffled",
                "comparison",
                "interventions/unchanged",
                ATTENTION,
                minus="interventions/shuffled",
            ),
        ),
    ),
    Claim(
        5,
        "The context is the weighted sum of the encoder's states, and every step uses it.",
        "07-attention-from-scratch",
        (
            Measure(
                "largest difference between loop, matrix product and class",
                "comparison",
                "three_ways",
                Level("attention", at_most=1e-4),
            ),
            Measure(
                "exact match lost when the context is withheld",
                "comparison",
                "interventions/unchanged",
                Level("attention", at_least=0.5),
                minus="interventions/withheld",
            ),
        ),
        headline=1,
    ),
    Claim(
        6,
        "Outputs become more accurate and more coherent.",
        "08-additive-attention",
        (
            Measure("exact match, all lengths", "comparison", "exact_match_all", ATTENTION),
            Measure("BLEU, number words", "comparison", "bleu", ATTENTION),
            Measure("chrF, number words", "comparison", "chrf", ATTENTION),
            Measure("perplexity of the reference", "comparison", "perplexity", FIXED),
            Measure(
                "share of answers that are well-formed numbers, right or wrong",
                "comparison",
                "well_formed",
                ATTENTION,
            ),
        ),
    ),
    Claim(
        7,
        "The weights align the output with the input.",
        "10-alignment",
        (
            Measure(
                "alignment error rate, content words (fixed: by gradients)",
                "alignment",
                "aer/content",
                FIXED,
                arms=BEFORE,
                place_fixed="aer_of_gradients/content",
            ),
            Measure(
                "alignment error rate of the weights on content words",
                "alignment",
                "aer/content",
                Level("attention", at_most=0.10),
                arms=BEFORE,
                place_fixed="aer_of_gradients/content",
            ),
            Measure(
                "the same on hundreds, thousands and millions",
                "alignment",
                "aer/function",
                Level("attention", at_most=0.10),
                arms=BEFORE,
                place_fixed="aer_of_gradients/function",
            ),
            Measure(
                "the same, for a model that asks after the step",
                "alignment",
                "aer/function",
                Level("attention", at_most=0.10),
                arms=AFTER,
                place_fixed="aer_of_gradients/function",
            ),
        ),
    ),
    Claim(
        8,
        "It holds on real sentences, and most for long ones.",
        "08-additive-attention",
        (
            Measure("BLEU, captions", "multi30k_small", "bleu", ATTENTION),
            Measure("chrF, captions", "multi30k_small", "chrf", ATTENTION),
            Measure(
                "BLEU of captions of 20 words and more",
                "multi30k_small",
                "by_reference_length/20-99/bleu",
                ATTENTION,
            ),
            Measure(
                "fall of BLEU from the shortest captions to these",
                "multi30k_small",
                "by_reference_length/1-9/bleu",
                FIXED,
                minus="by_reference_length/20-99/bleu",
            ),
        ),
    ),
)

# Lengths that training never showed: no claim of ours, and often mixed up with one.
REACH = tuple(
    Measure(
        f"exact match, {bucket} words, trained on at most 12",
        "extrapolation",
        f"exact_match/{bucket}",
        ATTENTION,
    )
    for bucket in ("9-12", "13-16", "21-24")
)
