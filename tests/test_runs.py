"""The machinery under the experiments: jobs that are kept, fingerprints, whole files."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_experiment

from experiments import fingerprint, results, runs

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Nothing is written into the project."""
    monkeypatch.setattr(runs, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "results")
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


def test_what_is_kept_is_not_run_again_unless_it_is_damaged(elsewhere):
    experiment = toy_experiment.toy(elsewhere / "traces", arms=("a",))
    runs.run_jobs(experiment, experiment.jobs)
    arm = experiment.jobs[0][0]
    runs._kept(experiment, arm, 1, False).write_text('{"opening_')  # cut short
    values = runs.run_jobs(experiment, experiment.jobs)
    assert traces(elsewhere) == {"a-0-False": "x", "a-1-False": "xx", "a-2-False": "x"}
    assert values[arm]["1"]["opening_loss"] == 10


def test_quick_runs_are_kept_apart(elsewhere):
    experiment = toy_experiment.toy(elsewhere / "traces", arms=("a",), seeds=(0,))
    runs.run_jobs(experiment, experiment.jobs, quick=True)
    runs.run_jobs(experiment, experiment.jobs)
    assert traces(elsewhere) == {"a-0-True": "x", "a-0-False": "x"}


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
from experiments import runs

FOLDER = Path({folder!r})
runs.KEPT = FOLDER / "kept"
runs.Experiment.fingerprint = property(lambda self: "f")


def run(arm, seed, quick):
    (FOLDER / "traces" / f"started-{{seed}}").touch()
    if seed and not (FOLDER / "go-on").exists():
        time.sleep(60)
    (FOLDER / "traces" / f"ended-{{seed}}").touch()
    return {{"opening_loss": 1.0}}


if __name__ == "__main__":
    experiment = runs.Experiment("slow", {{}}, {{"a": range(3)}}, run)
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
        (elsewhere / "kept").rglob("a-0.json")
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
    arm = experiment.jobs[0][0]
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


# --- the fingerprint -------------------------------------------------------------------


@pytest.fixture
def code(tmp_path):
    """A library of one module and an experiment that uses a part of it."""
    for package in ("seq2seq_lib", "experiments"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    library = tmp_path / "seq2seq_lib" / "core.py"
    script = tmp_path / "experiments" / "small.py"
    script.write_text(
        "from seq2seq_lib import core\nfrom seq2seq_lib.core import used\n\n\n"
        "def run(arm, seed, quick):\n    return used(seed) + core.RATE\n"
    )
    original = (
        '"""Text."""\nRATE = 2  # a comment\nOTHER = 3\n\n\n'
        'def helper(x):\n    """Text."""\n    return x\n\n\n'
        "def used(x):\n    return helper(x)\n\n\n"
        "def unused(x):\n    return OTHER\n"
    )
    library.write_text(original)

    def changed(old: str = "", new: str = "", configuration: dict | None = None) -> str:
        assert old in original
        library.write_text(original.replace(old, new, 1) if old else original)
        return fingerprint.code_fingerprint(
            "experiments.small", "run", configuration or {"size": 1}, tmp_path
        )

    return changed


@pytest.mark.parametrize(
    "old, new",
    [
        ('"""Text."""', '"""Other text."""'),
        ("  # a comment", ""),
        ("    return x\n", "    if x < 0:\n        raise ValueError(x)\n    return x\n"),
        ("return OTHER", "return OTHER + 1"),
        ("OTHER = 3", "OTHER = 4"),
        ("def unused", "def added(x):\n    return x\n\n\ndef unused"),
    ],
)
def test_what_cannot_change_a_number_leaves_the_fingerprint(code, old, new):
    assert code(old, new) == code()


@pytest.mark.parametrize(
    "old, new",
    [
        ("return x\n", "return x + 1\n"),  # two steps away
        ("return helper(x)", "return helper(x) * 2"),
        ("RATE = 2", "RATE = 3"),  # named through its module
    ],
)
def test_what_can_change_a_number_changes_the_fingerprint(code, old, new):
    assert code(old, new) != code()


def test_the_configuration_is_part_of_the_fingerprint(code):
    assert code(configuration={"size": 2}) != code(configuration={"size": 1})


def test_an_experiment_reaches_the_parts_of_the_model():
    found = fingerprint.reached("experiments.train_longer", "run")
    for part in (
        "seq2seq_lib.encoder:Encoder",
        "seq2seq_lib.decoder:Decoder",
        "seq2seq_lib.attention:Additive",
        "seq2seq_lib.attention:masked_softmax",
        "seq2seq_lib.training:train_step",
        "seq2seq_lib.tasks.numbers:Numbers",
        "seq2seq_lib.vocab:PAD",
        "experiments.train_longer:LONGER",
    ):
        assert part in found
    assert "seq2seq_lib.metrics:bleu" not in found


def test_a_function_that_is_not_there_is_told():
    with pytest.raises(ValueError, match="defines no 'walk'"):
        fingerprint.reached("experiments.train_longer", "walk")
