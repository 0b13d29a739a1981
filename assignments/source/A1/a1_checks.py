"""The checks of assignment A1, "Batches and masks".

Run an exercise's check as often as you like. It tries your answer on small examples and
says what holds and what does not. Grading asks the same questions with other numbers.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from seq2seq_lib.checker import Checker
from seq2seq_lib.checking import Case, Criterion, Exercise, Inputs, described
from seq2seq_lib.comparisons import first_difference, same, wrong_shape
from seq2seq_lib.vocab import BOS, EOS, PAD

LIBRARY = ("seq2seq_lib.batching", "seq2seq_lib.model", "seq2seq_lib.attention")


def tried(call: Callable[[], Any]) -> Any:
    """What a call returns, or why it did not; one function must not cost another."""
    try:
        return call()
    except NotImplementedError:
        return {"failed": "This exercise is not answered yet (NotImplementedError)."}
    except Exception as error:
        return {"failed": described(error)}


def failure(answer: Any) -> str | None:
    """Why a call returned nothing."""
    return answer.get("failed") if isinstance(answer, dict) else None


def numbers(answer: Any) -> list[int] | None:
    """A list of whole numbers, or None if ``answer`` is none."""
    if isinstance(answer, Tensor):
        answer = answer.tolist()
    if not isinstance(answer, list) or not all(type(n) is int for n in answer):
        return None
    return answer


def not_whole(name: str, answer: Tensor) -> str | None:
    """Ids are whole numbers."""
    if answer.is_floating_point() or answer.dtype == torch.bool:
        return (
            f"{name} holds numbers of the type {str(answer.dtype).split('.')[-1]}, but "
            "ids are whole numbers (int64)."
        )
    return None


def of_two(answer: Any, names: str) -> str | None:
    """Whether an answer that should be a pair is none."""
    if not isinstance(answer, list) or len(answer) != 2:
        return f"The function has to return two tensors, {names}."
    return None


# 1. Rows of ids in a rectangle


def run_pad(student: SimpleNamespace, inputs: Inputs) -> Any:
    rows = [list(row) for row in inputs["rows"]]
    return student.pad_to_multiple(rows, inputs["multiple"])


def ids_first(inputs: Inputs, answer: Any, expected: Tensor) -> str | None:
    """Every row begins with its ids; what follows is PAD."""
    rows = inputs["rows"]
    if not isinstance(answer, Tensor):
        return f"The answer has to be a tensor, but it is a {type(answer).__name__}."
    if answer.dim() != 2 or len(answer) != len(rows):
        return (
            f"The answer has the shape {tuple(answer.shape)}, but there are {len(rows)} "
            "rows: (batch, src_len) was asked for."
        )
    if told := not_whole("The answer", answer):
        return told
    for r, (row, got) in enumerate(zip(rows, answer.tolist(), strict=True)):
        if len(got) < len(row):
            return f"Row {r} has {len(row)} ids, but only {len(got)} columns."
        if got[: len(row)] != row:
            if got[-len(row) :] == row:
                return (
                    f"Row {r} ends with its ids; they have to stand at its start, and "
                    "the padding behind them."
                )
            return f"Row {r} begins with {got[: len(row)]}, but its ids are {row}."
        other = [n for n in got[len(row) :] if n != PAD]
        if other:
            return f"Behind its ids row {r} holds {other[0]}, but padding is PAD = {PAD}."
    return None


def smallest_width(inputs: Inputs, answer: Any, expected: Tensor) -> str | None:
    """As wide as necessary, in multiples."""
    multiple, longest = inputs["multiple"], max(map(len, inputs["rows"]))
    width, right = answer.shape[1], expected.shape[1]
    if width == right:
        return None
    if width % multiple:
        also = ", as many as the longest row has ids" if width == longest else ""
        return f"The answer has {width} columns{also}; that is no multiple of {multiple}."
    return (
        f"The answer has {width} columns, a multiple of {multiple}; but the longest row "
        f"has {longest} ids, so {right} are enough."
    )


def pad_examples() -> list[Case]:
    ragged = torch.tensor([[5, 6, 7, 0], [8, 0, 0, 0], [4, 4, 0, 0]])
    exact = torch.tensor([[9, 8, 7, 6], [0, 0, 0, 0]])
    wider = torch.tensor([[4, 5, 6, 7, 8, 0]])
    return [
        Case({"rows": [[5, 6, 7], [8], [4, 4]], "multiple": 4}, ragged),
        Case({"rows": [[9, 8, 7, 6], []], "multiple": 2}, exact),
        Case({"rows": [[4, 5, 6, 7, 8]], "multiple": 3}, wider),
    ]


# 2. Two masks


def run_masks(student: SimpleNamespace, inputs: Inputs) -> Any:
    lengths, side = inputs["src_lengths"], inputs["padding_side"]
    ids = inputs["src_ids"]
    return {
        "mask": tried(lambda: student.mask_from_lengths(list(lengths), ids.shape[1], side)),
        "rows": tried(lambda: student.disagreeing_rows(ids.clone(), list(lengths), side)),
    }


def true_on_words(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """The mask that is made from lengths."""
    mask, right = answer["mask"], expected["mask"]
    if told := failure(mask) or wrong_shape(mask, right, ["batch", "src_len"]):
        return told
    if mask.dtype != torch.bool:
        kind = str(mask.dtype).split(".")[-1]
        return f"The mask has the type {kind}; a mask is boolean, True = real token."
    if torch.equal(mask, right):
        return None
    if torch.equal(mask, ~right):
        return "This mask is inverted: it is True on the padding."
    if torch.equal(mask, right.flip(1)):
        side = inputs["padding_side"]
        return f"This mask fits padding on the other side; here it is on the {side}."
    r = int((mask != right).any(dim=1).nonzero()[0])
    true, length = int(mask[r].sum()), inputs["src_lengths"][r]
    if true == length:
        where = mask[r].nonzero().flatten().tolist()
        return f"Row {r} has {true} times True, as it should, but at positions {where}."
    return f"Row {r} is True {true} times, but its length is {length}."


def _named_rows(inputs: Inputs, answer: Any) -> list[int] | str:
    if told := failure(answer["rows"]):
        return told
    rows = numbers(answer["rows"])
    if rows is None:
        return "disagreeing_rows has to return a list of row numbers."
    batch = len(inputs["src_lengths"])
    if len(set(rows)) < len(rows) or any(not 0 <= r < batch for r in rows):
        return f"Your list is {rows}; it may name each of the rows 0 to {batch - 1} once."
    return rows


def wrong_counts(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Rows that differ in number, and no innocent ones."""
    rows = _named_rows(inputs, answer)
    if isinstance(rows, str):
        return rows
    for r in rows:
        if r not in expected["rows"]:
            return f"Row {r} is in your list, but its ids and its length agree."
    for r in expected["rows"]:
        real, length = int(inputs["src_ids"][r].ne(PAD).sum()), inputs["src_lengths"][r]
        if real != length and r not in rows:
            return (
                f"Row {r} holds {real} ids that are not PAD, its length says {length}, "
                "and it is not in your list."
            )
    return None


def wrong_places(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Rows whose number is right and whose places are not."""
    rows = _named_rows(inputs, answer)
    for r in expected["rows"]:
        if r not in rows:
            return (
                f"Row {r} holds as many ids as its length says, but not where the length "
                f"puts them: {inputs['src_ids'][r].tolist()}, with the padding on the "
                f"{inputs['padding_side']}. It is not in your list."
            )
    return None


def mask_examples() -> list[Case]:
    right = {
        "src_ids": torch.tensor(
            [[5, 6, 7, 0], [8, 9, 0, 0], [4, 0, 5, 0], [4, 4, 4, 4], [6, 0, 0, 0]]
        ),
        "src_lengths": [3, 3, 2, 4, 1],
        "padding_side": "right",
    }
    left = {
        "src_ids": torch.tensor([[0, 0, 7], [8, 0, 0], [0, 5, 5], [4, 5, 6]]),
        "src_lengths": [1, 1, 2, 2],
        "padding_side": "left",
    }
    mask_right = [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    mask_left = [[0, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 1]]
    return [
        Case(right, {"mask": torch.tensor(mask_right).bool(), "rows": [1, 2]}),
        Case(left, {"mask": torch.tensor(mask_left).bool(), "rows": [1, 3]}),
    ]


# 3. The target, twice


def run_shift(student: SimpleNamespace, inputs: Inputs) -> Any:
    return student.shift_targets(inputs["tgt_ids"].clone())


def _wrong_target(
    inputs: Inputs, answer: Any, expected: Sequence[Tensor], which: int
) -> str | None:
    if told := of_two(answer, "tgt_in and tgt_out"):
        return told
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


def reads(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """What the decoder reads."""
    if told := _wrong_target(inputs, answer, expected, 0):
        return told
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


def answers_all(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """The tokens of tgt_out without its padding."""
    if told := _wrong_target(inputs, answer, expected, 1):
        return told
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
                f"Row {r} of tgt_out holds {said} and has lost a token: with EOS there "
                f"should be {len(wanted)}."
            )
        return f"Row {r} of tgt_out holds, without its padding, {said}."
    return None


def ends_at_once(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """EOS follows the last token."""
    for r, row in enumerate(answer[1].tolist()):
        step, tokens = row.index(EOS), int(expected[1][r].ne(PAD).sum()) - 1
        if step > tokens:
            return (
                f"The length of target {r} is {tokens}, but its EOS stands at step {step}, "
                "behind padding: the model would be asked for PAD first."
            )
    told = first_difference(answer[1], expected[1], ["row", "step"])
    return f"tgt_out: {told}" if told else None


def shift_examples() -> list[Case]:
    ids = torch.tensor([[7, 8, 9], [5, 0, 0], [6, 4, 0]])
    tgt_in = torch.tensor([[1, 7, 8, 9], [1, 5, 0, 0], [1, 6, 4, 0]])
    tgt_out = torch.tensor([[7, 8, 9, 2], [5, 2, 0, 0], [6, 4, 2, 0]])
    full = torch.tensor([[4, 5], [0, 0]])  # and one that is empty
    return [
        Case({"tgt_ids": ids}, [tgt_in, tgt_out]),
        Case(
            {"tgt_ids": full},
            [torch.tensor([[1, 4, 5], [1, 0, 0]]), torch.tensor([[4, 5, 2], [2, 0, 0]])],
        ),
    ]


# 4. The loss of real tokens


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


def run_loss(student: SimpleNamespace, inputs: Inputs) -> Any:
    """The loss as it is, with more padding, and with the rows in other batches."""
    batches = inputs["batches"]
    wide = [more_padding(*batch) for batch in batches]
    losses = []
    for given in (batches, wide, cut_anew(batches)):
        loss = student.mean_loss([(t.clone(), z.clone()) for t, z in given])
        losses.append(float(loss) if isinstance(loss, Tensor) else loss)
    return losses


def _is_close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-4 * max(1.0, abs(b))


def no_padding(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """One batch in which every cell is real."""
    for loss in answer:
        if type(loss) not in (int, float):
            return f"The loss has to be a number, but it is a {type(loss).__name__}."
        if not math.isfinite(loss):
            return f"The loss is {loss}; every row has a real token, so it is finite."
    batches = inputs["batches"]
    if len(batches) > 1 or (batches[0][0] == PAD).any():
        return None
    loss, right = answer[0], expected[0]
    batch, steps = batches[0][0].shape
    where = f"In a batch of {batch} times {steps} tokens without padding the loss"
    if _is_close(loss, right):
        return None
    for factor, what in (
        (batch * steps, "the sum over all tokens, not their mean"),
        (steps, "a mean over sentences, not over tokens"),
        (batch, "a sum over sentences"),
        (1 / math.log(2), "a loss in bits; use the natural logarithm"),
    ):
        if _is_close(loss, right * factor):
            return f"{where} is {loss:.4g} instead of {right:.4g}: this is {what}."
    if _is_close(loss, math.exp(right)):
        return f"{where} is {loss:.4g}: this is the perplexity, not the loss."
    return f"{where} is {loss:.4g}, but {right:.4g} is right."


def padding_is_free(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """More padding, the same loss."""
    loss, wide, _ = answer
    if _is_close(wide, loss):
        return None
    return (
        f"Three more columns of padding change the loss from {loss:.4g} to {wide:.4g}: "
        "PAD is counted as if it were an answer."
    )


def cut_is_free(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Other batches, the same loss."""
    loss, _, other = answer
    if _is_close(other, loss):
        return None
    sizes = [len(tgt_out) for tgt_out, _ in inputs["batches"]]
    return (
        f"In batches of {', '.join(map(str, sizes))} sentences the loss is {loss:.4g}; "
        f"with the same sentences in other batches it is {other:.4g}. Every token has "
        "to count the same, whichever batch it is in."
    )


def right_loss(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """The number itself."""
    if _is_close(answer[0], expected[0]):
        return None
    return f"The loss is {answer[0]:.4g}, but {expected[0]:.4g} is right."


def halved(tgt_out: Tensor, halvings: Tensor, vocab: int) -> list[Tensor]:
    """Logits that give every token of ``tgt_out`` the probability 1/2, 1/4, 1/8, ..."""
    p = 0.5**halvings
    rest = ((1 - p) / (vocab - 1)).log()  # shared by all other tokens
    logits = rest[..., None].expand(*rest.shape, vocab)
    return [tgt_out, logits.scatter(-1, tgt_out[..., None], p.log()[..., None])]


def loss_examples() -> list[Case]:
    ln2 = 0.693147
    full = halved(torch.tensor([[4, 2], [5, 2]]), torch.tensor([[1, 2], [1, 1]]), 6)
    first = halved(
        torch.tensor([[4, 5, 6, 2], [4, 2, 0, 0]]),
        torch.tensor([[1, 1, 1, 1], [2, 4, 6, 6]]),
        7,
    )
    second = halved(torch.tensor([[2, 0, 0, 0]]), torch.tensor([[4, 6, 6, 6]]), 7)
    # 1 + 2 + 1 + 1 halvings of 4 tokens; 1 + 1 + 1 + 1 + 2 + 4 + 4 of 7.
    return [
        Case({"batches": [full]}, [1.25 * ln2] * 3),
        Case({"batches": [first, second]}, [2 * ln2] * 3),
    ]


# 5. The ends of a sentence


def run_ends(student: SimpleNamespace, inputs: Inputs) -> Any:
    mask, states = inputs["src_mask"].clone(), inputs["enc_states"].clone()
    return student.summary_from_states(mask, states)


def padded_at_end(mask: Tensor) -> bool:
    """Whether no real token follows a padding cell."""
    return bool((mask[:, 1:] <= mask[:, :-1]).all())


def _wrong_half(
    inputs: Inputs, answer: Any, expected: Tensor, backward: bool
) -> str | None:
    """Where a wrong half of the summary comes from."""
    if told := wrong_shape(answer, expected, ["batch", "enc_dim"]):
        return told
    states, mask = inputs["enc_states"], inputs["src_mask"]
    hidden = states.shape[-1] // 2
    both = (slice(0, hidden), slice(hidden, None))
    own, other = both[backward], both[not backward]
    name, end = ("backward", "first") if backward else ("forward", "last")
    for r, (got, right) in enumerate(zip(answer[:, own], expected[:, own], strict=True)):
        if same(got, right):
            continue
        half = f"The {name} half of row {r}"
        for part, what in ((own, ""), (other, " of the other direction")):
            near = torch.isclose(states[..., part], got.to(states), 1e-4, 1e-4).all(-1)
            if not near.any():
                continue
            place = near.nonzero()[0].tolist()
            if near[r].any():
                place = [r, int(near[r].nonzero()[0])]
            if place[0] != r:
                return f"{half} is a state{what} of row {place[0]}."
            if not mask[r, place[1]]:
                return f"{half} is the state{what} at position {place[1]}: padding."
            if what:
                return f"{half} is the state{what} at position {place[1]}."
            return (
                f"{half} is the state at position {place[1]}, which is real, but not the "
                f"{end} real one of its row {mask[r].int().tolist()}."
            )
        return f"{half} is no state of this batch: {[round(x, 4) for x in got.tolist()]}."
    return None


def end_judge(backward: bool, at_end: bool) -> Callable[[Inputs, Any, Any], str | None]:
    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        if padded_at_end(inputs["src_mask"]) != at_end:
            return None
        return _wrong_half(inputs, answer, expected, backward)

    return judge


def counted_states(batch: int, src_len: int, enc_dim: int) -> Tensor:
    """States that say where they stand: 100 * row + 10 * position + component."""
    row, position, component = (torch.arange(n) for n in (batch, src_len, enc_dim))
    return (
        100.0 * row[:, None, None] + 10.0 * position[:, None] + component
    )  # (batch, src_len, enc_dim)


def end_examples() -> list[Case]:
    right = [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
    mixed = [[0, 0, 1, 1, 1], [0, 1, 1, 1, 0], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0]]
    ends_right = [[20, 21, 2, 3], [140, 141, 102, 103], [200, 201, 202, 203]]
    ends_mixed = [[40, 21], [130, 111], [210, 201], [330, 311]]
    return [
        Case(
            {
                "src_mask": torch.tensor(right).bool(),
                "enc_states": counted_states(3, 5, 4),
            },
            torch.tensor(ends_right).float(),
        ),
        Case(
            {
                "src_mask": torch.tensor(mixed).bool(),
                "enc_states": counted_states(4, 5, 2),
            },
            torch.tensor(ends_mixed).float(),
        ),
    ]


# 6. A sentence as one vector


def run_pool(student: SimpleNamespace, inputs: Inputs) -> Any:
    answer = student.pool(inputs["src_mask"].clone(), inputs["enc_states"].clone())
    parts = answer if isinstance(answer, tuple | list) else ()
    if any(type(part).__module__ == "torch.return_types" for part in parts):
        return {
            "failed": "max along an axis returns two things, the values and where they "
            "stand. Only the values are asked for."
        }
    return answer


def _finite(inputs: Inputs) -> bool:
    return bool(inputs["enc_states"].isfinite().all())


def _not_pooled(answer: Any, expected: Any, which: int) -> str | None:
    if told := failure(answer) or of_two(answer, "mean and highest"):
        return told
    name, got = ("mean", "highest")[which], answer[which]
    if isinstance(got, Tensor) and got.shape == expected[which].shape:
        bad = ~got.double().isfinite()
        if bad.any():
            r, c = bad.nonzero()[0].tolist()
            return (
                f"{name} is {got[r, c].item()} in row {r}, although all its real states "
                "are finite: what stands on the padding has got in."
            )
    told = wrong_shape(got, expected[which], ["batch", "enc_dim"])
    return f"{name}: {told}" if told else None


def mean_of_real(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """The mean."""
    if not _finite(inputs):
        return None
    if told := _not_pooled(answer, expected, 0):
        return told
    mean, right, states = answer[0], expected[0], inputs["enc_states"]
    if same(mean, right):
        return None
    lengths, width = inputs["src_mask"].sum(dim=1, keepdim=True), states.shape[1]
    r = int((~torch.isclose(mean.to(right), right, 1e-4, 1e-4)).any(1).nonzero()[0])
    n = int(lengths[r])
    if same(mean, states.mean(dim=1)):
        return f"mean counts the padding too: row {r} has {n} real states of {width}."
    if same(mean, right * lengths / width):
        return f"Row {r} has {n} real states, but mean is divided by the width, {width}."
    if same(mean, right * lengths):
        return f"mean is a sum: in row {r} it is {n} times too large."
    told = first_difference(mean, right, ["row", "component"])
    return f"mean: {told}"


def highest_of_real(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """The largest component."""
    if not _finite(inputs):
        return None
    if told := _not_pooled(answer, expected, 1):
        return told
    highest, right = answer[1], expected[1]
    wrong = ~torch.isclose(highest.to(right), right, 1e-4, 1e-4)
    if not wrong.any():
        return None
    r, c = wrong.nonzero()[0].tolist()
    padding = inputs["enc_states"][r, ~inputs["src_mask"][r], c].tolist()
    value = highest[r, c].item()
    where = f"highest is {value:.4g} in row {r}, component {c}"
    if value in padding:
        return f"{where}: that number stands on padding."
    if value == 0 and right[r, c] < 0:
        return f"{where}, although all real states are negative there: a zero has won."
    return f"{where}, but {right[r, c].item():.4g} is right."


def whatever_stands_there(which: int) -> Callable[[Inputs, Any, Any], str | None]:
    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        if _finite(inputs):
            return None
        if told := _not_pooled(answer, expected, which):
            return told
        name = ("mean", "highest")[which]
        told = first_difference(answer[which], expected[which], ["row", "component"])
        return f"{name}: {told}" if told else None

    return judge


def pool_examples() -> list[Case]:
    states = torch.tensor(
        [
            [[1.0, -4.0], [2.0, -6.0], [6.0, -8.0], [9.0, 9.0]],
            [[3.0, -1.0], [50.0, 50.0], [5.0, -3.0], [-50.0, -50.0]],
            [[-2.0, 0.0], [-2.0, 4.0], [-2.0, 0.0], [-2.0, 4.0]],
        ]
    )
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 1]]).bool()
    mean = torch.tensor([[3.0, -6.0], [4.0, -2.0], [-2.0, 2.0]])
    highest = torch.tensor([[6.0, -4.0], [5.0, -1.0], [-2.0, 4.0]])
    nan, inf = float("nan"), float("inf")
    odd = states.clone()
    odd[0, 3], odd[1, 1], odd[1, 3] = nan, inf, -inf
    return [
        Case({"enc_states": states, "src_mask": mask}, [mean, highest]),
        Case({"enc_states": odd, "src_mask": mask}, [mean, highest]),
    ]


# 7. Buckets


def run_buckets(student: SimpleNamespace, inputs: Inputs) -> Any:
    lengths, size = inputs["src_lengths"], inputs["batch_size"]
    given = [list(batch) for batch in inputs["batches"]]

    def bucketed(seed: int) -> Any:
        return tried(lambda: student.bucketed(list(lengths), size, seed))

    return {
        "cells": tried(lambda: student.padding_cells(given, list(lengths))),
        "batches": bucketed(inputs["seed"]),
        "again": bucketed(inputs["seed"]),
        "other": bucketed(inputs["seed"] + 1),
    }


def cells_counted(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """The number of padding cells."""
    cells, right = answer["cells"], expected["cells"]
    if told := failure(cells):
        return told
    if isinstance(cells, Tensor) and cells.numel() == 1:
        cells = cells.item()
    if cells == right:
        return None
    real = sum(inputs["src_lengths"][i] for batch in inputs["batches"] for i in batch)
    if cells == right + real:
        return f"padding_cells counts all {cells} cells; {real} of them are real tokens."
    if cells == real:
        return f"padding_cells counts the {real} real tokens, not the padding."
    return f"padding_cells says {cells}, but {right} is right."


def legal(answer: Any, pairs: int) -> tuple[list[list[int]], str | None]:
    """Batches of pair numbers, and what is wrong if a pair is missing or twice."""
    if told := failure(answer):
        return [], told
    if not isinstance(answer, list) or not answer:
        return [], "The function has to return a list of batches, each a list of numbers."
    batches = []
    for b, batch in enumerate(answer):
        found = numbers(batch)
        if found is None:
            return [], f"Batch {b} has to be a list of pair numbers."
        if not found:
            return [], f"Batch {b} is empty."
        batches.append(found)
    seen = [i for batch in batches for i in batch]
    for i in seen:
        if not 0 <= i < pairs:
            return [], f"There is no pair {i}; the pairs have the numbers 0 to {pairs - 1}."
    if len(set(seen)) < len(seen):
        twice = next(i for n, i in enumerate(seen) if i in seen[:n])
        return [], f"Pair {twice} is there {seen.count(twice)} times."
    if len(seen) < pairs:
        left = min(set(range(pairs)) - set(seen))
        return [], f"Pair {left} is in no batch; {pairs - len(seen)} pairs are missing."
    return batches, None


def each_once(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """A partition into full batches."""
    pairs, size = len(inputs["src_lengths"]), inputs["batch_size"]
    for name in ("batches", "again", "other"):
        batches, told = legal(answer[name], pairs)
        if told:
            return told
        longest, needed = max(map(len, batches)), -(-pairs // size)
        if longest > size:
            return f"A batch has {longest} pairs, but batch_size is {size}."
        if len(batches) != needed:
            return f"There are {len(batches)} batches; {needed} are enough."
    return None


def similar_lengths(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """No batch reaches into the lengths of another."""
    lengths = inputs["src_lengths"]
    ranges = sorted(
        (min(lengths[i] for i in batch), max(lengths[i] for i in batch))
        for batch in answer["batches"]
    )
    for (low, high), (next_low, next_high) in zip(ranges, ranges[1:], strict=False):
        if next_low < high:
            return (
                f"One batch holds lengths from {low} to {high}, another from {next_low} to "
                f"{next_high}: the two overlap, so the pairs are not grouped by length."
            )
    return None


def shuffled_batches(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """The order of the batches."""
    lengths = inputs["src_lengths"]
    if answer["again"] != answer["batches"]:
        return f"Two calls with the seed {inputs['seed']} give different batches."
    for name in ("batches", "other"):
        widths = [max(lengths[i] for i in batch) for batch in answer[name]]
        if widths not in (sorted(widths), sorted(widths, reverse=True)):
            break
    else:
        return (
            "The batches come in order of length "
            f"({', '.join(map(str, widths[:4]))}, ...): the model would meet all "
            "sentences of one length in a row."
        )
    if answer["other"] == answer["batches"]:
        seed = inputs["seed"]
        return f"The seeds {seed} and {seed + 1} give the same batches in the same order."
    return None


def new_neighbours(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Which pairs share a batch."""
    one, other = (
        {frozenset(batch) for batch in answer[name]} for name in ("batches", "other")
    )
    if one == other:
        return (
            "Whatever the seed, the same pairs share a batch, although many have the same "
            "length."
        )
    return None


def bucket_examples() -> list[Case]:
    three = [2, 9, 5] * 8  # 24 pairs, eight of each length
    uneven = [4, 1, 3, 3, 1, 4, 2, 2, 5, 1, 3, 2, 5, 5, 3, 1, 4, 2, 2, 4, 3, 1, 5]
    return [
        Case(
            {
                "batches": [[0, 1, 2], [3, 6]],
                "src_lengths": three,
                "batch_size": 2,
                "seed": 3,
            },
            {"cells": 11},
        ),
        Case(
            {
                "batches": [[8, 12], [1], [0, 9, 10, 22]],
                "src_lengths": uneven,
                "batch_size": 3,
                "seed": 11,
            },
            {"cells": 7},
        ),
    ]


# 8. A budget of cells


def run_budget(student: SimpleNamespace, inputs: Inputs) -> Any:
    lengths = [(s, t) for s, t in inputs["lengths"]]
    return student.batches_within(inputs["budget"], lengths)


def within_budget(inputs: Inputs, answer: Any, expected: Mapping[str, int]) -> str | None:
    """Every pair once, no batch too large, and better than doing nothing."""
    lengths, budget = inputs["lengths"], inputs["budget"]
    batches, told = legal(answer, len(lengths))
    if told:
        return told
    for b, batch in enumerate(batches):
        wide = [max(lengths[i][side] for i in batch) for side in (0, 1)]
        cells = len(batch) * sum(wide)
        if cells > budget:
            return (
                f"Batch {b} has {len(batch)} pairs, {wide[0]} source and {wide[1]} target "
                f"columns: {cells} cells, but the budget is {budget}."
            )
    if len(batches) >= expected["in_order"]:
        share = sum(s + t for s, t in lengths) / (len(batches) * budget)
        return (
            f"There are {len(batches)} batches, and {share:.0%} of their budget is real "
            f"tokens. Taking the pairs as they come needs {expected['in_order']}."
        )
    return None


def at_most(level: str, hint: str) -> Callable[[Inputs, Any, Any], str | None]:
    """A judge of the number of batches."""

    def judge(inputs: Inputs, answer: Any, expected: Mapping[str, int]) -> str | None:
        if len(answer) <= expected[level]:
            return None
        real = sum(s + t for s, t in inputs["lengths"])
        share = real / (len(answer) * inputs["budget"])
        return (
            f"{len(answer)} batches instead of the {expected['in_order']} of pairs as they "
            f"come, {share:.0%} of the budget real tokens; this takes {expected[level]} or "
            f"fewer. {hint}"
        )

    return judge


def budget_examples() -> list[Case]:
    few = [[2, 3], [9, 8], [3, 2], [2, 2], [8, 9], [3, 3]]
    few += [[1, 3], [2, 3], [3, 1], [9, 9], [2, 2], [3, 3]]
    rng, many = random.Random(7), []
    for _ in range(307):  # both lengths lie near a common one
        mean = rng.lognormvariate(2.5, 0.6)
        near = [round(mean + rng.gauss(0, 7)) for _ in range(2)]
        many.append([min(60, max(1, n)) for n in near])
    return [
        Case(
            {"budget": 54, "lengths": few},
            {"in_order": 4, "length": 3, "both": 2, "best": 2},
        ),
        Case(
            {"budget": 397, "lengths": many},
            {"in_order": 53, "length": 42, "both": 34, "best": 32},
        ),
    ]


EXERCISES = (
    Exercise(
        "pad",
        "1. Rows of ids in a rectangle",
        ("pad_to_multiple",),
        (
            Criterion("each row begins with its ids; the rest is PAD", 1, ids_first, True),
            Criterion("the width is the smallest multiple that fits", 2, smallest_width),
        ),
        pad_examples,
        run_pad,
        forbidden=(*LIBRARY, "pad_sequence"),
    ),
    Exercise(
        "masks",
        "2. Two masks, and where they disagree",
        ("mask_from_lengths", "disagreeing_rows"),
        (
            Criterion("the mask is True on real tokens and nowhere else", 2, true_on_words),
            Criterion(
                "rows with a wrong number of ids are found, and no innocent row",
                1,
                wrong_counts,
                True,
            ),
            Criterion("so are rows whose ids stand in a wrong place", 2, wrong_places),
        ),
        mask_examples,
        run_masks,
        forbidden=LIBRARY,
    ),
    Exercise(
        "shift",
        "3. The target, twice",
        ("shift_targets",),
        (
            Criterion("tgt_in is BOS and then the target", 2, reads),
            Criterion("tgt_out is the target and one EOS", 1, answers_all, True),
            Criterion("EOS stands right behind the last token", 2, ends_at_once),
        ),
        shift_examples,
        run_shift,
        forbidden=LIBRARY,
    ),
    Exercise(
        "loss",
        "4. The loss of real tokens",
        ("mean_loss",),
        (
            Criterion("without padding it is the mean over tokens", 2, no_padding, True),
            Criterion("more padding does not change it", 2, padding_is_free),
            Criterion("other batches of the same sentences do not", 1, cut_is_free),
            Criterion("the loss of a ragged data set is right", 1, right_loss),
        ),
        loss_examples,
        run_loss,
        forbidden=(*LIBRARY, "seq2seq_lib.metrics"),
    ),
    Exercise(
        "ends",
        "5. The two ends of a sentence",
        ("summary_from_states",),
        (
            Criterion(
                "padding at the end: the forward half is right",
                2,
                end_judge(backward=False, at_end=True),
            ),
            Criterion(
                "padding at the end: the backward half is right",
                1,
                end_judge(backward=True, at_end=True),
            ),
            Criterion(
                "padding anywhere: the forward half is right",
                2,
                end_judge(backward=False, at_end=False),
            ),
            Criterion(
                "padding anywhere: the backward half is right",
                1,
                end_judge(backward=True, at_end=False),
            ),
        ),
        end_examples,
        run_ends,
        forbidden=(*LIBRARY, "seq2seq_lib.encoder"),
    ),
    Exercise(
        "pool",
        "6. A sentence as one vector",
        ("pool",),
        (
            Criterion("mean is the mean over the real states", 2, mean_of_real),
            Criterion("highest is the maximum of the real states", 1, highest_of_real),
            Criterion(
                "mean does not care what stands on padding", 1, whatever_stands_there(0)
            ),
            Criterion(
                "highest does not care what stands on padding", 1, whatever_stands_there(1)
            ),
        ),
        pool_examples,
        run_pool,
        forbidden=LIBRARY,
    ),
    Exercise(
        "buckets",
        "7. Buckets",
        ("padding_cells", "bucketed"),
        (
            Criterion("padding_cells counts the padding", 1, cells_counted),
            Criterion("every pair is in one batch; batches are full", 1, each_once, True),
            Criterion("a batch holds similar lengths", 1, similar_lengths, True),
            Criterion("the seed alone decides the order", 1, shuffled_batches),
            Criterion("and which equal lengths share a batch", 1, new_neighbours),
        ),
        bucket_examples,
        run_buckets,
        forbidden=LIBRARY,
    ),
    Exercise(
        "budget",
        "8. Your own batches, within a budget",
        ("batches_within",),
        (
            Criterion(
                "each pair once, the budget kept, fewer batches than as they come",
                1,
                within_budget,
                True,
            ),
            Criterion(
                "half of what can be saved is saved",
                1,
                at_most("length", "Which pairs share a batch, and which should?"),
            ),
            Criterion(
                "more than one side alone can save",
                2,
                at_most(
                    "both", "Pairs of 5 and 25, and of 25 and 5, make 50 columns together."
                ),
            ),
            Criterion(
                "close to the best we know",
                1,
                at_most("best", "What does a pair cost the batch that it joins?"),
            ),
        ),
        budget_examples,
        run_budget,
        forbidden=LIBRARY,
    ),
)

check = Checker(EXERCISES)
