"""Building: what runs again, what fails, and what the failure says.

Each test builds a tiny book with the project's own settings, in a folder of its own.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import build_book, contents, environment, reproduce, run_checks, serve
from tools.contents import ContentsError
from tools.execution import SIDE_BY_SIDE
from tools.notebooks import stripped

ROOT = Path(__file__).resolve().parent.parent

# Leaves one line in a file for every time it is executed.
COUNT = "with open('runs.txt', 'a') as file:\n    _ = file.write('run\\n')"


def write_chapter(path: Path, *code: str, text: str = "# A chapter") -> None:
    cells = [new_markdown_cell(text), *(new_code_cell(source) for source in code)]
    nbformat.write(stripped(new_notebook(cells=cells)), path)


def runs(book: Path) -> int:
    """How often the chapter with the cell COUNT was executed."""
    return len((book / "runs.txt").read_text().splitlines())


def ran(book: Path) -> list[bool]:
    """Run the chapters without writing pages; which of them were run this time."""
    done = build_book.run_chapters(book, book / "_build", contents.pages(book))
    return ["kept from an earlier build" not in took for took in done.values()]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of two pages and two chapters, with the project's settings."""
    for name in ("_config.yml", "references.bib", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "_static", tmp_path / "_static")
    (tmp_path / "intro.md").write_text("# A book\n\nSee {cite:t}`bahdanau2015neural`.\n")
    (tmp_path / "bibliography.md").write_text("# Bibliography\n\n```{bibliography}\n```\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n"
        "- file: one\n- file: two\n- file: bibliography\n"
    )
    (tmp_path / "seq2seq_lib").mkdir()
    (tmp_path / "seq2seq_lib" / "vocab.py").write_text("PAD = 0\n")
    write_chapter(tmp_path / "one.ipynb", COUNT, "print(6 * 7)")
    write_chapter(tmp_path / "two.ipynb", "import os", "print(os.getcwd())")
    return tmp_path


def build(book: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m tools.build_book` on the tiny book."""
    return subprocess.run(
        [sys.executable, "-m", "tools.build_book", "--source", str(book), *options],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=200,
    )


# --- what makes chapters run again ----------------------------------------------------


def test_the_fingerprint_stays_when_nothing_changes(book: Path) -> None:
    assert build_book.fingerprint(book) == build_book.fingerprint(book)
    before = build_book.fingerprint(book)
    (book / "intro.md").write_text("# Another text\n")
    (book / "seq2seq_lib" / "__pycache__").mkdir()
    (book / "seq2seq_lib" / "__pycache__" / "vocab.pyc").write_bytes(b"1")
    assert build_book.fingerprint(book) == before


@pytest.mark.parametrize(
    "name",
    [
        "seq2seq_lib/vocab.py",
        "seq2seq_lib/new.py",
        "seq2seq_lib/tasks/copy.py",
        "results/bench.json",
        "requirements.txt",
        "constraints.txt",
    ],
)
def test_the_fingerprint_changes_with(book: Path, name: str) -> None:
    before = build_book.fingerprint(book)
    path = book / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("PAD = 1\n")
    assert build_book.fingerprint(book) != before


def test_a_renamed_module_changes_the_fingerprint(book: Path) -> None:
    before = build_book.fingerprint(book)
    (book / "seq2seq_lib" / "vocab.py").rename(book / "seq2seq_lib" / "words.py")
    assert build_book.fingerprint(book) != before


def test_what_no_chapter_reaches_leaves_the_fingerprint_alone(book: Path) -> None:
    write_chapter(book / "one.ipynb", "from experiments import toy")
    for folder in ("experiments", "checks"):
        (book / folder).mkdir()
        (book / folder / "toy.py").write_text("SAID = 'one'\n")
    before = build_book.fingerprint(book)
    (book / "checks" / "toy.py").write_text("SAID = 'two'\n")
    assert build_book.fingerprint(book) == before
    (book / "experiments" / "toy.py").write_text("SAID = 'two'\n")
    assert build_book.fingerprint(book) != before


def test_a_module_that_changes_during_a_build_is_noticed_by_the_next(book: Path) -> None:
    edit = "open('seq2seq_lib/vocab.py', 'w').write('PAD = 5\\n')"
    write_chapter(book / "one.ipynb", f"_ = {edit}")
    assert ran(book) == [True, True]
    assert ran(book) == [True, True]
    assert ran(book) == [False, False]


def test_what_the_cache_lost_runs_again(book: Path) -> None:
    assert ran(book) == [True, True]
    for path in (book / "_build" / ".jupyter_cache").rglob("base.ipynb"):
        text = path.read_text()
        path.write_text(text[:50] if "runs.txt" in text else text)
    assert ran(book) == [True, False]


def test_chapters_run_once_until_the_library_changes(book: Path) -> None:
    first = build(book)
    assert first.returncode == 0, first.stdout + first.stderr
    page = (book / "_build" / "html" / "one.html").read_text()
    assert "42" in page
    # Once, not twice: Sphinx took the outputs from the cache.
    assert runs(book) == 1
    assert "one.ipynb: 2 cells" in first.stdout  # progress in a log file

    second = build(book)
    assert second.returncode == 0
    assert "kept from an earlier build" in second.stdout
    assert runs(book) == 1

    (book / "seq2seq_lib" / "vocab.py").write_text("PAD = 1\n")
    third = build(book)
    assert third.returncode == 0
    assert "every chapter runs again" in third.stdout
    assert runs(book) == 2


MEET = """
import time
from pathlib import Path
Path("{mine}").touch()
ends = time.monotonic() + 60
while not Path("{other}").exists():
    assert time.monotonic() < ends, "the other chapter has not begun"
    time.sleep(0.1)
"""


@pytest.mark.skipif(SIDE_BY_SIDE < 2, reason="one processor: chapters run one by one")
def test_chapters_run_side_by_side(book: Path) -> None:
    write_chapter(book / "one.ipynb", MEET.format(mine="one.begun", other="two.begun"))
    write_chapter(book / "two.ipynb", MEET.format(mine="two.begun", other="one.begun"))
    done = build(book)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = done.stdout[done.stdout.index("Writing the pages") :]
    assert summary.index("one.ipynb") < summary.index("two.ipynb")  # in the book's order


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind")
@pytest.mark.parametrize(
    ("send", "number"),
    [(os.killpg, signal.SIGINT), (os.kill, signal.SIGINT), (os.kill, signal.SIGTERM)],
    ids=["Ctrl-C", "kill -INT", "kill"],
)
def test_a_stopped_build_keeps_what_ran_and_leaves_no_kernel(
    book: Path, send: Callable[[int, int], None], number: int
) -> None:
    sleeps = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(100)"
    write_chapter(book / "two.ipynb", "import time", sleeps)
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.build_book", "--source", str(book)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = iter(process.stdout.readline, "")
    assert any("one.ipynb: done" in line for line in printed)
    kernel = _number_in(book / "pid")
    send(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped. The chapters that ran are kept." in said and "Traceback" not in said
    assert not _runs(kernel)
    write_chapter(book / "two.ipynb", "x = 1")
    assert build(book).returncode == 0
    assert runs(book) == 1


def _number_in(path: Path) -> int:
    ends = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < ends
        time.sleep(0.1)
    return int(path.read_text())


def _runs(pid: int) -> bool:
    """Whether a process still runs, after some seconds in which it may end."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


# --- what fails, and how --------------------------------------------------------------


def test_a_broken_cell_is_named_and_the_other_chapters_are_kept(book: Path) -> None:
    write_chapter(book / "two.ipynb", "x = 1", "\nassert x == 2, 'x is one'")
    done = build(book)
    assert done.returncode == 1
    assert "two.ipynb, code cell 2 of 2 failed: AssertionError: x is one" in done.stderr
    assert "assert x == 2" in done.stderr
    assert not (book / "_build" / "html").exists()

    write_chapter(book / "two.ipynb", "x = 2", "assert x == 2, 'x is one'")
    repaired = build(book)
    assert repaired.returncode == 0
    assert runs(book) == 1


def test_a_dead_kernel_is_named(book: Path) -> None:
    write_chapter(book / "two.ipynb", "import os\n\nos._exit(3)")
    done = build(book)
    assert done.returncode == 1
    assert "two.ipynb, code cell 1 of 1 failed: its kernel died" in done.stderr


def test_what_leads_nowhere_fails_every_time(book: Path) -> None:
    lines = {
        "no_label": "{ref}`no_label`",
        "no_anchor": "[a link](#no_anchor)",
        "no_page": "[a link](no_page.md)",
        "nobody1999": "{cite}`nobody1999`",
        "no_number": "{glue:text}`no_number`",
        "no_directive": "```{no_directive}\n```",
    }
    (book / "intro.md").write_text("# A book\n\n" + "\n\n".join(lines.values()))
    for _ in range(2):
        done = build(book)
        assert done.returncode == 1
        warnings = [line for line in done.stderr.splitlines() if "WARNING" in line]
        for name in lines:
            assert any(name in line for line in warnings), name


def test_readers_keep_the_old_book_until_a_new_one_is_complete(book: Path) -> None:
    assert build(book).returncode == 0
    page = book / "_build" / "html" / "one.html"
    (book / "intro.md").write_text("# Another title\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.build_book", "--source", str(book)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if not page.exists():  # between two renames; a reader would load it again
            time.sleep(0.5)
            assert page.exists()
        time.sleep(0.01)
    assert process.returncode == 0
    assert "Another title" in (page.parent / "intro.html").read_text()

    (book / "intro.md").write_text("# A third title\n\n{ref}`nowhere`\n")
    assert build(book).returncode == 1
    assert "Another title" in (page.parent / "intro.html").read_text()
    assert sorted(path.name for path in page.parent.parent.glob("[!.]*")) == ["html"]


MERGE = "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n"
DAMAGE = {
    "empty": lambda text: b"",
    "cut short": lambda text: text[: len(text) // 2].encode(),
    "unmerged": lambda text: MERGE.format(text, text).encode(),
    "not UTF-8": lambda text: text.encode() + b'"caf\xe9"',
    "UTF-16": lambda text: text.encode("utf-16"),
    "something else": lambda text: b"[1, 2]",
    "marked": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "nothing": lambda text: b"\0" * 100,
    "with a tab": lambda text: (text + "\n\tx: [\n").encode(),
}
# What is no damage to some files: a mark of the order of bytes, any text at all, or fewer
# settings.
HARMLESS = {
    ("_config.yml", "cut short"),
    ("_toc.yml", "marked"),
    ("_config.yml", "marked"),
    ("references.bib", "marked"),
    ("references.bib", "something else"),
    ("references.bib", "nothing"),
    ("references.bib", "with a tab"),
    ("intro.md", "marked"),
    ("intro.md", "cut short"),
    ("intro.md", "something else"),
    ("intro.md", "nothing"),
    ("intro.md", "with a tab"),
}
FILES = (
    "two.ipynb",
    "_toc.yml",
    "_config.yml",
    "intro.md",
    "references.bib",
    "results/bench.json",
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in FILES for kind in DAMAGE if (name, kind) not in HARMLESS],
)
def test_a_damaged_file_is_one_sentence_with_its_name(
    book: Path, name: str, kind: str
) -> None:
    path = book / name
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.write_text('{"values": [1, 2, 3]}')
    path.write_bytes(DAMAGE[kind](path.read_text()))
    with pytest.raises(ContentsError) as error:
        build_book.build_book(book, book)
    said = str(error.value)
    assert said.startswith(str(path)) and "\n" not in said and len(said) < 500
    assert not (book / "runs.txt").exists()


def test_damage_loses_nothing(book: Path) -> None:
    assert build(book).returncode == 0
    before = (book / "two.ipynb").read_bytes()
    (book / "results").mkdir()
    for name in ("two.ipynb", "results/new.json"):
        (book / name).write_bytes(b"{")
        done = build(book)
        assert done.returncode == 1 and name in done.stderr
        assert "Traceback" not in done.stderr
        (book / "two.ipynb").write_bytes(before)
    (book / "results" / "new.json").unlink()
    assert (book / "_build" / "html" / "two.html").is_file()
    assert ran(book) == [False, False]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("root: intro\nchapters:\n- file: one\n- file: one", "'one'"),
        ("root: intro\nchapters:\n- file: one\n- file: one.ipynb", "'one.ipynb' twice"),
        ("root: intro\nchapters:\n- file: nowhere", "lists 'nowhere'"),
        ("root: intro\nchapters:\n- file: ../outside", "lists '../outside'"),
        ("root: requirements.txt", "lists 'requirements.txt'"),
        ("root: intro\nchapters: one", "chapters"),
        ("root: intro\nchapters:\n- file:", "chapters"),
        ("root: intro\nparts: 3", "parts"),
        ("chapters:\n- file: one", "'root'"),
    ],
)
def test_a_wrong_entry_of_the_contents_is_named(book: Path, lines: str, said: str) -> None:
    write_chapter(book.parent / "outside.ipynb", "1")
    (book / "_toc.yml").write_text(f"format: jb-book\n{lines}\n")
    with pytest.raises(ContentsError) as error:
        build_book.build_book(book, book)
    assert said in str(error.value) and "_toc.yml" in str(error.value)


def test_a_setting_of_the_wrong_kind_is_named(book: Path) -> None:
    with (book / "_config.yml").open("a") as file:
        file.write("exclude_patterns: tests\n")
    with pytest.raises(ContentsError, match=r"_config\.yml.*exclude_patterns"):
        build_book.build_book(book, book)


def test_a_folder_that_cannot_be_written_is_one_sentence(book: Path) -> None:
    (book / "_build").write_text("not a folder")
    for options in ((), ("--no-solutions",), ("--page", str(book / "one.ipynb"))):
        done = build(book, *options)
        assert done.returncode == 1
        assert "_build" in done.stderr and "allow writing there" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits of this kind")
@pytest.mark.parametrize("kept", [False, True], ids=["at first", "with a cache"])
def test_a_full_disk_is_one_sentence_and_loses_nothing(book: Path, kept: bool) -> None:
    import resource

    if kept:
        assert ran(book) == [True, True]
    done = subprocess.run(
        [sys.executable, "-m", "tools.build_book", "--source", str(book)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
    )
    assert done.returncode == 1
    assert "make room on the disk" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    if kept:
        assert ran(book) == [False, False]


def test_a_page_that_is_none_of_the_book_is_one_sentence(book: Path) -> None:
    outside = book.parent / "outside.ipynb"
    write_chapter(outside, "1")
    (book / "tests").mkdir()
    write_chapter(book / "tests" / "x.ipynb", "1")
    for page in (outside, book / "no.ipynb", book, book / "references.bib"):
        with pytest.raises(ContentsError, match="is no page of this book"):
            build_book.build_page(book, page)
    done = build(book, "--page", str(book / "tests" / "x.ipynb"))
    assert done.returncode == 1
    assert "_config.yml excludes its folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_can_be_built_before_it_is_in_the_contents(book: Path) -> None:
    text = "# A chapter\n\nA {term}`word`, and [another page](two.ipynb)."
    write_chapter(book / "draft.ipynb", "print('not ' + 'yet')", text=text)
    (book / "two.ipynb").write_text("in pieces")
    (book / "intro.md").write_text("# A book\n\nSee [a chapter](one.ipynb).\n")
    (book / "glossary.md").write_text("# Words\n\n```{glossary}\nword\n  It.\n```\n")
    done = build(book, "--page", str(book / "draft.ipynb"))
    assert done.returncode == 0, done.stderr
    page = Path(done.stdout.split()[-1]).read_text()
    assert "not yet" in page and "glossary.html#term-word" in page
    # What leads nowhere is shown for the page itself, and for no other.
    assert "draft.ipynb" in done.stdout and "Unknown source document 'two'" in done.stdout
    assert "Unknown source document 'one'" not in done.stdout


@pytest.mark.parametrize("port", ["x", "", "99999", "-1", "80.5"])
def test_a_port_is_a_number(tmp_path: Path, port: str) -> None:
    (tmp_path / "index.html").touch()
    with pytest.raises(ContentsError, match="PORT is a number from 1 to 65535"):
        serve.serve(port, tmp_path)


def test_a_used_port_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(ContentsError, match=f"Port {port} cannot be used"):
            serve.serve(port, tmp_path)
    with pytest.raises(ContentsError, match="no book yet"):
        serve.serve(port, tmp_path / "nothing")


def test_a_page_that_is_missing_is_one_sentence(book: Path) -> None:
    (book / "two.ipynb").unlink()
    done = build(book)
    assert done.returncode == 1
    assert "_toc.yml lists 'two'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_warning_of_a_cell_is_reported(book: Path) -> None:
    bar = "print(' 50%|###   | 1/2 [00:01]', file=sys.stderr)"
    warning = "print('look ' + 'out', file=sys.stderr)"
    write_chapter(book / "two.ipynb", f"import sys\n\n{bar}\n{warning}")
    done = build(book)
    assert done.returncode == 0
    assert "two.ipynb, code cell 1 wrote to standard error: look out" in done.stdout
    assert "50%" not in done.stdout
    assert "look out" not in (book / "_build" / "html" / "two.html").read_text()


def test_the_template_builds_without_a_warning(book: Path) -> None:
    shutil.copy(ROOT / "_template.ipynb", book / "two.ipynb")
    done = build(book)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout
    page = (book / "_build" / "html" / "two.html").read_text()
    assert page.count("admonition-solution") or page.count("solution dropdown")
    assert "0.67" in page
    assert "% AUTHOR" not in page


# --- the reader's own settings --------------------------------------------------------


def test_a_readers_settings_do_not_reach_the_kernel(book: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    broken = {"argv": ["/nonexistent"], "display_name": "mine", "language": "python"}
    for folder in (
        ".local/share/jupyter/kernels/python3",
        "Library/Jupyter/kernels/python3",
    ):
        (home / folder).mkdir(parents=True)
        (home / folder / "kernel.json").write_text(json.dumps(broken))
    (home / ".config" / "matplotlib").mkdir(parents=True)
    (home / ".config" / "matplotlib" / "matplotlibrc").write_text("figure.figsize: 1, 1\n")
    write_chapter(
        book / "two.ipynb",
        "import os\nimport sys\n\nimport matplotlib",
        f"assert sys.prefix == {sys.prefix!r}",
        "assert matplotlib.rcParams['figure.figsize'] != [1, 1]",
        "assert 'inline' in matplotlib.get_backend()",
        "assert os.environ['SEQ2SEQ_STATIC'] == '1'",
        "assert os.environ['PYTHONHASHSEED'] == '0'",
    )
    done = build(
        book,
        HOME=str(home),
        JUPYTER_PATH=str(home / ".local/share/jupyter"),
        MPLBACKEND="agg",
        PYTHONHASHSEED="5",
    )
    assert done.returncode == 0, done.stderr


def test_static_is_set_only_on_the_way_to_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2SEQ_STATIC", "1")
    assert "SEQ2SEQ_STATIC" not in environment.book_environment(static=False)
    assert environment.book_environment(static=True)["SEQ2SEQ_STATIC"] == "1"


# --- the checks and their count -------------------------------------------------------


def test_the_checks_end_with_reasons_and_a_total(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_all.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert False\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_not(n): pytest.skip('no browser: install one')\n"
        "@pytest.mark.xfail\n"
        "def test_known(): assert False\n"
        "@pytest.fixture\n"
        "def broken(): raise OSError\n"
        "def test_never(broken): pass\n"
    )
    command = ["pytest", "-q", "-c", os.devnull, f"--rootdir={tmp_path}", str(tmp_path)]
    monkeypatch.setattr(run_checks, "STEPS", {"one": [command], "two": [["tools"]]})
    monkeypatch.setattr(environment, "apply", lambda static: None)
    assert run_checks.main([]) == 1
    told = capsys.readouterr().out.splitlines()
    assert "  [2] test_all: no browser: install one" in told
    words = "1 failed, 1 passed, 2 skipped, 1 xfailed, 1 error"
    assert re.fullmatch(rf"===== {words} in \d+\.\d\ds =====", told[-1])
    assert [line[:18].split() for line in told if line.startswith("FAILED")] == [
        ["FAILED", "one"],
        ["FAILED", "two"],
    ]


def test_every_test_that_runs_alone_has_its_turn() -> None:
    marked = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"^(@|pytestmark = \[?)pytest\.mark\.alone\b", path.read_text(), re.M)
    }
    commands = [command for step in run_checks.STEPS.values() for command in step]
    assert marked == {
        word
        for command in commands
        if command[:3] == run_checks.ALONE
        for word in command[3:]
    }


# --- two builds, the same numbers -----------------------------------------------------


def notebook_with(*outputs: nbformat.NotebookNode) -> nbformat.NotebookNode:
    cell = new_code_cell("x", outputs=list(outputs))
    return new_notebook(cells=[new_markdown_cell("# T"), cell])


def glued(key: str, value: str) -> nbformat.NotebookNode:
    prefix = "application/papermill.record/"
    return new_output(
        "display_data",
        {f"{prefix}text/plain": value},
        metadata={"scrapbook": {"name": key, "mime_prefix": prefix}},
    )


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (glued("bleu", "31.1"), glued("bleu", "31.2"), "glued value 'bleu'"),
        (
            new_output("stream", text="1\n"),
            new_output("stream", text="2\n"),
            "printed text",
        ),
        (
            new_output("display_data", {"image/png": "aGk="}),
            new_output("display_data", {"image/png": "aGo="}),
            "image/png",
        ),
        (new_output("stream", text="1\n"), glued("bleu", "31.1"), "different things"),
    ],
)
def test_a_difference_between_two_runs_is_named(
    first: nbformat.NotebookNode, second: nbformat.NotebookNode, said: str
) -> None:
    found = reproduce.differences("one", notebook_with(first), notebook_with(second))
    assert len(found) == 1
    assert found[0].startswith("one, code cell 1")
    assert said in found[0]


def test_times_and_progress_bars_may_differ() -> None:
    first = notebook_with(
        glued("seconds_total", "3.1"),
        new_output("stream", name="stderr", text="10 it/s"),
        new_output("stream", text="a\nb\n"),
    )
    second = notebook_with(
        glued("seconds_total", "4.2"),
        new_output("stream", name="stderr", text="12 it/s"),
        new_output("stream", text="a\n"),
        new_output("stream", text="b\n"),
    )
    assert reproduce.differences("one", first, second) == []


def test_pages_may_differ_in_times_only(tmp_path: Path) -> None:
    page = '<p>It took <span class="pasted-text">{}</span> seconds{}</p>'
    index = 'Search.setIndex({{"terms": {{"{}": 1, "word": 2}}, "titleterms": {{}}}})'
    for name, seconds in (("one", "1.5"), ("two", "2.25")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.html").write_text(page.format(seconds, "."))
        (tmp_path / name / "searchindex.js").write_text(index.format(seconds))
    first, second = tmp_path / "one", tmp_path / "two"
    assert reproduce.differing_files(first, second) == []
    (second / "a.html").write_text(page.format("1.5", "!"))
    (second / "b.png").write_bytes(b"x")
    assert reproduce.differing_files(first, second) == [
        "b.png: only one build has it",
        "a.html: the two builds wrote different pages",
    ]
