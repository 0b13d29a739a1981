"""What our own copies of PyTorch and the library hold, by names such as ``torch.nn``.

No code of a student's runs here, and none of theirs is looked at.
"""

import importlib
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import seq2seq_lib


def is_module(place: str) -> bool:
    """Whether a module of ours has this name."""
    return place in sys.modules or place in modules()


@cache
def by_name(place: str) -> str:
    """A place by the names of the modules that lie on it: ``os.sys`` is ``sys``."""
    at, *names = place.split(".")
    found: Any = sys.modules.get(at)
    for name in names:
        found = vars(found).get(name) if isinstance(found, ModuleType) else None
        at = found.__name__ if isinstance(found, ModuleType) else f"{at}.{name}"
    return at


@cache
def in_pytorch(place: str) -> bool:
    """Whether our own PyTorch has something at a place, and not only a module."""
    found: Any = sys.modules.get("torch")
    with suppress(Exception):
        for name in place.split(".")[1:]:
            found = getattr(found, name)
        return not isinstance(found, ModuleType)
    return False


@cache
def modules() -> frozenset[str]:
    """The names of the library's modules."""
    root = Path(seq2seq_lib.__path__[0])
    paths = (p.relative_to(root.parent).with_suffix("") for p in root.rglob("*.py"))
    return frozenset(".".join(p.parts).removesuffix(".__init__") for p in paths)


@cache
def defined_at(place: str) -> str:
    """Where the library defines what it also has at a place."""
    parts = place.split(".")
    ends = [n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in modules()]
    if not ends:
        return ""
    found: Any = importlib.import_module(".".join(parts[: ends[0]]))
    home = ""
    for name in parts[ends[0] :]:
        found = vars(found).get(name) if isinstance(found, ModuleType | type) else None
        if isinstance(found, ModuleType):
            home = found.__name__
        elif getattr(found, "__module__", None) and hasattr(found, "__qualname__"):
            home = f"{found.__module__}.{found.__qualname__}"
    return home
