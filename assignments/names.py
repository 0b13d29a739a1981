"""Names of files: which are notebooks, which are nobody's, and how they are shown."""

import re
import sys

from assignments.text import clean

LONGEST = 80  # characters of a file's name in a sentence

NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.I)
# What systems put beside files: no student wrote it.
SYSTEM = re.compile(r"\..*|__MACOSX|Thumbs\.db|desktop\.ini|~\$.*|~lock.*|.*~", re.I | re.S)


def is_system(name: str) -> bool:
    """Whether an operating system or a program made a file of this name beside others."""
    return bool(SYSTEM.fullmatch(name))


def stem(name: str) -> str:
    """A notebook's name without its folders and its ending."""
    return NOTEBOOK.sub("", re.sub(r"\.json$", "", name.split("/")[-1], flags=re.I))


def is_named(name: str, assignment: str) -> bool:
    """Whether a notebook is called as the assignment is."""
    return stem(name).lower() == assignment.lower()


def shown(name: str, most: int = LONGEST) -> str:
    """A name on one line, made of characters that do nothing, and not too long.

    As long as nothing is cut off, two names are never shown alike.
    """
    text = clean(name.replace("\\", "\\\\"), sys.maxsize, spelled=True)
    if len(text) > most:
        text = f"{text[: most // 2]}...{text[3 - (most - most // 2) :]}"
    return text


def listed(names: list[str], most: int = 6) -> str:
    """Names in a sentence, the first of them."""
    text = ", ".join(shown(name) for name in names[:most])
    return text + (f" and {len(names) - most} more" if len(names) > most else "")


def told(error: Exception, name: str) -> str:
    """Why something cannot be read, in a sentence."""
    if isinstance(error, OSError):
        return f"{shown(name)} cannot be read: {error.strerror or type(error).__name__}."
    return str(error)
