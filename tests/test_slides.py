"""Slides, figures, a ZIP and a PDF, all out of the built pages."""

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup

from tools import commands, contents, environment, packing, pdf, slides

ROOT = Path(__file__).parents[1]
CHAPTERS = [path for path in contents.notebooks(ROOT) if path.parent != ROOT]
MOST_KEY_CELLS = 3

PAGE = """\
<html><head><script>window.MathJax = {"loader": {"load": ["core"]}}</script>
<script src="../_static/mathjax/startup.js"></script></head><body>
<h1>8 · For print</h1>
<article><section id="s"><h1>8 · May it look?<a class="headerlink" href="#s">#</a></h1>
<p>A hook with a <a href="x.html">link</a>.</p><p>More.</p>
<div class="cell"><pre>plain = 1</pre></div>
<section id="t"><h2>How it <em>looks</em><a class="headerlink" href="#t">#</a></h2>
<div class="cell tag_slide"><div class="highlight"><pre>key = 2</pre></div></div>
<div class="cell tag_hide-input"><details><pre>drawing = 3</pre></details>
<figure id="fig-a"><img src="../_images/a1.png" alt="A line."><figcaption>
<p>Fig. 3 Up &amp; down.<a class="headerlink" href="#fig-a">#</a></p></figcaption>
</figure></div>
<figure id="fig-c"><span class="drawing-frame" data-file="../_images/c1.svg"><svg
aria-label="Three bars."><defs><path id="d0-bar"/></defs><use href="#d0-bar"/></svg></span>
<figcaption><p>Fig. 4 Bars.</p></figcaption></figure></section>
<section id="u"><h2>Exercises</h2>
<div class="exercise admonition" id="ex-a"><p class="admonition-title">Exercise 4
 (Turn it (twice))</p><p>What is <span class="math">\\(x\\)</span>?</p></div>
<div class="solution"><div class="cell tag_slide"><pre>secret = 4</pre></div>
<figure id="fig-b"><img src="../_images/b.png" alt="Secret."></figure></div>
<div class="cell tag_slide tag_solution"><pre>secret = 5</pre></div>
<div class="exercise"><p class="admonition-title">Exercise 5 (Other)</p></div>
</section></section></article></body></html>
"""


@pytest.fixture
def book(tmp_path: Path) -> tuple[Path, Path]:
    """A book of a first page and a chapter, and its built pages."""
    source, built = tmp_path / "book", tmp_path / "html"
    for folder in (source / "chapters", built / "chapters", built / "_images"):
        folder.mkdir(parents=True)
    (source / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n- file: chapters/08-look\n"
    )
    for name in ("intro.ipynb", "chapters/08-look.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(), source / name)
    (built / "chapters" / "08-look.html").write_text(PAGE)
    front = "<section><h1>Book</h1></section>"
    (built / "intro.html").write_text(front)
    (built / "index.html").write_text(front)
    (built / "_images" / "a1.png").write_bytes(b"\x89PNG of a")
    (built / "_images" / "c1.svg").write_text("<svg/>")
    return source, built


def test_a_deck_has_what_its_page_has(book: tuple[Path, Path]) -> None:
    source, built = book
    made, listed = slides.write_decks(source, built)
    soup = BeautifulSoup(made.read_text(), "html.parser")
    told = [" ".join(each.get_text(" ").split()) for each in soup.select(".slide")]
    assert told == [
        "May it look? A hook with a link. Attention, Measured, 8: the chapter",
        "How it looks key = 2",
        "How it looks Fig. 3 Up & down. download this figure",
        "How it looks Fig. 4 Bars. download this figure",
        "A question: Turn it (twice) What is \\(x\\) ?",
    ]
    assert soup.find("title").text == "8 · May it look?"
    assert soup.find("img")["alt"] == "A line."
    assert soup.select_one("a[download][href$='_images/c1.svg']")
    assert soup.find(id="d0-bar") and soup.find("use")["href"] == "#d0-bar"
    assert not soup.select(".headerlink, [id^=fig], [id^=ex]")
    assert "08-look.html" in listed.read_text() and "May it look?" in listed.read_text()
    assert (made.parent / "deck.css").is_file() and (made.parent / "deck.js").is_file()


def test_formulas_are_loaded_where_there_are_some(book: tuple[Path, Path]) -> None:
    source, built = book
    path = built / "chapters" / "08-look.html"
    made = slides.write_decks(source, built)[0]
    assert 'src="../_static/mathjax/startup.js"' in made.read_text()
    assert "window.MathJax" in made.read_text()
    path.write_text(PAGE.replace('class="math"', ""))
    assert "mathjax" not in slides.write_decks(source, built)[0].read_text().lower()


def test_an_old_deck_does_not_stay(book: tuple[Path, Path]) -> None:
    source, built = book
    (built / "slides").mkdir()
    (built / "slides" / "07-gone.html").touch()
    slides.write_decks(source, built)
    assert not (built / "slides" / "07-gone.html").exists()


def test_figures_are_called_by_their_labels(
    book: tuple[Path, Path], tmp_path: Path
) -> None:
    source, built = book
    path = packing.pack_figures(source, built, tmp_path / "dist")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [
            "figures/captions.txt",
            "figures/fig-a.png",
            "figures/fig-c.svg",
        ]
        assert archive.read("figures/fig-a.png") == b"\x89PNG of a"
        text = archive.read("figures/captions.txt").decode()
    assert "CC BY" in text and "fig-a\nFig. 3 Up & down.\nA line." in text
    assert "fig-c\nFig. 4 Bars.\nThree bars." in text


def test_the_packed_book_opens_and_is_the_same_twice(
    book: tuple[Path, Path], tmp_path: Path
) -> None:
    _, built = book
    path = packing.pack_book(built, tmp_path / "one")
    for page in built.rglob("*.html"):
        page.touch()
    assert packing.pack_book(built, tmp_path / "two").read_bytes() == path.read_bytes()
    shutil.unpack_archive(path, tmp_path / "disk")
    (top,) = (tmp_path / "disk").iterdir()
    assert (top / "index.html").read_text() == (built / "index.html").read_text()
    assert (top / "_images" / "a1.png").is_file()


@pytest.mark.parametrize(
    ("module", "arguments"),
    [(slides, []), (packing, ["book"]), (packing, ["figures"]), (pdf, [])],
)
def test_without_a_built_book_it_is_one_sentence(
    module, arguments: list[str], tmp_path: Path, monkeypatch, capsys
) -> None:
    for name in ("_toc.yml", "intro.ipynb"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    (tmp_path / "chapters").mkdir()
    shutil.copy(CHAPTERS[0], tmp_path / "chapters")
    with (tmp_path / "_toc.yml").open("a") as toc:
        toc.write(f"chapters:\n- file: chapters/{CHAPTERS[0].stem}\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["tool", *arguments])
    monkeypatch.setattr(pdf, "browser", lambda: "chromium")
    assert commands.run(module.main) == 1
    error = capsys.readouterr().err
    assert "build the book with `make book` first" in error and error.count("\n") == 1


def test_without_a_browser_it_is_one_sentence(
    book: tuple[Path, Path], tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commands.run(lambda: len(pdf.print_book(*book, tmp_path, []))) == 1
    error = capsys.readouterr().err
    assert error.startswith("No PDF is made: there is no Chromium or Chrome;")


def test_a_page_that_is_none_is_told(
    book: tuple[Path, Path], tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(pdf, "browser", lambda: "chromium")
    with pytest.raises(contents.ContentsError, match="No page into: choose from intro, ch"):
        pdf.print_book(*book, tmp_path, ["into"])


@pytest.mark.browser
def test_a_page_is_printed(book: tuple[Path, Path], tmp_path: Path) -> None:
    if not any(map(shutil.which, pdf.BROWSERS)):
        pytest.skip("no browser: install chromium to print pages")
    name = "chapters/08-look"
    (made,) = pdf.print_book(*book, tmp_path / "pdf", [name])
    assert made.name == "chapters-08-look.pdf"
    assert b"/Type /Page" in made.read_bytes()


def test_a_browser_that_prints_nothing_is_told(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("x")
    with pytest.raises(contents.ContentsError, match="a.html was not printed: no reason"):
        pdf.print_page("true", page, tmp_path / "a.pdf")


# --- what the chapters tag, and what is built ---------------------------------------------


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_has_a_few_key_cells_that_can_be_seen(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    key = [cell for cell in cells if slides.TAG in cell.metadata.get("tags", [])]
    assert 1 <= len(key) <= MOST_KEY_CELLS
    for cell in key:
        tags = cell.metadata.tags
        assert cell.cell_type == "code" and "solution" not in tags
        assert not any(tag.startswith(("hide", "remove")) for tag in tags)


@pytest.fixture(scope="module")
def decks(html: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The decks of the real pages, in a copy of links."""
    built = tmp_path_factory.mktemp("site")
    for path in html.iterdir():
        if path.name != "slides":
            (built / path.name).symlink_to(path)
    return slides.write_decks(ROOT, built)


@pytest.mark.book
def test_every_chapter_has_a_deck_that_loads_only_what_is_there(decks: list[Path]) -> None:
    assert [path.stem for path in decks[:-1]] == [path.stem for path in CHAPTERS]
    for path in decks:
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        loaded = [tag.get("src") or tag.get("href") for tag in soup.select("[src], [href]")]
        for address in loaded:
            parts = urlsplit(address)
            if (
                parts.scheme == "data"
            ):  # a heatmap within a drawing brings its picture along
                continue
            assert not parts.scheme and not parts.netloc, (path.name, address)
            assert (path.parent / parts.path).exists(), (path.name, address)


@pytest.mark.book
def test_a_drawing_on_a_slide_has_its_marks_and_its_file(decks: list[Path]) -> None:
    for path in decks[:-1]:
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        shapes = [tag["id"] for tag in soup.select("svg [id]")]
        assert len(shapes) == len({*shapes}), path.name
        used = {use["href"].removeprefix("#") for use in soup.select("svg use")}
        assert used <= {*shapes}, path.name
        figures = soup.select("figure")
        assert figures and len(figures) == len(soup.select("a[download]")), path.name


@pytest.mark.book
def test_every_figure_of_the_book_is_packed(html: Path, tmp_path: Path) -> None:
    wanted = {
        str(figure["id"])
        for chapter in contents.notebooks(ROOT)
        for figure in slides.parts(slides.page(html, slides.name_of(chapter, ROOT)))
        if figure.name == "figure"
    }
    with zipfile.ZipFile(packing.pack_figures(ROOT, html, tmp_path)) as archive:
        packed = {Path(name).stem for name in archive.namelist()}
    assert packed == wanted | {"captions"} and len(wanted) > 50


@pytest.mark.book
def test_every_deck_asks_and_shows(decks: list[Path]) -> None:
    for path in decks[:-1]:
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        assert soup.find("h1").text.endswith("?"), path.name
        assert soup.find("h1").find_next("p").get("class") != ["source"], path.name
        assert 1 <= len(soup.select(".tag_slide")) <= MOST_KEY_CELLS, path.name
        assert soup.select(".tag_slide pre") and soup.find("figure"), path.name
        assert len(re.findall("A question: ", soup.text)) == 1, path.name
        assert not soup.find("h2", string=""), path.name


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser that writes down what it fetches, and what a page complains of."""
    selenium = pytest.importorskip("selenium.webdriver")
    driver = shutil.which("chromedriver")
    if driver is None or not any(map(shutil.which, pdf.BROWSERS)):
        pytest.skip("no browser: install chromium and chromium-driver to open slides")
    options = selenium.ChromeOptions()
    options.binary_location = pdf.browser()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1280,720")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield opened
    opened.quit()


@pytest.mark.book
@pytest.mark.browser
def test_keys_turn_a_deck_and_nothing_is_fetched_elsewhere(
    decks: list[Path], browser: Any
) -> None:
    for path in decks[6:8]:
        browser.get(path.as_uri())
        top = "return scrollY"
        tall = browser.execute_script("return document.querySelector('#s2').offsetTop")
        body = browser.find_element("css selector", "body")
        body.send_keys("\ue014")  # right
        assert abs(browser.execute_script(top) - tall) <= 1
        body.send_keys("\ue012")  # left
        assert browser.execute_script(top) == 0
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= browser.execute_script("return innerWidth")
        unseen = "return [...document.images].filter(i => !i.naturalWidth).length"
        assert browser.execute_script(unseen) == 0
    asked = [
        json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
    ]
    addresses = [
        message["params"]["request"]["url"]
        for message in asked
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert addresses and all(each.startswith(("file:", "data:")) for each in addresses)


@pytest.mark.book
@pytest.mark.browser
def test_formulas_of_every_deck_are_set_without_a_complaint(
    decks: list[Path], browser: Any
) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    with_some = [path for path in decks if 'class="math' in path.read_text("utf-8")]
    assert len(with_some) >= 5
    left = "return document.querySelectorAll('.math:not(:has(mjx-container))').length"
    for path in with_some:
        browser.get(path.as_uri())
        WebDriverWait(browser, 20).until(lambda page: page.execute_script(left) == 0)
    said = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not said
