"""The book's figures: one palette, labelled axes, one Figure returned by each function.

The colours are those of Okabe and Ito, told apart by readers with any common form of
colour blindness; lines differ in their markers too. A colour has one meaning: orange is
the fixed context, blue is attention, amber outlines the truth, and shades of blue are
weights. What has no colour of its own takes those that are left.

No figure is wider than ``WIDEST``, so that a label of 10 points still has 10 pixels on the
screen of a phone; what needs more room than that has more rows.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import RcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seq2seq_lib.attention import MECHANISMS
from seq2seq_lib.intervals import Interval
from seq2seq_lib.metrics import LengthBucket
from seq2seq_lib.require import require

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#7F7F7F"
PALETTE = (BLUE, GREEN, PURPLE, AMBER, SKY, BLACK, ORANGE)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

OPEN = {"axes.spines.top": False, "axes.spines.right": False}
STYLE = RcParams({**OPEN, "font.size": 10.5, "figure.dpi": 110})

WIDEST = 4.8  # inches; a margin is added when it is shown

# The same model has the same colour in every chapter, in the order of MECHANISMS.
_NAMES = {
    "fixed": "fixed context",
    "dot_unscaled": "unscaled dot attention",
    "local_m": "local-m attention",
    "local_p": "local-p attention",
    "multi_head": "multi-head attention",
}
MODEL_COLORS = {
    _NAMES.get(name, f"{name} attention"): color
    for name, color in zip(
        MECHANISMS, cycle((ORANGE, GREY, BLUE, GREEN, PURPLE, AMBER, SKY, BLACK))
    )
}


def new_figure(
    width: float = 6.4, height: float = 3.6, rows: int = 1, columns: int = 1
) -> tuple[Figure, np.ndarray]:
    """An empty figure in the book's style and its axes, as a (rows, columns) array.

    It is ``width`` inches wide, or ``WIDEST`` if that is less. The figure is not shown by
    itself: the last line of a cell shows it, once.
    """
    return _as_wide_as(min(width, WIDEST), height, rows, columns)


def _as_wide_as(
    width: float, height: float, rows: int = 1, columns: int = 1
) -> tuple[Figure, np.ndarray]:
    """What ``new_figure`` returns, of any width: tables of words may need it."""
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(
            rows, columns, figsize=(width, height), layout="constrained", squeeze=False
        )
    plt.close(fig)
    return fig, axes


def _series(label: str, index: int) -> dict[str, str]:
    """Look of a line: a model's colour, or one by its place; dashed behind a comma."""
    model, comma, _ = label.partition(", ")
    color = MODEL_COLORS.get(model, PALETTE[index % len(PALETTE)])
    line = "--" if comma and model in MODEL_COLORS else "-"
    marker = MARKERS[index % len(MARKERS)]
    return {"color": color, "marker": marker, "linestyle": line, "label": label}


def _label_accuracy(ax: Axes) -> None:
    ax.set(xlabel="source length (words)", ylabel="exact match", ylim=(-0.03, 1.05))
    ax.legend(frameon=False)


def accuracy_by_length(curves: Mapping[str, Sequence[LengthBucket]]) -> Figure:
    """Exact match against source length, one line for each model.

    Args:
        curves: for each label, what ``exact_match_by_length`` returned.
    """
    fig, ((ax,),) = new_figure()
    for i, (label, buckets) in enumerate(curves.items()):
        names = [bucket.name for bucket in buckets]
        ax.plot(names, [bucket.accuracy for bucket in buckets], **_series(label, i))
    _label_accuracy(ax)
    return fig


def band(
    ax: Axes,
    x: Sequence[Any],
    seeds: Sequence[Sequence[Any]],
    color: str,
    label: str,
    **look: Any,
) -> None:
    """Draw the mean over seeds into ``ax``, and a band from the lowest to the highest.

    Args:
        ax: where to draw.
        x: places on the axis, numbers or names.
        seeds: for each seed, one value for each place.
        color, label: of line and band.
        look: how else the line looks, such as ``marker``.
    """
    rows = np.asarray(seeds, dtype=float)
    ax.fill_between(x, rows.min(0), rows.max(0), color=color, alpha=0.2, linewidth=0)
    ax.plot(x, rows.mean(axis=0), color=color, label=label, **look)


def accuracy_over_seeds(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Exact match against source length over several seeds: mean, and lowest to highest.

    Args:
        curves: for each label, one mapping from bucket name to accuracy for each seed.
    """
    fig, ((ax,),) = new_figure()
    for i, (label, seeds) in enumerate(curves.items()):
        names = list(seeds[0])
        values = [[seed[name] for name in names] for seed in seeds]
        band(ax, names, values, **_series(label, i))
    _label_accuracy(ax)
    return fig


def learning_curves(
    losses: Mapping[str, Sequence[float]], smooth: int = 10, floor: float | None = None
) -> Figure:
    """Training loss against updates, one line for each model.

    Args:
        losses: for each label, the loss of every update.
        smooth: each point is the mean of so many updates.
        floor: a reference to draw as a dotted line, such as the initial loss ln V.
    """
    fig, ((ax,),) = new_figure()
    for i, (label, values) in enumerate(losses.items()):
        whole = len(values) // smooth * smooth
        means = np.reshape(values[:whole], (-1, smooth)).mean(axis=1)
        updates = smooth * (np.arange(len(means)) + 1)
        ax.plot(updates, means, color=_series(label, i)["color"], label=label)
    if floor is not None:
        ax.axhline(floor, color=GREY, linestyle=":")
    ax.set(xlabel="updates", ylabel="loss (nats per token)")
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return fig


def draw_weights(
    ax: Axes,
    weights: np.ndarray,
    src_tokens: Sequence[str],
    tgt_tokens: Sequence[str],
    gold: Sequence[tuple[int, int]] = (),
) -> None:
    """Draw attention weights into ``ax``: dark = much weight.

    Args:
        ax: where to draw.
        weights: one row for each target token, (tgt_len, src_len).
        src_tokens: labels of the columns.
        tgt_tokens: labels of the rows; more rows of ``weights`` are left out.
        gold: pairs (target position, source position) to outline.

    Raises:
        ValueError: there are fewer rows or columns of weights than labels.
    """
    wanted = (len(tgt_tokens), len(src_tokens))
    require(
        weights.shape[0] >= wanted[0] and weights.shape[1] == wanted[1],
        f"The weights must have a row and a column for each token, {wanted}, got "
        f"{weights.shape}.",
    )
    cells = weights[: wanted[0]]
    ax.imshow(cells, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="none")
    ax.set_xticks(range(wanted[1]), src_tokens, rotation=60, ha="right")
    ax.set_yticks(range(wanted[0]), tgt_tokens)
    ax.set(xlabel="source word looked at", ylabel="target word written")
    for t, s in gold:
        ax.add_patch(plt.Rectangle((s - 0.5, t - 0.5), 1, 1, fill=False, ec=AMBER, lw=2))


def weight_scale(fig: Figure, axes: Sequence[Axes]) -> None:
    """A bar beside axes that ``draw_weights`` filled: which shade is which weight."""
    bar = fig.colorbar(axes[0].images[0], ax=axes, aspect=30, pad=0.02, ticks=[0, 0.5, 1])
    bar.set_label("weight")
    bar.outline.set_visible(False)


def heatmap(
    weights: np.ndarray,
    src_tokens: Sequence[str],
    tgt_tokens: Sequence[str],
    gold: Sequence[tuple[int, int]] = (),
) -> Figure:
    """Attention weights as a picture; the arguments are those of ``draw_weights``."""
    columns, rows = len(src_tokens), len(tgt_tokens)
    width = max(min(2.6 + 0.36 * columns, WIDEST), 2.0 + 0.18 * columns)
    fig, ((ax,),) = _as_wide_as(width, 1.6 + 0.27 * rows)
    draw_weights(ax, weights, src_tokens, tgt_tokens, gold)
    weight_scale(fig, [ax])
    return fig


def bars(
    values: Mapping[str, float],
    xlabel: str,
    colors: Mapping[str, str] | None = None,
    number_format: str = ".2f",
) -> Figure:
    """Horizontal bars, one for each label, with their values written beside them."""
    fig, ((ax,),) = new_figure(height=0.9 + 0.42 * len(values))
    chosen = [(colors or MODEL_COLORS).get(label, BLUE) for label in values]
    drawn = ax.barh(list(values), list(values.values()), color=chosen)
    ax.bar_label(drawn, fmt=f"{{:{number_format}}}", padding=4)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(xlabel=xlabel)
    return fig


def token_grid(
    rows: Sequence[Sequence[str]], mask: np.ndarray, xlabel: str = "position"
) -> Figure:
    """A padded batch as a table of tokens; grey cells are padding.

    Args:
        rows: the tokens of each row, padding included.
        mask: True = real token, (batch, length).
    """
    height, width = mask.shape
    longest = max(len(token) for row in rows for token in row)
    fig, ((ax,),) = _as_wide_as(0.7 + max(0.5, 0.1 * longest) * width, 0.7 + 0.42 * height)
    ax.imshow(np.where(mask, 0.12, 0.45), cmap="Greys", vmin=0, vmax=1, aspect="auto")
    for r, row in enumerate(rows):
        for c, token in enumerate(row):
            ax.text(c, r, token, ha="center", va="center", fontsize=10)
    ax.set(xticks=range(width), yticks=range(height))
    ax.set(xlabel=xlabel, ylabel="row of the batch")
    return fig


def evidence(rows: Mapping[str, tuple[Interval, float, str]]) -> Figure:
    """One row for each claim: what was measured, and from where on it would hold.

    Measures have different units, so each row has a scale of its own, which begins at 0 or
    below. The green part is what the claim needs: it holds where the whole interval lies
    in it.

    Args:
        rows: for each measure its interval, the level or effect that the claim needs, and
            the verdict.
    """
    fig, ((ax,),) = new_figure(6.4, 0.5 + 0.72 * len(rows))
    for r, (name, (found, effect, verdict)) in enumerate(rows.items()):
        left = min(0.0, found.low, effect)
        whole = 1.1 * (max(found.high, effect) - left) or 1.0
        needed, mean, low, high = (
            (x - left) / whole for x in (effect, found.mean, found.low, found.high)
        )
        ax.text(0, r - 0.34, name, fontsize=9.5, va="center")
        ax.text(1.03, r, verdict, fontsize=9.5, va="center")
        ax.barh(r, 1 - needed, 0.3, needed, color=GREEN, alpha=0.25, linewidth=0)
        ax.plot([-left / whole] * 2, [r - 0.15, r + 0.15], color=GREY, linewidth=1)
        reach = [[mean - low], [high - mean]]
        ax.errorbar(mean, r, xerr=reach, fmt="o", color=BLACK, capsize=3)
        ax.text(mean, r + 0.27, f"{found.mean:.3g}", fontsize=9, ha="center", va="center")
    ax.set(xlim=(-0.03, 1.32), ylim=(len(rows) - 0.5, -0.7), xticks=[], yticks=[])
    ax.spines[["left", "bottom"]].set_visible(False)
    return fig
