"""2. Hand over the summary."""

from collections.abc import Iterator

import torch
from torch import Tensor

from checks.differences import first_difference, near, refuse, same, wrong_shape
from checks.exercise import Answer, Case, Inputs, criterion

ANSWERS = ("hand_over",)


def block_of(half: Tensor, last: Tensor) -> int | None:
    """Which of the stacked states these numbers are."""
    found = (k for k, state in enumerate(last) if same(half, state))
    return next(found, None)


@criterion("each row is made of its own sentence", 2, gate=True)
def summary_rows(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    last, batch = inputs["last"], inputs["last"].shape[1]
    if isinstance(answer, Tensor) and answer.shape != expected.shape:
        shape = tuple(answer.shape)
        if answer.numel() == last.numel() and last.numel() != expected.numel():
            return (
                f"Your summary has the shape {shape}: all layers are in it. The decoder "
                "gets those of one layer."
            )
        if shape == (batch, last.shape[-1]):
            return (
                f"Your summary has the shape {shape}: one direction only. Each direction "
                "has read the sentence from its own end."
            )
    refuse(wrong_shape(answer, expected, ("batch", "directions * hidden")))
    for row in range(batch):
        own = last[:, row].flatten()
        strange = [x for x in answer[row].tolist() if not is_among(x, own)]
        if not strange:
            continue
        owner = next((b for b in range(batch) if is_among(strange[0], last[:, b])), None)
        number = f"{strange[0]:.4g}"
        if owner is None:
            return f"Row {row} holds {number}, which is in none of the final states."
        return f"Row {row} holds {number}, which belongs to sentence {owner}."
    return None


def is_among(number: float, among: Tensor) -> bool:
    return any(near(number, other) for other in among.flatten().tolist())


def named(block: int, directions: int) -> str:
    layer, direction = divmod(block, directions)
    way = ("forward", "backward")[direction] if directions == 2 else "only"
    return f"the {way} state of layer {layer + 1}"


def summary_halves(inputs: Inputs, answer: Tensor) -> list[int | None]:
    halves = answer.chunk(inputs["directions"], dim=-1)
    return [block_of(half, inputs["last"]) for half in halves]


@criterion("both directions come from the right layer", 1)
def summary_layer(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    found = summary_halves(inputs, answer)
    right = summary_halves(inputs, expected)
    for i, block in enumerate(found):
        place = f"Part {i + 1} of your summary"
        if block is None:
            return f"{place} is no state of one layer and one direction; it mixes several."
        if block not in right:
            return (
                f"{place} is {named(block, inputs['directions'])} of {inputs['layers']}. "
                "That layer has not seen what the layers above it made of the sentence."
            )
    return None


@criterion("the directions are in the order asked for", 2)
def summary_order(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if same(answer, expected):
        return None
    found = summary_halves(inputs, answer)
    if None not in found:
        names = [named(block, inputs["directions"]) for block in found if block is not None]
        return f"Your summary is {', then '.join(names)}. That is not the order asked for."
    return first_difference(answer, expected, ("batch", "number"))


def examples() -> Iterator[Case]:
    # The number abc is layer a, direction b (1 forward, 2 backward), sentence c.
    two = [[[111.0], [112.0], [113.0]], [[121.0], [122.0], [123.0]]]
    deep = [[[211.0], [212.0], [213.0]], [[221.0], [222.0], [223.0]]]
    yield Case(
        {"last": torch.tensor(two + deep), "layers": 2, "directions": 2},
        torch.tensor([[211.0, 221.0], [212.0, 222.0], [213.0, 223.0]]),
    )
    yield Case(
        {
            "last": torch.tensor([two[0], deep[0], [[311.0], [312.0], [313.0]]]),
            "layers": 3,
            "directions": 1,
        },
        torch.tensor([[311.0], [312.0], [313.0]]),
    )
