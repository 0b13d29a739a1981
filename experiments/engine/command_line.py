"""The command line of a script."""

import argparse


def command_line(doc: str | None, quick: str = "") -> argparse.ArgumentParser:
    """A parser that shows a script's docstring.

    Args:
        doc: the docstring.
        quick: what ``--quick`` does, if there is such a run; what it finds goes to
            results/quick/.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if quick:
        text = f"{quick}; writes to results/quick/"
        parser.add_argument("--quick", action="store_true", help=text)
    return parser
