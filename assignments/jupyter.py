"""A cell's Python, as IPython reads it: without magics, shell lines, prompts and help."""

import ast
import re
from contextlib import suppress

from IPython.core.inputtransformer2 import TransformerManager

# IPython reads a cell once for each line that it changes. So what it may cost is known
# before: characters times such lines, for a cell.
MOST_WORK = 1_000_000
MOST_LINES = 30  # that IPython changes, in a cell
LONGEST_WORD = 500  # characters; what is searched for ``name?`` is quadratic in this
HELD = ("time", "capture", "prun")  # magics whose cells run as Python in the notebook

_CHANGED = re.compile(r"^[ \t]*[%!?/,;].*|^.*\?[ \t]*$|^.*=[ \t]*[%!].*", re.MULTILINE)
_WORD = re.compile(r"[\w*.\[\]'\"%]{" + str(LONGEST_WORD) + "}")
_CELL = re.compile(r"\A\s*%%(\w+)([^\n]*)(?:\n|\Z)")
_LINE = re.compile(
    r"""^(.*)get_ipython\(\)\.run_line_magic\('(?:time|prun)', ('.*'|".*")\)$""",
    re.MULTILINE,
)


def python_of(source: str) -> str:
    """The Python of a cell, on the lines where it stood.

    A cell in another language (``%%bash``) has none. What IPython cannot read is given
    back as it is, and is no Python.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    while magic := _CELL.match(source):
        if magic[1] not in HELD:
            return ""
        source = "\n" * magic[0].count("\n") + source[magic.end() :]
    changed = len(_CHANGED.findall(source))
    if changed > MOST_LINES or len(source) * (1 + changed) > MOST_WORK:
        return source
    if "?" in source and _WORD.search(source):
        return source
    try:
        found = TransformerManager().transform_cell(source)
    except Exception:
        return source
    above = len(source) - len(source.lstrip("\n"))  # IPython takes empty lines away
    return "\n" * above + _LINE.sub(_timed, found)


def _timed(match: re.Match[str]) -> str:
    """``%time x = f()`` runs the statement behind it, here as well."""
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        return match[1] + str(ast.literal_eval(match[2]))
    return match[0]
