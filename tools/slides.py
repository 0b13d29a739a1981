"""Make slides out of the built book, a deck for each chapter, in _build/html/slides.

    python -m tools.slides            # what `make slides` does

A deck holds what its chapter's page holds: the question that is its title, every figure
with its caption, the cells tagged `slide`, and the first exercise as a question for the
class. Nothing is written twice, so a deck is never older than its page; nothing on it is
loaded from another host. A deck is one page of HTML: arrow keys turn it, without
JavaScript one scrolls, and a browser prints one slide on one sheet.
"""

import copy
import html as markup
import re
import shutil
import sys
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from tools import commands, environment
from tools.contents import ContentsError, notebooks
from tools.finish import MATHS, loads

TAG = "slide"
HERE = Path(__file__).parent

_PAGE = """\
<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="../_static/logo.svg">
<link rel="stylesheet" href="../_static/pygments.css">
<link rel="stylesheet" href="deck.css">
{scripts}<script src="deck.js" defer></script>
</head>
<body>
<main>
{slides}
</main>
</body>
</html>
"""


def page(built: Path, name: str) -> BeautifulSoup:
    """A page of the built book.

    Raises:
        ContentsError: it was not built.
    """
    path = built / f"{name}.html"
    if not path.is_file():
        raise ContentsError(f"There is no {path}: build the book with `make book` first.")
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def _clean(tag: Tag) -> Tag:
    """A copy of a part of a page without what belongs to the page alone."""
    part = copy.copy(tag)
    for extra in part.select("a.headerlink, button, .toggle-button"):
        extra.decompose()
    for link in part.select("a"):  # the words stay, whatever they led to
        link.unwrap()
    # Within a drawing names lead from a mark to its shape.
    for inside in [part, *part.select("[id]:not(svg *)")]:
        inside.attrs.pop("id", None)
    return part


def file_of(figure: Tag) -> str:
    """The address of a figure's file, whether the page shows it or has it drawn in."""
    found = figure.select_one("[data-file], img[src]")
    return str(found.get("data-file") or found["src"]) if found else ""


def words(tag: Tag | None) -> str:
    """The text of a part of a page, in one line."""
    return " ".join(_clean(tag).get_text().split()) if tag else ""


def _section(tag: Tag) -> str:
    """The heading under which a part of a page stands."""
    section = tag.find_parent("section")
    return words(section.find(["h2", "h3", "h1"])) if section else ""


def parts(soup: BeautifulSoup) -> list[Tag]:
    """What of a page is shown: figures and cells tagged `slide`, outside of solutions."""
    return [
        part
        for part in soup.select(f"figure[id], div.cell.tag_{TAG}:not(.tag_solution)")
        if not part.find_parent(class_=["solution", "exercise"])
        and not part.find_parent(class_=["tag_solution", f"tag_{TAG}"])
    ]


def name_of(chapter: Path, source: Path) -> str:
    """What a page is called in the built book, without its ending."""
    return chapter.relative_to(source).with_suffix("").as_posix()


def deck(soup: BeautifulSoup, name: str) -> str:
    """The slides of a chapter's page, whose name is without its ending."""
    heading = soup.select_one("section > h1")
    if not isinstance(heading, Tag):
        raise ContentsError(f"The page {name} has no title: it makes no slides.")
    number, _, question = words(heading).rpartition("·")
    hook = heading.find_next_sibling("p")
    slides = [
        f"<h1>{markup.escape(question.strip())}</h1>"
        + (str(_clean(hook)) if isinstance(hook, Tag) else "")
        + f'<p class="source">Attention, Measured, {markup.escape(number.strip())}: '
        f'<a href="../{name}.html">the chapter</a></p>'
    ]
    for part in parts(soup):
        body = _clean(part)
        link = ""
        if part.name == "figure" and (file := file_of(body)):
            link = f'<a href="{file}" download>download this figure</a>'
            link = f'<p class="source">{link}</p>'
        slides.append(f"<h2>{markup.escape(_section(part))}</h2>{body}{link}")
    exercise = soup.select_one("div.exercise")
    if exercise:
        body = _clean(exercise)
        title = body.find(class_="admonition-title")
        asked = re.sub(r"^[^(]*\((.*)\)$", r"\1", words(title if title else None))
        if title:
            title.decompose()
        slides.append(f"<h2>A question: {markup.escape(asked)}</h2>{body}")
    sections = "\n".join(
        f'<section id="s{at}" class="slide">{each}</section>'
        for at, each in enumerate(slides, start=1)
    )
    # Formulas are set by the page's own scripts, in a folder beside that of the slides.
    needed = [tag for tag in soup.select("script") if MATHS.search(loads(tag))]
    scripts = "".join(f"{tag}\n" for tag in needed) if 'class="math' in sections else ""
    return _PAGE.format(title=words(heading), scripts=scripts, slides=sections)


def write_decks(source: Path, built: Path) -> list[Path]:
    """Write a deck for each chapter, and a page that lists them; returns the files."""
    target = built / "slides"
    made = {}
    for chapter in notebooks(source):
        if chapter.parent == source:
            continue  # the front page asks no question
        name = name_of(chapter, source)
        made[f"{chapter.stem}.html"] = deck(page(built, name), name)
    titles = {file: re.search(r"<title>(.*)</title>", text) for file, text in made.items()}
    rows = "".join(
        f'<li><a href="{file}">{title[1]}</a></li>'
        for file, title in titles.items()
        if title
    )
    lead = "<h1>Slides</h1><p>Arrow keys turn them; printed, a slide is a sheet.</p>"
    listed = f'<section class="slide">{lead}<ul>{rows}</ul></section>'
    made["index.html"] = _PAGE.format(title="Slides", scripts="", slides=listed)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for file, text in made.items():
        (target / file).write_text(text, encoding="utf-8")
    for file in ("deck.css", "deck.js"):
        shutil.copyfile(HERE / file, target / file)
    return [target / file for file in made]


def main() -> int:
    """The command line; returns the exit status."""
    commands.parser("tools.slides", __doc__).parse_args()
    *_, listed = write_decks(environment.ROOT, environment.ROOT / "_build" / "html")
    print(f"Open {listed}")
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(main))
