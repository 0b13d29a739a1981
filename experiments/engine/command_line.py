"""The command line of a script that has no arms and seeds, and measures in one go."""

import argparse


def command_line(doc: str | None, quick: str) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring, with ``--quick``.

    Args:
        doc: the docstring.
        quick: what the short run does; what it finds goes to results/quick/.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    text = f"{quick}; writes to results/quick/"
    parser.add_argument("--quick", action="store_true", help=text)
    return parser
