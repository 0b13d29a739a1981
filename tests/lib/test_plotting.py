"""Figures: what is drawn is what was given, labelled, in the book's colours."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from seq2seq_lib import plotting
from seq2seq_lib.attention import MECHANISMS
from seq2seq_lib.intervals import Interval
from seq2seq_lib.metrics import LengthBucket
from seq2seq_lib.plotting import (
    AMBER,
    BLUE,
    MARKERS,
    MODEL_COLORS,
    ORANGE,
    PALETTE,
    WIDEST,
    accuracy_by_length,
    accuracy_over_seeds,
    band,
    bars,
    draw_weights,
    evidence,
    heatmap,
    learning_curves,
    new_figure,
    token_grid,
)

CURVE = [LengthBucket(1, 4, 7, 1.0), LengthBucket(5, 8, 5, 0.8)]
WEIGHTS = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [0.1, 0.1, 0.8]])


def _axes(figure: Figure, *more: str):
    """The first axes of ``figure``, which is labelled and not shown by itself.

    ``more`` are the labels of all others.
    """
    assert isinstance(figure, Figure)
    assert not plt.get_fignums()
    ax, *others = figure.axes
    assert tuple(other.get_ylabel() for other in others) == more
    assert ax.get_xlabel()
    return ax


def _words(labels) -> list[str]:
    return [label.get_text() for label in labels]


def test_an_empty_figure_has_the_axes_that_were_asked_for():
    figure, axes = new_figure(4.5, 3.0, rows=2, columns=3)
    assert axes.shape == (2, 3) and len(figure.axes) == 6
    assert figure.get_size_inches().tolist() == [4.5, 3]
    assert not plt.get_fignums()


def test_a_figure_is_no_wider_than_a_phone_can_show():
    assert new_figure(8.4, 3.0)[0].get_size_inches().tolist() == [WIDEST, 3]
    # A label of 10 points has 10 pixels where 358 are left for the figure.
    assert 10 / 72 * 358 / (WIDEST + 0.13) >= 10


def test_a_table_of_many_words_may_be_wider():
    many = [f"word{n}" for n in range(30)]
    width, _ = heatmap(np.ones((2, 30)) / 30, many, "xy").get_size_inches()
    assert width > WIDEST


def test_drawing_leaves_the_readers_settings_alone():
    before = dict(plt.rcParams)
    heatmap(WEIGHTS, "abc", "xyz")
    assert dict(plt.rcParams) == before


def test_accuracy_by_length_draws_one_line_per_model():
    ax = _axes(accuracy_by_length({"fixed context": CURVE, "mine": CURVE[:1]}))
    first, second = ax.lines
    assert list(first.get_xdata()) == ["1-4", "5-8"]
    assert list(first.get_ydata()) == [1.0, 0.8]
    assert list(second.get_ydata()) == [1.0]
    assert _words(ax.get_legend().get_texts()) == ["fixed context", "mine"]
    assert ax.get_ylabel() == "exact match"


def test_accuracy_over_seeds_draws_the_mean_within_its_range():
    seeds = [{"1-4": 1.0, "5-8": 0.2}, {"1-4": 0.8, "5-8": 0.7}, {"1-4": 0.9, "5-8": 0.6}]
    ax = _axes(accuracy_over_seeds({"additive attention": seeds}))
    assert ax.lines[0].get_ydata() == pytest.approx([0.9, 0.5])
    (area,) = ax.collections
    heights = {round(y, 6) for y in area.get_paths()[0].vertices[:, 1]}
    assert heights == {1.0, 0.8, 0.2, 0.7}


def test_a_band_reaches_from_the_lowest_seed_to_the_highest():
    _, ((ax,),) = new_figure()
    band(ax, [1, 2], [[0.2, 0.6], [0.4, 0.2]], ORANGE, "mine", marker="s", linestyle="--")
    (line,) = ax.lines
    assert line.get_ydata() == pytest.approx([0.3, 0.4])
    look = line.get_color(), line.get_label(), line.get_marker(), line.get_linestyle()
    assert look == (ORANGE, "mine", "s", "--")
    heights = {round(y, 6) for y in ax.collections[0].get_paths()[0].vertices[:, 1]}
    assert heights == {0.2, 0.4, 0.6}


def test_an_empty_bucket_leaves_a_gap():
    curve = [*CURVE, LengthBucket(9, 12, 0, math.nan)]
    assert math.isnan(_axes(accuracy_by_length({"a": curve})).lines[0].get_ydata()[2])


def test_a_model_has_the_same_colour_wherever_it_stands():
    for label, color in MODEL_COLORS.items():
        for curves in ({label: CURVE, "mine": CURVE}, {"mine": CURVE, label: CURVE}):
            lines = accuracy_by_length(curves).axes[0].lines
            (line,) = (line for line in lines if line.get_label() == label)
            assert to_hex(line.get_color()).upper() == color


def test_every_mechanism_has_a_colour():
    assert len(MODEL_COLORS) == len(MECHANISMS)
    assert len(set(MODEL_COLORS.values())) == min(len(MECHANISMS), 8)
    assert MODEL_COLORS["additive attention"] == BLUE
    assert MODEL_COLORS["fixed context"] == ORANGE


def test_lines_differ_in_colour_and_in_marker():
    assert len(set(PALETTE)) == len(set(MARKERS)) == 7
    lines = accuracy_by_length({name: CURVE for name in "abcdefg"}).axes[0].lines
    assert len({line.get_color() for line in lines}) == 7
    assert len({line.get_marker() for line in lines}) == 7


def test_learning_curves_draw_means_of_equally_many_updates():
    losses = [4.0, 2.0, 3.0, 1.0, 9.0]
    ax = _axes(learning_curves({"a": losses}, smooth=2, floor=2.5))
    curve, floor = ax.lines
    assert list(curve.get_xdata()) == [2, 4]
    assert list(curve.get_ydata()) == [3.0, 2.0]  # the last one waits for its pair
    assert set(floor.get_ydata()) == {2.5}
    assert ax.get_ylim()[0] == 0 and "nats" in ax.get_ylabel()


def test_without_a_floor_there_is_none():
    assert len(_axes(learning_curves({"a": [1.0] * 10})).lines) == 1


def test_a_heatmap_shows_the_weights_under_their_words():
    ax = _axes(heatmap(WEIGHTS, ["eins", "zwei", "drei"], ["one", "two"]), "weight")
    (image,) = ax.images
    assert np.array_equal(image.get_array(), WEIGHTS[:2])  # EOS has no word
    assert image.get_clim() == (0, 1)
    assert _words(ax.get_xticklabels()) == ["eins", "zwei", "drei"]
    assert _words(ax.get_yticklabels()) == ["one", "two"]
    assert "source" in ax.get_xlabel() and "target" in ax.get_ylabel()
    assert not ax.patches


def test_gold_pairs_are_outlined_in_their_cell():
    ax = _axes(heatmap(WEIGHTS, "abc", "xyz", gold=[(0, 2), (2, 1)]), "weight")
    centres = {tuple(patch.get_center()) for patch in ax.patches}
    assert centres == {(2.0, 0.0), (1.0, 2.0)}  # (source, target)
    assert all(to_hex(p.get_edgecolor()).upper() == AMBER for p in ax.patches)


def test_a_scale_says_which_shade_is_which_weight():
    *_, bar = heatmap(WEIGHTS, "abc", "xyz").axes
    assert bar.get_ylim() == (0, 1) and bar.get_yticks().tolist() == [0, 0.5, 1]


def test_orange_is_left_to_the_fixed_context():
    lines = accuracy_by_length({name: CURVE for name in "abcdef"}).axes[0].lines
    assert MODEL_COLORS["fixed context"] not in {line.get_color() for line in lines}


@pytest.mark.parametrize("src, tgt", [("ab", "xyz"), ("abcd", "xyz"), ("abc", "wxyz")])
def test_weights_of_another_size_than_their_words_are_told(src, tgt):
    told = rf"\({len(tgt)}, {len(src)}\), got \(3, 3\)"
    with pytest.raises(ValueError, match=told):
        draw_weights(new_figure()[1][0, 0], WEIGHTS, src, tgt)


def test_the_one_slot_of_a_fixed_context_is_not_drawn_over_words():
    with pytest.raises(ValueError, match=r"\(2, 3\), got \(2, 1\)"):
        heatmap(np.ones((2, 1)), "abc", "xy")


def test_bars_carry_their_names_and_values():
    values = {"fixed context": 0.125, "mine": 0.5}
    ax = _axes(bars(values, "share", number_format=".3f"))
    assert [bar.get_width() for bar in ax.patches] == [0.125, 0.5]
    assert _words(ax.get_yticklabels()) == list(values)
    assert _words(ax.texts) == ["0.125", "0.500"]
    colors = [to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
    assert colors == [MODEL_COLORS["fixed context"], BLUE]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first one on top


def test_bars_may_have_colours_of_their_own():
    ax = _axes(bars({"a": 1.0}, "share", colors={"a": ORANGE}))
    assert to_hex(ax.patches[0].get_facecolor()).upper() == ORANGE


def test_a_token_grid_writes_every_token_and_greys_the_padding():
    mask = np.array([[True, True, True], [True, False, False]])
    ax = _axes(token_grid([["a", "b", "c"], ["d", "<pad>", "<pad>"]], mask, "step"))
    written = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in ax.texts}
    assert written[(0, 2)] == "c" and written[(1, 0)] == "d" and written[(1, 2)] == "<pad>"
    assert len(written) == 6 and ax.get_xlabel() == "step"
    shades = np.asarray(ax.images[0].get_array())
    assert len(np.unique(shades[mask])) == len(np.unique(shades[~mask])) == 1
    assert shades[1, 1] > shades[0, 0]


def test_the_rows_of_the_evidence_are_drawn_each_at_its_own_scale():
    rows = {
        "BLEU": (Interval(8.0, 7.0, 10.0, 5), 1.0, "holds"),
        "slope": (Interval(-0.5, -1.0, 0.5, 10), 0.1, "cannot tell"),
        "nothing": (Interval(0.0, 0.0, 0.0, 5), 0.0, "does not hold"),
    }
    (ax,) = evidence(rows).axes  # each row has its own unit, so the axis has no label
    assert _words(ax.texts)[:3] == ["BLEU", "holds", "8"]
    assert _words(ax.texts)[4] == "cannot tell"
    bars = [c for c in ax.containers if isinstance(c, ErrorbarContainer)]
    points = [line.get_xdata()[0] for line, _, _ in bars]
    assert points == pytest.approx([8 / 11, 0.5 / 1.65, 0])
    reach = bars[0][2][0].get_segments()[0][:, 0]
    assert reach == pytest.approx([7 / 11, 10 / 11])
    needed = [bar.get_x() for bar in ax.patches]
    assert needed == pytest.approx([1 / 11, 1.1 / 1.65, 0])
    assert [bar.get_x() + bar.get_width() for bar in ax.patches] == pytest.approx([1] * 3)


def test_every_function_that_draws_returns_its_figure_once():
    public = {
        name
        for name, value in vars(plotting).items()
        if callable(value) and getattr(value, "__module__", "") == plotting.__name__
    }
    assert {n for n in public if not n.startswith("_")} == {
        "accuracy_by_length",
        "accuracy_over_seeds",
        "band",
        "bars",
        "draw_weights",
        "evidence",
        "heatmap",
        "learning_curves",
        "new_figure",
        "token_grid",
        "weight_scale",
    }
