"""What a bench has measured is kept until all of it is there.

It is kept in ``_build/bench`` with a digest of the code: what other code has measured is
measured again.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from experiments.engine import Values
from experiments.engine.results import ROOT, write_json
from tools import provenance

P = ParamSpec("P")


def digest() -> str:
    """Changes when any file does that the bench reaches."""
    return provenance.digest(provenance.files("experiments/bench.py"))


class Kept:
    """Measurements by name.

    Args:
        folder: where they lie; None keeps nothing.
        code: those of other code are not used.
    """

    def __init__(self, folder: Path | None, code: str) -> None:
        self.folder, self.code = folder, code

    def get(self, name: str, measure: Callable[P, Values]) -> Callable[P, Values]:
        """``measure``, which is not called where this ``name`` has been measured."""

        def kept(*args: P.args, **how: P.kwargs) -> Values:
            if self.folder is None:
                return measure(*args, **how)
            path = self.folder / f"{name.replace(' ', '-')}.json"
            if path.is_file():
                found = json.loads(path.read_text(encoding="utf-8"))
                if found["code"] == self.code:
                    return found["values"]
            values = measure(*args, **how)
            write_json(path, {"code": self.code, "values": values})
            return values

        return kept

    def clear(self) -> None:
        """Remove what is kept: a whole result has it now, and the next is a new one."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def folder() -> Path:
    """Where a bench keeps what it has."""
    return ROOT / "_build" / "bench"
