"""5 · A whole beam search."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from checks.differences import TOLERANCE, brief, known, near, number
from checks.exercise import Answer, Case, Criterion, Inputs, Outside, Student, Wrong

ANSWERS = ("search",)
KEPT = ("table",)

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
BEFORE_FIRST, END = "<bos>", "<eos>"
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


def outside(inputs: Inputs) -> Outside:
    """The model, and how often it was asked what follows an end."""
    calls, after_end = 0, 0
    follow = table_step(inputs["table"])

    def step(words: tuple[str, ...]) -> dict[str, float]:
        nonlocal calls, after_end
        calls += 1
        after_end += END in words
        if calls > MOST_CALLS:
            raise RuntimeError("step was called thousands of times; a beam asks far less")
        return follow(tuple(words))

    return Outside({"step": step}, lambda: {"after_end": after_end})


def run(student: Student, inputs: Inputs) -> Answer:
    settings = {name: inputs[name] for name in ("width", "max_len", "alpha")}
    return {"found": student.search(inputs["step"], **settings)}


def answers_in(answer: Answer) -> list[tuple[tuple[str, ...], float]]:
    """The answers that a search found, each once, or ``Wrong``."""
    found = answer["found"]
    if not isinstance(found, list):
        raise Wrong(f"The answer has to be a list, but it is a {type(found).__name__}.")
    pairs = []
    for item in found:
        words, worth = item if isinstance(item, list) and len(item) == 2 else (None, None)
        worth = number(worth)
        if not isinstance(words, list) or worth is None:
            raise Wrong(
                f"The list has to hold pairs (words, worth), but holds {brief(item)}."
            )
        pairs.append((tuple(words), worth))
    if len({words for words, _ in pairs}) < len(pairs):
        raise Wrong("The same answer is there twice.")
    return pairs


def said(words: Iterable[str]) -> str:
    return brief(" ".join(map(str, words)))


def judge_found(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    found = answers_in(answer)
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
            return f"{said(words)} has {len(words)} tokens to {END}; max_len is {max_len}."
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


def judge_worth(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """What the answers are worth and their order; not which ones were found."""
    found = answers_in(answer)
    alpha, width = inputs["alpha"], inputs["width"]
    if len(found) < min(2, len(expected["found"])):
        return f"With a width of {width} you find {len(found)} answers, too few to rank."
    for words, worth in found:
        log_p, n = log_p_of(inputs["table"], words), len(words)
        if words[-1:] != (END,) or log_p == -math.inf:
            return f"{said(words)} is no finished answer of this table."
        right = log_p / n**alpha
        if near(worth, right):
            continue
        at = f"With alpha {alpha}, {said(words)} is worth {worth:.4f} in your answer"
        last = math.log(inputs["table"][words[-2] if n > 1 else BEFORE_FIRST][END])
        chance = "that comes from its probability, not from log p."
        times = "you multiply by the length, which makes long answers worse."
        mistakes = [
            (math.exp(log_p), chance),
            (math.exp(log_p) / n**alpha, chance),
            ((log_p - last) / n**alpha, f"the probability of {END} is missing."),
            (log_p, "that is its log p, without the length."),
            (
                log_p / max(1, n - 1) ** alpha,
                f"that is a length of {n - 1}, but {END} counts as a token.",
            ),
            (log_p * n**alpha, times),
            (log_p * n * alpha, times),
            (log_p / (alpha * n or 1), "alpha is a power of the length, not a factor."),
        ]
        if says := known(worth, mistakes):
            return f"{at}: {says}"
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


def examples() -> Iterator[Case]:
    one = ("yes", "and", "no", END)
    two = ("no", END)
    log = math.log

    def case(table: Table, width: int, max_len: int, alpha: float, found: Any) -> Case:
        return Case(
            {"table": table, "width": width, "max_len": max_len, "alpha": alpha},
            {"found": found, "after_end": 0},
        )

    yield case(TABLE, 1, 8, 0.0, [(one, log(0.0864))])
    yield case(TABLE, 2, 8, 0.0, [(two, log(0.288)), (one, log(0.0864))])
    yield case(
        TABLE, 3, 8, 0.0, [(two, log(0.288)), ((END,), log(0.24)), (one, log(0.0864))]
    )
    yield case(LIFT, 2, 8, 0.0, [(("up", "down", END), log(0.3465)), ((END,), log(0.3))])
    yield case(TABLE, 2, 4, 0.0, [(two, log(0.288)), (one, log(0.0864))])
    yield case(TABLE, 2, 3, 0.0, [(two, log(0.288))])
    yield case(TABLE, 3, 2, 0.0, [(two, log(0.288)), ((END,), log(0.24))])
    yield case(LIFT, 2, 2, 0.0, [((END,), log(0.3))])
    yield case(TABLE, 2, 8, 1.0, [(one, log(0.0864) / 4), (two, log(0.288) / 2)])
    yield case(TABLE, 2, 8, 0.5, [(two, log(0.288) / 2**0.5), (one, log(0.0864) / 2)])


narrow = Criterion("a width of 1 is greedy", 1, judge_found, cases=plain_search(False))
wide = Criterion(
    "a wider beam finds what it has to find", 2, judge_found, cases=plain_search(True)
)
ranked = Criterion(
    "without a penalty the worth is log p, the best first",
    1,
    judge_worth,
    cases=plain_search(True),
)
short = Criterion(
    "no answer is longer than max_len, the end included",
    1,
    judge_found,
    cases=lambda i: i["max_len"] < 7,
)
penalty = Criterion(
    "the length penalty decides at the end", 2, judge_worth, cases=lambda i: i["alpha"] > 0
)
