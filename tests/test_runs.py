"""The machinery under the experiments: jobs that are kept, and files that are whole."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest
import toy_experiment

from experiments.engine import options, parts, results, runs
from experiments.engine.job import Job
from experiments.engine.options import FIRST
from seq2seq_lib.model import ModelConfig
from seq2seq_lib.training import TrainConfig

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Nothing is written into the project."""
    monkeypatch.setattr(runs, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(
        runs.Experiment, "fingerprint", property(lambda self: "fingerprint")
    )
    (tmp_path / "traces").mkdir()
    return tmp_path


def traces(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in (folder / "traces").iterdir()}


# --- jobs ------------------------------------------------------------------------------


def test_every_arm_and_seed_is_run_once_with_one_thread(elsewhere):
    experiment = toy_experiment.toy(elsewhere / "traces")
    values = runs.run_jobs(experiment, experiment.jobs)
    assert len(traces(elsewhere)) == 6 and set(traces(elsewhere).values()) == {"x"}
    for seeds in values.values():
        assert list(seeds) == ["0", "1", "2"]
        assert [v["opening_loss"] for v in seeds.values()] == [0, 10, 20]
        assert {v["threads"] for v in seeds.values()} == {1}


def part_of(elsewhere, name: str, seed: int) -> Path:
    (path,) = (elsewhere / "results" / "parts" / "toy").glob(f"*{name}-{seed}.json")
    return path


@pytest.mark.parametrize(
    "damage",
    [
        b'{"arm": "a", "se',
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b'{"arm": "a", "seed": 1, "code": "f", "configuration": "c", "values": null}',
    ],
)
def test_what_is_kept_is_not_run_again_unless_it_is_damaged(elsewhere, damage, capsys):
    experiment = toy_experiment.toy(elsewhere / "traces", arms=("a",))
    runs.run_jobs(experiment, experiment.jobs)
    part_of(elsewhere, "a", 1).write_bytes(damage)
    values = runs.run_jobs(experiment, experiment.jobs)
    assert traces(elsewhere) == {"a-0-False": "x", "a-1-False": "xx", "a-2-False": "x"}
    assert values[experiment.jobs[0].arm]["1"]["opening_loss"] == 10
    assert "a-1.json is damaged" in capsys.readouterr().out


@pytest.mark.parametrize("changed", ["code", "configuration"])
def test_what_other_code_or_another_configuration_made_is_not_mixed_in(
    elsewhere, changed, capsys, monkeypatch
):
    experiment = toy_experiment.toy(elsewhere / "traces", arms=("a",), seeds=(0,))
    monkeypatch.setattr(runs.Experiment, "fingerprint", property(lambda self: "older"))
    runs.run_jobs(experiment, experiment.jobs)
    monkeypatch.setattr(runs.Experiment, "fingerprint", property(lambda self: changed))
    runs.run_jobs(experiment, experiment.jobs)
    assert traces(elsewhere) == {"a-0-False": "xx"}
    said = capsys.readouterr().out
    assert "1 finished jobs" in said and "python -m experiments.toy --confirm" in said


def test_quick_runs_are_not_kept(elsewhere):
    experiment = toy_experiment.toy(elsewhere / "traces", arms=("a",), seeds=(0,))
    runs.run_jobs(experiment, [Job(experiment.jobs[0].arm, 0, quick=True)])
    assert parts.read("toy") == []
    runs.run_jobs(experiment, experiment.jobs)
    assert traces(elsewhere) == {"a-0-True": "x", "a-0-False": "x"}


def test_arms_that_would_share_a_file_are_refused(elsewhere):
    with pytest.raises(ValueError, match="kept in a-b-0.json.*another's"):
        runs.Experiment("toy", toy_experiment.run, {"a, b": [0], "a b": [0]}, {})


def test_finished_jobs_may_be_committed():
    part = "results/parts/surface/fixed-16-1000.json"
    ignored = subprocess.run(["git", "check-ignore", part], cwd=ROOT, capture_output=True)
    assert ignored.returncode == 1


def test_a_broken_job_keeps_what_the_others_measured(elsewhere):
    experiment = toy_experiment.toy(elsewhere / "traces", arms=("a", "broken"), seeds=(0,))
    with pytest.raises(ValueError, match="this arm breaks"):
        runs.run_jobs(experiment, experiment.jobs)
    good = toy_experiment.toy(elsewhere / "traces", arms=("a",), seeds=(0,))
    runs.run_jobs(good, good.jobs)
    assert traces(elsewhere)["a-0-False"] == "x"


PROGRAM = """
import time
from pathlib import Path
from experiments.engine import results, runs

FOLDER = Path({folder!r})
results.RESULTS = FOLDER / "results"
runs.CHECKPOINTS = FOLDER / "checkpoints"
runs.Experiment.fingerprint = property(lambda self: "f")


def run(job):
    (FOLDER / "traces" / f"started-{{job.seed}}").touch()
    if job.seed and not (FOLDER / "go-on").exists():
        time.sleep(60)
    (FOLDER / "traces" / f"ended-{{job.seed}}").touch()
    return {{"opening_loss": 1.0}}


if __name__ == "__main__":
    experiment = runs.Experiment("slow", run, {{"a": range(3)}}, {{}})
    print(len(runs.run_jobs(experiment, experiment.jobs)["a"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_ends_its_workers_and_goes_on(elsewhere, number):
    program = elsewhere / "slow.py"
    program.write_text(PROGRAM.format(folder=str(elsewhere)))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(program)]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while "started-1" not in traces(elsewhere) or not list(
        (elsewhere / "results" / "parts").rglob("a-0.json")
    ):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Interrupted; `python -m experiments.slow` goes on from here." in said
    assert "ended-1" not in traces(elsewhere)
    (elsewhere / "go-on").touch()
    (elsewhere / "traces" / "ended-0").unlink()
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "3"
    assert "ended-0" not in traces(elsewhere)  # kept, not run again
    assert {"ended-1", "ended-2"} <= traces(elsewhere).keys()


TRAINING = """
import os
import signal
import sys
from pathlib import Path

from experiments.engine import job, results, runs
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.copy import Copy
from seq2seq_lib.training import Hook, TrainConfig

FOLDER = Path({folder!r})
results.ROOT, results.RESULTS = FOLDER, FOLDER / "results"
runs.CHECKPOINTS = FOLDER / "checkpoints"
runs.Experiment.fingerprint = property(lambda self: "f")
job.EVERY = 10


class Killed(Hook):
    def after_update(self, run):
        with (FOLDER / "updates").open("a") as file:
            file.write("x")
        if run.done == 25 and not (FOLDER / "go-on").exists():
            (FOLDER / "go-on").touch()
            os.kill(os.getpid(), signal.SIGKILL)


def weight(model):
    return {{"sum": next(model.parameters()).sum()}}


def run(job):
    task = Copy(5, 4)
    pairs = encode(make_splits(task, train=200, per_length=0).train, *task.vocabs())
    sizes = dict(emb_dim=7, enc_hidden=11, dec_hidden=11, dropout=0.1)
    model = build_model(ModelConfig(*map(len, task.vocabs()), **sizes), job.seed)
    values, history = job.train(
        model,
        Batches(pairs, 16, seed=job.seed),
        TrainConfig(40),
        [Evaluation(weight, every=15), Killed()],
    )
    return {{**values, "losses": history.losses, "curve": history.evaluations}}


if __name__ == "__main__":
    runs.main(runs.Experiment("toy", run, {{"a": [3]}}, {{}}), "A toy.")
"""


def test_a_job_that_is_killed_goes_on_from_its_checkpoint_with_the_same_values(elsewhere):
    program = elsewhere / "training.py"
    program.write_text(TRAINING.format(folder=str(elsewhere)))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(program)]

    def start() -> subprocess.CompletedProcess:
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=200)

    killed = start()
    assert killed.returncode == 1
    assert "A job was killed" in killed.stderr and "goes on from here" in killed.stderr
    assert list((elsewhere / "checkpoints").rglob("model.pt"))
    assert start().returncode == 0
    resumed = results.read_results("toy")["values"]
    assert len((elsewhere / "updates").read_text()) == 25 + 20  # not from the start
    assert not (elsewhere / "checkpoints").exists() or not list(
        (elsewhere / "checkpoints").rglob("*.pt")
    )
    (elsewhere / "results" / "toy.json").unlink()
    assert start().returncode == 0
    assert results.read_results("toy")["values"] == resumed
    assert len(resumed["a"]["3"]["losses"]) == 40


# --- the command line ------------------------------------------------------------------


def test_a_run_writes_values_and_what_made_them(elsewhere, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["toy"])
    runs.main(toy_experiment.toy(elsewhere / "traces"), "A toy.")
    stored = results.read_results("toy")
    assert stored["run"]["command"] == "python -m experiments.toy"
    assert stored["run"]["code"] == "fingerprint"
    assert stored["run"]["seeds"] == [0, 1, 2]
    assert stored["run"]["configuration"] == {"size": 1}
    assert {"python", "torch", "seq2seq_lib"} <= stored["run"]["versions"].keys()
    assert len(stored["values"]) == 2


def test_a_quick_run_does_one_seed_of_every_arm_elsewhere(elsewhere, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["toy", "--quick"])
    runs.main(toy_experiment.toy(elsewhere / "traces"), "A toy.")
    assert set(traces(elsewhere)) == {"a-0-True", "b-0-True"}
    assert not (elsewhere / "results" / "toy.json").exists()
    assert results.read_results("toy", quick=True)["run"]["command"].endswith("--quick")


def main(elsewhere, monkeypatch, *options: str, **toy) -> None:
    monkeypatch.setattr(sys, "argv", ["toy", *options])
    runs.main(toy_experiment.toy(elsewhere / "traces", **toy), "A toy.")


def test_a_whole_result_stands_alone_and_is_not_made_again(elsewhere, monkeypatch, capsys):
    main(elsewhere, monkeypatch)
    assert not (elsewhere / "results" / "parts").exists()
    before = (elsewhere / "results" / "toy.json").read_text()
    main(elsewhere, monkeypatch)
    assert set(traces(elsewhere).values()) == {"x"}
    assert (elsewhere / "results" / "toy.json").read_text() == before
    assert "remove it to run everything again" in capsys.readouterr().out


def test_more_seeds_run_beside_those_that_are_stored(elsewhere, monkeypatch):
    main(elsewhere, monkeypatch, seeds=(0, 1))
    main(elsewhere, monkeypatch, seeds=(0, 1, 2))
    assert len(traces(elsewhere)) == 6 and set(traces(elsewhere).values()) == {"x"}
    assert results.read_results("toy")["run"]["seeds"] == [0, 1, 2]


def test_what_has_finished_is_written_as_incomplete_and_refused(elsewhere, monkeypatch):
    experiment = toy_experiment.toy(elsewhere / "traces")
    first, *_ = experiment.jobs
    runs.run_jobs(experiment, [first])
    main(elsewhere, monkeypatch, "--so-far")
    content = json.loads((elsewhere / "results" / "toy.json").read_text())
    assert content["complete"] is False and len(traces(elsewhere)) == 1
    assert content["missing"][first.arm] == [1, 2]
    assert content["values"][first.arm].keys() == {"0"}
    for read in (results.read_results, lambda name: runs.stored(experiment)):
        with pytest.raises(ValueError, match="toy.json is incomplete.*experiments.toy`"):
            read("toy")
    main(elsewhere, monkeypatch)
    assert set(traces(elsewhere).values()) == {"x"} and len(traces(elsewhere)) == 6
    assert "complete" not in results.read_results("toy")


def confirmable(elsewhere, monkeypatch, **changes) -> Path:
    monkeypatch.setattr(sys, "argv", ["toy"])
    runs.main(toy_experiment.toy(elsewhere / "traces"), "A toy.")
    path = elsewhere / "results" / "toy.json"
    content = json.loads(path.read_text())
    content["run"]["code"] = "older"
    content["run"].update(changes)
    path.write_text(json.dumps(content))
    monkeypatch.setattr(sys, "argv", ["toy", "--confirm"])
    return path


def test_the_same_numbers_are_confirmed(elsewhere, monkeypatch):
    path = confirmable(elsewhere, monkeypatch)
    before = json.loads(path.read_text())
    runs.main(toy_experiment.toy(elsewhere / "traces"), "A toy.")
    after = json.loads(path.read_text())
    assert after["run"]["code"] == "fingerprint"
    assert after["run"]["made_by_code"] == "older"
    assert after["values"] == before["values"]


def test_parts_with_the_same_numbers_are_confirmed(elsewhere, monkeypatch):
    experiment = toy_experiment.toy(elsewhere / "traces", seeds=(0, 1))
    monkeypatch.setattr(runs.Experiment, "fingerprint", property(lambda self: "older"))
    runs.run_jobs(experiment, experiment.jobs)
    monkeypatch.setattr(runs.Experiment, "fingerprint", property(lambda self: "today"))
    main(elsewhere, monkeypatch, "--confirm")
    assert {part.code for part in parts.read("toy")} == {"today"}
    main(elsewhere, monkeypatch)
    assert traces(elsewhere)["a-1-False"] == "x" and traces(elsewhere)["a-2-False"] == "x"


def test_there_is_nothing_to_confirm_before_the_first_run(elsewhere, monkeypatch):
    with pytest.raises(SystemExit, match="make it with `python -m experiments.toy`"):
        main(elsewhere, monkeypatch, "--confirm")


def test_other_numbers_are_not_confirmed(elsewhere, monkeypatch):
    path = confirmable(elsewhere, monkeypatch)
    before = path.read_text()
    monkeypatch.setattr(toy_experiment, "scaled", lambda seed: seed + 0.001)
    with pytest.raises(SystemExit, match="opening loss.*run `python -m experiments.toy"):
        runs.main(toy_experiment.toy(elsewhere / "traces"), "A toy.")
    assert path.read_text() == before


def test_another_configuration_is_not_confirmed(elsewhere, monkeypatch):
    confirmable(elsewhere, monkeypatch, configuration={"size": 2})
    with pytest.raises(SystemExit, match="another configuration: its 'size' is 2"):
        runs.main(toy_experiment.toy(elsewhere / "traces"), "A toy.")


def test_results_of_another_configuration_or_with_a_lost_seed_are_refused(elsewhere):
    (elsewhere / "results").mkdir()
    run = {"command": "c", "seeds": [0], "versions": {}, "code": "f"}
    experiment = toy_experiment.toy(elsewhere / "traces", arms=("a",))
    arm = experiment.jobs[0].arm
    for configuration, seeds, said in (
        ({"size": 2}, "012", "its 'size' is 2, today's is 1"),
        ({"size": 1, "more": 0}, "012", "its 'more' is 0, today's is None"),
        ({"size": 1}, "01", "lacks seed 2 of"),
    ):
        content = {
            "run": {**run, "configuration": configuration},
            "values": {arm: {seed: {} for seed in seeds}},
        }
        write(elsewhere, json.dumps(content))
        with pytest.raises(ValueError, match=said + ".*python -m experiments.toy` again"):
            runs.stored(experiment)


# --- files -----------------------------------------------------------------------------


def write(elsewhere, text: str) -> None:
    (elsewhere / "results").mkdir(exist_ok=True)
    (elsewhere / "results" / "toy.json").write_text(text)


GOOD = {
    "run": {
        "command": "c",
        "configuration": {},
        "seeds": [0, 1],
        "versions": {},
        "code": "f",
    },
    "values": {"a": {"0": {}, "1": {}}},
}


def test_a_whole_result_is_read(elsewhere):
    write(elsewhere, json.dumps(GOOD))
    assert results.read_results("toy") == GOOD


@pytest.mark.parametrize(
    "text, said",
    [
        (json.dumps(GOOD)[:-5], "toy.json is not whole"),
        ("[]", "does not say how it was made"),
        (json.dumps({"run": GOOD["run"]}), "missing: values"),
        (
            json.dumps({"run": {"command": "c"}, "values": {}}),
            "missing: code, configuration, seeds, versions",
        ),
        (json.dumps({**GOOD, "values": {"a": {"0": {}}}}), "lacks seed 1 of 'a'"),
        (json.dumps({**GOOD, "values": {"a": 3}}), "lacks seed 0, 1 of 'a'"),
        (json.dumps({**GOOD, "values": []}), "missing: values"),
        (json.dumps({**GOOD, "run": None}), "missing: run"),
        (json.dumps({**GOOD, "complete": False}), "toy.json is incomplete"),
        (
            json.dumps({**GOOD, "run": {**GOOD["run"], "arm_seeds": {"b": [0]}}}),
            "lacks seed 0 of 'b'",
        ),
    ],
)
def test_a_damaged_result_is_one_sentence_with_the_command(elsewhere, text, said):
    write(elsewhere, text)
    with pytest.raises(ValueError, match=said + ".*python -m experiments.toy"):
        results.read_results("toy")


def test_a_missing_result_is_one_sentence_with_the_command(elsewhere):
    with pytest.raises(FileNotFoundError, match="make it with `python -m experiments.toy`"):
        results.read_results("toy")


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "toy.json"
    results.write_json(path, {"speed": 1})
    before = path.read_text()
    with pytest.raises(TypeError):
        results.write_json(path, {"speed": object()})
    assert path.read_text() == before


def test_an_option_that_came_later_changes_no_stored_run():
    model = ModelConfig(5, 6)
    first = set(options(model))
    assert first == FIRST[ModelConfig]
    later = {f.name: f.default for f in fields(ModelConfig) if f.name not in first}
    for name, value in later.items():
        assert options(replace(model, **{name: value})) == options(model)
    assert options(replace(model, dropout=0.5))["dropout"] == 0.5
    changed = replace(model, output="tied")
    assert options(changed) == {**options(model), "output": "tied"}
    assert set(options(TrainConfig(5))) == FIRST[TrainConfig]
