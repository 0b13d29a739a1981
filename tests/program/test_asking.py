"""A translator is asked, and what is wrong with a question is told in one sentence."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from small_program import write
from test_program import call, refused

from seq2seq_lib.translate import commands, errors, folder
from seq2seq_lib.translate.lines import LONGEST
from seq2seq_lib.translate.processes import joined

BRIEF = "--device", "cpu", "--beam", 1


def piped(out: Path, text: bytes):
    words = ["translate", str(out), *map(str, BRIEF)]
    return CliRunner().invoke(commands.main, words, input=text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"one\ntw\xe4\n", "standard input, line 2 is not UTF-8 (byte 3 is 0xe4)"),
        (b"one\n" + b"one " * LONGEST, "standard input, line 2 has more than 20,000"),
    ],
)
def test_a_bad_line_that_is_piped_in_is_told_with_its_number(trained, text, told):
    found = piped(trained, text)
    assert found.exit_code == 1 and isinstance(found.exception, SystemExit)
    assert told in found.output
    assert found.stdout.count("\n") == 1  # the line before it is translated


def test_ends_of_windows_are_no_text_where_they_are_piped_in(trained):
    found = piped(trained, "\ufeffone\r\n\r\ntwo".encode())
    assert found.exit_code == 0 and found.stdout.count("\n") == 3
    assert found.stdout == piped(trained, b"one\n\ntwo\n").stdout


@pytest.mark.parametrize("command", ["translate", "evaluate"])
def test_a_search_has_a_width(trained, command):
    assert "0 is not in the range x>=1" in refused(command, trained, "--beam", 0)
    with pytest.raises(ValueError, match="beam must be at least 1, got 0"):
        folder.load(trained).translate(["one"], beam=0)


def test_a_file_that_cannot_be_written_is_told_before_the_work(
    trained, files, tmp_path, monkeypatch
):
    monkeypatch.setattr(folder, "load", lambda *any: pytest.fail("the work has begun"))
    gone, text = tmp_path / "gone" / "a.svg", ("--text", *files)
    for path in (gone, tmp_path, Path("/dev/null")):
        assert "cannot be written; name" in refused(
            "evaluate", trained, *text, "--output", path
        )
    said = refused("translate", trained, files.src, "--heatmap", gone)
    assert "cannot be written; name a file in a folder that is there" in said
    said = refused("translate", trained, files.src, "--heatmap", tmp_path / "a.txt")
    assert "let it end in one of .png, .svg, .pdf" in said


@pytest.mark.parametrize("typed", [False, True])
def test_text_in_the_wrong_language_is_told_once_and_translated(
    trained, files, tmp_path, typed
):
    for path, wrong in zip(files, (False, True), strict=True):
        text = write(tmp_path / "text", path.read_text().splitlines()[:12])
        if typed:
            found = piped(trained, text.read_bytes())
        else:
            found = call("translate", trained, text, *BRIEF)
        assert found.exit_code == 0 and len(found.stdout.splitlines()) == 12
        assert found.stderr.count("in the language that is translated into") == wrong


def test_where_there_is_no_gpu_none_is_counted(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with (
        pytest.raises(ValueError, match="finds no GPU on this machine; try"),
        joined("cuda"),
    ):
        pass
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(ValueError, match="3 processes .* has 2 GPUs"), joined("cuda"):
        pass


@pytest.mark.parametrize("rank", [0, 1])
def test_of_several_processes_one_tells_what_is_wrong(monkeypatch, tmp_path, rank):
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    said = refused("translate", tmp_path / "nobody", *BRIEF)
    assert said.count("There is no folder") == 1 - rank


def test_what_broke_off_is_named_and_only_training_goes_on(trained, monkeypatch):
    def lost(*anything: object) -> None:
        raise RuntimeError("Connection closed by peer\nmore")

    monkeypatch.setattr(folder, "load", lost)
    said = refused("translate", trained, *BRIEF)
    assert said == "Error: The run broke off (Connection closed by peer).\n"
    with (
        pytest.raises(errors.click.ClickException) as found,
        errors.plainly(errors.GOES_ON),
    ):
        lost()
    assert found.value.message.endswith("the same command goes on from its last state.")
