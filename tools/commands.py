"""How every command ends: what a person can mend is one sentence, never a traceback."""

import argparse
import signal
import sys
from collections.abc import Callable

from sqlalchemy.exc import DatabaseError

from tools.contents import ContentsError

CURE = "make room on the disk, or allow writing there"


def parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """A parser for `python -m NAME` that shows the docstring of its module as it is."""
    return argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(work: Callable[[], int]) -> int:
    """Do the work of a command; returns the exit status.

    A request to end is taken like Ctrl-C, by a job in the background too, so neither
    leaves a process behind.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return work()
    except ContentsError as error:
        message = str(error)
    except OSError as error:
        message = f"A file cannot be read or written ({error}): {CURE}."
    except (DatabaseError, RuntimeError) as error:
        cause = error if isinstance(error, DatabaseError) else error.__cause__
        if not isinstance(cause, DatabaseError):
            raise
        message = f"The cache of executed chapters cannot be used ({cause.orig}): {CURE}; "
        message += "if it is damaged, delete _build/.jupyter_cache."
    except KeyboardInterrupt:
        print("\nStopped. The chapters that ran are kept.", file=sys.stderr)
        return 130
    print(message, file=sys.stderr)
    return 1
