"""Text that students wrote, made harmless: what acts on a terminal or a page is shown.

Every text that leaves a submission, a name, a reason or an answer, goes through here.
"""

import re

LONGEST_REASON = 1000  # characters
LONGEST_NAME = 1100  # of a student; 255 bytes, each of them spelled out, are 1020

# Control characters, line ends that only some programs know, and halves of characters.
_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text: str, longest: int = LONGEST_REASON, *, lines: bool = False) -> str:
    """Text that came from a submission, without what is no character, and not too long.

    Args:
        text: anything.
        longest: how many characters of it are kept.
        lines: whether it may have several lines; else they become one.
    """
    if lines:
        text = _LINES.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    else:
        text = re.sub(f"(?:{_LINE.pattern})+", " ", text).strip()
    return text if len(text) <= longest else text[: longest - 3] + "..."


def is_clean(text: str, longest: int = LONGEST_REASON, *, lines: bool = False) -> bool:
    """Whether ``clean`` would leave the text as it is, but for blanks around it."""
    return len(text) <= longest and not (_LINES if lines else _LINE).search(text)


def shown(name: str) -> str:
    """A student's name on one line; one that has been spelled out stays as it is."""
    if is_clean(name, LONGEST_NAME):
        return name
    return spelled_out(name)[:LONGEST_NAME]


def spelled_out(text: str) -> str:
    """Text in which characters that act on a terminal or a page are numbers."""
    return _LINE.sub(_number, text)


def _number(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no text, as Python keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
