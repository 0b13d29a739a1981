"""The piece on bits through a few numbers: what it computes, and how it is touched."""

import pytest
from touch import THROUGH, ask, message, needs_node, one, put_in, texts

from seq2seq_lib.live import measured

bits = pytest.mark.parametrize("page", ["bits"], indirect=True)
SIZE, BUDGET = (f".live input[id$={name}]" for name in ("size", "budget"))


@needs_node
def test_a_training_that_ended_sooner_shows_its_end():
    moments = [{"updates": updates} for updates in (500, 1000, 2000)]
    asked = [100, 500, 999, 1000, 16_000]
    assert ask("through", moments=moments, budgets=asked) == [500, 500, 500, 1000, 2000]


@bits
def test_sliders_change_what_is_told_and_drawn(page):
    assert message(page) == (
        "12 symbols bring 48 bits. Through 8 numbers come 36.0 with the fixed context "
        "after 2,000 updates, 48.0 with attention after 500 updates."
    )
    before = one(page, ".live polyline.live-fixed").get_attribute("points")
    put_in(page, BUDGET, 0)
    assert "30.0 with the fixed context after 500 updates" in message(page)
    assert one(page, ".live polyline.live-fixed").get_attribute("points") != before
    put_in(page, SIZE, 0)
    assert "Through 2 numbers come 12.0 with the fixed context" in message(page)


@bits
def test_the_numbers_are_those_that_were_measured(page):
    one(page, ".live summary").click()
    cells = texts(page, ".live-look tbody tr:first-child td")
    assert cells == ["2000", *(f"{value:.1f}" for value in THROUGH["fixed", 8][2000])]


@bits
def test_a_value_beyond_the_slider_is_its_end(page):
    put_in(page, SIZE, 99)
    assert "Through 8 numbers" in message(page)


def test_a_size_that_one_model_lacks_is_told():
    some = {key: curve for key, curve in THROUGH.items() if key != ("attention", 8)}
    with pytest.raises(ValueError, match=r"sizes \[2, 8\] needs both models"):
        measured.bits(some, 4, 8)
