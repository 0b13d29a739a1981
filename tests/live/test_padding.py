"""The piece of chapter 2: padding is added column by column, and it moves readers."""

import pytest
from touch import PADDED, PIECES, ask, given, message, needs_node, one, put_in, texts

from seq2seq_lib.live import show

padding = pytest.mark.parametrize("page", ["padding"], indirect=True)


@needs_node
@pytest.mark.parametrize(
    "heights, placed",
    [
        ([10, 50, 90], [10, 50, 90]),
        ([90, 88, 50], [90, 75, 50]),
        ([90, 90, 80], [90, 75, 60]),
        ([20], [20]),
    ],
)
def test_labels_are_moved_up_until_they_are_apart(heights, placed):
    assert ask("apart", heights=heights, least=15) == placed


@padding
def test_it_opens_without_padding_and_nothing_has_moved(page):
    assert texts(page, ".live-batch td") == ["one"]
    assert texts(page, ".live-look td:nth-child(2)") == ["0.00", "0.00"]
    assert "1 word and 0 of padding" in message(page)
    assert message(page).endswith("2 of 2 answers are right.")


@padding
def test_keys_add_columns(page):
    from selenium.webdriver.common.keys import Keys

    knob = one(page, ".live input[type=range]")
    before = one(page, "svg circle:last-of-type").get_attribute("cx")
    knob.send_keys(*[Keys.ARROW_RIGHT] * 3)
    assert texts(page, ".live-batch .live-pad") == ["<pad>"] * 3
    assert texts(page, ".live-look td:nth-child(2)") == ["0.00", "0.75"]
    assert texts(page, ".live-look td:nth-child(3)") == ["right", "wrong"]
    assert texts(page, ".live-look td[lang]") == ["eins", "<b>zwei</b>"]
    assert "both 0.00, lengths only 0.75" in message(page)
    assert message(page).endswith("1 of 2 answers are right.")
    assert one(page, "svg circle:last-of-type").get_attribute("cx") != before
    knob.send_keys(Keys.END)
    assert len(texts(page, ".live-pad")) == 12
    assert not page.find_elements("css selector", ".live b")


@padding
def test_another_sentence_keeps_its_padding(page):
    put_in(page, ".live input[type=range]", 3)
    put_in(page, ".live select", 1)
    assert texts(page, ".live-batch td") == ["number", "one", "indeed", *["<pad>"] * 3]
    assert texts(page, ".live-look td:nth-child(2)") == ["0.00", "0.50"]
    assert "3 words and 3 of padding" in message(page)


def test_what_a_cell_measured_is_passed_on():
    assert given(PIECES["padding"], "sentences") == PADDED


@pytest.mark.parametrize(
    "wrong", [{"moved": [0.0, 1.0], "said": ["a"]}, {"moved": [0.5], "said": ["a"]}]
)
def test_values_that_do_not_fit_are_one_sentence(wrong):
    texts_of_it = {"source": "a", "reference": "b"}
    with pytest.raises(ValueError, match="equally many values, and have moved by 0"):
        show.padding([{**texts_of_it, "readers": {"x": wrong}}])
