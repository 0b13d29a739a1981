"""1. Before any training."""

from collections.abc import Iterator
from math import log

from checks.differences import brief, known, near, number, refuse
from checks.exercise import Answer, Case, Inputs, criterion

ANSWERS = ("before_training",)


def missing(answer: Answer, key: str) -> str | None:
    if not isinstance(answer, dict):
        return f"The answer has to be a dictionary, but it is a {type(answer).__name__}."
    if key in answer:
        return None
    keys = brief([*answer]).strip("[]") or "none"
    return f"Your dictionary has no {key!r}; its keys are {keys}."


@criterion("the loss per token, in nats", 1)
def start_loss(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(missing(answer, "loss"))
    loss, right = number(answer["loss"]), expected["loss"]
    if loss is None:
        return f"The loss has to be a number, but it is a {type(answer['loss']).__name__}."
    if near(loss, right, least=0):
        return None
    vocab, length = inputs["vocab"], inputs["length"]
    base = (
        f"Your loss for {vocab} tokens is {loss:.3f}: that is in bits or in powers of ten. "
        "Nats were asked for."
    )
    whole = f"Your loss, {loss:.3f}, is that of a whole target. Give it per token."
    mistakes = [
        (right / log(2), base),
        (right / log(10), base),
        (-right, f"Your loss is {loss:.3f}. A loss is never below 0: look at its sign."),
        (right * (length + 1), whole),
        (right * length, whole),
        (1 / vocab, f"{loss:.3f} is the probability of one token, not yet a loss."),
    ]
    otherwise = (
        f"Your loss for {vocab} equally likely tokens is {loss}, which is not right."
    )
    return known(loss, mistakes, least=0) or otherwise


@criterion("the share of tokens guessed right", 1)
def start_accuracy(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    told = missing(answer, "token_accuracy")
    if told or near(answer["token_accuracy"], expected["token_accuracy"], least=0):
        return told
    found = answer["token_accuracy"]
    if near(found, 100 * expected["token_accuracy"], least=0):
        return f"{found:.3g} is a percentage; give a share from 0 to 1."
    return (
        f"With {inputs['vocab']} equally likely tokens a guess is not right in a share of "
        f"{brief(found)} of the cases."
    )


@criterion("the share of whole targets guessed right", 1)
def start_match(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    told = missing(answer, "exact_match")
    if told or near(answer["exact_match"], expected["exact_match"], least=0):
        return told
    found, right = answer["exact_match"], expected["exact_match"]
    vocab, length = inputs["vocab"], inputs["length"]
    if near(found, right * vocab, least=0):
        return (
            f"{found:.3g} is the chance of {length} right tokens. One more has to be right "
            "before the decoder stops."
        )
    if near(found, expected["token_accuracy"], least=0):
        return f"{found:.3g} is the chance of one token; every token has to be right."
    return (
        f"The chance that a target of {length} tokens is guessed whole, out of {vocab} "
        f"tokens, is not {brief(found)}."
    )


def examples() -> Iterator[Case]:
    yield Case(
        {"vocab": 2, "length": 3},
        {"loss": 0.6931472, "token_accuracy": 0.5, "exact_match": 0.0625},
    )
    yield Case(
        {"vocab": 10, "length": 1},
        {"loss": 2.3025851, "token_accuracy": 0.1, "exact_match": 0.01},
    )
