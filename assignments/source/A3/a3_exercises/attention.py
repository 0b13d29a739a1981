"""5. A module with a memory."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from a3_exercises.given import given_lookup
from a3_exercises.scores import STATES, U, W
from checks.differences import first_difference, known, refuse, same, wrong_shape
from checks.exercise import Answer, Case, Inputs, Student, criterion

ANSWERS = ("AdditiveAttention",)
given = given_lookup


def examples() -> Iterator[Case]:
    """Weights in proportion to products of powers of 2 and 3."""
    inputs = {
        "parameters": {
            "query_proj.weight": torch.tensor(W),
            "key_proj.weight": torch.tensor(U),
            "v.weight": torch.tensor([[2.0, 3.0]]).log(),
        },
        "enc_states": torch.tensor(STATES),
        "mask": torch.tensor([[True, True, True], [True, True, False]]),
        "queries": torch.tensor([[[1.0, -1.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, -1.0]]]),
    }
    weights = [
        [[6 / 25, 1 / 25, 18 / 25], [0.75, 0.25, 0.0]],
        [[2 / 7, 1 / 7, 4 / 7], [0.5, 0.5, 0.0]],
    ]
    contexts = [[[1.68, 0.68], [-0.25, 0.0]], [[10 / 7, 3 / 7], [-0.5, 0.0]]]
    right = {"weights": torch.tensor(weights), "contexts": torch.tensor(contexts)}
    yield Case(inputs, right)


def load(module: nn.Module, parameters: Mapping[str, Tensor]) -> None:
    """Copy the parameters that the module has in the right shape."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            given = parameters.get(name)
            if given is not None and given.shape == parameter.shape:
                parameter.copy_(given)


def run(student: Student, inputs: Inputs) -> Answer:
    """Two queries; the first again after another memory, and with the keys' matrix at 0."""
    parameters = inputs["parameters"]
    attn_dim, query_dim = parameters["query_proj.weight"].shape
    enc_dim = parameters["key_proj.weight"].shape[1]

    def fresh() -> Any:
        module = student.AdditiveAttention(query_dim, enc_dim, attn_dim)
        load(module, parameters)
        return module

    states, mask, queries = inputs["enc_states"], inputs["mask"], inputs["queries"]
    module = fresh()
    memory = module.memory(states, mask)
    found = [module(query, memory) for query in queries]
    module.memory(-states.flip(1), mask.flip(1))
    apart_context, apart = module(queries[0], memory)
    module = fresh()
    memory = module.memory(states, mask)
    with torch.no_grad():
        module.key_proj.weight.zero_()
    _, once = module(queries[0], memory)
    return {
        "contexts": torch.stack([context for context, _ in found]),
        "weights": torch.stack([weights for _, weights in found]),
        "apart": apart,
        "apart_context": apart_context,
        "once": once,
    }


# Wrong weights of the visible example's first source and query, worked out by hand.
WRONG_LOOKS = [
    ([0.2, 0.2, 0.6], "The keys were made with the query's matrix."),
    ([0.25, 0.25, 0.5], "The query was projected with the keys' matrix."),
    (
        [1 / 3, 1 / 3, 1 / 3],
        "All three states get the same weight: does the score see the states, projected "
        "by key_proj?",
    ),
]


@criterion("the weights of each query are right", 2)
def looks_right(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    weights, mask = answer["weights"], inputs["mask"]
    refuse(wrong_shape(weights, expected["weights"], ["query", "batch", "src_len"]))
    share = (weights * ~mask).sum(dim=-1)
    if share.abs().max() > 0:
        t, b = (share.abs() > 0).nonzero()[0].tolist()
        return f"Row {b} puts {share[t, b]:.2f} of its weight on padding."
    if same(weights[0], weights[1]) and not same(*expected["weights"]):
        return (
            "Two different queries get the same weights: the query does not count, or it "
            "adds the same to the score of every state."
        )
    hint = known(weights[0, 0], WRONG_LOOKS)
    return hint or first_difference(
        weights, expected["weights"], ["query", "batch", "position"]
    )


@criterion("the contexts are right", 2)
def reads_right(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    contexts, right = answer["contexts"], expected["contexts"]
    attn_dim, _ = inputs["parameters"]["query_proj.weight"].shape
    enc_dim = right.shape[-1]
    if contexts.shape[-1] == attn_dim != enc_dim:
        return (
            f"The context has {attn_dim} components, as a key has; an encoder state has "
            f"{enc_dim}. What is looked up are the states, not their keys."
        )
    if known(contexts[0, 0], [([13.6, 67.2], "")]) is not None:
        return "The context is a sum of keys; what is looked up are the encoder's states."
    return first_difference(contexts, right, ["query", "batch", "component"])


def nothing_to_compare(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """Why comparing two looks of an answer says nothing.

    What the second look gives is the answer's word, so it earns nothing by itself: in one
    source, at least, the weights of the first have to be right.
    """
    weights, right = answer["weights"], expected["weights"]
    if isinstance(weights, Tensor) and len(weights) > 1 and same(weights[0], weights[1]):
        return "Two different queries get the same weights, so there is nothing to compare."
    refuse(wrong_shape(weights, right, ["query", "batch", "src_len"]))
    wide = (inputs["mask"].sum(dim=-1) > 1).nonzero().flatten()
    if not any(same(weights[:, b], right[:, b]) for b in wide):
        return "Two looks are compared here; that says nothing while no weights are right."
    return None


@criterion("keys are made once per source", 1)
def keys_made_once(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(nothing_to_compare(inputs, answer, expected))
    if same(answer["once"], answer["weights"][0]):
        return None
    return (
        "After the memory was made, key_proj was set to zero, and that changed the weights "
        "of a step: the keys are projected at every step. Make them once, in `memory`."
    )


@criterion("two sources do not mix", 1)
def memories_apart(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    refuse(nothing_to_compare(inputs, answer, expected))
    weights = same(answer["apart"], answer["weights"][0])
    if weights and same(answer["apart_context"], answer["contexts"][0]):
        return None
    return (
        "The memory of another source was made in between, and that changed the answer for "
        "the first one: the module keeps a source in itself. Whatever belongs to a source "
        "goes into the memory that you return."
    )
