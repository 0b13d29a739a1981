"""The owner of a class's grades calls the code that docs/grader.md counts, and no other."""

import json
import re
import subprocess
import sys

import pytest
from handing_in import handed_in
from measuring import measured

from tools.environment import ROOT

PAGE = (ROOT / "docs" / "grader.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## The owner's code")[1].split("\n## ")[0]
COUNTED = dict(re.findall(r"^\| `([\w/.]+\.py)` \|.*\| (\d+) \|$", SECTION, re.M))
# Where exercises are defined; a definition is loaded, and calls what makes it one.
DEFINING = re.compile(r"assignments/source/A\d/|checks/|seq2seq_lib/vocab\.py")
# Writes down whose code the owner calls, its clerks and the server left out.
WATCHED = """
import os, sys, threading
owner, called, root = os.getpid(), set(), sys.argv.pop(1) + "/"

def note(frame, event, argument):
    name = frame.f_code.co_filename
    if event == "call" and name.startswith(root) and os.getpid() == owner:
        if frame.f_code.co_name != "<module>":
            called.add(name.removeprefix(root))

from assignments import grade
sys.setprofile(note), threading.setprofile(note)
status = grade.main()
sys.setprofile(None), threading.setprofile(None)
loaded = {getattr(m, "__file__", None) or "" for m in [*sys.modules.values()]}
ours = {name.removeprefix(root) for name in loaded if name.startswith(root)}
print("\\n", *sorted(called), sep="\\ncalled ")
print("\\n", *sorted(ours), sep="\\nloaded ")
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    place = tmp_path_factory.mktemp("owner")
    (place / "class").mkdir()
    for name in ("anna", "bert"):
        blank = json.dumps(handed_in("A1", blank=True))
        (place / "class" / f"{name}.ipynb").write_text(blank, encoding="utf-8")
    (place / "class" / "carl.pdf").write_bytes(b"%PDF")
    command = [sys.executable, "-c", WATCHED, str(ROOT), "A1", str(place / "class")]
    command += ["--out", str(place / "out"), "--jobs", "1", "--seed", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    pairs = [line for line in lines if len(line) == 2]
    kinds = ("called", "loaded")
    return {kind: {what for how, what in pairs if how == kind} for kind in kinds}


def test_every_file_whose_code_the_owner_calls_is_counted(seen: dict[str, set[str]]):
    called = {n for n in seen["called"] if n.endswith(".py") and ".venv" not in n}
    assert {"assignments/grade.py", "assignments/records.py"} < called
    assert {n for n in called if not DEFINING.match(n)} <= {*COUNTED}


def test_every_file_that_is_loaded_there_is_named(seen: dict[str, set[str]]):
    named = {*re.findall(r"`((?:assignments|checks)[\w/.]*)`", SECTION)}
    folders = tuple(f"{n}/" for n in named if not n.endswith(".py"))
    loaded = {n for n in seen["loaded"] if n.startswith(("assignments/", "checks/"))}
    own = {n for n in loaded if not n.endswith("__init__.py")}
    assert {n for n in own if n not in named and not n.startswith(folders)} == set()


def test_no_code_that_opens_a_submission_is_called(seen: dict[str, set[str]]):
    clerks = {"answers", "choosing", "lending", "notebook", "jupyter", "written", "prose"}
    assert not {f"assignments/{name}.py" for name in clerks} & seen["called"]
    assert "assignments/answers.py" in seen["loaded"]


def test_the_page_says_what_was_measured():
    found = measured()["40 honest, bubblewrap"]
    held = f"{found['trusted MiB']} MiB | {found['all MiB']} MiB"
    assert f"| 40 | {found['hostile']} | 3 of A1's | 5 | with | {held} |" in PAGE


def test_the_page_counts_the_code_of_the_owner():
    lines = {n: len((ROOT / n).read_text("utf-8").splitlines()) for n in COUNTED}
    assert {name: int(count) for name, count in COUNTED.items()} == lines
    looking, other = SECTION.split("What runs there as well")
    for part in (looking, other):
        total = sum(lines[name] for name in lines if f"| `{name}` |" in part)
        assert f"**{total} lines**" in part, total
        assert total < 2600  # to be read in an afternoon
