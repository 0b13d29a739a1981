"""The built pages: all there, nothing dead, nothing left over. Needs `make book`."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from colours import DARK, contrast

import seq2seq_lib
from tools import contents

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    page.relative_to(ROOT).with_suffix(".html").as_posix() for page in contents.pages(ROOT)
]
MAX_PRINTED_LINES = 15
MAX_BYTES = 2_000_000  # of a page without its images

pytestmark = pytest.mark.book

# What a page must not contain, as text or in its source, and why it would be there.
LEFT_OVERS = {
    "Traceback (most recent call last)": "an error went into an output",
    "nbconvert": "a converter complained",
    "{glue:": "a number was not glued",
    "{numref}": "a reference was not resolved",
    "{cite": "a citation was not resolved",
    "{ref}": "a reference was not resolved",
    "% AUTHOR": "a note to the author was left in",
    "Loading widget": "a widget needs a kernel",
    "|\u2014|": "a table was not set: its cell lacks markdown_format: myst",
    "|---|": "a table was not set: its cell lacks markdown_format: myst",
}
LEFT_OVER_SELECTORS = {
    ".problematic, .system-message": "docutils complained",
    ".cell_output .stderr, .output.stderr": "standard error is shown",
    ".cell_output .traceback, .output.traceback": "an error is shown",
    "script[type^='application/vnd.jupyter.widget']": "a widget needs a kernel",
}


# Code may speak of these words, also in a docstring and within a sentence.
CODE = ".cell_input, .highlight-python, .highlight-ipython3, .doctest, code.literal"


@cache
def read(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(path: Path) -> frozenset[str]:
    soup = read(path)
    names = {tag["id"] for tag in soup.find_all(id=True)}
    names |= {tag["name"] for tag in soup.find_all("a", attrs={"name": True})}
    return frozenset(names)


def article(soup: BeautifulSoup) -> Tag:
    """The part of a page that the project wrote."""
    found = soup.select_one("article.bd-article") or soup.body
    assert found is not None
    return found


def dead_links(path: Path, html: Path) -> list[str]:
    """Links, images, styles and scripts of a page that lead to nothing in the book."""
    found = []
    for tag in read(path).find_all(["a", "img", "link", "script", "source", "video"]):
        address = tag.get("href") or tag.get("src")
        if not address:
            continue
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if target.is_dir():
            target = target / "index.html"
        if not target.is_file() or not target.is_relative_to(html.resolve()):
            found.append(f"<{tag.name}> leads to {address}, which is not there")
            continue
        # A bare "#" goes to the top; the theme uses it for its buttons.
        place = unquote(parts.fragment) if target.suffix == ".html" else ""
        if place and place not in anchors(target):
            found.append(f"<{tag.name}> leads to {address}, which has no such place")
    return found


def left_overs(path: Path) -> list[str]:
    """Signs that something went wrong on the way to the page."""
    soup = article(read(path))
    # What counts is prose and output.
    copy = BeautifulSoup(str(soup), "html.parser")
    for code in copy.select(CODE):
        code.decompose()
    text = copy.get_text()
    found = [f"{words!r}: {why}" for words, why in LEFT_OVERS.items() if words in text]
    found += [f"a line begins with WARNING: {line}" for line in _warnings(text)]
    found += [
        f"{tag.name}.{'.'.join(tag.get('class', []))}: {why}"
        for selector, why in LEFT_OVER_SELECTORS.items()
        for tag in copy.select(selector)
    ]
    return found


def _warnings(text: str) -> list[str]:
    return re.findall(r"^\s*(?:WARNING|ERROR)\b.*", text, flags=re.M)


def silent_images(path: Path) -> list[str]:
    """Images and drawings without a text that says what they show."""
    found = article(read(path)).select("img, svg.drawing")
    told = [(tag, str(tag.get("alt") or tag.get("aria-label") or "")) for tag in found]
    return [
        str(tag.get("src", tag.name))
        for tag, text in told
        # Sphinx puts the address where no text was given.
        if not text.strip() or text.startswith(("_images", "../_images", "data:"))
    ]


def long_outputs(path: Path) -> list[str]:
    """Cells that print more than a reader takes in."""
    found = []
    for output in article(read(path)).select(".cell_output pre"):
        lines = output.get_text().rstrip().splitlines()
        if len(lines) > MAX_PRINTED_LINES:
            found.append(f"{len(lines)} lines are printed, beginning with {lines[0]!r}")
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_there_with_one_title(html: Path, page: str) -> None:
    soup = read(html / page)
    assert soup.html is not None and soup.html.get("lang") == "en"
    titles = [title.get_text() for title in article(soup).find_all("h1")]
    assert len(titles) == 1, titles


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(html: Path, page: str) -> None:
    assert dead_links(html / page, html) == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_left_over(html: Path, page: str) -> None:
    assert left_overs(html / page) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_has_a_text(html: Path, page: str) -> None:
    assert silent_images(html / page) == []


@pytest.mark.parametrize("page", PAGES)
def test_no_cell_prints_more_than_a_reader_takes_in(html: Path, page: str) -> None:
    assert long_outputs(html / page) == []


@pytest.mark.parametrize("page", contents.notebooks(ROOT), ids=lambda page: page.stem)
def test_a_notebook_downloaded_from_its_page_is_ours(html: Path, page: Path) -> None:
    # It then runs wherever ours does: tests/test_anywhere.py.
    place = (html / page.relative_to(ROOT)).with_suffix(".html")
    (link,) = read(place).select("a.btn-download-source-button")
    downloaded = (place.parent / str(link["href"])).resolve()
    assert downloaded.read_bytes() == page.read_bytes()


def test_the_first_page_leads_to_every_other(html: Path) -> None:
    first = html / PAGES[0]
    linked = {
        (first.parent / unquote(urlsplit(tag["href"]).path)).resolve()
        for tag in read(first).find_all("a", href=True)
        if not urlsplit(tag["href"]).scheme
    }
    assert {(html / page).resolve() for page in PAGES[1:]} <= linked


def test_the_index_leads_to_the_first_page(html: Path) -> None:
    assert PAGES[0] in (html / "index.html").read_text(encoding="utf-8")


def test_the_pages_are_not_older_than_their_sources(html: Path) -> None:
    for source, page in zip(contents.pages(ROOT), PAGES, strict=True):
        older = (html / page).stat().st_mtime < source.stat().st_mtime
        assert not older, f"{source.name} has changed: run `make book` first"


@pytest.mark.parametrize("page", PAGES)
def test_only_a_page_with_formulas_asks_for_them_to_be_set(html: Path, page: str) -> None:
    soup = read(html / page)
    scripts = [tag for tag in soup.find_all("script", src=True) if "mathjax" in tag["src"]]
    assert len(scripts) == (soup.select_one(".math") is not None)


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("chapters/")])
def test_figures_and_exercises_are_numbered_by_their_chapter(html: Path, page: str) -> None:
    chapter = int(Path(page).name.partition("-")[0])
    soup = article(read(html / page))
    numbers = [tag.get_text().split()[-1] for tag in soup.select("figure .caption-number")]
    exercises = [
        re.sub(r".*Exercise ([\d.]+).*", r"\1", tag.get_text(" ").replace("\n", " "))
        for tag in soup.select(".exercise > .admonition-title")
    ]
    for found in (numbers, exercises):
        assert found == [f"{chapter}.{n}" for n in range(1, len(found) + 1)]
    assert exercises


def test_other_sites_and_lost_readers_find_their_way(html: Path) -> None:
    assert (html / "_static" / "card.png").is_file()
    assert "There is no such page" in (html / "404.html").read_text(encoding="utf-8")
    listed = (html / "sitemap.xml").read_text(encoding="utf-8")
    assert all(f"/{page}</loc>" in listed for page in PAGES)


def test_formulas_need_no_connection(html: Path) -> None:
    scripts = [
        tag["src"]
        for page in PAGES
        for tag in read(html / page).find_all("script", src=True)
        if "mathjax" in tag["src"].lower()
    ]
    assert not [address for address in scripts if urlsplit(address).scheme]


def public_names() -> Iterator[str]:
    """Every class and function that the library defines, and their public methods."""
    for info in pkgutil.walk_packages(seq2seq_lib.__path__, "seq2seq_lib."):
        module = importlib.import_module(info.name)
        for name, thing in vars(module).items():
            ours = getattr(thing, "__module__", "") == info.name
            if name[0] == "_" or not ours or not hasattr(thing, "__qualname__"):
                continue
            if inspect.isfunction(thing) or inspect.isclass(thing):
                yield f"{info.name}.{name}"
            for method, value in vars(thing).items() if inspect.isclass(thing) else ():
                if method[0] != "_" and inspect.isfunction(value):
                    yield f"{info.name}.{name}.{method}"


def test_the_reference_has_every_public_name(html: Path) -> None:
    pages = [html / page for page in PAGES if page.startswith("library/")]
    there = frozenset[str]().union(*map(anchors, pages))
    assert sorted(set(public_names()) - there) == []


def test_equations_of_docstrings_keep_their_lines(html: Path) -> None:
    text = read(html / "library" / "models.html")
    blocks = [block.get_text() for block in text.select("dd div.highlight-text pre")]
    assert any("s_0 = tanh(P summary)\n" in block for block in blocks)
    assert len(blocks) >= 6


def test_the_index_has_the_words_of_the_glossary_and_the_names(html: Path) -> None:
    listed = {
        link["href"] for link in article(read(html / "genindex.html")).select("a[href]")
    }
    terms = [tag["id"] for tag in read(html / "glossary.html").select("dt[id^='term-']")]
    assert len(terms) > 80
    assert {f"glossary.html#{term}" for term in terms} <= listed
    assert "library/models.html#seq2seq_lib.model.build_model" in listed


def test_words_of_a_chapter_lead_to_the_glossary(html: Path) -> None:
    page = read(html / "chapters" / "07-attention-from-scratch.html")
    (link,) = (a for a in article(page).select("a") if "#term-softmax" in a.get("href", ""))
    assert link["href"] == "../glossary.html#term-softmax"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_not_too_large(html: Path, page: str) -> None:
    assert (html / page).stat().st_size <= MAX_BYTES


# --- the checks themselves ------------------------------------------------------------


def page_with(folder: Path, body: str) -> Path:
    path = folder / "page.html"
    path.write_text(
        f"<html><body><article class='bd-article'>{body}</article></body></html>"
    )
    return path


@pytest.mark.parametrize(
    "body",
    [
        "<a href='nowhere.html'>x</a>",
        "<a href='#nowhere'>x</a>",
        "<img src='_images/nowhere.png' alt='x'>",
        "<a href='../outside.html'>x</a>",
    ],
)
def test_a_dead_link_is_found(tmp_path: Path, body: str) -> None:
    html = tmp_path / "html"
    html.mkdir()
    (tmp_path / "outside.html").touch()
    assert len(dead_links(page_with(html, body), html)) == 1


def test_a_live_link_is_not_found(tmp_path: Path) -> None:
    body = "<h2 id='a b'>x</h2><a href='page.html#a%20b'>x</a><a href='https://a.b'>x</a>"
    assert dead_links(page_with(tmp_path, body), tmp_path) == []


@pytest.mark.parametrize(
    "body",
    [
        "<pre>Traceback (most recent call last)</pre>",
        "<p>It reached {glue:text}`bleu`.</p>",
        "<pre>\n  WARNING: look out</pre>",
        "<p>| a | b | |\u2014|\u2014|</p>",
        "<div class='output stderr'>x</div>",
        "<div class='cell_output'><div class='traceback'>x</div></div>",
        "<script type='application/vnd.jupyter.widget-view+json'>{}</script>",
        "<span class='problematic'>x</span>",
    ],
)
def test_a_left_over_is_found(tmp_path: Path, body: str) -> None:
    assert len(left_overs(page_with(tmp_path, body))) == 1


def test_code_may_speak_of_errors(tmp_path: Path) -> None:
    body = "<div class='cell_input'>print('WARNING')</div><p>no warning here</p>"
    body += "<div class='doctest'><pre>Traceback (most recent call last):</pre></div>"
    body += "<p>Write <code class='literal'>{glue:text}</code>.</p>"
    assert left_overs(page_with(tmp_path, body)) == []


def test_a_silent_drawing_is_found(tmp_path: Path) -> None:
    body = "<svg class='drawing' aria-label=' '></svg><svg class='icon'></svg>"
    assert silent_images(page_with(tmp_path, body)) == ["svg"]


@pytest.mark.parametrize("alt", ["", "alt=''", "alt=' '", "alt='_images/a.png'"])
def test_a_silent_image_is_found(tmp_path: Path, alt: str) -> None:
    page = page_with(tmp_path, f"<img src='a.png' {alt}>")
    assert silent_images(page) == ["a.png"]


def test_a_long_output_is_found(tmp_path: Path) -> None:
    body = "<div class='cell_output'><pre>" + "x\n" * 16 + "</pre></div>"
    assert len(long_outputs(page_with(tmp_path, body))) == 1


def test_every_colour_of_a_drawing_stands_out_or_is_in_the_table(html):
    used = {
        color
        for page in html.rglob("*.html")
        for color in re.findall(r"var\(--fig-([0-9a-f]{6})", page.read_text("utf-8"))
    }
    lost = {c for c in used - DARK.keys() if contrast(c, DARK["ffffff"]) < 4.5}
    assert used and not lost, "give them values in the dark in _static/custom.css"
