"""The picture that other sites show when somebody links to the book."""

from pathlib import Path
from textwrap import fill

from matplotlib.figure import Figure

INK, PAPER, DIM, LIT = "#ffffff", "#0b3c5d", "#416781", "#f2b134"
# The logo: a grid of weights, of which the large ones are lit.
GRID = ((INK, DIM, DIM), (DIM, DIM, LIT), (DIM, LIT, DIM))


def draw(path: Path, title: str, line: str) -> None:
    """Draw a title and one line below it, as large as such sites ask for (1200 x 630)."""
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor=PAPER)
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, 1200), ylim=(630, 0))
    ax.axis("off")
    for row, colors in enumerate(GRID):
        for column, color in enumerate(colors):
            place = [80 + 60 * column, 80 + 60 * row]
            ax.fill_between([place[0], place[0] + 48], place[1], place[1] + 48, color=color)
    ax.text(80, 360, title, color=INK, fontsize=46, weight="bold", va="center")
    ax.text(80, 410, fill(line, 60), color=INK, fontsize=21, va="top", linespacing=1.5)
    figure.savefig(path, metadata={"Software": None})
