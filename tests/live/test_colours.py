"""The colours of the pieces: those of the book's figures, each with one meaning."""

import re

import pytest
from colours import contrast

from seq2seq_lib import plotting
from seq2seq_lib.live.publish import HERE, STYLE

SHEET = (HERE / STYLE).read_text(encoding="utf-8")
RULES = re.findall(r"^\s*([^{}\n]+?) \{ ([^{}]*) \}", SHEET, re.M)
MEANINGS = {
    "attention": plotting.BLUE,
    "fixed": plotting.ORANGE,
    "truth": plotting.AMBER,
    "needed": plotting.GREEN,
    "other-0": plotting.PURPLE,
    "other-1": plotting.SKY,
    "other-2": plotting.GREY,
}
# The classes that may have a colour, by its meaning.
CARRIERS = {
    "attention": r"live-(look|attentive|key|score|weight|negative)\b",
    "fixed": r"live-fixed\b",
    "truth": r"live-gold\b",
    "needed": r"live-needed\b",
    "other-": r"live-(measured|region-\d)\b",
}
COLOUR = r"#[0-9a-fA-F]{3,8}\b|\brgba?\([\d, .]+\)"
PAPERS = {"light": "ffffff", "dark": "14181e"}


def named() -> dict[str, list[str]]:
    """Every named colour of the sheet: in the light and, where it differs, in the dark."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(rf"--live-([\w-]+): ({COLOUR});", SHEET):
        found.setdefault(name, []).append(value)
    return found


def test_a_name_has_the_colour_that_its_meaning_has_in_figures():
    first = {name: values[0].upper() for name, values in named().items()}
    assert {name: first[name] for name in MEANINGS} == MEANINGS
    assert set(first) == {*MEANINGS, "tint"}, "the tint is a grey"


def test_no_colour_stands_where_it_is_used():
    bare = re.sub(rf"--live-[\w-]+: ({COLOUR}|[\d, ]+);", "", SHEET)
    bare = re.sub(
        r"var\(--pst[^)]*\)", "", bare
    )  # the theme's, with what is there without it
    used = [(rule, found) for rule, body in RULES for found in re.findall(COLOUR, body)]
    neutral = [colour for _, colour in used if colour not in ("#fff", "#000", "#ccc")]
    assert [colour for colour in neutral if colour in bare] == []
    for script in HERE.glob("*.mjs"):
        assert not re.search(COLOUR, script.read_text(encoding="utf-8")), script.name


@pytest.mark.parametrize("meaning", CARRIERS)
def test_a_colour_is_used_for_what_it_means_alone(meaning):
    carriers = [rule for rule, body in RULES if f"var(--live-{meaning}" in body]
    assert carriers
    for rule in carriers:
        for selector in rule.split(", "):
            assert re.search(CARRIERS[meaning], selector), selector


@pytest.mark.parametrize("mode", PAPERS)
@pytest.mark.parametrize("name", ["attention", "fixed", "needed", "other-0"])
def test_a_mark_stands_out_from_its_paper(name, mode):
    value = named()[name][0 if mode == "light" else -1]
    assert contrast(value.removeprefix("#"), PAPERS[mode]) >= 3


def test_what_does_not_stand_out_has_a_line_of_ink():
    (body,) = (body for rule, body in RULES if rule.endswith(".live-gold"))
    assert "1px currentColor" in body and "var(--live-truth)" in body
