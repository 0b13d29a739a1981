"""Written answers: no word is lost on the way in, no point on the way back."""

import csv
import io
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from handing_in import EARLIER, handed_in, handed_out

from assignments import reports
from assignments.grading import questions, written_row
from assignments.marks import HEADER, Mark, read_marks, same_answer
from assignments.notebook import Cell, cells
from assignments.records import LONGEST_TEXT, Graded, Question, Row

KEY, MARK = "why-agree", "A1-why-agree"
QUESTION = next(q for q in questions("A1") if q.key == KEY)
BLANK = handed_in("A1", blank=True)


def row(notebook: nbformat.NotebookNode, question: Question = QUESTION) -> Row:
    return written_row(cells(nbformat.writes(notebook).encode()), "A1", question)


def with_cells(*new: tuple[str, str]) -> nbformat.NotebookNode:
    """An untouched notebook; the answer's cell is replaced by (mark, text) cells."""
    notebook = nbformat.from_dict(json.loads(json.dumps(BLANK)))
    at = next(
        i
        for i, cell in enumerate(notebook.cells)
        if cell.metadata.get("nbgrader", {}).get("grade_id") == MARK
    )
    asking = notebook.cells[at]
    made = []
    for mark, text in new:
        cell = nbformat.v4.new_markdown_cell(text)
        if mark:
            cell.metadata = asking.metadata
            cell.id = asking.id if not made else cell.id
        made.append(cell)
    notebook.cells[at : at + 1] = made
    return notebook


PLACEHOLDER = "YOUR ANSWER HERE"
LOST_AND_FOUND = {
    "in its cell": ([(MARK, "One. Two.")], ""),
    "below the placeholder": ([(MARK, f"{PLACEHOLDER}\n\nOne. Two.")], ""),
    "above the placeholder": ([(MARK, f"One. Two.\n\n*{PLACEHOLDER}*")], ""),
    "around the placeholder": ([(MARK, f"One.\n\n{PLACEHOLDER}\n\nTwo.")], ""),
    "on the placeholder's line": ([(MARK, f"{PLACEHOLDER} One. Two.")], ""),
    "in the next cell": ([(MARK, PLACEHOLDER), ("", "One. Two.")], "in the cell below"),
    "in two cells": ([(MARK, "One."), ("", "Two.")], "in the cell below"),
    "in two halves with the mark": ([(MARK, "One."), (MARK, "Two.")], "several cells"),
    "without its mark": ([("", "One. Two.")], "lost its mark"),
    "in two halves without it": ([("", "One."), ("", "Two.")], "lost its mark"),
}


@pytest.mark.parametrize("where", LOST_AND_FOUND)
def test_no_written_word_is_lost(where: str):
    new, note = LOST_AND_FOUND[where]
    found = row(with_cells(*new))
    assert found.points is None and "To be graded by hand." in found.reason
    text = found.text
    if note:
        flag, _, text = text.partition("\n\n")
        assert flag.startswith("[Look at the notebook: ") and note in flag
    assert text.split() == ["One.", "Two."]
    assert PLACEHOLDER not in found.text


@pytest.mark.parametrize("number", range(len(questions("A1"))))
def test_an_untouched_notebook_has_no_written_answer(number: int):
    question = questions("A1")[number]
    if question.written:
        assert row(BLANK, question).reason == "Not answered."
        assert row(with_cells(("", "Elsewhere.")), question).reason == (
            "Not answered." if question.key != KEY else "To be graded by hand."
        )


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
def test_untouched_notebooks_of_earlier_terms_have_none_either(path: Path):
    found = cells(nbformat.writes(handed_out(path)).encode())
    if path.stem in ("A1", "A2", "A3", "A4"):
        for question in questions(path.stem):
            if question.written:
                asked = written_row(found, path.stem, question)
                assert asked.reason == "Not answered.", asked.text


def test_a_deleted_answer_and_its_question_are_no_answer():
    notebook = handed_in("A1", blank=True)
    notebook.cells = notebook.cells[:3]
    assert row(notebook).reason == "Not answered."


def _at_the_question(nb: nbformat.NotebookNode, at: int) -> None:
    nb.cells[at - 1].source += "\n\n**Answer:** One. Two."


def _below_without_mark(nb: nbformat.NotebookNode, at: int) -> None:
    nb.cells[at].metadata.pop("nbgrader")
    nb.cells.insert(at + 1, nbformat.v4.new_markdown_cell("One. Two."))


def _new(kind: str, text: str, below: int) -> Callable[[nbformat.NotebookNode, int], None]:
    cell = getattr(nbformat.v4, f"new_{kind}_cell")
    return lambda notebook, at: notebook.cells.insert(at + below, cell(text))


BESIDE = {
    "between question and mark": (_new("markdown", "One. Two.", 0), "in the cell above"),
    "in a raw cell above": (_new("raw", "One. Two.", 0), "in the cell above"),
    "as prose in a code cell": (_new("code", "One. Two.", 1), "in the cell below"),
    "as comments in a code cell": (_new("code", "# One. Two.", 1), "in the cell below"),
    "as a text in a code cell": (_new("code", '"""One. Two."""', 0), "in the cell above"),
    "at the end of the question": (_at_the_question, "in the cell above"),
    "below a cell without its mark": (_below_without_mark, "lost its mark"),
}


@pytest.mark.parametrize("where", BESIDE)
def test_a_word_beside_its_cell_is_put_before_a_person(where: str):
    change, note = BESIDE[where]
    notebook = with_cells((MARK, PLACEHOLDER))
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    change(notebook, ids.index(MARK))
    found = row(notebook)
    assert found.points is None and note in found.text and "One. Two." in found.text
    others = [q for q in questions("A1") if q.written and q.key != KEY]
    assert {row(notebook, q).reason for q in others} == {"Not answered."}


def test_code_that_runs_is_no_answer_in_words():
    notebook = with_cells((MARK, PLACEHOLDER))
    at = next(i for i, cell in enumerate(notebook.cells) if cell.source == PLACEHOLDER)
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell("# a try\nprint(1 + 1)"))
    assert row(notebook).reason == "Not answered."


# --- words that belong to no question -----------------------------------------------------

SAID = "The padding has no weight, because the softmax does not see it."
ALL = {q.key for q in questions("A1") if q.written}


def _as_code(source: str) -> nbformat.NotebookNode:
    """An untouched notebook whose marked cell was turned to code."""
    notebook = with_cells((MARK, source))
    cell = next(c for c in notebook.cells if c.source == source)
    cell.cell_type, cell.outputs, cell.execution_count = "code", [], None
    return notebook


@pytest.mark.parametrize(
    "source",
    [
        'answer = "One. Two."',
        'print("One. Two.")',
        'display(Markdown("One. Two."))',
        "# One. Two.\nx = 1",
        "padding",
        "1 + 1",
        'f"{x}"',
        "def f(:",
    ],
)
def test_what_stands_in_a_marked_cell_is_kept_whatever_it_is(source: str):
    assert row(_as_code(source)).text == source
    assert row(with_cells((MARK, source))).text == source


@pytest.mark.parametrize("source", ["", " \n", PLACEHOLDER, f"# {PLACEHOLDER}"])
def test_a_marked_cell_in_which_nothing_was_written_is_no_answer(source: str):
    assert row(_as_code(source)).reason == "Not answered."


def test_a_question_that_was_copied_into_its_answer_is_kept():
    asking = BLANK.cells[[c.source for c in BLANK.cells].index(_asked(KEY)) - 1].source
    assert asking in row(with_cells((MARK, asking))).text
    said = row(with_cells((MARK, f"{asking}\n\nOne."))).text
    assert said == "One."


def _asked(key: str) -> str:
    marks = [c.metadata.get("nbgrader", {}).get("grade_id") for c in BLANK.cells]
    return str(BLANK.cells[marks.index(f"A1-{key}")].source)


def _inserted(kind: str, source: str, at: int, **answers: str) -> nbformat.NotebookNode:
    """An untouched notebook with a further cell, some questions answered in their place."""
    notebook = nbformat.from_dict(json.loads(json.dumps(BLANK)))
    for cell in notebook.cells:
        key = cell.metadata.get("nbgrader", {}).get("grade_id", "").removeprefix("A1-")
        cell.source = answers.get(key.replace("-", "_"), cell.source)
    notebook.cells.insert(at, getattr(nbformat.v4, f"new_{kind}_cell")(source))
    return notebook


END = len(BLANK.cells)
NEXT = next(i for i, c in enumerate(BLANK.cells) if c.id == "cell-016") + 1
LOST = {
    "all of it at the end": ("markdown", "A: One.\n\nB: Two.", END),
    "all of it at the top": ("markdown", "A: One.\n\nB: Two.", 0),
    "one word": ("markdown", "padding", END),
    "below the next heading": ("markdown", SAID, NEXT),
    "in a raw cell": ("raw", SAID, END),
    "as a text with a name": ("code", f'answer = "{SAID}"', END),
    "as a text that is printed": ("code", f'print("""{SAID}""")', END),
    "as Markdown": ("code", f'display(Markdown("{SAID}"))', END),
    "as a comment": ("code", f"# {SAID}", END),
    "as a comment above code": ("code", f"# {SAID}\nx = 1", END),
    "as a text below code": ("code", f'x = 1\n"""\n{SAID}\n"""', END),
    "as a magic of Jupyter's": ("code", "%%markdown\nIt sees no padding.", END),
    "as prose": ("code", "It sees the padding, so no.", END),
    "as prose in another script": (
        "code",
        "填充的位置没有权重，因为掩码把它们遮住了。",
        END,
    ),
    "as prose beside code": ("code", "x = 1\nThe mask hides the padding.", END),
}


@pytest.mark.parametrize("where", LOST)
def test_words_that_belong_to_no_question_are_put_before_a_person(where: str):
    kind, source, at = LOST[where]
    for cell in (kind, source, at), (kind, f"{source}\n", min(at, 3)):
        notebook = _inserted(*cell)
        for question in (q for q in questions("A1") if q.written):
            found = row(notebook, question)
            assert found.points is None and source in found.text
            assert found.text.startswith("[Look at the notebook: nothing stood in its cell")


@pytest.mark.parametrize("where", LOST)
def test_beside_answers_they_come_last_with_the_question_above(where: str):
    kind, source, at = LOST[where]
    answered = {"why_agree": "First.", "why_loss": "Second.", "why_buckets": "Third."}
    notebook = _inserted(kind, source, at, **answered)
    texts = {q.key: row(notebook, q).text for q in questions("A1") if q.written}
    (key,) = (key for key, text in texts.items() if source in text)
    assert key == ("why-buckets" if at == END else "why-agree")
    assert texts[key].startswith("[Look at the notebook: what stood elsewhere")
    assert {texts[k] for k in ALL - {key}} < {*answered.values()}


def test_who_answered_one_question_elsewhere_has_it_with_those_that_are_open():
    notebook = _inserted("markdown", SAID, END, why_loss="Second.")
    texts = {q.key: row(notebook, q).text for q in questions("A1") if q.written}
    assert texts["why-loss"] == "Second."
    assert all(SAID in texts[key] for key in ALL - {"why-loss"})


def test_words_in_a_cell_that_was_handed_out_are_seen():
    for at, cell in enumerate(BLANK.cells):
        mark = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if mark.removeprefix("A1-") in ALL or (cell.cell_type == "code" and mark):
            continue
        notebook = nbformat.from_dict(json.loads(json.dumps(BLANK)))
        notebook.cells[at].source += f"\n# {SAID}"
        rows = [row(notebook, q) for q in questions("A1") if q.written]
        assert any(SAID in each.text for each in rows), at


SCRATCH = [
    "print(pad_to_multiple([[1, 2]], 4).shape)",
    "# print(src_mask)\n# x = 1",
    "for row in rows:\n    if row is not None and len(row) in (1, 2):\n        pass",
    "# try a wider batch\nwide = pad_to_multiple(src_rows, 64)",
    'print(f"width {width} and {cells} cells of padding in all")',
    "!pip install torch numpy matplotlib nltk",
    "%timeit pad_to_multiple(src_rows, 8)",
    "import torch\nfrom torch import nn",
    "def f(x):\n    return (x",
    f'def helper(rows):\n    """{SAID}"""\n    return rows',
    'words = "null eins zwei drei vier".split()',
    "padding",
]


@pytest.mark.parametrize("source", SCRATCH)
def test_scratch_code_is_not_put_before_a_person(source: str):
    for at in (0, NEXT, END):
        notebook = _inserted("code", source, at)
        rows = [row(notebook, q) for q in questions("A1") if q.written]
        assert {each.reason for each in rows} == {"Not answered."}, rows


@pytest.mark.parametrize("assignment", ["A1", "A2", "A3", "A4"])
def test_an_honest_notebook_shows_its_answers_and_nothing_else(assignment: str):
    """Solutions hold comments and docstrings; a service adds its button."""
    notebook = handed_in(assignment)
    badge = '<a href="https://colab.example/x"><img src="y.svg" alt="Open"/></a>'
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(badge))
    found = cells(nbformat.writes(notebook).encode())
    for question in questions(assignment):
        if question.written:
            assert written_row(found, assignment, question).reason == "Not answered."


@pytest.mark.parametrize(
    "part", ["a-", "a a ", "# a\n", "<", '"a" ', "(a\n", "漢", "a" * 9]
)
def test_much_scratch_is_looked_through_in_linear_time(part: str):
    code = [Cell("code", part * (190_000 // len(part)))]
    assert code[0].tree or code[0].problem  # which was read before, for the exercises
    texts = [Cell("markdown", part * (900_000 // len(part))), *[Cell("raw", "")] * 3000]
    marked = [Cell("markdown", f"{n}", MARK) for n in range(9000)]
    start = time.perf_counter()
    for question in (q for q in questions("A1") if q.written):
        written_row([*marked, *code, *texts], "A1", question)
    assert time.perf_counter() - start < 20  # seconds


def test_the_same_half_twice_is_one():
    assert row(with_cells((MARK, "One."), (MARK, "One."))).text.endswith("One.")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("half an emoji \ud83d here", "half an emoji \ufffd here"),
        ("a bell \x07 and a nul \x00", "a bell \ufffd and a nul"),
        ("lines\r\nof\rothers", "lines\nof\nothers"),
        (f"![x](data:image/png;base64,{'QUJD' * 40_000}) so", "![x]([a picture]) so"),
        (
            f"data:image/svg+xml;charset=utf-8;base64,{'QUJD' * 99}\n\nMy answer is long",
            None,
        ),
        (
            f"data:image/png;base64,{'QUJD' * 19}\n{'QUJD' * 19}\nQUI=\nMy answer is long",
            None,
        ),
        ("![image.png](attachment:image.png) so", "![image.png](attachment:image.png) so"),
        ("tabs\tand umlauts: Zoë 漢字 🎉", "tabs\tand umlauts: Zoë 漢字 🎉"),
    ],
)
def test_what_no_file_can_hold_is_replaced(text: str, kept: str | None):
    if kept is None:
        kept = "[a picture]" + "\n" * (text.count("\n\n") + 1) + "My answer is long"
    cell = Cell("markdown", text, MARK)
    found = written_row([cell], "A1", QUESTION)
    assert found.text.rstrip("\ufffd").strip() == kept
    assert found.text.encode()


@pytest.mark.parametrize("part", ["\n", " ", "* \n", "data:a/", "data:image/png;base64,A"])
def test_a_long_answer_is_read_in_linear_time(part: str):
    text = part * (2_000_000 // len(part)) + "End."
    start = time.perf_counter()
    found = written_row([Cell("markdown", text, MARK)], "A1", QUESTION)
    assert found.text.endswith("End.")
    assert time.perf_counter() - start < 20  # seconds


def test_an_endless_answer_is_cut_and_that_is_said():
    found = written_row([Cell("markdown", "word " * 400_000, MARK)], "A1", QUESTION)
    assert len(found.text) <= LONGEST_TEXT
    assert found.text.startswith("[Look at the notebook: 1980499 characters are left out")
    assert "[... left out ...]" in found.text


# --- the table that comes back ---------------------------------------------------------

ANSWER = 'Weil, „so“;\tist es.\nZweite Zeile, "zitiert".\n\n- Liste – mit Strich'


def graded() -> list[Graded]:
    return [
        Graded(name, "d", "limits", [Row("q", None, 5, "By hand.", text=ANSWER)])
        for name in ("Zoë, B.", "=anna")
    ]


def table(points: str, delimiter: str = ",", ends: str = "\n") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ends)
    writer.writerow(HEADER)
    answer = ANSWER.replace("\n", ends)
    writer.writerow(["Zoë, B.", "q", points, 5, "Gut – weiter so", answer])
    return text.getvalue()


# As these programs are said to write; none of them was at hand, so they are emulated. Rows
# end in the way of the system, lines within a cell with \n; a cell has quotes if it needs
# them. LibreOffice is tried for real, below.
WINDOWS = (
    b'Weil, \x84so\x93;\tist es.\nZweite Zeile, ""zitiert"".\n\n- Liste \x96 mit Strich'
)
UTF_8 = (
    b"Weil, \xe2\x80\x9eso\xe2\x80\x9c;\tist es.\nZweite Zeile, "
    b'""zitiert"".\n\n- Liste \xe2\x80\x93 mit Strich'
)
MACINTOSH = (
    b'Weil, \xe3so\xd2;\tist es.\nZweite Zeile, ""zitiert"".\n\n- Liste \xd0 mit Strich'
)
EMULATED = {
    "Excel: CSV UTF-8": (
        b"\xef\xbb\xbfstudent,question,points,max_points,comment,answer\r\n"
        b'"Zo\xc3\xab, B.",q,2,5,Gut \xe2\x80\x93 weiter so,"' + UTF_8 + b'"\r\n'
    ),
    "Excel: CSV UTF-8 where a comma is no separator": (
        b"\xef\xbb\xbfstudent;question;points;max_points;comment;answer\r\n"
        b'Zo\xc3\xab, B.;q;2;5;Gut \xe2\x80\x93 weiter so;"' + UTF_8 + b'"\r\n'
    ),
    "Excel: CSV in German": (
        b"student;question;points;max_points;comment;answer\r\n"
        b'Zo\xeb, B.;q;2,0;5;Gut \x96 weiter so;"' + WINDOWS + b'"\r\n'
    ),
    "Excel: CSV in English": (
        b"student,question,points,max_points,comment,answer\r\n"
        b'"Zo\xeb, B.",q,2,5,Gut \x96 weiter so,"' + WINDOWS + b'"\r\n'
    ),
    "Excel: Unicode text": (
        b"\xff\xfes\0t\0u\0d\0e\0n\0t\0\t\0q\0u\0e\0s\0t\0i\0o\0n\0\t\0"
        b"p\0o\0i\0n\0t\0s\0\t\0m\0a\0x\0_\0p\0o\0i\0n\0t\0s\0\t\0"
        b"c\0o\0m\0m\0e\0n\0t\0\t\0a\0n\0s\0w\0e\0r\0\r\0\n\0"
        b'"\0Z\0o\0\xeb\0,\0 \0B\0.\0"\0\t\0q\0\t\0002\0\t\0005\0\t\0'
        b"G\0u\0t\0 \0\x13\x20 \0w\0e\0i\0t\0e\0r\0 \0s\0o\0\t\0"
        b'"\0W\0e\0i\0l\0,\0 \0\x1e s\0o\0\x1c ;\0\t\0i\0s\0t\0 \0e\0s\0.\0\n\0'
        b'Z\0w\0e\0i\0t\0e\0 \0Z\0e\0i\0l\0e\0,\0 \0"\0"\0z\0i\0t\0i\0e\0r\0t\0'
        b'"\0"\0.\0\n\0\n\0-\0 \0L\0i\0s\0t\0e\0 \0\x13\x20 \0m\0i\0t\0 \0'
        b'S\0t\0r\0i\0c\0h\0"\0\r\0\n\0'
    ),
    "Excel on a Mac: CSV (Macintosh)": (
        b"student;question;points;max_points;comment;answer\r"
        b'Zo\x91, B.;q;2;5;Gut \xd0 weiter so;"' + MACINTOSH + b'"\r'
    ),
    "Numbers": (
        b"student,question,points,max_points,comment,answer\n"
        b'"Zo\xc3\xab, B.",q,2,5,Gut \xe2\x80\x93 weiter so,"' + UTF_8 + b'"\n'
    ),
    "Numbers, rows as on Windows": (
        b"student,question,points,max_points,comment,answer\r\n"
        b'"Zo\xc3\xab, B.",q,2,5,Gut \xe2\x80\x93 weiter so,"' + UTF_8 + b'"\r\n'
    ),
}
# What a spreadsheet, or a person with one, may also make of the table.
MADE = {
    "as it was": table("2").encode(),
    "Excel, CSV UTF-8": table("2", ends="\r\n").encode("utf-8-sig"),
    "Excel, German CSV": table("2", ";", "\r\n").encode("cp1252"),
    "Excel, German CSV UTF-8": table("2", ";", "\r\n").encode("utf-8-sig"),
    "Excel, Unicode text": table("2", "\t", "\r\n").encode("utf-16"),
    "Numbers": table("2").encode(),
    "Excel on a Mac": table("2", ";", "\r").encode("mac_roman", "replace"),
    "UTF-16 without a mark": table("2").encode("utf-16-le"),
    "UTF-16, big end first": table("2", ";").encode("utf-16-be"),
    "with its separator": ("sep=;\r\n" + table("2", ";", "\r\n")).encode("utf-8-sig"),
    "the same line twice": (table("2") + table("2").split("\n", 1)[1]).encode(),
    "a name in other bytes": table("2").replace("Zoë", "Zoe\u0308").encode(),
    "points with a point": table("2.0").encode(),
    "points with a comma": table("2,0", ";").encode(),
    "points with spaces": table(" 2 ").encode(),
    "an empty line": (table("2") + ",,,,,\n").encode(),
    "other columns": table("2").replace("answer\n", "answer,mine\n", 1).encode(),
}


@pytest.mark.parametrize("how", [*EMULATED, *MADE])
def test_points_come_back_from_every_spreadsheet(tmp_path: Path, how: str):
    (tmp_path / "written.csv").write_bytes((EMULATED | MADE)[how])
    class_ = graded()
    reports.apply_written(tmp_path, class_)
    found = class_[0].rows[0]
    assert found.points == 2 and found.reason == "Gut – weiter so"
    assert class_[1].rows[0].points is None
    reports.apply_written(tmp_path, again := graded())
    assert again[0].rows[0].points == 2


@pytest.mark.parametrize(
    ("given", "points"), [("2.5", 2.5), ("2,5", 2.5), ("0", 0), ("", None)]
)
def test_half_points_and_none(tmp_path: Path, given: str, points: float | None):
    (tmp_path / "written.csv").write_text(table(given, ";"), encoding="utf-8")
    class_ = graded()
    reports.apply_written(tmp_path, class_)
    assert class_[0].rows[0].points == points
    assert class_[0].points == (points or 0)


@pytest.mark.parametrize("given", ["6", "-1", "2.25", "two", "nan", "inf", "1e", "2/5"])
def test_points_that_cannot_be_are_one_sentence(tmp_path: Path, given: str):
    (tmp_path / "written.csv").write_text(table(given), encoding="utf-8")
    with pytest.raises(ValueError, match="points of Zoë, B. for q are .* whole or half"):
        reports.apply_written(tmp_path, graded())


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"student,points\nanna,2\n", b"\xff\xfe\x00"]
)
def test_what_is_no_such_table_is_one_sentence(tmp_path: Path, content: bytes):
    path = tmp_path / "written.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not begin with the columns student"):
        read_marks(path)


def test_points_of_a_name_that_was_retyped_are_told(tmp_path: Path, capsys):
    content = table("2").replace("Zoë, B.", "Zoe B.")
    (tmp_path / "written.csv").write_text(content, encoding="utf-8")
    reports.apply_written(tmp_path, graded())
    told = capsys.readouterr().out
    assert "2 points of 'Zoe B.' for 'q'" in told and "was a name changed?" in told
    assert "the earlier one is kept as written-1.csv" in told


def test_an_answer_that_a_spreadsheet_cut_off_is_the_same():
    long = "word " * 20_000
    assert same_answer(Mark(answer=long[:32_700]), long)
    assert not same_answer(Mark(answer=long[:300]), long)
    assert same_answer(Mark(answer=" a\r\n b "), "a\nb") and not same_answer(Mark(), "a")


def test_an_essay_longer_than_a_cell_of_pythons_reader_comes_back(tmp_path: Path):
    essay = [Graded("a", "d", "limits", [Row("q", None, 5, "", text="word " * 40_000)])]
    for _ in range(3):
        reports.apply_written(tmp_path, essay)
    assert len((tmp_path / "written.csv").read_text()) > 200_000


def test_two_lines_that_disagree_are_one_sentence(tmp_path: Path):
    path = tmp_path / "written.csv"
    path.write_text(table("2") + table("3").split("\n", 1)[1], encoding="utf-8")
    with pytest.raises(ValueError, match="two lines of Zoë, B. for q, with different"):
        read_marks(path)


def test_points_beyond_the_question_are_one_sentence(tmp_path: Path):
    content = table("50").replace(",50,5,", ",50,100,")
    (tmp_path / "written.csv").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="50 points of Zoë, B. for q, which has 5"):
        reports.apply_written(tmp_path, graded())


@pytest.mark.parametrize(
    ("name", "spelt"), [("007", "7"), ("=anna", "=anna"), ("Zoe\u0308", "Zo\xeb")]
)
def test_a_spreadsheet_may_spell_a_name_in_its_own_way(
    tmp_path: Path, name: str, spelt: str
):
    def one(*names: str) -> list[Graded]:
        return [Graded(n, "d", "limits", [Row("q", None, 5, "", text=n)]) for n in names]

    lines = [",".join(HEADER), f"{spelt},q,2,5,,{name}"]
    (tmp_path / "written.csv").write_text("\n".join(lines), encoding="utf-8")
    reports.apply_written(tmp_path, class_ := one(name))
    assert class_[0].points == 2
    # A name that another student has is that student's alone.
    lines[1] = f"{spelt},q,2,5,,{spelt}"
    (tmp_path / "written.csv").write_text("\n".join(lines), encoding="utf-8")
    if spelt != name:
        reports.apply_written(tmp_path, both := one(name, spelt))
        assert [g.points for g in both] == [0, 2]


def test_names_that_a_spreadsheet_would_compute_stay_apart(tmp_path: Path):
    names = ["-anna", "'-anna", "''-anna", "anna"]

    def class_() -> list[Graded]:
        return [Graded(n, "d", "limits", [Row("q", None, 5, "", text=n)]) for n in names]

    reports.apply_written(tmp_path, class_())
    path = tmp_path / "written.csv"
    with path.open(newline="", encoding="utf-8") as opened:
        header, *rows = csv.reader(opened)
    assert len({row[0] for row in rows}) == len(names)
    for points, line in enumerate(rows, start=1):
        line[2] = str(points)
    with path.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([header, *rows])
    reports.apply_written(tmp_path, again := class_())
    assert [g.points for g in again] == [1, 2, 3, 4]


# --- through a real spreadsheet -----------------------------------------------------------

# What LibreOffice's filter of CSV calls a separator and an encoding.
SAVED = {
    "commas, UTF-8": "44,34,76",
    "semicolons, UTF-8": "59,34,76",
    "semicolons, Windows": "59,34,1",
    "tabs, UTF-16": "9,34,65535",
    "commas, UTF-16": "44,34,65535",
}


def _converted(file: Path, to: str, *filters: str) -> Path:
    """A table that LibreOffice has opened and saved in another form."""
    home = f"-env:UserInstallation={(file.parent / 'office').as_uri()}"
    out = file.parent / "saved"
    command = ["soffice", home, "--headless", *filters, "--convert-to", to]
    subprocess.run([*command, "--outdir", out, file], check=True, timeout=240)
    return out / f"{file.stem}.{to.split(':')[0]}"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_libreoffice_gives_back_what_it_got(tmp_path: Path):
    class_ = graded()
    class_[0].rows[0].text += " word" * 10_000
    reports.apply_written(tmp_path, class_)
    file = tmp_path / "written.csv"
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.reader(opened))
    for row in rows[1:]:
        row[2], row[4] = "2.5", "Gut – weiter so"
    file.write_text(reports.table(rows[0], rows[1:]), encoding="utf-8")
    opening = "--infilter=CSV:44,34,76,1"
    sheet = _converted(file, "ods", opening)
    for name, numbers in SAVED.items():
        form = f"csv:Text - txt - csv (StarCalc):{numbers},1"
        saved = _converted(sheet, form).read_bytes()
        (again := tmp_path / name).mkdir()
        (again / "written.csv").write_bytes(saved)
        class_ = graded()
        class_[0].rows[0].text += " word" * 10_000
        reports.apply_written(again, class_)
        assert [g.points for g in class_] == [2.5, 2.5], (name, saved[:80])
        assert class_[0].rows[0].reason == "Gut – weiter so", (name, saved[:80])
