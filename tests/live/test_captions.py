"""A sentence of one's own: the page's translator is the program's, and it is touched."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from axe import barriers
from hypothesis import given, settings
from hypothesis import strategies as st
from touch import ask, message, needs_node, one, problems, put_in, texts

from seq2seq_lib.decoding import Translation
from seq2seq_lib.live import show
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.translate import folder
from seq2seq_lib.translate.folder import Translator
from seq2seq_lib.translate.lines import prepare
from seq2seq_lib.translate.subwords import Subwords
from seq2seq_lib.vocab import BOS
from seq2seq_lib.widgets import STATIC_VARIABLE

ENGLISH = [
    "a man paints a fence, slowly.",
    "two dogs run on the beach; a third one (the old one) sleeps!",
    "the woman's red bicycle leans against a tree",
    "people are standing in line outside the café",
]
GERMAN = [
    "ein mann streicht langsam einen zaun.",
    "zwei hunde laufen über den strand; ein dritter schläft!",
    "das rote fahrrad der frau lehnt an einem baum",
    "leute stehen vor dem café in einer schlange",
]
TYPED = [
    *ENGLISH,
    "A MAN  paints\u00a0the tree",
    "cafe\u0301 and caf\u00e9 and na\u00adive",
    "emoji 😀 and 漢字",
    '<b>no markup</b> & "quotes" -- dash\u2014dash',
    "under_score \u2581 sign",
    "one",
]


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two translators in few bytes, untrained, with weights that have opinions."""
    out, large = tmp_path_factory.mktemp("shipped"), tmp_path_factory.mktemp("large")
    pieces = [Subwords.learn(text * 3, 110) for text in (ENGLISH, GERMAN)]
    sizes = [len(own.vocab) for own in pieces]
    for name in ("fixed", "additive"):
        config = ModelConfig(*sizes, name, 10, 12, 12, dropout=0.3, output="tied")
        model = build_model(config, 4)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2.5)
        its = large / name
        its.mkdir()
        folder.write_frame(its, Translator(model, *pieces, True))
        facts = {"frame": folder.frame_digest(its)}
        folder.write_weights(its / folder.WEIGHTS, model.state_dict(), facts)
        folder.shrink(its, out / name)
    return out


# --- the translator in the page -----------------------------------------------------------


@needs_node
@pytest.mark.parametrize("lowercase", [True, False])
def test_text_is_cut_into_the_same_pieces(shipped, lowercase):
    own = folder.load(shipped / "additive").src
    found = ask(
        "pieces", folder=str(shipped / "additive"), texts=TYPED, lowercase=lowercase
    )
    for text, each in zip(TYPED, found, strict=True):
        assert each["prepared"] == prepare(text, lowercase)
        assert each["pieces"] == own.split(each["prepared"])
        assert each["again"] == own.join(own.split(each["prepared"]))


@needs_node
@settings(max_examples=5, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), min_size=40))
def test_any_text_is_cut_into_the_same_pieces(shipped, drawn):
    own = folder.load(shipped / "additive").src
    # Which letters there are grows with Unicode, and Node may know more than Python.
    plain = [text for text in drawn if all(ord(c) < 0x3000 for c in text)]
    found = ask("pieces", folder=str(shipped / "additive"), texts=plain, lowercase=False)
    for text, each in zip(plain, found, strict=True):
        assert each["pieces"] == own.split(prepare(text, False)), ascii(text)


@torch.no_grad()
def in_torch(its: Translator, pieces: list[str], tokens: list[str]) -> Any:
    """Logits and weights of the steps that write these tokens, and the end."""
    ids = torch.tensor([its.src.vocab.encode(pieces)])
    encoded = its.model.encoder(ids, torch.tensor([len(pieces)]))
    memory = its.model.decoder.attention.memory(encoded)
    state, logits, weights = its.model.decoder.initial_state(encoded), [], []
    for prev in [BOS, *its.tgt.vocab.encode(tokens)]:
        step = its.model.decoder.step(torch.tensor([prev]), state, memory)
        state = step.dec_state
        logits.append(step.logits[0].numpy())
        weights.append(step.weights[0].numpy())
    return np.array(logits), np.array(weights)


@needs_node
@pytest.mark.parametrize("name", ["fixed", "additive"])
def test_it_says_what_the_program_says(shipped, name):
    its = folder.load(shipped / name)
    found = ask("captions", folder=str(shipped / name), texts=TYPED)
    expected = [its.translate([text], beam=1)[0] for text in TYPED]
    assert len({text for text, _ in expected}) > 1
    for each, (text, answer) in zip(found, expected, strict=True):
        assert each["text"] == text and tuple(each["tokens"]) == answer.tokens
        logits, weights = in_torch(its, each["pieces"], each["tokens"])
        steps = len(each["logits"])
        assert np.allclose(each["logits"], logits[:steps], atol=1e-4)
        assert np.allclose(each["weights"], weights[:steps], atol=1e-5)


# --- touched ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(site, shipped) -> str:
    both = {name: folder.load(shipped / name) for name in ("additive", "fixed")}

    def make() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(STATIC_VARIABLE, "1")
            return show.captions(shipped, both, ENGLISH[0])

    return site(make, shipped)


@pytest.fixture
def caption(open_piece, address) -> Any:
    return open_piece(address)


def pressed(page: Any) -> str:
    """Press the button and wait until it can be pressed again; the message."""
    from selenium.webdriver.support.ui import WebDriverWait

    button = one(page, ".live button")
    button.click()
    WebDriverWait(page, 20).until(lambda _: button.is_enabled())
    return message(page)


def answers(shipped: Path, text: str) -> list[str]:
    names = ("additive", "fixed")
    return [folder.load(shipped / n).translate([text], beam=1)[0][0] for n in names]


def test_a_translation_stands_there_before_anything_is_loaded(caption, shipped):
    assert texts(caption, ".live-translated [lang=de]") == answers(shipped, ENGLISH[0])
    asked = "performance.getEntriesByType('resource').map((e) => e.name).join(' ')"
    assert "translators/" not in caption.execute_script(f"return {asked}")
    assert "MB) and translate" in one(caption, ".live button").text


def test_a_sentence_is_translated_when_a_reader_asks(caption, shipped):
    put_in(caption, ".live input", ENGLISH[2])
    assert pressed(caption) == "Both have translated it."
    said = [text.removesuffix(" ...") for text in texts(caption, ".live-said")]
    assert said == [" ".join(text.split()) for text in answers(shipped, ENGLISH[2])]
    assert one(caption, ".live button").text == "translate"
    assert len(caption.find_elements("css selector", ".live-weights")) == 1
    assert barriers(caption) == [] and problems(caption) == []


@pytest.mark.parametrize(
    "typed, told",
    [
        ("  ", "Type an English sentence"),
        ("\u00ad\u200b", "Type an English sentence"),
        ("a " * 100, "100 words"),
        ("a 😀", "One character"),
    ],
)
def test_what_cannot_be_translated_is_a_sentence(caption, typed, told):
    put_in(caption, ".live input", typed)
    assert told in pressed(caption)
    assert problems(caption) == []


def test_what_is_typed_is_never_markup(caption):
    put_in(caption, ".live input", "a <b>man</b>")
    pressed(caption)
    assert not caption.find_elements("css selector", ".live-translated b")


def test_a_translator_that_is_not_there_is_a_sentence(site, open_piece, shipped):
    both = {name: folder.load(shipped / name) for name in ("additive", "fixed")}

    def make() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(STATIC_VARIABLE, "1")
            return show.captions(shipped, both, ENGLISH[0])

    page = open_piece(site(make))
    assert "could not be loaded (config.json is not there)" in pressed(page)
    assert one(page, ".live button").is_enabled()


def test_in_a_notebook_the_kernel_answers(monkeypatch):
    class Echo:
        def translate(self, given, beam=5):
            return [
                (f"<{text}>", Translation((), (), np.zeros((0, 1)), True)) for text in given
            ]

    monkeypatch.delenv(STATIC_VARIABLE, raising=False)
    widget = show.captions(Path("nowhere"), {"fixed": Echo()}, "a dog")
    line, said = widget.children
    assert "fixed context" in said.value and "&lt;a dog&gt;" in said.value
    line.value = "a cat"
    assert "&lt;a cat&gt;" in said.value
    for nothing in (" ", "\u00ad\u200b"):
        line.value = nothing
        assert "Type an English sentence" in said.value
