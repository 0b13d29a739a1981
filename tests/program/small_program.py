"""The smallest training that is one, and how its text is written."""

from pathlib import Path

import torch

from seq2seq_lib.translate.preparing import Options
from seq2seq_lib.translate.processes import Processes

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


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")
    return path
