"""The smaller pieces in a real browser: typed into, dragged, moved by keys."""

import math
import re
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from touch import MEMORY, MODELS, PIECES, message, problems, texts, write

from seq2seq_lib.live import place, publish, show
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.widgets import STATIC_VARIABLE

links = pytest.mark.parametrize("page", ["links"], indirect=True)
lookup = pytest.mark.parametrize("page", ["lookup"], indirect=True)
batch = pytest.mark.parametrize("page", ["batch"], indirect=True)
each = pytest.mark.parametrize("page", PIECES, indirect=True)


@links
@pytest.mark.parametrize("n, crossing", [(21, 2), (4871, 2), (300, 0), (1, 0)])
def test_lines_join_the_words_that_belong_together(page, n, crossing):
    write(page, str(n))
    example = Numbers().example(n)
    assert texts(page, "svg text") == [*example.src, *example.tgt]
    assert len(page.find_elements("css selector", ".live-line")) == len(example.alignment)
    assert len(page.find_elements("css selector", ".live-crossing")) == crossing


@links
@pytest.mark.parametrize("typed, told", [("", "Type a number"), ("<b>", "No number")])
def test_what_is_no_number_draws_nothing(page, typed, told):
    write(page, typed)
    assert told in message(page)
    assert not page.find_elements("css selector", ".live svg, .live b")


@links
def test_any_number_is_drawn(page):
    before = set()
    for _ in range(4):
        page.find_element("css selector", ".live button").click()
        before.add(message(page) + " ".join(texts(page, "svg text")))
    assert len(before) > 1


def weights(page: Any) -> list[float]:
    return [float(text) for text in texts(page, ".live-look td:nth-child(3)")]


def expected(query: tuple[float, float], temperature: float = 1.0) -> list[float]:
    scores = [sum(a * b for a, b in zip(query, key, strict=True)) for key in MEMORY[1]]
    exps = [math.exp(score / temperature) for score in scores]
    return [e / sum(exps) for e in exps]


@lookup
def test_the_first_query_is_that_of_the_chapter(page):
    assert weights(page) == pytest.approx(expected((2, 1)), abs=6e-4)
    assert "the context is 2.54" in message(page)


@lookup
def test_the_query_is_moved_by_keys(page):
    from selenium.webdriver.common.keys import Keys

    plane = page.find_element("css selector", ".live-plane")
    page.execute_script("arguments[0].focus()", plane)
    for key in (Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_UP):
        page.switch_to.active_element.send_keys(key)
    assert weights(page) == pytest.approx(expected((1.5, 1.25)), abs=6e-4)


@lookup
def test_the_query_is_dragged(page):
    from selenium.webdriver.common.action_chains import ActionChains

    plane = page.find_element("css selector", ".live-plane")
    step = plane.rect["width"] / 8  # the plane shows -4 to 4
    actions = ActionChains(page)
    actions.move_to_element(plane).click_and_hold()
    actions.move_by_offset(round(-2 * step), round(-1 * step)).release().perform()
    assert weights(page) == pytest.approx(expected((-2, 1)), abs=0.05)


@lookup
def test_the_temperature_is_turned(page):
    from selenium.webdriver.common.keys import Keys

    knob = page.find_element("css selector", ".live input[type=range]")
    knob.send_keys(Keys.END)
    assert max(weights(page)) < 0.5 and "temperature 9.97" in message(page)
    knob.send_keys(Keys.HOME)
    assert max(weights(page)) > 0.999


@batch
def test_sentences_become_a_rectangle(page):
    write(page, "a b c\n\nd\ne f")
    cells = texts(page, ".live-batch tbody tr:nth-child(2) td")
    assert cells == ["d", "<pad>", "<pad>", "1"]
    assert texts(page, ".live-batch tbody tr:last-child td") == [
        "3 rows",
        "2 rows",
        "1 row",
        "",
    ]
    assert "6 real tokens and 3 of padding: 33%" in message(page)
    assert len(page.find_elements("css selector", ".live-pad")) == 3


@batch
@pytest.mark.parametrize(
    "typed, told",
    [
        ("", "at least one token"),
        ("\n \n", "at least one token"),
        ("a " * 500, "the most that fit"),
        ("a\n" * 9, "the most that fit"),
    ],
)
def test_what_is_no_batch_is_a_sentence(page, typed, told):
    write(page, typed)
    assert told in message(page)
    assert not page.find_elements("css selector", ".live-batch")


@batch
def test_what_is_typed_is_never_markup(page):
    write(page, "<img/src=x> <b>bold</b>")
    assert texts(page, ".live-batch .live-real") == ["<img/src=x>", "<b>bold</b>"]
    assert not page.find_elements("css selector", ".live img, .live b")


@each
def test_every_control_has_a_name_and_no_error_is_logged(page):
    nameless = page.execute_script(
        """
        const controls = '.live :is(input, textarea, select, button, [tabindex])';
        return [...document.querySelectorAll(controls)]
          .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length))
          .map((e) => e.outerHTML)
        """
    )
    assert nameless == []
    assert problems(page) == []


@pytest.mark.parametrize("name", PIECES)
def test_a_notebook_has_each_piece_in_a_frame(browser, address_of, name):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{address_of(name)}/frame.html")
    browser.switch_to.frame(0)
    WebDriverWait(browser, 20).until(lambda b: texts(b, ".live-message"))
    assert len(texts(browser, ".live")[0]) > 20
    browser.switch_to.default_content()


def _defined(script: str) -> list[str]:
    """What a script defines at its top."""
    text = (publish.HERE / f"{script}.mjs").read_text(encoding="utf-8")
    kinds = r"(?:async )?(?:function|class|const|let)"
    heads = re.findall(rf"^(?:export )?{kinds} (\w+|[\[{{][^=]*)", text, re.M)
    return [name for head in heads for name in re.findall(r"\w+", head)]


@pytest.mark.parametrize("name", publish.PIECES)
def test_a_frame_joins_scripts_that_define_no_name_twice(name):
    together = Counter(n for script in (*publish.SHARED, name) for n in _defined(script))
    assert together["h"] == together["start"] == 1
    assert not [each for each, times in together.items() if times > 1]


# What browsers of 2022 do not have: docs/pieces.md says that they suffice.
NEWER = (
    r"\.(toReversed|toSorted|toSpliced|with|findLast|findLastIndex|groupBy|union|isSubsetOf"
    r"|intersection|fromAsync|withResolvers|isWellFormed|waitAsync|startViewTransition)\("
)


def test_browsers_of_2022_can_run_every_script():
    own = publish.HERE.parents[1] / "_static"
    scripts = [*publish.HERE.glob("*.mjs"), *own.glob("*.js")]
    assert len(scripts) > 30
    found = [
        (script.name, *match.groups())
        for script in scripts
        for match in re.finditer(NEWER, script.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert "Browsers of 2022" in (own.parent / "docs" / "pieces.md").read_text("utf-8")


def test_an_unknown_piece_lists_the_known_ones():
    with pytest.raises(ValueError, match="explorer, links, lookup"):
        place.piece("explorerr", {}, "", (1, 1))


def test_a_closing_tag_in_the_data_ends_no_script(monkeypatch):
    monkeypatch.delenv("SEQ2SEQ_STATIC", raising=False)
    assert "</script><b>" not in show.batch(["</script><b>"]).data


def test_a_page_that_was_opened_from_a_disk_says_what_is_missing(
    browser, tmp_path, monkeypatch
):
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.support.ui import WebDriverWait

    monkeypatch.setenv(STATIC_VARIABLE, "1")
    (tmp_path / "page.html").write_text(
        f"<!doctype html><meta charset='utf-8'>{PIECES['links']().data}", encoding="utf-8"
    )
    publish.publish(MODELS, tmp_path / "live")
    browser.get((tmp_path / "page.html").as_uri())
    body = browser.find_element("css selector", "body")
    with suppress(TimeoutException):
        WebDriverWait(browser, 20).until(lambda _: place.FROM_A_DISK in body.text)
    assert place.FROM_A_DISK in body.text
