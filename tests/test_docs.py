"""What the pages for contributors say is true: files, commands and targets exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "CONTRIBUTING.md", ROOT / "README.md", *ROOT.glob("docs/*.md")])
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

# A name of a file or folder of ours: from the top of the project, or beside the page.
TOP = sorted(p.name for p in ROOT.iterdir() if p.is_dir() and p.name[0] not in "._")
_PATH = re.compile(rf"(?<![\w/.])(?:{'|'.join(TOP)})/[\w./-]*|(?<![\w/-])[A-Z_]+\.md")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
# What stands for a name that the reader chooses, and what `make` writes.
_OPEN = re.compile(r"NN-|NAME|results/(quick|parts)|[*?]")


def missing(text: str, page: Path) -> list[str]:
    """What a page names that does not exist."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    said = re.findall(r"(?:^|`)make ([a-z]+)", text, re.M)
    wrong = [f"make {target}" for target in said if target not in targets]
    modules = re.findall(r"-m ((?:tools|experiments|assignments)\.[a-z_]\w*)", text)
    files = [module.replace(".", "/") + ".py" for module in modules]
    files += _PATH.findall(text) + _LINK.findall(text)
    for name in (name.rstrip(".") for name in files):
        exists = (ROOT / name).exists() or (page.parent / name).exists()
        if not exists and not _OPEN.search(name):
            wrong.append(name)
    return wrong


@each_page
def test_a_page_names_only_what_exists(page: Path) -> None:
    assert missing(page.read_text(encoding="utf-8"), page) == []


@pytest.mark.parametrize(
    "text",
    [
        "`make nothing`",
        "make nothing",
        "`python -m tools.nothing`",
        "`tests/test_nothing.py`",
        "[a page](docs/nothing.md)",
        "see NOTHING.md",
    ],
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
