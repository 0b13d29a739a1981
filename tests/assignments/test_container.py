"""Grading in a container, for real: root with its usual capabilities, or with none.

``setpriv`` takes capabilities away from the grader and from all that it starts, as a
container does; bubblewrap can make no namespaces then. The kernel here may have Landlock:
a filter that says it has none stands for one that has not, and then the rights of files
are all that hides solutions and hidden tests.
"""

import csv
import errno
import json
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from handing_in import changed, handed_in

from assignments import bubblewrap, registry
from assignments.box import rights
from tools.environment import ROOT

# The grader changes the rights of folders of ours while it runs.
pytestmark = [pytest.mark.alone, pytest.mark.timeout(900)]

# What Docker and Podman leave to root.
USUAL = (
    "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service "
    "net_raw sys_chroot mknod audit_write setfcap"
).split()
SECRETS = [
    str(ROOT / "assignments/hidden/a1.py"),
    str(ROOT / "assignments/source/A1/A1.ipynb"),
]
# A filter of system calls: the three of Landlock do not exist (ENOSYS), all others do.
NO_LANDLOCK = b"".join(
    struct.pack("=HBBI", *line)
    for line in (
        (0x20, 0, 0, 0),  # the number of the call
        (0x35, 0, 2, rights.CREATE_RULESET),
        (0x25, 1, 0, rights.RESTRICT_SELF),
        (0x06, 0, 0, 0x00050000 | errno.ENOSYS),
        (0x06, 0, 0, 0x7FFF0000),
    )
)
# Python may lie where only root can look, which in a container it does not: in a
# namespace of mounts, the folder in question is one that all may look into.
OPEN = """
set -e
mount --make-rprivate /
mount --bind "$1" "$3"
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir -p "$1"
mount --bind "$3" "$1"
cd "$4"
shift 4
exec "$@"
"""
GRADE = """
import sys
from assignments import grade
from assignments.box import rights
rights.filter_calls(bytes.fromhex(sys.argv.pop(1)))
everything = grade.questions
grade.questions = lambda a: [q for q in everything(a) if q.key == "pool"]
sys.exit(grade.main())
"""


@dataclass
class Container:
    """What a class in a container got."""

    points: dict[str, float]
    reasons: dict[str, str]
    told: str
    most: float


def _reading(path: str) -> str:
    """An answer that is right, if only it can read a file."""
    (first,) = registry.exercises("A1")["pool"].answers
    line = f"def {first}(src_mask, enc_states):\n"
    return changed("A1", "pool", (line, f"{line}    assert open({path!r}).read(1)\n"))


def _opened(place: Path) -> list[str]:
    """What a command begins with, so that others than root can read Python."""
    closed = {
        (folder, above)
        for folder in bubblewrap.needed()
        for above in folder.parents
        if above.stat().st_mode & 0o005 != 0o005
    }
    if not closed:
        return []
    if len(closed) > 1 or not shutil.which("unshare"):
        pytest.skip("Python or the library lies where only root can read it")
    ((folder, above),) = closed
    (aside := place / "python").mkdir()
    paths = [str(folder), str(above), str(aside), str(ROOT)]
    command = ["unshare", "--mount", "/bin/sh", "-c", OPEN, "sh", *paths]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("Python lies where only root can read it, and nothing can be mounted")
    return command


def _grade(place: Path, kept: list[str], landlock: str) -> Container:
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed (Debian: util-linux)")
    if os.geteuid() != 0:
        pytest.skip("only root has capabilities to take away")
    place.chmod(0o755)
    folder, out = place / "submissions", place / "graded"
    folder.mkdir(mode=0o755)
    answers = {
        "honest": {},
        **{f"reads {n}": {"pool": _reading(f)} for n, f in enumerate(SECRETS)},
    }
    for name, changes in answers.items():
        text = json.dumps(handed_in("A1", changes))
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
    program = "" if landlock == "with Landlock" else NO_LANDLOCK.hex()
    bounding = ",".join(["-all", *(f"+{name}" for name in kept)])
    command = [*_opened(place), "setpriv", f"--bounding-set={bounding}", "--inh-caps=-all"]
    command += [sys.executable, "-c", GRADE, program, "A1", str(folder)]
    command += ["--out", str(out), "--jobs", "1", "--seed", "5", "--sandbox"]
    command += ["auto" if kept else "limits"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    with (out / "grades.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    return Container(
        {student: float(row["points"]) for student, row in rows.items()},
        {student: row["reason"] for student, row in rows.items()},
        done.stdout,
        float(rows["honest"]["max_points"]),
    )


def test_the_filter_takes_landlock_away():
    """Else a test would say that the rights of files hid what Landlock hid."""
    code = "from assignments.box import rights; rights.filter_calls(bytes.fromhex({!r})); "
    code = code.format(NO_LANDLOCK.hex()) + "print(rights.landlock())"
    done = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert done.strip() == "0"


@pytest.mark.parametrize("landlock", ["with Landlock", "without Landlock"])
def test_with_the_usual_capabilities_what_is_hidden_cannot_be_read(
    tmp_path: Path, landlock: str
):
    before = {path: Path(path).parent.stat().st_mode for path in SECRETS}
    found = _grade(tmp_path, USUAL, landlock)
    assert "Graded without bubblewrap" in found.told
    assert "a user of its own for each submission" in found.told
    if landlock == "with Landlock" and not rights.landlock():
        pytest.skip("this kernel has no Landlock")
    assert ("Landlock" in found.told) is (landlock == "with Landlock")
    assert found.points.pop("honest") == found.most
    assert found.points and not any(found.points.values())
    del found.reasons["honest"]
    assert all("PermissionError" in reason for reason in found.reasons.values())
    assert {path: Path(path).parent.stat().st_mode for path in SECRETS} == before


def test_without_any_capability_the_run_says_what_an_answer_could_do(tmp_path: Path):
    found = _grade(tmp_path, [], "without Landlock")
    assert found.points["honest"] == found.most
    assert "an answer could read and write what you can" in found.told
    assert "act as root" in found.told
    assert "a user of its own" not in found.told
    # And it is so: what the page says is no threat in vain.
    assert found.points["reads 0"] == found.most
