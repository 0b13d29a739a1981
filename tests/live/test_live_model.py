"""The model in the page computes what PyTorch computes with the rounded weights."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from touch import MODELS, ask, needs_node, run_node

from seq2seq_lib.decoding import translate
from seq2seq_lib.live.export import MECHANISMS, check_runnable, export, rounded
from seq2seq_lib.live.show import load
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.vocab import BOS, Vocab

TASK = Numbers()
VOCABS = TASK.vocabs()


def model_of(attention: str, **more: Any) -> Seq2Seq:
    """An untrained model whose weights are large enough to have opinions."""
    wide = 14 if attention.startswith("dot") else 9
    sizes = dict(emb_dim=6, enc_hidden=7, dec_hidden=wide)
    model = build_model(ModelConfig(*map(len, VOCABS), attention, **sizes | more), seed=5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def in_node(path: Path, sources: list[tuple[str, ...]], edits: dict[int, list[float]]):
    """What model.mjs says."""
    return ask("translations", path=str(path), sources=sources, edits=edits)


@torch.no_grad()
def in_torch(model: Seq2Seq, words: tuple[str, ...], said: list[str]):
    """Logits and weights of the steps that write what was said, and the end."""
    ids = torch.tensor([VOCABS[0].encode(words)])
    encoded = model.encoder(ids, torch.tensor([len(words)]))
    memory = model.decoder.attention.memory(encoded)
    state, logits, weights = model.decoder.initial_state(encoded), [], []
    known = Vocab(VOCABS[1].decode(list(range(4, len(VOCABS[1])))), unknown="unk")
    for prev in [BOS, *known.encode(said)]:
        step = model.decoder.step(torch.tensor([prev]), state, memory)
        state = step.dec_state
        logits.append(step.logits[0].numpy())
        weights.append(step.weights[0].numpy())
    return np.array(logits), np.array(weights)


def sources(count: int) -> list[tuple[str, ...]]:
    rng = random.Random(7)
    return [TASK.example(rng.randrange(10 ** rng.randint(1, 12))).src for _ in range(count)]


@needs_node
@pytest.mark.parametrize("attention", MECHANISMS)
def test_every_step_is_that_of_pytorch(tmp_path, attention):
    model = model_of(attention)
    export(model, *VOCABS, tmp_path / "m")
    asked = sources(25)
    for words, answer in zip(asked, in_node(tmp_path / "m", asked, {}), strict=True):
        steps = len(answer["logits"])
        logits, weights = in_torch(rounded(model), words, answer["tokens"][: steps - 1])
        assert np.abs(logits - np.array(answer["logits"])).max() < 1e-5
        assert np.abs(weights - np.array(answer["weights"])).max() < 1e-5


@needs_node
@pytest.mark.parametrize("name", sorted(path.stem for path in MODELS.glob("*.f16")))
def test_a_model_of_the_pages_computes_what_pytorch_does(name):
    """Trained weights are large; so PyTorch counts in 64 bits here, as JavaScript does."""
    model, *_ = load(MODELS / name)
    asked = sources(25)
    for words, answer in zip(asked, in_node(MODELS / name, asked, {}), strict=True):
        said = answer["tokens"][: len(answer["logits"]) - 1]
        logits, weights = in_torch(model.double(), words, said)
        assert np.abs(logits - np.array(answer["logits"])).max() < 1e-5
        assert np.abs(weights - np.array(answer["weights"])).max() < 1e-5


@needs_node
@pytest.mark.parametrize("bidirectional", [True, False])
def test_what_is_written_is_what_the_library_writes(tmp_path, bidirectional):
    model = model_of("additive", bidirectional=bidirectional)
    export(model, *VOCABS, tmp_path / "m")
    asked = sources(40)
    for answer, wanted in zip(
        in_node(tmp_path / "m", asked, {}),
        translate(rounded(model), asked, *VOCABS, batch_size=1),
        strict=True,
    ):
        assert tuple(answer["tokens"]) == wanted.tokens
        assert answer["finished"] == wanted.finished


@needs_node
def test_edited_weights_are_read_and_change_what_follows(tmp_path):
    model = model_of("additive")
    export(model, *VOCABS, tmp_path / "m")
    words = TASK.example(914_327).src
    first = [float(j == 0) for j in range(len(words))]
    (own,) = in_node(tmp_path / "m", [words], {})
    (edited,) = in_node(tmp_path / "m", [words], {1: first})
    assert edited["weights"][1] == first != own["weights"][1]
    assert edited["logits"][0] == own["logits"][0]
    assert edited["logits"][1] != own["logits"][1]


def test_the_files_are_small_and_say_what_they_hold(tmp_path):
    model = build_model(
        ModelConfig(*map(len, VOCABS), emb_dim=32, enc_hidden=40, dec_hidden=40)
    )
    header, weights = export(model, *VOCABS, tmp_path / "m", updates=400)
    said = json.loads(header.read_text(encoding="utf-8"))
    assert said["about"] == {"updates": 400}
    assert said["size"] == model.n_parameters == weights.stat().st_size / 2
    assert said["src"][0] == VOCABS[0].decode([4])[0]
    assert header.stat().st_size + weights.stat().st_size < 150_000


def test_rounding_changes_a_copy_by_a_thousandth_at_most():
    model = model_of("additive")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for name, value in rounded(model).state_dict().items():
        assert torch.equal(before[name], model.state_dict()[name])
        assert torch.equal(value, before[name].half().float())
        apart = (value - before[name]).abs()
        assert (apart <= before[name].abs() / 1000 + 1e-7).all()


@pytest.mark.parametrize(
    "change, told",
    [
        ({"attention": "coverage"}, "coverage"),
        ({"query": "after"}, "after"),
        ({"wiring": "luong"}, "luong"),
        ({"output": "tied"}, "tied"),
    ],
)
def test_what_a_page_cannot_run_is_refused(change, told):
    model = build_model(ModelConfig(*map(len, VOCABS), **change))
    with pytest.raises(ValueError, match=told):
        check_runnable(model)


def test_a_model_put_together_by_hand_is_refused():
    model = model_of("additive")
    with pytest.raises(ValueError, match="build_model"):
        check_runnable(Seq2Seq(model.encoder, model.decoder))


@pytest.mark.parametrize("wrong", [1e6, float("nan"), float("inf")])
def test_a_weight_that_16_bits_cannot_hold_is_refused(tmp_path, wrong):
    model = model_of("additive")
    with torch.no_grad():
        model.decoder.initial.bias[0] = wrong
    with pytest.raises(ValueError, match=r"decoder\.initial\.bias"):
        export(model, *VOCABS, tmp_path / "m")
    assert not list(tmp_path.iterdir())


@needs_node
def test_damaged_weights_are_one_sentence(tmp_path):
    header, weights = export(model_of("additive"), *VOCABS, tmp_path / "m")
    weights.write_bytes(weights.read_bytes()[:-2])
    done = run_node("translations", path=str(tmp_path / "m"))
    assert done.returncode != 0 and "The weights have" in done.stderr
