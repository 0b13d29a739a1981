"""Evaluation and early stops: what is measured beside training changes nothing about it."""

import math

import numpy as np
import pytest
import torch

from seq2seq_lib.hooks.checkpoints import Checkpoint
from seq2seq_lib.hooks.early_stop import EarlyStop, StopAfter, StopWhen
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.metrics import LengthBucket


def _same_weights(one, other) -> bool:
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_evaluations_come_when_asked_and_after_the_last_update(train):
    modes = []

    def evaluate(model):
        modes.append((model.training, torch.is_grad_enabled()))
        return {"score": 0.5}

    model, history = train(hooks=[Evaluation(evaluate, every=5)])
    assert [r["update"] for r in history.evaluations] == [5, 10, 15, 17]
    assert all(r["score"] == 0.5 for r in history.evaluations)
    assert set(modes) == {(False, False)}
    assert not model.training
    _, history = train(hooks=[Evaluation(evaluate)])
    assert [r["update"] for r in history.evaluations] == [17]
    _, history = train(hooks=[Evaluation(evaluate, at=(0, 3, 99)), StopAfter(4)])
    assert [r["update"] for r in history.evaluations] == [0, 3, 4]


def test_evaluating_changes_nothing_about_the_training(train):
    def evaluate(model):
        model.train()
        return {"noise": torch.rand(()), "loss": np.float32(0.5)}

    plain, _ = train(dropout=0.3)
    evaluated, history = train(dropout=0.3, hooks=[Evaluation(evaluate, every=2)])
    assert _same_weights(plain, evaluated)
    assert type(history.evaluations[0]["noise"]) is float


@pytest.mark.parametrize(
    "returned, words",
    [
        (0.5, "a dictionary.*got a float"),
        (None, "a dictionary.*got a NoneType"),
        (torch.ones(3), "a dictionary.*got a Tensor"),
        ([("loss", 1.0)], "a dictionary.*got a list"),
        ({"update": 3}, "called 'update'"),
        ({"curve": [LengthBucket(1, 4, 7, 0.5)]}, "numbers, text.*got a LengthBucket"),
        ({"z": 1j}, "got a complex"),
        ({"words": {"a", "b"}}, "got a set"),
        ({(1, object()): 2.0}, "got a object"),
    ],
)
def test_what_cannot_be_recorded_is_told_before_training(
    train, make_model, returned, words, no_shape_checks
):
    model, fresh = make_model(), make_model()
    with pytest.raises(ValueError, match=words):
        train(model=model, hooks=[Evaluation(lambda model: returned)])
    assert _same_weights(model, fresh)


def test_a_mistake_in_evaluate_is_told_before_training(train, make_model):
    model, fresh = make_model(), make_model()
    with pytest.raises(ZeroDivisionError):
        train(model=model, hooks=[Evaluation(lambda model: {"x": 1 / 0})])
    assert _same_weights(model, fresh)


def test_what_was_trained_is_kept_when_evaluate_fails_later(train, tmp_path):
    calls = iter(range(99))

    def evaluate(model):
        if next(calls) == 2:
            raise OSError("the file with the references is gone")
        return {"score": 0.5}

    hooks = [Evaluation(evaluate, every=8), Checkpoint(tmp_path / "run.pt")]
    with pytest.warns(RuntimeWarning, match="evaluate failed after update 16 .OSError"):
        model, history = train(hooks=hooks)
    assert history.updates == 17
    assert [sorted(record)[0] for record in history.evaluations] == [
        "score",
        "failed",
        "score",
    ]
    assert _same_weights(model, train()[0])
    assert train(hooks=hooks)[1].evaluations == history.evaluations


@pytest.mark.parametrize("hook", [Evaluation, StopAfter, Checkpoint, EarlyStop])
@pytest.mark.parametrize("wrong", [-1, 2.5, "often", None, True, math.nan])
def test_an_interval_out_of_range_is_told(hook, wrong, tmp_path, no_shape_checks):
    given = {
        Evaluation: {"evaluate": dict, "every": wrong},
        StopAfter: {"updates": wrong},
        Checkpoint: {"path": tmp_path / "run.pt", "every": wrong},
        EarlyStop: {"measure": "loss", "patience": wrong},
    }
    with pytest.raises(ValueError, match="must be .*, got"):
        hook(**given[hook])


def test_stopping_after_some_updates_gives_the_first_of_the_whole_run(train):
    _, whole = train()
    _, history = train(hooks=[StopAfter(7)])
    assert history.losses == whole.losses[:7]
    assert train(hooks=[StopAfter(99)])[1].updates == 17


def _scores(values):
    """An evaluation that finds these values one after another; the first is thrown away."""
    left = iter([values[0], *values])
    return Evaluation(lambda model: {"score": next(left)}, every=2)


def test_a_run_ends_when_it_is_good_enough(train):
    enough = StopWhen(lambda record: record["score"] >= 0.9)
    _, history = train(hooks=[_scores([0.2, 0.95, 0.1]), enough])
    assert [e["score"] for e in history.evaluations] == [0.2, 0.95]
    assert history.updates == 4


@pytest.mark.parametrize(
    "values, lower_is_better, updates",
    [
        ([3.0, 2.0, 2.5, 2.0, 9.0, 9.0], True, 8),  # an equal one is no better one
        ([0.1, 0.5, 0.4, 0.3, 0.9, 0.9], False, 8),
        ([math.nan, 2.0, math.nan, math.nan, 1.0], True, 8),
        ([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], True, 17),
    ],
)
def test_a_run_ends_when_it_has_not_become_better(train, values, lower_is_better, updates):
    early = EarlyStop("score", patience=2, lower_is_better=lower_is_better)
    _, history = train(hooks=[_scores(values), early])
    assert history.updates == updates
