"""Works are told apart: no two that are cited look the same in the text."""

import re
from pathlib import Path

import pytest
from pybtex.database import Entry, Person, parse_file, parse_string

from tools import contents

ROOT = Path(__file__).resolve().parent.parent
WORKS = parse_file(ROOT / "references.bib").entries
PAGES = contents.pages(ROOT)
_CITED = re.compile(r"\{cite:\w+\}`([^`]+)`")
# "Cho et al. 2014a", "Och and Ney (2003)"
_NAMED = re.compile(
    r"\b([A-Z][\w-]+)(?: et al\.| and [A-Z][\w-]+|)(?:,? \(?)((?:19|20)\d\d[a-z]?)\b"
)


def label(entry: Entry) -> str:
    """How a text names a work: one or two authors or the first of more, and the year."""
    names = [" ".join(person.last_names) for person in entry.persons["author"]]
    who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return f"{who} {entry.fields['year']}"


def alike(entries: dict[str, Entry]) -> list[set[str]]:
    """Keys of works that have one label."""
    by_label: dict[str, set[str]] = {}
    for key, entry in entries.items():
        by_label.setdefault(label(entry), set()).add(key)
    return [keys for keys in by_label.values() if len(keys) > 1]


def test_no_two_works_look_the_same() -> None:
    assert alike(WORKS) == []


def test_two_works_that_look_the_same_are_found() -> None:
    one = "@misc{one, author = {Cho, K. and Bo, A. and Li, B.}, year = {2014}}"
    two = "@misc{two, author = {Cho, K. and Ma, A. and Xu, B.}, year = {2014}}"
    entries = parse_string(one + two, "bibtex").entries
    assert alike(entries) == [{"one", "two"}]
    assert label(entries["one"]) == "Cho et al. 2014"
    entries["one"].persons["author"] = [Person("Och, F."), Person("Ney, H.")]
    assert label(entries["one"]) == "Och and Ney 2014"


def test_the_two_of_2014_are_the_ones_they_are_taken_for() -> None:
    titles = {"learning": "Phrase Representations", "properties": "On the Properties"}
    for (word, title), letter in zip(titles.items(), "ab", strict=True):
        entry = WORKS[f"cho2014{word}"]
        assert title in entry.fields["title"] and entry.fields["year"] == f"2014{letter}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_work_that_is_cited_is_listed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    cited = {key.strip() for keys in _CITED.findall(text) for key in keys.split(",")}
    assert cited - set(WORKS) == set()


def test_docstrings_name_works_as_the_bibliography_does() -> None:
    """Where the bibliography has a letter behind a year, a docstring has it too."""
    labels = {
        (" ".join(e.persons["author"][0].last_names), e.fields["year"])
        for e in WORKS.values()
    }
    lettered = {(who, year[:4]) for who, year in labels if not year.isdigit()}
    found = []
    for path in sorted((ROOT / "seq2seq_lib").rglob("*.py")):
        named = _NAMED.findall(path.read_text(encoding="utf-8"))
        found += [(path.name, who, year) for who, year in named if (who, year) in lettered]
    assert found == []
    assert lettered == {("Cho", "2014")}
