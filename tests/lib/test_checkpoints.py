"""Checkpoints: an interruption costs nothing, and a file is never mixed up."""

import io
import os
import random
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.testing import assert_close

from seq2seq_lib.batching import Batches
from seq2seq_lib.decoding import greedy
from seq2seq_lib.hooks import checkpoints
from seq2seq_lib.hooks.checkpoints import Checkpoint, read_checkpoint
from seq2seq_lib.hooks.early_stop import EarlyStop, StopAfter, StopWhen
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.training import TrainConfig, train_step

UPDATES = 17  # what the fixture trains


def _weights(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def _same_weights(one, other) -> bool:
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


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
    score = Evaluation(_score, every=4)
    whole, expected = train(dropout=dropout, hooks=[score])
    hooks = [Checkpoint(tmp_path / "run.pt"), score]
    options = {"dropout": dropout, "hooks": hooks}
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


@pytest.mark.parametrize("stop", [0, 1, 2, 5])
def test_a_run_stopped_during_an_evaluation_ends_like_one_that_never_was(
    train, tmp_path, stop
):
    whole, expected = train(dropout=0.3, hooks=[Evaluation(_score, every=4)])
    calls = iter(range(99))  # the first one is the rehearsal
    interrupted = _interrupt_when(lambda: next(calls) == stop)
    saved = Checkpoint(tmp_path / "run.pt")
    _, history = train(dropout=0.3, hooks=[Evaluation(interrupted, every=4), saved])
    assert history.interrupted
    assert len(history.evaluations) == max(0, stop - 1)
    resumed, history = train(dropout=0.3, hooks=[Evaluation(_score, every=4), saved])
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
        _, history = train(dropout=0.3, hooks=[Checkpoint(path)])
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)  # which a background job may ignore
        hook.remove()
    assert history.interrupted and history.updates == 1
    resumed, _ = train(dropout=0.3, hooks=[Checkpoint(path)])
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
        train(updates=10, batches=_InterruptedBatches(batches, 7), hooks=[Checkpoint(path)])
        train(updates=10, hooks=[Checkpoint(path)])
    expected = [b.src_ids.tolist() for n in (0, 1) for b in batches.epoch(n)]
    assert seen == expected


def test_stopping_early_gives_the_first_updates_of_the_whole_run(train, tmp_path):
    whole, expected = train()
    path = tmp_path / "run.pt"
    _, history = train(hooks=[Evaluation(_score), StopAfter(7), Checkpoint(path)])
    assert history.losses == expected.losses[:7]
    assert [r["update"] for r in history.evaluations] == [7]
    resumed, history = train(hooks=[Checkpoint(path)])
    assert _same_weights(whole, resumed)
    assert history.losses == expected.losses


def test_a_finished_run_is_read_back_and_not_trained_further(train, tmp_path):
    path = tmp_path / "deep" / "run.pt"
    model, history = train(hooks=[Evaluation(_score), Checkpoint(path)])
    again, read = train(hooks=[Evaluation(_score), Checkpoint(path)])
    assert _same_weights(model, again)
    assert read == history


def test_a_checkpoint_is_saved_every_so_many_updates(train, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        torch, "save", lambda state, path: saved.append(len(state["history"]["losses"]))
    )
    monkeypatch.setattr(checkpoints, "write_atomically", lambda path, write: write(path))
    train(hooks=[Checkpoint(tmp_path / "run.pt", every=5)])
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
    train(hooks=[Evaluation(lambda model: {"f1": np.float64(0.5)}), Checkpoint(path)])
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
    with pytest.raises(ValueError, match="run.pt is not a whole checkpoint.*move it away"):
        train(hooks=[Checkpoint(saved)])
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
        train(updates=19, hooks=[Checkpoint(saved)])
    assert saved.read_bytes() == before


def test_a_checkpoint_of_other_data_is_refused(saved, train, batches):
    first, *rest = batches.pairs
    src = tuple(reversed(first.src[:-1])) + ((first.src[-1] + 1) % 23,)
    other = [replace(first, src=src), *rest]  # as many pairs, as many tokens
    with pytest.raises(ValueError, match="another run.*31 pairs.*31 pairs"):
        train(batches=Batches(other, batch_size=7), hooks=[Checkpoint(saved)])
    with pytest.raises(ValueError, match="batch_size 7.*batch_size 5"):
        train(batches=Batches(batches.pairs, batch_size=5), hooks=[Checkpoint(saved)])


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
        train(model=model, hooks=[Checkpoint(saved)])
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_attentions_without_parameters_are_told_apart(train, tmp_path):
    path = tmp_path / "run.pt"
    train("fixed", hooks=[Checkpoint(path)])
    with pytest.raises(ValueError, match="FixedContext.*Uniform"):
        train("uniform", hooks=[Checkpoint(path)])


# --- never mixed up, never lost --------------------------------------------------------


def test_numbers_of_numpy_are_numbers(train, tmp_path, no_shape_checks):
    path = tmp_path / "run.pt"
    config = TrainConfig(
        np.int64(5),
        lr=np.logspace(-3, -2, 2)[0],
        warmup=np.int16(2),
        clip=np.float32(0.5),
        seed=np.uint8(3),
        teacher_forcing=np.float64(1.0),
    )
    assert [type(value) for value in (config.updates, config.lr)] == [int, float]

    def numbers(model):
        found = {"f1": np.float64(0.5), "right": np.bool_(True), np.str_("curve"): {}}
        found["curve"] = {np.int64(4): np.arange(3), "tensor": torch.ones(2)}
        return found

    hooks = [Evaluation(numbers), Checkpoint(path)]
    model, history = train(config=config, hooks=hooks)
    again, read = train(config=config, hooks=hooks)
    assert _same_weights(model, again)
    assert read.evaluations == history.evaluations
    assert history.evaluations[0]["curve"] == {4: [0, 1, 2], "tensor": [1.0, 1.0]}


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_path_that_names_no_file_is_told(path):
    with pytest.raises(ValueError, match="needs the path of a file"):
        Checkpoint(path)


def test_a_file_that_cannot_be_read_is_not_called_damaged(saved, monkeypatch):
    def refused(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refused)
    with pytest.raises(ValueError, match="could not be read .Permission denied") as told:
        read_checkpoint(saved)
    assert "delete" not in str(told.value)
    assert "move" not in str(told.value)


def test_a_folder_is_not_called_damaged(tmp_path):
    with pytest.raises(ValueError, match="could not be read"):
        read_checkpoint(tmp_path)


def test_a_place_where_nothing_can_be_written_is_told_before_training(train, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    model, _ = train(updates=1)
    before = _weights(model)
    with pytest.raises(ValueError, match="Nothing can be saved to .*run.pt"):
        train(model=model, hooks=[Checkpoint(tmp_path / "file" / "run.pt")])
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_one_training_at_a_time_writes_a_checkpoint(train, tmp_path):
    path = tmp_path / "run.pt"

    def train_the_same(model):
        with pytest.raises(ValueError, match="Another training is at work on .*run.pt"):
            train(hooks=[Checkpoint(path)])
        return {}

    _, history = train(hooks=[Evaluation(train_the_same), Checkpoint(path)])
    assert history.evaluations == [{"update": UPDATES}]
    train(hooks=[Checkpoint(path)])  # the lock is free again


def test_a_refused_checkpoint_frees_its_lock(saved, train):
    for _ in range(2):
        with pytest.raises(ValueError, match="belongs to another run"):
            train(updates=19, hooks=[Checkpoint(saved)])


@pytest.mark.parametrize(
    "one, other",
    [
        ({"attention": "dot"}, {"attention": "dot_unscaled"}),
        ({}, {"query": "after"}),
        ({}, {"dtype": torch.float64}),
        ({}, {"frozen": True}),
    ],
)
def test_what_a_list_of_modules_does_not_show_is_compared_too(
    train, make_model, tmp_path, one, other
):
    def model(dtype=torch.float32, frozen=False, **changes):
        made = make_model(**changes).to(dtype)
        made.encoder.embedding.weight.requires_grad_(not frozen)
        return made

    saved = Checkpoint(tmp_path / "run.pt")
    train(model=model(**one), updates=2, hooks=[saved])
    with pytest.raises(ValueError, match="run.pt holds another model, with .* where"):
        train(model=model(**other), updates=2, hooks=[saved])


def test_what_was_trained_is_kept_where_training_fails(train, batches, tmp_path):
    class Broken(Batches):
        def epoch(self, number):
            yield from list(super().epoch(number))[: 5 if number == 0 else 2]
            raise RuntimeError("the disk with the data is gone")

    path = tmp_path / "run.pt"
    broken = Broken(batches.pairs, batches.batch_size)
    with pytest.raises(RuntimeError, match="disk with the data"):
        train(batches=broken, hooks=[Checkpoint(path)])
    assert len(read_checkpoint(path)["history"]["losses"]) == 5
    assert _same_weights(train(hooks=[Checkpoint(path)])[0], train()[0])


@pytest.mark.parametrize("stop", [StopWhen, EarlyStop])
def test_a_run_that_ended_early_does_not_go_on(train, tmp_path, stop):
    losses = iter([9.0, 3.0, 4.0, 5.0, 1.0])  # the rehearsal, and every second update
    early = EarlyStop("loss", patience=2)
    if stop is StopWhen:
        early = StopWhen(lambda record: record["loss"] == 5.0)
    score = Evaluation(lambda model: {"loss": next(losses)}, every=2)
    hooks = [score, early, Checkpoint(tmp_path / "run.pt")]
    model, history = train(hooks=hooks)
    assert history.updates == 6
    again, read = train(hooks=hooks)
    assert read.updates == 6
    assert _same_weights(model, again)


# --- saving is all or nothing ----------------------------------------------------------


def _save_half(state, path):
    whole = io.BytesIO()
    _torch_save(state, whole)
    with open(path, "wb") as file:
        file.write(whole.getvalue()[: whole.tell() // 2])
    raise OSError("No space left on device")


_torch_save = torch.save


def test_a_save_that_fails_leaves_the_previous_checkpoint_and_the_history(
    train, batches, tmp_path, monkeypatch
):
    path = tmp_path / "run.pt"
    train(batches=_InterruptedBatches(batches, 6), hooks=[Checkpoint(path)])
    before = path.read_bytes()
    monkeypatch.setattr(torch, "save", _save_half)
    with pytest.warns(RuntimeWarning, match="run.pt could not be saved after update 17"):
        _, history = train(hooks=[Checkpoint(path)])
    assert history.updates == UPDATES  # what was learned is not lost with the file
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"run.pt", "run.pt.lock"}
    monkeypatch.undo()
    resumed, history = train(hooks=[Checkpoint(path)])
    assert history.updates == UPDATES
    assert _same_weights(resumed, train()[0])


# --- on a GPU --------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU")
def test_a_gpu_gives_what_the_cpu_gives(train, make_model, batch, many_pairs, tmp_path):
    on_cpu, expected = train(updates=2)
    on_gpu, history = train(
        model=make_model().to("cuda"), updates=2, hooks=[Checkpoint(tmp_path / "run.pt")]
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
    on_gpu(batches=_InterruptedBatches(batches, 7), hooks=[Checkpoint(path)])
    resumed, history = on_gpu(hooks=[Checkpoint(path)])
    assert history.updates == UPDATES
    for name, value in whole.state_dict().items():
        assert_close(resumed.state_dict()[name], value, rtol=1e-3, atol=1e-4)
