"""A disk that is full costs nothing that was done: a real one, of few kilobytes."""

import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from small_program import briefly
from test_program import QUICK, call, refused

from seq2seq_lib.translate import folder, scores


def mounted(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no tmpfs may be mounted here ({done.stderr.strip()})")


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of eight kilobytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted("-t", "tmpfs", "-o", "size=8k", "tmpfs", str(place))
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def resized(disk: Path, size: str) -> None:
    mounted("-o", f"remount,size={size}", str(disk))


@pytest.mark.slow
def test_it_stops_at_once_and_goes_on_when_there_is_room(disk, few, tmp_path, monkeypatch):
    def score(translator, *texts, beam):
        return {
            "bleu": sum(w.sum().item() for w in translator.model.parameters()),
            "chrf": 0.0,
        }

    monkeypatch.setattr(scores, "score", score)
    wanted = briefly(tmp_path / "wanted", few)
    out, told, size = disk / "out", set(), 8
    while True:
        try:
            history = briefly(out, few)
            break
        except ValueError as error:
            said = str(error)
        # What is missing is named, and so is what to do.
        full = "No space left on device|is the disk full"
        assert re.search(rf"^{out}\S*.*({full})", said), said
        assert "make room" in said and "start the same command again" in said
        assert "\n" not in said and ".partial" not in said.split(" could ")[0]
        told.add("state" if "could not be saved" in said else "other")
        assert size < 2_000
        size += 40
        resized(disk, f"{size}k")
    assert told == {"state", "other"}
    assert history.evaluations == wanted.evaluations
    ours, theirs = (folder.read_own_weights(each)[0] for each in (out, tmp_path / "wanted"))
    for name, value in theirs.items():
        assert torch.equal(ours[name], value), name


def test_the_command_ends_with_one_sentence_and_an_exit_code(disk, files):
    said = refused("train", "--text", *files, "--out", disk / "out", *QUICK)
    assert "No space left on device; make room and start the same command again" in said
    resized(disk, "50m")
    found = call("train", "--text", *files, "--out", disk / "out", *QUICK)
    assert found.exit_code == 0, found.output


def test_everybody_may_read_what_may_be_handed_over(trained):
    modes = {
        p.name: stat.S_IMODE(p.stat().st_mode) for p in trained.iterdir() if p.is_file()
    }
    assert modes["model.safetensors"] == modes["config.json"] == modes["source.json"]
