"""Killed at any moment, a training ends as if nothing had been."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from small_program import briefly

from seq2seq_lib.run import Hook, Run
from seq2seq_lib.translate import folder, scores

UPDATES = (2, 4, 6)


class Watched(Hook):
    """Remembers the weights after every update."""

    def __init__(self) -> None:
        self.weights: dict[int, dict[str, torch.Tensor]] = {}

    def after_update(self, run: Run) -> None:
        now = run.model.state_dict()
        self.weights[run.done] = {name: value.clone() for name, value in now.items()}


@pytest.fixture(scope="module")
def seen(few, tmp_path_factory) -> dict[int, dict[str, torch.Tensor]]:
    """The weights after every update of a run that nobody stops."""
    watched = Watched()
    briefly(tmp_path_factory.mktemp("seen") / "out", few, watched)
    return watched.weights


def scored_by_distance(monkeypatch, wanted: dict[str, torch.Tensor]) -> None:
    """Make those weights best which are nearest to these."""

    def score(translator, *texts, beam):
        now = translator.model.state_dict()
        far = sum((now[name] - value).abs().sum().item() for name, value in wanted.items())
        return {"bleu": 1e6 - far, "chrf": 0.0}

    monkeypatch.setattr(scores, "score", score)


@contextmanager
def snapshots(monkeypatch, out: Path, place: Path) -> Iterator[list[Path]]:
    """Copies of a folder as SIGKILL at each of its writes would leave it.

    Each has the file that was being written beside the one that it was to replace. The
    last is taken before what is no longer needed is removed.
    """
    found: list[Path] = []

    def keep(function):
        def before(path, *rest, **how):
            if out in Path(path).parents:
                found.append(place / f"{len(found):02} {Path(path).name}")
                shutil.copytree(out, found[-1])
            return function(path, *rest, **how)

        return before

    with monkeypatch.context() as patch:
        for module, name in ((os, "replace"), (os, "rename"), (shutil, "rmtree")):
            patch.setattr(module, name, keep(getattr(module, name)))
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("best", ["first", "mean"])
def test_killed_at_any_write_it_ends_as_if_nothing_had_been(
    few, seen, tmp_path, monkeypatch, best
):
    last = UPDATES[-2:]
    mean = {n: torch.stack([seen[u][n] for u in last]).mean(dim=0) for n in seen[2]}
    wanted = mean if best == "mean" else seen[UPDATES[0]]
    scored_by_distance(monkeypatch, wanted)
    out = tmp_path / "out"
    with snapshots(monkeypatch, out, tmp_path / "killed") as found:
        expected = briefly(out, few)
    assert [e["update"] for e in expected.evaluations] == [*UPDATES, UPDATES[-1]]
    written = " ".join(path.name for path in found)
    for name in ("training.json", "config.json", "source.json", "valid.json", ".corpus"):
        assert name in written
    assert written.count("training.pt") == 2 and "recent" in written
    assert (written.count("model.safetensors") > 1) == (best == "mean")
    # What comes before the first weights is the same for both.
    for killed in found if best == "mean" else found[-5:]:
        history = briefly(killed, few)
        assert history.evaluations == expected.evaluations, killed
        weights, facts = folder.read_own_weights(killed)
        assert facts == folder.read_own_weights(out)[1], killed
        for name, value in wanted.items():
            assert torch.equal(weights[name], value), (killed, name)
        names = {path.name for path in killed.iterdir()}
        assert names == {path.name for path in out.iterdir()}, killed
        shutil.rmtree(killed)
