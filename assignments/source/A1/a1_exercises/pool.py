"""6. A sentence as one vector."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from a1_exercises.ids import of_two
from checks.attempt import failure
from checks.differences import first_difference, refuse, same, wrong_shape
from checks.exercise import Answer, Case, Criterion, Inputs, Student, criterion

ANSWERS = ("pool",)


def run(student: Student, inputs: Inputs) -> Answer:
    answer = student.pool(inputs["src_mask"].clone(), inputs["enc_states"].clone())
    parts = answer if isinstance(answer, tuple | list) else ()
    if any(type(part).__module__ == "torch.return_types" for part in parts):
        return {
            "failed": "max along an axis returns two things, the values and where they "
            "stand. Only the values are asked for."
        }
    return answer


def finite(inputs: Inputs) -> bool:
    """Whether there are numbers on the padding too."""
    return bool(inputs["enc_states"].isfinite().all())


def odd(inputs: Inputs) -> bool:
    return not finite(inputs)


def _not_pooled(answer: Answer, expected: Answer, which: int) -> str | None:
    refuse(failure(answer) or of_two(answer, "mean and highest"))
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


@criterion("mean is the mean over the real states", 2, cases=finite)
def mean_of_real(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(_not_pooled(answer, expected, 0))
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
    return f"mean: {first_difference(mean, right, ['row', 'component'])}"


@criterion("highest is the maximum of the real states", 1, cases=finite)
def highest_of_real(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(_not_pooled(answer, expected, 1))
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


def whatever_stands_there(
    which: int, inputs: Inputs, answer: Answer, expected: Answer
) -> str | None:
    """The mean or the maximum, both of real states only."""
    refuse(_not_pooled(answer, expected, which))
    told = first_difference(answer[which], expected[which], ["row", "component"])
    return f"{('mean', 'highest')[which]}: {told}" if told else None


def examples() -> Iterator[Case]:
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
    strange = states.clone()
    strange[0, 3], strange[1, 1], strange[1, 3] = nan, inf, -inf
    yield Case({"enc_states": states, "src_mask": mask}, [mean, highest])
    yield Case({"enc_states": strange, "src_mask": mask}, [mean, highest])


mean_of_odd = Criterion(
    "mean does not care what stands on padding",
    1,
    partial(whatever_stands_there, 0),
    cases=odd,
)
highest_of_odd = Criterion(
    "highest does not care what stands on padding",
    1,
    partial(whatever_stands_there, 1),
    cases=odd,
)
