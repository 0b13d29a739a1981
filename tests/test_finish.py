"""What is done to the pages after Sphinx: drawings, icons, names, numbers, addresses."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from bs4 import BeautifulSoup
from colours import DARK, contrast, in_the_dark
from matplotlib import rc_context
from nbformat.v4 import new_code_cell, new_notebook, new_output

from seq2seq_lib import plotting
from tools import card, figures, finish, numbering
from tools.environment import FIGURES, MATPLOTLIB

# --- drawings -------------------------------------------------------------------------


def svg_of(figure, folder: Path) -> str:
    """A figure as the book's kernels write it."""
    with rc_context(MATPLOTLIB):
        figure.savefig(folder / "a.svg", **FIGURES["print_figure_kwargs"])
    return (folder / "a.svg").read_text()


def test_two_builds_draw_the_same(tmp_path):
    first, second = (
        svg_of(plotting.bars({"a": 1.0, "b": 0.5}, "share"), tmp_path) for _ in range(2)
    )
    assert first == second and "dc:date" not in first


@pytest.mark.parametrize("color", [*plotting.PALETTE, plotting.GREY])
def test_every_colour_of_the_book_stands_out_in_the_dark(color):
    assert contrast(in_the_dark(color), DARK["ffffff"]) >= 4.2


def test_colours_stay_apart_in_the_dark():
    dark = {in_the_dark(color) for color in plotting.PALETTE}
    assert len(dark) == len(plotting.PALETTE)


def test_a_drawing_becomes_part_of_the_page(tmp_path):
    svg = svg_of(plotting.bars({"fixed context": 0.25}, "share"), tmp_path)
    drawn = figures.inline(svg, 'One "bar" & its <name>.', "d7-")
    root = ET.fromstring(drawn)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'One "bar" & its <name>.'
    assert "fill: var(--fig-000000, #000000)" in drawn
    assert "var(--fig-d55e00, #d55e00)" in drawn
    names = {tag.get("id") for tag in root.iter()} - {None}
    assert names and all(name.startswith("d7-") for name in names)
    asked = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', drawn))
    assert {a or b for a, b in asked} == names
    assert len(drawn) < len(svg)


def test_a_drawing_is_never_so_narrow_that_labels_vanish(tmp_path):
    fig, ((ax,),) = plotting.new_figure()
    ax.text(0.5, 0.5, "small", fontsize=6)
    svg = svg_of(fig, tmp_path)
    drawn = figures.inline(svg, "x", "d-")
    least = int(re.search(r"min-width: (\d+)px", drawn)[1])
    points = float(ET.fromstring(svg).get("width").removesuffix("pt"))
    assert 6 / points * least == pytest.approx(10, abs=0.05)


def test_what_stands_on_a_picture_keeps_its_colours(tmp_path):
    weights = np.array([[0.9, 0.1], [0.2, 0.8]])
    fig = plotting.heatmap(weights, "ab", "cd", gold=[(0, 0)])
    fig.axes[0].text(1, 1, "inside")
    fig.axes[0].set_title("above")
    drawn = figures.inline(svg_of(fig, tmp_path), "x", "d-")
    root = ET.fromstring(drawn)
    assert f"stroke: {plotting.AMBER.lower()}" in drawn
    labels = [g for g in root.iter("g") if "scale(0." in g.get("transform", "")]
    kept = [g for g in labels if g.get("style") == "fill: #000000"]
    assert len(labels) >= 8 and len(kept) == 1  # the text on it, and not the title
    assert f"var(--fig-{plotting.AMBER[1:].lower()}" not in drawn


def test_marks_that_look_alike_say_so_once(tmp_path):
    fig, ((ax,),) = plotting.new_figure()
    ax.plot(range(40), range(40), "o", color=plotting.BLUE)
    ax.plot(range(40), range(40, 0, -1), "|", color=plotting.ORANGE, alpha=0.6)
    root = ET.fromstring(figures.inline(svg_of(fig, tmp_path), "x", "d-"))
    groups = [g for g in root.iter("g") if len(g.findall("use")) == 40]
    for group, color in zip(groups, (plotting.BLUE, plotting.ORANGE), strict=True):
        marks = group.findall("use")
        assert len({mark.get("x") for mark in marks}) == 40
        assert {mark.get("style") for mark in marks} == {None}
        assert f"stroke: var(--fig-{color[1:].lower()}" in group.get("style")
    assert "stroke-opacity: 0.6" in groups[1].get("style")


@pytest.mark.parametrize("second", ["fill: #ff0000", "fill: #000000; opacity: 0.5"])
def test_marks_that_differ_or_shine_through_keep_their_looks(second):
    first = second if "opacity" in second else "fill: #000000"
    svg = (
        '<svg width="72pt" viewBox="0 0 72 72"><g>'
        f'<use x="1" style="{first}"/><use x="2" style="{second}"/></g></svg>'
    )
    root = ET.fromstring(figures.inline(svg, "x", "d-"))
    assert root.find("g").get("style") is None
    assert all(mark.get("style") for mark in root.iter("use"))


def test_a_large_drawing_is_left_to_its_picture():
    small, large = "<svg/>", "<svg>" + "x" * figures.LARGEST + "</svg>"
    outputs = [
        new_output("display_data", {figures.SVG: svg, figures.PNG: "iVBO"})
        for svg in (small, large)
    ]
    notebook = new_notebook(cells=[new_code_cell(outputs=outputs)])
    figures.drop_large(notebook)
    first, second = (output.data for output in notebook.cells[0].outputs)
    assert set(first) == {figures.SVG, figures.PNG} and set(second) == {figures.PNG}


# --- pages ----------------------------------------------------------------------------


def soup_of(body: str, head: str = "") -> BeautifulSoup:
    return BeautifulSoup(
        f"<html><head>{head}</head><body>{body}</body></html>", "html.parser"
    )


SCRIPTS = (
    "<link rel='preload' as='script' href='a.js'/>"
    "<script src='_static/scripts/fontawesome.js?digest=1'></script>"
    "<script>const THEBE_JS_URL = 'x'</script>"
    "<script>window.MathJax = {}</script><script src='mathjax/startup.js'></script>"
    "<script src='a.js'></script><script src='a.js'></script>"
)


def test_a_page_keeps_only_the_scripts_that_it_needs():
    plain = soup_of("<p>x</p>", SCRIPTS)
    finish.drop_unused(plain)
    assert [tag["src"] for tag in plain.select("script")] == ["a.js"]
    formulas = soup_of("<span class='math'>x</span>", SCRIPTS)
    finish.drop_unused(formulas)
    assert len(formulas.select("script")) == 3


def test_parts_get_their_names_and_roles():
    soup = soup_of(
        "<a href='x'>The library</a><details><summary><i></i></summary></details>"
        "<div role='list' class='citation-list'><p class='citation' role='y'>a</p></div>"
        "<table><tr><th></th><th>name</th></tr></table>"
        "<div class='solution'><p class='admonition-title'>To <a href='#e'>1</a></p></div>"
    )
    finish.name_parts(soup)
    assert soup.summary["aria-label"] == "Pages of The library"
    assert soup.select_one(".citation")["role"] == "listitem"
    assert [th.get_text() for th in soup.select("th")] == ["name"]
    assert soup.select_one(".admonition-title").get_text() == "To 1"
    assert not soup.select(".admonition-title a")


@pytest.mark.parametrize(
    "repository, address",
    [
        ("https://github.com/Owner/name", "https://owner.github.io/name/"),
        ("https://github.com/owner/name.git", "https://owner.github.io/name/"),
        ("https://github.com/owner/owner.github.io", "https://owner.github.io/"),
        ("https://gitlab.com/owner/name", ""),
        ("https://github.com/owner", ""),
        ("", ""),
    ],
)
def test_the_address_of_the_pages_follows_from_the_repository(repository, address):
    assert finish.pages_address(repository) == address


ARTICLE = "<article><h1>7 &middot; Why?<a class='headerlink'>#</a></h1><p>{}</p></article>"


def test_a_page_says_what_other_sites_show_of_it():
    soup = soup_of(
        ARTICLE.format("A network never spells its question the same way twice.")
    )
    finish.describe(soup, "The book", "https://o.github.io/n/", "chapters/07.html")
    told = {tag["property"]: tag["content"] for tag in soup.select("meta[property]")}
    assert told["og:title"] == "7 · Why?"
    assert told["og:description"].startswith("A network never")
    assert told["og:url"] == "https://o.github.io/n/chapters/07.html"
    assert told["og:image"] == "https://o.github.io/n/_static/card.png"


def test_without_an_address_nothing_is_said_that_needs_one():
    soup = soup_of(
        ARTICLE.format("A network never spells its question the same way twice.")
    )
    finish.describe(soup, "The book", "", "chapters/07.html")
    assert not soup.select(
        "link[rel=canonical], [property='og:url'], [property='og:image']"
    )


def test_the_sitemap_lists_pages_by_whole_addresses(tmp_path):
    for name in ("intro", "chapters/01", "search", "404", "_static/x", "_modules/y"):
        path = tmp_path / f"{name}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text("<p>x</p>")
    finish.write_sitemap(tmp_path, "https://o.github.io/n/")
    listed = [tag.text for tag in ET.parse(tmp_path / "sitemap.xml").iter() if tag.text]
    found = [text for text in listed if text.startswith("https")]
    assert found == [f"https://o.github.io/n/{n}.html" for n in ("chapters/01", "intro")]


def test_the_page_for_lost_readers_works_from_every_folder(tmp_path):
    (tmp_path / "search.html").write_text(
        "<html data-content_root='./'><head><title>Search</title>"
        "<link href='_static/a.css'/><script src='_static/searchtools.js'></script></head>"
        "<body><a href='https://a.b'>x</a><article>old</article></body></html>"
    )
    finish.write_not_found(tmp_path, "The book", "https://o.github.io/n/")
    soup = BeautifulSoup((tmp_path / "404.html").read_text(), "html.parser")
    assert soup.link["href"] == "/n/_static/a.css" and not soup.select("script")
    assert soup.article.h1.get_text() == "There is no such page"
    assert [a["href"] for a in soup.select("a")][:2] == ["https://a.b", "/n/intro.html"]


def test_the_page_that_leads_on_is_a_page():
    refresh = '<meta http-equiv="Refresh" content="0; url=intro.html" />'
    soup = BeautifulSoup(refresh, "html.parser")
    finish.lead_on(soup, "The book")
    text = str(soup)
    assert text.startswith("<!DOCTYPE html>") and 'url=intro.html"' in text
    again = BeautifulSoup(text, "html.parser")
    assert again.title.string == "The book" and again.a["href"] == "intro.html"
    assert again.select_one("link[rel=icon]")["href"] == "_static/logo.svg"


def test_a_card_is_as_large_as_other_sites_ask_for(tmp_path):
    from PIL import Image

    card.draw(tmp_path / "card.png", "The book", "One line. " * 12)
    assert Image.open(tmp_path / "card.png").size == (1200, 630)


# --- numbers --------------------------------------------------------------------------


def test_things_are_numbered_by_their_chapter():
    counted = {
        "intro": {"figure": {"a": (1,)}, "table": {"t": (1,)}},
        "chapters/03-x": {"figure": {"c": (3,), "b": (2,)}, "exercise": {"e": (1,)}},
        "chapters/11-y": {"figure": {"d": (4,)}},
        "own-corpus": {"figure": {"f": (5,)}},
    }
    assert numbering.by_chapter(counted) == {
        "intro": {"figure": {"a": (1,)}, "table": {"t": (1,)}},
        "chapters/03-x": {"figure": {"b": (3, 1), "c": (3, 2)}, "exercise": {"e": (3, 1)}},
        "chapters/11-y": {"figure": {"d": (11, 1)}},
        "own-corpus": {"figure": {"f": (2,)}},
    }
