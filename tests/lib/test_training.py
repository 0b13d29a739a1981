"""Training: it learns, it is seeded, and an interruption costs nothing."""

import io
import math
import os
import random
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.testing import assert_close

import seq2seq_lib.checkpoints
from seq2seq_lib.batching import Batches, Pair
from seq2seq_lib.checkpoints import read_checkpoint, save_atomically
from seq2seq_lib.decoding import greedy, translate
from seq2seq_lib.metrics import LengthBucket, exact_match, loss_per_token
from seq2seq_lib.model import token_loss
from seq2seq_lib.training import History, TrainConfig, fit, train_step

UPDATES = 17  # three epochs of five batches, and two batches of a fourth


@pytest.fixture
def batches(many_pairs):
    return Batches(many_pairs, batch_size=7)


@pytest.fixture
def train(make_model, batches):
    """Train a fresh small model; returns it with its history."""

    def run(attention="additive", *, dropout=0.0, updates=UPDATES, seed=0, **options):
        config = options.pop("config", TrainConfig(updates=updates, warmup=3, seed=seed))
        model = options.pop("model", None) or make_model(attention, dropout=dropout)
        history = fit(
            model,
            options.pop("batches", batches),
            config,
            **{"progress": False, **options},
        )
        return model, history

    return run


def _weights(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


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
    with pytest.raises(ValueError, match=f"{name}={value}"):
        TrainConfig(**{"updates": 5, **wrong})


@pytest.mark.parametrize(
    "wrong", [{"evaluate_every": -1}, {"checkpoint_every": 0}, {"stop_after": 0}]
)
def test_an_interval_out_of_range_is_told(train, wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"{name}.*got .*{value}"):
        train(**wrong)


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


def test_evaluations_come_when_asked_and_after_the_last_update(train):
    modes = []

    def evaluate(model):
        modes.append((model.training, torch.is_grad_enabled()))
        return {"score": 0.5}

    model, history = train(evaluate=evaluate, evaluate_every=5)
    assert [r["update"] for r in history.evaluations] == [5, 10, 15, 17]
    assert all(r["score"] == 0.5 for r in history.evaluations)
    assert set(modes) == {(False, False)}
    assert not model.training
    _, history = train(evaluate=evaluate)
    assert [r["update"] for r in history.evaluations] == [17]


def test_evaluating_changes_nothing_about_the_training(train):
    def evaluate(model):
        return {"noise": torch.rand(()), "loss": np.float32(0.5)}

    plain, _ = train(dropout=0.3)
    evaluated, history = train(dropout=0.3, evaluate=evaluate, evaluate_every=2)
    assert _same_weights(plain, evaluated)
    assert type(history.evaluations[0]["noise"]) is float


def test_what_a_checkpoint_cannot_hold_is_refused_at_once(train):
    with pytest.raises(ValueError, match="numbers, text.*got a LengthBucket"):
        train(evaluate=lambda model: {"curve": [LengthBucket(1, 4, 7, 0.5)]})


def test_the_bar_can_be_seen_or_silenced(train, capsys):
    train(updates=2, progress=True, label="a name to look for")
    assert "a name to look for" in capsys.readouterr().err
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


# --- stopping and going on -------------------------------------------------------------


def _score(model):
    return {"weight": model.decoder.output.bias[5].item()}


class _InterruptedBatches(Batches):
    """Ctrl-C while the batch after ``after`` others is made."""

    def __init__(self, batches: Batches, after: int) -> None:
        super().__init__(batches.pairs, batches.batch_size)
        self.left = after

    def epoch(self, number):
        for batch in super().epoch(number):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield batch


def _interrupt_when(due):
    def evaluate(model):
        if due():
            raise KeyboardInterrupt
        return _score(model)

    return evaluate


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("after", [0, 3, 5, 8, 16])
def test_a_run_stopped_between_batches_ends_like_one_that_never_was(
    train, batches, tmp_path, after, dropout
):
    whole, expected = train(dropout=dropout, evaluate=_score, evaluate_every=4)
    options = {"dropout": dropout, "checkpoint": tmp_path / "run.pt"}
    options |= {"evaluate": _score, "evaluate_every": 4}
    stopped = _InterruptedBatches(batches, after)
    model, history = train(batches=stopped, **options)
    assert history.interrupted and history.updates == after
    assert not model.training
    resumed, history = train(**options)
    assert not history.interrupted
    assert _same_weights(whole, resumed)
    assert history.losses == expected.losses
    assert history.tokens == expected.tokens
    assert history.evaluations == expected.evaluations


@pytest.mark.parametrize("stop", [0, 1, 4])
def test_a_run_stopped_during_an_evaluation_ends_like_one_that_never_was(
    train, tmp_path, stop
):
    options = {"dropout": 0.3, "evaluate_every": 4}
    whole, expected = train(evaluate=_score, **options)
    calls = iter(range(99))
    options["checkpoint"] = tmp_path / "run.pt"
    _, history = train(evaluate=_interrupt_when(lambda: next(calls) == stop), **options)
    assert history.interrupted
    assert len(history.evaluations) == stop
    resumed, history = train(evaluate=_score, **options)
    assert _same_weights(whole, resumed)
    assert history.evaluations == expected.evaluations


def test_ctrl_c_in_the_middle_of_an_update_waits_until_it_is_whole(train, tmp_path):
    whole, _ = train(dropout=0.3)
    path, pressed = tmp_path / "run.pt", []

    def press_ctrl_c(optimizer, *_):
        if not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)

    hook = register_optimizer_step_post_hook(press_ctrl_c)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _, history = train(dropout=0.3, checkpoint=path)
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)  # which a background job may ignore
        hook.remove()
    assert history.interrupted and history.updates == 1
    resumed, _ = train(dropout=0.3, checkpoint=path)
    assert _same_weights(whole, resumed)


def test_a_stop_in_mid_epoch_sees_no_batch_twice(train, batches, tmp_path):
    seen = []
    path = tmp_path / "run.pt"
    original = train_step

    def watch(model, batch, *args):
        seen.append(batch.src_ids.tolist())
        return original(model, batch, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seq2seq_lib.training.train_step", watch)
        train(updates=10, batches=_InterruptedBatches(batches, 7), checkpoint=path)
        train(updates=10, checkpoint=path)
    expected = [b.src_ids.tolist() for n in (0, 1) for b in batches.epoch(n)]
    assert seen == expected


def test_stopping_early_gives_the_first_updates_of_the_whole_run(train, tmp_path):
    whole, expected = train(evaluate=_score)
    path = tmp_path / "run.pt"
    _, history = train(evaluate=_score, stop_after=7, checkpoint=path)
    assert history.losses == expected.losses[:7]
    assert [r["update"] for r in history.evaluations] == [7]
    resumed, history = train(checkpoint=path)
    assert _same_weights(whole, resumed)
    assert history.losses == expected.losses


def test_a_finished_run_is_read_back_and_not_trained_further(train, tmp_path):
    path = tmp_path / "deep" / "run.pt"
    model, history = train(checkpoint=path, evaluate=_score)
    again, read = train(checkpoint=path, evaluate=_score)
    assert _same_weights(model, again)
    assert read == history


def test_a_checkpoint_is_saved_every_so_many_updates(train, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        seq2seq_lib.checkpoints,
        "save_atomically",
        lambda state, path: saved.append(len(state["history"]["losses"])),
    )
    train(checkpoint=tmp_path / "run.pt", checkpoint_every=5)
    assert saved == [5, 10, 15, 17]


def test_without_a_checkpoint_nothing_is_written(train, batches, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(updates=3)
    _, history = train(batches=_InterruptedBatches(batches, 2))
    assert history.interrupted and history.updates == 2
    assert not list(tmp_path.iterdir())


# --- checkpoints that are damaged or belong elsewhere ----------------------------------


@pytest.fixture
def saved(train, tmp_path):
    """The path of a finished run's checkpoint."""
    path = tmp_path / "run.pt"
    train(checkpoint=path, evaluate=lambda model: {"f1": np.float64(0.5)})
    return path


def test_a_checkpoint_holds_the_model_and_the_numbers(saved, train):
    state = read_checkpoint(saved)
    model, _ = train()
    assert all(torch.equal(state["model"][k], v) for k, v in model.state_dict().items())
    assert state["history"]["evaluations"] == [{"update": 17, "f1": 0.5}]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_checkpoint_is_told_and_left_as_it_was(saved, train, share):
    cut = saved.read_bytes()[: int(share * saved.stat().st_size)]
    saved.write_bytes(cut)
    with pytest.raises(ValueError, match="run.pt is not a whole checkpoint.*delete it"):
        train(checkpoint=saved)
    assert saved.read_bytes() == cut


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")  # damage may look so
def test_damage_of_any_kind_is_a_value_error(saved):
    whole, rng = saved.read_bytes(), random.Random(0)
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[rng.randrange(len(damaged) // 3)] = rng.randrange(256)
        saved.write_bytes(damaged)
        try:
            read_checkpoint(saved)
        except ValueError as error:
            assert "not a whole checkpoint" in str(error)


@pytest.mark.parametrize("content", [b"hello world", b"{}", b"\x80\x02}q\x00."])
def test_another_kind_of_file_is_told(tmp_path, content):
    path = tmp_path / "notes.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="notes.pt is not a whole checkpoint"):
        read_checkpoint(path)


def test_something_else_that_pytorch_saved_is_told(tmp_path, make_model):
    path = tmp_path / "model.pt"
    torch.save(make_model().state_dict(), path)
    with pytest.raises(ValueError, match="not written by fit"):
        read_checkpoint(path)


class _Mischief:
    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_code_in_a_checkpoint_is_never_run(saved, tmp_path):
    state = read_checkpoint(saved)
    torch.save({**state, "history": _Mischief(tmp_path / "it ran")}, saved)
    with pytest.raises(ValueError, match="not a whole checkpoint"):
        read_checkpoint(saved)
    assert not (tmp_path / "it ran").exists()


def test_a_missing_checkpoint_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / "nowhere.pt")


def test_a_checkpoint_of_other_training_is_refused(saved, train):
    before = saved.read_bytes()
    with pytest.raises(ValueError, match="another run.*17.*than this one.*19"):
        train(updates=19, checkpoint=saved)
    assert saved.read_bytes() == before


def test_a_checkpoint_of_other_data_is_refused(saved, train, batches):
    first, *rest = batches.pairs
    src = tuple(reversed(first.src[:-1])) + ((first.src[-1] + 1) % 23,)
    other = [replace(first, src=src), *rest]  # as many pairs, as many tokens
    with pytest.raises(ValueError, match="another run.*31 pairs.*31 pairs"):
        train(batches=Batches(other, batch_size=7), checkpoint=saved)
    with pytest.raises(ValueError, match="batch_size 7.*batch_size 5"):
        train(batches=Batches(batches.pairs, batch_size=5), checkpoint=saved)


@pytest.mark.parametrize(
    "changes, saw, given",
    [
        ({"enc_hidden": 11}, r"GRU\(13, 17", r"GRU\(13, 11"),
        ({"attention": "uniform"}, r"\(attention\): Additive", r"\(attention\): Uniform"),
        ({"dropout": 0.3}, "p=0.0", "p=0.3"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused_and_the_model_kept(
    saved, train, make_model, changes, saw, given
):
    model = make_model(**changes)
    before = _weights(model)
    with pytest.raises(ValueError, match=f"another model, with .*{saw}.*{given}"):
        train(model=model, checkpoint=saved)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_attentions_without_parameters_are_told_apart(train, tmp_path):
    path = tmp_path / "run.pt"
    train("fixed", checkpoint=path)
    with pytest.raises(ValueError, match="FixedContext.*Uniform"):
        train("uniform", checkpoint=path)


# --- saving is all or nothing ----------------------------------------------------------


def _save_half(state, path):
    whole = io.BytesIO()
    _torch_save(state, whole)
    with open(path, "wb") as file:
        file.write(whole.getvalue()[: whole.tell() // 2])
    raise OSError("No space left on device")


_torch_save = torch.save


def test_an_interrupted_save_leaves_the_previous_checkpoint(
    train, batches, tmp_path, monkeypatch
):
    path = tmp_path / "run.pt"
    train(batches=_InterruptedBatches(batches, 6), checkpoint=path)
    before = path.read_bytes()
    monkeypatch.setattr(torch, "save", _save_half)
    with pytest.raises(OSError, match="No space"):
        train(checkpoint=path)
    assert path.read_bytes() == before
    monkeypatch.undo()
    resumed, history = train(checkpoint=path)
    assert history.updates == UPDATES
    assert _same_weights(resumed, train()[0])


def test_a_save_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "run.pt"
    for number in (1, 2):
        save_atomically({"number": number}, path)
    assert torch.load(path) == {"number": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


# --- on a GPU --------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU")
def test_a_gpu_gives_what_the_cpu_gives(train, make_model, batch, many_pairs, tmp_path):
    on_cpu, expected = train(updates=2)
    on_gpu, history = train(
        model=make_model().to("cuda"), updates=2, checkpoint=tmp_path / "run.pt"
    )
    assert history.losses == pytest.approx(expected.losses, rel=1e-4)
    for name, value in on_cpu.state_dict().items():
        assert_close(on_gpu.state_dict()[name].cpu(), value, rtol=1e-3, atol=1e-4)
    assert loss_per_token(on_gpu, many_pairs) == pytest.approx(
        loss_per_token(on_cpu, many_pairs), rel=1e-4
    )
    gpu = batch.to("cuda")
    decoded = greedy(on_gpu, gpu.src_ids, gpu.src_lengths, max_len=7)
    answer = greedy(on_cpu, batch.src_ids, batch.src_lengths, max_len=7)
    assert torch.equal(decoded.ids.cpu(), answer.ids)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU")
def test_a_run_on_a_gpu_resumes_from_its_checkpoint(train, make_model, batches, tmp_path):
    def on_gpu(**options):
        return train(model=make_model(dropout=0.3).to("cuda"), **options)

    before = torch.cuda.get_rng_state()
    whole, _ = on_gpu()
    assert torch.equal(torch.cuda.get_rng_state(), before)
    path = tmp_path / "run.pt"
    on_gpu(batches=_InterruptedBatches(batches, 7), checkpoint=path)
    resumed, history = on_gpu(checkpoint=path)
    assert history.updates == UPDATES
    for name, value in whole.state_dict().items():
        assert_close(resumed.state_dict()[name], value, rtol=1e-3, atol=1e-4)
