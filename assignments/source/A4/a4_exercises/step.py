"""4 · One step of a beam."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from checks.differences import TOLERANCE, brief, known, near, number, whole
from checks.exercise import Answer, Case, Criterion, Inputs, Wrong, criterion
from seq2seq_lib.vocab import PAD

ANSWERS = ("beam_step",)


def some_finished(inputs: Inputs) -> bool:
    """Whether a beam has said EOS."""
    return bool(inputs["done"].any())


def none_finished(inputs: Inputs) -> bool:
    return not some_finished(inputs)


def beam_parts(answer: Answer, width: int) -> list[Any]:
    """Parents, tokens and scores of an answer as lists, or ``Wrong``."""
    if not isinstance(answer, list) or len(answer) != 3:
        raise Wrong("The answer has to be three things: parents, tokens and scores.")
    parts = []
    for name, part in zip(("parents", "tokens", "scores"), answer, strict=True):
        values = part.flatten().tolist() if isinstance(part, Tensor) else part
        if not isinstance(values, list) or len(values) != width:
            raise Wrong(
                f"There have to be {width} {name}, one for each beam, got {brief(part)}."
            )
        change = number if name == "scores" else whole
        parts.append([change(value) for value in values])
        if None in parts[-1]:
            raise Wrong(f"The {name} are not all numbers: {brief(values)}.")
    return parts


def judge_beam(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    scores, log_probs, done = inputs["scores"], inputs["log_probs"], inputs["done"]
    width, vocab = log_probs.shape
    parents, tokens, _ = beam_parts(answer, width)
    found = list(zip(parents, tokens, strict=True))
    right = list(zip(expected[0].tolist(), expected[1].tolist(), strict=True))
    if found == right:
        return None
    if [(v, p) for p, v in found] == right:
        return "Parents and tokens have changed places."
    for p, v in found:
        if not (0 <= p < width and 0 <= v < vocab):
            return f"Parent {p}, token {v} does not exist: {width} beams, {vocab} tokens."
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
    if sorted(parents) == list(range(width)):
        return (
            f"{sentence}. You took one continuation of every beam; all continuations of "
            "all beams compete with each other."
        )
    return f"{sentence}."


best = Criterion(
    "the best continuations of all beams, the best first",
    2,
    judge_beam,
    cases=none_finished,
)


def beams_in(inputs: Inputs, answer: Answer) -> list[tuple[int, int, float]]:
    """Parent, token and score of each beam; all exist and differ, or ``Wrong``."""
    width, vocab = inputs["log_probs"].shape
    beams = list(zip(*beam_parts(answer, width), strict=True))
    if len({(p, v) for p, v, _ in beams}) < width:
        raise Wrong("Some of the kept beams are the same.")
    if not all(0 <= p < width and 0 <= v < vocab for p, v, _ in beams):
        raise Wrong(f"There are {width} beams and {vocab} tokens, and you name others.")
    return beams


@criterion(
    "a score is the log-probability of everything written",
    1,
    cases=none_finished,
)
def judge_beam_scores(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    for p, v, score in beams_in(inputs, answer):
        before, step = float(inputs["scores"][p]), float(inputs["log_probs"][p, v])
        if near(score, before + step):
            continue
        probability = "that is a probability, and scores are log-probabilities."
        mistakes = [
            (step, "that is the log-probability of the last token alone."),
            (math.exp(before + step), probability),
            (math.exp(before) + math.exp(step), "that is a sum of probabilities."),
            (before, "that is what the beam had before this step."),
        ]
        otherwise = f"the beam had {before:.3f} and the token has {step:.3f}."
        return (
            f"Beam {p} with token {v} has a score of {score:.3f} in your answer: "
            f"{known(score, mistakes) or otherwise}"
        )
    return None


finished = Criterion(
    "finished beams compete, and are not prolonged", 2, judge_beam, cases=some_finished
)


@criterion("a finished beam keeps its score", 1, cases=some_finished)
def judge_finished_scores(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    kept = {p: s for p, v, s in beams_in(inputs, answer) if v == PAD}
    for p in expected[0][inputs["done"][expected[0]]].tolist():
        before = float(inputs["scores"][p])
        if p not in kept:
            return f"Beam {p} is finished with {before:.3f}; your answer does not keep it."
        if not near(kept[p], before):
            added = kept[p] - before
            return (
                f"Beam {p} is finished with {before:.3f}, but in your answer it has "
                f"{kept[p]:.3f}: {added:+.3f} was added for a token it never says."
            )
    return None


def examples() -> Iterator[Case]:
    def case(scores: Any, p: Any, done: Any, parents: Any, tokens: Any, best: Any) -> Case:
        inputs = {
            "scores": torch.tensor(scores).log(),
            "log_probs": torch.tensor(p).log(),
            "done": torch.tensor(done),
        }
        right = [torch.tensor(parents), torch.tensor(tokens), torch.tensor(best).log()]
        return Case(inputs, right)

    #    PAD  BOS  EOS   3     4
    first = [
        [0.0, 0.0, 0.07, 0.55, 0.38],
        [0.0, 0.0, 0.10, 0.20, 0.70],
        [0.0, 0.0, 0.90, 0.04, 0.06],
    ]
    second = [
        [0.0, 0.0, 0.20, 0.50, 0.30],
        [0.05, 0.05, 0.1, 0.6, 0.2],
        [0.0, 0.0, 0.60, 0.30, 0.10],
    ]
    third = [[0.0, 0.0, 0.10, 0.60, 0.30], [0.4, 0.1, 0.10, 0.20, 0.20]]
    none, one, last = [False] * 3, [False, True, False], [False, True]
    yield case([0.5, 0.3, 0.2], first, none, [0, 1, 0], [3, 4, 4], [0.275, 0.21, 0.19])
    yield case([0.4, 0.35, 0.25], second, one, [1, 0, 2], [0, 3, 2], [0.35, 0.20, 0.15])
    yield case([0.5, 0.1], third, last, [0, 0], [3, 4], [0.3, 0.15])
