"""What went wrong, for who typed the command: one sentence and an exit code."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from seq2seq_lib.translate.processes import Lost


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
        reason = error.strerror or str(error)
        raise click.ClickException(f"{error.filename or 'A file'}: {reason}.") from None
    except (RuntimeError, Lost) as error:  # another process, or memory, is gone
        raise click.ClickException(
            f"The run stopped ({str(error).splitlines()[0]}); the same command goes on "
            "from its last state."
        ) from None
    finally:
        warnings.showwarning = shown
