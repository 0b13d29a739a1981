"""What the pages for contributors say is true: files, commands and targets exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "CONTRIBUTING.md", ROOT / "README.md", *ROOT.glob("docs/*.md")])
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

_CODE = re.compile(r"`+([^`]+)`+")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
_FILE = re.compile(r"(?:[\w-]+/)+[\w.-]*|[\w-]+\.(?:md|py|yml|txt|ipynb|toml|cff)")
_PLACEHOLDERS = ("NN-", "NAME", "NAME.json", "_build", "A?", "my", "submissions", "graded")


def _named_files(text: str) -> set[str]:
    """Files and folders of the project that a page names."""
    code = " ".join(_CODE.findall(text)) + " " + " ".join(_LINK.findall(text))
    found = {word.rstrip(".") for word in _FILE.findall(code)}
    return {word for word in found if not any(p in word for p in _PLACEHOLDERS)}


def missing(text: str, page: Path) -> list[str]:
    """What a page names that does not exist."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    wrong = [f"make {t}" for t in re.findall(r"make ([a-z]+)\b", text) if t not in targets]
    for module in re.findall(r"python -m ((?:tools|experiments|assignments)\.\w+)", text):
        if not (ROOT / Path(*module.split("."))).with_suffix(".py").is_file():
            wrong.append(module)
    for name in _named_files(text):
        here, top = page.parent / name, ROOT / name
        if not (here.exists() or top.exists()):
            wrong.append(name)
    return wrong


@each_page
def test_a_page_names_only_what_exists(page: Path) -> None:
    assert missing(page.read_text(encoding="utf-8"), page) == []


@pytest.mark.parametrize(
    "text", ["`make nothing`", "`python -m tools.nothing`", "`tests/test_nothing.py`"]
)
def test_what_does_not_exist_is_found(text: str) -> None:
    assert missing(text, ROOT / "README.md")


def test_the_page_for_contributors_is_short() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 90


def test_every_rule_names_the_test_that_keeps_it() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.split("| rule | kept by |")[1].split("\n\n")[0].splitlines()[2:]
    assert len(table) >= 10
    for row in table:
        kept_by = row.split("|")[2]
        assert "tests/" in kept_by or "make test" in kept_by, row


def test_the_changelog_begins_with_the_version_of_the_library() -> None:
    import seq2seq_lib

    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\d+\.\d+\.\d+)", text, re.M)
    assert newest and newest[1] == seq2seq_lib.__version__
    assert f"version: {newest[1]}" in (ROOT / "CITATION.cff").read_text()
    assert f'version = "{newest[1]}"' in (ROOT / "pyproject.toml").read_text()
