"""4. The loss with the teacher's hand."""

from collections.abc import Iterator
from functools import partial
from math import log

import torch
from torch import Tensor

from a2_exercises.toy import TABLES, toy
from checks.differences import brief, known, near, refuse, same, wrong_shape
from checks.exercise import Answer, Case, Inputs, Outside, Student, criterion
from seq2seq_lib.vocab import BOS, EOS, PAD

ANSWERS = ("forced_loss",)
KEPT = TABLES


def outside(inputs: Inputs) -> Outside:
    """The decoder, and what it was asked; others for the other losses."""
    step, wider = toy(inputs), toy(inputs)
    alone = [toy(inputs) for _ in inputs["tgt_ids"]]
    return Outside(
        {
            "step": step,
            "step of a row": lambda row, *read: alone[row](*read),
            "step of wider rows": wider,
        },
        lambda: {"read": step.read, "handed_on": step.handed_on},
    )


def run(student: Student, inputs: Inputs) -> Answer:
    tgt_ids, dec_state = inputs["tgt_ids"], inputs["dec_state"]
    loss = student.forced_loss(inputs["step"], dec_state.clone(), tgt_ids.clone())
    wider = torch.cat([tgt_ids, tgt_ids.new_full((len(tgt_ids), 3), PAD)], dim=1)
    alone = []
    for row, ids in enumerate(tgt_ids):
        real = ids[ids != PAD][None]
        step = partial(inputs["step of a row"], row)
        alone.append(student.forced_loss(step, dec_state[row : row + 1].clone(), real))
    step = inputs["step of wider rows"]
    return {
        "loss": torch.as_tensor(loss),
        "alone": torch.stack([torch.as_tensor(x) for x in alone]),
        "wider": torch.as_tensor(student.forced_loss(step, dec_state.clone(), wider)),
    }


@criterion("every step reads the correct token", 2, gate=True)
def loss_reads(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    tgt_ids, read = inputs["tgt_ids"], answer["read"]
    if not read:
        return "Your loss never calls step, so it does not look at the model."
    if read[0] != tgt_ids[:, 0].tolist():
        return (
            f"The first step reads {brief(read[0])}; every target begins with BOS = {BOS}."
        )
    for t in range(tgt_ids.shape[1] - 1):
        for row, right in enumerate(tgt_ids[:, t].tolist()):
            if right in (PAD, EOS):
                continue
            if t >= len(read):
                return (
                    f"Your loop stops after {len(read)} steps, but row {row} has a token "
                    f"to read at step {t}."
                )
            if read[t][row] != right:
                return (
                    f"At step {t} row {row} reads {brief(read[t][row])}, but the correct "
                    f"previous token is {right}. With the teacher's hand the model never "
                    "reads its own."
                )
    if not answer["handed_on"]:
        return (
            "A step was not given the state that the step before it returned, so the "
            "decoder forgets what it has read."
        )
    return None


@criterion("the loss of a sentence alone", 2)
def loss_alone(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    right = expected["alone"]
    lengths = (inputs["tgt_ids"] != PAD).sum(dim=1) - 1
    for row, ours in enumerate(answer["alone"].flatten()):
        only_eos = len(lengths) == answer["alone"].numel() and lengths[row] == 1
        if only_eos and not torch.isfinite(ours):
            return (
                f"Sentence {row} has nothing to answer but EOS, and alone its loss is "
                f"{ours.item()}. EOS is a token like the others."
            )
    refuse(wrong_shape(answer["alone"], right, ("sentence",)))
    for row, (ours, wanted) in enumerate(
        zip(answer["alone"].tolist(), right.tolist(), strict=True)
    ):
        if near(ours, wanted):
            continue
        tokens = int(lengths[row])
        start = f"Sentence {row} alone, {tokens} tokens to answer, has a loss of {ours:.4g}"
        mistakes = [
            (wanted * tokens, f"{start}: that is their sum. Give the mean per token."),
            (-wanted, f"{start}: the sign is wrong, a loss is never below 0."),
            (wanted / log(2), f"{start}: that is in bits; nats were asked for."),
        ]
        return known(ours, mistakes) or (
            f"{start}, but {wanted:.4g} is right. Is each step asked for the token "
            "that comes after the one it reads, EOS included?"
        )
    return None


@criterion("in a batch every token counts once, padding never", 2)
def loss_batch(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    loss, right, alone = answer["loss"], float(expected["loss"]), answer["alone"]
    real = inputs["tgt_ids"][:, 1:] != PAD
    if loss.numel() != 1:
        return f"One loss was asked for, but yours has the shape {tuple(loss.shape)}."
    number, wider = f"{loss.item():.4g}", answer["wider"].item()
    each_right = same(alone, expected["alone"])
    moved = f"Three more columns of padding move your loss from {number} to {wider:.4g}"
    if near(loss, right):
        return None if near(wider, right) else f"{moved}."
    tokens, sentences, places = int(real.sum()), len(real), real.numel()
    instead = "give the mean per token."
    mistakes = [
        (right * tokens / sentences, f"{number} is the mean per sentence; {instead}"),
        (right * tokens, f"{number} is the sum over all tokens; {instead}"),
    ]
    if each_right:
        mistakes += [
            (
                alone.mean().item(),
                f"{number} is the mean of the sentences' own means. So a token of a short "
                f"sentence counts for more; every token counts once: {right:.4g}.",
            ),
            (
                right * tokens / places,
                f"{number} is the right sum divided by {places} places, of which only "
                f"{tokens} are real tokens.",
            ),
        ]
    told = known(loss, mistakes)
    if told or not each_right or near(wider, loss.item()):
        return told or f"The loss of the batch is {number}, but {right:.4g} is right."
    return f"{moved}: padding is counted."


def examples() -> Iterator[Case]:
    # Every score rises alike: the probabilities stay, and a state not handed on shows.
    inputs = {
        "drift": torch.ones(4, 4),
        "dec_state": torch.zeros(2, 4),
        "tgt_ids": torch.tensor([[BOS, 3, 3, EOS], [BOS, EOS, PAD, PAD]]),
    }
    right = {"read": [[BOS, BOS], [3, EOS], [3, PAD]], "handed_on": True}

    def case(bigram: Tensor, loss: float, alone: list[float]) -> Case:
        losses = {"loss": loss, "alone": alone, "wider": loss}
        expected = {name: torch.tensor(value) for name, value in losses.items()}
        return Case(inputs | {"bigram": bigram}, right | expected)

    yield case(torch.zeros(4, 4), 1.3862944, [1.3862944, 1.3862944])  # ln 4
    # After BOS the token 3 has probability 1/2, after 3 the end has 1/4.
    after_bos = [1 / 6, 1 / 6, 1 / 6, 1 / 2]
    after_three = [1 / 4, 1 / 4, 1 / 4, 1 / 4]
    uneven = torch.tensor([after_three, after_bos, after_three, after_three]).log()
    # (ln 2 + ln 4 + ln 4 + ln 6) / 4
    yield case(uneven, 1.3143738, [1.1552453, 1.7917595])
