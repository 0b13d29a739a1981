"""The checks of assignment A4, Alignment and decoding.

In a notebook: ``from a4_checks import check``, then ``check("links", links_of)``.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from seq2seq_lib.checker import Checker
from seq2seq_lib.checking import Case, Criterion, Exercise, Inputs, Judge, described
from seq2seq_lib.comparisons import TOLERANCE, first_difference, same, wrong_shape

LIBRARY = (
    "seq2seq_lib.metrics",
    "seq2seq_lib.decoding",
    "seq2seq_lib.interventions",
    "a4_checks",
    "assignments",
)
PAD = 0
BEFORE_FIRST, END = "<bos>", "<eos>"
Link = tuple[int, int]
# A wrong number that we know: what is right, what was answered, what that says.
Known = tuple[float, float, str]


def close(a: float, b: float) -> bool:
    """Whether two numbers are nearly equal."""
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def number(value: Any) -> float | None:
    """``value`` as a float, or None if it is no single number."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def whole(value: Any) -> int | None:
    """``value`` as an int, or None if it is no single whole number."""
    found = number(value)
    return None if found is None or found != round(found) else int(found)


def wrong_number(
    answer: Any, right: float, what: str, known: Iterable[Known] = ()
) -> str | None:
    """None if ``answer`` is ``right``, else what we know of that mistake."""
    found = number(answer)
    if found is None:
        return f"{what} has to be a number, but it is a {type(answer).__name__}."
    if close(found, right):
        return None
    for its_right, its_wrong, says in known:
        if close(right, its_right) and close(found, its_wrong):
            return f"{what} is {found:.4g} and should be {right:.4g}: {says}"
    return f"{what} is {found:.4g}, but {right:.4g} is right."


def where(condition: Callable[[Inputs], bool], judge: Judge) -> Judge:
    """A judge that looks only at the cases whose inputs fulfil ``condition``."""

    def chosen(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        return judge(inputs, answer, expected) if condition(inputs) else None

    return chosen


# --- links ------------------------------------------------------------------------------


def links_in(answer: Any) -> tuple[set[Link], str | None]:
    """The links of an answer, and what is wrong with its form."""
    if not isinstance(answer, list):
        return set(), f"The answer has to be a set, but it is a {type(answer).__name__}."
    links = set()
    for pair in answer:
        ends = [whole(end) for end in pair] if isinstance(pair, list) else []
        if len(ends) != 2 or None in ends:
            return set(), (
                "A link is a pair of two whole numbers (target position, source "
                f"position), but the answer holds {pair!r}."
            )
        links.add((int(ends[0] or 0), int(ends[1] or 0)))
    return links, None


def judge_largest(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    links, told = links_in(answer)
    if told:
        return told
    weights, tgt_len, src_len = inputs["weights"], inputs["tgt_len"], inputs["src_len"]
    right = {(t, s) for t, s in expected}
    turned = {(s, t) for t, s in right}
    if turned <= links and right - links:
        t, s = min(right - links)
        return f"Your link ({s}, {t}) is (source, target); (target, source) was asked for."
    for t in range(tgt_len):
        row = weights[t]
        own = sorted(s for its_t, s in links if its_t == t)
        if len(own) != 1:
            return (
                f"Row {t} has {len(own)} links in your answer; each row of a word becomes "
                "one link, to its own largest weight."
            )
        if not 0 <= own[0] < len(row):
            return f"Row {t} is linked to column {own[0]}, which does not exist."
        largest = int(row.argmax())
        if largest < src_len and own[0] != largest:
            which = "its smallest weight" if own[0] == int(row.argmin()) else "its weight"
            return (
                f"Row {t} is linked to column {own[0]}, where {which} is "
                f"{row[own[0]]:.2f}; its largest is {row[largest]:.2f}."
            )
    return None


def judge_words_only(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    links, told = links_in(answer)
    extra = sorted(t for t, _ in links if not 0 <= t < inputs["tgt_len"])
    if told or not extra:
        return told
    what = "EOS" if extra[0] == inputs["tgt_len"] else "padding"
    return (
        f"There is a link of row {extra[0]}, but the target has {inputs['tgt_len']} words "
        f"(rows 0 to {inputs['tgt_len'] - 1}): that row belongs to {what}."
    )


def judge_real_columns(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    links, told = links_in(answer)
    if told:
        return told
    weights, src_len = inputs["weights"], inputs["src_len"]
    for t, right in expected:
        found = next((s for its_t, s in links if its_t == t), None)
        if found is not None and found >= src_len:
            return (
                f"Row {t} is linked to column {found}, where {weights[t][found]:.2f} "
                f"stands, but the source has {src_len} words: that column is padding."
            )
        if found != right:
            return f"Row {t} is linked to {found}; column {right} is its largest real one."
    return None


def links_examples() -> list[Case]:
    return [
        Case(
            {
                "weights": torch.tensor(
                    [
                        [0.1, 0.7, 0.2],
                        [0.3, 0.2, 0.5],
                        [0.2, 0.1, 0.7],  # EOS
                    ]
                ),
                "tgt_len": 2,
                "src_len": 3,
            },
            [(0, 1), (1, 2)],
        ),
        Case(
            {
                "weights": torch.tensor(
                    [
                        [0.1, 0.2, 0.6, 0.1, 0.0, 0.0],
                        [0.3, 0.4, 0.2, 0.1, 0.9, 0.8],
                        [0.7, 0.1, 0.1, 0.1, 0.2, 0.1],
                        [0.1, 0.2, 0.3, 0.4, 0.0, 0.0],  # EOS
                        [0.9, 0.0, 0.1, 0.0, 0.5, 0.5],  # padding
                    ]
                ),
                "tgt_len": 3,
                "src_len": 4,
            },
            [(0, 2), (1, 1), (2, 0)],
        ),
    ]


LINKS = Exercise(
    key="links",
    title="1 · Links from a table of weights",
    answers=("links_of",),
    criteria=(
        Criterion("each word is linked to its largest weight", 1, judge_largest, gate=True),
        Criterion("EOS and padding rows have no link", 1, judge_words_only),
        Criterion("no word is linked to a padding column", 1, judge_real_columns),
    ),
    examples=links_examples,
    forbidden=LIBRARY,
)


# --- alignment error rate ---------------------------------------------------------------


def run_aer(student: SimpleNamespace, inputs: Inputs) -> Any:
    def sets(name: str) -> list[set[Link]]:
        return [{(t, s) for t, s in links} for links in inputs[name]]

    return student.error_rate(sets("found"), sets("sure"), sets("possible"))


def all_sure(inputs: Inputs) -> bool:
    """Whether there is one sentence and no merely possible link."""
    return len(inputs["found"]) == 1 and len(inputs["sure"][0]) == len(
        inputs["possible"][0]
    )


def some_possible(inputs: Inputs) -> bool:
    """Whether there is one sentence, with links that are merely possible."""
    return len(inputs["found"]) == 1 and not all_sure(inputs)


def whole_corpus(inputs: Inputs) -> bool:
    """Whether there are several sentences."""
    return len(inputs["found"]) > 1


AER_KNOWN: list[Known] = [
    (2 / 5, 1 / 4, "this is 1 - precision, and the gold links count too."),
    (2 / 5, 1 / 2, "this is 1 - recall, and the links found count too."),
    (2 / 5, 3 / 5, "this is the share that agrees, not the error."),
    (2 / 5, 7 / 10, "a sure link that was found agrees with S and with P."),
    (3 / 8, 2 / 5, "this is 1 - precision, and the sure links count too."),
    (3 / 8, 3 / 5, "this counts a link that is only possible as a mistake."),
    (3 / 8, 1 / 3, "this is 1 - recall; look at P as well."),
    (3 / 8, 7 / 12, "P is in the denominator, where S belongs."),
    (3 / 8, 1 / 2, "S and P are treated alike, but only S has to be found."),
    (3 / 8, 5 / 8, "this is the share that agrees, not the error."),
    (3 / 13, 11 / 27, "this is the mean of the sentences' rates; add up first."),
]


def judge_aer(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    return wrong_number(answer, expected, "The error rate", AER_KNOWN)


def aer_examples() -> list[Case]:
    sure = [(0, 0), (1, 2), (2, 1), (2, 2), (3, 1), (4, 3)]
    return [
        Case(
            {
                "found": [[(0, 0), (1, 2), (2, 1), (3, 3)]],
                "sure": [sure],
                "possible": [sure],
            },
            2 / 5,
        ),
        Case(
            {
                "found": [[(0, 0), (1, 1), (2, 2), (3, 1), (4, 0)]],
                "sure": [[(0, 0), (1, 1), (3, 2)]],
                "possible": [[(0, 0), (1, 1), (3, 2), (2, 2), (2, 3), (4, 2), (4, 3)]],
            },
            3 / 8,
        ),
        Case(
            {
                "found": [
                    [(0, 1), (1, 0)],
                    [(0, 0), (1, 2), (2, 2), (3, 1), (4, 3)],
                    [(0, 1)],
                ],
                "sure": [[(0, 1)], [(0, 0), (1, 2), (3, 3), (4, 3)], []],
                "possible": [
                    [(0, 1), (1, 0)],
                    [(0, 0), (1, 2), (2, 2), (3, 2), (3, 3), (4, 3)],
                    [(0, 0), (1, 1)],
                ],
            },
            3 / 13,
        ),
    ]


AER = Exercise(
    key="aer",
    title="2 · Sure links and possible links",
    answers=("error_rate",),
    criteria=(
        Criterion("one sentence, every gold link sure", 2, where(all_sure, judge_aer)),
        Criterion(
            "possible links excuse, and are not owed", 2, where(some_possible, judge_aer)
        ),
        Criterion("one rate for the whole corpus", 1, where(whole_corpus, judge_aer)),
    ),
    examples=aer_examples,
    run=run_aer,
    forbidden=LIBRARY,
)


# --- entropy ----------------------------------------------------------------------------

ROW = ("batch", "step")


def row_kinds(inputs: Inputs) -> dict[str, Tensor]:
    """Which rows are plain, have a weight of zero, have padding; each (batch, tgt_len)."""
    weights, mask = inputs["weights"], inputs["mask"]
    zero = ((weights == 0) & mask[:, None, :]).any(dim=-1)
    padded = (~mask).any(dim=-1)[:, None].expand_as(zero)
    return {
        "plain": ~zero & ~padded,
        "zero": zero & ~padded,
        "padded": ~zero & padded,
    }


BASES = {"bits": 1.0, "nats": math.log(2), "decimal digits": math.log10(2)}


def base_of(rows: Tensor, answer: Tensor, expected: Tensor) -> str | None:
    """The unit in which the chosen rows are right, or None."""
    return next(
        (unit for unit, f in BASES.items() if same(answer[rows], f * expected[rows])), None
    )


def judge_entropy(which: str) -> Judge:
    """A judge of one kind of rows, in whatever unit."""

    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        told = None
        if not isinstance(answer, Tensor) or answer.shape != expected.shape:
            told = wrong_shape(answer, expected, ROW)
        rows = row_kinds(inputs)[which]
        if told or not rows.any() or base_of(rows, answer, expected):
            return told
        i, t = rows.nonzero()[0].tolist()
        for i, t in rows.nonzero().tolist():
            if not any(close(answer[i, t], f * expected[i, t]) for f in BASES.values()):
                break
        found, right = float(answer[i, t]), float(expected[i, t])
        at = f"The entropy of batch {i}, step {t}"
        if math.isnan(found) or math.isinf(found):
            why = "0 times the logarithm of 0 counts as 0." if which == "zero" else ""
            return f"{at} is {found}; every entropy is a finite number. {why}".strip()
        if any(close(-found, f * right) for f in BASES.values()) and right:
            return f"{at} is {found:.4g}, which is negative: a sign is missing."
        if any(
            close(found * k, f * right)
            for f in BASES.values()
            for k in inputs["weights"].shape[1:]
        ):
            return f"{at} is {found:.4g}: a mean was taken where the sum belongs."
        if close(found, 2**right) or close(found, math.exp(right * math.log(2))):
            return f"{at} is {found:.4g}: that is how many words it looks at, not bits."
        if which == "padded":
            return (
                f"{at} is {found:.4g}, but {right:.4g} bits are right: "
                f"{int((~inputs['mask'][i]).sum())} of its columns are padding, and what "
                "stands there does not count."
            )
        return f"{at} is {found:.4g}, but {right:.4g} bits are right."

    return judge


def judge_bits(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = judge_entropy("plain")(inputs, answer, expected)
    rows = row_kinds(inputs)["plain"]
    if told or not rows.any() or same(answer[rows], expected[rows]):
        return told
    i, t = rows.nonzero()[0].tolist()
    return (
        f"The entropy of batch {i}, step {t} is {answer[i, t]:.4g} "
        f"{base_of(rows, answer, expected)}; in bits it is {expected[i, t]:.4g}."
    )


def entropy_examples() -> list[Case]:
    return [
        Case(
            {
                "weights": torch.tensor([[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]]),
                "mask": torch.tensor([[True, True, True]]),
            },
            torch.tensor([[1.5, 1.5]]),
        ),
        Case(
            {
                "weights": torch.tensor(
                    [
                        [[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0], [0, 0, 1.0, 0]],
                        [[0.5, 0.5, 0.25, 0.0], [0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.9, 0.9]],
                        [
                            [0.125, 0.25, 0.5, 0.125],
                            [0.5, 0.125, 0.125, 0.25],
                            [0.5, 0.0, 0.25, 0.25],
                        ],
                    ]
                ),
                "mask": torch.tensor(
                    [
                        [True, True, True, True],
                        [True, True, False, False],
                        [True, True, True, True],
                    ]
                ),
            },
            torch.tensor([[2.0, 1.0, 0.0], [1.0, 1.0, 1.0], [1.75, 1.75, 1.5]]),
        ),
    ]


ENTROPY = Exercise(
    key="entropy",
    title="3 · How widely a row looks",
    answers=("bits",),
    criteria=(
        Criterion(
            "rows without zeros and without padding, in any unit", 1, judge_entropy("plain")
        ),
        Criterion("a weight of zero adds nothing", 1, judge_entropy("zero")),
        Criterion("padding adds nothing", 1, judge_entropy("padded")),
        Criterion("the unit is bits", 1, judge_bits),
    ),
    examples=entropy_examples,
    forbidden=(*LIBRARY, "torch.distributions"),
)


# --- one step of a beam -----------------------------------------------------------------


def beam_parts(answer: Any, width: int) -> tuple[list[Any], str | None]:
    """Parents, tokens and scores of an answer as lists, and what is wrong with its form."""
    if not isinstance(answer, list) or len(answer) != 3:
        return [], "The answer has to be three things: parents, tokens and scores."
    parts = []
    for name, part in zip(("parents", "tokens", "scores"), answer, strict=True):
        values = part.flatten().tolist() if isinstance(part, Tensor) else part
        if not isinstance(values, list) or len(values) != width:
            return [], f"There have to be {width} {name}, one for each beam, got {part!r}."
        change = number if name == "scores" else whole
        parts.append([change(value) for value in values])
        if None in parts[-1]:
            return [], f"The {name} are not all numbers: {values!r}."
    return parts, None


def judge_beam(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    scores, log_probs, done = inputs["scores"], inputs["log_probs"], inputs["done"]
    width, vocab = log_probs.shape
    parts, told = beam_parts(answer, width)
    if told:
        return told
    found = list(zip(parts[0], parts[1], strict=True))
    right = list(zip(expected[0].tolist(), expected[1].tolist(), strict=True))
    if found == right:
        return None
    if [(v, p) for p, v in found] == right:
        return "Parents and tokens have changed places."
    for p, v in found:
        if not (0 <= p < width and 0 <= v < vocab):
            return (
                f"Parent {p} with token {v} does not exist: there are {width} beams and "
                f"{vocab} tokens."
            )
        if done[p] and v != PAD:
            return f"Beam {p} has said EOS, but you prolong it with token {v}."
    if sorted(found) == sorted(right):
        return "These are the right beams, but the best has to come first."
    missing = next(pair for pair in right if pair not in found)
    if done[missing[0]]:
        return (
            f"Beam {missing[0]} is finished with a score of {scores[missing[0]]:.3f}; it "
            "is still among the best, but it is gone from your beam."
        )
    p, v = next((pair for pair in found if pair not in right), found[0])
    if done[p]:
        return (
            f"You keep the finished beam {p} with {scores[p]:.3f}, though beam "
            f"{missing[0]} with token {missing[1]} is better. A finished beam "
            "competes like all others."
        )
    if len(set(found)) < width:
        return f"Beam {p} with token {v} is there twice; all kept beams have to differ."
    worth = [float(scores[p] + log_probs[p, v]) for p, v in found]
    for n, (before, after) in enumerate(zip(worth, worth[1:], strict=False), start=1):
        if before < after - TOLERANCE:
            return (
                f"Beam {found[n - 1][0]} with token {found[n - 1][1]} comes before beam "
                f"{found[n][0]} with token {found[n][1]}, though all that it has written "
                f"is less probable: {before:.3f} against {after:.3f}."
            )
    sentence = (
        f"You keep beam {p} with token {v}, but beam {missing[0]} with token {missing[1]} "
        "is more probable"
    )
    if sorted(parts[0]) == list(range(width)):
        return (
            f"{sentence}. You took one continuation of every beam; all continuations of "
            "all beams compete with each other."
        )
    return f"{sentence}."


def judge_beam_scores(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = judge_beam_form(inputs, answer)
    if told:
        return told
    parts, _ = beam_parts(answer, len(inputs["scores"]))
    for p, v, score in zip(*parts, strict=True):
        before, step = float(inputs["scores"][p]), float(inputs["log_probs"][p, v])
        if close(score, before + step):
            continue
        if close(score, step):
            why = "that is the log-probability of the last token alone."
        elif close(score, math.exp(before + step)):
            why = "that is a probability, and scores are log-probabilities."
        elif close(score, math.exp(before) + math.exp(step)):
            why = "that is a sum of probabilities."
        elif close(score, before):
            why = "that is what the beam had before this step."
        else:
            why = f"the beam had {before:.3f} and the token has {step:.3f}."
        return f"Beam {p} with token {v} has a score of {score:.3f} in your answer: {why}"
    return None


def judge_beam_form(inputs: Inputs, answer: Any) -> str | None:
    """None if the answer names existing beams and tokens, all different."""
    width, vocab = inputs["log_probs"].shape
    parts, told = beam_parts(answer, width)
    if told:
        return told
    pairs = set(zip(parts[0], parts[1], strict=True))
    if len(pairs) < width:
        return "Some of the kept beams are the same."
    if all(0 <= p < width and 0 <= v < vocab for p, v in pairs):
        return None
    return f"There are {width} beams and {vocab} tokens, and you name others."


def judge_finished_scores(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = judge_beam_form(inputs, answer)
    if told:
        return told
    parts, _ = beam_parts(answer, len(inputs["scores"]))
    kept = {p: s for p, v, s in zip(*parts, strict=True) if v == PAD}
    for p in expected[0][inputs["done"][expected[0]]].tolist():
        before = float(inputs["scores"][p])
        if p not in kept:
            return f"Beam {p} is finished with {before:.3f}; your answer does not keep it."
        if not close(kept[p], before):
            added = kept[p] - before
            return (
                f"Beam {p} is finished with {before:.3f}, but in your answer it has "
                f"{kept[p]:.3f}: {added:+.3f} was added for a token it never says."
            )
    return None


def none_finished(inputs: Inputs) -> bool:
    return not inputs["done"].any()


def some_finished(inputs: Inputs) -> bool:
    return bool(inputs["done"].any())


def step_examples() -> list[Case]:
    #                       PAD  BOS  EOS   3     4
    first = torch.tensor(
        [
            [0.0, 0.0, 0.07, 0.55, 0.38],
            [0.0, 0.0, 0.10, 0.20, 0.70],
            [0.0, 0.0, 0.90, 0.04, 0.06],
        ]
    )
    second = torch.tensor(
        [
            [0.0, 0.0, 0.20, 0.50, 0.30],
            [0.05, 0.05, 0.1, 0.6, 0.2],
            [0.0, 0.0, 0.60, 0.30, 0.10],
        ]
    )
    third = torch.tensor([[0.0, 0.0, 0.10, 0.60, 0.30], [0.4, 0.1, 0.10, 0.20, 0.20]])
    return [
        Case(
            {
                "scores": torch.tensor([0.5, 0.3, 0.2]).log(),
                "log_probs": first.log(),
                "done": torch.tensor([False, False, False]),
            },
            [
                torch.tensor([0, 1, 0]),
                torch.tensor([3, 4, 4]),
                torch.tensor([0.275, 0.21, 0.19]).log(),
            ],
        ),
        Case(
            {
                "scores": torch.tensor([0.4, 0.35, 0.25]).log(),
                "log_probs": second.log(),
                "done": torch.tensor([False, True, False]),
            },
            [
                torch.tensor([1, 0, 2]),
                torch.tensor([0, 3, 2]),
                torch.tensor([0.35, 0.20, 0.15]).log(),
            ],
        ),
        Case(
            {
                "scores": torch.tensor([0.5, 0.1]).log(),
                "log_probs": third.log(),
                "done": torch.tensor([False, True]),
            },
            [torch.tensor([0, 0]), torch.tensor([3, 4]), torch.tensor([0.3, 0.15]).log()],
        ),
    ]


STEP = Exercise(
    key="step",
    title="4 · One step of a beam",
    answers=("beam_step",),
    criteria=(
        Criterion(
            "the best continuations of all beams, the best first",
            2,
            where(none_finished, judge_beam),
        ),
        Criterion(
            "a score is the log-probability of everything written",
            1,
            where(none_finished, judge_beam_scores),
        ),
        Criterion(
            "finished beams compete, and are not prolonged",
            2,
            where(some_finished, judge_beam),
        ),
        Criterion(
            "a finished beam keeps its score",
            1,
            where(some_finished, judge_finished_scores),
        ),
    ),
    examples=step_examples,
    forbidden=LIBRARY,
)


# --- a whole beam search ----------------------------------------------------------------

TABLE = {
    "<bos>": {"yes": 0.4, "no": 0.36, "<eos>": 0.24},
    "yes": {"and": 0.45, "<eos>": 0.3, "yes": 0.25},
    "and": {"no": 0.6, "yes": 0.4},
    "no": {"<eos>": 0.8, "and": 0.2},
}
LIFT = {
    "<bos>": {"up": 0.7, "<eos>": 0.3},
    "up": {"down": 0.55, "up": 0.45},
    "down": {"<eos>": 0.9, "up": 0.1},
}
Table = Mapping[str, Mapping[str, float]]
MOST_CALLS = 3000


def table_step(table: Table) -> Callable[[tuple[str, ...]], dict[str, float]]:
    """A model that is a table: the log-probability of every word that can follow.

    >>> table_step({"<bos>": {"yes": 1.0}})(())
    {'yes': 0.0}
    """

    def step(words: tuple[str, ...]) -> dict[str, float]:
        last = words[-1] if words else BEFORE_FIRST
        return {word: math.log(p) for word, p in table.get(last, {}).items()}

    return step


def run_search(student: SimpleNamespace, inputs: Inputs) -> Any:
    calls, after_end = 0, 0
    follow = table_step(inputs["table"])

    def step(words: tuple[str, ...]) -> dict[str, float]:
        nonlocal calls, after_end
        calls += 1
        after_end += END in words
        if calls > MOST_CALLS:
            raise RuntimeError("step was called thousands of times; a beam asks far less")
        return follow(tuple(words))

    settings = {name: inputs[name] for name in ("width", "max_len", "alpha")}
    return {"found": student.search(step, **settings), "after_end": after_end}


def answers_in(answer: Any) -> tuple[list[tuple[tuple[str, ...], float]], str | None]:
    """The answers that a search found, and what is wrong with their form."""
    found = answer["found"]
    if not isinstance(found, list):
        return [], f"The answer has to be a list, but it is a {type(found).__name__}."
    pairs = []
    for item in found:
        words, worth = item if isinstance(item, list) and len(item) == 2 else (None, None)
        worth = number(worth)
        if not isinstance(words, list) or worth is None:
            return [], f"The list has to hold pairs (words, worth), but holds {item!r}."
        pairs.append((tuple(words), worth))
    return pairs, None


def said(words: Iterable[str]) -> str:
    return f"'{' '.join(words)}'"


def judge_found(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    found, told = answers_in(answer)
    if told:
        return told
    right = {tuple(words): worth for words, worth in expected["found"]}
    width, max_len = inputs["width"], inputs["max_len"]
    if answer["after_end"]:
        return (
            f"step was asked {answer['after_end']} times what follows {END}; a finished "
            "answer is put aside and not prolonged."
        )
    if len(found) > width:
        return f"You return {len(found)} answers, but the width is {width}."
    for words, _ in found:
        if words[-1:] != (END,):
            return f"{said(words)} is not finished: it does not end in {END}."
        if len(words) > max_len:
            return (
                f"{said(words)} has {len(words)} tokens, {END} included, but max_len is "
                f"{max_len}."
            )
    if len({words for words, _ in found}) < len(found):
        return "The same answer is there twice."
    here = f"With a width of {width} and max_len {max_len}"
    for words in right:
        if words not in dict(found):
            early = "; once put aside, it stays" if len(words) < 3 <= max_len else ""
            return f"{here}, {said(words)} has to be found, and it is missing{early}."
    for words, _ in found:
        if words not in right:
            return (
                f"{here}, {said(words)} cannot be found: its beginnings fall out of the "
                "beam, or there is no more room for it."
            )
    return None


def log_p_of(table: Table, words: Iterable[str]) -> float:
    """What the table says of a whole answer; -inf for one it cannot say."""
    last, total = BEFORE_FIRST, 0.0
    for word in words:
        if word not in table.get(last, {}):
            return -math.inf
        total += math.log(table[last][word])
        last = word
    return total


def judge_worth(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """What the answers are worth and their order; not which ones were found."""
    found, told = answers_in(answer)
    if told:
        return told
    alpha, width = inputs["alpha"], inputs["width"]
    if len(found) < min(2, len(expected["found"])):
        return f"With a width of {width} you find {len(found)} answers, too few to rank."
    for words, worth in found:
        log_p, n = log_p_of(inputs["table"], words), len(words)
        if words[-1:] != (END,) or log_p == -math.inf:
            return f"{said(words)} is no finished answer of this table."
        right = log_p / n**alpha
        if close(worth, right):
            continue
        at = f"With alpha {alpha}, {said(words)} is worth {worth:.4f} in your answer"
        last = math.log(inputs["table"][words[-2] if n > 1 else BEFORE_FIRST][END])
        if close(worth, math.exp(log_p)) or close(worth, math.exp(log_p) / n**alpha):
            return f"{at}: that comes from its probability, not from log p."
        if close(worth, (log_p - last) / n**alpha):
            return f"{at}: the probability of {END} is missing."
        if close(worth, log_p):
            return f"{at}: that is its log p, without the length."
        if n > 1 and close(worth, log_p / (n - 1) ** alpha):
            return f"{at}: that is a length of {n - 1}, but {END} counts as a token."
        if close(worth, log_p * n**alpha) or close(worth, log_p * n * alpha):
            return f"{at}: you multiply by the length, which makes long answers worse."
        if alpha and close(worth, log_p / (alpha * n)):
            return f"{at}: alpha is a power of the length, not a factor."
        return f"{at}, but {right:.4f} is right."
    for (words, worth), (better, more) in zip(found, found[1:], strict=False):
        if worth < more - TOLERANCE:
            return (
                f"With alpha {alpha}, {said(words)} comes before {said(better)}, which is "
                f"worth more: {worth:.3f} against {more:.3f}."
            )
    return None


def plain_search(wide: bool) -> Callable[[Inputs], bool]:
    """The cases without a penalty and with room enough, of width 1 or wider."""
    return lambda i: not i["alpha"] and i["max_len"] >= 7 and (i["width"] > 1) == wide


def search_examples() -> list[Case]:
    one = ("yes", "and", "no", END)
    two = ("no", END)
    log = math.log

    def case(table: Table, width: int, max_len: int, alpha: float, found: Any) -> Case:
        return Case(
            {"table": table, "width": width, "max_len": max_len, "alpha": alpha},
            {"found": found, "after_end": 0},
        )

    return [
        case(TABLE, 1, 8, 0.0, [(one, log(0.0864))]),
        case(TABLE, 2, 8, 0.0, [(two, log(0.288)), (one, log(0.0864))]),
        case(
            TABLE, 3, 8, 0.0, [(two, log(0.288)), ((END,), log(0.24)), (one, log(0.0864))]
        ),
        case(LIFT, 2, 8, 0.0, [(("up", "down", END), log(0.3465)), ((END,), log(0.3))]),
        case(TABLE, 2, 4, 0.0, [(two, log(0.288)), (one, log(0.0864))]),
        case(TABLE, 2, 3, 0.0, [(two, log(0.288))]),
        case(TABLE, 3, 2, 0.0, [(two, log(0.288)), ((END,), log(0.24))]),
        case(LIFT, 2, 2, 0.0, [((END,), log(0.3))]),
        case(TABLE, 2, 8, 1.0, [(one, log(0.0864) / 4), (two, log(0.288) / 2)]),
        case(TABLE, 2, 8, 0.5, [(two, log(0.288) / 2**0.5), (one, log(0.0864) / 2)]),
    ]


SEARCH = Exercise(
    key="search",
    title="5 · A whole beam search",
    answers=("search",),
    criteria=(
        Criterion("a width of 1 is greedy", 1, where(plain_search(False), judge_found)),
        Criterion(
            "a wider beam finds what it has to find",
            2,
            where(plain_search(True), judge_found),
        ),
        Criterion(
            "without a penalty the worth is log p, the best first",
            1,
            where(plain_search(True), judge_worth),
        ),
        Criterion(
            "no answer is longer than max_len, the end included",
            1,
            where(lambda i: i["max_len"] < 7, judge_found),
        ),
        Criterion(
            "the length penalty decides at the end",
            2,
            where(lambda i: i["alpha"] > 0, judge_worth),
        ),
    ),
    examples=search_examples,
    run=run_search,
    forbidden=LIBRARY,
)


# --- edits ------------------------------------------------------------------------------

CELL = ("batch", "step", "position")


def run_edit(student: SimpleNamespace, inputs: Inputs) -> Any:
    """One of the three functions: what it returns, or why it returns nothing."""
    edit = getattr(student, inputs["edit"])
    more = (inputs["k"],) if inputs["edit"] == "keep" else ()
    try:
        return [edit(inputs["weights"], inputs["mask"], *more), None]
    except NotImplementedError:
        return [None, f"{inputs['edit']} is not answered yet."]
    except Exception as error:
        return [None, f"{inputs['edit']}: {described(error)}"]


def is_edit(*names: str, padded: bool | None = None, corner: bool | None = None) -> Any:
    """The cases of these functions, with or without padding, corners or ordinary rows."""

    def chosen(inputs: Inputs) -> bool:
        mask, weights = inputs["mask"], inputs["weights"]
        real = torch.where(mask[:, None], weights, torch.zeros_like(weights))
        cornered = bool((real.amax(dim=-1) > 1 - TOLERANCE).any())
        return (
            inputs["edit"] in names
            and padded in (None, not bool(mask.all()))
            and corner in (None, cornered)
        )

    return chosen


def edited(inputs: Inputs, answer: Any, expected: Any) -> tuple[Tensor, Tensor, str | None]:
    """The edited weights, the right ones, and why the former are none."""
    weights, failed = answer
    if failed is not None:
        return weights, expected[0], str(failed) or "It stopped."
    told = wrong_shape(weights, expected[0], CELL)
    return weights, expected[0], told and f"{inputs['edit']}: {told}"


def judge_support(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    found, right, told = edited(inputs, answer, expected)
    if told:
        return told
    for i, t in ((found != 0) != (right != 0)).any(dim=-1).nonzero().tolist():
        ours, theirs = found[i, t].nonzero().flatten(), right[i, t].nonzero().flatten()
        return (
            f"keep with k = {inputs['k']}: at batch {i}, step {t} the positions "
            f"{ours.tolist()} have weight, but {theirs.tolist()} should."
        )
    return None


def judge_edit(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    found, right, told = edited(inputs, answer, expected)
    if told:
        return told
    name, mask, weights = inputs["edit"], inputs["mask"], inputs["weights"]
    sums, real = found.sum(dim=-1), mask[:, None].expand_as(found)
    for i, t in (~torch.isclose(found, right, atol=TOLERANCE)).any(-1).nonzero().tolist():
        at = f"{name}: at batch {i}, step {t}"
        on_padding = float(found[i, t][~mask[i]].abs().sum())
        if on_padding > TOLERANCE:
            return f"{at}, {on_padding:.2f} of the weight lies on padding."
        if name == "erase":
            largest = int(torch.where(real, weights, -1.0)[i, t].argmax())
            if right[i, t, largest] == 0 and found[i, t, largest] > TOLERANCE:
                return (
                    f"{at}, position {largest} has the largest weight, and "
                    f"{float(found[i, t, largest]):.2f} of it is left."
                )
        if abs(float(sums[i, t]) - 1) > TOLERANCE:
            return f"{at}, the weights sum to {float(sums[i, t]):.3f} and not to 1."
        return f"{name}: {first_difference(found, right, CELL)}"
    return None


def _edit(edit: str, weights: list, mask: list, right: list, k: int = 0) -> Case:
    return Case(
        {
            "edit": edit,
            "weights": torch.tensor(weights),
            "mask": torch.tensor(mask),
            "k": k,
        },
        [torch.tensor(right), None],
    )


def edits_examples() -> list[Case]:
    whole_row, cut = [[True] * 4], [[True, True, False, True]]
    rows = [[[0.1, 0.4, 0.2, 0.3], [0.6, 0.2, 0.15, 0.05]]]
    # Position 2 is padding, and what stands there is no weight.
    padded = [[[0.1, 0.6, 0.9, 0.3], [0.5, 0.2, 0.4, 0.3]]]
    return [
        _edit("spread", padded, cut, [[[1 / 3, 1 / 3, 0, 1 / 3]] * 2]),
        _edit("keep", rows, whole_row, [[[0, 1.0, 0, 0], [1.0, 0, 0, 0]]], k=1),
        _edit("keep", rows, whole_row, [[[0, 4 / 7, 0, 3 / 7], [3 / 4, 1 / 4, 0, 0]]], k=2),
        _edit("keep", padded, cut, [[[0, 2 / 3, 0, 1 / 3], [5 / 8, 0, 0, 3 / 8]]], k=2),
        _edit("keep", padded, cut, [[[0.1, 0.6, 0, 0.3], [0.5, 0.2, 0, 0.3]]], k=4),
        _edit(
            "erase", rows, whole_row, [[[1 / 6, 0, 1 / 3, 1 / 2], [0, 1 / 2, 3 / 8, 1 / 8]]]
        ),
        _edit("erase", padded, cut, [[[1 / 4, 0, 0, 3 / 4], [0, 2 / 5, 0, 3 / 5]]]),
        _edit(
            "erase",
            [[[0, 1.0, 0.5, 0]], [[0.3, 0.7, 1.0, 0.2]]],
            [[True, True, False, True], [False, False, True, False]],
            [[[1 / 2, 0, 0, 1 / 2]], [[0, 0, 1.0, 0]]],
        ),
    ]


EDITS = Exercise(
    key="edits",
    title="6 · Three ways to change a row",
    answers=("spread", "keep", "erase"),
    criteria=(
        Criterion(
            "spread: the same weight on every real position",
            1,
            where(is_edit("spread"), judge_edit),
        ),
        Criterion(
            "keep: the k largest keep weight, and no other",
            1,
            where(is_edit("keep", padded=False), judge_support),
        ),
        Criterion(
            "keep: what is left sums to 1",
            1,
            where(is_edit("keep", padded=False), judge_edit),
        ),
        Criterion(
            "erase: the largest is gone, the others sum to 1",
            1,
            where(is_edit("erase", padded=False), judge_edit),
        ),
        Criterion(
            "keep and erase: padding is not read and gets nothing",
            1,
            where(is_edit("keep", "erase", padded=True, corner=False), judge_edit),
        ),
        Criterion(
            "erase: where nothing else has weight",
            1,
            where(is_edit("erase", corner=True), judge_edit),
        ),
    ),
    examples=edits_examples,
    run=run_edit,
    forbidden=LIBRARY,
)


# --- off by one -------------------------------------------------------------------------

OFFSETS = ("-1", "0", "1")
BORDER = "a row that belongs to no word was pushed onto the nearest one."
OFFSET_KNOWN: list[tuple[str, Known]] = [
    ("-1", (0.0, 3 / 5, "this is the rate of the other direction; mind the sign.")),
    ("-1", (0.0, 1 / 7, "row 0 belongs to no word here, and its link counts.")),
    ("-1", (0.0, 1 / 5, "the last word has no link; whose row is the last one?")),
    ("1", (3 / 5, 3 / 7, BORDER)),
    ("1", (3 / 5, 2 / 3, "links behind the last word count as well.")),
    ("1", (3 / 5, 5 / 7, "links behind the last word count as well.")),
    ("0", (1 / 3, 3 / 7, "the word without a gold link counts as well.")),
    ("0", (1 / 3, 5 / 9, "the word without a gold link counts, and EOS as well.")),
    ("0", (1 / 3, 1 / 2, "this is the mean of the sentences' rates; add up first.")),
]


def run_offsets(student: SimpleNamespace, inputs: Inputs) -> Any:
    gold = [{(t, s) for t, s in links} for links in inputs["gold"]]
    return student.best_offset(inputs["weights"], gold)


def judge_rate(*offsets: str) -> Judge:
    """A judge of the error rates under these offsets."""

    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        rates = answer[1] if isinstance(answer, list) and len(answer) == 2 else None
        if not isinstance(rates, dict) or set(rates) != set(OFFSETS):
            return (
                "The answer has to be a pair: the best offset, and a dict with an error "
                "rate for each of the offsets -1, 0 and 1."
            )
        for offset in offsets:
            known = [k for o, k in OFFSET_KNOWN if o == offset]
            what = f"The error rate at offset {int(offset):+d}"
            if told := wrong_number(rates[offset], expected[1][offset], what, known):
                return told
        return None

    return judge


def judge_best(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    if not isinstance(answer, list) or not answer or whole(answer[0]) is None:
        return "The first half of the answer has to be the best offset: -1, 0 or 1."
    if whole(answer[0]) == expected[0]:
        return None
    rates = ", ".join(f"{expected[1][o]:.2f}" for o in OFFSETS)
    return (
        f"The rates at -1, 0 and 1 are {rates}, so the best offset is {expected[0]:+d}, "
        f"and you say {whole(answer[0]):+d}."
    )


def _peaks(columns: list[int], src_len: int) -> Tensor:
    """Weights with their largest at these columns: 0.6 there, the rest shared."""
    weights = torch.full((len(columns), src_len), 0.4 / (src_len - 1))
    return weights.scatter(1, torch.tensor(columns)[:, None], 0.6)


def offset_examples() -> list[Case]:
    late = _peaks([0, 1, 0, 2], 3)
    return [
        Case(
            {"weights": [late], "gold": [[(0, 1), (1, 0), (2, 2)]]},
            [-1, {"-1": 0.0, "0": 1.0, "1": 3 / 5}],
        ),
        Case(
            {
                "weights": [_peaks([1, 1, 0, 1], 2), _peaks([1, 1], 2)],
                "gold": [[(0, 1), (2, 0)], [(0, 0)]],
            },
            [0, {"-1": 2 / 3, "0": 1 / 3, "1": 1.0}],
        ),
    ]


OFFSET = Exercise(
    key="offset",
    title="7 · Off by one?",
    answers=("best_offset",),
    criteria=(
        Criterion(
            "the error rate where each row is read as its own word's", 2, judge_rate("0")
        ),
        Criterion("the error rates of the two neighbours", 2, judge_rate("-1", "1")),
        Criterion("the best offset", 1, judge_best),
    ),
    examples=offset_examples,
    run=run_offsets,
    forbidden=LIBRARY,
)


# --- a table of costs -------------------------------------------------------------------


def judge_costs(part: str) -> Judge:
    """A judge of one number of every cell of the table: ``changed`` or ``cost``."""

    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        for edit, kinds in expected.items():
            row = answer.get(edit) if isinstance(answer, dict) else None
            if not isinstance(row, dict) or set(row) != set(kinds):
                return (
                    "The answer has to be a dict with a dict for every edit, and in it one "
                    f"entry for every kind of word; for {edit!r}: {', '.join(kinds)}."
                )
            for kind, right in kinds.items():
                cell = row[kind]
                if not isinstance(cell, dict) or set(cell) != {"changed", "cost"}:
                    return f"{edit!r}, {kind!r}: two numbers, 'changed' and 'cost'."
                what = f"{edit!r}, {kind!r}: {part!r}"
                known = COSTS_KNOWN[part]
                found, wanted = number(cell[part]), right[part]
                told = wrong_number(cell[part], wanted, what, known)
                turned = found is not None and close(found, -wanted)
                if told and turned and part == "cost":
                    return f"{what} is {found:+.3g}: a loss is above 0, a gain below."
                if told:
                    return told
        return None

    return judge


COSTS_KNOWN: dict[str, list[Known]] = {
    "changed": [
        (
            1 / 3,
            1 / 4,
            "this is the mean of the sentences' shares; pool the words.",
        ),
        (1 / 3, 1.0, "this is a number of words; a share was asked for."),
        (1 / 3, 2 / 3, "this is the share that stayed the same."),
        (1.0, 0.0, "compare with the model's own answer, not with the right one."),
    ],
    "cost": [
        (1 / 3, 1 / 4, "this is the mean of the sentences' costs; pool the words."),
        (-1.0, 0.0, "what is mended counts too."),
    ],
}


def costs_examples() -> list[Case]:
    return [
        Case(
            {
                # The second sentence has one word; EOS is 2, and 0 is padding.
                "gold": torch.tensor([[4, 5, 6, 2], [5, 2, 0, 0]]),
                "kinds": [["day", "day", "year"], ["day"]],
                "own": torch.tensor([[4, 5, 7, 2], [5, 2, 9, 9]]),
                "edited": {
                    "erase": torch.tensor([[4, 6, 6, 2], [5, 2, 8, 8]]),
                    "spread": torch.tensor([[6, 6, 7, 9], [4, 4, 4, 4]]),
                },
            },
            {
                "erase": {
                    "day": {"changed": 1 / 3, "cost": 1 / 3},
                    "year": {"changed": 1.0, "cost": -1.0},
                },
                "spread": {
                    "day": {"changed": 1.0, "cost": 1.0},
                    "year": {"changed": 0.0, "cost": 0.0},
                },
            },
        )
    ]


COSTS = Exercise(
    key="costs",
    title="8 · What an edit costs",
    answers=("cost_table",),
    criteria=(
        Criterion("the share of answers that change", 2, judge_costs("changed")),
        Criterion("what that costs", 2, judge_costs("cost")),
    ),
    examples=costs_examples,
    forbidden=LIBRARY,
)


EXERCISES = (LINKS, AER, ENTROPY, STEP, SEARCH, EDITS, OFFSET, COSTS)
check = Checker(EXERCISES)
