"""6. The decoder's step."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from a3_exercises.attention import load
from a3_exercises.given import given_lookup
from checks.differences import brief, first_difference, known, refuse, same, wrong_shape
from checks.exercise import Answer, Case, Inputs, Outside, Student, criterion

ANSWERS = ("Decoder",)
KEPT = ("context", "other_context", "weights")
given = given_lookup


def examples() -> Iterator[Case]:
    """Gates that are one half, candidates of -1 or 1, logits that are the features."""
    cell = torch.zeros(6, 4)
    cell[4, 1] = cell[5, 0] = 20.0  # context 0 moves state 0, the token moves state 1
    inputs = {
        "parameters": {
            "embedding.weight": torch.tensor([[0.0], [1.0], [-2.0], [2.0], [-1.0], [3.0]]),
            "initial.weight": torch.zeros(2, 3),
            "initial.bias": torch.zeros(2),
            "cell.weight_ih": cell,
            "cell.weight_hh": torch.zeros(6, 2),
            "cell.bias_ih": torch.zeros(6),
            "cell.bias_hh": torch.zeros(6),
            "output.weight": torch.eye(6),
            "output.bias": torch.zeros(6),
        },
        "prev_ids": torch.tensor([4, 3]),
        "other_ids": torch.tensor([1, 2]),
        "dec_state": torch.tensor([[3.0, 1.0], [-1.0, 5.0]]),
        "context": torch.tensor([[1.0, 3.0, 4.0], [-1.0, 0.0, -3.0]]),
        "other_context": torch.tensor([[-2.0, 1.0, 5.0], [1.0, 1.0, -4.0]]),
        "weights": torch.tensor([[0.5, 0.25, 0.25], [0.75, 0.25, 0.0]]),
    }
    states = [
        [[2.0, 0.0], [-1.0, 3.0]],
        [[1.0, 0.0], [0.0, 3.0]],
        [[2.0, 1.0], [-1.0, 2.0]],
    ]
    logits = [
        [[2.0, 0.0, 1.0, 3.0, 4.0, -1.0], [-1.0, 3.0, -1.0, 0.0, -3.0, 2.0]],
        [[1.0, 0.0, -2.0, 1.0, 5.0, -1.0], [0.0, 3.0, 1.0, 1.0, -4.0, 2.0]],
        [[2.0, 1.0, 1.0, 3.0, 4.0, 1.0], [-1.0, 2.0, -1.0, 0.0, -3.0, -2.0]],
    ]
    right = {"states": torch.tensor(states), "logits": torch.tensor(logits)}
    yield Case(inputs, right)


def outside(inputs: Inputs) -> Outside:
    """In the place of attention: notes the queries of each step, answers what it has to.

    A context that is nowhere but here can only come from asking.
    """
    weights, looks = inputs["weights"], [[], [], []]
    contexts = [inputs["context"], inputs["other_context"], inputs["context"]]

    def attention(step: int, query: Tensor) -> tuple[Tensor, Tensor]:
        looks[step].append(query)
        return contexts[step], weights

    def memory() -> tuple[Tensor, Tensor, Tensor]:
        slots = torch.zeros(*weights.shape, contexts[0].shape[1])
        return slots, slots, torch.ones_like(weights, dtype=torch.bool)

    functions = {"attention": attention, "memory": memory}
    return Outside(functions, lambda: {"looks": looks})


class Recorder(nn.Module):
    """In the place of attention: asks outside."""

    def __init__(self, ask: Callable[[int, Tensor], tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.ask, self.step = ask, 0

    def forward(self, query: Tensor, memory: Any) -> tuple[Tensor, Tensor]:
        return self.ask(self.step, query)


def run(student: Student, inputs: Inputs) -> Answer:
    """Three steps from one state: as given, with another context, with another token."""
    parameters = inputs["parameters"]
    vocab, emb_dim = parameters["embedding.weight"].shape
    hidden, enc_dim = parameters["initial.weight"].shape
    recorder = Recorder(inputs["attention"])
    decoder = student.Decoder(vocab, emb_dim, hidden, enc_dim, recorder)
    load(decoder, parameters)
    memory, steps = inputs["memory"](), []
    for recorder.step, ids in enumerate(("prev_ids", "prev_ids", "other_ids")):
        steps.append(decoder.step(inputs[ids], inputs["dec_state"], memory))
    logits, states, told = map(torch.stack, zip(*steps, strict=True))
    named = nn.Module.named_parameters(decoder)
    sizes = {name: list(p.shape) for name, p in named}
    return {"sizes": sizes, "logits": logits, "states": states, "weights": told}


@criterion("cell and output read what they should", 1)
def right_sizes(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """What layers there are is the answer's word; the weights show that it did look."""
    parameters = inputs["parameters"]
    hidden, enc_dim = parameters["initial.weight"].shape
    emb_dim = parameters["embedding.weight"].shape[1]
    read = {
        "cell.weight_ih": {"token": emb_dim, "context": enc_dim},
        "output.weight": {"new state": hidden, "context": enc_dim, "token": emb_dim},
    }
    for name, pieces in read.items():
        layer = name.split(".")[0]
        if name not in answer["sizes"]:
            return f"The decoder has no layer `{layer}` with the parameter {name}."
        got, wanted = answer["sizes"][name][1], sum(pieces.values())
        if got != wanted:
            listed = ", ".join(f"{n} ({size})" for n, size in pieces.items())
            left_out = [n for n, size in pieces.items() if got == wanted - size]
            hint = (
                f"; as it is, the {left_out[0]} is left out" if len(left_out) == 1 else ""
            )
            return (
                f"`{layer}` reads {brief(got)} numbers, but {listed} are {wanted} "
                f"together{hint}."
            )
    for name, parameter in parameters.items():
        if answer["sizes"].get(name) != list(parameter.shape):
            return (
                f"The parameter {name} has the shape {brief(answer['sizes'].get(name))}, "
                f"but {list(parameter.shape)} was asked for."
            )
    return wrong_shape(
        answer["weights"][0], inputs["weights"], ["batch", "src_len"]
    ) or first_difference(answer["weights"][0], inputs["weights"], ["batch", "position"])


@criterion("the query is the state before the step", 1)
def asks_before(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    for step, queries in enumerate(answer["looks"]):
        if len(queries) != 1:
            return f"The step asks attention {len(queries)} times; one look per step."
        if same(queries[0], inputs["dec_state"]):
            continue
        if same(queries[0], answer["states"][step]):
            return (
                "The step asks with the state after it, which the cell has just made; "
                "here the query is the state that came in."
            )
        return wrong_shape(
            queries[0], inputs["dec_state"], ["batch", "hidden"]
        ) or first_difference(queries[0], inputs["dec_state"], ["batch", "component"])
    return None


# Wrong states of the visible example's first step, worked out by hand.
SWAPPED_STATES = [
    (
        [[2.0, 1.0], [-0.5, 2.0]],
        "The cell reads the context before the token; the order is token, context.",
    )
]


@criterion("the new state is right", 2)
def moves_right(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    states, right = answer["states"], expected["states"]
    told = wrong_shape(states, right, ["call", "batch", "hidden"])
    if told or same(states, right):
        return told
    refuse(known(states[0], SWAPPED_STATES))
    if same(states[0], inputs["dec_state"]):
        return "The step returns the state that it was given: the new one is lost."
    if same(states[0], states[1]) and not same(right[0], right[1]):
        return "Two contexts lead to the same state: the cell does not read the context."
    if same(states[0], states[2]) and not same(right[0], right[2]):
        return "Two tokens lead to the same state: the cell does not read the token."
    return first_difference(states, right, ["call", "batch", "component"])


@criterion("the logits are right", 2)
def speaks_right(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    logits, right = answer["logits"], expected["logits"]
    told = wrong_shape(logits, right, ["call", "batch", "vocab"])
    if told or same(logits, right):
        return told
    if same(logits.sum(-1), torch.ones(logits.shape[:-1])) and (logits >= 0).all():
        return "These are probabilities; the step returns logits, before any softmax."
    n = inputs["dec_state"].shape[1]
    exact = "output.weight" in inputs["parameters"] and same(
        inputs["parameters"]["output.weight"], torch.eye(right.shape[-1])
    )
    if exact and same(logits[0, :, :n], inputs["dec_state"]):
        return "The output layer reads the state that came in, not the new one."
    if exact and same(logits.sort(-1).values, right.sort(-1).values):
        return "The output layer has to read new state, context, token, in this order."
    beside_state = logits[:, :, n:] if exact else logits
    if same(beside_state[0], beside_state[1]) and not same(right[0], right[1]):
        return (
            "What the logits take from beside the state is the same for two contexts: the "
            "output layer does not read the context."
        )
    return first_difference(logits, right, ["call", "batch", "token"])
