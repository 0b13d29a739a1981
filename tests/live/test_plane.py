"""Pieces that are drawn in the plane: scorers, islands; and the gate's line."""

from typing import Any

import pytest
import torch
from touch import (
    LINES,
    PIECES,
    ask,
    given,
    keys_and_scorers,
    message,
    needs_node,
    one,
    problems,
    put_in,
    texts,
    unit,
    write,
)

from seq2seq_lib.attention import Dot
from seq2seq_lib.live import show

geometry = pytest.mark.parametrize("page", ["geometry"], indirect=True)
islands = pytest.mark.parametrize("page", ["islands"], indirect=True)
gate = pytest.mark.parametrize("page", ["gate"], indirect=True)
MIDDLE = "a middle"


@torch.no_grad()
def scores_of(look: Any, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    return look.scores(queries[None], look.project_keys(keys[None]))[0]


@needs_node
@pytest.mark.parametrize("name", ["dot", "dot_unscaled", "general", "additive"])
def test_scores_in_the_plane_are_the_librarys(name):
    memory = keys_and_scorers()[MIDDLE]
    products = {"dot": Dot(2, 2), "dot_unscaled": Dot(2, 2, scaled=False)}
    torch.manual_seed(8)
    queries = 6 * torch.rand(40, 2) - 3
    wanted = scores_of(memory.get(name) or products[name], queries, memory["keys"])
    passed = given(PIECES["geometry"], "memories")[MIDDLE]
    found = ask("scores", kind=name, queries=queries.tolist(), **passed)
    assert torch.allclose(torch.tensor(found), wanted, atol=1e-5)


def winner(page: Any) -> str:
    return texts(page, "tr.live-chosen th")[0].strip()


@geometry
def test_the_query_is_moved_by_keys(page):
    from selenium.webdriver.common.keys import Keys

    page.execute_script("document.querySelector('.live-plane').focus()")
    for _ in range(4):
        page.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    assert "Query (0.00, 0.50)" in message(page)
    keys = keys_and_scorers()["opposites"]["keys"]
    scores = (keys @ torch.tensor([0.0, 0.5])).tolist()
    shown = [float(text) for text in texts(page, ".live-look td:nth-child(2)")]
    assert shown == pytest.approx(scores, abs=0.006)
    assert winner(page) == "2" and "key 2 wins" in message(page)


@geometry
def test_the_query_is_dragged(page):
    from selenium.webdriver.common.action_chains import ActionChains

    plane = one(page, ".live-plane")
    third = plane.rect["width"] / 6  # the plane shows -3 to 3
    actions = ActionChains(page).move_to_element(plane).click_and_hold()
    actions.move_by_offset(round(-2 * third), round(third)).release().perform()
    assert winner(page) == "3"


@geometry
def test_a_product_never_finds_the_key_in_the_middle(page):
    put_in(page, ".live-knobs div:first-child select", MIDDLE)
    assert texts(page, ".live-look td:nth-child(4)")[3] == "0%"
    assert "Key 4 wins nowhere" in message(page)
    shares = [int(text[:-1]) for text in texts(page, ".live-look td:nth-child(4)")]
    assert abs(sum(shares) - 100) <= 2


@geometry
@pytest.mark.parametrize("name", ["dot", "general", "additive"])
def test_another_scorer_is_chosen(page, name):
    before = texts(page, ".live-look td:nth-child(2)")
    put_in(page, ".live-knobs div:last-child select", name)
    after = texts(page, ".live-look td:nth-child(2)")
    assert after != before and len(after) == 3


@needs_node
def test_states_are_those_of_pytorch():
    gru = unit()
    weights = given(PIECES["islands"], "weights")
    sequences = ["abc", "aaaaaaaa", "cbacbacb", "b"]
    for letters, states in zip(
        sequences, ask("states", weights=weights, sequences=sequences), strict=True
    ):
        ids = torch.tensor([["abc".index(letter) for letter in letters]])
        with torch.no_grad():
            wanted = gru(torch.nn.functional.one_hot(ids, 3).float())[0][0]
        assert torch.allclose(torch.tensor(states[1:]), wanted, atol=1e-6)


@islands
def test_letters_are_typed_and_chosen(page):
    field = one(page, ".live input[type=text]")
    field.clear()
    field.send_keys("cab")
    assert texts(page, ".live-look th[scope=row]") == ["c", "ca", "cab"]
    buttons = page.find_elements("css selector", ".live-buttons button")
    buttons[2].click()
    assert texts(page, ".live-look th[scope=row]")[-1] == "cabc"
    assert "island of c" in message(page) and "every letter can be told" in message(page)
    buttons[3].click()
    assert field.get_attribute("value") == "cab"
    assert len(page.find_elements("css selector", ".live-visited")) == 3


@islands
def test_noise_takes_the_first_letters_first(page):
    write(page, "abcabcab")
    assert "every letter" in message(page)
    put_in(page, ".live input[type=range]", 0.3)
    said = set()
    for _ in range(12):
        page.find_elements("css selector", ".live-buttons button")[4].click()
        said.add(message(page))
    assert len(said) > 3 and not any("every letter" in text for text in said)
    from selenium.webdriver.common.keys import Keys

    one(page, ".live input[type=range]").send_keys(Keys.HOME)
    assert "every letter" in message(page)


@islands
@pytest.mark.parametrize(
    "typed, told",
    [
        ("", "Type a letter"),
        ("abd", "not d"),
        ("<b>", "not <"),
        ("a" * 9, "8 letters are the most; these are 9"),
    ],
)
def test_other_letters_are_a_sentence(page, typed, told):
    write(page, typed)
    assert told in message(page)
    assert not page.find_elements("css selector", ".live-visited, .live b")
    write(page, "ABC")
    assert "island of c" in message(page)
    assert problems(page) == []


def test_a_unit_of_another_size_is_refused():
    with pytest.raises(ValueError, match="3 symbols into 2 numbers"):
        show.islands(torch.nn.GRU(3, 5), "a")


@gate
def test_the_bias_turns_the_line(page):
    from selenium.webdriver.common.keys import Keys

    assert "one step back keeps 0.50" in message(page)
    lowest = one(page, ".live-chosen-line").get_attribute("points")
    knob = one(page, ".live input[type=range]")
    knob.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert "one step back keeps 0.70" in message(page) and "to 0.88" in message(page)
    assert knob.get_attribute("aria-valuetext") == "2.0"
    assert one(page, ".live-chosen-line").get_attribute("points") != lowest
    one(page, ".live summary").click()
    shown = [float(text) for text in texts(page, ".live-look tbody td")]
    assert shown == pytest.approx(LINES[2.0], rel=0.01)
