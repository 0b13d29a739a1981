"""Text that students wrote, made harmless: what acts on a terminal or a page is shown.

Every text that leaves a submission, a name, a reason or an answer, goes through ``clean``.
"""

import re
import sys
from io import TextIOWrapper

LONGEST_REASON = 1000  # characters
LONGEST_NAME = 1100  # of a student; 255 bytes, each of them spelled out, are 1020

# Control characters, line ends that only some programs know, and halves of characters.
_ODD = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# What nobody sees: it turns text around, or hides in it. Joiners stay, which scripts need.
_UNSEEN = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_LINES = re.compile(f"[{_ODD}{_UNSEEN}]")
_LINE = re.compile(f"[{_ODD}{_UNSEEN}\t\n]")


def clean(
    text: str, longest: int = LONGEST_REASON, *, lines: bool = False, spelled: bool = False
) -> str:
    """Text that came from a submission, without what is no character, and not too long.

    Args:
        text: anything.
        longest: how many characters of it are kept.
        lines: whether it may have several lines; else they become one.
        spelled: whether numbers stand for such characters, so that two names stay two.
    """
    if lines:
        text = re.sub(f"[{_UNSEEN}]", "", text.replace("\r\n", "\n").replace("\r", "\n"))
        text = _LINES.sub("\ufffd", text)
    elif spelled:
        text = _LINE.sub(_number, text)
    else:
        text = re.sub(f"(?:{_LINE.pattern})+", " ", text).strip()
    return text if len(text) <= longest else text[: longest - 3] + "..."


def is_clean(text: str, longest: int = LONGEST_REASON, *, lines: bool = False) -> bool:
    """Whether ``clean`` would leave the text as it is, but for blanks around it."""
    return len(text) <= longest and not (_LINES if lines else _LINE).search(text)


def named(student: str) -> str:
    """A student's name on one line; one that has been spelled out stays as it is."""
    return clean(student, LONGEST_NAME, spelled=True)


def _number(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no text, as Python keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


def speak() -> None:
    """Have numbers stand for what a terminal's encoding lacks: no sentence fails on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
