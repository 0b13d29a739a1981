"""Several processes that train as one, on this machine, over gloo."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_program import ALONE

from seq2seq_lib.batching import Batch, Pair, collate
from seq2seq_lib.hooks.checkpoints import Checkpoint
from seq2seq_lib.hooks.early_stop import StopAfter
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import ModelConfig, build_model, token_loss
from seq2seq_lib.run import Run, TrainConfig
from seq2seq_lib.training import fit, train_step
from seq2seq_lib.transformer import TransformerConfig, build_transformer
from seq2seq_lib.translate import processes
from seq2seq_lib.translate.processes import Lost, SharedStep, joined, share

ROOT = Path(__file__).parents[2]
PAIRS = [Pair((5, 6, 7)[: n % 3 + 1], (8, 9, 4, 5)[: n % 4 + 1]) for n in range(7)]


class OneBatch:
    """A source of one batch, again and again."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __len__(self) -> int:
        return 1

    def epoch(self, number: int):
        yield self.batch

    def largest_ids(self) -> tuple[int, int]:
        return 9, 9

    def describe(self) -> str:
        return "one batch"


def model(dropout: float = 0.0, kind: str = "recurrent"):
    if kind == "transformer":
        return build_transformer(TransformerConfig(10, 10, 8, 2, 2, 6, tied=True), 3)
    return build_model(ModelConfig(10, 10, "additive", 6, 5, 5, dropout=dropout), 3)


@pytest.mark.parametrize("world", [1, 2, 3, 9])
def test_shares_are_the_rows_of_the_batch(world):
    batch = collate(PAIRS)
    rows = [
        tuple(row.tolist())
        for rank in range(world)
        if rank < len(batch)
        for row in share(batch, rank, world).tgt_out
    ]
    assert sorted(rows) == sorted(tuple(row.tolist()) for row in batch.tgt_out)
    for rank in range(world):
        part = share(batch, rank, world)
        assert len(part) >= 1 and part.src_ids.shape[1] == int(part.src_lengths.max())


def test_alone_it_is_the_step_of_the_book():
    batch, how = collate(PAIRS), TrainConfig(3, warmup=0)
    ours, theirs = model(), model()
    step = SharedStep(ALONE)
    losses = fit(ours, OneBatch(batch), how, [step], progress=False, step=step).losses
    assert losses == pytest.approx(fit(theirs, OneBatch(batch), how, progress=False).losses)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert train_step is not step


def test_smoothing_and_precision_are_used():
    batch = collate(PAIRS)
    plain = model()
    smoothed = token_loss(plain(batch).logits, batch, smoothing=0.3).item()
    for smoothing, precision, tolerance in (
        (0.3, "float32", 1e-6),
        (0.3, "bfloat16", 0.05),
    ):
        trained, step = model(), SharedStep(ALONE, smoothing, precision)
        how = TrainConfig(1, warmup=0)
        found = fit(trained, OneBatch(batch), how, [step], progress=False, step=step)
        assert found.losses == [pytest.approx(smoothed, abs=tolerance)]
        assert all(p.dtype == torch.float32 for p in trained.parameters())
    assert found.losses != [pytest.approx(smoothed, abs=1e-9)]
    with pytest.raises(ValueError, match="precision='half' is not an option"):
        SharedStep(ALONE, precision="half")


def test_dropout_depends_on_seed_update_and_process():
    batch = collate(PAIRS)

    def losses(seed: int, rank: int, done: int) -> float:
        run = Run(model(0.5), OneBatch(batch), TrainConfig(9, seed=seed, lr=1e-9))
        run.history.losses = [0.0] * done
        step = SharedStep(replace(ALONE, rank=rank))
        step.before_training(run)
        run.model.train()
        torch.manual_seed(done + seed)  # has no say
        return step(run.model, share(batch, 0, 1), run.optimizer, 1.0, 1.0)

    base = losses(1, 0, 0)
    assert base == losses(1, 0, 0)
    assert len({base, losses(2, 0, 0), losses(1, 0, 1), losses(1, 0, 2)}) == 4


GRADIENTS = """
import json, sys, torch
from pathlib import Path
sys.path.insert(0, "tests/program")
import torch.distributed as dist
from test_processes import OneBatch, PAIRS, collate, model
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.transformer import TransformerConfig, build_transformer
from seq2seq_lib.translate.processes import SharedStep, joined
with joined("cpu") as processes:
    trained, step = model(kind=sys.argv[3]), SharedStep(processes, smoothing=0.1)
    batches = OneBatch(collate(PAIRS[: int(sys.argv[2])]))
    how = TrainConfig(2, clip=1e9)
    history = fit(trained, batches, how, [step], progress=False, step=step)
    gradients = [p.grad.flatten().tolist() for p in trained.parameters()]
    found = {"losses": history.losses, "gradients": sum(gradients, [])}
    Path(sys.argv[1] + str(processes.rank)).write_text(json.dumps(found))
"""


def torchrun(world: int, *command: str, **how):
    port = ["--master-port", str(29_500 + os.getpid() % 10_000)]
    start = [sys.executable, "-m", "torch.distributed.run", *port]
    return subprocess.Popen(
        [*start, "--nproc-per-node", str(world), *command],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **how,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "kind"), [(7, "recurrent"), (1, "recurrent"), (7, "transformer")]
)
def test_two_processes_have_the_gradients_of_one(tmp_path, rows, kind):
    script = tmp_path / "gradients.py"
    script.write_text(GRADIENTS)
    process = torchrun(2, str(script), str(tmp_path / "rank"), str(rows), kind)
    said, _ = process.communicate(timeout=250)
    assert not process.returncode, said
    found = [json.loads((tmp_path / f"rank{rank}").read_text()) for rank in (0, 1)]
    alone, step = model(kind=kind), SharedStep(ALONE, smoothing=0.1)
    batches = OneBatch(collate(PAIRS[:rows]))
    how = TrainConfig(2, clip=1e9)
    history = fit(alone, batches, how, [step], progress=False, step=step)
    wanted = torch.cat([p.grad.flatten() for p in alone.parameters()])
    for each in found:
        assert each["losses"] == pytest.approx(history.losses, rel=1e-5)
        assert torch.allclose(torch.tensor(each["gradients"]), wanted, atol=1e-6)


class Gone:
    """In place of another process that is killed after so many calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, *anything: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("Connection closed by peer")


TWO = replace(ALONE, world=2)


def test_an_update_in_which_another_is_lost_changes_nothing(monkeypatch, tmp_path):
    """Otherwise the state that is saved then has one update more than it says."""
    monkeypatch.setattr(processes.dist, "all_reduce", Gone(2))
    monkeypatch.setattr(processes, "DistributedDataParallel", lambda it, device_ids: it)
    batch, how = OneBatch(collate(PAIRS)), TrainConfig(3, warmup=0)
    trained, step = model(), SharedStep(TWO)
    saved = Checkpoint(tmp_path / "state.pt", every=1)
    with pytest.raises(RuntimeError, match="closed by peer"):
        fit(trained, batch, how, [step, saved], progress=False, step=step)
    monkeypatch.setattr(processes.dist, "all_reduce", Gone(2))
    wanted, step = model(), SharedStep(TWO)
    ends = [step, StopAfter(2)]
    fit(wanted, batch, how, ends, progress=False, step=step)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert len(state["history"]["losses"]) == 2
    for name, value in wanted.state_dict().items():
        assert torch.equal(value, state["model"][name]), name


def test_an_evaluation_in_which_another_is_lost_has_not_been(monkeypatch, tmp_path):
    """It is made again where the run goes on, and not kept as one that failed."""
    monkeypatch.setattr(processes.dist, "broadcast_object_list", Gone(2))
    evaluation = Evaluation(lambda model: TWO.from_first({"bleu": 1.0}), every=1)
    saved = Checkpoint(tmp_path / "state.pt", every=1)
    batch, how = OneBatch(collate(PAIRS)), TrainConfig(3, warmup=0)
    with pytest.raises(Lost, match="closed by peer"):
        fit(model(), batch, how, [evaluation, saved], progress=False)
    history = torch.load(tmp_path / "state.pt", weights_only=True)["history"]
    assert len(history["losses"]) == 2
    assert history["evaluations"] == [{"update": 1, "bleu": 1.0}]


def _command(files, out: Path, *more: str) -> list[str]:
    small = {
        **{"vocab-size": 150, "emb-dim": 12, "hidden": 12, "batch-tokens": 300},
        **{"updates": 40, "evaluate-every": 20, "warmup": 4, "save-every": 5},
        **{"device": "cpu", "average": 2},
    }
    words = [word for name, value in small.items() for word in (f"--{name}", str(value))]
    text = ["--text", str(files.src), str(files.tgt), "--out", str(out)]
    return ["-m", "seq2seq_lib.translate", "train", *text, *words, *more]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_of_two_is_killed_and_the_command_goes_on(files, tmp_path):
    """Killed at any moment, it ends as the run that nobody stopped."""
    weights = []
    for name in ("whole", "killed"):
        out = tmp_path / name
        command = _command(files, out)
        if name == "killed":
            process = torchrun(2, *command, start_new_session=True)
            while process.poll() is None and not (out / "training.pt").exists():
                time.sleep(0.05)
            victims = subprocess.run(
                ["pgrep", "-f", f"seq2seq_lib.translate train .*{out}"],
                capture_output=True,
                text=True,
            ).stdout.split()
            workers = [int(v) for v in victims if int(v) != process.pid]
            os.kill(workers[-1], signal.SIGKILL)
            process.communicate(timeout=250)
            assert process.returncode
            state = torch.load(out / "training.pt", weights_only=True)
            assert 0 < len(state["history"]["losses"]) < 40
        process = torchrun(2, *command)
        said, _ = process.communicate(timeout=400)
        assert not process.returncode, said
        weights.append(torch.load(out / "training.pt", weights_only=True)["model"])
        assert (out / "model.safetensors").exists()
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name
    alone = subprocess.run(
        [sys.executable, *_command(files, tmp_path / "whole")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert alone.returncode == 1
    assert "was begun with 2 for processes, now it is 1" in alone.stderr


def test_a_device_that_is_not_here_is_told():
    with pytest.raises(ValueError, match="'tape' is no device"), joined("tape"):
        pass
