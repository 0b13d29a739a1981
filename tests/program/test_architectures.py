"""The program trains other models than the recurrent one, by the same commands."""

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

import numpy as np
import pytest
import torch
from safetensors import safe_open
from small_program import ALONE, SMALL, write
from test_program import QUICK, ROOT, call, refused, weights

from seq2seq_lib.batching import Pair, collate
from seq2seq_lib.model import ModelConfig
from seq2seq_lib.transformer import Transformer, head_weights
from seq2seq_lib.translate import architectures, folder, scores
from seq2seq_lib.translate.architectures import ARCHITECTURES, OWN
from seq2seq_lib.translate.preparing import Options
from seq2seq_lib.translate.training import train

WORDS = "--architecture transformer --heads 3 --layers 2".split()


@pytest.fixture(scope="module")
def transformer(files, tmp_path_factory) -> Path:
    """The folder of a small Transformer; do not write into it."""
    out = tmp_path_factory.mktemp("transformer") / "out"
    found = call("train", "--text", *files, "--out", out, *QUICK, *WORDS)
    assert found.exit_code == 0, found.output
    return out


def test_the_folder_says_what_it_holds(transformer, trained):
    for out, name in ((transformer, "transformer"), (trained, "recurrent")):
        assert json.loads((out / "config.json").read_text())["architecture"] == name
    model = folder.load(transformer).model
    assert isinstance(model, Transformer)
    assert (model.config.heads, model.config.layers, model.config.dim) == (3, 2, 12)
    assert model.decoder.output.weight is model.decoder.embedding.weight


@pytest.mark.parametrize("beam", [1, 3])
def test_it_is_asked_like_any_translator(transformer, files, tmp_path, beam):
    how = "--beam", beam, "--device", "cpu"
    asked = call("translate", transformer, *how, text="one\n\ntwo three\n")
    assert asked.exit_code == 0, asked.output
    assert asked.output.split("\n")[1] == ""
    few = [write(tmp_path / p.name, p.read_text().splitlines()[:9]) for p in files]
    measured = call("evaluate", transformer, "--text", *few, *how)
    assert measured.exit_code == 0, measured.output
    assert re.search(r"BLEU +\d+\.\d\d", measured.output)


def test_what_is_drawn_is_the_mean_of_the_last_layers_heads(transformer, tmp_path):
    drawing = tmp_path / "weights.svg"
    text = write(tmp_path / "text", ["twenty two thousand and five"])
    how = "--beam", 1, "--alignments", "--heatmap", drawing
    asked = call("translate", transformer, text, *how)
    assert asked.exit_code == 0, asked.output
    assert "<svg" in drawing.read_text()
    assert all(re.fullmatch(r"\d+-\d+", p) for p in asked.output.split("\t")[1].split())
    found = folder.load(transformer)
    answer = found.translate(["twenty two thousand and five"], beam=1)[0][1]
    ids = found.src.vocab.encode(answer.src), found.tgt.vocab.encode(answer.tokens)
    heads = head_weights(found.model, collate([Pair(*map(tuple, ids))]))
    wanted = heads["decoder.layers.1.cross_attention"][0].mean(dim=0)
    assert np.allclose(answer.weights, wanted[: len(answer.weights)], atol=1e-5)
    said = call("translate", "--help").output
    assert "the mean over the heads of its last layer" in " ".join(said.split())


def test_a_tied_matrix_is_stored_once_and_comes_back_twice(transformer):
    with safe_open(transformer / "model.safetensors", "pt") as file:
        stored = set(file.keys())
    tied = {"decoder.embedding.weight", "decoder.output.weight"}
    assert len(tied & stored) == 1
    there = weights(transformer)
    assert tied <= there.keys()
    assert len({there[name].data_ptr() for name in tied}) == 1


@pytest.mark.slow
def test_killed_it_ends_as_if_nothing_had_been(transformer, files, tmp_path):
    out = tmp_path / "out"
    words = ["train", "--text", *map(str, files), "--out", str(out), *QUICK, *WORDS]
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
    for name, value in weights(transformer).items():
        assert torch.equal(value, weights(out)[name]), name


@pytest.mark.slow
def test_it_learns_in_either_precision(files, tmp_path):
    sizes = {"emb_dim": 32, "hidden": 64, "heads": 4, "layers": 1, "dropout": 0.0}
    how = replace(SMALL, architecture="transformer", lr=1e-2, batch_tokens=600, **sizes)
    losses = {}
    for precision, updates in (("float32", 200), ("bfloat16", 3)):
        many = {"precision": precision, "updates": updates, "evaluate_every": updates}
        options, out = replace(how, warmup=1, **many), tmp_path / precision
        losses[precision] = train(
            out, files, None, options, ALONE, lambda line: None
        ).losses
        assert folder.load(out).translate(["one"], beam=2)
    translator = folder.load(tmp_path / "float32")
    sources, targets = (path.read_text().splitlines()[:60] for path in files)
    found = scores.loss(translator, sources, targets)
    assert found < 0.5 * losses["float32"][0]
    # It has learned to read: with another's source it is worse off.
    assert found < scores.loss(translator, sources[::-1], targets) - 0.5
    first, same = losses["float32"][0], losses["bfloat16"][0]
    assert first != same and first == pytest.approx(same, rel=0.02)


# --- which options there are -------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--architecture transformer --attention dot", "A transformer model has no --att"),
        ("--architecture transformer --output-dropout 0.1", "transformer model has no --o"),
        ("--heads 2", "A recurrent model has no --heads; leave it out, or choose --arch"),
        ("--architecture recurrent --layers 2", "A recurrent model has no --layers"),
        ("--architecture transformer --heads 5", "heads must divide the size, got dim=12"),
        ("--architecture transformer --dropout 1", "dropout must be"),
        ("--architecture transformer --layers 0", "layers must be at least 1, got 0"),
        ("--architecture hopfield", "'hopfield' is not one of 'recurrent', 'transformer'"),
    ],
)
def test_options_that_do_not_apply_are_refused_before_anything_is_made(
    files, tmp_path, words, told
):
    out = tmp_path / "out"
    said = refused("train", "--text", *files, "--out", out, *QUICK, *words.split())
    assert told in said
    assert not out.exists()


def test_help_says_whose_an_option_is():
    said = " ".join(call("train", "--help").output.split())
    for name, each in ARCHITECTURES.items():
        for field, value in each.defaults.items():
            at = said.index(f"--{field.replace('_', '-')} ")
            assert f"{name}: {value}" in said[at : at + 400], field


def test_every_architecture_has_its_own_defaults_and_takes_what_is_chosen():
    for name, each in ARCHITECTURES.items():
        assert Options(architecture=name).settled == each.defaults
        assert Options(architecture=name, lr=0.5).settled["lr"] == 0.5
        config = architectures.configured(name, 30, 40, each.defaults)
        assert architectures.named(config) == name and architectures.looks(config)
        assert architectures.build(config).config == config
    assert not architectures.looks(ModelConfig(5, 5, "fixed"))
    assert all(getattr(Options(), field) is None for field in OWN)


def test_another_architecture_in_the_folder_is_told(transformer, files):
    said = refused("train", "--text", *files, "--out", transformer, *QUICK)
    assert "was begun with transformer for architecture, now it is recurrent" in said


def test_a_folder_of_another_kind_is_told(transformer, trained, tmp_path):
    def changed(out: Path, **more) -> str:
        copy = shutil.copytree(out, tmp_path / "copy", dirs_exist_ok=True)
        found = json.loads((copy / "config.json").read_text())
        (copy / "config.json").write_text(json.dumps({**found, **more}))
        return refused("translate", copy, copy / "config.json")

    assert "is not the configuration" in changed(transformer, architecture="recurrent")
    assert "'x' is not an option" in changed(transformer, architecture="x")
    assert "is not the configuration" in changed(trained, architecture="transformer")


def test_a_folder_from_before_there_were_architectures_is_recurrent(trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    found = json.loads((copy / "config.json").read_text())
    del found["architecture"]
    (copy / "config.json").write_text(json.dumps(found))
    config, *_ = folder.read_frame(copy)
    assert architectures.named(config) == "recurrent"
