"""3. The target, twice."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from a1_exercises.ids import not_whole, of_two
from checks.differences import brief, first_difference, refuse, wrong_shape
from checks.exercise import Answer, Case, Inputs, Student, criterion
from seq2seq_lib.vocab import BOS, EOS, PAD

ANSWERS = ("shift_targets",)


def run(student: Student, inputs: Inputs) -> Answer:
    return student.shift_targets(inputs["tgt_ids"].clone())


def _wrong_target(
    inputs: Inputs, answer: Answer, expected: Sequence[Tensor], which: int
) -> str | None:
    refuse(of_two(answer, "tgt_in and tgt_out"))
    name, got = ("tgt_in", "tgt_out")[which], answer[which]
    width = inputs["tgt_ids"].shape[1]
    if isinstance(got, Tensor) and got.dim() == 2 and got.shape[1] == width:
        return (
            f"{name} has {width} columns, as many as tgt_ids. A target of {width} tokens "
            f"has {width + 1} steps, because stopping is an answer too."
        )
    if told := wrong_shape(got, expected[which], ["batch", "tgt_len"]):
        return f"{name}: {told}"
    return not_whole(name, got)


@criterion("tgt_in is BOS and then the target", 2)
def reads(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(_wrong_target(inputs, answer, expected, 0))
    for r, row in enumerate(answer[0].tolist()):
        if row[0] != BOS:
            return (
                f"Row {r} of tgt_in begins with {row[0]}; what the decoder reads before "
                f"its first word is BOS = {BOS}."
            )
        if EOS in row:
            return (
                f"Row {r} of tgt_in holds EOS, at step {row.index(EOS)}. After EOS there "
                "is nothing to answer, so there is nothing to read."
            )
    told = first_difference(answer[0], expected[0], ["row", "step"])
    return f"tgt_in: {told}" if told else None


@criterion("tgt_out is the target and one EOS", 1, gate=True)
def answers_all(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(_wrong_target(inputs, answer, expected, 1))
    for r, (row, right) in enumerate(
        zip(answer[1].tolist(), expected[1].tolist(), strict=True)
    ):
        said, wanted = ([n for n in ids if n != PAD] for ids in (row, right))
        if said == wanted:
            continue
        if BOS in said:
            return f"Row {r} of tgt_out holds BOS; BOS is read, it is never an answer."
        if said.count(EOS) != 1:
            return f"Row {r} of tgt_out holds EOS {said.count(EOS)} times, not once."
        if len(said) < len(wanted):
            return (
                f"Row {r} of tgt_out holds {brief(said)} and has lost a token: with EOS "
                f"there should be {len(wanted)}."
            )
        return f"Row {r} of tgt_out holds, without its padding, {brief(said)}."
    return None


@criterion("EOS stands right behind the last token", 2)
def ends_at_once(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    for r, row in enumerate(answer[1].tolist()):
        step, tokens = row.index(EOS), int(expected[1][r].ne(PAD).sum()) - 1
        if step > tokens:
            return (
                f"The length of target {r} is {tokens}, but its EOS stands at step {step}, "
                "behind padding: the model would be asked for PAD first."
            )
    told = first_difference(answer[1], expected[1], ["row", "step"])
    return f"tgt_out: {told}" if told else None


def examples() -> Iterator[Case]:
    ids = torch.tensor([[7, 8, 9], [5, 0, 0], [6, 4, 0]])
    tgt_in = torch.tensor([[1, 7, 8, 9], [1, 5, 0, 0], [1, 6, 4, 0]])
    tgt_out = torch.tensor([[7, 8, 9, 2], [5, 2, 0, 0], [6, 4, 2, 0]])
    full = torch.tensor([[4, 5], [0, 0]])  # and one that is empty
    yield Case({"tgt_ids": ids}, [tgt_in, tgt_out])
    yield Case(
        {"tgt_ids": full},
        [torch.tensor([[1, 4, 5], [1, 0, 0]]), torch.tensor([[4, 5, 2], [2, 0, 0]])],
    )
