"""The command line, from two files to translations, and everything that can go wrong."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner, Result
from filelock import FileLock
from small_program import ALONE, SMALL, write

from seq2seq_lib.translate import folder, hooks
from seq2seq_lib.translate.commands import DEFAULTS, main
from seq2seq_lib.translate.preparing import Files
from seq2seq_lib.translate.training import train

ROOT = Path(__file__).parents[2]
QUICK = (
    "--vocab-size 150 --emb-dim 12 --hidden 12 --batch-tokens 300 --updates 12 "
    "--evaluate-every 4 --warmup 4 --average 2 --save-every 4 --device cpu"
).split()


def call(*words: object, text: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=text)


def refused(*words: object) -> str:
    """What the program says against a command: one sentence, and no traceback."""
    found = call(*words)
    assert found.exit_code in (1, 2), found.output
    assert isinstance(found.exception, SystemExit), found.exception
    return found.output


def weights(out: Path) -> dict[str, torch.Tensor]:
    return folder.read_weights(out / "model.safetensors")[0]


# --- what it does ------------------------------------------------------------------------


def test_two_files_become_a_translator(files, tmp_path):
    out = tmp_path / "out"
    found = call("train", "--text", *files, "--out", out, *QUICK)
    assert found.exit_code == 0, found.output
    assert "400 pairs in a.en and a.de." in found.output
    assert len(re.findall(r"update +\d+  loss \d.*bleu", found.output)) == 3
    assert f"translate translate {out}" in found.output
    state = torch.load(out / "training.pt", weights_only=True)
    assert len(state["history"]["losses"]) == 12
    assert list((out / "tensorboard").glob("events*"))
    asked = call(
        "translate", out, "--device", "cpu", "--beam", 2, text="one\n\ntwo three\n"
    )
    assert asked.exit_code == 0, asked.output
    lines = asked.output.split("\n")
    assert len(lines) == 4 and lines[1] == ""
    text = write(tmp_path / "text", ["one", "two three"])
    drawing = tmp_path / "weights.svg"
    asked = call("translate", out, text, "--alignments", "--heatmap", drawing, "--beam", 1)
    said, pairs = asked.output.split("\n")[0].split("\t")
    assert all(re.fullmatch(r"\d+-\d+", pair) for pair in pairs.split())
    assert "<svg" in drawing.read_text()
    few = [
        write(tmp_path / path.name, path.read_text().splitlines()[:20]) for path in files
    ]
    measured = call("evaluate", out, "--text", *few, "--beam", 1, "--output", text)
    assert measured.exit_code == 0, measured.output
    assert re.search(r"BLEU +\d+\.\d\d +\(nrefs:1\|case:mixed.*\)\nchrF", measured.output)
    assert len(text.read_text().splitlines()) == 20


def test_every_option_says_what_it_is():
    for command in main.commands.values():
        text = call(command.name, "--help").output
        assert text.count("\n\n") >= 2
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, parameter.name


def test_help_keeps_commands_whole_and_tells_every_default():
    lines = [line.strip() for line in call("--help").output.splitlines()]
    assert (
        "python -m seq2seq_lib.translate train --text a.en a.de --out my-translator"
        in lines
    )
    assert any(line.startswith("echo") and line.endswith("my-translator") for line in lines)
    said = " ".join(call("train", "--help").output.split())
    for name, value in DEFAULTS.items():
        if value is not None and value is not False:
            at = said.index(f"--{name.replace('_', '-')} ")
            assert f"[default: {value}]" in said[at : at + 400], name


def test_the_folder_is_all_that_a_translation_needs(trained, tmp_path):
    moved = shutil.copytree(trained, tmp_path / "moved")
    for name in ("corpus", "tensorboard"):
        shutil.rmtree(moved / name)
    for name in ("training.pt", "training.json", "valid.json"):
        (moved / name).unlink()
    before, after = (folder.load(f).translate(["one two"])[0][0] for f in (trained, moved))
    assert before == after


def test_training_again_is_told_and_changes_nothing(trained, files):
    before = (trained / "model.safetensors").read_bytes()
    found = call("train", "--text", *files, "--out", trained, *QUICK)
    assert found.exit_code == 0, found.output
    assert "Going on after update 12 of 12" in found.output
    assert (trained / "model.safetensors").read_bytes() == before


def test_the_best_weights_are_kept_and_their_mean_is_tried(trained):
    state = torch.load(trained / "training.pt", weights_only=True)
    records = state["history"]["evaluations"]
    assert [r["update"] for r in records] == [4, 8, 12, 12]
    assert records[-1]["mean_of"] == 2
    best = max(record["bleu"] for record in records)
    _, facts = folder.read_weights(trained / "model.safetensors")
    assert float(facts["bleu"]) == best
    assert not (trained / "recent").exists()


def test_a_mean_is_a_mean():
    found = hooks.mean([{"a": torch.tensor([1.0, 2.0])}, {"a": torch.tensor([3.0, 6.0])}])
    assert found["a"].tolist() == [2.0, 4.0]


@pytest.mark.slow
def test_killed_for_real_it_ends_as_if_nothing_had_been(trained, files, tmp_path):
    """What is left at each of its writes is tried in ``test_killed``."""
    out = tmp_path / "out"
    words = ["train", "--text", *map(str, files), "--out", str(out), *QUICK]
    process = subprocess.Popen(
        [sys.executable, "-m", "seq2seq_lib.translate", *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (out / "training.pt").exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    found = call(*words)
    assert found.exit_code == 0, found.output
    for name, value in weights(trained).items():
        assert torch.equal(value, weights(out)[name]), name


# --- what can go wrong -------------------------------------------------------------------


def test_wrong_files_are_told_before_anything_is_made(files, tmp_path):
    out = tmp_path / "out"
    short = write(tmp_path / "short", ["one"])
    empty = write(tmp_path / "empty", ["x", *["one"] * 398, ""])
    for text, told in (
        ((files.src, short), "400 lines and .*short has 1"),
        ((files.src, files.src), "Source and target are one file"),
        ((files.src, empty), "empty, line 400 is empty"),
        ((files.src, tmp_path / "nobody"), "There is no file .*nobody"),
    ):
        said = refused("train", "--text", *text, "--out", out, *QUICK)
        assert re.search(told, said.replace("\n", " ")), said
    assert "Name two files" in refused("train", "--out", out)
    assert "data='x' is not an option" in refused("train", "--data", "x", "--out", out)
    assert "--languages names two of en" in refused(
        "train", "--data", "multi30k", "--languages", "en-xx", "--out", out
    )


def test_exchanged_sides_are_told(trained, files, tmp_path):
    swapped = files.tgt, files.src
    said = refused("evaluate", trained, "--text", *swapped)
    assert "look as if source and target were exchanged" in said
    said = refused(
        "train", "--text", *files, "--valid", *swapped, "--out", tmp_path / "o", *QUICK
    )
    assert "exchanged" in said


def test_another_training_in_the_folder_is_told(trained, files, tmp_path):
    said = refused("train", "--text", *files, "--out", trained, *QUICK, "--lr", "0.5")
    assert "was begun with 0.002 for lr, now it is 0.5" in said
    with FileLock(trained / "training.lock"):
        said = refused("train", "--text", *files, "--out", trained, *QUICK)
    assert "Another training is at work" in said
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "thesis.txt", ["x"])
    said = refused("train", "--text", *files, "--out", tmp_path / "mine", *QUICK)
    assert "holds other files (thesis.txt); give a new folder" in said


def test_a_folder_that_was_mixed_up_is_told(trained, tmp_path, files):
    def broken(change) -> str:
        copy = shutil.copytree(trained, tmp_path / "copy")
        change(copy)
        said = refused("translate", copy, files.src)
        shutil.rmtree(copy)
        return said

    other = trained / "source.json"
    assert "belongs to another translator" in broken(
        lambda f: shutil.copy(other, f / "target.json")
    )

    def another_config(f: Path) -> None:
        found = json.loads((f / "config.json").read_text())
        found["model"]["dropout"] = 0.5
        (f / "config.json").write_text(json.dumps(found))

    assert "belongs to another configuration" in broken(another_config)
    assert "is not the configuration" in broken(lambda f: (f / "config.json").unlink())
    assert "cannot be read as weights" in broken(
        lambda f: (f / "model.safetensors").write_bytes(b"x" * 99)
    )
    assert "does not exist" in broken(lambda f: (f / "model.safetensors").unlink())
    assert "There is no folder" in refused("translate", tmp_path / "nobody")


def test_a_folder_that_cannot_be_made_is_told(files):
    said = refused("train", "--text", *files, "--out", files.src / "x", *QUICK)
    assert "Nothing can be written" in said


def test_a_fixed_context_has_nothing_to_align(files, tmp_path):
    out = tmp_path / "out"
    options = replace(SMALL, attention="fixed", updates=4)
    train(out, Files(*files), None, options, ALONE, lambda line: None)
    assert "looks nowhere" in refused("translate", out, files.src, "--alignments")
    assert call("translate", out, text="one\n").exit_code == 0
