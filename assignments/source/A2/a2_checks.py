"""The checks of assignment A2, handed out beside its notebook.

They look at what an answer does; they do not hold the answers.
"""

from collections.abc import Callable, Sequence
from math import isclose, log
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from seq2seq_lib.checker import Checker
from seq2seq_lib.checking import Case, Criterion, Exercise, Inputs
from seq2seq_lib.comparisons import first_difference, same, wrong_shape
from seq2seq_lib.vocab import BOS, EOS, PAD

CLOSE = 1e-4


def near(a: Any, b: float) -> bool:
    """Whether two numbers agree; relative, so that tiny chances are compared too."""
    number = type(a) in (int, float) or (isinstance(a, Tensor) and a.numel() == 1)
    return number and isclose(float(a), b, rel_tol=CLOSE, abs_tol=1e-300)


# 1. Before any training


def missing(answer: Any, key: str) -> str | None:
    if not isinstance(answer, dict):
        return f"The answer has to be a dictionary, but it is a {type(answer).__name__}."
    if key in answer:
        return None
    return f"Your dictionary has no {key!r}; its keys are {', '.join(answer) or 'none'}."


def start_loss(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = missing(answer, "loss")
    if told:
        return told
    loss, right = answer["loss"], expected["loss"]
    if type(loss) not in (int, float):
        return f"The loss has to be a number, but it is a {type(loss).__name__}."
    if near(loss, right):
        return None
    vocab = inputs["vocab"]
    if near(loss, right / log(2)) or near(loss, right / log(10)):
        return (
            f"Your loss for {vocab} tokens is {loss:.3f}: that is in bits or in powers "
            "of ten. Nats were asked for."
        )
    if near(loss, -right):
        return f"Your loss is {loss:.3f}. A loss is never below 0: look at its sign."
    if near(loss, right * (inputs["length"] + 1)) or near(loss, right * inputs["length"]):
        return f"Your loss, {loss:.3f}, is that of a whole target. Give it per token."
    if near(loss, 1 / vocab):
        return f"{loss:.3f} is the probability of one token, not yet a loss."
    return f"Your loss for {vocab} equally likely tokens is {loss}, which is not right."


def start_accuracy(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = missing(answer, "token_accuracy")
    if told:
        return told
    found = answer["token_accuracy"]
    if near(found, expected["token_accuracy"]):
        return None
    if near(found, 100 * expected["token_accuracy"]):
        return f"{found:.3g} is a percentage; give a share from 0 to 1."
    return (
        f"With {inputs['vocab']} equally likely tokens a guess is not right in a share of "
        f"{found} of the cases."
    )


def start_match(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = missing(answer, "exact_match")
    if told:
        return told
    found, right = answer["exact_match"], expected["exact_match"]
    vocab, length = inputs["vocab"], inputs["length"]
    if near(found, right):
        return None
    if near(found, right * vocab):
        return (
            f"{found:.3g} is the chance of {length} right tokens. One more has to be right "
            "before the decoder stops."
        )
    if near(found, expected["token_accuracy"]):
        return f"{found:.3g} is the chance of one token; every token has to be right."
    return (
        f"The chance that a target of {length} tokens is guessed whole, out of {vocab} "
        f"tokens, is not {found}."
    )


# 2. Hand over the summary


def block_of(half: Tensor, last: Tensor) -> int | None:
    """Which of the stacked states these numbers are."""
    found = (k for k, state in enumerate(last) if same(half, state))
    return next(found, None)


def summary_rows(inputs: Inputs, answer: Any, expected: Any) -> str | None:
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
    told = wrong_shape(answer, expected, ("batch", "directions * hidden"))
    if told:
        return told
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
    return bool(torch.isclose(among, torch.tensor(number), rtol=CLOSE, atol=CLOSE).any())


def named(block: int, directions: int) -> str:
    layer, direction = divmod(block, directions)
    way = ("forward", "backward")[direction] if directions == 2 else "only"
    return f"the {way} state of layer {layer + 1}"


def summary_halves(inputs: Inputs, answer: Tensor) -> list[int | None]:
    halves = answer.chunk(inputs["directions"], dim=-1)
    return [block_of(half, inputs["last"]) for half in halves]


def summary_layer(inputs: Inputs, answer: Any, expected: Any) -> str | None:
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


def summary_order(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    if same(answer, expected):
        return None
    found = summary_halves(inputs, answer)
    if None not in found:
        names = [named(block, inputs["directions"]) for block in found if block is not None]
        return f"Your summary is {', then '.join(names)}. That is not the order asked for."
    return first_difference(answer, expected, ("batch", "number"))


# 3. One step of the decoder


def one_step(student: SimpleNamespace, inputs: Inputs) -> Any:
    weights, step = inputs["weights"], student.decoder_step
    reads = [inputs[name] for name in ("prev_ids", "dec_state", "context")]
    prev_ids, dec_state, context = reads
    # Without these three the new state is the same whatever is read, and near 0 the
    # tanh changes nothing: a mistake in the state is not counted again in the logits.
    still = weights | {name: 0 * weights[name] for name in "WUC"}
    still |= {"b": weights["b"] / 1000, "O": weights["O"] * 1000}
    return {
        "step": list(step(weights, *reads)),
        "other context": list(step(weights, prev_ids, dec_state, -context - 1)),
        "other state": list(step(weights, prev_ids, -dec_state - 1, context)),
        "still": list(step(still, *reads)),
        "still, other state": list(step(still, prev_ids, -dec_state - 1, context)),
        "still, other context": list(step(still, prev_ids, dec_state, -context - 1)),
    }


def step_state(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    if len(answer["step"]) != 2:
        return f"A step answers (logits, dec_state), but yours gave {len(answer['step'])}."
    logits, state = answer["step"]
    right_logits, right = expected["step"]
    if same(state, right):
        return None
    if same(logits, right) or (same(state, right_logits) and right.shape != state.shape):
        return "The logits come first and the new state second; yours are exchanged."
    told = wrong_shape(state, right, ("batch", "hidden"))
    if told:
        return told
    if same(state, inputs["dec_state"]):
        return "Your step hands back the state that it was given; it has to move."
    if float(state.abs().max()) > 1 + CLOSE:
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


def step_logits(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    if len(answer["still"]) != 2:
        return f"A step answers (logits, dec_state), but yours gave {len(answer['still'])}."
    logits, right = answer["still"][0], expected["still"][0]
    told = wrong_shape(logits, right, ("batch", "vocab"))
    if told:
        return told
    if not same(logits, answer["still, other state"][0]):
        return (
            "Your logits depend on the state *before* the step even where the new state "
            "does not. Score with the state that has read the token."
        )
    if same(logits, answer["still, other context"][0]):
        return (
            "With another context the same state gives the same logits: the source has no "
            "say in them."
        )
    if not same(logits, right) and same(logits.sum(-1), torch.ones_like(logits[:, 0])):
        return "Your logits are probabilities already; the softmax comes later."
    if near(logits.exp().sum(-1).max(), 1) and near(logits.exp().sum(-1).min(), 1):
        return "Your logits are already normalised; the softmax comes later."
    if same(logits - logits[:1], torch.zeros_like(logits)) and len(logits) > 1:
        return "Every row has the same logits, although every row has a context of its own."
    return first_difference(logits, right, ("row", "token"))


# A decoder small enough to check by hand. It notes what it is given.


class ToyDecoder:
    """A ``step`` whose logits are a table's row for the token read, plus its state.

    Args:
        bigram: the score of every token after every token, (vocab, vocab).
        drift: what reading a token adds to the state, (vocab, vocab).
    """

    def __init__(self, bigram: Tensor, drift: Tensor) -> None:
        self.bigram, self.drift = bigram, drift
        self.read: list[list[int]] = []
        self.handed_on = True
        self.last: Tensor | None = None
        self.best_rows: list[int] = []  # at the first step, for each token

    def __call__(self, prev_ids: Tensor, dec_state: Tensor) -> tuple[Tensor, Tensor]:
        if not isinstance(prev_ids, Tensor) or prev_ids.dim() != 1:
            raise ValueError("step reads one token for each row: prev_ids is (batch,)")
        if len(prev_ids) != len(dec_state):
            over = " (one for each token: was it taken over the batch axis?)"
            raise ValueError(
                f"step got {len(prev_ids)} tokens to read for {len(dec_state)} rows"
                + (over if len(prev_ids) == len(self.bigram) else "")
            )
        self.read.append(prev_ids.tolist())
        if self.last is not None and self.last.shape == dec_state.shape:
            self.handed_on &= bool(torch.equal(self.last, dec_state))
        self.last = dec_state + self.drift[prev_ids]
        logits = self.bigram[prev_ids] + self.last
        if len(self.read) == 1:
            self.best_rows = logits.argmax(dim=0).tolist()
        return logits, self.last.clone()


def toy(inputs: Inputs) -> ToyDecoder:
    return ToyDecoder(inputs["bigram"], inputs["drift"])


# 4. The loss with the teacher's hand


def forced(student: SimpleNamespace, inputs: Inputs) -> Any:
    tgt_ids, dec_state = inputs["tgt_ids"], inputs["dec_state"]
    step = toy(inputs)
    loss = student.forced_loss(step, dec_state.clone(), tgt_ids.clone())
    wider = torch.cat([tgt_ids, tgt_ids.new_full((len(tgt_ids), 3), PAD)], dim=1)
    alone = []
    for row, ids in enumerate(tgt_ids):
        real = ids[ids != PAD][None]
        alone.append(student.forced_loss(toy(inputs), dec_state[row : row + 1], real))
    return {
        "loss": torch.as_tensor(loss),
        "read": step.read,
        "handed_on": step.handed_on,
        "alone": torch.stack([torch.as_tensor(x) for x in alone]),
        "wider": torch.as_tensor(student.forced_loss(toy(inputs), dec_state, wider)),
    }


def loss_reads(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    tgt_ids, read = inputs["tgt_ids"], answer["read"]
    if not read:
        return "Your loss never calls step, so it does not look at the model."
    if read[0] != tgt_ids[:, 0].tolist():
        return f"The first step reads {read[0]}; every target begins with BOS = {BOS}."
    for t in range(tgt_ids.shape[1] - 1):
        for row, right in enumerate(tgt_ids[:, t].tolist()):
            if right in (PAD, EOS):
                continue
            if t >= len(read):
                return (
                    f"Your loop stops after {len(read)} steps, but row {row} has a token "
                    f"to read at step {t}."
                )
            if read[t][row] != right:
                return (
                    f"At step {t} row {row} reads {read[t][row]}, but the correct previous "
                    f"token is {right}. With the teacher's hand the model never reads its "
                    "own."
                )
    if not answer["handed_on"]:
        return (
            "A step was not given the state that the step before it returned, so the "
            "decoder forgets what it has read."
        )
    return None


def loss_alone(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    right = expected["alone"]
    lengths = (inputs["tgt_ids"] != PAD).sum(dim=1) - 1
    for row, ours in enumerate(answer["alone"].flatten()):
        only_eos = len(lengths) == answer["alone"].numel() and lengths[row] == 1
        if only_eos and not torch.isfinite(ours):
            return (
                f"Sentence {row} has nothing to answer but EOS, and alone its loss is "
                f"{ours.item()}. EOS is a token like the others."
            )
    told = wrong_shape(answer["alone"], right, ("sentence",))
    if told:
        return told
    for row, (ours, wanted) in enumerate(zip(answer["alone"], right, strict=True)):
        if near(ours, wanted.item()):
            continue
        found, tokens = f"{ours.item():.4g}", int(lengths[row])
        start = f"Sentence {row} alone, {tokens} tokens to answer, has a loss of {found}"
        if near(ours, wanted.item() * tokens):
            return f"{start}: that is their sum. Give the mean per token."
        if near(ours, -wanted.item()):
            return f"{start}: the sign is wrong, a loss is never below 0."
        if near(ours, wanted.item() / log(2)):
            return f"{start}: that is in bits; nats were asked for."
        return (
            f"{start}, but {wanted.item():.4g} is right. Is each step asked for the token "
            "that comes after the one it reads, EOS included?"
        )
    return None


def loss_batch(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    loss, right, alone = answer["loss"], float(expected["loss"]), answer["alone"]
    real = inputs["tgt_ids"][:, 1:] != PAD
    if loss.numel() != 1:
        return f"One loss was asked for, but yours has the shape {tuple(loss.shape)}."
    number = f"{loss.item():.4g}"
    each_right = same(alone, expected["alone"])
    if near(loss, right):
        wider = answer["wider"].item()
        if near(wider, right):
            return None
        return f"Three more columns of padding move your loss from {number} to {wider:.4g}."
    if near(loss, right * int(real.sum()) / len(real)):
        return f"{number} is the mean per sentence; give the mean per token."
    if each_right and near(loss, alone.mean().item()):
        return (
            f"{number} is the mean of the sentences' own means. So a token of a short "
            f"sentence counts for more; every token counts once: {right:.4g}."
        )
    if each_right and near(loss, right * int(real.sum()) / real.numel()):
        return (
            f"{number} is the right sum divided by {real.numel()} places, of which only "
            f"{int(real.sum())} are real tokens."
        )
    if near(loss, right * int(real.sum())):
        return f"{number} is the sum over all tokens; give the mean per token."
    if each_right and not near(answer["wider"], loss.item()):
        return (
            f"Three more columns of padding move your loss from {number} to "
            f"{answer['wider'].item():.4g}: padding is counted."
        )
    return f"The loss of the batch is {number}, but {right:.4g} is right."


# 5. Greedy decoding


def decode(student: SimpleNamespace, inputs: Inputs) -> Any:
    step = toy(inputs)
    ids = student.decode_greedily(step, inputs["dec_state"].clone(), inputs["max_len"])
    return {
        "ids": ids,
        "calls": len(step.read),
        "read": step.read,
        "handed_on": step.handed_on,
        "best_rows": step.best_rows,
    }


def up_to_eos(row: list[int]) -> list[int]:
    return row[: row.index(EOS) + 1] if EOS in row else row


def greedy_fault(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    ids, right = answer["ids"], expected["ids"]
    rows, read = len(right), answer["read"]
    if len(read) > 1 and read[1] == answer["best_rows"] != expected["read"][1]:
        return (
            f"The second step reads {read[1]}: the best *row* for each token, a maximum "
            "over the batch axis. For each row the best token was asked for."
        )
    if not isinstance(ids, Tensor) or ids.dim() != 2 or ids.is_floating_point():
        kind = (
            f"shape {tuple(ids.shape)}" if isinstance(ids, Tensor) else type(ids).__name__
        )
        return f"The answer has to be one tensor of ids, (batch, tgt_len); yours is {kind}."
    if not read:
        return "Your decoder never calls step, so it does not look at the model."
    if read[0] != [BOS] * rows:
        return f"The first step has to read BOS = {BOS} in every row, but reads {read[0]}."
    if len(ids) != rows or not ids.shape[1]:
        return (
            f"Your ids have the shape {tuple(ids.shape)} for {rows} rows; (batch, tgt_len) "
            "was asked for."
        )
    if len(read) > 1 and read[1] == read[0] and not (right[:, 0] == BOS).all():
        return "The second step reads BOS again; it has to read what the first one wrote."
    if not answer["handed_on"]:
        return "A step was not given the state that the step before it returned."
    for row in range(rows):
        ours, wanted = ids[row].tolist(), up_to_eos(right[row].tolist())
        for t, (own, token) in enumerate(zip(ours, wanted, strict=False)):
            if own == token or (token == EOS and own == PAD):
                continue  # a missing EOS is looked at below
            return (
                f"At step {t} row {row} writes {own}, but the most probable token is "
                f"{token}."
            )
    return None


def begins_with_bos(answer: Any) -> bool:
    ids = answer["ids"]
    return isinstance(ids, Tensor) and ids.dim() == 2 and bool((ids[:, :1] == BOS).all())


def without_bos(answer: Any) -> Any:
    """The answer, its column of BOS cut off: a mistake that is counted once."""
    if not begins_with_bos(answer) or answer["ids"].shape[1] < 2:
        return answer
    return answer | {"ids": answer["ids"][:, 1:]}


def greedy_tokens(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = greedy_fault(inputs, without_bos(answer), expected)
    if told or not begins_with_bos(answer):
        return told
    return "Your answers begin with BOS. It is read, not written."


WRONG_TOKENS = "Not looked at while the tokens are wrong."


def greedy_ends(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    answer = without_bos(answer)
    if greedy_fault(inputs, answer, expected):
        return WRONG_TOKENS
    for row, ids in enumerate(answer["ids"].tolist()):
        wanted = up_to_eos(expected["ids"][row].tolist())
        end = len(wanted) - 1
        if wanted[end] == EOS and len(ids) > end and ids[end] == PAD:
            return f"Row {row} has PAD at step {end}, where its EOS belongs."
        after = [token for token in ids[len(wanted) :] if token != PAD]
        if after and EOS in wanted:
            return (
                f"Row {row} said EOS at step {end} and goes on: {after}. After EOS there "
                "is only PAD."
            )
        if len(ids) < len(wanted):
            return (
                f"Row {row} has {len(ids)} tokens and no EOS yet, but it may write up to "
                f"{inputs['max_len']}. Another row's EOS must not end it."
            )
    return None


def greedy_stops(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    answer = without_bos(answer)
    if greedy_fault(inputs, answer, expected):
        return WRONG_TOKENS
    calls, right = answer["calls"], expected["calls"]
    if calls > inputs["max_len"]:
        return f"{calls} steps were made, but max_len is {inputs['max_len']}."
    if calls > right:
        return f"All rows were done after {right} steps, but yours made {calls}."
    if calls < right:
        return f"Yours made {calls} steps, but the last row was done only after {right}."
    width = answer["ids"].shape[1]
    if width != right:
        return f"{right} steps were made, but the answer has {width} columns."
    return None


# 6. Exact match by length


def by_length(student: SimpleNamespace, inputs: Inputs) -> Any:
    texts = [list(inputs[name]) for name in ("sources", "hypotheses", "references")]
    longest = max(len(source) for source in texts[0])
    ask = student.match_by_length
    return {
        "buckets": ask(*texts, list(inputs["edges"])),
        "all": ask(*texts, [0, longest + 1]),
        "empty": ask(*texts, [0, longest + 1, longest + 3]),
    }


def pairs_of(found: Any, buckets: int) -> str | None:
    good = isinstance(found, list) and all(
        isinstance(p, list) and len(p) == 2 for p in found
    )
    if not good:
        return "The answer has to be a list with a pair (dates, share) for each bucket."
    if len(found) != buckets:
        return f"There are {buckets} buckets, but your list has {len(found)} pairs."
    return None


def bucket_counts(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    found, right = answer["buckets"], expected["buckets"]
    edges = inputs["edges"]
    told = pairs_of(found, len(right))
    if told:
        return told
    lengths = [len(source) for source in inputs["sources"]]
    off = [
        a[0] - b[0] if type(a[0]) is int else None
        for a, b in zip(found, right, strict=True)
    ]
    if not any(off) and None not in off:
        return None
    i = next(i for i, difference in enumerate(off) if difference != 0)
    low, high = edges[i], edges[i + 1]
    start = f"Bucket {i}, from {low} to below {high}, has {found[i][0]} dates in your list"
    at_low = [lengths.count(edge) for edge in edges[:-1]]
    at_high = [lengths.count(edge) for edge in edges[1:]]
    if off == at_high:
        return f"{start}: sources of {high} characters belong to the next bucket."
    if off in ([-n for n in at_low], [b - a for a, b in zip(at_low, at_high, strict=True)]):
        return f"{start}: sources of {low} characters belong to this bucket."
    for name in ("references", "hypotheses"):
        others = [len(text) for text in inputs[name]]
        if all(
            pair[0] == sum(n in range(a, b) for n in others)
            for pair, a, b in zip(found, edges, edges[1:], strict=False)
        ):
            return f"{start}: the lengths of the {name} were counted, not the sources'."
    return f"{start}, but {right[i][0]} is right."


def bucket_share(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = pairs_of(answer["all"], 1)
    if told:
        return told
    share, right = answer["all"][0][1], expected["all"][0][1]
    if near(share, right):
        told = bucket_parts(inputs, answer, expected)
        return told
    if type(share) not in (int, float):
        return f"With all dates in one bucket the share has to be a number, not {share!r}."
    pairs = list(zip(inputs["hypotheses"], inputs["references"], strict=True))
    said = f"With all dates in one bucket your share is {share:.4g}"
    tokens = [a == b for h, r in pairs for a, b in zip(h, r, strict=False)]
    by_date = [sum(a == b for a, b in zip(h, r, strict=False)) / len(r) for h, r in pairs]
    places = sum(len(r) for _, r in pairs)
    for wrong in (
        sum(tokens) / len(tokens),
        sum(tokens) / places,
        sum(by_date) / len(by_date),
    ):
        if near(share, wrong):
            return f"{said}: that is a share of characters. A date is right or it is not."
    begun = [all(a == b for a, b in zip(h, r, strict=False)) for h, r in pairs]
    if near(share, sum(begun) / len(begun)):
        return f"{said}: an answer that is too short or too long was taken for right."
    if near(share, 1 - right):
        return f"{said}: that is the share of wrong dates."
    if near(share, 100 * right):
        return f"{said}: give a share from 0 to 1, not a percentage."
    if near(share, right * len(pairs)):
        return f"{said}: that is a number of dates, not a share."
    return f"{said}, but {right:.4g} is right."


def bucket_parts(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    """Whether a bucket's share is one of its own dates, where its count is right."""
    dates = len(inputs["sources"])
    if pairs_of(answer["buckets"], len(expected["buckets"])):
        return None  # counted elsewhere
    for i, ((count, share), (wanted, right)) in enumerate(
        zip(answer["buckets"], expected["buckets"], strict=True)
    ):
        if count != wanted or not wanted or near(share, right):
            continue
        if near(share, right * wanted / dates):
            return (
                f"Bucket {i}: {share:.4g} is a share of all {dates} dates, not of the "
                f"{wanted} in the bucket."
            )
        return f"The share of bucket {i} is {share}, but {right:.4g} is right."
    return None


def bucket_empty(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    told = pairs_of(answer["empty"], 2)
    if told:
        return told
    (full, _), (count, share) = answer["empty"]
    if full != expected["empty"][0][0]:
        return f"Before the empty bucket is looked at: the full one has {full} dates."
    if count == 0 and share is None:
        return None
    if share in (0, 1):
        return (
            f"A bucket without dates has the share {share} in your list, as if a model had "
            "been tried on it. Nothing was measured: None."
        )
    return f"A bucket without dates is (0, None), but yours is ({count}, {share})."


# 7. Errors by field

FIELDS = ("year", "month", "day")


def is_date(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-"


def fields(student: SimpleNamespace, inputs: Inputs) -> Any:
    pairs = list(zip(inputs["hypotheses"], inputs["references"], strict=True))
    whole = [(h, r) for h, r in pairs if is_date(h)]
    ask = student.errors_by_field
    return {
        "whole": ask([h for h, _ in whole], [r for _, r in whole]),
        "all": ask([h for h, _ in pairs], [r for _, r in pairs]),
    }


def field_shares(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    found, right = answer["whole"], expected["whole"]
    if not isinstance(found, dict) or set(found) != set(FIELDS):
        return "The answer has to be a dictionary with the keys year, month and day."
    if all(near(found[f], right[f]) for f in FIELDS):
        return None
    bad = [f for f in FIELDS if type(found[f]) not in (int, float)]
    if bad:
        return f"The share of {bad[0]} has to be a number, but it is {found[bad[0]]!r}."
    if all(near(found[f], 1 - right[f]) for f in FIELDS):
        return (
            f"{found['year']:.3g} of the years are right in these answers; the share of "
            "wrong ones was asked for."
        )
    total = sum(right.values())
    if total and all(near(found[f], right[f] / total) for f in FIELDS):
        return (
            "Your three shares sum to 1: you divided by the number of errors. Divide by "
            "the number of dates."
        )
    if near(found["month"], right["day"]) and near(found["day"], right["month"]):
        return "Month and day are exchanged: ISO 8601 writes year, month, day."
    dates = sum(is_date(h) for h in inputs["hypotheses"])
    if all(near(found[f], right[f] * dates) for f in FIELDS):
        return f"Of {dates} dates you give the number of wrong fields, not the share."
    f = next(f for f in FIELDS if not near(found[f], right[f]))
    return (
        f"The share of wrong {f}s is {found[f]:.4g}, but {right[f]:.4g} is right. One "
        "wrong digit makes the field wrong, two make it no more wrong; and only its own "
        "digits count."
    )


def field_broken(inputs: Inputs, answer: Any, expected: Any) -> str | None:
    found, right = answer["all"], expected["all"]
    if not isinstance(found, dict) or set(found) != set(FIELDS):
        return "The answer has to be a dictionary with the keys year, month and day."
    if all(near(found[f], right[f]) for f in FIELDS):
        return None
    dates = len(inputs["references"])
    broken = sum(not is_date(h) for h in inputs["hypotheses"])
    if all(near(found[f], expected["whole"][f]) for f in FIELDS):
        return (
            f"{broken} of {dates} answers are no date, and yours leaves them out. They are "
            "wrong in all three fields."
        )
    f = next(f for f in FIELDS if not near(found[f], right[f]))
    return (
        f"With {broken} of {dates} answers that are no date, the share of wrong {f}s is "
        f"{found[f]}, but {right[f]:.4g} is right: such an answer is wrong in every field."
    )


# 8. Which dates fail?

SMALLEST = 0.05  # share of the dates that each group has to hold
SHOWS, CLEAR = 0.08, 0.16  # differences between the groups' shares of failures


def groups(student: SimpleNamespace, inputs: Inputs) -> Any:
    dates = list(zip(inputs["sources"], inputs["references"], strict=True))
    forwards = [student.is_harder(*date) for date in dates]
    backwards = [student.is_harder(*date) for date in reversed(dates)]
    return [forwards, backwards[::-1]]


def difference(groups: Sequence[bool], failed: Sequence[float]) -> float:
    """The share of failures in the True group minus that in the other."""
    inside = [f for g, f in zip(groups, failed, strict=True) if g]
    outside = [f for g, f in zip(groups, failed, strict=True) if not g]
    return sum(inside) / len(inside) - sum(outside) / len(outside)


def told_apart(least: float) -> Callable[[Inputs, Any, Any], str | None]:
    """A judge that asks for a difference of at least ``least``."""

    def judge(inputs: Inputs, answer: Any, expected: Any) -> str | None:
        found, again = answer
        strange = [g for g in found if type(g) is not bool]
        if strange:
            return f"is_harder has to answer True or False, but it answers {strange[0]!r}."
        if found != again:
            i = next(i for i, (a, b) in enumerate(zip(found, again, strict=True)) if a != b)
            return (
                f"Asked twice about {inputs['sources'][i]!r}, your function gives two "
                "answers. A group must depend on the date alone."
            )
        share = sum(found) / len(found)
        if not SMALLEST <= share <= 1 - SMALLEST:
            return (
                f"Your True group holds {share:.2f} of {len(found)} dates. Each group "
                f"needs at least {SMALLEST}, or there is nothing to compare."
            )
        if expected is None:
            return None  # only grading knows which dates failed
        gap = difference(found, expected["failed"])
        if gap >= least:
            return None
        if gap <= -SHOWS:
            return (
                f"On fresh dates your True group fails *less* often, by {-gap:.2f}: the "
                "hypothesis is the wrong way round."
            )
        return (
            f"On {len(found)} fresh dates the share of failures in your True group minus "
            f"that in the other is {gap:.2f}; at least {least} was asked for."
        )

    return judge


# Visible examples: constant weights and small numbers, with answers typed by hand.


def start_examples() -> list[Case]:
    return [
        Case(
            {"vocab": 2, "length": 3},
            {"loss": 0.6931472, "token_accuracy": 0.5, "exact_match": 0.0625},
        ),
        Case(
            {"vocab": 10, "length": 1},
            {"loss": 2.3025851, "token_accuracy": 0.1, "exact_match": 0.01},
        ),
    ]


def summary_examples() -> list[Case]:
    # The number abc is layer a, direction b (1 forward, 2 backward), sentence c.
    two = [[[111.0], [112.0], [113.0]], [[121.0], [122.0], [123.0]]]
    deep = [[[211.0], [212.0], [213.0]], [[221.0], [222.0], [223.0]]]
    return [
        Case(
            {"last": torch.tensor(two + deep), "layers": 2, "directions": 2},
            torch.tensor([[211.0, 221.0], [212.0, 222.0], [213.0, 223.0]]),
        ),
        Case(
            {
                "last": torch.tensor([two[0], deep[0], [[311.0], [312.0], [313.0]]]),
                "layers": 3,
                "directions": 1,
            },
            torch.tensor([[311.0], [312.0], [313.0]]),
        ),
    ]


def step_examples() -> list[Case]:
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
    prev_ids = torch.tensor([1, 2])
    dec_state = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    context = torch.tensor([[0.0, 1.0, 7.0], [-1.0, 2.0, 5.0]])
    state = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    logits = torch.tensor([[1.0, 10.0, 107.0, 3.0], [-1.0, -10.0, 205.0, -3.0]])
    still = torch.tensor([[0.0, 0.0, 107.0, 0.0], [0.0, 0.0, 205.0, 0.0]])
    return [
        Case(
            {
                "weights": weights,
                "prev_ids": prev_ids,
                "dec_state": dec_state,
                "context": context,
            },
            {
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
            },
        )
    ]


def loss_examples() -> list[Case]:
    # Every score rises alike: the probabilities stay, and a state not handed on shows.
    drift = torch.ones(4, 4)
    flat = {"bigram": torch.zeros(4, 4), "drift": drift}
    # After BOS the token 3 has probability 1/2, after 3 the end has 1/4.
    after_bos = [1 / 6, 1 / 6, 1 / 6, 1 / 2]
    after_three = [1 / 4, 1 / 4, 1 / 4, 1 / 4]
    uneven = torch.tensor([after_three, after_bos, after_three, after_three]).log()
    tgt_ids = torch.tensor([[BOS, 3, 3, EOS], [BOS, EOS, PAD, PAD]])
    read = [[BOS, BOS], [3, EOS], [3, PAD]]
    return [
        Case(
            flat | {"dec_state": torch.zeros(2, 4), "tgt_ids": tgt_ids},
            {
                "loss": torch.tensor(1.3862944),  # ln 4
                "read": read,
                "handed_on": True,
                "alone": torch.tensor([1.3862944, 1.3862944]),
                "wider": torch.tensor(1.3862944),
            },
        ),
        Case(
            {
                "bigram": uneven,
                "drift": drift,
                "dec_state": torch.zeros(2, 4),
                "tgt_ids": tgt_ids,
            },
            {
                "loss": torch.tensor(1.3143738),  # (ln 2 + ln 4 + ln 4 + ln 6) / 4
                "read": read,
                "handed_on": True,
                "alone": torch.tensor([1.1552453, 1.7917595]),
                "wider": torch.tensor(1.3143738),
            },
        ),
    ]


def greedy_examples() -> list[Case]:
    # After BOS comes 3, after 3 comes 4, after 4 the end, after the end 3 again.
    bigram = torch.zeros(5, 5)
    for token, best in ((BOS, 3), (3, 4), (4, EOS), (EOS, 3), (PAD, 4)):
        bigram[token, best] = 1.0
    # Every score rises alike: the best stays, and a state not handed on shows.
    toy = {"bigram": bigram, "drift": torch.ones(5, 5)}
    plain, ends_at_once, never_ends = torch.zeros(3, 5)
    ends_at_once[EOS] = never_ends[4] = 9.0
    two = torch.stack([plain, ends_at_once])
    five = torch.stack([plain, ends_at_once, plain, never_ends, plain])
    return [
        Case(
            toy | {"dec_state": five, "max_len": 4},
            {
                "ids": torch.tensor(
                    [[3, 4, EOS, PAD], [EOS, PAD, PAD, PAD], [3, 4, EOS, PAD]]
                    + [[4, 4, 4, 4], [3, 4, EOS, PAD]]
                ),
                "calls": 4,
                "read": [[BOS] * 5, [3, EOS, 3, 4, 3], [4, PAD, 4, 4, 4]]
                + [[EOS, PAD, EOS, 4, EOS]],
                "handed_on": True,
                "best_rows": [0, 0, 1, 0, 3],
            },
        ),
        Case(
            toy | {"dec_state": two, "max_len": 6},
            {
                "ids": torch.tensor([[3, 4, EOS], [EOS, PAD, PAD]]),
                "calls": 3,
                "read": [[BOS, BOS], [3, EOS], [4, PAD]],
                "handed_on": True,
                "best_rows": [0, 0, 1, 0, 0],
            },
        ),
        Case(
            toy | {"dec_state": two, "max_len": 2},
            {
                "ids": torch.tensor([[3, 4], [EOS, PAD]]),
                "calls": 2,
                "read": [[BOS, BOS], [3, EOS]],
                "handed_on": True,
                "best_rows": [0, 0, 1, 0, 0],
            },
        ),
    ]


def bucket_examples() -> list[Case]:
    return [
        Case(
            {
                "sources": ["7 mai 2031", "1. mai 2020", "8 may 1999", "march 30, 1960"]
                + ["5 juni 2010", "6 juni 2011"],
                "hypotheses": ["2031-05-07", "2020-05-11", "1999-05-0", "1960-03-30"]
                + ["2010-06-15", "2011-06-07"],
                "references": ["2031-05-07", "2020-05-01", "1999-05-08", "1960-03-30"]
                + ["2010-06-05", "2011-06-06"],
                "edges": [10, 11, 14, 15, 20],
            },
            {
                "buckets": [[2, 0.5], [3, 0.0], [1, 1.0], [0, None]],
                "all": [[6, 1 / 3]],
                "empty": [[6, 1 / 3], [0, None]],
            },
        )
    ]


def field_examples() -> list[Case]:
    return [
        Case(
            {
                "hypotheses": ["2031-05-07", "2020-05-11", "1999-12-08", "1960-03-3", "--"],
                "references": ["2031-05-07", "2020-05-01", "1997-12-08", "1960-03-30"]
                + ["2001-01-01"],
            },
            {
                "whole": {"year": 1 / 3, "month": 0.0, "day": 1 / 3},
                "all": {"year": 0.6, "month": 0.4, "day": 0.6},
            },
        )
    ]


def group_examples() -> list[Case]:
    dates = {
        "7 mai 2031": "2031-05-07",
        "28. juni 1963": "1963-06-28",
        "montag, 1. august 2039": "2039-08-01",
        "6 δεκ 2049": "2049-12-06",
        "16 de out. de 1998": "1998-10-16",
        "среда, 14 августа 1985 г.": "1985-08-14",
        "march 30, 1960": "1960-03-30",
        "sexta-feira, 14 de janeiro de 1972": "1972-01-14",
        "2. maaliskuuta 1980": "1980-03-02",
        "friday 1 october 2010": "2010-10-01",
        "jueves, 23 de septiembre de 2004": "2004-09-23",
        "16 februari 2003": "2003-02-16",
        "2012. november 29.": "2012-11-29",
        "11 nov 1977": "1977-11-11",
        "giovedì 31 luglio 2042": "2042-07-31",
        "25 ocak 2006": "2006-01-25",
        "30 avril 2024": "2024-04-30",
        "dinsdag 9 mei 1950": "1950-05-09",
        "5 de diciembre de 1988": "1988-12-05",
        "perjantai 16. lokakuuta 2015": "2015-10-16",
    }
    return [Case({"sources": list(dates), "references": list(dates.values())}, None)]


EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        key="start",
        title="1. Before any training",
        answers=("before_training",),
        criteria=(
            Criterion("the loss per token, in nats", 1, start_loss),
            Criterion("the share of tokens guessed right", 1, start_accuracy),
            Criterion("the share of whole targets guessed right", 1, start_match),
        ),
        examples=start_examples,
    ),
    Exercise(
        key="summary",
        title="2. Hand over the summary",
        answers=("hand_over",),
        criteria=(
            Criterion("each row is made of its own sentence", 2, summary_rows, gate=True),
            Criterion("both directions come from the right layer", 1, summary_layer),
            Criterion("the directions are in the order asked for", 2, summary_order),
        ),
        examples=summary_examples,
    ),
    Exercise(
        key="step",
        title="3. One step of the decoder",
        answers=("decoder_step",),
        criteria=(
            Criterion("the new state", 3, step_state),
            Criterion("the logits of the new state", 3, step_logits),
        ),
        examples=step_examples,
        run=one_step,
    ),
    Exercise(
        key="loss",
        title="4. The loss with the teacher's hand",
        answers=("forced_loss",),
        criteria=(
            Criterion("every step reads the correct token", 2, loss_reads, gate=True),
            Criterion("the loss of a sentence alone", 2, loss_alone),
            Criterion("in a batch every token counts once, padding never", 2, loss_batch),
        ),
        examples=loss_examples,
        run=forced,
    ),
    Exercise(
        key="greedy",
        title="5. Greedy decoding",
        answers=("decode_greedily",),
        criteria=(
            Criterion("each step writes the most probable token", 3, greedy_tokens),
            Criterion("each row ends with its own EOS", 2, greedy_ends),
            Criterion("it stops when the last row is done", 2, greedy_stops),
        ),
        examples=greedy_examples,
        run=decode,
    ),
    Exercise(
        key="by-length",
        title="6. Exact match by length",
        answers=("match_by_length",),
        criteria=(
            Criterion("every date is in its bucket", 2, bucket_counts),
            Criterion("the share of dates that are right", 2, bucket_share),
            Criterion("an empty bucket has no share", 1, bucket_empty),
        ),
        examples=bucket_examples,
        run=by_length,
        forbidden=("seq2seq_lib.metrics", "exact_match_by_length"),
    ),
    Exercise(
        key="fields",
        title="7. Errors by field",
        answers=("errors_by_field",),
        criteria=(
            Criterion("the share of dates with a wrong field", 2, field_shares),
            Criterion("an answer that is no date is wrong in every field", 2, field_broken),
        ),
        examples=field_examples,
        run=fields,
    ),
    Exercise(
        key="harder",
        title="8. Which dates fail?",
        answers=("is_harder",),
        criteria=(
            Criterion(
                "two groups (when graded: the True one fails more often)",
                2,
                told_apart(SHOWS),
                gate=True,
            ),
            Criterion(
                f"(when graded: it does so by {CLEAR} or more)", 2, told_apart(CLEAR)
            ),
        ),
        examples=group_examples,
        run=groups,
    ),
)

check = Checker(EXERCISES)
