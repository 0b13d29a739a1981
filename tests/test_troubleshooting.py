"""Every test of troubleshooting.md tells a sound model from a broken one.

The tests are taken from the page and run as they stand there: against something that is
right, where they must be silent, and against every mistake that the page names, where they
must fail. Where the symptom is a number, the mistake has to show it as well.
"""

import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from seq2seq_lib.attention import Additive, Attention, Dot, Memory, weighted_sum
from seq2seq_lib.batching import Batch, Batches, collate, encode, in_order
from seq2seq_lib.decoding import translate
from seq2seq_lib.encoder import Encoded, Encoder
from seq2seq_lib.metrics import bleu, exact_match, links, loss_per_token
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, token_loss
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.copy import Copy
from seq2seq_lib.tasks.needle import Needle
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.tasks.reversal import Reversal
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.vocab import EOS, PAD, Vocab

PAGE = (Path(__file__).parents[1] / "troubleshooting.md").read_text(encoding="utf-8")
_BLOCK = r"```python\n(.*?)```\n"
SETUP = re.search(_BLOCK, PAGE.split("\n## ")[0], re.S)[1]
ENTRIES = dict(re.findall(rf"^### ([^\n]+)\n\n{_BLOCK}", PAGE, re.M | re.S))

Given = dict[str, Any]
SYMPTOMS: dict[str, Callable[[], tuple[Given, list[Given]]]] = {}

TASK = Reversal(n_symbols=5, max_length=5)
EXAMPLES = make_splits(TASK, train=15, per_length=0).train
VOCAB, _ = TASK.vocabs()
PAIRS = encode(EXAMPLES, VOCAB, VOCAB)
BATCHES = Batches(PAIRS, batch_size=15)
CONFIG = ModelConfig(len(VOCAB), len(VOCAB), "additive", 13, 23, 46)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


# --- what is asked ----------------------------------------------------------------------


def small() -> Batch:
    """A pair of every length, the longest last."""
    by_length = {len(pair.src): pair for pair in PAIRS}
    return collate([by_length[n] for n in sorted(by_length)])


def about(model: Seq2Seq, **more: Any) -> Given:
    """What the page says that a reader has."""
    pairs = sorted({len(pair.src): pair for pair in PAIRS}.items())
    return {
        "model": model,
        "batch": small(),
        "pairs": [pair for _, pair in pairs],
        "sources": [tuple(VOCAB.decode(pair.src)) for _, pair in pairs],
        "references": [tuple(VOCAB.decode(pair.tgt)) for _, pair in pairs],
        "src_vocab": VOCAB,
        "tgt_vocab": VOCAB,
        **more,
    }


def fresh(**changes: Any) -> Seq2Seq:
    return build_model(replace(CONFIG, **changes)).eval()


def tiny() -> Seq2Seq:
    """For many short trainings."""
    return fresh(emb_dim=8, enc_hidden=12, dec_hidden=12)


def looking(attention: Attention, **changes: Any) -> Seq2Seq:
    """A fresh model with another module of attention."""
    model = fresh(**changes)
    model.decoder.attention = attention
    return model


def additive(kind: type[Additive] = Additive) -> Additive:
    return kind(CONFIG.dec_hidden, CONFIG.enc_dim, CONFIG.dec_hidden)


class Spoilt(Batches):
    """Batches with a mistake in each."""

    def __init__(self, spoil: Callable[[Batch], Batch]) -> None:
        super().__init__(PAIRS, batch_size=15)
        self.spoil = spoil

    def epoch(self, number: int) -> Iterator[Batch]:
        return map(self.spoil, super().epoch(number))


def trained(model: Seq2Seq, updates: int, batches: Batches = BATCHES) -> Seq2Seq:
    config = TrainConfig(updates, lr=0.02, warmup=10)
    fit(model, batches, config, progress=False)
    return model


@cache
def learned() -> Seq2Seq:
    """Has learned its 15 reversals by heart."""
    return trained(fresh(), updates=90)


@cache
def halfway() -> Seq2Seq:
    return trained(fresh(), updates=12)


def right(model: Seq2Seq) -> float:
    given = about(model)
    said = translate(model, given["sources"], VOCAB, VOCAB)
    return exact_match([answer.tokens for answer in said], given["references"])


# --- the mistakes -----------------------------------------------------------------------


class NoMask(Additive):
    def forward(self, query, keys, values, mask):
        return super().forward(query, keys, values, torch.ones_like(mask))


class Unpacked(Encoder):
    def forward(self, src_ids, src_lengths):
        states, last = self.gru(self.embedding(src_ids))
        return Encoded(states, torch.cat(list(last), dim=-1), src_ids != PAD)


class Flattened(Encoder):
    """The last states as if the batch were their first axis."""

    def forward(self, src_ids, src_lengths):
        encoded = super().forward(src_ids, src_lengths)
        last = torch.stack(encoded.summary.chunk(2, dim=-1))  # (directions, batch, hidden)
        return encoded._replace(summary=last.reshape(len(src_ids), -1))


class Inverted(Dot):
    def forward(self, query, keys, values, mask):
        scores = self.scores(query, keys).masked_fill(mask[:, None], -math.inf)
        weights = scores.softmax(dim=-1)
        return weighted_sum(weights, values), weights


class TimesMask(Dot):
    def forward(self, query, keys, values, mask):
        weights = (self.scores(query, keys) * mask[:, None]).softmax(dim=-1)
        return weighted_sum(weights, values), weights


class OwnSoftmax(Dot):
    """Refuses no row, also none without a real token."""

    def forward(self, query, keys, values, mask):
        scores = self.scores(query, keys).masked_fill(~mask[:, None], -math.inf)
        weights = scores.softmax(dim=-1)
        return weighted_sum(weights, values), weights


class WrongAxis(Dot):
    def forward(self, query, keys, values, mask):
        weights = self.scores(query, keys).softmax(dim=1)
        return weighted_sum(weights, values), weights


class WithoutQuery(Additive):
    def scores(self, query, keys):
        return super().scores(torch.zeros_like(query), keys)


class Blind(Attention):
    """A context of zeros."""

    def scores(self, query, keys):
        return query.new_zeros(query.shape[0], query.shape[1], keys.shape[1])

    def memory(self, encoded: Encoded) -> Memory:
        return Memory(encoded.states, 0 * encoded.states, encoded.src_mask)


def of_class(model: Seq2Seq, kind: type[Encoder]) -> Seq2Seq:
    model.encoder.__class__ = kind
    return model


def scaled(model: Seq2Seq, parameters: str, factor: float) -> Seq2Seq:
    """Some parameters multiplied; at least one has to be."""
    named = [p for name, p in model.named_parameters() if re.search(parameters, name)]
    assert named
    with torch.no_grad():
        for parameter in named:
            parameter.mul_(factor)
    return model


def symptom(title: str) -> Callable:
    """What is right, and what is wrong, for the entry of a title."""

    def store(cases: Callable) -> Callable:
        SYMPTOMS[title] = cases
        return cases

    return store


# --- before training --------------------------------------------------------------------


@symptom("The first loss is far from ln V")
def _():
    loud = scaled(fresh(), r"decoder.output", 40)
    return about(fresh()), [about(loud)]


@symptom("Sixteen sentences cannot be learned by heart")
def _():
    def learning(model: Seq2Seq, lr: float) -> Given:
        optimizer = torch.optim.Adam(model.parameters(), lr)
        return about(model.train(), optimizer=optimizer)

    forgotten = tiny()
    half = torch.optim.Adam(forgotten.encoder.embedding.parameters(), 0.02)
    wrong = [learning(tiny(), 1e-6), about(forgotten.train(), optimizer=half)]
    return learning(tiny(), 0.05), wrong


class TwoLayers(Encoder):
    pick = slice(-2, None)  # the upper layer

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        emb, hidden = self.gru.input_size, self.gru.hidden_size
        two = {"num_layers": 2, "batch_first": True, "bidirectional": True}
        self.gru = nn.GRU(emb, hidden, **two)

    def forward(self, src_ids, src_lengths):
        states, last = self.gru(self.embedding(src_ids))
        return Encoded(states, torch.cat(list(last[self.pick]), dim=-1), src_ids != PAD)


class FirstTwo(TwoLayers):
    pick = slice(0, 2)


@symptom("A part of the model never changes")
def _():
    def layered(kind: type[Encoder]) -> Seq2Seq:
        model = fresh(attention="fixed")
        model.encoder = kind(len(VOCAB), CONFIG.emb_dim, CONFIG.enc_hidden)
        return model

    detached = looking(additive())
    keys = detached.decoder.attention.key_proj
    keys.register_forward_hook(lambda module, inputs, output: output.detach())
    return about(layered(TwoLayers)), [about(layered(FirstTwo)), about(detached)]


@symptom("Right for one sentence, wrong for a batch")
def _():
    return about(fresh()), [about(of_class(fresh(), Flattened))]


# --- padding ----------------------------------------------------------------------------


@symptom("The answer depends on the neighbours in the batch")
def _():
    wrong = looking(additive(NoMask)), of_class(fresh(), Unpacked)
    return about(fresh()), list(map(about, wrong))


@symptom("Weight lies on padding")
def _():
    size = CONFIG.enc_dim
    wrong = [about(looking(kind(size, size))) for kind in (Inverted, TimesMask)]
    return about(looking(Dot(size, size))), wrong


@symptom("The loss is low from the start, and changes with the batch size")
def _():
    def loss_of(model: Seq2Seq, batch: Batch) -> torch.Tensor:
        return token_loss(model(batch).logits, batch)

    def with_padding(model: Seq2Seq, batch: Batch) -> torch.Tensor:
        logits = model(batch).logits
        return cross_entropy(logits.flatten(0, 1), batch.tgt_out.flatten())

    model = learned()
    return about(model, loss_of=loss_of), [about(model, loss_of=with_padding)]


# --- training ---------------------------------------------------------------------------


@symptom("NaN")
def _():
    batch = small()
    empty = replace(batch, src_ids=batch.src_ids.clone())
    empty.src_ids[0] = PAD
    own = of_class(looking(OwnSoftmax(CONFIG.enc_dim, CONFIG.enc_dim)), Unpacked)
    with pytest.raises(ValueError, match="Row 0 of the mask has no valid position"):
        of_class(fresh(), Unpacked)(empty)
    return about(fresh()), [about(own, batch=empty)]


@symptom("The loss jumps up and does not come back")
def _():
    long = Copy(n_symbols=5, max_length=40)
    pairs = encode([long.draw(random.Random(0), 40)], *long.vocabs())
    batch = collate(pairs)
    wild = scaled(fresh(), r"weight_hh", 12)
    return about(fresh(), batch=batch), [about(wild, batch=batch)]


@symptom("A bigger model seems to be needed")
def _():
    def tried(*rates: float) -> Given:
        return about(fresh(), new=tiny, batches=BATCHES, rates=rates)

    return tried(1e-4, 2e-2, 10.0), [tried(1e-5, 1e-4)]


@symptom("Words far from the end are never learned")
def _():
    needle = Needle(64, 5, distances=0)
    source, target = needle.vocabs()
    examples = make_splits(needle, train=0, per_length=5).valid
    batch = collate(encode(examples, source, target))
    sizes = {"src_vocab_size": len(source), "tgt_vocab_size": len(target)}
    one_way = partial(fresh, **sizes, bidirectional=False)
    given = about(one_way(), batch=batch)
    return given, [about(one_way(attention="fixed"), batch=batch)]


# --- attention --------------------------------------------------------------------------


@symptom("The weights of a query do not sum to 1")
def _():
    size = CONFIG.enc_dim
    return about(looking(Dot(size, size))), [about(looking(WrongAxis(size, size)))]


@symptom("All weight on one word")
def _():
    loud = scaled(fresh(), r"attention.v", 200)
    return about(fresh()), [about(loud)]


@symptom("Attention is no better than a fixed context")
def _():
    deaf = trained(looking(additive(WithoutQuery)), updates=30)
    return about(learned()), [about(deaf)]


@symptom("The heatmap stands beside the diagonal")
def _():
    sources = [example.src for example in EXAMPLES]
    answers = translate(learned(), sources, VOCAB, VOCAB)
    assert exact_match([a.tokens for a in answers], [e.tgt for e in EXAMPLES]) == 1
    written = [links(a.weights[:-1]) for a in answers]
    read = [
        {(t - 1, s) for t, s in links(answer.weights) if t > 0 and t <= len(answer.tokens)}
        for answer in answers
    ]
    given = partial(about, learned(), examples=EXAMPLES)
    return given(found=written), [given(found=read)]


# --- answers ----------------------------------------------------------------------------


@symptom("Perfect in training, nothing in decoding")
def _():
    def unshifted(batch: Batch) -> Batch:
        return replace(batch, tgt_in=batch.tgt_out)

    model = trained(fresh(), 90, Spoilt(unshifted))
    wrong = unshifted(small())
    assert token_loss(model(wrong).logits, wrong) < 0.05
    assert right(model) < 0.2 < right(learned())
    return about(learned()), [about(model, batch=wrong)]


@symptom("The loss falls, the output is nonsense")
def _():
    other = Vocab.build([example.tgt[-1:] for example in EXAMPLES[::-1]])
    others = Vocab(other.tokens[4:] + ("zz",) * (len(other) < len(VOCAB)))
    assert token_loss(learned()(small()).logits, small()) < 0.1
    said = [
        a.tokens for a in translate(learned(), about(learned())["sources"], VOCAB, VOCAB)
    ]
    ids = [VOCAB.encode(words) for words in said]
    nonsense = [tuple(others.decode(row)) for row in ids]
    assert exact_match(nonsense, about(learned())["references"]) < 0.2
    return about(learned()), [about(learned(), tgt_vocab=others)]


@symptom("The same output for every input")
def _():
    blind = looking(Blind())
    scaled(blind, r"decoder.initial", 0)
    blind.decoder.initial.requires_grad_(False)  # and it stays so while the rest trains
    trained(blind, updates=20)
    sources = about(blind)["sources"]
    assert len({a.tokens for a in translate(blind, sources, VOCAB, VOCAB)}) == 1
    return about(learned()), [about(blind)]


@symptom("The right translations, of other sentences")
def _():
    def by_length(sources: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        ordered = sorted(sources, key=lambda source: (len(source), source))
        return [a.tokens for a in translate(learned(), ordered, VOCAB, VOCAB)]

    def in_place(sources: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        return [a.tokens for a in translate(learned(), sources, VOCAB, VOCAB)]

    given = partial(about, learned())
    return given(translate_all=in_place), [given(translate_all=by_length)]


@symptom("Answers never end")
def _():
    def endless(batch: Batch) -> Batch:
        return replace(batch, tgt_out=batch.tgt_out.masked_fill(batch.tgt_out == EOS, PAD))

    model = trained(fresh(), 60, Spoilt(endless))
    return about(learned()), [about(model)]


@symptom("Two answers to one question")
def _():
    model = fresh(dropout=0.3)
    return about(model), [about(fresh(dropout=0.3).train())]


# --- numbers ----------------------------------------------------------------------------


@symptom("High accuracy, bad translations")
def _():
    model, batch = halfway(), small()
    hits = model(batch).logits.argmax(dim=-1) == batch.tgt_out
    forced = hits[batch.tgt_mask].float().mean().item()
    assert forced > right(model) + 0.1
    return about(model, reported=right(model)), [about(model, reported=forced)]


@symptom("The perplexity changes with the batch size")
def _():
    def mean_of_means(model: Seq2Seq, pairs: list, size: int) -> float:
        with torch.no_grad():
            batches = list(in_order(pairs, size))
            losses = [token_loss(model(batch).logits, batch).item() for batch in batches]
        return sum(losses) / len(losses)

    given = partial(about, halfway())
    return given(loss_of_set=loss_per_token), [given(loss_of_set=mean_of_means)]


@symptom("Too good to be true")
def _():
    task = Numbers(max_digits=5)
    splits = make_splits(task, train=100, per_length=5)
    rng = random.Random(0)
    drawn = [task.draw(rng, 1 + i % 3) for i in range(300)]
    model = learned()
    careless = about(model, train=drawn[100:], test=drawn[:100])
    return about(model, train=splits.train, test=splits.test), [careless]


@symptom("BLEU is 0, and every answer is right")
def _():
    short, longer = [("ein", "und", "zwanzig")], [("ein", "hundert", "ein", "tausend")]
    text = [" ".join(words) for words in short]
    assert exact_match(short, short) == 1 and bleu(text, text, "none") == 0
    model = learned()
    return about(model, references=longer), [about(model, references=short)]


@symptom("A probe finds something everywhere")
def _():
    task = Copy(n_symbols=3, max_length=9)
    source, target = task.vocabs()
    sizes = {"src_vocab_size": len(source), "tgt_vocab_size": len(target)}
    build = partial(
        build_model, replace(CONFIG, attention="fixed", bidirectional=False, **sizes)
    )
    rng = random.Random(0)
    drawn = [task.draw(rng, 9) for _ in range(400)]
    batch = collate(encode(drawn, source, target))
    several = encode([task.draw(rng, 3 + i % 7) for i in range(1000)], source, target)
    model = build(seed=0)
    fit(model, Batches(several, 32), TrainConfig(100, lr=0.02), progress=False)

    def states(model: Seq2Seq) -> torch.Tensor:
        with torch.no_grad():
            return model.encoder(batch.src_ids, batch.src_lengths).summary

    given = partial(about, learned(), fresh=states(build(seed=1)))
    first, last = batch.src_ids[:, 0], batch.src_ids[:, -1]
    echo = given(trained=states(build(seed=2)), labels=last)
    return given(trained=states(model), labels=first), [echo]


# --- all of them ------------------------------------------------------------------------


def run(title: str, given: Given) -> None:
    """The two lines of an entry, as they stand on the page."""
    names: Given = {}
    exec(SETUP, names)
    names.update(given)
    if isinstance(given["model"], Seq2Seq):
        given["model"].zero_grad()
    exec(ENTRIES[title], names)


def test_every_symptom_of_the_page_is_reproduced() -> None:
    assert list(ENTRIES) == re.findall(r"^### (.+)$", PAGE, re.M)
    assert list(ENTRIES) == list(SYMPTOMS)
    assert len(ENTRIES) >= 20


@pytest.mark.parametrize("title", SYMPTOMS)
def test_a_test_has_two_lines(title: str) -> None:
    lines = ENTRIES[title].splitlines()
    assert len(lines) == 2 and lines[1].startswith("assert ")
    assert max(map(len, lines)) <= 79


@pytest.mark.parametrize("title", SYMPTOMS)
def test_it_tells_sound_from_broken(title: str) -> None:
    sound, broken = SYMPTOMS[title]()
    run(title, sound)
    assert broken
    for given in broken:
        with pytest.raises(AssertionError):
            run(title, given)


@pytest.mark.parametrize("title", ENTRIES)
def test_it_names_a_chapter(title: str) -> None:
    text = PAGE.split(f"### {title}\n")[1].split("\n##")[0]
    assert re.search(r"\{ref\}`[Cc]hapter \d+ <chap-\d\d>`", text)
