"""8. A score of your own."""

import random
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from a3_exercises import dates
from a3_exercises.given import given_decoder
from a3_exercises.writer import Writer
from checks.differences import same, wrong_shape
from checks.exercise import (
    Answer,
    Case,
    Criterion,
    Inputs,
    Outside,
    Student,
    criterion,
)
from seq2seq_lib import attention as library
from seq2seq_lib import decoder as library_decoder
from seq2seq_lib.encoder import Encoder
from seq2seq_lib.model import Seq2Seq

ANSWERS = ("OwnAttention",)
given = given_decoder
KEPT = ("sources",)
SECONDS = 240.0


def examples() -> Iterator[Case]:
    """A lookup with given sizes, and the small world of the gate."""
    generator, rng = torch.Generator().manual_seed(3), random.Random("a3-own")
    sources, targets = dates.held_out(rng, dates.SMALL_RECIPE["locales"], 60)
    yield lookup_case(generator, 3, 5, (48, 96, 48))
    yield Case({**dates.SMALL_RECIPE, "updates": 300, "sources": sources}, targets)


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


class InDecoder(library.Attention):
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


def run(student: Student, inputs: Inputs) -> Answer:
    """Two lookups with fresh parameters, or a training and what is written then.

    Nobody outside can repeat what an unknown score does, so how many parameters it has is
    the closed process's word. It earns nothing by itself: the trained model has to write
    dates outside, where the answer only says where to look.
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
            **measured(module),
        }
    model, _ = own_model(student.OwnAttention, inputs)
    model.eval()
    own, parameters = model.decoder.attention.own, dict(nn.Module.named_parameters(model))
    with torch.no_grad():
        states, mask, query = inputs["begin"](
            {n: p for n, p in parameters.items() if not n.startswith("decoder.attention.")}
        )
        memory = own.memory(states, mask)
        while query is not None:
            query = inputs["look"](*own(query, memory))
    return measured(own)


def measured(module: nn.Module) -> Answer:
    """The numbers that training changes, whatever the module's own methods say of them."""
    around = nn.Sequential(module)
    named = dict(nn.Module.named_parameters(around))
    parts = nn.Module.modules(around)
    return {
        "n_parameters": sum(p.numel() for p in named.values()),
        "additive": any(isinstance(part, library.Additive) for part in parts),
    }


def outside(inputs: Inputs) -> Outside:
    """Who writes with the trained model; nobody where there is a lookup only."""
    if looks(inputs):
        return Outside()
    writer = Writer(inputs)
    return Outside({"begin": writer.begin, "look": writer.look}, writer.facts)


def own_model(
    attention_class: type[nn.Module], recipe: Mapping[str, Any] = dates.RECIPE
) -> tuple[Seq2Seq, list[float]]:
    """The library's encoder and decoder with an attention of one's own, trained."""
    here = dates.world(recipe)
    torch.manual_seed(recipe["seed"])
    encoder = Encoder(len(here.src_vocab), dates.EMB, dates.HIDDEN)
    own = attention_class(dates.HIDDEN, encoder.enc_dim, dates.HIDDEN)
    decoder = library_decoder.Decoder(
        len(here.tgt_vocab), dates.EMB, dates.HIDDEN, encoder.enc_dim, InDecoder(own)
    )
    model = Seq2Seq(encoder, decoder)
    return model, dates.train(model, recipe)


def looks(inputs: Inputs) -> bool:
    """Whether a case is a lookup; the others are trainings."""
    return "sizes" in inputs


@criterion("it is a lookup that listens to the query", 1, cases=looks, gate=True)
def is_lookup(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
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


READS = 0.3  # share of right dates from which on a model is said to read them


@criterion("it has fewer parameters than additive attention", 1)
def is_small(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """The number is the answer's word; it counts for a model that was seen to work."""
    if answer["additive"]:
        return "Your attention holds additive attention; another score was asked for."
    sizes = inputs.get("sizes", (dates.HIDDEN, 2 * dates.HIDDEN, dates.HIDDEN))
    query_dim, enc_dim, attn_dim = sizes
    most = attn_dim * (query_dim + enc_dim + 1)
    if not looks(inputs) and own_reaches(READS, inputs, answer, expected):
        return "How few parameters it has says nothing while the model reads hardly a date."
    if 0 <= answer["n_parameters"] < most:
        return None
    return (
        f"Your attention has {answer['n_parameters']} parameters, and additive attention "
        f"has {most} at these sizes."
    )


def own_reaches(
    share: float, inputs: Inputs, answer: Answer, expected: Answer
) -> str | None:
    """Criterion: exact match on held-out dates."""
    if answer["refused"] or len(answer["answers"]) != len(expected):
        return answer["refused"] or "The trained model was not asked for a date."
    found, wrong = dates.right_share(inputs["sources"], answer["answers"], expected)
    if found >= share:
        return None
    told = f"{found:.2f} of {len(expected)} held-out dates are right; {share} is asked for."
    return f"{told} {wrong}"


learns = Criterion(
    "exact match on held-out dates is at least 0.9",
    2,
    partial(own_reaches, 0.9),
    cases=lambda i: not looks(i),
)
