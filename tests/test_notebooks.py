"""The notebooks in the repository: their state, and the shape every chapter has."""

import copy
import math
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import contents, first_cell, notebooks

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "_template.ipynb"
CHAPTERS = [path for path in contents.notebooks(ROOT) if path.parent == ROOT / "chapters"]
ALL = list(dict.fromkeys([*contents.notebooks(ROOT), TEMPLATE]))

HEADINGS = ("What can go wrong", "Exercises", "Summary", "Further reading")

# The numbers of the chapters, the planned ones included: a number is never reused.
TITLES = {
    "01": "translation-as-prediction",
    "02": "text-to-tensors",
    "03": "the-recurrent-encoder",
    "04": "encoder-decoder",
    "05": "decoding-and-evaluation",
    "06": "the-bottleneck",
    "07": "attention-from-scratch",
    "08": "additive-attention",
    "09": "scoring-functions",
    "10": "alignment",
    "11": "the-evidence",
    "12": "real-translation",
    "13": "towards-transformers",
}


def name(path: Path) -> str:
    return path.stem


def prose(notebook: nbformat.NotebookNode) -> str:
    cells = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return "\n\n".join(cells)


def shape_problems(notebook: nbformat.NotebookNode, number: int) -> list[str]:
    """How a chapter departs from the shape of a chapter."""
    text = prose(notebook)
    headings = re.findall(r"^(#{1,2}) +(.+?) *$", _outside_fences(text), flags=re.M)
    found = []
    titles = [heading for level, heading in headings if level == "#"]
    if len(titles) != 1:
        found.append(f"has {len(titles)} titles: {titles}")
    elif not re.fullmatch(rf"{number} · \S.*", titles[0]):
        found.append(f"is titled {titles[0]!r}, not '{number} · ...'")
    sections = [heading for level, heading in headings if level == "##"]
    found += [f"has no section {one!r}" for one in HEADINGS if one not in sections]
    for phrase in ("You will be able to", "Needs", "{glue:text}`seconds_total"):
        if phrase not in text:
            found.append(f"does not say {phrase!r}")

    exercises = re.findall(r"{exercise-start}[^\n]*\n:label: (\S+)", text)
    solutions = re.findall(r"{solution-start} (\S+)\n:label: \S+\n:class: dropdown", text)
    if len(exercises) != 3:
        found.append(f"has {len(exercises)} exercises, not 3")
    if sorted(exercises) != sorted(solutions):
        found.append(f"has folded solutions to {solutions}, exercises {exercises}")
    for kind in ("exercise", "solution"):
        starts = text.count(f"{{{kind}-start}}")
        if starts != text.count(f"{{{kind}-end}}"):
            found.append(f"does not close every {kind}")
    if any(not one for one in _solutions_with_code(notebook)):
        found.append("has a solution that runs no code")

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not any(notebooks.is_promise(cell) for cell in code):
        found.append(f"has no cell tagged {notebooks.PROMISE}")
    if not any("assert " in cell.source for cell in code):
        found.append("has no assert")
    if code[-1].source != "put(seconds_total=elapsed())":
        found.append("does not put seconds_total aside in its last cell")
    if not first_cell.is_first_cell(code[0]):
        found.append("does not fetch the library in its first code cell")
    if "seq2seq_lib.page" not in code[1].source:
        found.append("does not start the clock, by importing seq2seq_lib.page, at once")
    return found


def _outside_fences(text: str) -> str:
    """The text without what stands between a line of backticks and the next."""
    kept, inside = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def _solutions_with_code(notebook: nbformat.NotebookNode) -> list[bool]:
    """For each solution, whether a code cell stands between its start and its end."""
    found, inside = [], False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if inside:
                found[-1] = True
            continue
        for mark in re.findall(r"{solution-(start|end)}", cell.source):
            inside = mark == "start"
            if inside:
                found.append(False)
    return found


@pytest.mark.parametrize("path", ALL, ids=name)
def test_committed_notebooks_are_clean(path: Path) -> None:
    assert notebooks.problems(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_chapters_have_the_shape_of_a_chapter(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert shape_problems(notebook, int(path.stem[:2])) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_chapters_keep_their_reserved_number(path: Path) -> None:
    number, _, title = path.stem.partition("-")
    assert TITLES.get(number) == title


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_chapters_carry_no_note_to_their_author(path: Path) -> None:
    assert "% AUTHOR" not in prose(nbformat.read(path, as_version=4))


def test_every_chapter_is_in_the_contents() -> None:
    written = sorted(ROOT.glob("chapters/[0-9]*.ipynb"))
    assert sorted(CHAPTERS) == written


def test_chapters_are_in_order() -> None:
    assert sorted(CHAPTERS) == CHAPTERS


def test_the_template_has_the_shape_of_a_chapter() -> None:
    assert shape_problems(nbformat.read(TEMPLATE, as_version=4), 0) == []


@pytest.mark.parametrize(
    "remove",
    ["## Summary", "{solution-end}", "You will be able to", "ex-template-soft", "# 0"],
)
def test_a_missing_part_is_noticed(remove: str) -> None:
    notebook = nbformat.read(TEMPLATE, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(remove, "", 1)
    assert shape_problems(notebook, 0)


def test_a_contents_entry_without_a_page_is_named(tmp_path: Path) -> None:
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    with pytest.raises(contents.ContentsError, match="'intro'.*intro.ipynb"):
        contents.pages(tmp_path)


def test_pages_come_in_reading_order(tmp_path: Path) -> None:
    for page in ("intro.md", "b.ipynb", "a.md", "c.md"):
        (tmp_path / page).touch()
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nparts:\n- caption: One\n  chapters:\n"
        "  - file: b\n    sections:\n    - file: c\n- caption: Two\n  chapters:\n"
        "  - file: a.md\n"
    )
    assert [page.name for page in contents.pages(tmp_path)] == [
        "intro.md",
        "b.ipynb",
        "c.md",
        "a.md",
    ]
    assert [page.name for page in contents.notebooks(tmp_path)] == ["b.ipynb"]


@pytest.mark.parametrize("path", contents.pages(ROOT), ids=name)
def test_a_directive_between_backticks_has_none_in_its_title(path: Path) -> None:
    """Such a line opens no directive: it would stand on the page as it is."""
    text = _page(path.relative_to(ROOT).as_posix())
    assert re.findall(r"^```+\{[\w:-]+\}.*`.*$", text, re.M) == []


# --- a guess first: answers that wait behind a button (_static/guess.js) ------------------


def guess_problems(text: str) -> list[str]:
    """Marks that are not in pairs, or whose answer leaves its section."""
    text = _outside_fences(text)
    marks = re.findall(r"^<div class=\"(guess|guess-end)\"></div>$|^(#)+ ", text, re.M)
    found, opened = [], False
    for mark, heading in marks:
        if heading or (mark == "guess") == opened:
            if opened or mark:
                found.append("the answer to a guess runs into a heading or another guess")
            opened = False
        else:
            opened = mark == "guess"
    return found + ["an answer never ends"] * opened


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_an_answer_that_waits_ends_in_its_section(path: Path) -> None:
    assert guess_problems(prose(nbformat.read(path, as_version=4))) == []


START_MARK, END_MARK = '<div class="guess"></div>', '<div class="guess-end"></div>'


@pytest.mark.parametrize(
    "marks",
    [
        [START_MARK],
        [END_MARK],
        [START_MARK, "## Next", END_MARK],
        [START_MARK, START_MARK, END_MARK],
        [START_MARK, END_MARK, END_MARK],
    ],
)
def test_an_answer_that_does_not_end_is_noticed(marks: list[str]) -> None:
    assert guess_problems("\n\n".join(marks))
    assert not guess_problems(f"## A\n\n{START_MARK}\n\ntext\n\n{END_MARK}\n\n## B")


# What asks a reader to answer before the page does.
PROMPT = re.compile(
    r"Before you (?:run|read|look|go)|\bGuess (?!the)|(?:,|and) guess\b|\bCover the"
    r"|\bDraw (?:it|what)\b|Predict before|Write down your|Work it out before"
)


def open_answers(text: str) -> list[str]:
    """Prompts whose answer waits neither behind a button nor in a folded solution."""
    found = []
    for section in re.split(r"^#{2,} ", text, flags=re.M):
        for prompt in PROMPT.finditer(section):
            rest = section[prompt.end() :]
            if START_MARK not in rest and ":class: dropdown" not in rest:
                found.append(" ".join(section[prompt.start() :][:80].split()))
    return found


@pytest.mark.parametrize("path", contents.notebooks(ROOT), ids=name)
def test_an_answer_waits_where_a_reader_is_asked_to_guess(path: Path) -> None:
    assert open_answers(prose(nbformat.read(path, as_version=4))) == []


@pytest.mark.parametrize(
    "asked",
    ["Cover the right-hand column, and guess:", "Before you read on, write a word."],
)
def test_an_answer_that_does_not_wait_is_noticed(asked: str) -> None:
    assert open_answers(f"## A\n\n{asked}\n\n42\n\n## B\n\n{START_MARK}")
    assert not open_answers(f"## A\n\n{asked}\n\n{START_MARK}\n\n42\n\n{END_MARK}")


@pytest.mark.parametrize("number", ["01", "06", "08", "11"])
def test_the_key_curve_of_a_chapter_is_drawn_first(number: str) -> None:
    """The next mark of a guess hides what was measured."""
    (path,) = (path for path in CHAPTERS if path.stem.startswith(number))
    cells = nbformat.read(path, as_version=4).cells
    drawn = [i for i, cell in enumerate(cells) if re.search(r"\bsketch\(", cell.source)]
    after = prose(nbformat.from_dict({"cells": cells[drawn[0] :]}))
    assert 0 <= after.find(START_MARK) < after.find("\n## ")


# --- what the reader of a page is told, in the chapters that are revised -----------------

REVISED = ("01", "02", "03", "04", "05")
TIMED = (*REVISED, "06", "07", "08", "09", "10", "11", "13")
MOST_WORDS, MOST_CELLS, MOST_WORDS_IN_THE_MIDDLE, MOST_NUMBERS = 3_400, 131, 60, 5
EXERCISE = r"\*(?:Check|Change|Extend) · difficulty [123] · \d+ minutes\.\* [A-Z{$]"
TOLD = re.compile(r"\*\*Time\*\* (\d+) minutes\s+to\s+read[;.]")
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=name)
each_revised, each_timed = (
    pytest.mark.parametrize("path", [p for p in CHAPTERS if p.stem[:2] in some], ids=name)
    for some in (REVISED, TIMED)
)


def words(text: str) -> int:
    """How many words a reader reads; a number that is glued in counts as one."""
    text = re.sub(r"\{glue:text\}`[^`]*`", "N", text)
    text = re.sub(r"^(?:```.*|:\w+:.*|\(\S+\)=|<div .*)$", "", text, flags=re.M)
    return sum(bool(re.search(r"\w", word)) for word in text.split())


def reading_time(notebook: nbformat.NotebookNode) -> int:
    """Minutes: 200 words or ten lines of shown code in each, rounded up to fives."""
    lines = [
        line
        for cell in notebook.cells
        if cell.cell_type == "code"
        and not any(
            tag.startswith(("remove", "hide")) for tag in cell.metadata.get("tags", [])
        )
        for line in cell.source.splitlines()
        if line.strip()
    ]
    return 5 * math.ceil((words(prose(notebook)) / 200 + len(lines) / 10) / 5)


def told_time(path: Path) -> int:
    """The minutes that the first lines of a chapter name."""
    (minutes,) = TOLD.findall(prose(nbformat.read(path, as_version=4)))
    return int(minutes)


@each_timed
def test_the_reading_time_is_true(path: Path) -> None:
    assert told_time(path) == reading_time(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("page", ["intro.ipynb", "for-teachers.md"])
def test_a_page_says_how_long_chapters_take(page: str) -> None:
    (told,) = re.findall(r"takes (\d+) to (\d+)\s+minutes\s+to\s+read", _page(page))
    times = [told_time(path) for path in CHAPTERS]
    assert tuple(map(int, told)) == (min(times), max(times))


def _page(name: str) -> str:
    path = ROOT / name
    if path.suffix == ".ipynb":
        return prose(nbformat.read(path, as_version=4))
    return path.read_text(encoding="utf-8")


@each_revised
def test_a_chapter_is_no_longer_than_can_be_read(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    texts = [words(cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    assert words(prose(notebook)) <= MOST_WORDS
    assert sum(not first_cell.is_first_cell(cell) for cell in notebook.cells) <= MOST_CELLS
    assert statistics.median(filter(None, texts)) <= MOST_WORDS_IN_THE_MIDDLE


@each_revised
def test_a_paragraph_has_few_measured_numbers(path: Path) -> None:
    paragraphs = re.split(r"\n\s*\n|\n(?=- |\|)", prose(nbformat.read(path, as_version=4)))
    full = [
        text
        for text in paragraphs
        if not text.startswith("|") and text.count("{glue:text}") > MOST_NUMBERS
    ]
    assert full == []


@each_chapter
def test_exercises_say_how_hard_and_how_long_they_are(path: Path) -> None:
    text = prose(nbformat.read(path, as_version=4))
    inside = re.findall(r"{exercise-start}.*?{exercise-end}", text, flags=re.S)
    assert [bool(re.search(EXERCISE, one)) for one in inside] == [True] * 3


@each_timed
def test_exercises_are_called_by_their_titles(path: Path) -> None:
    text = prose(nbformat.read(path, as_version=4))
    assert not re.search(r"(?:first|second|third|last) exercise|exercise \d", text)


@each_timed
def test_a_chapter_ends_with_what_comes_next(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    last = [cell.source for cell in cells if cell.cell_type == "markdown"][-1]
    assert last.split("\n\n")[-1].startswith("**Next** ")


@each_revised
def test_no_promise_is_a_bare_true(path: Path) -> None:
    for cell in filter(notebooks.is_promise, nbformat.read(path, as_version=4).cells):
        printed = "".join(output.get("text", "") for output in cell.outputs)
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        assert not lines or not all(re.fullmatch(r"(?:.*: *)?True", line) for line in lines)


# --- the tool that brings notebooks into their state -----------------------------------


def executed() -> nbformat.NotebookNode:
    """A notebook as Jupyter leaves it behind: a plain cell, a promise, a figure."""
    plain = new_code_cell("1 + 1", execution_count=7)
    plain.outputs = [new_output("execute_result", {"text/plain": "2"}, execution_count=7)]
    plain.metadata = {"execution": {"iopub.status.busy": "now"}, "scrolled": True}
    promise = new_code_cell(
        "print(3)", execution_count=9, metadata={"tags": [notebooks.PROMISE]}
    )
    promise.outputs = [
        new_output("stream", name="stderr", text="  3%|#  | 1/30 [00:01]"),
        new_output("stream", name="stdout", text="3"),
        new_output("stream", name="stdout", text="\n"),
        new_output("display_data", {"text/plain": "<Figure>", "image/png": "aGk="}),
    ]
    cells = [new_markdown_cell("# T"), plain, promise]
    kernelspec = {"name": "mine", "display_name": "Mine"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernelspec, "x": 1})


def test_strip_keeps_what_was_written_and_what_was_promised() -> None:
    before = executed()
    clean = notebooks.stripped(before)
    title, plain, promise = clean.cells
    assert [cell.source for cell in clean.cells] == [cell.source for cell in before.cells]
    assert plain.outputs == [] and plain.execution_count is None and plain.metadata == {}
    assert [output.text for output in promise.outputs] == ["3\n"]
    assert promise.metadata == {"tags": [notebooks.PROMISE]}
    assert clean.metadata == notebooks.METADATA
    assert [cell.id for cell in clean.cells] == ["cell-001", "cell-002", "cell-003"]
    nbformat.validate(clean)


def test_strip_changes_nothing_the_second_time() -> None:
    once = notebooks.stripped(executed())
    assert nbformat.writes(notebooks.stripped(once)) == nbformat.writes(once)
    assert notebooks.problems(once) == []


def long_cell(lines: int) -> nbformat.NotebookNode:
    return new_code_cell("\n".join(["pass"] * lines))


def long_class(lines: int) -> nbformat.NotebookNode:
    return new_code_cell("\n".join(["class Long:", *["    pass"] * (lines - 1)]))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([new_code_cell("  ")], "empty"),
        ([new_code_cell("x = " + "1" * 76)], "80 columns"),
        ([long_class(41)], "41 lines"),
        ([long_class(26), long_class(27)], "26 lines"),
        ([long_cell(26)], "26 lines"),
        ([new_code_cell(long_class(26).source + "\nLong()")], "27 lines"),
        ([new_code_cell(long_class(26).source + "\n  Long")], "27 lines"),
        ([new_code_cell("1", metadata={"tags": [notebooks.PROMISE]})], "no output"),
        ([new_code_cell("1", metadata={"collapsed": True})], "strip"),
        ([new_code_cell("1", execution_count=1)], "strip"),
    ],
)
def test_check_names_what_is_wrong(cells: list, said: str) -> None:
    clean = notebooks.stripped(new_notebook(cells=copy.deepcopy(cells)))
    for cell, original in zip(clean.cells, cells, strict=True):
        cell.metadata = original.metadata
        cell.source = original.source
        cell.execution_count = original.execution_count
    found = notebooks.problems(clean)
    assert len(found) == 1
    assert said in found[0]


def test_check_finds_images_and_names_the_cell() -> None:
    found = notebooks.problems(executed())
    assert any(sentence.startswith("code cell 2 holds an image") for sentence in found)


def test_one_class_may_be_longer() -> None:
    notebook = notebooks.stripped(new_notebook(cells=[long_cell(25), long_class(40)]))
    assert notebooks.problems(notebook) == []


def solution(*lines: str) -> nbformat.NotebookNode:
    return new_markdown_cell("\n".join(lines))


START = ("```{solution-start} ex-a", ":label: sol-a", "```")
END = ("```{solution-end}", "```")


def test_strip_tags_what_a_solution_fills_and_nothing_else() -> None:
    cells = [
        new_code_cell("1"),
        solution(*START, "", "The answer."),
        new_markdown_cell("More of it."),
        new_code_cell("2", metadata={"tags": ["hide-input"]}),
        solution("Its end.", "", *END),
        new_code_cell("3", metadata={"tags": ["solution"]}),
    ]
    clean = notebooks.stripped(new_notebook(cells=cells))
    tags = [cell.metadata.get("tags", []) for cell in clean.cells]
    inside = ["solution"]
    assert tags == [[], inside, inside, ["hide-input", *inside], inside, []]
    assert notebooks.problems(clean) == []
    clean.cells[3].metadata.tags.remove("solution")
    assert "a wrong tag for solutions" in notebooks.problems(clean)[0]


def test_a_tag_without_a_solution_is_named() -> None:
    cells = [new_code_cell("1"), new_code_cell("2", metadata={"tags": ["solution"]})]
    found = notebooks.problems(new_notebook(cells=cells))
    assert len(found) == 1 and "a wrong tag for solutions" in found[0]


def test_check_exits_with_the_file_and_the_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.ipynb"
    nbformat.write(executed(), path)
    assert notebooks.check([path]) == 1
    assert "bad.ipynb: code cell 2 holds an image" in capsys.readouterr().out
    notebooks.strip([path])
    assert notebooks.check([path]) == 0
    once = path.read_bytes()
    notebooks.strip([path])
    assert path.read_bytes() == once


@pytest.mark.parametrize("text", ["not json", '{"cells": 1, "nbformat": 4}', ""])
def test_a_damaged_notebook_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    with pytest.raises(contents.ContentsError, match="bad.ipynb is not a notebook"):
        notebooks.check([path])


@pytest.mark.parametrize("command", ["check", "strip", "promises"])
def test_no_command_answers_damage_with_a_traceback(tmp_path: Path, command: str) -> None:
    path = tmp_path / "bad.ipynb"
    nbformat.write(new_notebook(cells=[solution(*START)]), path)
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "tools.notebooks", command, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "solution of ex-a begins in cell 1 and never ends" in told
    assert "Traceback" not in told
    assert path.read_bytes() == before
