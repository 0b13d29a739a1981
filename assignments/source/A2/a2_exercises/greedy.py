"""5. Greedy decoding."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from a2_exercises.toy import TABLES, toy
from checks.differences import brief
from checks.exercise import Answer, Case, Inputs, Outside, Student, criterion
from seq2seq_lib.vocab import BOS, EOS, PAD

ANSWERS = ("decode_greedily",)
KEPT = TABLES


def outside(inputs: Inputs) -> Outside:
    """The decoder, and what it was asked."""
    step = toy(inputs)
    return Outside(
        {"step": step},
        lambda: {
            "calls": len(step.read),
            "read": step.read,
            "handed_on": step.handed_on,
            "best_rows": step.best_rows,
        },
    )


def run(student: Student, inputs: Inputs) -> Answer:
    dec_state, max_len = inputs["dec_state"].clone(), inputs["max_len"]
    return {"ids": student.decode_greedily(inputs["step"], dec_state, max_len)}


def up_to_eos(row: list[int]) -> list[int]:
    return row[: row.index(EOS) + 1] if EOS in row else row


def greedy_fault(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    ids, right = answer["ids"], expected["ids"]
    rows, read = len(right), answer["read"]
    if len(read) > 1 and read[1] == answer["best_rows"] != expected["read"][1]:
        return (
            f"The second step reads {brief(read[1])}: the best *row* for each token, a "
            "maximum over the batch axis. For each row the best token was asked for."
        )
    if not isinstance(ids, Tensor) or ids.dim() != 2 or ids.is_floating_point():
        kind = (
            f"shape {tuple(ids.shape)}" if isinstance(ids, Tensor) else type(ids).__name__
        )
        return f"The answer has to be one tensor of ids, (batch, tgt_len); yours is {kind}."
    if not read:
        return "Your decoder never calls step, so it does not look at the model."
    if read[0] != [BOS] * rows:
        first = brief(read[0])
        return f"The first step has to read BOS = {BOS} in every row, but reads {first}."
    if len(ids) != rows or not ids.shape[1]:
        return f"Your ids have shape {tuple(ids.shape)}; (batch, tgt_len) was asked for."
    if len(read) > 1 and read[1] == read[0] and not (right[:, 0] == BOS).all():
        return "The second step reads BOS again; it has to read what the first one wrote."
    if not answer["handed_on"]:
        return "A step was not given the state that the step before it returned."
    for row in range(rows):
        ours, wanted = ids[row].tolist(), up_to_eos(right[row].tolist())
        for t, (own, token) in enumerate(zip(ours, wanted, strict=False)):
            if own == token or (token == EOS and own == PAD):
                continue  # a missing EOS is looked at below
            return f"At step {t} row {row} writes {own}, but {token} is the most probable."
    return None


def begins_with_bos(answer: Answer) -> bool:
    ids = answer["ids"]
    return isinstance(ids, Tensor) and ids.dim() == 2 and bool((ids[:, :1] == BOS).all())


def without_bos(answer: Answer) -> Any:
    """The answer, its column of BOS cut off: a mistake that is counted once."""
    if not begins_with_bos(answer) or answer["ids"].shape[1] < 2:
        return answer
    return answer | {"ids": answer["ids"][:, 1:]}


@criterion("each step writes the most probable token", 3)
def greedy_tokens(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    told = greedy_fault(inputs, without_bos(answer), expected)
    if told or not begins_with_bos(answer):
        return told
    return "Your answers begin with BOS. It is read, not written."


WRONG_TOKENS = "Not looked at while the tokens are wrong."


@criterion("each row ends with its own EOS", 2)
def greedy_ends(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    answer = without_bos(answer)
    if greedy_fault(inputs, answer, expected):
        return WRONG_TOKENS
    for row, ids in enumerate(answer["ids"].tolist()):
        wanted = up_to_eos(expected["ids"][row].tolist())
        end = len(wanted) - 1
        if wanted[end] == EOS and len(ids) > end and ids[end] == PAD:
            return f"Row {row} has PAD at step {end}, where its EOS belongs."
        after = [token for token in ids[len(wanted) :] if token != PAD]
        if after and EOS in wanted:
            more = brief(after)
            return f"Row {row} goes on after EOS at step {end}: {more}, where PAD belongs."
        if len(ids) < len(wanted):
            return (
                f"Row {row} has {len(ids)} tokens and no EOS yet, but it may write up to "
                f"{inputs['max_len']}. Another row's EOS must not end it."
            )
    return None


@criterion("it stops when the last row is done", 2)
def greedy_stops(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    answer = without_bos(answer)
    if greedy_fault(inputs, answer, expected):
        return WRONG_TOKENS
    calls, right = answer["calls"], expected["calls"]
    if calls > inputs["max_len"]:
        return f"{calls} steps were made, but max_len is {inputs['max_len']}."
    if calls > right:
        return f"All rows were done after {right} steps, but yours made {calls}."
    if calls < right:
        return f"Yours made {calls} steps, but the last row was done only after {right}."
    width = answer["ids"].shape[1]
    if width != right:
        return f"{right} steps were made, but the answer has {width} columns."
    return None


def examples() -> Iterator[Case]:
    # After BOS comes 3, after 3 comes 4, after 4 the end, after the end 3 again.
    bigram = torch.zeros(5, 5)
    for token, best in ((BOS, 3), (3, 4), (4, EOS), (EOS, 3), (PAD, 4)):
        bigram[token, best] = 1.0
    # Every score rises alike: the best stays, and a state not handed on shows.
    toy = {"bigram": bigram, "drift": torch.ones(5, 5)}
    plain, ends_at_once, never_ends = torch.zeros(3, 5)
    ends_at_once[EOS] = never_ends[4] = 9.0
    two = torch.stack([plain, ends_at_once])
    five = torch.stack([plain, ends_at_once, plain, never_ends, plain])

    def case(dec_state: Tensor, max_len: int, ids: Any, read: Any, best: list[int]) -> Case:
        right = {"ids": torch.tensor(ids), "calls": len(read), "read": read}
        right |= {"handed_on": True, "best_rows": best}
        return Case(toy | {"dec_state": dec_state, "max_len": max_len}, right)

    full, ended, late = [3, 4, EOS, PAD], [EOS, PAD, PAD, PAD], [4, 4, 4, 4]
    read = [[BOS] * 5, [3, EOS, 3, 4, 3], [4, PAD, 4, 4, 4], [EOS, PAD, EOS, 4, EOS]]
    yield case(five, 4, [full, ended, full, late, full], read, [0, 0, 1, 0, 3])
    read = [[BOS, BOS], [3, EOS], [4, PAD]]
    yield case(two, 6, [[3, 4, EOS], [EOS, PAD, PAD]], read, [0, 0, 1, 0, 0])
    yield case(two, 2, [[3, 4], [EOS, PAD]], read[:2], [0, 0, 1, 0, 0])
