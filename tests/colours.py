"""The colours of drawings, and what they are on a dark page."""

import re
from pathlib import Path

CSS = (Path(__file__).parents[1] / "_static" / "custom.css").read_text()
DARK = dict(re.findall(r"--fig-([0-9a-f]{6}): #([0-9a-f]{6});", CSS))


def luminance(color: str) -> float:
    """The relative luminance of WCAG 2.1, from 0 (black) to 1 (white)."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (0, 2, 4))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    """The contrast ratio of WCAG 2.1, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def in_the_dark(color: str) -> str:
    """What a colour of a drawing is on a dark page."""
    plain = color.lower().removeprefix("#")
    return DARK.get(plain, plain)
