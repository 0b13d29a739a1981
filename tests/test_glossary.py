"""Links lead to entries of the glossary, and every entry is linked from its chapter."""

import re
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from tools import contents

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "glossary.md").read_text(encoding="utf-8")
PAGES = contents.pages(ROOT)
CHAPTERS = {int(path.name[:2]): path for path in PAGES if path.parent == ROOT / "chapters"}
MOST_WORDS = 75

# Entries that no chapter links, and why they are there all the same.
UNLINKED: dict[str, str] = {}


class Entry(NamedTuple):
    """The names of an entry, the first one in order, and what it says."""

    names: list[str]
    text: str


def entries(page: str) -> list[Entry]:
    """What stands in the directive of a glossary."""
    block = re.search(r"^```\{glossary\}\n(.*?)^```", page, re.M | re.S)
    assert block, "The page has no {glossary}."
    found = []
    for part in block[1].strip().split("\n\n"):
        lines = part.splitlines()
        names = [line for line in lines if line[:1] != " "]
        found.append(Entry(names, " ".join(line.strip() for line in lines[len(names) :])))
    return found


ENTRIES = entries(PAGE)
NAMES = [name for entry in ENTRIES for name in entry.names]
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.names[0])
each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def prose(path: Path) -> str:
    """The text of a page, without its code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = nbformat.reads(text, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def linked(text: str) -> list[str]:
    """The entries that a text links."""
    roles = re.findall(r"\{term\}`([^`]+)`", text)
    return [re.sub(r"^.*<(.+)>$", r"\1", " ".join(role.split())) for role in roles]


def test_there_are_entries_in_order() -> None:
    first = [entry.names[0] for entry in ENTRIES]
    assert len(first) > 80
    assert first == sorted(first, key=str.casefold)
    assert len(set(NAMES)) == len(NAMES)


@each_entry
def test_an_entry_is_short_and_names_its_chapter(entry: Entry) -> None:
    words = re.sub(r"\{\w+(?::\w)?\}`[^`]*`|\$[^$]*\$", "x", entry.text).split()
    assert len(words) <= MOST_WORDS
    assert re.search(r"\{ref\}`Chapter (\d+) <chap-\d\d>`\.$", entry.text)


@each_entry
def test_the_chapter_that_an_entry_names_links_it(entry: Entry) -> None:
    if entry.names[0] in UNLINKED:
        return
    number = int(re.search(r"\{ref\}`Chapter (\d+) <", entry.text)[1])
    assert set(linked(prose(CHAPTERS[number]))) & set(entry.names), (
        f"Chapter {number} does not link {entry.names[0]!r}: link it at its first use, "
        "with a {term} role, or name another chapter in the glossary."
    )


@each_page
def test_links_lead_to_entries(path: Path) -> None:
    assert set(linked(prose(path))) - set(NAMES) == set()


@pytest.mark.parametrize("path", CHAPTERS.values(), ids=lambda path: path.stem)
def test_a_chapter_links_an_entry_once_and_outside_of_headings(path: Path) -> None:
    text = prose(path)
    found = linked(text)
    assert [name for name in set(found) if found.count(name) > 1] == []
    assert found, "A chapter uses words of the glossary, and links none."
    assert not re.findall(r"^#.*\{term\}.*$", text, re.M)


def test_what_is_wrong_is_found() -> None:
    page = "```{glossary}\nb\nBee\n  A letter,\n  the second.\n\na\n  The first.\n```\n"
    assert entries(page) == [
        Entry(["b", "Bee"], "A letter, the second."),
        Entry(["a"], "The first."),
    ]
    text = "**{term}`Keys <key>`** and {term}`unknown\ntoken <UNK>`, {term}`nat`"
    assert linked(text) == ["key", "UNK", "nat"]
