"""What schools send: exports, ZIPs, several versions, and what is nobody's."""

import io
import json
import os
import socket
import struct
import subprocess
import time
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from handing_in import EARLIER, handed_in

from assignments.exports import owner
from assignments.grading import Row, noted, read
from assignments.names import shown
from assignments.notebook import Cell, wrong_assignment
from assignments.submissions import Submission, entries, opened
from assignments.versions import chosen

A3 = "A3"


def find(folder: Path, assignment: str) -> list[Submission]:
    """Every submission, opened."""
    return [opened(entry, assignment) for entry in entries(folder, assignment)]


@cache
def notebook(answer: str = "", assignment: str = A3) -> bytes:
    """A solved notebook with something of its own in it; untouched where it has nothing."""
    made = handed_in(assignment, blank=not answer)
    if answer:
        made.cells[-1].source += f"\n{answer}"
    return json.dumps(made).encode()


SOLVED, BLANK = notebook("Mine."), notebook()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def look(folder: Path) -> dict[str, Submission]:
    """Every student, with the notebook that counts."""
    found = [chosen(each, A3) for each in find(folder, A3)]
    assert len({each.student for each in found}) == len(found)
    return {each.student: each for each in found}


def one(folder: Path) -> Submission:
    (found,) = look(folder).values()
    return found


# --- exports ------------------------------------------------------------------------------

EXPORTS: dict[str, tuple[dict[str, bytes], dict[str, str]]] = {
    "Moodle": (
        {
            "Zoë B_11_assignsubmission_file_/A3.ipynb": SOLVED,
            "Zoë B_11_assignsubmission_onlinetext_/onlinetext.html": b"<p>Hello</p>",
            "Carl_12_assignsubmission_onlinetext_/onlinetext.html": b"<p>Only this</p>",
            "Dora_13_assignsubmission_file_/A3.pdf": b"%PDF",
            "Emil_14_assignsubmission_file_/A3.zip": zipped({"A3/A3.ipynb": SOLVED}),
        },
        {
            "Zoë B_11": "",
            "Carl_12": "No file was handed in",
            "Dora_13": "A3.pdf is not a notebook",
            "Emil_14": "",
        },
    ),
    "Moodle, flat": (
        {
            "Zoë B_11_assignsubmission_file_A3.ipynb": SOLVED,
            "Zoë B_11_assignsubmission_file_plot.png": b"\x89PNG",
            "Zoë B_11_assignsubmission_onlinetext_onlinetext.html": b"<p>Hello</p>",
            "Eve_12_assignsubmission_file_Zoë B_11_assignsubmission_file_A3.ipynb": SOLVED,
            "Grades-A3.csv": b"a,b",
        },
        {"Zoë B_11": "", "Eve_12": ""},
    ),
    "Canvas": (
        {
            "beispielberta_12345_67890_A3-1.ipynb": SOLVED,
            "beispielberta_12345_67891_plot.png": b"\x89PNG",
            "adamsann_LATE_12346_67892_final.ipynb": SOLVED,
            "carl_12347_67893_A3.ipynb": BLANK,
            "carl_12347_67894_A3-1.ipynb": SOLVED,
            "dora_12348_67895_photo.jpeg": b"\xff\xd8",
            "emil_12349_67896_x_12345_67890_A3.ipynb": SOLVED,
        },
        {
            "beispielberta_12345": "",
            "adamsann_12346": "",
            "carl_12347": "",
            "dora_12348": "photo.jpeg is not a notebook",
            "emil_12349": "",
        },
    ),
    "Blackboard": (
        {
            "A3_ann_x_attempt_2026-11-01-10-00-00_A3.ipynb": BLANK,
            "A3_ann_x_attempt_2026-11-01-10-00-00.txt": b"Name: Ann (ann_x)",
            "A3_ann_x_attempt_2026-11-02-09-00-00_A3.ipynb": SOLVED,
            "A3_ann_x_attempt_2026-11-02-09-00-00.txt": b"Name: Ann (ann_x)",
            "A3_bob_attempt_2026-11-01-10-00-00.txt": b"Name: Bob (bob)",
            "A3_cy_attempt_2026-11-01-10-00-00_A3.ipynb": SOLVED,
            "A3_cy_attempt_2026-11-03-10-00-00.txt": b"Name: Cy (cy)",
        },
        {"ann_x": "", "bob": "No file was handed in", "cy": ""},
    ),
    "Gradescope": (
        {
            "assignment_7_export/submission_123/A3.ipynb": SOLVED,
            "assignment_7_export/submission_124/report.pdf": b"%PDF",
            "assignment_7_export/submission_metadata.yml": b"submission_123: {}",
        },
        {"submission_123": "", "submission_124": "report.pdf is not a notebook"},
    ),
    "nbgrader": (
        {
            "ann/A3/A3.ipynb": SOLVED,
            "ann/A3/timestamp.txt": b"2026-11-01 10:00:00 UTC",
            "ann/A1/A1.ipynb": notebook("Mine.", "A1"),
            "bob/A3/A3.ipynb": SOLVED,
        },
        {"ann": "", "bob": ""},
    ),
    "by hand": (
        {
            "ann.IPYNB": SOLVED,
            "bob.ipynb.txt": SOLVED,
            "cy.ipynb.json": SOLVED,
            "dora/A3.json": SOLVED,
            "emil.zip": zipped({"a/b/A3.ipynb": SOLVED, "__MACOSX/a/b/._A3.ipynb": b"\0"}),
            "fay/homework.pdf": b"%PDF",
            "gus.pdf": b"%PDF",
            "hal.docx": b"PK",
        },
        {
            **dict.fromkeys("ann bob cy dora emil".split(), ""),
            "fay": "homework.pdf is not a notebook",
            "gus.pdf": "gus.pdf is not a notebook",
            "hal.docx": "hal.docx is not a notebook",
        },
    ),
}
NOBODY = {
    ".DS_Store": b"\0",
    "._A3.ipynb": b"\0",
    "__MACOSX/A3.ipynb": SOLVED,
    "Thumbs.db": b"\0",
    "desktop.ini": b"[.ShellClassInfo]",
    ".ipynb_checkpoints/A3-checkpoint.ipynb": BLANK,
    ".~lock.roster.csv#": b",",
    "~$list.xlsx": b",",
    "roster.csv": b"a,b",
    "readme.txt": b"Hello",
    "board.jpg": b"\xff\xd8",
    "graded/run.json": b"{}",
    "graded/students/a.json": b"{}",
    "graded/feedback/a.html": b"",
}


def is_right(found: dict[str, Submission], wanted: dict[str, str]) -> None:
    assert found.keys() == wanted.keys()
    for student, words in wanted.items():
        assert found[student].problem.startswith(words), found[student]
        if not words:
            assert not found[student].problem and found[student].data == SOLVED


@pytest.mark.parametrize("system", EXPORTS)
@pytest.mark.parametrize("packed", ["folder", "ZIP", "ZIP in a folder"])
def test_every_export_has_its_students_and_no_others(
    tmp_path: Path, system: str, packed: str
):
    files, wanted = EXPORTS[system]
    if packed == "folder":
        folder = lay(tmp_path / "in", files)
    elif packed == "ZIP":
        folder = lay(tmp_path / "in", {"export.zip": zipped(files)}) / "export.zip"
    else:
        folder = lay(tmp_path / "in", {"export.zip": zipped(files)})
    if packed == "ZIP in a folder" and system in ("by hand", "nbgrader"):
        assert look(folder).keys() == {"export"}  # it could be one student's
    else:
        is_right(look(folder), wanted)


@pytest.mark.parametrize("system", EXPORTS)
def test_what_systems_leave_is_no_student_and_is_told(
    tmp_path: Path, system: str, capsys: pytest.CaptureFixture
):
    files, wanted = EXPORTS[system]
    found = look(lay(tmp_path / "in", files | NOBODY))
    is_right(found, wanted)
    (told,) = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("Not look")
    ]
    assert "._A3.ipynb" in told and "more." in told and len(told) < 600


def test_what_lies_within_a_students_folder_is_no_version_of_theirs(tmp_path: Path):
    files = {f"ann/{name}": data for name, data in NOBODY.items()}
    found = one(lay(tmp_path / "in", files | {"ann/A3.ipynb": SOLVED}))
    assert (found.student, found.data, found.note) == ("ann", SOLVED, "")


def test_of_several_attempts_the_latest_counts_and_that_is_said(tmp_path: Path):
    found = look(lay(tmp_path / "in", EXPORTS["Blackboard"][0]))
    assert found["ann_x"].note == "Of 2 attempts, 2026-11-02-09-00-00 counts."
    assert "Of 2 attempts, 2026-11-01-10-00-00 counts; 2026-11-03" in found["cy"].note
    assert "held no notebook" in found["cy"].note


def test_a_student_cannot_choose_whose_a_file_is(tmp_path: Path):
    """One student's ZIP that looks like an export stays that student's, beside others."""
    faked = zipped({"Ann_11_assignsubmission_file_/A3.ipynb": BLANK})
    files = {"eve.zip": faked, "Ann_11_assignsubmission_file_/A3.ipynb": SOLVED}
    assert look(lay(tmp_path / "in", files))["Ann_11"].data == SOLVED


ALONE = {
    "a ZIP of Canvas's": (
        "mallory_LATE_111_222_A3.zip",
        {"anna_333_444_A3.ipynb": SOLVED},
        "mallory_111",
    ),
    "a ZIP of Canvas's with several": (
        "mallory_111_222_A3.zip",
        {"anna_333_444_A3.ipynb": SOLVED, "bob_334_445_A3.ipynb": SOLVED},
        "mallory_111",
    ),
    "a folder of Moodle's": (
        "Mallory_11_assignsubmission_file_",
        {"Anna_22_assignsubmission_file_A3.ipynb": SOLVED},
        "Mallory_11",
    ),
    "a plain ZIP": ("mallory.zip", {"anna_333_444_A3.ipynb": SOLVED}, "mallory"),
    "a plain folder": ("mallory", {"anna_333_444_A3.ipynb": SOLVED}, "mallory"),
}


@pytest.mark.parametrize("case", ALONE)
def test_who_comes_late_and_alone_is_nobody_else(tmp_path: Path, case: str):
    name, files, student = ALONE[case]
    if name.endswith(".zip"):
        lay(tmp_path / "in", {name: zipped(files)})
    else:
        lay(tmp_path / "in", {f"{name}/{file}": data for file, data in files.items()})
    assert [found.student for found in find(tmp_path / "in", A3)] == [student]


def test_one_name_of_a_systems_makes_nobody_of_the_others(tmp_path: Path):
    others = {"bob": SOLVED, "carl.json": SOLVED, "dora.ipynb": SOLVED, "emil.pdf": b"%PDF"}
    before = find(lay(tmp_path / "in", others), A3)
    after = find(lay(tmp_path / "in", {"eve_123_456_A3.ipynb": SOLVED}), A3)
    assert [f.student for f in after] == [*(f.student for f in before), "eve_123"]


@pytest.mark.parametrize(
    "name",
    [
        "2026_11_26_A3.ipynb",
        "group_1_2_A3.ipynb",
        "a_b.ipynb",
        "x_attempt_2.ipynb",
        "_1_" * 99,
    ],
)
def test_a_plain_name_is_no_systems(name: str):
    assert owner(name, A3) is None


# --- several versions -------------------------------------------------------------------

OTHER = notebook("Another.")
VERSIONS: dict[str, tuple[dict[str, bytes], str]] = {
    "untouched beside solved": ({"A3.ipynb": BLANK, "A3 (1).ipynb": SOLVED}, ""),
    "the other way round": ({"A3.ipynb": SOLVED, "A3 (1).ipynb": BLANK}, ""),
    "a browser's numbers": (
        {"A3.ipynb": OTHER, "A3 (2).ipynb": SOLVED, "A3 (1).ipynb": OTHER + b" "},
        "",
    ),
    "Canvas's numbers": ({"A3-2.ipynb": OTHER, "A3-10.ipynb": SOLVED}, ""),
    "another name, numbered": ({"hw.ipynb": OTHER, "hw (1).ipynb": SOLVED}, ""),
    "called as the assignment": ({"A3.ipynb": SOLVED, "scratch.ipynb": OTHER}, ""),
    "copies": ({"first.ipynb": SOLVED, "second.ipynb": SOLVED}, ""),
    "another assignment": ({"x.ipynb": SOLVED, "A3.ipynb": notebook("", "A1")}, ""),
    "a damaged one": ({"a.ipynb": SOLVED, "A3.ipynb": SOLVED[:-9]}, ""),
    "in folders and ZIPs": (
        {"old/A3.ipynb": BLANK, "A3.zip": zipped({"new/A3.ipynb": SOLVED})},
        "",
    ),
    "two names": ({"first.ipynb": SOLVED, "last.ipynb": OTHER}, "There are several"),
    "a copy that was worked on": (
        {"A3-Copy1.ipynb": SOLVED, "A3 copy.ipynb": OTHER},
        "There are several",
    ),
    "one name, two folders": ({"a/A3.ipynb": SOLVED, "b/A3.ipynb": OTHER}, "There are s"),
}


@pytest.mark.parametrize("case", VERSIONS)
def test_the_wrong_version_is_never_graded_silently(tmp_path: Path, case: str):
    files, words = VERSIONS[case]
    found = one(lay(tmp_path / "in", {f"ann/{name}": data for name, data in files.items()}))
    if words:
        assert found.problem.startswith(words)
        assert all(name in found.problem for name in files)
        assert read(found, A3) == ([], found.problem)
        return
    assert found.data == SOLVED and not found.problem
    if case == "copies":
        assert found.note == ""
    else:
        assert " was graded, and not " in found.note


def test_a_hand_out_of_an_earlier_term_is_untouched_too(tmp_path: Path):
    earlier = next(path for path in EARLIER if path.stem == A3).read_bytes()
    files = {"ann/A3.ipynb": earlier, "ann/mine.ipynb": SOLVED}
    assert one(lay(tmp_path / "in", files)).data == SOLVED


def test_a_written_answer_alone_is_work(tmp_path: Path):
    made = handed_in(A3, blank=True)
    for cell in made.cells:
        if "YOUR ANSWER HERE" in cell.source:
            cell.source += "\n\nBecause of the mask."
    written = json.dumps(made).encode()
    files = {"ann/A3.ipynb": BLANK, "ann/mine.ipynb": written}
    assert one(lay(tmp_path / "in", files)).data == written


def test_untouched_versions_alone_are_one(tmp_path: Path):
    files = {"ann/A3.ipynb": BLANK, "ann/A3 (1).ipynb": BLANK + b" "}
    found = one(lay(tmp_path / "in", files))
    assert not found.problem and found.data == BLANK + b" "


def test_a_note_reaches_every_row_and_is_not_cut_off():
    rows = [Row("q", 0, 5, "Not answered."), Row("r", 5, 5), Row("s", 0, 5, "x" * 1000)]
    for row in noted(rows, "A3 (1).ipynb was graded."):
        assert row.reason.endswith("A3 (1).ipynb was graded.") and len(row.reason) <= 1000
    assert rows[0].reason.startswith("Not answered. ")
    assert noted([Row("q", 5, 5)], "")[0].reason == ""


def test_another_version_is_another_digest(tmp_path: Path):
    folder = lay(tmp_path / "in", {"ann/A3.ipynb": BLANK})
    before = find(folder, A3)[0].digest
    (folder / "ann" / "A3.ipynb").rename(folder / "ann" / "A3-1.ipynb")
    assert find(folder, A3)[0].digest == before  # the same notebook under another name
    lay(folder, {"ann/A3.ipynb": SOLVED})
    assert find(folder, A3)[0].digest != before


# --- how a notebook is encoded ------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]
)
def test_a_notebook_is_read_in_every_encoding(tmp_path: Path, encoding: str):
    data = SOLVED.decode().encode(encoding)
    found = one(lay(tmp_path / "in", {"ann.ipynb": data}))
    cells, problem = read(found, A3)
    assert not problem and len(cells) == len(handed_in(A3).cells)


def test_a_foreign_mark_is_no_other_assignment():
    own = [Cell("code", "", "A3-weights"), Cell("markdown", "", "cell-7f3a")]
    assert wrong_assignment(own, A3) == ""
    lost = [Cell("code", "def masked_weights(): 1", "cell-7f3a"), Cell("code", "", "HW7-2")]
    told = wrong_assignment(lost, A3)
    assert "cell" not in told.split(":")[0] and "HW7" not in told
    assert wrong_assignment([Cell("code", "", "A4-x")], A3) == "This is A4, not A3."


# --- what is too much ---------------------------------------------------------------------


def test_three_thousand_notebooks_are_a_short_reason(tmp_path: Path):
    files = {f"ann/{'x' * 200}{n}.ipynb": b"{}" for n in range(3000)}
    found = one(lay(tmp_path / "in", files))
    assert found.problem.startswith("There are 3000 notebooks, ")
    assert "and 2994 more; keep the one that counts." in found.problem
    assert len(found.problem) < 1000


@pytest.fixture
def nested(tmp_path: Path) -> Iterator[Path]:
    """A folder of submissions, one of which has 1500 folders in one another."""
    folder, here = lay(tmp_path / "in", {}), os.getcwd()
    (folder / "mallory").mkdir()
    try:
        os.chdir(folder / "mallory")
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        Path("A3.ipynb").write_bytes(SOLVED)
        os.chdir(here)
        yield folder
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-r", folder / "mallory"], check=True)  # pytest cannot


def test_nested_folders_stop_nobody(nested: Path):
    found = look(lay(nested, {"ann.ipynb": SOLVED, "eve/1/2/3/A3.ipynb": SOLVED}))
    assert found["ann"].data == found["eve"].data == SOLVED
    assert found["mallory"].problem == "Folders deeper than 20 are not looked into."


def test_very_many_files_are_looked_through_in_time(tmp_path: Path):
    folder = lay(tmp_path / "in", {"ann/A3.ipynb": SOLVED})
    for n in range(30_000):
        os.mknod(folder / "ann" / f"{n}.txt")
        os.mknod(folder / f"{n}.txt")
    start = time.perf_counter()
    assert one(folder).data == SOLVED
    assert time.perf_counter() - start < 20  # seconds


def test_what_is_no_file_is_a_row_with_a_reason(tmp_path: Path):
    folder = lay(tmp_path / "in", {"ann/A3.ipynb": SOLVED, "large/A3.ipynb": b""})
    os.truncate(folder / "large" / "A3.ipynb", 21 << 20)
    os.mkfifo(folder / "pipe.ipynb")
    os.mkdir(folder / "pipes")
    os.mkfifo(folder / "pipes" / "A3.ipynb")
    os.mkfifo(folder / "ann" / "A3 (1).ipynb")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "s.ipynb"))
    os.symlink(folder / "ann", folder / "linked")
    os.mkdir(folder / "loop")
    os.symlink(folder / "loop", folder / "loop" / "again")
    os.symlink(folder / "ann" / "A3.ipynb", folder / "loop" / "A3.ipynb")
    found = look(folder)
    wanted = {
        "pipe": "pipe.ipynb is not a notebook",
        "pipes": "A3.ipynb is not a file",
        "s": "s.ipynb is not a notebook",
        "linked": "linked is a link",
        "loop": "A3.ipynb is a link",
        "large": "A3.ipynb is larger than 20 MB; clear its outputs",
    }
    assert {name: found[name].problem[: len(w)] for name, w in wanted.items()} == wanted
    assert found["ann"].data == SOLVED and "not a file" in found["ann"].note


def test_a_file_that_is_gone_or_closed_is_a_row(tmp_path: Path, monkeypatch):
    folder = lay(tmp_path / "in", {"ann.ipynb": SOLVED, "bob.ipynb": SOLVED})
    opened = os.open

    def refusing(path, *rest, **more):
        if str(path).endswith("bob.ipynb"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", refusing)
    found = look(folder)
    assert found["bob"].problem == "It cannot be read: Permission denied."
    assert found["ann"].data == SOLVED
    (folder / "ann.ipynb").unlink()
    assert read(found["ann"], A3)[1]


# --- ZIPs ---------------------------------------------------------------------------------


def _bomb() -> bytes:
    return zipped({"A3.ipynb": bytes(300 << 20)})


def _lying() -> bytes:
    """Says of a member that it is short."""
    data = bytearray(zipped({"A3.ipynb": bytes(30 << 20)}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


def _crowded() -> bytes:
    return zipped({f"{'n' * 90}{n}": b"" for n in range(40_000)}, zipfile.ZIP_STORED)


def _linking() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("A3.ipynb")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return stream.getvalue()


def _russian_dolls() -> bytes:
    data = SOLVED
    for level in range(9):
        data = zipped({"A3.zip" if level else "A3.ipynb": data})
    return data


def _encrypted() -> bytes:
    data = bytearray(zipped({"A3.ipynb": SOLVED}))
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(mark) + offset] |= 1
    return bytes(data)


ZIPS = {
    "a bomb": (_bomb, "A3.ipynb is larger than 20 MB"),
    "a bomb that lies": (_lying, "is damaged"),
    "too many members": (_crowded, "is not a ZIP that can be read, or holds too much"),
    "a link": (_linking, "There is no notebook"),
    "names outside": (
        lambda: zipped(
            {"../A3.ipynb": SOLVED, "/A3.ipynb": SOLVED, "C:\\A3.ipynb": SOLVED}
        ),
        "There is no notebook",
    ),
    "nine in one another": (_russian_dolls, "too many other ZIPs"),
    "encrypted": (_encrypted, "cannot be taken out of its ZIP"),
    "packed with a dictionary": (
        lambda: zipped({"A3.ipynb": SOLVED}, zipfile.ZIP_LZMA),
        "cannot be taken out of its ZIP",
    ),
    "cut off": (lambda: zipped({"A3.ipynb": SOLVED})[:-60], "is not a ZIP"),
    "damaged": (
        lambda: zipped({"A3.ipynb": SOLVED}).replace(
            SOLVED[:0] + b"PK\x03\x04", b"PK\x03\x05"
        ),
        "A3.ipynb",
    ),
    "empty": (lambda: zipped({}), "There is no notebook"),
    "no ZIP": (lambda: b"Hello", "is not a ZIP"),
}


@pytest.mark.parametrize("kind", ZIPS)
@pytest.mark.parametrize("place", ["eve.zip", "eve/homework.zip"])
def test_a_bad_zip_is_a_row_with_a_reason(tmp_path: Path, kind: str, place: str):
    make, words = ZIPS[kind]
    folder = lay(tmp_path / "in", {"ann.ipynb": SOLVED, place: make()})
    start = time.perf_counter()
    found = look(folder)
    assert time.perf_counter() - start < 20  # seconds
    assert found["ann"].data == SOLVED
    assert words in found["eve"].problem and len(found["eve"].problem) < 1000
    assert {path.name for path in tmp_path.rglob("*")} == {
        "in",
        "ann.ipynb",
        *place.split("/"),
    }


def test_every_wrong_byte_of_a_zip_is_a_reason_at_most(tmp_path: Path):
    small = notebook("x", "A1")[:300]
    good = zipped({"A3.ipynb": small, "b/A3 (1).ipynb": small})
    folder = lay(tmp_path / "in", {"ann.ipynb": SOLVED})
    for at in range(0, len(good)):
        lay(folder, {"eve.zip": good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :]})
        assert {each.student for each in find(folder, A3)} == {"ann", "eve"}


def test_a_zip_of_macos_and_one_of_windows_keep_their_names(tmp_path: Path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("Zoe_11_assignsubmission_file_/A3.ipynb", SOLVED)
        archive.writestr("Bo_12_assignsubmission_file_/A3.ipynb", SOLVED)
    data = stream.getvalue().replace(b"Zoe_", "Zë_".encode())  # without saying UTF-8
    data = data.replace(b"Bo_12_assignsubmission_file_/", b"Bo_12_assignsubmission_file_\\")
    folder = lay(tmp_path / "in", {"export.zip": data})
    assert look(folder).keys() == {"Zë_11", "Bo_12"}


# --- names --------------------------------------------------------------------------------


def test_names_do_nothing_to_a_terminal_and_stay_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    raw = [
        b"\x1b]0;owned\x07",
        b"\\x1b]0;owned\\x07",
        b"ann\nbob",
        b"zo\xeb",
        "zo\xeb".encode(),
        "zoe\u0308".encode(),
        "zo\u0080".encode(),
        b"zo\x80",
        "right\u202eleft".encode(),
        b"x" * 249,
        b"\x1b" * 249,
    ]
    folder = lay(tmp_path / "in", {})
    for name in raw:
        with open(os.fsencode(folder) + b"/" + name + b".ipynb", "wb") as file:
            file.write(SOLVED)
    (folder / ".\x1b[31mred").touch()
    found = look(folder)
    assert len(found) == len(raw) and all(each.data == SOLVED for each in found.values())
    told = capsys.readouterr().out
    for text in (told.replace("\n", ""), *found):
        assert text.isprintable() and text.encode()
    assert "Not looked at: .\\x1b[31mred." in told
    assert "3 names look alike" in told
    assert all(s in told for s in ("zo\\xeb", "zo[U+00EB]", "zoe[U+0308]"))


def test_a_long_name_is_cut_in_the_middle_only_in_sentences():
    assert shown("a" * 200, 10) == "aaaaa...aa" and len(shown("\x1b" * 900)) == 80
    assert shown("Zoë (1).ipynb") == "Zoë (1).ipynb"


@pytest.mark.parametrize("content", [{}, {".DS_Store": b""}, {"list.csv": b""}])
def test_a_folder_without_a_student_is_one_sentence(tmp_path: Path, content: dict):
    with pytest.raises(ValueError, match="There is no submission in .*: put one notebook"):
        find(lay(tmp_path / "in", content), A3)
    with pytest.raises(ValueError, match="There is no folder"):
        find(tmp_path / "elsewhere", A3)
