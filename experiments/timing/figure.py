"""One figure of all that the bench measured."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from experiments.engine import Values
from seq2seq_lib.plotting import BLUE, MARKERS, PALETTE, new_figure


def draw(values: Values) -> Figure:
    """Four panels: models, the race, lengths and batch sizes."""
    fig, ((models, race), (lengths, sizes)) = new_figure(11.0, 9.5, rows=2, columns=2)
    trained = {
        name: its["training_tokens_per_second"] for name, its in values["models"].items()
    }
    _bars(models, trained, "target tokens per second of training", "{:,.0f}")
    _bars(
        race, values["race"]["seconds"], "seconds of training to 0.95 exact match", "{:.1f}"
    )
    _lines(lengths, values["by_length"], "length of both sides", "microseconds a token")
    _lines(sizes, values["by_batch"], "pairs in a batch", "target tokens per second")
    return fig


def _bars(ax: Axes, values: dict[str, float], label: str, form: str) -> None:
    drawn = ax.barh(list(values), list(values.values()), color=BLUE)
    ax.bar_label(drawn, fmt=form, padding=3, fontsize=8)
    ax.invert_yaxis()
    ax.margins(x=0.18)
    ax.tick_params(axis="y", labelsize=8)
    ax.set(xlabel=label)


def _lines(ax: Axes, lines: dict[str, dict[str, float]], x: str, y: str) -> None:
    for (name, points), color, marker in zip(lines.items(), PALETTE, MARKERS, strict=False):
        ax.plot(
            [int(at) for at in points],
            list(points.values()),
            color=color,
            marker=marker,
            label=name,
        )
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.set(xlabel=x, ylabel=y, ylim=(0, None))
    ax.legend(frameon=False, fontsize=8)
