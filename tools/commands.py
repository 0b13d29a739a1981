"""How every command ends: what a person can mend is one sentence, never a traceback."""

import signal
import sys
from collections.abc import Callable

from sqlalchemy.exc import DatabaseError

from tools.contents import ContentsError


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
        print(error, file=sys.stderr)
    except OSError as error:
        print(
            f"A file cannot be read or written: {error}. Make room on the disk or allow "
            "writing there; what was done before is kept.",
            file=sys.stderr,
        )
    except DatabaseError as error:
        print(
            f"The cache of executed chapters cannot be used: {error.orig}. Make room on "
            "the disk or allow writing there; if it is damaged, run `make clean`.",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("\nStopped. The chapters that ran are kept.", file=sys.stderr)
        return 130
    return 1
