"""4. The loss of real tokens."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from checks.differences import near, wrong_number
from checks.exercise import Answer, Case, Inputs, Student, criterion
from seq2seq_lib.vocab import PAD

ANSWERS = ("mean_loss",)
FORBIDDEN = ("seq2seq_lib.metrics",)


def more_padding(tgt_out: Tensor, logits: Tensor, extra: int = 3) -> list[Tensor]:
    """The same batch, wider by columns of padding with some logits."""
    cells = tgt_out.new_full((len(tgt_out), extra), PAD)
    some = logits[:, :1].roll(1, dims=-1).expand(-1, extra, -1)
    return [torch.cat([tgt_out, cells], dim=1), torch.cat([logits, some], dim=1)]


def cut_anew(batches: Sequence[Sequence[Tensor]]) -> list[list[Tensor]]:
    """The same rows in other batches: the first row alone, all others together."""
    tgt_out, logits = (torch.cat(list(part)) for part in zip(*batches, strict=True))
    if len(tgt_out) == 1:
        return [[tgt_out, logits]]
    return [[tgt_out[:1], logits[:1]], [tgt_out[1:], logits[1:]]]


def run(student: Student, inputs: Inputs) -> Answer:
    """The loss as it is, with more padding, and with the rows in other batches."""
    batches = inputs["batches"]
    wide = [more_padding(*batch) for batch in batches]
    losses = []
    for given in (batches, wide, cut_anew(batches)):
        loss = student.mean_loss([(t.clone(), z.clone()) for t, z in given])
        losses.append(float(loss) if isinstance(loss, Tensor) else loss)
    return losses


@criterion("without padding it is the mean over tokens", 2, gate=True)
def no_padding(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    for loss in answer:
        if type(loss) not in (int, float):
            return f"The loss has to be a number, but it is a {type(loss).__name__}."
        if not math.isfinite(loss):
            return f"The loss is {loss}; every row has a real token, so it is finite."
    batches = inputs["batches"]
    if len(batches) > 1 or (batches[0][0] == PAD).any():
        return None
    right = expected[0]
    batch, steps = batches[0][0].shape
    mistakes = [
        (right * batch * steps, "this is the sum over all tokens, not their mean."),
        (right * steps, "this is a mean over sentences, not over tokens."),
        (right * batch, "this is a sum over sentences."),
        (right / math.log(2), "this is a loss in bits; use the natural logarithm."),
        (math.exp(right), "this is the perplexity, not the loss."),
    ]
    what = f"In a batch of {batch} times {steps} tokens without padding the loss"
    return wrong_number(answer[0], right, what, mistakes)


@criterion("more padding does not change it", 2)
def padding_is_free(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    loss, wide, _ = answer
    if near(wide, loss):
        return None
    return (
        f"Three more columns of padding change the loss from {loss:.4g} to {wide:.4g}: "
        "PAD is counted as if it were an answer."
    )


@criterion("other batches of the same sentences do not", 1)
def cut_is_free(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    loss, _, other = answer
    if near(other, loss):
        return None
    sizes = [len(tgt_out) for tgt_out, _ in inputs["batches"]]
    return (
        f"In batches of {', '.join(map(str, sizes))} sentences the loss is {loss:.4g}; "
        f"with the same sentences in other batches it is {other:.4g}. Every token has "
        "to count the same, whichever batch it is in."
    )


@criterion("the loss of a ragged data set is right", 1)
def right_loss(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    return wrong_number(answer[0], expected[0], "The loss")


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
    # 1 + 2 + 1 + 1 halvings of 4 tokens; 1 + 1 + 1 + 1 + 2 + 4 + 4 of 7.
    yield Case({"batches": [full]}, [1.25 * ln2] * 3)
    yield Case({"batches": [first, second]}, [2 * ln2] * 3)
