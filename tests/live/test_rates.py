"""The piece on distance, rate and gate: what it computes, and how it is touched."""

import math
from statistics import geometric_mean

import pytest
from touch import TIMES, ask, message, needs_node, one, put_in, texts

from seq2seq_lib.live import measured
from seq2seq_lib.page import stored

rates = pytest.mark.parametrize("page", ["rates"], indirect=True)


@needs_node
def test_the_middle_of_seeds_is_geometric_and_none_where_one_never_found_it():
    rows = [[30, 32], [84, 90], [7], [12, None]]
    found = ask("rates", rows=rows, byRate=[[[1]]])["typical"]
    assert found[:3] == pytest.approx([geometric_mean(row) for row in rows[:3]])
    assert found[3] is None


@needs_node
@pytest.mark.parametrize("model", ["fixed", "additive"])
@pytest.mark.parametrize("bias", [0, 1, 2])
def test_the_best_rate_is_the_one_that_tuning_would_choose_for_a_bias(model, bias):
    values = stored("distance_tuning")["values"]
    tried = (0.003, 0.01, 0.03, 0.1, 0.3)
    by_rate, costs = [], []
    for rate in tried:
        seeds = values[f"{model}, gate {bias}, lr {rate:g}"].values()
        rows = [[seed["learned"][d] for seed in seeds] for d in ("0", "7", "31")]
        by_rate.append(rows)
        costs.append(
            sum(math.inf if None in row else math.log(geometric_mean(row)) for row in rows)
        )
    best = ask("rates", rows=[], byRate=by_rate)["best"]
    assert costs[best] == min(costs)


@needs_node
def test_a_sentence_says_what_was_found_and_what_was_not():
    found = ask(
        "told", asked=[[31, 80, 20], [31, None, 20], [7, 30, None], [7, None, None]]
    )
    assert found[0].endswith("80 updates, attention 20: 4.0 times as many.")
    assert "attention took 20 updates; with the fixed context not every seed" in found[1]
    assert "the fixed context took 30 updates; with attention not every seed" in found[2]
    assert "not every seed found it, with either model" in found[3]


@rates
def test_sliders_change_what_is_told_and_drawn(page):
    from selenium.webdriver.common.keys import Keys

    assert "not every seed found it" in message(page)
    circles = len(texts(page, ".live circle"))
    assert circles == 7  # six seeds, and the legend
    assert len(texts(page, ".live rect.live-attentive")) == 7
    before = one(page, ".live polyline.live-fixed").get_attribute("points")
    one(page, ".live input[type=range]").send_keys(Keys.ARROW_LEFT)
    assert "1.0 times as many" in message(page)
    after = one(page, ".live polyline.live-fixed").get_attribute("points")
    assert len(after.split()) == 3 > len(before.split())


@rates
def test_each_can_have_its_own_best_and_the_numbers_say_which(page):
    one(page, ".live input[type=checkbox]").click()
    assert not one(page, ".live input[type=range]").is_enabled()
    one(page, ".live summary").click()
    cells = texts(page, ".live-look tbody td")
    assert cells[:2] == ["0.1", "2"] and cells[5:7] == ["0.1", "0"]
    assert cells[4] == "40, 80"
    one(page, ".live input[type=checkbox]").click()
    assert one(page, ".live input[type=range]").is_enabled()
    assert "never" in texts(page, ".live-look tbody td")[4]


@rates
def test_a_value_beyond_the_slider_is_its_end(page):
    put_in(page, ".live input[type=range]", 99)
    assert "not every seed found it" in message(page)


def test_a_rate_that_was_not_tried_with_every_bias_is_told():
    some = {key: row for key, row in TIMES.items() if key != ("fixed", 0.1, 2.0)}
    with pytest.raises(ValueError, match="7 settings are not every one of 2 rates"):
        measured.rates(some, 1500, (0.1, 0.0))
