"""Files that are always whole."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that ``path`` is always whole: the old one or the new.

    Args:
        path: the file; its folder is made where it is missing.
        write: called with the path of a file beside it, which it writes. If it fails,
            nothing of that file stays.

    Raises:
        OSError: the file cannot be written, and whatever else ``write`` raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, with the same line ends everywhere, whole or not at all."""
    write_atomically(
        path, lambda partial: partial.write_text(text, encoding="utf-8", newline="\n")
    )
