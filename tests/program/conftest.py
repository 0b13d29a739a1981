"""Two small text files, and a translator that was trained on them for a moment."""

from pathlib import Path

import pytest
from small_program import ALONE, SMALL, write

from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.translate.preparing import Files
from seq2seq_lib.translate.training import train


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Files:
    """English and German number words, one to a line."""
    folder = tmp_path_factory.mktemp("text")
    splits = make_splits(Numbers(), train=400, per_length=0, seed=3)
    src = [" ".join(example.src) for example in splits.train]
    tgt = [" ".join(example.tgt) for example in splits.train]
    return Files(write(folder / "a.en", src), write(folder / "a.de", tgt))


@pytest.fixture(scope="session")
def few(files, tmp_path_factory) -> tuple[Files, Files]:
    """Training and validation text of few lines."""
    folder = tmp_path_factory.mktemp("few")
    lines = [path.read_text().splitlines() for path in files]
    return tuple(
        Files(*(write(folder / f"{n}{side}", lines[side][n : n + 60]) for side in (0, 1)))
        for n in (0, 60)
    )


@pytest.fixture(scope="session")
def trained(files, tmp_path_factory) -> Path:
    """The folder of a translator; do not write into it."""
    out = tmp_path_factory.mktemp("trained") / "out"
    train(out, files, None, SMALL, ALONE, lambda line: None, save_every=4)
    return out
