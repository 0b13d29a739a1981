"""5. The two ends of a sentence."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from checks.differences import refuse, same, wrong_shape
from checks.exercise import Answer, Case, Criterion, Inputs, Student

ANSWERS = ("summary_from_states",)
FORBIDDEN = ("seq2seq_lib.encoder",)


def run(student: Student, inputs: Inputs) -> Answer:
    mask, states = inputs["src_mask"].clone(), inputs["enc_states"].clone()
    return student.summary_from_states(mask, states)


def padded_at_end(inputs: Inputs) -> bool:
    """Whether no real token follows a padding cell."""
    mask = inputs["src_mask"]
    return bool((mask[:, 1:] <= mask[:, :-1]).all())


def padded_anywhere(inputs: Inputs) -> bool:
    return not padded_at_end(inputs)


def _wrong_half(
    backward: bool, inputs: Inputs, answer: Answer, expected: Tensor
) -> str | None:
    """Where a wrong half of the summary comes from."""
    refuse(wrong_shape(answer, expected, ["batch", "enc_dim"]))
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


def counted_states(batch: int, src_len: int, enc_dim: int) -> Tensor:
    """States that say where they stand: 100 * row + 10 * position + component."""
    row, position, component = (torch.arange(n) for n in (batch, src_len, enc_dim))
    return 100.0 * row[:, None, None] + 10.0 * position[:, None] + component


def examples() -> Iterator[Case]:
    right = [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
    mixed = [[0, 0, 1, 1, 1], [0, 1, 1, 1, 0], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0]]
    ends_right = [[20, 21, 2, 3], [140, 141, 102, 103], [200, 201, 202, 203]]
    ends_mixed = [[40, 21], [130, 111], [210, 201], [330, 311]]
    for mask, enc_dim, summaries in ((right, 4, ends_right), (mixed, 2, ends_mixed)):
        states = counted_states(len(mask), 5, enc_dim)
        inputs = {"src_mask": torch.tensor(mask).bool(), "enc_states": states}
        yield Case(inputs, torch.tensor(summaries).float())


FORWARD, BACKWARD = partial(_wrong_half, False), partial(_wrong_half, True)
forward = Criterion(
    "padding at the end: the forward half is right", 2, FORWARD, cases=padded_at_end
)
backward = Criterion(
    "padding at the end: the backward half is right", 1, BACKWARD, cases=padded_at_end
)
forward_anywhere = Criterion(
    "padding anywhere: the forward half is right", 2, FORWARD, cases=padded_anywhere
)
backward_anywhere = Criterion(
    "padding anywhere: the backward half is right", 1, BACKWARD, cases=padded_anywhere
)
