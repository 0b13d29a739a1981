"""What answers try against their limits, in every kind of closed process there is here.

One submission is run in each kind; each of its questions tries one thing, and says what
became of it by failing with it. What a machine like this cannot show (cgroups of version
2, a system that refuses a limit) is tried on a fake, and its test says so.
"""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from assignments import (
    cgroups,
    grading,
    host,
    memory,
    registry,
    sandbox,
    system_calls,
    users,
    watching,
)
from assignments.box import leftovers, rights
from assignments.conversation import Outcome
from assignments.limits import MIB, Limits
from assignments.sandbox import Job, Sandbox
from tools.environment import ROOT

# Memory, processor time and processes are measured.
pytestmark = pytest.mark.alone
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this")

LIMITS = Limits(seconds=8, memory=2048 * MIB)
MARK = "attention-measured-limits"
HELD = 300 * MIB  # what each of ten processes tries to hold

START = """
import ctypes, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    found = libc.syscall(*args)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found
"""

# Each is refused with one of these errors, or it is a hole.
REFUSED = ("PermissionError", "not permitted", "not implemented", "not supported")
X86, ARM = "x86_64", "aarch64"
CALLS = {
    name: numbers
    for name, numbers in system_calls.REFUSED.items()
    if numbers[1] is not None
}
TRIED = {
    "a namespace of users": "call({unshare}, 0x10000000)",
    "a child in a namespace of users": "call({clone}, 0x10000011, 0, 0, 0, 0)",
    "clone3": "call(435, 0, 0)",
    "a socket of the kernel's cryptography": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "a socket to the host": "socket.socket(40, socket.SOCK_STREAM)",
    "a socket of packets": "socket.socket(17, socket.SOCK_RAW)",
    "a socket to the kernel": "socket.socket(16, socket.SOCK_RAW)",
    "the network": "socket.create_connection(('127.0.0.1', 9), 1)",
    "becoming root": "os.setresuid(0, 0, 0)",
    "raising a limit": (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))"
    ),
}
STATE = {
    "leave": """
os.makedirs("closed/inner"); open("closed/inner/secret", "w").write("17")
os.chmod("closed", 0)
here = os.getcwd()
for _ in range(3000):
    os.mkdir("d"); os.chdir("d")
os.chdir(here)
os.symlink("/etc/passwd", "link")
for folder in ("/dev/shm", "/tmp", "/var/tmp"):
    try: open(folder + "/MARK", "w").write("17")
    except OSError: pass
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        os.environ.clear()
        ours = socket.socketpair()
        command = [sys.executable, "-c", "import time; time.sleep(99) # MARK"]
        try: os.execve(sys.executable, command, {})
        except OSError: time.sleep(99)
""",
    "busy": """
for _ in range(12):
    if os.fork() == 0:
        os.setsid()
        while True: pass
while True:
    for channel in range(3, 60):
        try: os.write(channel, b"\\0" * 60000)
        except OSError: pass
""",
    "look": """
found = os.listdir(".")
for folder in ("/dev/shm", "/tmp", "/var/tmp"):
    try: found += [n for n in os.listdir(folder) if "MARK" in n]
    except OSError: pass
try: seen = [int(p) for p in os.listdir("/proc") if p.isdigit()]
except OSError: seen = []
found += [str(p) for p in seen if p > 2 and p != os.getpid()]
raise ValueError(f"left {sorted(set(found) - SEEN)}")
""",
    "memory": """
children = []
os_adjust = "/proc/self/oom_score_adj"
for _ in range(10):
    child = os.fork()
    if child == 0:
        try: open(os_adjust, "w").write("0")
        except OSError: pass
        held = bytearray(b"1") * HELD
        open(f"held{os.getpid()}", "w").close()
        time.sleep(60)
    children.append(child)
time.sleep(6)
alive = [c for c in children if os.waitpid(c, os.WNOHANG)[0] == 0]
alive = [c for c in alive if os.path.exists(f"held{c}")]
raise ValueError(f"held by {len(alive)}.")
""",
    "processor": """
import resource
begun = time.monotonic()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        while time.monotonic() < begun + 3: pass
        os._exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
raise ValueError(f"used {(used.ru_utime + used.ru_stime) / 3:.2f} cores.")
""",
    "hidden": """
read = []
for folder in ("assignments/hidden", "assignments/source/A1", "tests/assignments", ".git"):
    try: read += os.listdir("ROOT/" + folder)
    except OSError: pass
raise ValueError(f"read {read}")
""",
    "ending": """
ended = []
for number in ({}):
    try: os.kill(number, 0); ended.append(number)
    except OSError: pass
raise ValueError(f"reaches {ended}")
""",
}


def _number(name: str) -> int:
    column = 0 if platform.machine() == X86 else 1
    numbers = system_calls.CLONE if name == "clone" else system_calls.REFUSED[name]
    return int(numbers[column] or 0)


def _sources() -> dict[str, str]:
    found = {
        f"the call {name}": f"call({_number(name)}, 0, 0, 0, 0, 0, 0)" for name in CALLS
    }
    for name, source in TRIED.items():
        for word in ("unshare", "clone"):
            source = source.replace(f"{{{word}}}", str(_number(word)))
        found[name] = source
    found = {n: START + s + "\nraise ValueError('did it')" for n, s in found.items()}
    for name in ("hidden", "leave", "look", "busy", "memory", "processor", "ending"):
        found[name] = START + STATE[name]
    found["look again"] = START + STATE["look"]
    words = {
        "MARK": MARK,
        "HELD": str(HELD),
        "ROOT": str(ROOT),
        "({})": f"({os.getpid()}, 1, os.getppid())",
    }
    for name in found:
        for word, value in words.items():
            found[name] = found[name].replace(word, value)
    found["honest"] = registry.solutions("A1")["pool"]
    return found


def _run(box: Sandbox, sources: dict[str, str]) -> dict[str, Outcome]:
    inputs = [dict(case.inputs) for case in registry.cases("A1", "pool", 5)][:1]
    setup = [*registry.setup("A1"), "SEEN = set()"]
    jobs = [Job("pool", setup, (), source, inputs, LIMITS) for source in sources.values()]
    return dict(zip(sources, box.run(jobs, registry.public_files("A1")), strict=True))


def _said(outcome: Outcome) -> str:
    return str(outcome.answers.get(0, {}).get("failed", "")) or outcome.ending


@pytest.fixture(scope="module", params=["bubblewrap", "limits"])
def tried(request: pytest.FixtureRequest) -> tuple[Sandbox, dict[str, Outcome]]:
    if request.param == "bubblewrap":
        request.getfixturevalue("bubblewrap")
    box = Sandbox(request.param)
    return box, _run(box, _sources())


Tried = tuple[Sandbox, dict[str, Outcome]]


@linux
@pytest.mark.parametrize("name", [*(f"the call {name}" for name in CALLS), *TRIED])
def test_what_a_process_may_not_do_is_refused(tried: Tried, name: str):
    box, outcomes = tried
    if not box.host.calls:
        pytest.skip("there is no filter of system calls here")
    said = _said(outcomes[name])
    if name in ("the network", "raising a limit"):
        assert "did it" not in said and "Error" in said
    else:
        assert any(words in said for words in REFUSED), said


@linux
def test_nothing_survives_a_question(tried: Tried):
    _, outcomes = tried
    assert outcomes["leave"].started
    for name in ("look", "look again"):
        assert "left []" in _said(outcomes[name])


@linux
def test_nothing_survives_a_run(tried: Tried):
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            assert MARK.encode() not in entry.read_bytes()
    for folder in ("/dev/shm", "/tmp", "/var/tmp"):
        assert not (Path(folder) / MARK).exists()
    box, _ = tried
    for parent in box.groups.parents.values():
        assert not list(parent.glob(f"{cgroups.PREFIX}*/cgroup.procs"))


def test_a_busy_writer_costs_its_own_question_only(tried: Tried):
    _, outcomes = tried
    assert _said(outcomes["busy"])
    assert not _said(outcomes["honest"]) and outcomes["honest"].answers


@linux
def test_memory_in_many_processes_counts_together(tried: Tried):
    box, outcomes = tried
    if not (box.groups or box.host.measured):
        pytest.skip("nothing holds memory here")
    said = _said(outcomes["memory"])
    most = LIMITS.memory // HELD
    assert any(f"held by {n}." in said for n in range(most + 1)) or "ended by" in said, said


@linux
def test_memory_is_measured_where_there_is_no_cgroup():
    box = Sandbox("limits")
    box.groups = cgroups.Cgroups(0, {})
    said = _said(_run(box, {"memory": _sources()["memory"]})["memory"])
    most = LIMITS.memory // HELD
    assert any(f"held by {n}." in said for n in range(most + 1)) or "ended by" in said, said


@linux
def test_a_submission_computes_on_one_core(tried: Tried):
    box, outcomes = tried
    if "cpu" not in box.groups.parents:
        pytest.skip("no cgroup holds processor time here")
    said = _said(outcomes["processor"])
    assert float(said.split("used ")[1].split()[0]) < 1.3


@linux
def test_solutions_and_hidden_tests_cannot_be_read(tried: Tried):
    box, outcomes = tried
    if not (box.kind == "bubblewrap" or box.host.files):
        pytest.skip("nothing protects files here")
    assert "read []" in _said(outcomes["hidden"])


@linux
def test_no_other_program_can_be_reached(tried: Tried):
    box, outcomes = tried
    said = _said(outcomes["ending"])
    if box.kind == "limits":
        assert "reaches []" in said
    else:  # the numbers are those of its own box
        assert str(os.getpid()) not in said


# --- what this machine cannot show: on a fake -------------------------------------------


@pytest.fixture
def version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A fake tree of version 2, in which a part is ours; folders fill as a kernel's do."""
    usual = Path.mkdir

    def made(path: Path, *args: Any, **more: Any) -> None:
        usual(path, *args, **more)
        memory = ("memory.max", "memory.limit_in_bytes", "pids.max")
        cpu = (
            "cpu.max",
            "cpu.weight",
            "cpu.cfs_period_us",
            "cpu.cfs_quota_us",
            "cpu.shares",
        )
        for name in ("cgroup.procs", "cgroup.kill", *memory, *cpu):
            (path / name).write_text("")

    tree = tmp_path / "tree"
    (tree / "slice" / "scope").mkdir(parents=True)
    monkeypatch.setattr(Path, "mkdir", made)
    monkeypatch.setattr(Path, "rmdir", lambda path: shutil.rmtree(path))
    for folder, lent in ((tree, "cpu memory pids io"), (tree / "slice", "memory pids cpu")):
        (folder / "cgroup.subtree_control").write_text(lent)
        (folder / "cgroup.procs").write_text("")
    (tree / "slice" / "scope" / "cgroup.subtree_control").write_text("")
    mounts, own = tmp_path / "mounts", tmp_path / "own"
    mounts.write_text(f"cgroup2 {tree} cgroup2 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n")
    own.write_text("0::/slice/scope\n")
    return {"mounts": mounts, "own": own, "slice": tree / "slice"}


def test_version_2_is_limited_in_a_fake_tree(version_2: dict[str, Path]):
    found = cgroups.find(version_2["mounts"], version_2["own"])
    assert found.version == 2 and set(found.parents.values()) == {version_2["slice"]}
    before = sorted(version_2["slice"].iterdir())
    with found.group(LIMITS) as group:
        assert group
        (folder,) = group.folders
        assert (folder / "memory.max").read_text() == str(LIMITS.memory)
        assert (folder / "cpu.max").read_text() == "100000 100000"
        assert (folder / "cpu.weight").read_text() == "50"  # of 100
        assert int((folder / "pids.max").read_text()) == LIMITS.processes + 16
        assert group.entrances == [str(folder / "cgroup.procs")]
    assert sorted(version_2["slice"].iterdir()) == before


def test_version_1_is_limited_in_a_fake_tree(version_2: dict[str, Path], tmp_path: Path):
    lines = [f"cgroup {tmp_path / name} cgroup rw,{name} 0 0" for name in ("cpu", "memory")]
    for name in ("cpu", "memory"):
        (tmp_path / name).mkdir()
    version_2["mounts"].write_text("\n".join(lines))
    version_2["own"].write_text("2:memory:/\n1:cpu:/\n")
    found = cgroups.find(version_2["mounts"], version_2["own"])
    assert found.version == 1 and set(found.parents) == {"cpu", "memory"}
    with found.group(LIMITS) as group:
        assert group
        cpu, memory = sorted(group.folders)
        assert (cpu / "cpu.cfs_quota_us").read_text() == "100000"
        assert (cpu / "cpu.shares").read_text() == "512"  # of 1024
        assert (memory / "memory.limit_in_bytes").read_text() == str(LIMITS.memory)


def test_the_kernel_takes_the_weight():
    found = cgroups.find()
    if "cpu" not in found.parents:
        pytest.skip("no cgroup holds processor time here")
    name, weight = ("cpu.weight", 50) if found.version == 2 else ("cpu.shares", 512)
    with found.group(LIMITS) as group:
        assert group
        said = [(f / name).read_text() for f in group.folders if (f / name).exists()]
    assert [*map(int, said)] == [weight]


def test_no_group_is_made_where_memory_is_not_lent_in_a_fake_tree(
    version_2: dict[str, Path],
):
    for folder in (version_2["slice"], version_2["slice"].parent):
        (folder / "cgroup.subtree_control").write_text("cpu pids")
    found = cgroups.find(version_2["mounts"], version_2["own"])
    assert not found and not found.version
    with found.group(LIMITS) as group:
        assert group is None
    assert not cgroups.find(version_2["mounts"].parent / "none", version_2["own"])


def test_a_limit_that_a_fake_system_refuses_is_left_out(monkeypatch: pytest.MonkeyPatch):
    """As macOS does with the address space; here ``resource`` is a fake."""
    kept = []

    def refuse(kind: int, value: tuple[int, int]) -> None:
        if kind == 9:
            raise ValueError("current limit exceeds maximum limit")
        kept.append(kind)

    fake = SimpleNamespace(RLIMIT_AS=9, RLIMIT_CPU=0, RLIM_INFINITY=-1, setrlimit=refuse)
    fake.getrlimit = lambda kind: (-1, -1)
    monkeypatch.setattr(rights, "resource", fake)
    rights.limit(LIMITS.of_kernel(0))
    assert kept == [0]


BARE = host.Host(
    **dict.fromkeys(
        ("closed", "own_user", "root", "calls", "files", "signals", "groups"), False
    ),
    measured=False,
    address_space=False,
)


@pytest.mark.parametrize(
    ("changes", "there", "not_there"),
    [
        ({}, "fill the memory with one process", "cgroup"),
        ({}, "read and write what you can", "act as root"),
        ({"root": True}, "act as root", "cgroup"),
        ({"measured": True}, "measured from outside", "fill the memory"),
        ({"own_user": True, "root": True}, "what every user of this machine", "as root"),
        ({"calls": True}, "a filter of system calls", "use the network"),
        ({"files": True, "signals": True}, "Landlock", "end your other programs"),
        ({"groups": 2, "measured": True}, "cgroup (version 2)", "fill the memory"),
        ({"closed": True, "measured": True, "calls": True}, "bubblewrap", "could"),
        ({"closed": True, "measured": True}, "parts of the kernel", "network"),
    ],
)
def test_what_is_said_is_what_is_there(changes: dict[str, Any], there: str, not_there: str):
    told = replace(BARE, **changes).told()
    assert there in told and not_there not in told
    assert told.startswith(host.WARNING) == (not changes.get("closed"))


def test_a_machine_of_an_unknown_kind_has_no_filter():
    assert not system_calls.program(machine="riscv64")
    assert system_calls.program(machine=X86) != system_calls.program(machine=ARM)


# --- a neighbour, and a turn alone ------------------------------------------------------


class Starving:
    """A fake sandbox in which everything is starved until it is run alone."""

    def __init__(self, helps: bool) -> None:
        self.helps, self.alone = helps, 0

    def run(
        self, jobs: Sequence[Job], public: Any, slot: int, alone: bool = False
    ) -> list[Outcome]:
        self.alone += alone
        late = not (alone and self.helps)
        return [Outcome({}, "late" if late else "", True, True, late) for _ in jobs]


def test_who_waited_for_others_is_run_again_alone():
    jobs = {str(n): Job("pool", (), (), "", (), LIMITS) for n in range(5)}
    helped, hopeless = Starving(True), Starving(False)
    outcomes = grading._run(jobs, dict.fromkeys(jobs, ()), [], helped, 0)  # type: ignore[arg-type]
    assert helped.alone == 5 and not any(o.ending for o in outcomes.values())
    outcomes = grading._run(jobs, dict.fromkeys(jobs, ()), [], hopeless, 0)  # type: ignore[arg-type]
    assert hopeless.alone == 2 and all(o.ending for o in outcomes.values())


def test_alone_means_that_nothing_else_runs():
    box = Sandbox("limits")
    running, most, order = [0], [0], []

    def work(alone: bool) -> None:
        with box._turn_of(alone):
            running[0] += 1
            order.append((alone, running[0]))
            most[0] = max(most[0], running[0])
            time.sleep(0.05)
            running[0] -= 1

    threads = [threading.Thread(target=work, args=(n % 4 == 3,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(order) == 12 and most[0] > 1
    assert all(count == 1 for alone, count in order if alone)


# --- users, and what is left ------------------------------------------------------------


@pytest.mark.skipif(not users.can_be_lent(), reason="only root lends users")
def test_two_submissions_never_have_the_same_user(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(users, "COUNT", 2)
    with users.lent() as first, users.lent() as second:
        assert {first, second} == {users.FIRST, users.FIRST + 1}
        with pytest.raises(RuntimeError, match="is taken"), users.lent():
            pass
    process = subprocess.Popen(["sleep", "60"], user=users.FIRST)
    try:
        with users.lent() as other:
            assert other == users.FIRST + 1
    finally:
        leftovers.end_user(users.FIRST)
    assert process.wait(5) == -9


SLOW = """
import os, signal, sys, threading, time
from assignments.box import leftovers, rights
rights.adopt()
real, asked = os.kill, set()
def slowly(process, number):  # as where others have the processor
    if number != signal.SIGKILL:
        real(process, number)
    elif process not in asked:
        asked.add(process)
        threading.Timer(2, real, (process, number)).start()
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(60)
os.kill = slowly
leftovers.end_descendants()
try:
    os.waitpid(-1, os.WNOHANG)
    sys.exit("somebody is left")
except ChildProcessError:
    pass
"""


@linux
def test_the_next_question_waits_until_the_last_process_is_gone():
    done = subprocess.run([sys.executable, "-c", SLOW], cwd=ROOT, capture_output=True)
    assert not done.returncode, done.stderr.decode()


def test_a_copy_of_the_grader_does_not_take_its_turn_away(bubblewrap: None):
    box = Sandbox()
    process = os.fork()
    if process == 0:
        del box
        os._exit(0)
    os.waitpid(process, 0)
    [outcome] = _run(box, {"honest": registry.solutions("A1")["pool"]}).values()
    assert outcome.answers
    turn = Path(box._turn)
    turn.unlink()
    del box  # and nothing is said


def test_rights_that_were_taken_are_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / sandbox.SECRET[0]
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    monkeypatch.setattr(sandbox, "ROOT", tmp_path)

    def rights() -> int:
        return folder.stat().st_mode & 0o777

    give_back = sandbox._hide()
    assert rights() == 0o750
    give_back()
    assert rights() == 0o755
    give_back, another = sandbox._hide(), sandbox._hide()
    give_back()
    assert rights() == 0o750  # the second grader still needs it
    another()


# --- how much memory there is ------------------------------------------------------------


def _tree(folder: Path, limits: dict[str, str]) -> Path:
    """A fake /proc of a process in the group a/b, whose groups have these limits."""
    root = folder / "tree"
    (root / "a" / "b").mkdir(parents=True)
    for place, text in limits.items():
        (root / place).write_text(text)
    (folder / "self").mkdir()
    (folder / "self/mounts").write_text(f"cgroup2 {root} cgroup2 rw 0 0\n")
    (folder / "self/cgroup").write_text("0::/a/b\n")
    return folder


@pytest.mark.parametrize(
    ("limits", "bytes_"),
    [
        ({"a/b/memory.max": "max\n", "a/memory.max": f"{3 << 30}\n"}, 3 << 30),
        ({"a/b/memory.max": f"{2 << 30}", "a/memory.max": f"{3 << 30}"}, 2 << 30),
        ({"a/b/memory.limit_in_bytes": str(1 << 30)}, 1 << 30),
        ({"memory.max": "max"}, psutil.virtual_memory().total),
        ({"a/memory.max": str(1 << 62)}, psutil.virtual_memory().total),
        ({}, psutil.virtual_memory().total),
    ],
)
def test_the_smallest_group_around_counts_in_a_fake_tree(
    tmp_path: Path, limits: dict[str, str], bytes_: int
):
    assert memory.available(_tree(tmp_path, limits)) == bytes_
    assert memory.available(tmp_path / "no proc") == psutil.virtual_memory().total


def test_as_many_at_a_time_as_there_is_memory_for():
    small, large = 3 << 30, 64 << 30
    assert memory.at_once(8, small) == 2 and memory.at_once(8, large) == 8
    assert memory.at_once(1, small) == 1 and memory.at_once(4, 1 << 28) == 1
    for jobs in (1, 2):
        together = memory.OWN + jobs * (memory.Bounds.memory + memory.of_one(jobs, small))
        assert together <= small
    assert memory.of_one(4, 1 << 28) == memory.LEAST
    assert memory.OWN + 2 * memory.Bounds.memory < 1100 * MIB


def test_a_share_of_the_memory_holds_where_the_limit_is_higher():
    box = Sandbox("auto", memory=1024 * MIB)
    if not (box.groups or box.host.measured):
        pytest.skip("nothing holds memory here")
    said = _said(_run(box, {"memory": _sources()["memory"]})["memory"])
    most = 1024 * MIB // HELD
    assert any(f"held by {n}." in said for n in range(most + 1)) or "ended by" in said, said


def test_what_lies_deep_or_closed_is_removed_and_links_are_not_followed(tmp_path: Path):
    folder, kept = tmp_path / "folder", tmp_path / "kept"
    folder.mkdir()
    kept.mkdir(0o500)
    (folder / "link").symlink_to(kept)
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed").chmod(0)
    here = os.getcwd()
    os.chdir(folder)
    try:
        for _ in range(2000):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    for number in range(9_000):
        (folder / f"{number:0240}").touch()
    leftovers.empty([str(folder)])
    assert not list(folder.iterdir()) and kept.stat().st_mode & 0o777 == 0o500


@linux
def test_what_several_processes_share_is_counted_once(tmp_path: Path):
    code = (
        "import os, time; held = bytearray(b'1') * (64 << 20)\n"
        "children = [os.fork() for _ in range(2)]; time.sleep(30)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        time.sleep(2)
        found = watching.below(process.pid)
        assert len(found) == 4
        assert 64 * MIB < sum(map(watching.memory, found)) < 128 * MIB
        with watching.watched(process, 0, 32 * MIB, 99):
            assert process.wait(5) == -9
    finally:
        for number in watching.below(process.pid):
            with contextlib.suppress(OSError):
                os.kill(number, 9)
