"""One job trains: what it stores, what ends it, and what it goes on from."""

import warnings

import pytest

from experiments.engine import job as jobs
from experiments.engine.job import Job
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.copy import Copy
from seq2seq_lib.training import Hook, TrainConfig


@pytest.fixture
def batches():
    task = Copy(5, 4)
    return Batches(
        encode(make_splits(task, train=60, per_length=0).train, *task.vocabs()), 8
    )


@pytest.fixture
def model():
    sizes = map(len, Copy(5, 4).vocabs())
    return build_model(ModelConfig(*sizes, emb_dim=5, enc_hidden=7, dec_hidden=7))


def test_every_experiment_stores_the_same_fields(model, batches, monkeypatch):
    monkeypatch.setattr(jobs, "OPENING", 3)
    values, history = Job("a", 0).train(model, batches, TrainConfig(7))
    assert values == {
        "parameters": model.n_parameters,
        "updates": 7,
        "opening_loss": pytest.approx(sum(history.losses[:3]) / 3),
    }


def test_a_quick_job_makes_the_first_updates_of_the_whole_one(model, batches, monkeypatch):
    monkeypatch.setattr(jobs, "OPENING", 3)
    quick, history = Job("a", 0, quick=True).train(model, batches, TrainConfig(7))
    assert quick["updates"] == len(history.losses) == 3


def test_a_training_that_ends_early_has_a_shorter_opening(model, batches):
    values, history = Job("a", 0).train(model, batches, TrainConfig(2))
    assert values["opening_loss"] == pytest.approx(sum(history.losses) / 2)


def test_an_evaluation_that_fails_ends_the_job_and_is_made_again(
    model, batches, tmp_path, monkeypatch
):
    job = Job("a", 0, checkpoints=tmp_path)
    state = {"broken": False, "updates": 0}

    def evaluate(model):
        assert not state["broken"], "out of memory"
        return {"fine": 1}

    class Count(Hook):
        def after_update(self, run):
            state["updates"] += 1
            state["broken"] = state["broken"] or state["updates"] == 4

    hooks = [Count(), Evaluation(evaluate, every=4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(RuntimeError, match="AssertionError: out of memory"):
            job.train(model, batches, TrainConfig(8), hooks)
    state.update(broken=False, updates=100)
    values, history = job.train(model, batches, TrainConfig(8), hooks)
    assert [e["update"] for e in history.evaluations] == [4, 8]
    assert state["updates"] == 104 and values["updates"] == 8  # none was made twice


def test_an_interrupted_training_is_no_finished_job(model, batches):
    class Stop(Hook):
        def after_update(self, run):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Job("a", 0).train(model, batches, TrainConfig(8), [Stop()])


def test_the_models_of_a_job_have_checkpoints_of_their_own(model, batches, tmp_path):
    job = Job("a", 0, checkpoints=tmp_path)
    for name, updates in (("near", 2), ("far", 3)):
        values, _ = job.train(model, batches, TrainConfig(updates), name=name)
        assert values["updates"] == updates
    assert {path.name for path in tmp_path.glob("*.pt")} == {"near.pt", "far.pt"}
