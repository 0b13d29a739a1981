"""What went wrong, for who typed the command: one sentence and an exit code."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from seq2seq_lib.translate.processes import Lost

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def plainly() -> Iterator[None]:
    """Say what is wrong in one sentence, and end with an exit code of 1."""
    shown = warnings.showwarning
    warnings.showwarning = lambda message, *rest, **more: click.echo(message, err=True)
    try:
        yield
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(told(error, "A file")) from None
    except (RuntimeError, Lost) as error:  # another process, or memory, is gone
        raise click.ClickException(
            f"The run stopped ({str(error).splitlines()[0]}); the same command goes on "
            "from its last state."
        ) from None
    finally:
        warnings.showwarning = shown


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """What the system says against writing to a place, as a ValueError in one sentence."""
    try:
        yield
    except OSError as error:
        raise ValueError(told(error, place)) from None


def told(error: OSError, place: object) -> str:
    """One sentence: where the system refused what, and what to do."""
    name = error.filename
    where = place if name is None or ".partial" in str(name) else name
    again = "make room and start" if error.errno in FULL else "mend that and start"
    return f"{where}: {error.strerror or error}; {again} the same command again."
