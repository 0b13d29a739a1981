"""What is left to do on the built pages, after Sphinx and its theme.

    finish(html, title, repository)

A page then asks for nothing that it does not need, its figures follow its light and dark,
its parts have the names and roles that a screen reader tells, and search engines, other
sites and readers who lost their way find what they look for.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag

from tools import card, figures, icons

# Scripts and styles of the theme for which these pages have no use.
UNUSED = re.compile(r"fontawesome\.js|sphinx-thebe\.(?:js|css)|THEBE_JS_URL")
SECTIONS = re.compile(r"search-sections\.js")
DESIGN = re.compile(r"(?:sphinx-)?design(?:-tabs)?(?:\.min)?\.(?:js|css)")
MATHS = re.compile(r"mathjax", re.I)
CARD = "_static/card.png"


def pages_address(repository: str) -> str:
    """Where GitHub shows the pages of a repository, or "" if it is not one of GitHub's.

    >>> pages_address("https://github.com/owner/name")
    'https://owner.github.io/name/'
    """
    parts = urlsplit(repository)
    names = parts.path.strip("/").removesuffix(".git").split("/")
    if parts.netloc != "github.com" or len(names) != 2 or not all(names):
        return ""
    owner, name = names
    root = f"https://{owner.lower()}.github.io/"
    return root if f"{root}".endswith(f"/{name.lower()}/") else f"{root}{name}/"


def loads(tag: Tag) -> str:
    """What a script or a style is known by: its address, or else its text."""
    return str(tag.get("src") or tag.get("href") or tag.string or "")


def drop_unused(soup: BeautifulSoup) -> None:
    """Take away scripts and styles that the page does not need, and second copies."""
    needs_math = soup.select_one(".math") is not None
    needs_design = soup.select_one("[class*='sd-']") is not None
    searches = soup.select_one("#search-results, .bd-search-container") is not None
    seen = set()
    for tag in soup.select("script, link[rel=stylesheet], link[rel=preload]"):
        what = loads(tag)
        again = (tag.name, what) in seen  # what is preloaded is asked for once more
        seen.add((tag.name, what))
        unused = UNUSED.search(what) or (not needs_math and MATHS.search(what))
        unused = unused or (not searches and SECTIONS.search(what))
        if again or unused or (not needs_design and DESIGN.search(what)):
            tag.decompose()
    for tag in soup.select("meta[name=viewport]")[1:]:
        tag.decompose()


def name_parts(soup: BeautifulSoup) -> None:
    """Give parts of the page the names and roles that the theme forgets."""
    for summary in soup.select("details > summary"):
        if not summary.get_text(strip=True) and summary.parent:
            link = summary.parent.find_previous_sibling("a")
            below = link.get_text(strip=True) if link else "this part"
            summary["aria-label"] = f"Pages of {below}"
    # What says its name in words needs no other one.
    for named in soup.select("summary[aria-label], button.search-button-field[aria-label]"):
        if named.get_text(strip=True) and not str(named["aria-label"]).startswith(
            "Pages of"
        ):
            del named["aria-label"]
    for works in soup.select(".citation-list"):
        for work in works.select(":scope > .citation"):
            work["role"] = "listitem"
    for head in soup.select("th"):
        if not head.get_text(strip=True) and not head.find(True, recursive=True):
            head.name = "td"
    for empty in soup.select("th > p:empty"):
        if empty.parent and not empty.parent.get_text(strip=True):
            empty.parent.name = "td"
    # A click on the title opens the solution; a link in it would lead away.
    for link in soup.select(".solution > .admonition-title a"):
        link.unwrap()


def draw_in(soup: BeautifulSoup, page: Path) -> dict[str, str]:
    """Put marks where drawings go; returns the drawing of each mark."""
    drawings: dict[str, str] = {}
    for image in soup.select("img[src$='.svg']"):
        path = (page.parent / str(image["src"])).resolve()
        if path.parent.name != "_images" or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        if "Matplotlib" not in text:
            continue
        mark = f"@@drawing-{len(drawings)}@@"
        alt = str(image.get("alt", ""))
        drawings[mark] = figures.inline(text, alt, f"d{len(drawings)}-")
        attrs = {"class": "drawing-frame", "data-file": str(image["src"])}
        frame = soup.new_tag("span", attrs=attrs)
        frame.string = mark
        image.replace_with(frame)
    return drawings


def _description(soup: BeautifulSoup) -> str:
    """The first paragraph of a page, as far as a search engine shows it."""
    for found in soup.select("article p"):
        text = " ".join(found.get_text().split())
        if len(text) > 40:
            return text if len(text) <= 200 else text[:197].rsplit(" ", 1)[0] + " ..."
    return ""


def describe(soup: BeautifulSoup, book: str, address: str, name: str) -> None:
    """Say what other sites show of a page when somebody links to it."""
    title, head = soup.select_one("article h1"), soup.head
    if title is None or head is None:
        return
    for mark in (words := BeautifulSoup(str(title), "html.parser")).select(".headerlink"):
        mark.decompose()
    told = {
        "og:type": "article",
        "og:title": " ".join(words.get_text().split()),
        "og:site_name": book,
        "og:description": _description(soup),
    }
    if address:
        told |= {"og:url": address + name, "og:image": address + CARD}
        link = soup.new_tag("link", rel="canonical", href=address + name)
        head.append(link)
    for key, value in told.items():
        head.append(soup.new_tag("meta", attrs={"property": key, "content": value}))
    head.append(
        soup.new_tag(
            "meta", attrs={"name": "description", "content": told["og:description"]}
        )
    )
    card = "summary_large_image" if address else "summary"
    head.append(soup.new_tag("meta", attrs={"name": "twitter:card", "content": card}))


def _pages(html: Path) -> Iterator[Path]:
    for path in sorted(html.rglob("*.html")):
        if path.relative_to(html).parts[0] not in ("_static", "live", "_sources"):
            yield path


def lead_on(soup: BeautifulSoup, book: str) -> None:
    """Make the page that leads to the first one a page: with a title, a link, an icon."""
    refresh = soup.select_one("meta[http-equiv=Refresh]")
    if refresh is None or soup.html:
        return
    target = str(refresh["content"]).partition("url=")[2]
    soup.insert(0, BeautifulSoup("<!DOCTYPE html>", "html.parser"))
    whole = (
        f'<html lang="en"><head><meta charset="utf-8"/><title>{book}</title>'
        f'<link rel="icon" href="_static/logo.svg"/>{refresh}</head>'
        f'<body><main><h1>{book}</h1><p><a href="{target}">Begin at the first page</a>'
        "</p></main></body></html>"
    )
    refresh.replace_with(BeautifulSoup(whole, "html.parser"))


def _first_words(html: Path) -> str:
    """How the book describes itself: the beginning of its first page."""
    found = re.search(r"url=([^\"']+)", (html / "index.html").read_text("utf-8"))
    first = html / (found[1] if found else "intro.html")
    if not first.is_file():
        return ""
    return _description(BeautifulSoup(first.read_text("utf-8"), "html.parser"))


def write_not_found(html: Path, book: str, address: str) -> None:
    """A page for addresses that lead nowhere, made of the search page's frame."""
    soup = BeautifulSoup((html / "search.html").read_text("utf-8"), "html.parser")
    root = urlsplit(address).path or "/"
    for tag in soup.select("[href], [src]"):
        key = "href" if tag.has_attr("href") else "src"
        if not re.match(r"[a-z]+:|#|/", str(tag[key])):
            tag[key] = root + str(tag[key])
    for script in soup.select("script[src*='search']"):
        script.decompose()
    if soup.html:
        soup.html["data-content_root"] = root
    if soup.title:
        soup.title.string = f"No such page - {book}"
    place = soup.select_one("article, .bd-search-container")
    if place is not None:
        place.clear()
        told = (
            "<h1>There is no such page</h1><p>It may have moved, or the address has a "
            f"mistake. <a href='{root}intro.html'>Begin at the first page</a>, or "
            f"<a href='{root}search.html'>search the book</a>.</p>"
        )
        place.append(BeautifulSoup(told, "html.parser"))
    (html / "404.html").write_text(str(soup), encoding="utf-8")


def write_sitemap(html: Path, address: str) -> None:
    """List the pages for search engines, which need whole addresses."""
    names = [path.relative_to(html).as_posix() for path in _pages(html)]
    left_out = ("404.html", "search.html", "index.html")
    lines = [
        f"  <url><loc>{address}{name}</loc></url>"
        for name in names
        if name not in left_out and not name.startswith("_")
    ]
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    whole = [f'<urlset xmlns="{space}">', *lines, "</urlset>", ""]
    text = '<?xml version="1.0" encoding="utf-8"?>\n' + "\n".join(whole)
    (html / "sitemap.xml").write_text(text, encoding="utf-8")


def finish(html: Path, book: str, repository: str) -> None:
    """Do all of this to the pages in a folder, once.

    Args:
        html: the folder.
        book: the title of the book.
        repository: its address, from which that of the pages follows, or "": then nothing
            is said that needs a whole address.
    """
    address = pages_address(repository)
    icons.keep_only_shown(html)
    for path in _pages(html):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        if path == html / "index.html":
            lead_on(soup, book)
        drop_unused(soup)
        name_parts(soup)
        drawings = draw_in(soup, path)
        describe(soup, book, address, path.relative_to(html).as_posix())
        text = str(soup)
        for mark, drawing in drawings.items():
            text = text.replace(mark, drawing)
        path.write_text(text, encoding="utf-8")
    card.draw(html / CARD, book, _first_words(html))
    write_not_found(html, book, address)
    if address:
        write_sitemap(html, address)
