"""What finished jobs measured, until a whole result holds it.

A job that has ended is kept at once, in ``results/parts/NAME/ARM-SEED.json``, and is
committed like a result, so that neither an interruption nor another machine costs it. When
the last job of an experiment has ended, all values go into ``results/NAME.json`` and the
parts are removed: a folder of parts says that a result is not whole yet. Only parts of
today's code are used; ``--confirm`` says it of older ones whose numbers are the same.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.engine import results
from experiments.engine.job import Job, Values
from seq2seq_lib.require import require


@dataclass(frozen=True)
class Part:
    """What one finished job measured, and what decided it."""

    arm: str
    seed: int
    code: str  # fingerprint of the code and the configuration
    configuration: str  # digest of the configuration alone
    values: Values


def folder(name: str) -> Path:
    """Where the parts of an experiment lie."""
    return results.RESULTS / "parts" / name


def write(name: str, part: Part) -> None:
    """Keep what a job of an experiment measured."""
    path = folder(name) / f"{Job(part.arm, part.seed).file_name}.json"
    results.write_json(path, asdict(part))


def read(name: str) -> list[Part]:
    """All parts of an experiment, whatever code made them.

    A damaged one is left out, and a sentence says so: its job runs again.
    """
    found = []
    for path in sorted(folder(name).glob("*.json")):
        try:
            part = Part(**json.loads(path.read_text(encoding="utf-8")))
            require(isinstance(part.values, dict), "values have names")
            found.append(part)
        except (ValueError, TypeError):
            print(f"{path} is damaged, or no finished job; what it stood for runs again.")
    return found


def remove(name: str) -> None:
    """Remove the parts of an experiment, which a whole result holds now."""
    shutil.rmtree(folder(name), ignore_errors=True)
    with suppress(OSError):  # other experiments have parts
        folder(name).parent.rmdir()
