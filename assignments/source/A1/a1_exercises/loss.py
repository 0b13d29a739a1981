"""4. The loss of real tokens."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from checks.differences import brief, near, wrong_number
from checks.exercise import Answer, Case, Inputs, Student, criterion
from seq2seq_lib.vocab import PAD

ANSWERS = ("mean_loss",)
FORBIDDEN = ("seq2seq_lib.metrics",)


def run(student: Student, inputs: Inputs) -> Answer:
    loss = student.mean_loss([(t.clone(), z.clone()) for t, z in inputs["batches"]])
    return float(loss) if isinstance(loss, Tensor) else loss


# What a criterion asks about is in some cases only, and the loss has to be right there. Two
# losses of one answer are never compared: one that remembers the last would pass.


def is_padded(inputs: Inputs) -> bool:
    return any(bool((tgt_out == PAD).any()) for tgt_out, _ in inputs["batches"])


def is_cut(inputs: Inputs) -> bool:
    return len(inputs["batches"]) > 1


def tokens_of(inputs: Inputs) -> list[int]:
    """How many real tokens each batch has."""
    return [int((tgt_out != PAD).sum()) for tgt_out, _ in inputs["batches"]]


@criterion("without padding it is the mean over tokens", 2, gate=True)
def no_padding(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if type(answer) not in (int, float):
        return f"The loss has to be a number, but it is a {type(answer).__name__}."
    if not math.isfinite(answer):
        return f"The loss is {brief(answer)}; every row has a real token, so it is finite."
    if is_cut(inputs) or is_padded(inputs):
        return None
    batch, steps = inputs["batches"][0][0].shape
    mistakes = [
        (expected * batch * steps, "this is the sum over all tokens, not their mean."),
        (expected * steps, "this is a mean over sentences, not over tokens."),
        (expected * batch, "this is a sum over sentences."),
        (expected / math.log(2), "this is a loss in bits; use the natural logarithm."),
        (math.exp(expected), "this is the perplexity, not the loss."),
    ]
    what = f"In a batch of {batch} times {steps} tokens without padding the loss"
    return wrong_number(answer, expected, what, mistakes)


@criterion(
    "more padding does not change it",
    2,
    cases=lambda inputs: is_padded(inputs) and not is_cut(inputs),
)
def padding_is_free(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if near(answer, expected):
        return None
    (tokens,), cells = tokens_of(inputs), inputs["batches"][0][0].numel()
    return (
        f"In a batch with {tokens} real tokens in {cells} cells the loss is {answer:.4g}, "
        f"but {expected:.4g} is right: PAD is counted as if it were an answer."
    )


@criterion(
    "other batches of the same sentences do not",
    1,
    cases=lambda inputs: is_cut(inputs) and not is_padded(inputs),
)
def cut_is_free(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if near(answer, expected):
        return None
    return (
        f"In batches of {', '.join(map(str, tokens_of(inputs)))} tokens, none of them "
        f"padding, the loss is {answer:.4g}, but {expected:.4g} is right. Every token has "
        "to count the same, whichever batch it is in."
    )


@criterion("the loss of a ragged data set is right", 1)
def right_loss(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    return wrong_number(answer, expected, "The loss")


def halved(tgt_out: Tensor, halvings: Tensor, vocab: int) -> list[Tensor]:
    """Logits that give every token of ``tgt_out`` the probability 1/2, 1/4, 1/8, ..."""
    p = 0.5**halvings
    rest = ((1 - p) / (vocab - 1)).log()  # shared by all other tokens
    logits = rest[..., None].expand(*rest.shape, vocab)
    return [tgt_out, logits.scatter(-1, tgt_out[..., None], p.log()[..., None])]


def examples() -> Iterator[Case]:
    ln2 = 0.693147
    full = halved(torch.tensor([[4, 2], [5, 2]]), torch.tensor([[1, 2], [1, 1]]), 6)
    first = halved(
        torch.tensor([[4, 5, 6, 2], [4, 2, 0, 0]]),
        torch.tensor([[1, 1, 1, 1], [2, 4, 6, 6]]),
        7,
    )
    second = halved(torch.tensor([[2, 0, 0, 0]]), torch.tensor([[4, 6, 6, 6]]), 7)
    short = halved(torch.tensor([[4, 2]]), torch.tensor([[1, 2]]), 6)
    long = halved(torch.tensor([[5, 2], [4, 2]]), torch.tensor([[1, 1], [1, 3]]), 6)
    # 1 + 2 + 1 + 1 halvings of 4 tokens; 1 + 1 + 1 + 1 + 2 + 4 of 6.
    yield Case({"batches": [full]}, 5 / 4 * ln2)
    yield Case({"batches": [first]}, 10 / 6 * ln2)
    # 1 + 2, then 1 + 1 + 1 + 3 of 6 tokens; 1 + 1 + 1 + 1 + 2 + 4, then 4 of 7.
    yield Case({"batches": [short, long]}, 9 / 6 * ln2)
    yield Case({"batches": [first, second]}, 14 / 7 * ln2)
