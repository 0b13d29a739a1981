"""7. A model that reads dates."""

import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from a3_exercises import dates
from a3_exercises.given import given_decoder
from checks.differences import first_difference, refuse, wrong_shape
from checks.exercise import Answer, Case, Criterion, Inputs, Student, Wrong, criterion
from seq2seq_lib.batching import Batch
from seq2seq_lib.decoding import greedy
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.vocab import BOS, EOS, PAD

ANSWERS = ("DateModel",)
given = given_decoder
SECONDS = 240.0
WEIGHTS_NEAR = 1e-3  # after a whole answer of steps


def examples() -> Iterator[Case]:
    """A small world: American and German dates, half the updates."""
    rng = random.Random("a3-gate")
    sources, targets = dates.held_out(rng, dates.SMALL_RECIPE["locales"], 60)
    seen = {
        "sources": ["may 7, 2031", "mittwoch, 7. mai 2031", "dec 24, 1999", "1. juli 1950"],
        "targets": ["2031-05-07", "2031-05-07", "1999-12-24", "1950-07-01"],
    }
    right = {"sources": sources, "targets": targets}
    yield Case({**dates.SMALL_RECIPE, **seen}, right)


def run(student: Student, inputs: Inputs) -> Answer:
    """Train; return the parameters, and what the model says of a few dates."""
    here = dates.world(inputs)
    model, losses = dates.train_dates(student.DateModel, inputs)
    batch = here.batch(inputs["sources"], inputs["targets"])

    def said(batch: Batch) -> Any:
        return model.answer(batch.src_ids, batch.src_lengths, dates.LONGEST_ANSWER)

    with torch.no_grad():
        logits = model(batch)
        ids, weights = said(batch)
        alone = [said(here.batch([source]))[0] for source in inputs["sources"]]
    return {
        "losses": losses,
        "parameters": dict(nn.Module.named_parameters(model)),
        "logits": logits,
        "first": ids[:, 0],
        "answers": here.text(ids),
        "weights": weights,
        "alone": [here.text(ids)[0] for ids in alone],
    }


def reference(inputs: Inputs, parameters: Any) -> Seq2Seq:
    """The library's model with a student's parameters; ``Wrong`` if they do not fit.

    This is what makes the gate a test of a *model*: nothing but numbers comes out of the
    closed process, and it is the library that turns them into answers. The dates that
    decide are never sent there either, so they cannot be learned by heart. Parameters that
    were trained elsewhere, or for longer, would pass: they are a model all the same.
    """
    here = dates.world(inputs)
    vocabularies = len(here.src_vocab), len(here.tgt_vocab)
    sizes = dates.EMB, dates.HIDDEN, dates.HIDDEN
    model = build_model(ModelConfig(*vocabularies, "additive", *sizes)).to("cpu")
    wanted = dict(model.named_parameters())
    if not isinstance(parameters, dict):
        raise Wrong("The model has no parameters.")
    for name, parameter in wanted.items():
        if name not in parameters:
            raise Wrong(f"The model has no parameter {name}; keep the names of the layers.")
        if parameters[name].shape != parameter.shape:
            raise Wrong(
                f"The parameter {name} has the shape {tuple(parameters[name].shape)}, but "
                f"{tuple(parameter.shape)} was asked for."
            )
    for name in parameters:
        if name not in wanted:
            raise Wrong(
                f"The model has a parameter {name} that the exercise does not have."
            )
    model.load_state_dict({name: parameters[name].float() for name in wanted})
    return model.eval()


@criterion("`forward` gives the logits of the equations", 2)
def forward_right(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    model = reference(inputs, answer["parameters"])
    batch = dates.world(inputs).batch(inputs["sources"], inputs["targets"])
    with torch.no_grad():
        right = model(batch).logits
    if right.std() < 0.01:
        return "All logits are the same, whatever the date: there is nothing to compare."
    logits = answer["logits"]
    refuse(wrong_shape(logits, right, ["batch", "tgt_len", "vocab"]))
    near = torch.isclose(logits.to(right), right, rtol=1e-3, atol=1e-3).all(dim=-1)
    if near.all():
        return None
    padded = ~batch.src_mask.all(dim=-1)
    if near[~padded].all():
        return "The longest source has the right logits, padded ones not: padding gets in."
    if near[:, 0].all():
        return (
            "The logits of the first step are right, the later ones are not: which token "
            "and which state does a step start from?"
        )
    return (
        "The logits of the first step are wrong already: look at the first state, the "
        "first token, and the memory."
    )


@criterion("the loss starts near ln V and falls", 1)
def learns(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """The losses are the answer's word; what its parameters lose is measured here."""
    losses = answer["losses"]
    unsure = math.log(len(dates.world(inputs).tgt_vocab))
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
    model = reference(inputs, answer["parameters"])
    batch = dates.world(inputs).batch(expected["sources"], expected["targets"])
    with torch.no_grad():
        logits = model(batch).logits
    measured = cross_entropy(logits.transpose(1, 2), batch.tgt_out, ignore_index=PAD).item()
    if not measured < unsure - 1:
        return (
            f"The loss falls to {last:.2f}, but with your trained parameters the equations "
            f"have one of {measured:.2f} on held-out dates: what was trained is not this "
            "model."
        )
    return None


def reaches(share: float, inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    """Criterion: exact match on held-out dates, with the trained parameters."""
    model = reference(inputs, answer["parameters"])
    said = dates.say(model, inputs, expected["sources"])
    found, wrong = dates.right_share(expected["sources"], said, expected["targets"])
    if found >= share:
        return None
    told = (
        f"With your trained parameters {found:.2f} of {len(said)} held-out dates are "
        f"right; {share} is asked for. {wrong}"
    )
    asked = len(inputs["targets"])
    pairs = zip(answer["answers"], inputs["targets"], strict=True)
    own = sum(answered == right for answered, right in pairs)
    if own > found * asked + 1:
        return (
            f"{told} Your own model answers {own} of {asked} dates "
            "rightly, so it computes something else than the equations."
        )
    if answer["losses"][-1] < 0.02 and found < 0.5:
        return (
            f"{told} The loss fell to {answer['losses'][-1]:.3f} all the same: does a "
            "step of `forward` see the token that it has to predict?"
        )
    return told


at_least_03 = Criterion(
    "exact match on held-out dates is at least 0.3", 1, partial(reaches, 0.3)
)
at_least_06 = Criterion("... at least 0.6", 1, partial(reaches, 0.6))
at_least_09 = Criterion("... at least 0.9", 1, partial(reaches, 0.9))


def other_weights(inputs: Inputs, answer: Answer, model: Seq2Seq) -> str | None:
    """None if the weights of every written character are those of the parameters."""
    batch = dates.world(inputs).batch(inputs["sources"])
    found = greedy(model, batch.src_ids, batch.src_lengths, dates.LONGEST_ANSWER)
    for row, ids in enumerate(found.ids.tolist()):
        steps = ids.index(EOS) if EOS in ids else len(ids)
        told = first_difference(
            answer["weights"][row, :steps],
            found.weights[row, :steps],
            ["step", "position"],
            WEIGHTS_NEAR,
        )
        if told:
            return (
                f"The weights that `answer` returns for {inputs['sources'][row]!r}: {told}"
            )
    return None


@criterion("`answer` writes what the parameters say", 2)
def answers_right(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    model = reference(inputs, answer["parameters"])
    right = dates.say(model, inputs, inputs["sources"])
    src_ids = dates.world(inputs).batch(inputs["sources"]).src_ids
    looks = torch.zeros(len(src_ids), dates.LONGEST_ANSWER, src_ids.shape[1])
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
    refuse(other_weights(inputs, answer, model))
    if len({w[:4] for w in right}) < 2:
        return "The model answers every date with the same year: it has to learn first."
    return None
