"""Attacks of the course's own, most of a kind that nobody had reported when they were made.

Those in ``REPORTED`` were known to stop, slow or fill a class; they are here to be tried
beside the others.

``ANSWERS`` are answers to exercise ``pool`` of A1, all of them wrong; ``HANDED_IN`` are
whole submissions. Each has a name, what it tries, and the mode that it concerns: both, or
only the one with bubblewrap, or only the one without.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from attacks import _cell
from handing_in import handed_in

BOTH, CLOSED, OPEN = "both", "bubblewrap", "limits"
REPORTED = {
    "1,500 nested folders",
    "3,000 notebooks",
    "a reason of 15 MB",
    "half characters",
    "memory in many small processes",
    "metadata without end",
    "shared memory with a keeper",
    "words with half characters",
}
NOTHING = {"pool": "def pool(*args):\n    return None"}
ZEROS = "return torch.zeros(3, 2), torch.zeros(3, 2)"


@dataclass(frozen=True)
class Attack:
    """A wrong answer, or a whole submission."""

    name: str
    tries: str  # what it is after
    source: str = ""  # the answer's cell
    mode: str = BOTH
    write: Callable[[Path], None] | None = None  # into a student's empty folder

    def runs_in(self, kind: str) -> bool:
        return self.mode in (BOTH, kind)


def _answer(name: str, tries: str, body: str, before: str = "", mode: str = BOTH) -> Attack:
    return Attack(name, tries, _cell(body, before), mode)


ANSWERS = [
    _answer(
        "every descriptor taken",
        "no file is left for whoever comes next",
        f"""
        import os
        held = []
        try:
            while True: held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError: pass
        {ZEROS}
        """,
    ),
    _answer(
        "every descriptor closed",
        "the channel is gone before an answer is sent",
        f"""
        import os
        os.closerange(0, 4096)
        {ZEROS}
        """,
    ),
    _answer(
        "pipes filled to the brim",
        "memory of the kernel's, which no process holds",
        f"""
        import fcntl, os
        held = []
        try:
            while True:
                read, write = os.pipe()
                held += [read, write]
                fcntl.fcntl(write, 1031, 1 << 20)
                os.set_blocking(write, False)
                os.write(write, b"0" * (1 << 20))
        except OSError: pass
        {ZEROS}
        """,
    ),
    _answer(
        "a bomb of threads",
        "threads with large stacks, without an end",
        f"""
        import threading, time
        threading.stack_size(256 << 20)
        try:
            while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        except (RuntimeError, MemoryError): pass
        {ZEROS}
        """,
    ),
    _answer(
        "a file of a petabyte",
        "a sparse file, mapped into memory",
        """
        import mmap
        with open("large", "wb+") as file:
            file.truncate(1 << 50)
            return mmap.mmap(file.fileno(), 0)[0]
        """,
    ),
    _answer(
        "a million empty files",
        "names instead of bytes, and a long time to clear them away",
        """
        import itertools, os
        for number in itertools.count():
            os.close(os.open(f"f{number}", os.O_CREAT | os.O_WRONLY))
        """,
    ),
    _answer(
        "links upon links",
        "a folder that leads into itself, and to what is the grader's",
        f"""
        import os
        for number in range(500):
            os.symlink(".", f"loop{{number}}")
        os.symlink("ROOT", "root")
        os.symlink("OUT", "out")
        os.chmod(".", 0)
        {ZEROS}
        """,
    ),
    _answer(
        "files whose names are no text",
        "names that nobody can print or decode",
        f"""
        import os
        for name in (b"\\xff\\xfe", b"new\\nline", b"\\x1b[2J", b"-rf", b"n" * 255):
            open(name, "wb").close()
        {ZEROS}
        """,
    ),
    _answer(
        "the parent under a debugger",
        "PTRACE_ATTACH, and a write into the memory of the process around it",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        done = [libc.ptrace(16, os.getppid(), 0, 0)]
        local = (ctypes.c_char * 8)(*b"points: ")
        vector = (ctypes.c_void_p * 2)(ctypes.addressof(local), 8)
        done.append(libc.process_vm_writev(os.getppid(), vector, 1, vector, 1, 0))
        try: open(f"/proc/{os.getppid()}/mem", "r+b"); done.append(0)
        except OSError: done.append(-1)
        raise ValueError(f"done {done}")
        """,
    ),
    _answer(
        "stopping itself",
        "a process that neither ends nor computes",
        "import os; os.kill(os.getpid(), 19)",
    ),
    _answer(
        "a storm of timers",
        "a signal every microsecond",
        f"""
        import signal
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 1e-6, 1e-6)
        {ZEROS}
        """,
    ),
    _answer(
        "causes in a circle",
        "an exception whose traceback never ends",
        """
        first, second = ValueError("a"), ValueError("b")
        first.__cause__, second.__cause__ = second, first
        first.__context__, second.__context__ = second, first
        raise first
        """,
    ),
    _answer(
        "an exception with a megabyte of name",
        "a reason that fills a page, with escapes for the terminal",
        'raise type("A\\x1b[2J\\r" * 200_000, (Exception,), {})("\\u202e" * 1_000_000)',
    ),
    _answer(
        "a reason of 15 MB",
        "a summary of 15 MB, for each of its rows",
        'raise ValueError("no " * 5_000_000)',
    ),
    _answer(
        "a reason for a spreadsheet and a browser",
        "a formula and a script in the text of an exception",
        """
        raise ValueError("=HYPERLINK(1)\\n=cmd|' /C calc'!A0 <script>alert(1)</script>")
        """,
    ),
    _answer(
        "a list that holds itself",
        "an answer without a bottom",
        """
        found = []
        found.append(found)
        return found
        """,
    ),
    _answer(
        "a tuple without an end",
        "a tuple that says it is a named one, and lies when it is walked",
        "return Endless()",
        """
        class Endless(tuple):
            _fields = ("mean", "highest")
            def __iter__(self):
                while True: yield 0
        """,
    ),
    _answer(
        "a dict that lies",
        "keys that are one text, values that change",
        "return Liar({1: 1, '1': 2})",
        """
        class Liar(dict):
            def items(self):
                yield from (("mean", torch.zeros(3, 2)), (Key(), torch.zeros(3, 2)))
        class Key:
            def __str__(self): return "highest"
            def __hash__(self): return hash("highest")
            def __eq__(self, other): return True
        """,
    ),
    _answer(
        "a number of a million digits",
        "digits that are read in a square of time",
        "return 10 ** 1_000_000, float('1e-320')",
    ),
    _answer(
        "half characters",
        "text that no file can hold",
        "return {'\\ud83d': '\\udfff', 'mean': '\\ud83d' * 1000}",
    ),
    _answer(
        "a tensor of a billion that is one number",
        "an expanded view, and one of sixty axes",
        "return torch.zeros(1).expand(1 << 30), torch.zeros([1] * 60)",
    ),
    _answer(
        "tensors of other kinds",
        "quantized, nested, on no device, negated in passing",
        """
        odd = [
            torch.zeros(3, 2, device="meta"),
            torch.quantize_per_tensor(torch.zeros(3, 2), 0.1, 0, torch.quint8),
            torch.zeros(3, 2, dtype=torch.complex64).conj().imag,
            torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        ]
        return odd
        """,
    ),
    _answer(
        "an array of objects",
        "a NumPy array with code in it, and one with a copy of its own",
        """
        import numpy as np
        class Own(np.ndarray):
            def copy(self, *args): raise SystemExit
        return np.array([print, type], dtype=object), np.zeros((3, 2)).view(Own)
        """,
    ),
    _answer(
        "every operation of PyTorch bent",
        "a mode for all tensors that stays on while the answer is packed",
        f"""
        Mode().__enter__()
        torch.set_default_dtype(torch.float16)
        torch.set_default_device("meta")
        {ZEROS}
        """,
        """
        class Mode(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                return True
        """,
    ),
    _answer(
        "a hook on everything",
        "audit, trace and profile functions that stop whatever comes after",
        f"""
        import sys, threading
        def stop(*args): raise SystemExit("hook")
        sys.settrace(stop); sys.setprofile(stop); threading.settrace(stop)
        sys.addaudithook(stop)
        {ZEROS}
        """,
    ),
    _answer(
        "no bottom to the stack",
        "recursion without Python's limit",
        """
        import sys
        sys.setrecursionlimit(1 << 30)
        def down(x): return down([x])
        return down(0)
        """,
    ),
    _answer(
        "a search that never ends",
        "one regular expression, in C, deaf to signals",
        "import re; return re.match('(a|a)*$', 'a' * 60 + 'b')",
    ),
    _answer(
        "a message drop by drop",
        "a length, and then a byte each second",
        """
        import os, time
        for channel in range(3, 30):
            try: os.write(channel, (30 << 20).to_bytes(8, "big"))
            except OSError: continue
        while True:
            time.sleep(1)
            for channel in range(3, 30):
                try: os.write(channel, b"0")
                except OSError: pass
        """,
    ),
    _answer(
        "a message of eight exabytes",
        "a length that nobody could hold",
        """
        import os
        for channel in range(3, 30):
            try: os.write(channel, b"\\x7f" + b"\\xff" * 7)
            except OSError: pass
        """,
    ),
    _answer(
        "the end said before it came",
        "forged words of the process around it, to be graded before time is up",
        f"""
        import sys
        import gc; worker = next(m for m in gc.get_objects() if type(m).__name__ == "module" and "STARVED" in vars(m))
        for channel in range(3, 30):
            for message in ({{"ended": "", "starved": False}}, {{"done": True}}):
                try: worker.send(channel, message)
                except OSError: break
        {ZEROS}
        """,
    ),
    _answer(
        "code for the next Python",
        "sitecustomize, .pth files and PYTHONSTARTUP in its home",
        f"""
        import os, sys
        place = f"lib/python3.{{sys.version_info.minor}}/site-packages"
        for folder in (".", ".local/" + place, "box"):
            os.makedirs(folder, exist_ok=True)
            for name in ("sitecustomize.py", "usercustomize.py", "torch.py", "x.pth"):
                with open(f"{{folder}}/{{name}}", "w") as file: file.write("import nowhere")
        os.environ["PYTHONPATH"] = os.environ["HOME"]
        {ZEROS}
        """,
    ),
    _answer(
        "shared memory with a keeper",
        "a block with a name, and a process that looks after it",
        f"""
        from multiprocessing import shared_memory
        try:
            block = shared_memory.SharedMemory("attention-left", create=True, size=8 << 20)
            block.buf[:8] = b"points 5"
        except OSError: pass
        {ZEROS}
        """,
    ),
    _answer(
        "processes of Python's own making",
        "a pool that is started anew, each with PyTorch in it",
        """
        import multiprocessing, subprocess, sys
        code = "import torch, time; time.sleep(99)"
        for _ in range(16):
            subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        with multiprocessing.get_context("fork").Pool(8) as pool:
            return pool.map(len, [bytes(200 << 20)] * 8)
        """,
    ),
    _answer(
        "the first in every queue",
        "a real-time priority, and all cores for itself",
        """
        import os
        for change in (
            lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99)),
            lambda: os.nice(-20),
            lambda: os.sched_setaffinity(0, range(os.cpu_count())),
        ):
            try: change()
            except OSError: pass
        for _ in range(8):
            if os.fork() == 0:
                while True: pass
        while True: pass
        """,
    ),
    _answer(
        "thirty who are dead and not buried",
        "zombies that fill the table of processes",
        f"""
        import os
        try:
            while True:
                if os.fork() == 0: os._exit(0)
        except OSError: pass
        {ZEROS}
        """,
    ),
    _answer(
        "a shell that ends everybody",
        "another program, without Python around it",
        """
        import os
        os.execv("/bin/sh", ["sh", "-c", "kill -9 -1; kill -9 1; while :; do :; done"])
        """,
    ),
    _answer(
        "a core for the grader's folder",
        "a crash that leaves a picture of all memory",
        """
        import os, resource
        try: resource.setrlimit(resource.RLIMIT_CORE, (1 << 40, 1 << 40))
        except (ValueError, OSError): pass
        os.abort()
        """,
    ),
    _answer(
        "memory in many small processes",
        "none of them is the largest, together they are more than the machine has",
        """
        import os, time
        for _ in range(30):
            try:
                if os.fork() == 0:
                    held = bytearray(os.urandom(1 << 20) * 120)
                    time.sleep(60)
            except OSError: pass
        time.sleep(60)
        """,
    ),
    _answer(
        "the clock stopped",
        "a time that does not pass for whoever asks Python",
        """
        import time
        time.monotonic = time.time = time.perf_counter = lambda: 0.0
        while True: pass
        """,
    ),
    _answer(
        "sockets without names",
        "a meeting place for two submissions, on addresses of the kernel",
        """
        import socket
        meeting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        meeting.bind("\\0attention-measured")
        raise ValueError("met nobody")
        """,
    ),
    _answer(
        "rights of other programs",
        "sudo, su, mount, and files that run as root",
        f"""
        import glob, os, subprocess
        for command in (["su", "-c", "id"], ["mount", "-t", "tmpfs", "x", "."], ["sudo", "-n", "id"]):
            try: subprocess.run(command, timeout=1, capture_output=True)
            except (OSError, subprocess.SubprocessError): pass
        open("own", "w").close()
        try: os.chmod("own", 0o4777); os.chown("own", 0, 0)
        except OSError: pass
        {ZEROS}
        """,
    ),
]


def _file(data: bytes, name: str = "A1.ipynb") -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


def _notebook(**more: object) -> dict:
    return {**handed_in("A1", blank=True), **more}


def _zip_of(*members: tuple[str, bytes], times: int = 1) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(times):
            for name, data in members:
                file.writestr(name.format(number), data)
    return packed.getvalue()


def _sparse(folder: Path) -> None:
    with (folder / "A1.ipynb").open("wb") as file:
        file.truncate(1 << 40)


def _loops(folder: Path) -> None:
    for number in range(50):
        (folder / f"deeper{number}").symlink_to("..")


def _nested(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder)
    try:
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)


def _many(folder: Path) -> None:
    for number in range(3000):
        (folder / f"A1 ({number}).ipynb").write_bytes(b'{"cells": [], "nbformat": 4}')


def _marked(count: int) -> bytes:
    """A notebook in which every cell is said to be the answer."""
    notebook = handed_in("A1", blank=True)
    (cell,) = [c for c in notebook.cells if "def pool" in c.source]
    notebook.cells += [cell] * count
    return json.dumps(notebook).encode()


BOMB = _zip_of(("A1.ipynb", b"0" * (400 << 20)))
DEEP = {"a": 1}
for _ in range(500):
    DEEP = {"a": DEEP}

HANDED_IN = [
    Attack(name, tries, write=write)
    for name, tries, write in (
        ("a zip of zeros", "400 MB of a notebook in 400 kB", _file(BOMB, "A1.zip")),
        (
            "a zip of zips of zeros",
            "bombs in one another, sixteen to a box",
            _file(_zip_of(("{}.zip", _zip_of(("{}.zip", BOMB))), times=16), "A1.zip"),
        ),
        (
            "a zip that climbs out",
            "names that lead to other folders, and to another student",
            _file(_zip_of(("../../anna.ipynb", b"{}"), ("/etc/cron.d/x", b"*")), "A1.zip"),
        ),
        ("a terabyte of nothing", "a sparse file under a notebook's name", _sparse),
        ("folders that lead upwards", "links to what is above them", _loops),
        ("1,500 nested folders", "a path that is longer than any may be", _nested),
        ("3,000 notebooks", "a choice that takes for ever, and a long reason", _many),
        (
            "a name of 190 kB",
            "a name in the answer that the grader would repeat",
            _file(
                json.dumps(
                    handed_in("A1", {"pool": f"import {'a' * 190_000}\nassert False"})
                ).encode()
            ),
        ),
        (
            "2,000 answers to one question",
            "one cell, marked again and again",
            _file(_marked(2000)),
        ),
        (
            "metadata without end",
            "half a gigabyte of empty dicts in memory",
            _file(json.dumps(_notebook(metadata={"x": [{}] * 4_500_000})).encode()),
        ),
        (
            "a depth of metadata",
            "dicts in dicts where nobody looks",
            _file(json.dumps(_notebook(metadata=DEEP)).encode()),
        ),
        (
            "words with half characters",
            "written answers that no file can hold",
            _file(
                json.dumps(
                    handed_in("A1", {**NOTHING, "why-agree": "\ud83d\x1b[2J =1+1 " * 9000})
                ).encode()
            ),
        ),
        (
            "types that are none",
            "numbers where text is, lists where marks are",
            _file(
                b'{"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": [{"cell_type": '
                b'{}, "source": 7, "metadata": {"nbgrader": {"grade_id": ["A1-pool"]}}}, 1e999]}'
            ),
        ),
        (
            "a name twice",
            "two cells lists in one notebook, for two readers",
            _file(b'{"cells": [], ' + json.dumps(_notebook()).encode()[1:]),
        ),
    )
]
ATTACKS = [*ANSWERS, *HANDED_IN]
