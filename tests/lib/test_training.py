"""Training: it learns, it is seeded, and hooks see what happens."""

import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from seq2seq_lib.batching import Batches, Pair
from seq2seq_lib.decoding import translate
from seq2seq_lib.hooks.progress import Progress
from seq2seq_lib.metrics import exact_match
from seq2seq_lib.model import token_loss
from seq2seq_lib.training import History, Hook, TrainConfig, train_step


def _same_weights(one, other) -> bool:
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


# --- learning --------------------------------------------------------------------------


def test_every_attention_learns_a_handful_by_heart(overfit, reversal, attention):
    model, history = overfit(attention)
    examples, src_vocab, tgt_vocab = reversal
    answers = translate(model, [e.src for e in examples], src_vocab, tgt_vocab)
    assert exact_match([a.tokens for a in answers], [e.tgt for e in examples]) == 1.0
    assert history.losses[0] == pytest.approx(math.log(len(tgt_vocab)), rel=0.2)
    assert history.losses[-1] < 0.3


def test_a_step_follows_the_gradient_downhill(make_model, batch):
    model = make_model()
    before = token_loss(model(batch).logits, batch).item()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    assert train_step(model, batch, optimizer, clip=1.0) == pytest.approx(before)
    assert token_loss(model(batch).logits, batch).item() < before


@pytest.mark.parametrize("clip", [0.01, 1e6])
def test_gradients_are_clipped_to_the_given_norm(make_model, batch, clip):
    model = make_model()
    token_loss(model(batch).logits, batch).backward()
    whole = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
    before = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    train_step(model, batch, torch.optim.SGD(model.parameters(), lr=1.0), clip)
    after = nn.utils.parameters_to_vector(model.parameters()).detach()
    assert (after - before).norm().item() == pytest.approx(min(clip, whole), rel=1e-3)


def test_gradients_of_the_step_before_are_forgotten(make_model, batch):
    losses = []
    for repeats in (1, 2):
        model = make_model()
        still = torch.optim.SGD(model.parameters(), lr=0.0)
        for _ in range(repeats):
            train_step(model, batch, still, clip=1e6)
        losses.append([p.grad.clone() for p in model.parameters()])
    for once, twice in zip(*losses, strict=True):
        assert_close(once, twice)


def test_the_first_updates_are_adam_on_the_first_batches(train, make_model, batches):
    config = TrainConfig(updates=5, lr=0.01, warmup=2, clip=0.5)
    trained, history = train(config=config)
    model, losses = make_model().train(), []
    optimizer = torch.optim.Adam(model.parameters())
    for update, batch in enumerate(batches.epoch(0)):
        optimizer.param_groups[0]["lr"] = 0.01 * config.rate(update)
        losses.append(train_step(model, batch, optimizer, clip=0.5))
    assert history.losses == losses
    assert _same_weights(trained, model)


# --- the schedule ----------------------------------------------------------------------


def test_the_rate_rises_then_falls_like_a_cosine():
    rate = TrainConfig(updates=110, warmup=10).rate
    assert [rate(i) for i in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert [rate(i) for i in (10, 60, 110)] == pytest.approx([1.0, 0.5, 0.0])
    falling = [rate(i) for i in range(10, 111)]
    assert falling == sorted(falling, reverse=True)


def test_a_constant_schedule_stays_where_the_warm_up_ends():
    rate = TrainConfig(updates=110, warmup=10, schedule="constant").rate
    assert rate(4) == 0.5
    assert {rate(i) for i in range(9, 110)} == {1.0}


def test_no_warm_up_starts_at_the_full_rate():
    assert TrainConfig(updates=7, warmup=0).rate(0) == 1.0
    assert TrainConfig(updates=7, warmup=7).rate(7) == 1.0  # all warm-up, no fall


def test_an_unknown_schedule_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'linear'.*cosine, constant"):
        TrainConfig(updates=1, schedule="linear")


@pytest.mark.parametrize(
    "wrong", [{"updates": 0}, {"warmup": -1}, {"lr": 0.0}, {"clip": 0.0}]
)
def test_a_number_out_of_range_is_told(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        TrainConfig(**{"updates": 5, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"updates": 1e3},
        {"updates": True},
        {"updates": "9"},
        {"lr": math.inf},
        {"lr": math.nan},
        {"lr": None},
        {"clip": math.nan},
        {"warmup": 2.5},
        {"seed": None},
        {"seed": -1},
        {"teacher_forcing": math.nan},
    ],
)
def test_what_is_no_number_is_told(wrong, no_shape_checks):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"^{name} must (be|lie) .*, got "):
        TrainConfig(**{"updates": 5, **wrong})


@pytest.mark.parametrize("side", ["source", "target"])
def test_ids_without_an_embedding_are_told_before_training(train, side):
    pair = Pair((97,), (5,)) if side == "source" else Pair((5,), (97,))
    size = 23 if side == "source" else 29
    with pytest.raises(ValueError, match=f"{side} sentences have an id 97.*only {size}"):
        train(batches=Batches([Pair((4,), (4,)), pair]))


# --- the history -----------------------------------------------------------------------


def test_the_history_counts_updates_tokens_and_time(train, batches):
    _, history = train(updates=10)
    assert history.updates == len(history.losses) == 10
    assert history.tokens == 2 * sum(len(p.tgt) + 1 for p in batches.pairs)
    assert history.seconds > 0
    assert history.tokens_per_second == history.tokens / history.seconds
    assert not history.interrupted


def test_no_time_gives_no_speed():
    assert math.isnan(History().tokens_per_second)


def test_hooks_are_called_in_their_order(train):
    calls = []

    class Watch(Hook):
        def __init__(self, name):
            self.name = name

        def before_training(self, run):
            calls.append((self.name, "before", run.done))

        def after_update(self, run):
            calls.append((self.name, "update", run.done))

        def after_training(self, run):
            calls.append((self.name, "after", run.done))

    train(updates=2, hooks=[Watch("a"), Watch("b")])
    assert calls == [
        ("a", "before", 0),
        ("b", "before", 0),
        ("a", "update", 1),
        ("b", "update", 1),
        ("a", "update", 2),
        ("b", "update", 2),
        ("b", "after", 2),
        ("a", "after", 2),
    ]


def test_a_hook_may_change_how_much_is_forced(train):
    class Falling(Hook):
        def before_training(self, run):
            run.teacher_forcing = 0.0

    _, free = train(updates=2, hooks=[Falling()])
    config = TrainConfig(updates=2, warmup=3, teacher_forcing=0.0)
    assert free.losses == train(config=config)[1].losses != train(updates=2)[1].losses


def test_the_bar_can_be_seen_or_silenced(train, capsys):
    train(updates=2, hooks=[Progress("a name to look for")])
    assert "a name to look for" in capsys.readouterr().err
    train(updates=2, progress=True)
    assert "training" in capsys.readouterr().err
    train(updates=2)
    assert capsys.readouterr().err == ""


# --- seeds -----------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_same_seed_gives_the_same_weights_bit_by_bit(train, dropout):
    one, history = train(dropout=dropout)
    torch.rand(7)  # whatever the reader draws in between
    other, again = train(dropout=dropout)
    assert _same_weights(one, other)
    assert history.losses == again.losses


def test_another_seed_gives_other_dropout(train):
    assert not _same_weights(train(dropout=0.3)[0], train(dropout=0.3, seed=1)[0])


def test_another_order_of_the_batches_gives_other_weights(train, many_pairs):
    other = Batches(many_pairs, batch_size=7, seed=1)
    assert not _same_weights(train()[0], train(batches=other)[0])


def test_training_leaves_the_random_state_as_it_was(train, monkeypatch, no_shape_checks):
    # (The shape checks themselves draw from Python's random numbers.)
    def not_to_be_seeded(seed):
        raise AssertionError("the GPUs' random state belongs to the reader")

    torch.manual_seed(5)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", not_to_be_seeded)
    random.seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    train(dropout=0.3, updates=3)
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
