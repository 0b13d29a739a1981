"""The decoder step by step: it computes what the library's does, and obeys its reader."""

from typing import Any

import numpy as np
import pytest
import torch
from touch import MODELS, ask, message, needs_node, one, problems, put_in, texts, write

from seq2seq_lib.live.show import load
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.vocab import BOS, EOS

TASK = Numbers()
VOCABS = TASK.vocabs()
stepper = pytest.mark.parametrize("page", ["stepper"], indirect=True)


@needs_node
@pytest.mark.parametrize("teacher", [True, False])
@pytest.mark.parametrize("n", [7, 914_327, 917_077_201, 999_999_999_999])
@pytest.mark.parametrize("planted", [[], [[2, 9]]])
def test_what_is_read_and_said_is_the_librarys(teacher, n, planted):
    model, *_ = load(MODELS / "fixed")
    words = TASK.example(n).src
    right = [*VOCABS[1].encode(TASK.example(n).tgt), EOS]
    question = {"path": str(MODELS / "fixed"), "words": words, "right": right}
    steps = ask("steps", **question, teacher=teacher, planted=planted)
    with torch.no_grad():
        ids = torch.tensor([VOCABS[0].encode(words)])
        encoded = model.encoder(ids, torch.tensor([len(words)]))
        memory = model.decoder.attention.memory(encoded)
        state, said = model.decoder.initial_state(encoded), BOS
        for t, step in enumerate(steps):
            own = said if t else BOS
            reads = dict(planted).get(t, right[t - 1] if teacher and t else own)
            assert step["reads"] == reads
            expected = model.decoder.step(torch.tensor([reads]), state, memory)
            logits = expected.logits[0].numpy()
            assert np.abs(logits - np.array(step["logits"])).max() < 1e-4
            logits[:2] = -np.inf
            state, said = expected.dec_state, int(logits.argmax())
            assert step["says"] == said
    assert len(steps) == len(right) if teacher else said == EOS


def press(page: Any, text: str) -> None:
    buttons = page.find_elements("css selector", ".live-buttons button")
    next(button for button in buttons if button.text == text).click()


def row(page: Any, number: int) -> list[str]:
    """Reads, writes or teacher, step by step."""
    return texts(page, f".live-history tr:nth-child({number}) td")


@stepper
def test_one_goes_forward_and_back(page):
    assert row(page, 1) == ["(begin)"]
    press(page, "one step")
    press(page, "one step")
    assert "Step 3 of" in message(page) and len(row(page, 1)) == 3
    assert row(page, 1)[1:] == row(page, 2)[:2], "it reads what it wrote"
    press(page, "one step back")
    assert "Step 2 of" in message(page)
    press(page, "from the start")
    press(page, "one step back")
    assert "Step 1 of" in message(page)


@stepper
def test_there_is_no_step_after_the_end(page):
    for _ in range(40):
        press(page, "one step")
    assert row(page, 2)[-1] == "(end)"
    assert len(row(page, 2)) == len(TASK.example(914_327).tgt) + 1


@stepper
def test_a_planted_mistake_is_read_and_taken_out(page):
    press(page, "one step")
    before = message(page)
    put_in(page, ".live > select", VOCABS[1].encode(["zwanzig"])[0])
    assert row(page, 1) == ["(begin)", "zwanzig (planted)"]
    assert message(page) != before and "reads zwanzig" in message(page)
    press(page, "take the mistakes out")
    assert message(page) == before


@stepper
def test_the_teacher_goes_on_as_if_nothing_had_happened(page):
    press(page, "one step")
    put_in(page, ".live > select", VOCABS[1].encode(["zwanzig"])[0])
    one(page, "input[value=teacher]").click()
    press(page, "one step")
    assert row(page, 1)[1:] == ["zwanzig (planted)", TASK.example(914_327).tgt[1]]
    assert row(page, 3) == list(TASK.example(914_327).tgt[:3])


@stepper
def test_the_vectors_and_the_words_to_come_are_told(page):
    told = texts(page, ".live-strips td:last-child")
    assert len(told) == 4 and all("numbers from" in text for text in told)
    shares = [float(text) for text in texts(page, ".live-look td:nth-child(3)")]
    assert shares == sorted(shares, reverse=True) and 0.5 < sum(shares) <= 1.001


@stepper
@pytest.mark.parametrize(
    "typed, told",
    [
        ("", "Type a number"),
        ("<img src=x>", "No English number has the word"),
        ("twenty twenty", "No number is written so"),
        ("one " * 500, "40 are the most"),
    ],
)
def test_what_is_no_number_is_a_sentence(page, typed, told):
    write(page, typed)
    assert told in message(page)
    press(page, "one step")
    assert told in message(page)
    assert not page.find_elements("css selector", ".live table, .live img")
    write(page, "21")
    assert "Step 1 of" in message(page)
    assert problems(page) == []
