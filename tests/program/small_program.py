"""The smallest training that is one, and how its text is written."""

from dataclasses import replace
from pathlib import Path

import torch

from seq2seq_lib.run import History, Hook
from seq2seq_lib.translate.preparing import Files, Options
from seq2seq_lib.translate.processes import Processes
from seq2seq_lib.translate.training import train

ALONE = Processes(0, 1, torch.device("cpu"))
SMALL = Options(
    vocab_size=150,
    emb_dim=12,
    hidden=12,
    batch_tokens=300,
    updates=12,
    evaluate_every=4,
    warmup=4,
    average=2,
)
BRIEF = replace(SMALL, vocab_size=100, updates=6, evaluate_every=2)


def briefly(out: Path, few: tuple[Files, Files], *more: Hook) -> History:
    """Train for six updates on files of few lines, and save the state in the middle.

    What is measured after that is measured again where a killed run goes on.
    """
    text, valid = few
    quiet = {"more": more, "progress": False, "save_every": 3}
    return train(out, text, valid, BRIEF, ALONE, lambda line: None, **quiet)


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")
    return path
