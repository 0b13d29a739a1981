"""Beam search as a tree: the rules are the library's, and a reader may turn its knobs."""

import random
from typing import Any

import pytest
from test_live_model import VOCABS, model_of
from touch import MODELS, ask, message, needs_node, one, problems, put_in, texts, write

from seq2seq_lib.decoding import translate
from seq2seq_lib.live.export import export, rounded
from seq2seq_lib.live.show import load
from seq2seq_lib.tasks.numbers import Numbers

TASK = Numbers()
beam = pytest.mark.parametrize("page", ["beam"], indirect=True)


def sources(count: int) -> list[tuple[str, ...]]:
    rng = random.Random(11)
    return [
        TASK.example(rng.randrange(1, 10 ** rng.randint(1, 12))).src for _ in range(count)
    ]


@needs_node
@pytest.mark.parametrize("name", ["fixed", "additive"])
@pytest.mark.parametrize("size, penalty", [(1, 0.0), (3, 0.0), (4, 0.7), (5, 2.0)])
def test_the_answers_of_trained_models_are_the_librarys(name, size, penalty):
    model, *vocabs = load(MODELS / name)
    asked = sources(15)
    question = {"path": str(MODELS / name), "sources": asked, "maxLen": 60}
    found = ask("beam", **question, size=size, penalty=penalty)
    wanted = translate(
        model, asked, *vocabs, max_len=60, beam_size=size, length_penalty=penalty
    )
    for answer, expected in zip(found, wanted, strict=True):
        assert tuple(answer["tokens"]) == expected.tokens
        assert answer["done"] == expected.finished
        assert set(answer["kept"]) == {size}


@needs_node
@pytest.mark.parametrize("size, penalty", [(2, 0.0), (4, 1.0)])
@pytest.mark.parametrize("max_len", [1, 3, 12])
def test_a_search_that_may_not_finish_is_the_librarys_too(tmp_path, size, penalty, max_len):
    """Untrained models ramble: finished and unfinished beginnings compete until the end."""
    model = model_of("general")
    export(model, *VOCABS, tmp_path / "m")
    asked = sources(25)
    question = {"path": str(tmp_path / "m"), "sources": asked, "maxLen": max_len}
    found = ask("beam", **question, size=size, penalty=penalty)
    wanted = translate(
        rounded(model),
        asked,
        *VOCABS,
        max_len=max_len,
        beam_size=size,
        length_penalty=penalty,
    )
    assert [tuple(answer["tokens"]) for answer in found] == [one.tokens for one in wanted]
    assert [answer["done"] for answer in found] == [one.finished for one in wanted]


def kept_at(page: Any, step: int) -> list[str]:
    """What was kept at a step, as the list in words has it."""
    one(page, ".live details").get_attribute("open") or one(page, "summary").click()
    said = texts(page, ".live ol li")[step].removeprefix("kept: ").split(". Dropped")[0]
    return said.split("; ")


@beam
def test_the_tree_shows_what_was_kept_and_what_was_dropped(page):
    assert len(kept_at(page, 0)) == 3
    assert len(page.find_elements("css selector", ".live-edge.live-won")) >= 8
    assert len(page.find_elements("css selector", "text.live-dropped:not(.live-small)")) > 0
    assert texts(page, "tr.live-chosen td")[0] == " ".join(TASK.example(4871).tgt)
    assert texts(page, "tr.live-chosen td")[-1] == "wins"


@beam
def test_the_beam_is_made_wider_and_narrower_by_keys(page):
    from selenium.webdriver.common.keys import Keys

    knob = one(page, "input[type=range]")
    knob.send_keys(Keys.HOME)
    assert len(kept_at(page, 0)) == 1 and len(texts(page, ".live-look tbody tr")) == 1
    assert "Greedy search writes the same" in message(page)
    knob.send_keys(Keys.END)
    assert len(kept_at(page, 0)) == 5 and "Beam size: 5" in texts(page, ".live-knobs")[0]


@beam
def test_a_length_penalty_changes_what_is_compared(page):
    before = texts(page, "tr.live-chosen td")
    assert before[1] == before[3]
    put_in(page, ".live-knobs div:nth-child(3) input", 1)
    score, tokens, compared = texts(page, "tr.live-chosen td")[1:4]
    assert float(compared) == pytest.approx(float(score) / int(tokens), abs=0.006)


@beam
def test_another_model_is_chosen(page):
    from selenium.webdriver.support.ui import WebDriverWait

    write(page, "994971985668")
    before = message(page)
    put_in(page, ".live select", "additive")
    WebDriverWait(page, 10).until(lambda _: message(page) != before)
    wanted = " ".join(TASK.example(994_971_985_668).tgt)
    assert f"Written: {wanted}, which is right" in message(page)


@beam
@pytest.mark.parametrize(
    "typed, told",
    [
        ("", "Type a number"),
        ("<img src=x>", "No English number has the word"),
        ("😀", "No English number has the word"),
        ("one " * 500, "40 are the most"),
    ],
)
def test_what_is_no_number_is_a_sentence(page, typed, told):
    write(page, typed)
    assert told in message(page)
    assert not page.find_elements("css selector", ".live svg, .live img, .live-look")
    write(page, "21")
    assert "Written" in message(page)
    assert problems(page) == []
