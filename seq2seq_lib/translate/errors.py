"""What went wrong, for who typed the command: one sentence and an exit code."""

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from seq2seq_lib.translate.processes import Lost

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
STOPPED = 130  # the exit code after Ctrl-C
GOES_ON = "; once that is mended, the same command goes on from its last state"


@contextmanager
def plainly(after: str = "") -> Iterator[None]:
    """Say what is wrong in one sentence, and end with an exit code of 1.

    Of several processes that ``torchrun`` started, each meets the same mistake of a person,
    and the first of a machine tells it.

    Args:
        after: what is to be said besides where the run broke off.
    """
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    shown = warnings.showwarning
    warnings.showwarning = lambda message, *rest, **more: click.echo(message, err=True)
    try:
        yield
    except (ValueError, OSError) as error:
        if not first:
            sys.exit(1)
        said = told(error, "A file") if isinstance(error, OSError) else str(error)
        raise click.ClickException(said) from None
    except (RuntimeError, Lost) as error:  # another process, or memory, is gone
        reason = f"{error}".splitlines() or [type(error).__name__]
        raise click.ClickException(f"The run broke off ({reason[0]}){after}.") from None
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        sys.exit(STOPPED)
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
