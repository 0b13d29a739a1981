"""What the teacher-forcing experiment measures is what it says."""

import pytest

from experiments import teacher_forcing
from experiments.number_words import PER_LENGTH, config
from seq2seq_lib import metrics
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.model import build_model
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.numbers import Numbers, value_of
from seq2seq_lib.training import Hook, TrainConfig, fit


@pytest.fixture(scope="module")
def splits():
    """The experiment's test set with few training pairs, on which it does not depend."""
    return make_splits(Numbers(), train=500, per_length=PER_LENGTH)


@pytest.fixture(scope="module", autouse=True)
def small_experiment(splits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teacher_forcing, "splits", lambda: splits)
        teacher_forcing.planted.cache_clear()
        yield
    teacher_forcing.planted.cache_clear()


@pytest.fixture(scope="module")
def batches(splits):
    return Batches(encode(splits.train, *Numbers().vocabs()), 64)


@pytest.fixture(scope="module")
def model(batches):
    """Trained for a moment, so that it is neither right nor wrong everywhere."""
    model = build_model(config("fixed", enc_hidden=19, dec_hidden=19), seed=0)
    fit(model, batches, TrainConfig(30, lr=0.01, warmup=5), progress=False)
    return model


def test_a_planted_digit_moves_nothing_and_makes_another_number(splits):
    tgt_vocab = Numbers().vocabs()[1]
    for case in teacher_forcing.planted():
        right, spoilt = case.pair.tgt, case.spoilt
        changed = [t for t in range(len(right)) if right[t] != spoilt[t]]
        assert len(spoilt) == len(right) and changed == [case.position]
        assert case.position < len(right) - 1  # there is something behind it
        words = tgt_vocab.decode(spoilt)
        before_ten = words[case.position + 1] == "zehn"  # "zwei zehn" is no number
        assert value_of(words, "de") is not None or before_ten
    assert len(teacher_forcing.planted()) > 0.9 * len(splits.test)


def test_the_forced_perplexity_is_the_librarys(model, splits):
    pairs = encode(splits.test, *Numbers().vocabs())
    found = teacher_forcing.token_scores(model, 1.0)
    assert found["perplexity"] == pytest.approx(metrics.perplexity(model, pairs), rel=1e-4)
    assert found["accuracy"] > teacher_forcing.token_scores(model, 0.0)["accuracy"]


def test_nothing_changes_behind_a_digit_that_stays(model, monkeypatch):
    cases = teacher_forcing.planted()
    unspoilt = tuple(case._replace(spoilt=case.pair.tgt) for case in cases)
    as_planted = teacher_forcing.after_planted(model)
    monkeypatch.setattr(teacher_forcing, "planted", lambda: unspoilt)
    untouched = teacher_forcing.after_planted(model)
    assert untouched["correct"] == untouched["spoilt"] == as_planted["correct"]
    assert as_planted["spoilt"] != as_planted["correct"]


def test_a_falling_rate_begins_with_the_teacher_and_ends_without(batches):
    how = TrainConfig(4, lr=0.01, warmup=2, teacher_forcing=0.0)
    falling, forced = (build_model(config("fixed"), seed=0) for _ in range(2))
    rates = []

    class Noted(Hook):
        def before_training(self, run):
            rates.append(run.teacher_forcing)

        after_update = before_training

    hooks = [teacher_forcing.Falling(), Noted()]
    history = fit(falling, batches, how, hooks, progress=False)
    assert rates == [1, 0.75, 0.5, 0.25, 0]
    expected = fit(forced, batches, TrainConfig(4, lr=0.01, warmup=2), progress=False)
    assert history.losses[0] == pytest.approx(expected.losses[0])  # rate 1
    assert history.losses[-1] != pytest.approx(expected.losses[-1])
