"""The checks of assignment A3, "Attention from scratch, on dates".

In a notebook: ``from a3_checks import check``, then ``check("weights", masked_weights)``.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from seq2seq_lib import attention as library
from seq2seq_lib import decoder as library_decoder
from seq2seq_lib.batching import Batch, Batches, collate, encode
from seq2seq_lib.checker import Checker
from seq2seq_lib.checking import Case, Criterion, Exercise, Inputs, Judge
from seq2seq_lib.comparisons import first_difference, same, wrong_shape
from seq2seq_lib.decoding import greedy
from seq2seq_lib.encoder import Encoder
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.tasks import Example
from seq2seq_lib.tasks.dates import LOCALES, Dates
from seq2seq_lib.tasks.splits import make_splits, split_of
from seq2seq_lib.training import TrainConfig
from seq2seq_lib.vocab import BOS, PAD, Vocab

# What would answer an exercise instead of the student.
LIBRARY = (
    "seq2seq_lib.attention",
    "seq2seq_lib.decoder",
    "seq2seq_lib.model",
    "seq2seq_lib.decoding",
    "seq2seq_lib.training",
    "MultiheadAttention",
    "scaled_dot_product_attention",
    "a3_checks",
    "assignments",
    "check.exercises",
    "sys.modules",
)
SCORES = WEIGHTS = ("batch", "query", "position")
LN2, LN3, LN4, LN7 = (math.log(n) for n in (2, 3, 4, 7))


def known(answer: Any, mistakes: Sequence[tuple[Any, str]]) -> str | None:
    """The sentence of the first mistake whose typed numbers are those of ``answer``."""
    for wrong, sentence in mistakes:
        if same(answer, torch.tensor(wrong)):
            return sentence
    return None


def parts(answer: Any, n: int, names: str) -> str | None:
    """None if ``answer`` is a list of ``n`` things."""
    if isinstance(answer, list) and len(answer) == n:
        return None
    return f"The answer has to be the {n} things {names}, in this order."


# --- 1. one query, by hand --------------------------------------------------------------


def lookup_examples() -> list[Case]:
    """Equal scores, scores that are logarithms, and a clear winner."""

    def case(query, states, scores, weights, context):
        inputs = {"query": torch.tensor(query), "states": torch.tensor(states)}
        right = [torch.tensor(part) for part in (scores, weights, context)]
        return Case(inputs, right)

    return [
        case(
            [1.0, 1.0],
            [[2.0, 0.0], [0.0, 2.0], [4.0, -2.0]],
            [2.0, 2.0, 2.0],
            [1 / 3, 1 / 3, 1 / 3],
            [2.0, 0.0],
        ),
        case(
            [LN2, LN3],
            [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
            [0.0, LN2, LN3],
            [1 / 6, 2 / 6, 3 / 6],
            [1 / 3, 1 / 2],
        ),
        case(
            [4.0, 0.0],
            [[5.0, 1.0], [0.0, 7.0], [-5.0, 2.0]],
            [20.0, 0.0, -20.0],
            [1.0, 0.0, 0.0],
            [5.0, 1.0],
        ),
    ]


def lookup_scores(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the scores are dot products."""
    told = parts(answer, 3, "scores, weights and context")
    if told:
        return told
    scores, right = answer[0], expected[0]
    size = inputs["query"].shape[0]
    if size > 1 and right.abs().max() > 0.01:
        if same(scores, right / math.sqrt(size)):
            return (
                f"These scores are divided by the square root of {size}; here the plain "
                "dot product is asked for."
            )
        if same(scores, right / size):
            return (
                f"These scores are divided by {size}, the size of the query: a mean of "
                "products where their sum is meant."
            )
    if same(scores, expected[1]) and not same(right, expected[1]):
        return "The scores are the weights already: return what goes into the softmax."
    return first_difference(scores, right, ["state"])


def lookup_weights(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the weights are the softmax of the scores."""
    told = parts(answer, 3, "scores, weights and context") or wrong_shape(
        answer[1], expected[1], ["src_len"]
    )
    if told or same(answer[1], expected[1]):
        return told
    weights, scores = answer[1], expected[0]
    low = weights.argmin().item()
    if weights[low] < 0:
        return f"State {low} has the weight {weights[low]:.2f}; a weight is never negative."
    if abs(weights.sum() - 1) > 1e-3:
        return f"The weights sum to {weights.sum():.3g}, not to 1."
    if scores.sum().abs() > 0 and same(weights, scores / scores.sum()):
        return (
            "The weights are in proportion to the scores. A score of 0 would then count "
            "for nothing, and a negative one could not be a weight; what makes every "
            "score positive first?"
        )
    if weights.max() == 1 and expected[1].max() < 0.99:
        return (
            "All weight is on the best state. This lookup is soft: the others keep a share."
        )
    return first_difference(weights, expected[1], ["state"])


def lookup_context(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the context is the weighted sum of the states."""
    told = parts(answer, 3, "scores, weights and context") or wrong_shape(
        answer[2], expected[2], ["size"]
    )
    context, states = None if told else answer[2], inputs["states"]
    if context is None or same(context, expected[2]):
        return told
    if same(context, states.mean(dim=0)):
        return "The context is the plain mean of the states: their weights do not count."
    if same(context, states[expected[1].argmax()]):
        return "The context is the best state alone: the others have weights too."
    if same(context * len(states), expected[2]):
        return (
            f"The context is too small by a factor of {len(states)}, the number of "
            "states: a mean where a sum is meant."
        )
    return first_difference(context, expected[2], ["component"])


# --- 2. additive scores -----------------------------------------------------------------

W = [[20.0, 0.0], [0.0, 40.0]]
U = [[0.0, 20.0], [40.0, 0.0]]
STATES = [[[1.0, 0.0], [0.0, -1.0], [2.0, 1.0]], [[0.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]]


def score_examples() -> list[Case]:
    """Sums that are 0 or far from it, so that their tanh is exactly -1, 0 or 1."""

    def case(query, states, scores):
        inputs = {
            "query": torch.tensor(query),
            "enc_states": torch.tensor(states),
            "W": torch.tensor(W),
            "U": torch.tensor(U),
            "v": torch.tensor([3.0, 1.0]),
        }
        return Case(inputs, torch.tensor(scores))

    return [
        case([[[1.0, -1.0]]], STATES[:1], [[[3.0, -1.0, 4.0]]]),
        case(
            [[[1.0, -1.0], [0.0, 1.0]], [[0.0, 0.0], [-1.0, 1.0]]],
            STATES,
            [[[3.0, -1.0, 4.0], [1.0, -2.0, 4.0]], [[0.0, -1.0, 3.0], [-2.0, -3.0, 1.0]]],
        ),
    ]


# Wrong answers to the first example, worked out by hand.
WRONG_SCORES = [
    ([[[1.0, -3.0, 4.0]]], "The two matrices have changed places: W belongs to the query."),
    (
        [[[2.0, -4.0, 3.0]]],
        "The scores are those of the transposed matrices. W and U have their outputs in "
        "the first axis, as the weight of an nn.Linear has.",
    ),
    (
        [[[-1.0, -3.0, 2.0]]],
        "The projected query and the projected state were multiplied; this scorer is "
        "called additive.",
    ),
    (
        [[[1.0, -1.0, 2.0]]],
        "The components of the hidden layer were summed as they are; v is to weigh them.",
    ),
]


def additive(one: bool) -> Judge:
    """Criterion: the scores are right, for one query of one source or for batches."""

    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        if one != (inputs["query"].shape[:2] == (1, 1)):
            return None
        told = wrong_shape(answer, expected, ["batch", "tgt_len", "src_len"])
        if told or same(answer, expected):
            return told
        top = inputs["v"].abs().sum().item()
        if answer.abs().max() > top * 1.01:
            return (
                f"A score is {answer.flatten()[answer.abs().argmax()]:.4g}, outside the "
                f"range from {-top:.4g} to {top:.4g} that this v allows: the hidden layer "
                "has to be bounded, and not before its two parts are added."
            )
        if answer.abs().max() <= 1 and expected.abs().max() > 1.1 and top > 1.5:
            return (
                f"No score leaves the range from -1 to 1, but this v allows {-top:.4g} "
                f"to {top:.4g}: v comes last."
            )
        return known(answer, WRONG_SCORES) or first_difference(answer, expected, SCORES)

    return judge


# --- 3. weights -------------------------------------------------------------------------


def weight_examples() -> list[Case]:
    """Scores that are logarithms, so that the weights are simple fractions."""

    def case(numbers, mask, expected):
        scores = torch.tensor(numbers).log()
        return Case({"scores": scores, "mask": torch.tensor(mask)}, expected)

    return [
        case(
            [
                [[1.0, 2.0, 3.0, 94.0], [4.0, 2.0, 2.0, 2.0]],
                [[1.0, 3.0, 4.0, 2.0], [3.0, 2.0, 1.0, 4.0]],
            ],
            [[True, True, True, False], [True, True, False, False]],
            torch.tensor(
                [
                    [[1 / 6, 2 / 6, 3 / 6, 0.0], [0.5, 0.25, 0.25, 0.0]],
                    [[0.25, 0.75, 0.0, 0.0], [0.6, 0.4, 0.0, 0.0]],
                ]
            ),
        ),
        case([[[2.0, 7.0, 3.0]]], [[True, False, True]], torch.tensor([[[0.4, 0.0, 0.6]]])),
        case([[[2.0, 7.0, 3.0]]] * 2, [[True] * 3, [False] * 3], "ValueError"),
    ]


def run_weights(student: SimpleNamespace, inputs: Inputs) -> Any:
    """The weights; where a source has no real token, the name of what was raised."""
    if inputs["mask"].any(dim=-1).all():
        return student.masked_weights(**inputs)
    try:
        return student.masked_weights(**inputs)
    except NotImplementedError:
        raise
    except Exception as error:
        return type(error).__name__


# Wrong weights of the first example's first query, worked out by hand.
WRONG_WEIGHTS = [
    ([0.01, 0.02, 0.03, 0.94], "These are the weights without any mask."),
    (
        [1 / 7, 2 / 7, 3 / 7, 1 / 7],
        "The score of padding was set to 0, but a score of 0 is worth as much as any.",
    ),
    (
        [0.02464, 0.04929, 0.07393, 0.85214],
        "The mask was added to the scores as the numbers 0 and 1; that shifts them a "
        "little and closes nothing.",
    ),
]


def other_axis(weights: Tensor) -> str | None:
    """Which axis the weights sum to 1 over, if it is the wrong one."""
    numbers = weights.nan_to_num(nan=0.0)
    has_number = ~weights.isnan()
    for axis, words in ((1, "over the queries"), (0, "over the batch axis")):
        sums = numbers.sum(dim=axis)[has_number.any(dim=axis)]
        if len(sums) and torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
            return f"These weights sum to 1 {words}, not over the source."
    for axes, words in (((1, 2), "each source"), ((0, 1, 2), "the whole batch")):
        sums = numbers.sum(dim=axes)
        if torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
            return f"All weights of {words} together sum to 1; those of each query should."
    return None


def follow_scores(inputs: Inputs, weights: Tensor) -> str | None:
    """None if, among real tokens, a clearly larger score has a larger weight."""
    for b, row in enumerate(inputs["mask"]):
        for t in range(weights.shape[1]):
            score, weight = inputs["scores"][b, t][row], weights[b, t][row]
            order = score.argsort()
            for low, high in zip(order, order[1:], strict=False):
                if score[high] - score[low] > 0.05 and not weight[high] > weight[low]:
                    return (
                        f"Batch {b}, query {t}: of two real tokens with the scores "
                        f"{score[low]:.2f} and {score[high]:.2f} the second does not get "
                        f"the larger weight ({weight[low]:.2f} and {weight[high]:.2f})."
                    )
    return None


def upside_down(inputs: Inputs, weights: Tensor) -> str | None:
    """None unless real tokens have no weight and padding has some."""
    real = inputs["mask"][:, None, :].expand_as(weights)
    on_padding = (weights * ~real).sum(dim=-1)
    padded = ~inputs["mask"].all(dim=-1)
    if padded.any() and (on_padding[padded] > 0.99).all():
        b = int(padded.nonzero()[0])
        return (
            f"Batch {b} puts {on_padding[b, 0]:.2f} of its weight on padding and none on "
            "real tokens: the mask is upside down. True is a real token."
        )
    return None


def ordinary(inputs: Inputs, expected: Any) -> bool:
    """Whether a case has weights at all, and scores that every exponential survives."""
    return isinstance(expected, Tensor) and bool(inputs["scores"].abs().max() < 60)


def sums_over_source(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: each query's weights sum to 1, more score is more weight."""
    if not ordinary(inputs, expected):
        return None
    names = ["batch", "tgt_len", "src_len"]
    if isinstance(answer, Tensor) and answer.shape == expected.shape:
        told = upside_down(inputs, answer)
        sums = answer.nan_to_num().sum(dim=-1)
        wrong = (sums - 1).abs() > 1e-3
        if not told and wrong.any():
            told = other_axis(answer)
        if told:
            return told
    told = wrong_shape(answer, expected, names)
    if told:
        return told
    if (answer < 0).any():
        return f"A weight is {answer.min():.2f}; no weight is negative."
    if wrong.any():
        b, t = wrong.nonzero()[0].tolist()
        padding = (answer[b, t] * ~inputs["mask"][b]).sum()
        lost = sums[b, t] < 1 and padding == 0 and not inputs["mask"][b].all()
        why = ": what fell on padding is missing from the sum" if lost else ""
        return f"The weights of batch {b}, query {t} sum to {sums[b, t]:.2f}, not 1{why}."
    return follow_scores(inputs, answer)


def nothing_on_padding(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: padding has the weight 0 exactly."""
    if not ordinary(inputs, expected):
        return None
    told = wrong_shape(answer, expected, ["batch", "tgt_len", "src_len"])
    told = told or upside_down(inputs, answer)
    if told:
        return told
    on_padding = (answer * ~inputs["mask"][:, None, :]).abs().sum(dim=-1)
    if (on_padding > 0).any():
        b, t = (on_padding > 0).nonzero()[0].tolist()
        share = f"{on_padding[b, t]:.2f}" if on_padding[b, t] > 0.005 else "a little"
        hint = known(answer[0, 0], WRONG_WEIGHTS)
        rows = inputs["mask"]
        if rows.shape == answer.shape[1:] and (answer * ~rows == 0).all():
            hint = "The rows of the mask were taken for queries; they are sources."
        return f"Batch {b}, query {t} puts {share} of its weight on padding." + (
            f" {hint}" if hint else " It has to be exactly 0."
        )
    return follow_scores(inputs, answer)


def right_weights(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the numbers, with large scores too."""
    if isinstance(expected, str):
        return None
    told = wrong_shape(answer, expected, ["batch", "tgt_len", "src_len"])
    largest = inputs["scores"].abs().max()
    if told and largest >= 60:
        return (
            f"{told} Scores in this case go up to {largest:.0f}, more than a bare "
            "exponential can bear."
        )
    return told or first_difference(answer, expected, WEIGHTS)


def no_real_token(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: a source without a real token is a ValueError."""
    if not isinstance(expected, str) or answer == expected:
        return None
    row = int((~inputs["mask"].any(dim=-1)).nonzero()[0])
    if isinstance(answer, str):
        return f"Source {row} has no real token; that raises {answer}, not a ValueError."
    value = answer[row].flatten()[0].item() if isinstance(answer, Tensor) else answer
    return (
        f"Source {row} has no real token, so its weights cannot sum to 1. It was answered "
        f"all the same, with {value:.3g}; raise a ValueError that says which source it is."
    )


# --- 4. context -------------------------------------------------------------------------


def context_examples() -> list[Case]:
    """All weight on one state, then weights that mix."""

    def case(weights, values, context):
        inputs = {"weights": torch.tensor(weights), "values": torch.tensor(values)}
        return Case(inputs, torch.tensor(context))

    return [
        case(
            [[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]],
            [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]],
            [[[3.0, 4.0], [5.0, 6.0]]],
        ),
        case(
            [[[0.5, 0.5, 0.0]], [[0.25, 0.25, 0.5]]],
            [[[2.0, 0.0], [4.0, 8.0], [6.0, -4.0]], [[4.0, 0.0], [0.0, 8.0], [2.0, 2.0]]],
            [[[3.0, 4.0]], [[2.0, 3.0]]],
        ),
    ]


def context(hard: bool) -> Judge:
    """Criterion: the weighted sum, where one state has all weight or where they mix."""

    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        weights, values = inputs["weights"], inputs["values"]
        if hard != bool((weights.max(dim=-1).values > 0.999).all()):
            return None
        told = wrong_shape(answer, expected, ["batch", "tgt_len", "value_dim"])
        if told or same(answer, expected):
            return told
        src_len = values.shape[1]
        if same(answer * src_len, expected):
            return (
                f"The context is too small by a factor of {src_len}, the number of "
                "positions: a mean where a sum is meant."
            )
        if same(answer, values.mean(dim=1, keepdim=True).expand_as(expected)):
            return "The context is the plain mean of the values: the weights do not count."
        best = weights.argmax(dim=-1)
        if same(answer, torch.stack([v[i] for v, i in zip(values, best, strict=True)])):
            return (
                "The context is the value with the largest weight alone: the others have "
                "weights too."
            )
        if (answer.amax() > values.amax() + 1e-3) or (answer.amin() < values.amin() - 1e-3):
            far = answer.flatten()[(answer - values.mean()).abs().argmax()]
            return (
                f"The context holds {far:.4g}, but the values lie between "
                f"{values.min():.4g} and {values.max():.4g}; weights that sum to 1 cannot "
                "leave that range."
            )
        return first_difference(answer, expected, ["batch", "query", "component"])

    return judge


# --- 5. the module ----------------------------------------------------------------------


def attention_examples() -> list[Case]:
    """Weights in proportion to products of powers of 2 and 3."""
    inputs = {
        "parameters": {
            "query_proj.weight": torch.tensor(W),
            "key_proj.weight": torch.tensor(U),
            "v.weight": torch.tensor([[LN2, LN3]]),
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
    return [Case(inputs, right)]


def load(module: nn.Module, parameters: Mapping[str, Tensor]) -> None:
    """Copy the parameters that the module has in the right shape."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            given = parameters.get(name)
            if given is not None and given.shape == parameter.shape:
                parameter.copy_(given)


def run_attention(student: SimpleNamespace, inputs: Inputs) -> Any:
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


def looks_right(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the weights of both queries."""
    weights, mask = answer["weights"], inputs["mask"]
    told = wrong_shape(weights, expected["weights"], ["query", "batch", "src_len"])
    if told:
        return told
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


def reads_right(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the contexts of both queries."""
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


def query_counts(answer: Any) -> bool:
    """Whether two queries got different weights, so that comparing them says something."""
    weights = answer["weights"]
    return isinstance(weights, Tensor) and not same(weights[0], weights[1])


def keys_made_once(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the step does not project the states again."""
    if not query_counts(answer):
        return "Two different queries get the same weights, so there is nothing to compare."
    if same(answer["once"], answer["weights"][0]):
        return None
    return (
        "After the memory was made, key_proj was set to zero, and that changed the weights "
        "of a step: the keys are projected at every step. Make them once, in `memory`."
    )


def memories_apart(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the module keeps nothing of a source to itself."""
    if not query_counts(answer):
        return "Two different queries get the same weights, so there is nothing to compare."
    weights = same(answer["apart"], answer["weights"][0])
    if weights and same(answer["apart_context"], answer["contexts"][0]):
        return None
    return (
        "The memory of another source was made in between, and that changed the answer for "
        "the first one: the module keeps a source in itself. Whatever belongs to a source "
        "goes into the memory that you return."
    )


# --- 6. the decoder's step --------------------------------------------------------------


def step_examples() -> list[Case]:
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
    return [Case(inputs, right)]


class Recorder(nn.Module):
    """In the place of attention: remembers the queries, answers what it was told to."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.told: Tensor = weights
        self.answer: Tensor = weights
        self.queries: list[Tensor] = []

    def forward(self, query: Tensor, memory: Any) -> tuple[Tensor, Tensor]:
        self.queries.append(query.detach().clone())
        return self.answer, self.told


def run_step(student: SimpleNamespace, inputs: Inputs) -> Any:
    """Three steps from one state: as given, with another context, with another token."""
    parameters, weights = inputs["parameters"], inputs["weights"]
    vocab, emb_dim = parameters["embedding.weight"].shape
    hidden, enc_dim = parameters["initial.weight"].shape
    recorder = Recorder(weights)
    decoder = student.Decoder(vocab, emb_dim, hidden, enc_dim, recorder)
    load(decoder, parameters)
    slots = torch.zeros(*weights.shape, enc_dim)
    memory = (slots, slots, torch.ones_like(weights, dtype=torch.bool))
    found: dict[str, list[Tensor]] = {"logits": [], "states": [], "weights": []}
    looks = []
    for ids, context in (
        (inputs["prev_ids"], inputs["context"]),
        (inputs["prev_ids"], inputs["other_context"]),
        (inputs["other_ids"], inputs["context"]),
    ):
        recorder.answer, recorder.queries = context, []
        for part, value in zip(
            found.values(), decoder.step(ids, inputs["dec_state"], memory), strict=True
        ):
            part.append(value)
        looks.append(recorder.queries)
    sizes = {name: list(p.shape) for name, p in decoder.named_parameters()}
    return {
        "sizes": sizes,
        "looks": looks,
        **{name: torch.stack(values) for name, values in found.items()},
    }


def right_sizes(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: cell and output read what they should, the step answers three things."""
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
                f"`{layer}` reads {got} numbers, but {listed} are {wanted} together{hint}."
            )
    for name, parameter in parameters.items():
        if answer["sizes"].get(name) != list(parameter.shape):
            return (
                f"The parameter {name} has the shape {answer['sizes'].get(name)}, but "
                f"{list(parameter.shape)} was asked for."
            )
    return wrong_shape(
        answer["weights"][0], inputs["weights"], ["batch", "src_len"]
    ) or first_difference(answer["weights"][0], inputs["weights"], ["batch", "position"])


def asks_before(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the query is the state before the step, and there is one look."""
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


def moves_right(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the new state."""
    states, right = answer["states"], expected["states"]
    told = wrong_shape(states, right, ["call", "batch", "hidden"])
    if told or same(states, right):
        return told
    hint = known(states[0], SWAPPED_STATES)
    if hint:
        return hint
    if same(states[0], inputs["dec_state"]):
        return "The step returns the state that it was given: the new one is lost."
    if same(states[0], states[1]) and not same(right[0], right[1]):
        return (
            "Two different contexts lead to the same new state: the cell does not read "
            "the context."
        )
    if same(states[0], states[2]) and not same(right[0], right[2]):
        return (
            "Two different previous tokens lead to the same new state: the cell does not "
            "read the token."
        )
    return first_difference(states, right, ["call", "batch", "component"])


def speaks_right(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the logits."""
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
        return (
            "The output layer reads the right numbers in another order than new state, "
            "context, token."
        )
    beside_state = logits[:, :, n:] if exact else logits
    if same(beside_state[0], beside_state[1]) and not same(right[0], right[1]):
        return (
            "What the logits take from beside the state is the same for two contexts: the "
            "output layer does not read the context."
        )
    return first_difference(logits, right, ["call", "batch", "token"])


# --- 7. the gate ------------------------------------------------------------------------

EMB, HIDDEN = 32, 48
RECIPE = {"locales": list(LOCALES), "updates": 400, "seed": 0}
SMALL_RECIPE = {"locales": ["en_US", "de"], "updates": 200, "seed": 0}
PAIRS = 6_400
LONGEST_ANSWER = 11  # ten characters and EOS


class World:
    """A task of dates, its vocabularies, and the pairs to train on.

    Args:
        locales: as in ``Dates``.
    """

    def __init__(self, locales: Sequence[str]) -> None:
        self.task = Dates(locales)
        self.src_vocab, self.tgt_vocab = self.task.vocabs()
        self.train = make_splits(self.task, train=PAIRS, per_length=0).train

    def batch(self, sources: Sequence[str], targets: Sequence[str] | None = None) -> Batch:
        """One batch of dates as text."""
        if targets is None:
            targets = ["-"] * len(sources)
        pairs = zip(sources, targets, strict=True)
        examples = [Example(tuple(s), tuple(t)) for s, t in pairs]
        return collate(encode(examples, self.src_vocab, self.tgt_vocab))

    def text(self, ids: Tensor) -> list[str]:
        """Answers as text, one for each row of ids."""
        return ["".join(self.tgt_vocab.decode(row)) for row in ids.tolist()]


@cache
def _world(locales: tuple[str, ...]) -> World:
    return World(locales)


def world(inputs: Inputs) -> World:
    """The world of a recipe, made once."""
    return _world(tuple(inputs["locales"]))


def held_out(
    rng: random.Random, locales: Sequence[str], n: int
) -> tuple[list[str], list[str]]:
    """Dates that no model was trained on, of all lengths: sources and answers as text."""
    task = _world(tuple(locales)).task
    found: dict[str, str] = {}
    while len(found) < n:
        example = task.draw(rng, rng.choice(task.lengths))
        if split_of(example.src) == "test":
            found["".join(example.src)] = "".join(example.tgt)
    return list(found), list(found.values())


def train(
    model: nn.Module,
    recipe: Mapping[str, Any],
    logits_of: Callable[[Batch], Tensor] | None = None,
) -> list[float]:
    """Train a model on dates: Adam, a rate that rises and falls, batches of like lengths.

    Args:
        model: called with a batch, answers logits (batch, tgt_len, vocab).
        recipe: locales, number of updates and seed.
        logits_of: how to get the logits, if not by calling the model.

    Returns:
        The loss of every update.
    """
    here = world(recipe)
    pairs = encode(here.train, here.src_vocab, here.tgt_vocab)
    batches = Batches(pairs, batch_size=64, seed=recipe["seed"])
    config = TrainConfig(recipe["updates"], lr=0.01, warmup=20)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    losses: list[float] = []
    model.train()
    epoch = 0
    while len(losses) < config.updates:
        for batch in batches.epoch(epoch):
            if len(losses) == config.updates:
                break
            for group in optimizer.param_groups:
                group["lr"] = config.lr * config.rate(len(losses))
            logits = (logits_of or model)(batch)
            targets = batch.tgt_out.flatten()
            loss = cross_entropy(logits.flatten(0, 1), targets, ignore_index=PAD)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            losses.append(loss.item())
        epoch += 1
    model.eval()
    return losses


def vocabularies(recipe: Mapping[str, Any] = RECIPE) -> tuple[Vocab, Vocab]:
    """The characters of dates, and those of answers."""
    return world(recipe).src_vocab, world(recipe).tgt_vocab


def train_dates(
    model_class: type[nn.Module], recipe: Mapping[str, Any] = RECIPE
) -> tuple[Any, list[float]]:
    """A model of the class, trained by the recipe of the gate, and its losses."""
    here = world(recipe)
    torch.manual_seed(recipe["seed"])
    model = model_class(len(here.src_vocab), len(here.tgt_vocab), EMB, HIDDEN)
    return model, train(model, recipe)


def gate_examples() -> list[Case]:
    """A small world: American and German dates, half the updates."""
    rng = random.Random("a3-gate")
    sources, targets = held_out(rng, SMALL_RECIPE["locales"], 60)
    seen = {
        "sources": ["may 7, 2031", "mittwoch, 7. mai 2031", "dec 24, 1999", "1. juli 1950"],
        "targets": ["2031-05-07", "2031-05-07", "1999-12-24", "1950-07-01"],
    }
    right = {"sources": sources, "targets": targets}
    return [Case({**SMALL_RECIPE, **seen}, right)]


def run_gate(student: SimpleNamespace, inputs: Inputs) -> Any:
    """Train; return the parameters, and what the model says of a few dates."""
    here = world(inputs)
    model, losses = train_dates(student.DateModel, inputs)
    batch = here.batch(inputs["sources"], inputs["targets"])
    with torch.no_grad():
        logits = model(batch)
        ids, weights = model.answer(batch.src_ids, batch.src_lengths, LONGEST_ANSWER)
        alone = []
        for source in inputs["sources"]:
            one = here.batch([source])
            alone.append(model.answer(one.src_ids, one.src_lengths, LONGEST_ANSWER)[0])
    return {
        "losses": losses,
        "parameters": dict(model.named_parameters()),
        "logits": logits,
        "first": ids[:, 0],
        "answers": here.text(ids),
        "weights": weights,
        "alone": [here.text(ids)[0] for ids in alone],
    }


def reference(inputs: Inputs, parameters: Any) -> Seq2Seq | str:
    """The library's model with a student's parameters, or why they do not fit.

    This is what makes the gate a test of a *model*: nothing but numbers comes out of the
    closed process, and it is the library that turns them into answers. The dates that
    decide are never sent there either, so they cannot be learned by heart. Parameters that
    were trained elsewhere, or for longer, would pass: they are a model all the same.
    """
    here = world(inputs)
    sizes = len(here.src_vocab), len(here.tgt_vocab)
    model = build_model(ModelConfig(*sizes, "additive", EMB, HIDDEN, HIDDEN)).to("cpu")
    wanted = dict(model.named_parameters())
    if not isinstance(parameters, dict):
        return "The model has no parameters."
    for name, parameter in wanted.items():
        if name not in parameters:
            return f"The model has no parameter {name}; keep the names of the layers."
        if parameters[name].shape != parameter.shape:
            return (
                f"The parameter {name} has the shape {tuple(parameters[name].shape)}, but "
                f"{tuple(parameter.shape)} was asked for."
            )
    extra = [name for name in parameters if name not in wanted]
    if extra:
        return f"The model has a parameter {extra[0]} that the exercise does not have."
    model.load_state_dict({name: parameters[name].float() for name in wanted})
    return model.eval()


def say(model: Seq2Seq, inputs: Inputs, sources: Sequence[str]) -> list[str]:
    """What a model of the library answers."""
    here = world(inputs)
    batch = here.batch(sources)
    return here.text(greedy(model, batch.src_ids, batch.src_lengths, LONGEST_ANSWER).ids)


def learns(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: the loss starts at ln V and falls."""
    losses = answer["losses"]
    unsure = math.log(len(world(inputs).tgt_vocab))
    last = sum(losses[-10:]) / 10
    if not all(map(math.isfinite, losses)):
        return "The loss is not finite in every update."
    if abs(losses[0] - unsure) > 0.5:
        return (
            f"The loss of the untrained model is {losses[0]:.2f}. It knows nothing yet, so "
            f"it should be near ln V = {unsure:.2f}."
        )
    if last > 1:
        return (
            f"The loss starts at {losses[0]:.2f} and is still {last:.2f} after "
            f"{len(losses)} updates: the model learns too little."
        )
    return None


def reaches(share: float) -> Judge:
    """Criterion: exact match on held-out dates, with the trained parameters."""

    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        model = reference(inputs, answer["parameters"])
        if isinstance(model, str):
            return model
        said = say(model, inputs, expected["sources"])
        rows = list(zip(expected["sources"], said, expected["targets"], strict=True))
        wrong = [row for row in rows if row[1] != row[2]]
        found = 1 - len(wrong) / len(rows)
        if found >= share:
            return None
        told = (
            f"With your trained parameters {found:.2f} of {len(rows)} held-out dates are "
            f"right; {share} is asked for. {wrong[0][0]!r} became {wrong[0][1]!r}."
        )
        own = [
            a == b for a, b in zip(answer["answers"], inputs["targets"], strict=True)
        ].count(True)
        if own > found * len(inputs["targets"]) + 1:
            return (
                f"{told} Your own model answers {own} of {len(inputs['targets'])} dates "
                "rightly, so it computes something else than the equations."
            )
        if answer["losses"][-1] < 0.02 and found < 0.5:
            return (
                f"{told} The loss fell to {answer['losses'][-1]:.3f} all the same: does a "
                "step of `forward` see the token that it has to predict?"
            )
        return told

    return judge


def forward_right(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: `forward` gives the logits of the equations."""
    model = reference(inputs, answer["parameters"])
    if isinstance(model, str):
        return model
    batch = world(inputs).batch(inputs["sources"], inputs["targets"])
    with torch.no_grad():
        right = model(batch).logits
    if right.std() < 0.01:
        return "All logits are the same, whatever the date: there is nothing to compare."
    logits = answer["logits"]
    told = wrong_shape(logits, right, ["batch", "tgt_len", "vocab"])
    if told:
        return told
    near = torch.isclose(logits, right, rtol=1e-3, atol=1e-3).all(
        dim=-1
    )  # (batch, tgt_len)
    if near.all():
        return None
    padded = ~batch.src_mask.all(dim=-1)
    if near[~padded].all():
        return (
            "The logits of the longest source are right and those of padded ones are not: "
            "padding gets in."
        )
    if near[:, 0].all():
        return (
            "The logits of the first step are right, the later ones are not: which token "
            "and which state does a step start from?"
        )
    return (
        "The logits of the first step are wrong already: look at the first state, the "
        "first token, and the memory."
    )


def answers_right(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: `answer` writes what the parameters say, alone and in a batch."""
    model = reference(inputs, answer["parameters"])
    if isinstance(model, str):
        return model
    right = say(model, inputs, inputs["sources"])
    src_ids = world(inputs).batch(inputs["sources"]).src_ids
    looks = torch.zeros(len(src_ids), LONGEST_ANSWER, src_ids.shape[1])
    told = wrong_shape(answer["weights"], looks, ["batch", "max_len", "src_len"])
    if told:
        return f"The weights that `answer` returns: {told}"
    if (answer["first"] == BOS).all():
        return (
            "Every answer begins with BOS. That is what the first step reads, not what it "
            "writes; everything stands one step too late."
        )
    rows = zip(inputs["sources"], answer["answers"], answer["alone"], right, strict=True)
    for source, batched, alone, wanted in rows:
        if batched != alone:
            return (
                f"{source!r} is answered {batched!r} in a batch and {alone!r} alone: "
                "its neighbours must not matter."
            )
        if batched == wanted:
            continue
        told = f"{source!r} is answered {batched!r}, but the parameters say {wanted!r}."
        if len(set(batched)) == 1 < len(batched):
            return f"{told} Does each step read what the step before it wrote?"
        return told
    if len({w[:4] for w in right}) < 2:
        return "The model answers every date with the same year: it has to learn first."
    return None


class AdditiveAttention(library.Additive):
    """The library's, with the interface of exercise 5."""

    def memory(self, enc_states: Any, mask: Any = None) -> library.Memory:
        if mask is None:
            return super().memory(enc_states)
        return library.Memory(self.project_keys(enc_states), enc_states, mask)

    def forward(self, query: Tensor, *memory: Any) -> tuple[Tensor, Tensor]:
        if len(memory) != 1:
            return super().forward(query, *memory)
        context, weights = super().forward(query[:, None], *memory[0])
        return context[:, 0], weights[:, 0]


class Decoder(library_decoder.Decoder):
    """The library's, with the interface of exercise 6."""

    def step(self, prev_ids: Tensor, dec_state: Tensor, memory: Any) -> Any:
        found = super().step(prev_ids, dec_state, library.Memory(*memory))
        return found.logits, found.dec_state, found.weights


def given_lookup() -> dict[str, Any]:
    """Exercises 3 and 4, from the library."""
    return {
        "masked_weights": library.masked_softmax,
        "weighted_context": library.weighted_sum,
    }


def given_decoder() -> dict[str, Any]:
    """Exercises 3 to 6, from the library; the dates are made now, before any limit."""
    for recipe in (RECIPE, SMALL_RECIPE):
        world(recipe)
    return {
        **given_lookup(),
        "AdditiveAttention": AdditiveAttention,
        "Decoder": Decoder,
    }


# --- 8. a scorer of one's own -----------------------------------------------------------


def own_examples() -> list[Case]:
    """A lookup with given sizes, and the small world of the gate."""
    generator = torch.Generator().manual_seed(3)
    sources, targets = held_out(random.Random("a3-own"), SMALL_RECIPE["locales"], 60)
    return [
        lookup_case(generator, 3, 5, (48, 96, 48)),
        Case({**SMALL_RECIPE, "updates": 300, "sources": sources}, targets),
    ]


def lookup_case(
    generator: torch.Generator, batch: int, src_len: int, sizes: tuple[int, int, int]
) -> Case:
    """Random states and queries; row 0 has one real token, others are ragged."""
    query_dim, enc_dim, _ = sizes
    lengths = torch.tensor([1, *range(2, batch), src_len])[:batch]
    inputs = {
        "sizes": list(sizes),
        "enc_states": torch.randn(batch, src_len, enc_dim, generator=generator),
        "mask": torch.arange(src_len) < lengths[:, None],
        "queries": torch.randn(2, batch, query_dim, generator=generator),
    }
    return Case(inputs, None)


class AsLibrary(library.Attention):
    """A student's attention in the library's decoder."""

    def __init__(self, own: nn.Module) -> None:
        super().__init__()
        self.own = own

    def memory(self, encoded: Any) -> library.Memory:
        return library.Memory(*self.own.memory(encoded.states, encoded.mask))

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        context, weights = self.own(query[:, 0], (keys, values, mask))
        return context[:, None], weights[:, None]


def run_own(student: SimpleNamespace, inputs: Inputs) -> Any:
    """Two lookups with fresh parameters, or a training.

    Nobody outside can repeat what an unknown score does, so these answers are the closed
    process's word: an answer that meddles with the library there could forge them. That
    is why this exercise has few points.
    """
    if "sizes" in inputs:
        module = student.OwnAttention(*inputs["sizes"])
        memory = module.memory(inputs["enc_states"], inputs["mask"])
        ones = module.memory(torch.ones_like(inputs["enc_states"]), inputs["mask"])
        found = [module(query, memory) for query in inputs["queries"]]
        return {
            "contexts": torch.stack([context for context, _ in found]),
            "weights": torch.stack([weights for _, weights in found]),
            "ones": module(inputs["queries"][0], ones)[0],
            "n_parameters": sum(p.numel() for p in module.parameters()),
        }
    model, losses = own_model(student.OwnAttention, inputs)
    return {"losses": losses, "answers": say(model, inputs, inputs["sources"])}


def own_model(
    attention_class: type[nn.Module], recipe: Mapping[str, Any] = RECIPE
) -> tuple[Seq2Seq, list[float]]:
    """The library's encoder and decoder with an attention of one's own, trained."""
    here = world(recipe)
    torch.manual_seed(recipe["seed"])
    encoder = Encoder(len(here.src_vocab), EMB, HIDDEN)
    own = attention_class(HIDDEN, encoder.enc_dim, HIDDEN)
    decoder = library_decoder.Decoder(
        len(here.tgt_vocab), EMB, HIDDEN, encoder.enc_dim, AsLibrary(own)
    )
    model = Seq2Seq(encoder, decoder)
    return model, train(model, recipe, lambda batch: model(batch).logits)


def is_lookup(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: weights that sum to 1, nothing on padding, a query that counts."""
    if "sizes" not in inputs:
        return None
    states, mask = inputs["enc_states"], inputs["mask"]
    weights, contexts = answer["weights"], answer["contexts"]
    shape = torch.zeros(2, *mask.shape)
    told = wrong_shape(weights, shape, ["query", "batch", "src_len"]) or wrong_shape(
        contexts, torch.zeros(2, len(mask), states.shape[-1]), ["query", "batch", "enc_dim"]
    )
    if told:
        return told
    sums = weights.sum(dim=-1)
    share = (weights * ~mask).abs().sum(dim=-1)
    if (sums - 1).abs().max() > 1e-3:
        return f"The weights of a query sum to {sums.flatten()[0]:.2f}, not to 1."
    if share.max() > 0:
        return f"A query puts {share.max():.2f} of its weight on padding."
    if not same(contexts[:, 0], states[0, 0].expand(2, -1)):
        return (
            "Source 0 has one real token, so its context can only be that token's state, "
            "but it is another."
        )
    if not same(answer["ones"], torch.ones(len(mask), states.shape[-1])):
        return "All states are ones, but the context is not: is it a sum of the states?"
    if same(weights[0], weights[1]):
        return "Two different queries get the same weights: the query does not count."
    return None


def is_small(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Criterion: fewer parameters than additive attention."""
    if "sizes" not in inputs:
        return None
    query_dim, enc_dim, attn_dim = inputs["sizes"]
    most = attn_dim * (query_dim + enc_dim + 1)
    if answer["n_parameters"] < most:
        return None
    return (
        f"Your attention has {answer['n_parameters']} parameters, and additive attention "
        f"has {most} at these sizes."
    )


def own_reaches(share: float) -> Judge:
    """Criterion: exact match on held-out dates."""

    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        if "sizes" in inputs:
            return None
        rows = list(zip(inputs["sources"], answer["answers"], expected, strict=True))
        wrong = [row for row in rows if row[1] != row[2]]
        found = 1 - len(wrong) / len(rows)
        if found >= share:
            return None
        return (
            f"{found:.2f} of {len(rows)} held-out dates are right; {share} is asked for. "
            f"{wrong[0][0]!r} became {wrong[0][1]!r}."
        )

    return judge


EXERCISES = (
    Exercise(
        "lookup",
        "1. One query, three states",
        ("look_up",),
        (
            Criterion("the scores are dot products", 1, lookup_scores),
            Criterion("the weights are positive and sum to 1", 1, lookup_weights),
            Criterion("the context is the weighted sum of the states", 1, lookup_context),
        ),
        lookup_examples,
        forbidden=LIBRARY,
    ),
    Exercise(
        "scores",
        "2. Additive scores",
        ("additive_scores",),
        (
            Criterion("one query over one source", 2, additive(one=True)),
            Criterion("batches of sources, several queries each", 2, additive(one=False)),
        ),
        score_examples,
        forbidden=LIBRARY,
    ),
    Exercise(
        "weights",
        "3. Weights behind a mask",
        ("masked_weights",),
        (
            Criterion(
                "each query's weights sum to 1 over the source, more score is more weight",
                2,
                sums_over_source,
            ),
            Criterion("padding weighs exactly nothing", 1, nothing_on_padding),
            Criterion("the numbers are right, for large scores too", 2, right_weights),
            Criterion("a source without a real token is a ValueError", 1, no_real_token),
        ),
        weight_examples,
        run_weights,
        forbidden=LIBRARY,
    ),
    Exercise(
        "context",
        "4. The context",
        ("weighted_context",),
        (
            Criterion("all weight on one state gives that state", 1, context(hard=True)),
            Criterion("weights that mix give the weighted sum", 2, context(hard=False)),
        ),
        context_examples,
        forbidden=LIBRARY,
    ),
    Exercise(
        "attention",
        "5. A module with a memory",
        ("AdditiveAttention",),
        (
            Criterion("the weights of each query are right", 2, looks_right),
            Criterion("the contexts are right", 2, reads_right),
            Criterion("keys are made once per source", 1, keys_made_once),
            Criterion("two sources do not mix", 1, memories_apart),
        ),
        attention_examples,
        run_attention,
        given_lookup,
        LIBRARY,
    ),
    Exercise(
        "step",
        "6. The decoder's step",
        ("Decoder",),
        (
            Criterion("cell and output read what they should", 1, right_sizes),
            Criterion("the query is the state before the step", 1, asks_before),
            Criterion("the new state is right", 2, moves_right),
            Criterion("the logits are right", 2, speaks_right),
        ),
        step_examples,
        run_step,
        given_lookup,
        LIBRARY,
    ),
    Exercise(
        "gate",
        "7. A model that reads dates",
        ("DateModel",),
        (
            Criterion("`forward` gives the logits of the equations", 2, forward_right),
            Criterion("the loss starts near ln V and falls", 1, learns),
            Criterion("exact match on held-out dates is at least 0.3", 1, reaches(0.3)),
            Criterion("... at least 0.6", 1, reaches(0.6)),
            Criterion("... at least 0.9", 1, reaches(0.9)),
            Criterion("`answer` writes what the parameters say", 2, answers_right),
        ),
        gate_examples,
        run_gate,
        given_decoder,
        LIBRARY,
        seconds=240.0,
    ),
    Exercise(
        "own",
        "8. A score of your own",
        ("OwnAttention",),
        (
            Criterion("it is a lookup that listens to the query", 1, is_lookup, gate=True),
            Criterion("it has fewer parameters than additive attention", 1, is_small),
            Criterion("exact match on held-out dates is at least 0.9", 2, own_reaches(0.9)),
        ),
        own_examples,
        run_own,
        given_decoder,
        LIBRARY,
        seconds=240.0,
    ),
)

check = Checker(EXERCISES)
