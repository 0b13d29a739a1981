"""`make book SOLUTIONS=0`: no solution is in the site, and nothing else is missing.

A tiny book is built twice, with and without solutions; both builds are looked at.
"""

import ast
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import contents, first_cell, solutions
from tools.notebooks import stripped

ROOT = Path(__file__).resolve().parent.parent

# Two pictures of one pixel; the second belongs to a solution.
PIXELS = [
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
]

# Words that stand in solutions only: in prose, in code, and in what the code prints.
PROSE = ("zwiebelfisch", "quittensaft", "hummelflug", "kirschkern")
CODE = ("dachziegel",)
PRINTED = ("regenschirm",)
SECRET = (*PROSE, *CODE, *PRINTED)
# And words that have to stay.
OPEN = ("exclaimer", "abacus", "lighthouse", "tambourine", "kettledrum")

COUNT = "with open('runs.txt', 'a') as file:\n    _ = file.write('run\\n')"


def shown(picture: str, name: str) -> NotebookNode:
    """A cell that draws a picture under a label."""
    source = (
        "import base64\n\nfrom IPython.display import Image\n\n"
        f"Image(base64.b64decode({picture!r}))"
    )
    figure = {"name": name, "caption": "A pixel."}
    look = {"figure": figure, "image": {"alt": "A pixel."}}
    return new_code_cell(source, metadata={"mystnb": look})


def gate(kind: str, label: str = "", *options: str) -> str:
    return "\n".join([f"```{{{kind}}} {label}".rstrip(), *options, "```"])


def exercise(label: str, text: str) -> str:
    start = gate("exercise-start", "A question", f":label: {label}")
    return f"{start}\n\n{text}\n\n{gate('exercise-end')}"


def begin(label: str) -> str:
    return gate("solution-start", f"ex-{label}", f":label: sol-{label}", ":class: dropdown")


END = gate("solution-end")
WITHOUT_GATE = "```{solution} ex-one\n\nA hummelflug is told.\n```"


def chapter() -> NotebookNode:
    """Solutions as a chapter has them, and one without code."""
    cells = [
        new_markdown_cell(
            "# A chapter\n\nSee {ref}`ex-one`. Of the abacus: {glue:text}`open_number:.1f`."
        ),
        new_code_cell(f"from myst_nb import glue\n\n{COUNT}"),
        new_code_cell("glue('open_number', 1.5, display=False)\nprint('light' + 'house')"),
        shown(PIXELS[0], "fig-open"),
        new_markdown_cell("## Exercises\n\n" + exercise("ex-one", "Play the tambourine.")),
        new_markdown_cell(f"{begin('one')}\n\nThe zwiebelfisch swims."),
        new_code_cell("dachziegel = 'regen' + 'schirm'\nprint(dachziegel)"),
        new_code_cell("glue('secret_number', 7.25, display=False)"),
        shown(PIXELS[1], "fig-secret"),
        new_markdown_cell(
            "In {numref}`fig-secret` {glue:text}`secret_number:.2f` kirschkern."
            f"\n\n{END}"
        ),
        new_markdown_cell(exercise("ex-two", "Beat the kettledrum.")),
        # Gates in cells of their own, and a solution without code.
        new_markdown_cell(begin("two")),
        new_markdown_cell("Take quittensaft on a hummelflug."),
        new_markdown_cell(END),
        new_markdown_cell("Look at {numref}`fig-open`.\n\n## Summary\n\nAn exclaimer."),
        new_code_cell("print(6 * 7)"),
    ]
    return stripped(new_notebook(cells=cells))


def build(book: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.build_book", "--source", str(book), *options],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )


def make_book(folder: Path) -> Path:
    """A book of one page and two chapters, with the project's settings."""
    for name in ("_config.yml", "references.bib", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "_static", folder / "_static")
    (folder / "intro.md").write_text(
        "# A book\n\nOf [a chapter](one.ipynb), and of {cite:t}`bahdanau2015neural`.\n"
    )
    (folder / "bibliography.md").write_text("# Bibliography\n\n```{bibliography}\n```\n")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n"
        "- file: one\n- file: two\n- file: bibliography\n"
    )
    address = first_cell.repository()
    nbformat.write(first_cell.placed(chapter(), address), folder / "one.ipynb")
    plain = [new_markdown_cell("# Another"), new_code_cell("print('no ' + 'exercise')")]
    nbformat.write(stripped(new_notebook(cells=plain)), folder / "two.ipynb")
    # What no page lists must not be copied: it may hold solutions.
    nbformat.write(chapter(), folder / "draft.ipynb")
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny book, built with solutions and then without; see also ``before.txt``."""
    folder = make_book(tmp_path_factory.mktemp("book"))
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    digest = digest_of(folder / "_build" / "html")
    done = build(folder, "--no-solutions")
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "before.txt").write_text(f"{digest}\n{done.stdout}")
    return folder


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for name, data in everything(folder).items():
        moment = (folder / name).stat().st_mtime_ns
        digest.update(f"{name} {moment} ".encode() + data)
    return digest.hexdigest()


@pytest.fixture(scope="module")
def ordinary(book: Path) -> dict[str, bytes]:
    return everything(book / "_build" / "html")


@pytest.fixture(scope="module")
def classroom(book: Path) -> dict[str, bytes]:
    return everything(book / "_build" / "classroom" / "_build" / "html")


def holding(files: dict[str, bytes], word: str) -> set[str]:
    """The files that hold a word, in any case."""
    return {name for name, data in files.items() if word.encode() in data.lower()}


def article(files: dict[str, bytes], name: str) -> str:
    soup = BeautifulSoup(files[name], "html.parser")
    found = soup.select_one("article.bd-article")
    assert found is not None
    return str(found)


# --- the two sites --------------------------------------------------------------------


@pytest.mark.parametrize("word", SECRET)
def test_no_file_of_the_class_holds_a_solution(
    ordinary: dict[str, bytes], classroom: dict[str, bytes], word: str
) -> None:
    expected = {"one.html"}
    if word not in PRINTED:
        expected.add("_sources/one.ipynb")
    if word in PROSE:
        expected.add("searchindex.js")
    assert expected <= holding(ordinary, word), "the ordinary book has lost it too"
    assert holding(classroom, word) == set()


def test_no_image_and_no_number_of_a_solution_is_left(
    ordinary: dict[str, bytes], classroom: dict[str, bytes]
) -> None:
    kept, secret = (base64.b64decode(picture) for picture in PIXELS)
    assert {kept, secret} <= set(ordinary.values())
    assert kept in classroom.values()
    assert secret not in classroom.values()
    assert PIXELS[1] not in classroom["_sources/one.ipynb"].decode()
    assert "7.25" in article(ordinary, "one.html")
    assert "7.25" not in article(classroom, "one.html")


def test_nothing_speaks_of_a_solution(classroom: dict[str, bytes]) -> None:
    page = BeautifulSoup(article(classroom, "one.html"), "html.parser")
    assert page.select(".exercise") and not page.select(".solution")
    for name in ("one.html", "_sources/one.ipynb", "searchindex.js", "objects.inv"):
        text = classroom[name].decode("latin-1")
        assert "sol-" not in text and "{solution" not in text, name


@pytest.mark.parametrize("word", OPEN)
def test_the_exercises_and_the_rest_stay(classroom: dict[str, bytes], word: str) -> None:
    assert word in article(classroom, "one.html")


def test_a_chapter_without_solutions_is_unchanged(
    book: Path, ordinary: dict[str, bytes], classroom: dict[str, bytes]
) -> None:
    copy = book / "_build" / "classroom" / "source"
    assert (copy / "two.ipynb").read_bytes() == (book / "two.ipynb").read_bytes()
    assert article(classroom, "two.html") == article(ordinary, "two.html")
    assert "no exercise" in article(classroom, "two.html")


def test_no_chapter_ran_twice(book: Path) -> None:
    assert len((book / "runs.txt").read_text().splitlines()) == 1


def test_the_ordinary_book_was_not_touched(book: Path) -> None:
    digest, told = (book / "before.txt").read_text().split("\n", 1)
    assert digest_of(book / "_build" / "html") == digest
    first = book / "_build" / "classroom" / "_build" / "html" / "index.html"
    assert told.splitlines()[-1] == f"Open {first}"
    assert first.is_file()


def test_no_button_leads_to_the_repository(
    ordinary: dict[str, bytes], classroom: dict[str, bytes]
) -> None:
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    for name in ("one.html", "two.html"):
        for words in (address, "colab.research.google.com", "mybinder.org"):
            assert words in ordinary[name].decode()
            assert words not in classroom[name].decode()
    assert address in ordinary["_sources/one.ipynb"].decode()
    assert [
        name for name, content in classroom.items() if address.encode() in content
    ] == []


@pytest.mark.parametrize("plain", [False, True])
def test_the_first_cell_of_a_class_names_no_repository(tmp_path: Path, plain: bool) -> None:
    source, target = tmp_path / "book", tmp_path / "class"
    source.mkdir()
    make_book(source)
    whole = nbformat.read(source / "one.ipynb", as_version=4)
    if plain:  # a chapter without solutions
        whole = solutions.without_solutions(whole, "one.ipynb")[0]
        nbformat.write(whole, source / "one.ipynb")
    given, own = get_cache(tmp_path / "given"), get_cache(tmp_path / "own")
    for name in ("one.ipynb", "two.ipynb"):
        notebook = nbformat.read(source / name, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = 1
        bundle = CacheBundleIn(notebook, str(source / name))
        given.cache_notebook_bundle(bundle, check_validity=False)
    solutions.write_copy(source, given, target, own)
    left = nbformat.read(target / "one.ipynb", as_version=4)
    (cell,) = filter(first_cell.is_first_cell, left.cells)
    assert cell.source == first_cell.code("")
    _, executed = own.merge_match_into_notebook(left)  # Sphinx finds it, and runs nothing
    assert first_cell.repository() not in nbformat.writes(executed)


def test_what_no_page_lists_is_not_copied(book: Path) -> None:
    copy = book / "_build" / "classroom" / "source"
    assert not (copy / "draft.ipynb").exists()
    assert not [p for p in copy.rglob("*") if p.suffix == ".ipynb" and p.stem == "draft"]
    assert (copy / "references.bib").is_file()


def test_a_solution_without_an_end_stops_the_build_and_loses_nothing(
    tmp_path: Path, book: Path
) -> None:
    broken = tmp_path / "book"
    shutil.copytree(book, broken)
    notebook = chapter()
    assert notebook.cells[13].source == END
    notebook.cells[13].source = "Nothing ends here."
    nbformat.write(notebook, broken / "one.ipynb")
    html = broken / "_build" / "classroom" / "_build" / "html"
    before = everything(html), everything(broken / "_build" / "html")
    done = build(broken, "--no-solutions")
    assert done.returncode == 1
    assert "one.ipynb: the solution of ex-two begins in cell 12" in done.stderr
    assert "Traceback" not in done.stderr
    assert (everything(html), everything(broken / "_build" / "html")) == before


# --- cutting, without a build ---------------------------------------------------------


def cut(*cells: NotebookNode | str) -> NotebookNode:
    made = [new_markdown_cell(c) if isinstance(c, str) else c for c in cells]
    return solutions.without_solutions(new_notebook(cells=made), "x.ipynb")[0]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([begin("a"), "text"], "of ex-a begins in cell 1 and never ends"),
        ([begin("a"), begin("b"), END], "before the next solution begins, in cell 2"),
        ([begin("a"), "", exercise("ex-b", "?")], "the next exercise begins, in cell 3"),
        (["text", END], "a solution ends in cell 2 that did not begin"),
        ([begin("a"), END, END], "a solution ends in cell 3 that did not begin"),
        ([f"text\n\n{begin('a')}", END], "a solution shares cell 1 with other text"),
        ([begin("a"), f"{END}\n\ntext"], "a solution shares cell 2 with other text"),
        (["```{solution} ex-a\n\ntext\n```"], "that did not begin"),
    ],
)
def test_gates_that_do_not_match_are_one_sentence(cells: list[str], said: str) -> None:
    with pytest.raises(contents.ContentsError, match=re.escape(said)) as error:
        cut(*cells)
    assert str(error.value).startswith("x.ipynb: ")


def test_colons_and_indents_are_gates_too() -> None:
    left = cut("a", ":::{solution-start} ex-a\n:::\n\nb", "c\n\n  :::{solution-end}\n  :::")
    assert [cell.source for cell in left.cells] == ["a"]


def glued(key: str) -> NotebookNode:
    data = {"scrapbook": {"name": key, "mime_prefix": "application/papermill.record/"}}
    output = new_output("display_data", {"text/plain": "1"}, metadata=data)
    return new_code_cell("glue(...)", outputs=[output])


def test_a_number_that_only_a_solution_computes_must_not_be_used() -> None:
    text = "It is {glue:text}`big:.2f`."
    with pytest.raises(contents.ContentsError, match="shows 'big', which only a solution"):
        cut(begin("a"), glued("big"), END, text)
    assert len(cut(begin("a"), glued("big"), text, END, glued("small")).cells) == 1
    assert len(cut(glued("big"), begin("a"), glued("big"), END, text).cells) == 2


@pytest.mark.parametrize(
    ("inside", "outside", "fails"),
    [
        ("def best(x):\n    return x", "best(3)", True),
        ("import json", "json.dumps(3)", True),
        ("for i in range(3):\n    last = i", "%time\nlast", True),
        ("x = 1", "print([x for x in range(3)])", False),
        ("x = 1", "def f(x):\n    return x", False),
        ("def f():\n    y = 1\n    return y", "y = 2\ny", False),
        ("def f():\n    print = 1", "print(3)", False),
    ],
)
def test_a_name_that_only_a_solution_defines_must_not_be_used(
    inside: str, outside: str, fails: bool
) -> None:
    cells = [begin("a"), new_code_cell(inside), END, new_code_cell(outside)]
    if not fails:
        cut(*cells)
        return
    with pytest.raises(contents.ContentsError, match="which only a solution defines"):
        cut(*cells)


def test_a_name_must_be_defined_above_its_use() -> None:
    cells = [begin("a"), new_code_cell("x = 1"), END]
    with pytest.raises(contents.ContentsError, match="uses 'x', which only a solution"):
        cut(*cells, new_code_cell("print(x)"), new_code_cell("x = 2"))


def test_what_a_solution_defines_must_not_be_referred_to() -> None:
    cells = [begin("a"), shown(PIXELS[0], "fig-a"), "(place-a)=\n## A", END]
    made = [new_markdown_cell(c) if isinstance(c, str) else c for c in cells]
    _, gone = solutions.without_solutions(new_notebook(cells=made), "x.ipynb")
    lost = solutions.labels(gone)
    assert lost == {"sol-a", "fig-a", "place-a"}
    for text in ("see {numref}`fig-a`", "[so](#sol-a)", "{ref}`the place <place-a>`"):
        with pytest.raises(contents.ContentsError, match="y.md: .*stands in a solution"):
            solutions.check_references(text, lost, "y.md")
    solutions.check_references("{ref}`fig-ab`, {ref}`a-fig-a`", lost, "y.md")


@pytest.mark.parametrize("text", ["{ref}`its solution <sol-one>`", WITHOUT_GATE])
def test_a_page_that_needs_or_holds_a_solution_stops_the_build(
    tmp_path: Path, book: Path, text: str
) -> None:
    broken = tmp_path / "book"
    shutil.copytree(book, broken)
    with (broken / "intro.md").open("a") as page:
        page.write(f"\n{text}\n")
    done = build(broken, "--no-solutions")
    assert done.returncode == 1
    assert "intro.md: a " in done.stderr and "Traceback" not in done.stderr


# --- the real chapters ----------------------------------------------------------------

CHAPTERS = contents.notebooks(ROOT)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_can_be_cut(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    left, gone = solutions.without_solutions(notebook, path.name)
    before, after = solutions.prose(notebook), solutions.prose(left)
    pattern = r"^```\{exercise-start\}.*\n:label: .*$"
    assert re.findall(pattern, before, re.M) == re.findall(pattern, after, re.M)
    found = {label for label in solutions.labels(gone) if label.startswith("sol-")}
    assert before.count("{solution-start}") == len(found)
    assert "{solution" not in after
    # Headings and everything between exercises stay; so does the code above them.
    assert re.findall(r"^## .*", before, re.M) == re.findall(r"^## .*", after, re.M)
    first = next(
        (n for n, c in enumerate(notebook.cells) if "{exercise-start}" in c.source), 0
    )
    assert left.cells[:first] == notebook.cells[:first]


def test_no_chapter_needs_a_number_or_figure_of_a_solution() -> None:
    """As far as one sees without executing: the keys and labels in the sources."""
    texts, lost_labels = {}, set()
    for path in CHAPTERS:
        notebook = nbformat.read(path, as_version=4)
        left, gone = solutions.without_solutions(notebook, path.name)
        texts[path.name] = solutions.prose(left)
        lost_labels |= solutions.labels(gone)
        strings = [
            {
                node.arg if isinstance(node, ast.keyword) else node.value
                for cell in cells
                if cell.cell_type == "code"
                for node in ast.walk(ast.parse(cell.source))
                if isinstance(node, ast.keyword)
                or (isinstance(node, ast.Constant) and isinstance(node.value, str))
            }
            for cells in (left.cells, gone)
        ]
        used = set(re.findall(r"\{glue:text\}`([^`:]+)", texts[path.name]))
        assert not used & (strings[1] - strings[0])
    for name, text in texts.items():
        solutions.check_references(text, lost_labels, name)


@pytest.mark.parametrize("value", ["2", "no", ""])
def test_another_value_of_solutions_is_one_sentence(value: str) -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    done = subprocess.run(
        ["make", "-o", ".venv/.installed", "book", f"SOLUTIONS={value}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert f"SOLUTIONS is 1 (with solutions) or 0 (without), not '{value}'." in done.stderr
