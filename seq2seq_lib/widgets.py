"""Controls where a kernel runs, an honest figure of the same thing where none does."""

import os
import warnings
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

STATIC_VARIABLE = "SEQ2SEQ_STATIC"


def is_static() -> bool:
    """Whether the outputs will be read without a kernel (the built book)."""
    return os.environ.get(STATIC_VARIABLE) == "1"


def explore(
    draw: Callable[..., Figure], static: Callable[[], Figure], **controls: Any
) -> Any:
    """A figure that follows its controls, or its still version on a built page.

    Args:
        draw: makes the figure from the controls' values, passed by name.
        static: makes the figure that stands here when no kernel answers; it should
            show several settings side by side, since the reader cannot turn a knob.
        controls: what ``ipywidgets.interactive`` accepts: a widget, a range, a list.

    Returns:
        A Figure or a widget; as the last line of a cell it is shown. Where ipywidgets is
        not installed, it is the still figure, and a warning says so.
    """
    if is_static():
        return static()
    try:
        import ipywidgets
    except ImportError:
        text = "This figure stands still: its controls need the package ipywidgets."
        warnings.warn(text, stacklevel=2)
        return static()
    from IPython.display import display

    def show(**values: Any) -> None:
        display(draw(**values))

    return ipywidgets.interactive(show, **controls)


def typed(answer: Callable[[str], str], first: str, label: str) -> Any:
    """A line that a reader types, and what is answered; without a kernel, the first.

    Args:
        answer: makes HTML of a line.
        first: the line that stands there at first.
        label: of the line.
    """
    from IPython.display import HTML

    try:
        import ipywidgets
    except ImportError:
        return HTML(answer(first))
    line = ipywidgets.Text(first, description=label, continuous_update=False)
    said = ipywidgets.HTML(answer(first))
    line.observe(lambda change: setattr(said, "value", answer(change["new"])), "value")
    return ipywidgets.VBox([line, said])
