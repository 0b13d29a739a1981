"""3. One step of the decoder."""

from collections.abc import Iterator

import torch

from checks.differences import TOLERANCE, first_difference, near, refuse, same, wrong_shape
from checks.exercise import Answer, Case, Inputs, Student, criterion

ANSWERS = ("decoder_step",)


def run(student: Student, inputs: Inputs) -> Answer:
    weights, step = inputs["weights"], student.decoder_step
    reads = [inputs[name] for name in ("prev_ids", "dec_state", "context")]
    prev_ids, dec_state, context = reads
    # Without these three the new state is the same whatever is read, and near 0 the
    # tanh changes nothing: a mistake in the state is not counted again in the logits.
    still = weights | {name: 0 * weights[name] for name in "WUC"}
    # Much nearer, and what a tanh of one's own rounds near 0 would show.
    still |= {"b": weights["b"] / 256, "O": weights["O"] * 256}
    return {
        "step": list(step(weights, *reads)),
        "other context": list(step(weights, prev_ids, dec_state, -context - 1)),
        "other state": list(step(weights, prev_ids, -dec_state - 1, context)),
        "still": list(step(still, *reads)),
        "still, other state": list(step(still, prev_ids, -dec_state - 1, context)),
        "still, other context": list(step(still, prev_ids, dec_state, -context - 1)),
    }


@criterion("the new state", 3)
def step_state(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if len(answer["step"]) != 2:
        return f"A step answers (logits, dec_state), but yours gave {len(answer['step'])}."
    logits, state = answer["step"]
    right_logits, right = expected["step"]
    if same(state, right):
        return None
    if same(logits, right) or (same(state, right_logits) and right.shape != state.shape):
        return "The logits come first and the new state second; yours are exchanged."
    refuse(wrong_shape(state, right, ("batch", "hidden")))
    if same(state, inputs["dec_state"]):
        return "Your step hands back the state that it was given; it has to move."
    if float(state.abs().max()) > 1 + TOLERANCE:
        return (
            f"Your new state holds {state.abs().max().item():.3g} (up to its sign). After "
            "the tanh no number can lie outside -1 to 1."
        )
    if same(state, answer["other context"][1]) and not same(
        right, expected["other context"][1]
    ):
        return "With another context your new state is the same: it never sees the source."
    if same(state, answer["other state"][1]) and not same(
        right, expected["other state"][1]
    ):
        return "With another previous state your new state is the same: it forgets."
    return first_difference(state, right, ("row", "number"))


@criterion("the logits of the new state", 3)
def step_logits(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    if len(answer["still"]) != 2:
        return f"A step answers (logits, dec_state), but yours gave {len(answer['still'])}."
    logits, right = answer["still"][0], expected["still"][0]
    refuse(wrong_shape(logits, right, ("batch", "vocab")))
    if not same(logits, answer["still, other state"][0]):
        return (
            "Your logits depend on the state *before* the step even where the new state "
            "does not. Score with the state that has read the token."
        )
    if same(logits, answer["still, other context"][0]):
        return "Another context gives the same logits: the source has no say in them."
    if not same(logits, right) and same(logits.sum(-1), torch.ones_like(logits[:, 0])):
        return "Your logits are probabilities already; the softmax comes later."
    if near(logits.exp().sum(-1).max(), 1) and near(logits.exp().sum(-1).min(), 1):
        return "Your logits are already normalised; the softmax comes later."
    if same(logits - logits[:1], torch.zeros_like(logits)) and len(logits) > 1:
        return "Every row has the same logits, although every row has a context of its own."
    return first_difference(logits, right, ("row", "token"))


def examples() -> Iterator[Case]:
    # tanh(50) is 1 and tanh(-50) is -1, as exactly as a float can say it.
    weights = {
        "E": torch.tensor([[0.0], [1.0], [-1.0], [0.0]]),
        "W": torch.tensor([[50.0, 0.0]]),
        "U": torch.tensor([[0.0, 50.0], [0.0, 0.0]]),
        "C": torch.tensor([[0.0, 100.0], [0.0, 0.0], [0.0, 0.0]]),
        "b": torch.tensor([0.0, 0.0]),
        "O": torch.tensor([[1.0, 0.0, 0.0, 3.0], [0.0, 10.0, 0.0, 0.0]]),
        "P": torch.tensor([[0.0] * 4, [0.0, 0.0, 100.0, 0.0], [0.0, 0.0, 1.0, 0.0]]),
    }
    inputs = {
        "weights": weights,
        "prev_ids": torch.tensor([1, 2]),
        "dec_state": torch.tensor([[1.0, 0.0], [1.0, 0.0]]),
        "context": torch.tensor([[0.0, 1.0, 7.0], [-1.0, 2.0, 5.0]]),
    }
    state = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    logits = torch.tensor([[1.0, 10.0, 107.0, 3.0], [-1.0, -10.0, 205.0, -3.0]])
    still = torch.tensor([[0.0, 0.0, 107.0, 0.0], [0.0, 0.0, 205.0, 0.0]])
    right = {
        "step": [logits, state],
        "other context": [
            torch.tensor([[1.0, -10.0, -208.0, 3.0], [-1.0, 10.0, -306.0, -3.0]]),
            torch.tensor([[1.0, -1.0], [-1.0, 1.0]]),
        ],
        "other state": [
            torch.tensor([[1.0, -10.0, 107.0, 3.0], [-1.0, -10.0, 205.0, -3.0]]),
            torch.tensor([[1.0, -1.0], [-1.0, -1.0]]),
        ],
        "still": [still, torch.zeros(2, 2)],
        "still, other state": [still, torch.zeros(2, 2)],
        "still, other context": [
            torch.tensor([[0.0, 0.0, -208.0, 0.0], [0.0, 0.0, -306.0, 0.0]]),
            torch.zeros(2, 2),
        ],
    }
    yield Case(inputs, right)
