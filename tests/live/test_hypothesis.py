"""The piece of chapter 5: four measures of a hypothesis, computed as the chapters do."""

import random
import re
from typing import Any

import pytest
from by_hand import chapter_path, run_taught
from touch import ask, message, needs_node, one, put_in, texts, write

from seq2seq_lib import metrics
from seq2seq_lib.tasks.numbers import Numbers

hypothesis = pytest.mark.parametrize("page", ["hypothesis"], indirect=True)
WORDS = ["ein", "eine", "und", "zwanzig", "größe", "x", "\N{GRINNING FACE}", "<b>"]
REFERENCE = " ".join(Numbers().example(4871).tgt)


def pairs(count: int) -> list[tuple[list[str], list[str]]]:
    """Hypotheses that are noise, empty, short, or a reference with a few mistakes."""
    rng = random.Random(17)
    found = []
    for i in range(count):
        reference = rng.choices(WORDS, k=rng.randint(1, 13))
        said = rng.choices(WORDS, k=rng.randint(0, 11))
        if i % 2:
            said = [word for word in reference if rng.random() > 0.2]
            said[rng.randint(0, len(said)) :] += rng.choices(WORDS, k=rng.randint(0, 3))
        found.append((said, reference))
    return found


@needs_node
def test_the_measures_are_those_of_the_chapters():
    asked = pairs(600)
    token_accuracy = run_taught(chapter_path("01"))["token_accuracy"]
    found = ask("measures", pairs=asked)
    for (said, due), scores in zip(asked, found, strict=True):
        one_each = [" ".join(said)], [" ".join(due)]
        assert scores["exactMatch"] == metrics.exact_match([said], [due])
        assert scores["tokenAccuracy"] == pytest.approx(token_accuracy([said], [due]))
        assert scores["bleu"] == pytest.approx(metrics.bleu(*one_each, "none")), one_each
        assert scores["chrf"] == pytest.approx(metrics.chrf(*one_each)), one_each
    bleus = [scores["bleu"] for scores in found]
    assert 0 in bleus and any(0 < bleu < 20 for bleu in bleus) and max(bleus) > 99
    assert {scores["exactMatch"] for scores in found} == {0, 1}


@needs_node
def test_the_counts_of_bleu_can_be_checked_with_a_pencil():
    due = "ein kleiner hund schläft im garten".split()
    said = "im garten schläft ein kleiner hund".split()
    (found,) = ask("measures", pairs=[(said, due)])
    runs = [(run["matched"], run["said"]) for run in found["parts"]["runs"]]
    assert runs == [(6, 6), (3, 5), (1, 4), (0, 3)]
    assert found["parts"]["runs"][3]["counted"] == 0.5
    assert found["bleu"] == pytest.approx(100 * (3 / 5 * 1 / 4 * 0.5 / 3) ** 0.25)


def scores(page: Any) -> dict[str, float]:
    """What the table of the measures says."""
    table = ".live-beside > div:first-child tbody "
    values = texts(page, f"{table} td:nth-child(2)")
    numbers = [float(value.split()[0]) for value in values]
    return dict(zip(texts(page, f"{table} th"), numbers, strict=True))


def runs(page: Any) -> list[list[str]]:
    """Found and of, for each length of run, and the brevity penalty."""
    table = ".live-beside > div:last-child tbody "
    columns = (texts(page, f"{table} td:nth-child({i})") for i in (2, 3))
    return [list(row) for row in zip(*columns, strict=True)]


def press(page: Any, name: str) -> None:
    for button in page.find_elements("css selector", ".live-buttons button"):
        if button.text == name:
            return button.click()
    raise AssertionError(f"There is no button {name!r}.")


@hypothesis
def test_it_opens_with_a_wrong_number_that_bleu_likes(page):
    assert texts(page, ".live p span") == [" ".join(Numbers().example(4871).src), REFERENCE]
    said = one(page, ".live input[type=text]").get_attribute("value")
    assert said == REFERENCE.replace("vier", "neun")
    assert scores(page)["exact match"] == 0 and scores(page)["BLEU"] == 80.9
    assert runs(page) == [["6", "7"], ["5", "6"], ["4", "5"], ["3", "4"], ["1.00", ""]]
    assert "off by 5,000" in message(page)
    widths = [bar.rect["width"] for bar in page.find_elements("css selector", ".live-bar")]
    shares = [0, 6 / 7, 0.809, 0.881]
    assert widths == pytest.approx([64 * share for share in shares], abs=0.5)


@hypothesis
def test_the_scores_move_with_every_key(page):
    field = one(page, ".live input[type=text]")
    field.clear()
    seen = []
    for key in "vier tausend":
        field.send_keys(key)
        seen.append(scores(page)["chrF"])
    assert len(set(seen)) > 8
    expected = metrics.chrf(["vier tausend"], [REFERENCE])
    assert seen[-1] == pytest.approx(expected, abs=0.051)
    assert runs(page)[0] == ["2", "2"] and runs(page)[3] == ["0", "0"]
    assert scores(page)["BLEU"] == 0
    assert texts(page, ".live-batch tr:last-child td")[:3] == ["yes", "yes", ""]


@hypothesis
@pytest.mark.parametrize("which", range(3))
def test_each_button_shows_what_a_measure_overlooks(page, which):
    put_in(page, ".live select", which)
    reference = texts(page, ".live p span")[1].split()
    press(page, "the reference itself")
    assert scores(page)["exact match"] == 1 and "Nothing is wrong" in message(page)

    press(page, "drop the first word")
    assert scores(page)["token accuracy"] == 0 and scores(page)["chrF"] > 70
    assert runs(page)[0] == [str(len(reference) - 1)] * 2
    assert float(runs(page)[4][0]) < 1

    press(page, "swap two words")
    assert runs(page)[0] == [str(len(reference))] * 2
    assert runs(page)[1][0] < runs(page)[1][1] and scores(page)["exact match"] == 0

    press(page, "a typo in one letter")
    all_but_one = 1 - 1 / len(reference)
    assert scores(page)["token accuracy"] == pytest.approx(all_but_one, abs=0.006)
    assert scores(page)["chrF"] > scores(page)["BLEU"] and scores(page)["chrF"] > 80

    press(page, "repeat a word")
    assert scores(page)["token accuracy"] == 1 and scores(page)["exact match"] == 0
    assert runs(page)[0] == [str(len(reference)), str(len(reference) + 1)]

    for button in texts(page, ".live-buttons button"):
        press(page, button)
        assert len(re.sub(r"^.*chrF \d+\.\d\. ", "", message(page))) > 20, "it says why"


@hypothesis
def test_a_right_sentence_has_less_bleu_than_a_wrong_number(page):
    wrong_number = scores(page)["BLEU"]
    put_in(page, ".live select", 2)
    press(page, "say it another way")
    assert "A right translation" in message(page)
    assert scores(page)["token accuracy"] == 0
    assert scores(page)["BLEU"] < wrong_number / 2
    assert runs(page)[3] == ["0, counts 0.5", "3"]


@hypothesis
@pytest.mark.parametrize(
    "typed, told",
    [("", "Type a hypothesis"), ("  ", "Type a hypothesis"), ("vier " * 500, "60 are the")],
)
def test_what_cannot_be_scored_is_a_sentence(page, typed, told):
    write(page, typed)
    assert told in message(page)
    assert not page.find_elements("css selector", ".live table")
    write(page, REFERENCE)
    assert scores(page)["exact match"] == 1


@hypothesis
@pytest.mark.parametrize("typed", ["<img/src=x> <b>vier</b>", "\N{GRINNING FACE} vier"])
def test_whatever_is_typed_is_words(page, typed):
    write(page, typed)
    said = texts(page, ".live-batch tbody tr:nth-child(2) td")
    assert [word for word in said if word] == typed.split()
    assert scores(page)["exact match"] == 0
    assert not page.find_elements("css selector", ".live img, .live b")
    assert [e for e in page.get_log("browser") if "favicon" not in e["message"]] == []
