"""Hostile and broken answers to exercise ``pool`` of A1.

Each is (name, source of the answer's cell, words that its reason contains). All of them
would be wrong, if they came to answer at all: none deserves a point. The paths and the port
in capitals are filled in by the test.
"""

import textwrap


def _cell(body: str, before: str = "") -> str:
    """An answer whose function has the given body."""
    body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return f"{textwrap.dedent(before)}\ndef pool(*args, **kwargs):\n{body}\n"


ATTACKS = [
    ("an endless loop", _cell("while True: pass"), "ran longer than"),
    (
        "an endless loop that ignores signals",
        _cell(
            """
            import signal
            for number in range(1, 65):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
            while True:
                try:
                    while True: pass
                except BaseException: pass
            """
        ),
        "ran longer than",
    ),
    ("a loop at the top of the cell", "while True: pass", "ran longer than"),
    ("os._exit", _cell("import os; os._exit(0)"), "ended its own process"),
    ("sys.exit", _cell("import sys; sys.exit(0)"), "SystemExit"),
    ("a crash", _cell("import ctypes; ctypes.string_at(0)"), "SIGSEGV"),
    (
        "killing everything it can",
        _cell(
            """
            import contextlib, os
            with contextlib.suppress(OSError): os.kill(-1, 9)
            with contextlib.suppress(OSError): os.kill(1, 9)
            os.kill(os.getpid(), 9)
            """
        ),
        "SIGKILL",
    ),
    (
        "killing the process around it",
        _cell("import os, time; os.kill(os.getppid(), 9); time.sleep(60)"),
        "",
    ),
    (
        "stopping the process around it",
        _cell("import os, time; os.kill(os.getppid(), 19); time.sleep(60)"),
        "",
    ),
    (
        "a fork bomb",
        _cell(
            """
            import os
            while True:
                try: os.fork()
                except OSError: pass
            """
        ),
        "ran longer than",
    ),
    ("a hundred gigabytes", _cell("return bytearray(100 << 30)"), "MemoryError"),
    ("a hundred gigabytes of tensor", _cell("return torch.ones(25 << 30)"), "RuntimeError"),
    (
        "memory in many processes",
        _cell(
            """
            import os, time
            for _ in range(64):
                if os.fork() == 0:
                    held = bytearray(3 << 30)
                    time.sleep(60)
            """
        ),
        "",
    ),
    (
        "a huge output",
        _cell(
            """
            import sys
            for _ in range(200):
                print("a" * 10_000_000)
                print("a" * 10_000_000, file=sys.stderr)
            return torch.zeros(3, 2), torch.zeros(3, 2)
            """
        ),
        "",
    ),
    ("a huge answer", _cell("return torch.ones(12_000_000)"), "more than"),
    (
        "a full disk",
        _cell(
            """
            import itertools
            for number in itertools.count():
                with open(f"file{number}", "wb") as file:
                    file.write(b"0" * 10_000_000)
            """
        ),
        "No space left",
    ),
    (
        "a full shared memory",
        _cell(
            """
            import itertools
            for number in itertools.count():
                with open(f"/dev/shm/file{number}", "wb") as file:
                    file.write(b"0" * 10_000_000)
            """
        ),
        "No space left",
    ),
    (
        "an object that equals everything",
        _cell(
            "return Everything()",
            """
            class Everything:
                def __eq__(self, other): return True
                def __ne__(self, other): return False
                def __getattr__(self, name): return self
                def __call__(self, *args, **kwargs): return self
                def __bool__(self): return True
                def __float__(self): return 0.0
                def __iter__(self): return iter(())
            """,
        ),
        "Everything",
    ),
    (
        "a tensor that equals everything",
        _cell(
            "return torch.zeros(3, 2), torch.zeros(3, 2).as_subclass(Sly)",
            """
            class Sly(torch.Tensor):
                @classmethod
                def __torch_function__(cls, *args, **kwargs): return True
                def __eq__(self, other): return True
            """,
        ),
        "",
    ),
    (
        "a number that equals everything",
        _cell(
            "return Sly(0)",
            """
            class Sly(float):
                def __eq__(self, other): return True
                def __sub__(self, other): return 0.0
            """,
        ),
        "Sly",
    ),
    (
        "something that runs when it is unpickled",
        _cell(
            "return Bomb()",
            """
            class Bomb:
                def __reduce__(self): return (print, ("unpickled",))
            """,
        ),
        "Bomb",
    ),
    (
        "patched torch",
        _cell(
            """
            for name in ("allclose", "equal", "isclose", "eq"):
                setattr(torch, name, lambda *args, **kwargs: torch.tensor(True))
            torch.Tensor.allclose = torch.Tensor.equal = lambda *args, **kwargs: True
            torch.Tensor.__eq__ = lambda *args: torch.tensor(True)
            return torch.zeros(3, 2), torch.zeros(3, 2)
            """
        ),
        "",
    ),
    (
        "patched builtins",
        _cell(
            """
            import builtins
            builtins.isinstance = lambda *args: True
            builtins.sum = lambda *args: 10
            builtins.all = builtins.any = lambda *args: True
            return torch.zeros(3, 2), torch.zeros(3, 2)
            """
        ),
        "",
    ),
    (
        "a patched grader",
        _cell(
            "return torch.zeros(3, 2), torch.zeros(3, 2)",
            """
            import sys
            from checks import differences, judging
            full = lambda exercise, *args: [
                judging.Verdict(c.name, c.points, c.points) for c in exercise.criteria
            ]
            judging.judge = full
            for name in dir(differences):
                if callable(getattr(differences, name)):
                    setattr(differences, name, lambda *args, **kwargs: None)
            import gc
            for module in [m for m in gc.get_objects() if type(m).__name__ == "module"]:
                for exercise in getattr(module, "EXERCISES", ()):
                    object.__setattr__(exercise, "criteria", ())
            """,
        ),
        "",
    ),
    (
        "messages of its own to the grader",
        _cell(
            "return torch.zeros(3, 2), torch.zeros(3, 2)",
            """
            import sys, os
            import gc
            found = (m for m in gc.get_objects() if type(m).__name__ == "module")
            worker = next(m for m in found if "STARVED" in vars(m))
            for channel in range(3, 30):
                for number in range(20):
                    try:
                        worker.send(channel, {"case": number, "answer": None})
                        worker.send(channel, {"points": 5, "ready": True})
                    except OSError:
                        break
            """,
        ),
        "",
    ),
    (
        "failures without a reason",
        _cell(
            "raise ValueError('no')",
            """
            import sys
            from checks import attempt
            import gc
            found = (m for m in gc.get_objects() if type(m).__name__ == "module")
            worker = next(m for m in found if "STARVED" in vars(m))
            attempt.described = worker.described = lambda *args: "\\n"
            """,
        ),
        "no reason",
    ),
    *(
        (
            f"messages that it failed with {named}",
            _cell(
                "return torch.zeros(3, 2), torch.zeros(3, 2)",
                f"""
                import sys, os
                import gc
                found = (m for m in gc.get_objects() if type(m).__name__ == "module")
                worker = next(m for m in found if "STARVED" in vars(m))
                for channel in range(3, 30):
                    for number in range(20):
                        try:
                            worker.send(channel, {{"case": number, "answer": None, {part}}})
                        except OSError:
                            break
                """,
            ),
            "",
        )
        for named, part in (
            ("nothing", '"failed": ""'),
            ("spaces", '"failed": "  "'),
            ("no text", '"failed": None'),
            ("a number", '"failed": 0'),
            ("a list", '"failed": []'),
        )
    ),
    (
        "messages without an answer",
        _cell(
            "return torch.zeros(3, 2), torch.zeros(3, 2)",
            """
            import sys, os
            import gc
            found = (m for m in gc.get_objects() if type(m).__name__ == "module")
            worker = next(m for m in found if "STARVED" in vars(m))
            for channel in range(3, 30):
                for number in range(20):
                    try: worker.send(channel, {"case": number})
                    except OSError: break
            """,
        ),
        "sent no answer",
    ),
    (
        "rubbish in the channel",
        _cell(
            """
            import os
            for channel in range(3, 30):
                try: os.write(channel, b"points: 5" * 1000)
                except OSError: pass
            """
        ),
        "channel",
    ),
    (
        "an endless answer",
        _cell(
            """
            import os
            while True:
                for channel in range(3, 30):
                    try: os.write(channel, b"\\0" * 60_000)
                    except OSError: pass
            """
        ),
        "",
    ),
    (
        "an exception that lies and breaks",
        _cell(
            "raise Sly",
            """
            class Sly(Exception):
                def __str__(self): raise self
                __repr__ = __str__
            """,
        ),
        "",
    ),
    ("endless recursion", _cell("return pool()"), "RecursionError"),
    (
        "reading the hidden tests",
        _cell(
            """
            import pathlib
            found = []
            for name in ("assignments/hidden", "assignments/source", "tests"):
                folder = pathlib.Path("ROOT") / name
                found += [path.read_text() for path in folder.rglob("*.*")]
            assert found, "nothing to read"
            """
        ),
        "nothing to read",
    ),
    (
        "importing the hidden tests",
        _cell("from assignments.registry import solutions; return solutions('A1')['pool']"),
        "No module named 'assignments'",
    ),
    (
        "reading the work of others",
        _cell("return open('SUBMISSIONS/anna.ipynb').read()"),
        "FileNotFoundError",
    ),
    (
        "listing other processes",
        _cell(
            """
            import pathlib
            seen = [p.name for p in pathlib.Path('/proc').glob('[0-9]*')]
            raise ValueError(f"sees {len(seen)} processes")
            """
        ),
        "sees 3 processes",
    ),
    (
        "writing grades",
        _cell(
            """
            with open('OUT/grades.csv', 'a') as file:
                file.write('mallory,pool,5,5,')
            """
        ),
        "Error",
    ),
    (
        "changing the library",
        _cell(
            """
            import seq2seq_lib
            with open(seq2seq_lib.__file__, 'a') as file:
                file.write('# was here')
            """
        ),
        "Error",
    ),
    (
        "opening the network",
        _cell(
            """
            import socket
            socket.create_connection(('127.0.0.1', PORT), 2).send(b'solution?')
            """
        ),
        "Error",
    ),
    (
        "a process that stays behind",
        _cell(
            """
            import subprocess, sys
            code = "import time; time.sleep(300)  # MARK"
            subprocess.Popen([sys.executable, '-c', code], start_new_session=True, env={})
            return torch.zeros(3, 2), torch.zeros(3, 2)
            """
        ),
        "",
    ),
    (
        "becoming root",
        _cell(
            """
            import os
            os.setuid(0)
            """
        ),
        "PermissionError",
    ),
    ("no Python at all", "def pool(:\n", "not Python"),
    ("a zero byte", "def pool(*a, **k): return '\\x00'\x00\n", ""),
]
