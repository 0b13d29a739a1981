"""Knobs where a kernel answers, and where none does a figure instead of dead knobs."""

import sys

import ipywidgets
import pytest

from seq2seq_lib.plotting import bars
from seq2seq_lib.widgets import explore, is_static


@pytest.fixture
def drawn():
    """The values that the knobs passed on, in order."""
    return []


@pytest.fixture
def draw(drawn):
    def draw(**values):
        drawn.append(values)
        return bars({"x": 1.0}, "value")

    return draw


@pytest.mark.parametrize("value, static", [(None, False), ("0", False), ("1", True)])
def test_the_builder_says_whether_a_kernel_will_answer(monkeypatch, value, static):
    monkeypatch.delenv("SEQ2SEQ_STATIC", raising=False)
    if value is not None:
        monkeypatch.setenv("SEQ2SEQ_STATIC", value)
    assert is_static() is static


def test_on_a_built_page_the_still_figure_stands_alone(monkeypatch, draw, drawn):
    monkeypatch.setenv("SEQ2SEQ_STATIC", "1")
    still = bars({"x": 1.0}, "value")
    assert explore(draw, lambda: still, temperature=(0.1, 5.0)) is still
    assert drawn == []


def test_in_a_notebook_the_figure_follows_its_knobs(monkeypatch, draw, drawn):
    monkeypatch.delenv("SEQ2SEQ_STATIC", raising=False)
    knob = ipywidgets.FloatSlider(value=1.0, min=0.5, max=2.0)

    def never():
        raise AssertionError("the still figure is for pages without a kernel")

    widget = explore(draw, never, temperature=knob, words=["a", "b"])
    assert isinstance(widget, ipywidgets.interactive)
    widget.update()
    knob.value = 2.0
    assert drawn[-1] == {"temperature": 2.0, "words": "a"}
    assert drawn[0] == {"temperature": 1.0, "words": "a"}


def test_without_ipywidgets_the_still_figure_stands_and_says_why(monkeypatch, draw, drawn):
    monkeypatch.delenv("SEQ2SEQ_STATIC", raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    still = bars({"x": 1.0}, "value")
    with pytest.warns(UserWarning, match="controls need the package ipywidgets"):
        assert explore(draw, lambda: still, temperature=(0.1, 5.0)) is still
    assert drawn == []
