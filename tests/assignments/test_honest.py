"""What honest students write earns what the reference earns; what is forbidden is a use."""

import ast
import linecache
import textwrap
import types
import zlib
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
import torch
from handing_in import changed, handed_in

from assignments import grading, registry
from assignments.answers import Answer, find_answer
from assignments.conversation import Outcome, _ending
from assignments.limits import Limits
from assignments.notebook import Cell, cells, defined
from checks.attempt import attempt, with_facts
from checks.checker import forbidden_use as told_at_the_desk
from checks.forbidden import forbidden_use
from checks.judging import judge
from checks.scopes import imported

POOL = registry.solutions("A1")["pool"]
PAD_ROWS = registry.solutions("A1")["pad"]
MASKS = registry.solutions("A1")["masks"]
BODY = POOL.partition("\n")[2]


def _points(assignment: str, key: str, answer: Answer) -> int:
    assert not answer.problem, answer.problem
    found = registry.verdicts(assignment, key, answer.source, 3, answer.others)
    return sum(verdict.points for verdict in found)


def _answer(key: str, *above: str, below: tuple[str, ...] = (), assignment: str = "A1"):
    """The answer in a notebook's cells, of which the last of ``above`` has the mark."""
    found = [Cell("code", source) for source in above[:-1]]
    found.append(Cell("code", above[-1], f"{assignment}-{key}"))
    found += [Cell("code", source) for source in below]
    return find_answer(found, assignment, registry.exercises(assignment)[key])


# Around the right answer to pool: in front of it, behind it.
AROUND = {
    "a cell magic": ("%%time\n", ""),
    "two cell magics": ("%%capture out\n%%time\n", ""),
    "line magics": ("%matplotlib inline\n", "\n%timeit pool(1, 2)"),
    "shell over two lines": ("!pip install \\\n  torch\n", "\nfiles = !ls"),
    "help": ("torch.where?\n", "\npool??"),
    "a remainder on a continued line": ("x = (7\n  % 3)\n", ""),
    "a text with magics": ('TEXT = """\n!ls\n%time\nname?\n"""\n', ""),
    "odd line ends in a text": ("T = 'a\u2028b\x85c\x0cd'  # \u2028 \x85\n", ""),
    "Windows' line ends": ("x = 1\r\n", "\r\ny = 2\r\n"),
    "a try-out with the notebook's data": ("", "\npool(mask, src_rows[:3])"),
    "a failing assertion": ("", "\nassert pool is None"),
    "input": ("", "\nname = input('?')\n"),
    "display": ("", "\ndisplay(pool)\nget_ipython().system('ls')\n_"),
    "a shell of one's own": ("get_ipython().run_line_magic('time', '')\n", ""),
    "an exit": ("", "\nexit()"),
    "top-level await": ("import asyncio\n", "\nawait asyncio.sleep(0)"),
    "eval of a module": ("", "\nm = torch.nn.Dropout(.5).eval()\nm.eval()"),
    "a method called exec": ("class A:\n    def exec(self): self.eval()\n", ""),
    "a variable of a library's name": ("attention = model = batching = 1\n", ""),
    "a variable assignments": ("assignments = [1]\nassignments[0]\n", ""),
    "the checks' import": ("from a1_checks import check\n", "\ncheck('pool', pool)"),
    "a module's import": ("import a1_checks\n", "\na1_checks.check('pool', pool)"),
    "a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\n",
        "",
    ),
    "from __future__": ("from __future__ import annotations\n", ""),
    "an annotation without a value": ("width: int\n", ""),
    "walrus": ("if (n := 3) > 2: pass\n", ""),
    "the source of a function": (
        "import inspect\n",
        "\nsource = inspect.getsource(pool)\nassert 'def pool' in source",
    ),
    "an own exec": ("def compile(x): return x\ncompile(3)\n", ""),
    "a dictionary of one's own": ("class B: pass\nB().__dict__\nvars(B())\n", ""),
    "getattr": ("x = getattr(torch.ones(2), 'shape')\n", ""),
    "a name at run time": ("for n in ['sum']: getattr(torch.ones(2), n)()\n", ""),
    "an if": ("if True:\n    pass\n", ""),
    "an error in between": ("print(src_rows)\n", ""),
}


@pytest.mark.parametrize(("before", "behind"), AROUND.values(), ids=AROUND)
def test_what_stands_around_an_answer_costs_nothing(before: str, behind: str):
    assert _points("A1", "pool", _answer("pool", before + POOL + behind)) == 5


FORMS = {
    "a prompt": "\n".join(
        (">>> " if line.startswith("def") else "... ") + line for line in POOL.split("\n")
    ),
    "indented": "\n".join("    " + line for line in POOL.split("\n")),
    "in an if": "if True:\n" + "\n".join("    " + line for line in POOL.split("\n")),
    "in a try": "try:\n"
    + "\n".join("    " + line for line in POOL.split("\n"))
    + "\nexcept ValueError:\n    pass",
    "a lambda": POOL.replace("def pool", "def _pool")
    + "\npool = lambda src_mask, enc_states: _pool(src_mask, enc_states)",
    "annotated": POOL.replace("def pool", "def _pool") + "\npool: object = _pool",
    "in a tuple": POOL.replace("def pool", "def _pool") + "\npool, n = _pool, 1",
    "walrus": POOL.replace("def pool", "def _pool") + "\n(pool := _pool)",
    "partial": "from functools import partial\n"
    + POOL.replace("def pool", "def _pool")
    + "\npool = partial(_pool)",
    "decorated": "import functools\ndef same(f):\n    @functools.wraps(f)\n"
    "    def g(*a, **k): return f(*a, **k)\n    return g\n@same\n" + POOL,
    "an object": "class Pool:\n    @staticmethod\n    def __call__(src_mask, enc_states):\n"
    + "\n".join("    " + line for line in BODY.split("\n"))
    + "\npool = Pool()",
}


@pytest.mark.parametrize("source", FORMS.values(), ids=FORMS)
def test_an_answer_may_have_any_form(source: str):
    assert "pool" in defined(Cell("code", source))
    assert _points("A1", "pool", _answer("pool", source)) == 5


LENT = {
    "a tuple": "ONE = (1, 2)[0]",
    "a list": "NUMBERS = [1, 2]\nONE = NUMBERS[0]",
    "a dict": "ONE = {'one': 1}['one']",
    "arithmetic": "TWO = 1 + 1\nONE = TWO // 2",
    "a tensor": "ONE = torch.tensor([1.0])",
    "annotated": "ONE: int = 1",
    "unpacked": "ONE, TWO = 1, 2",
    "changed": "ONE = 3\nONE = ONE - 2",
    "in a try": "try:\n    from math import e\nexcept ImportError:\n    pass\nONE = e / e",
    "a function's": "def one():\n    return 1\nONE = one()",
}
USING = POOL.replace("return mean, highest", "return mean * ONE, highest * ONE")


@pytest.mark.parametrize("lent", LENT.values(), ids=LENT)
def test_a_value_of_another_cell_is_lent_in_any_form(lent: str):
    assert _points("A1", "pool", _answer("pool", lent, USING)) == 5


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (("ONE = 1", USING), ("ONE = 99",)),
        (("def f():\n    return 1", "ONE = f()", USING), ("def f():\n    return 9",)),
        ((POOL,), ("torch = None", "def pool(*a):\n    return 1")),
        ((USING + "\nONE = 1",), ("ONE = 3",)),
        (("torch = None", POOL), ()),
        ((USING,), ("ONE = 1", "ONE = 7")),
    ],
)
def test_a_scratch_cell_reaches_no_answer(above: tuple[str, ...], below: tuple[str, ...]):
    assert _points("A1", "pool", _answer("pool", *above, below=below)) == 5


def test_a_split_cell_is_joined():
    first, second = MASKS.split("\n\n\n")
    masks = registry.exercises("A1")["masks"]
    for parts in ([first, second], ["import torch\nN = 1", first, second, "print(N)"]):
        answer = find_answer([Cell("code", p, "A1-masks") for p in parts], "A1", masks)
        assert _points("A1", "masks", answer) == 5 and answer.note == ""


def test_functions_may_stand_in_several_cells():
    first, second = MASKS.split("\n\n\n")
    masks = registry.exercises("A1")["masks"]
    untouched = second.partition('"""')[0] + "raise NotImplementedError"
    for marks, parts in (
        (("A1-masks", ""), (first, second)),
        (("", ""), (first, second)),
        (("A1-masks", ""), (f"{first}\n{untouched}", second)),
    ):
        found = [Cell("code", p, m) for m, p in zip(marks, parts, strict=True)]
        assert _points("A1", "masks", find_answer(found, "A1", masks)) == 5


def test_a_cell_in_another_language_is_no_answer():
    answer = _answer("pool", "%%bash\n" + POOL)
    assert "pool" not in defined(Cell("code", "%%bash\n" + POOL))
    assert not answer.source.strip()


def test_newer_syntax_is_named():
    answer = _answer("pool", "def pool[T](src_mask: T, enc_states: T):\n    return 1")
    assert "needs a newer Python (3.12)" in answer.problem
    assert "not Python" in _answer("pool", "def pool(:\n").problem


def test_a_reversed_view_is_a_tensor_like_others():
    source = PAD_ROWS.replace(
        "return src_ids", "return src_ids.numpy()[::-1, ::-1][::-1, ::-1]"
    )
    turned = changed(
        "A1", "pad", ("return src_ids", "return src_ids.flip(0).numpy()[::-1]")
    )
    for one in (source, turned):
        assert _points("A1", "pad", _answer("pad", one)) == 3


@pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
def test_every_answer_is_found_as_it_is(assignment: str):
    found = cells(nbformat.writes(handed_in(assignment)).encode())
    for key, source in registry.solutions(assignment).items():
        answer = find_answer(found, assignment, registry.exercises(assignment)[key])
        assert (answer.problem, answer.note, answer.source) == ("", "", source)


NAMES = (
    "seq2seq_lib.attention",
    "MultiheadAttention",
    "pad_sequence",
    "a3_checks",
    "torch.distributions",
)
USES = [
    "from seq2seq_lib.attention import masked_softmax",
    "import seq2seq_lib.attention",
    "import seq2seq_lib.attention as a",
    "from seq2seq_lib import attention",
    "import seq2seq_lib as s\ns.attention",
    "import seq2seq_lib\nlib = seq2seq_lib\nlib.attention",
    "from seq2seq_lib.attention import *",
    "from seq2seq_lib.attention.lookup import masked_softmax",
    "import seq2seq_lib.attention.products as p\np.dot_scores",
    "from seq2seq_lib.interventions import Memory",
    "import seq2seq_lib.interventions as i\ni.Memory",
    "from seq2seq_lib.interventions import *\nMemory",
    "from seq2seq_lib.decoder import Attention as A",
    "getattr(torch.nn, 'MultiheadAttention')",
    "torch.nn.modules.MultiheadAttention",
    "from torch.nn.utils.rnn import pad_sequence as p",
    "from torch.nn.utils.rnn import *\npad_sequence",
    "import torch.distributions as d",
    "getattr(check, 'exer' + 'cises')",
    "check.exercises",
    "vars(check)",
    "check.__dict__",
    "from a3_checks import EXERCISES",
    "import a3_checks\na3_checks.exercise_in",
    "__import__('x')",
    "exec('x')",
    "eval('x')",
    "globals()['x']",
    "import importlib",
    "from importlib import import_module",
    "import sys\nsys.modules['x']",
    "from sys import modules",
    "import pickle",
    "import operator\noperator.attrgetter('a' + 'b')(check)",
    "f.__globals__",
    "import builtins",
    "def f():\n    from seq2seq_lib import attention",
    "import gc\n[m for m in gc.get_objects() if type(m).__name__ == 'module']",
    "from gc import get_objects as all_of\nall_of()",
    "import ctypes",
    "import sys\nsys._getframe()",
    "import inspect\ninspect.currentframe()",
    "import inspect\ninspect.getmembers(f)",
    "from inspect import stack",
    "import subprocess",
    "import os\nos.execv('x', [])",
    "from unittest import mock",
    "import timeit\ntimeit.timeit('x')",
    "torch.jit.CompilationUnit('x')",
    "torch.load('x')",
    "print.__self__",
    "getattr(f, '__globals__')",
    "import operator\noperator.attrgetter('x.__globals__')(f)",
    "match f:\n    case object(__globals__=names):\n        pass",
    "e.__traceback__.tb_frame.f_locals",
]
# What PyTorch has ready-made, and A3 asks for.
READY = [
    "nn.TransformerEncoderLayer",
    "nn.modules.activation.MultiheadAttention",
    "nn.functional.multi_head_attention_forward",
    "ops.aten._scaled_dot_product_attention_math",
    "_C._nn.scaled_dot_product_attention",
    "_native_multi_head_attention",
    "masked.softmax",
    "_masked_softmax",
    "sparse.softmax",
]
NO_USES = [
    "import inspect\ninspect.getsource(f), inspect.signature(f)",
    "import sys\nsys.maxsize, sys.setrecursionlimit(9000)",
    "from timeit import default_timer",
    "import os\nos.environ, os.getcwd()",
    "torch.masked_fill(x, m, 0), torch.softmax(x, -1)",
    "class A:\n    def __call__(self): return self.forward()",
    "self.eval()",
    "nn.Dropout(.5).eval()",
    "def pad_sequence(x): return x\npad_sequence(3)",
    "attention = 1\nattention.x",
    "def f(attention): return attention.seq2seq_lib.attention",
    "x.MultiheadAttention",
    "from a3_checks import check, held_out",
    "import a3_checks\na3_checks.check('x', f)",
    "vars(self)",
    "self.__dict__",
    "getattr(self, name)",
    "import operator\noperator.attrgetter('x')",
    "from seq2seq_lib.vocab import PAD",
    "def exec(x): return x\nexec(3)",
    "def f(compile): return compile(3)",
]
AROUND_THEM = imported(ast.parse("import torch\nfrom a3_checks import check").body)


@pytest.mark.parametrize("source", USES)
def test_a_use_is_noticed(source: str):
    registry.exercises("A3")
    assert forbidden_use(ast.parse(source), NAMES, AROUND_THEM)


@pytest.mark.parametrize("place", READY)
def test_what_pytorch_has_ready_made_is_noticed_whatever_it_is_called(place: str):
    around, _, name = f"torch.{place}".rpartition(".")
    for exercise in registry.exercises("A3").values():
        for source in (f"torch.{place}", f"from {around} import {name} as ours"):
            assert forbidden_use(ast.parse(source), exercise.forbidden, AROUND_THEM)


@pytest.mark.parametrize("module", ["attention", "transformer", "translate.processes"])
def test_no_module_of_the_library_answers_what_a3_asks(module: str):
    source = ast.parse(f"from seq2seq_lib.{module} import *")
    for exercise in registry.exercises("A3").values():
        assert forbidden_use(source, exercise.forbidden, AROUND_THEM)


def _at_the_desk(source: str) -> str:
    """What a student's own check says of a function with this body."""
    text = "def answer():\n" + textwrap.indent(source, "    ")
    name = f"<cell {zlib.crc32(source.encode())}>"
    linecache.cache[name] = len(text), None, text.splitlines(True), name
    names: dict[str, Any] = {"__name__": "__main__", "torch": torch}
    names["check"] = registry.public_module("A3").check
    exec(compile(text, name, "exec"), names)
    return told_at_the_desk([names["answer"]], NAMES)


@pytest.mark.parametrize("source", [use for use in USES if "*" not in use])
def test_the_desk_notices_the_same_uses(source: str):
    assert _at_the_desk(source) == forbidden_use(ast.parse(source), NAMES, AROUND_THEM)


@pytest.mark.parametrize("source", NO_USES)
def test_the_desk_knows_what_is_no_use(source: str):
    assert _at_the_desk(source) == ""


def test_the_desk_follows_the_functions_of_a_notebook():
    names: dict[str, Any] = {"__name__": "__main__", "torch": torch}
    helper = "def helper(): return torch.nn.MultiheadAttention\n"
    exec(helper + "def answer(): return helper()", names)
    assert told_at_the_desk([names["answer"]], NAMES) == "MultiheadAttention"


@pytest.mark.parametrize("source", NO_USES)
def test_a_name_alone_is_no_use(source: str):
    registry.exercises("A3")
    assert forbidden_use(ast.parse(source), NAMES, AROUND_THEM) == ""


@pytest.mark.parametrize(
    "line", ["best = max", "go = print", "odd = types.ModuleType('a-b')"]
)
def test_another_name_for_something_harmless_is_no_use(line: str):
    names: dict[str, Any] = {"__name__": "__main__", "types": types}
    name = line.partition(" ")[0]
    exec(f"{line}\ndef answer(): return {name}", names)
    assert told_at_the_desk([names["answer"]], NAMES) == ""


def test_another_name_for_a_door_is_one():
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("run = exec\ndef answer(): return run('x')", names)
    assert told_at_the_desk([names["answer"]], NAMES) == "exec"


@pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
def test_the_desk_accuses_no_reference(assignment: str):
    """As in a notebook, where each exercise uses what those before it have built."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for code in [*registry.setup(assignment), *registry.solutions(assignment).values()]:
        exec(code, names)
    for key, exercise in registry.exercises(assignment).items():
        answers = [names[name] for name in exercise.answers]
        assert told_at_the_desk(answers, exercise.forbidden) == "", key


# --- what an exception may say -----------------------------------------------------------

TOLD = "It stopped with ValueError in line 3 of your cell: the input is 4711"


@pytest.mark.parametrize(
    "message",
    [
        {"failed": TOLD},
        {"answer": {"mask": {"failed": TOLD}, "rows": [1, 2]}},
        {"answer": [{"failed": TOLD}, {"deep": {"failed": TOLD}}]},
    ],
)
def test_an_exception_tells_nothing_of_a_hidden_case(message: dict[str, Any]):
    outcome = Outcome(answers={1: message})
    shown, hidden = (str(grading._said(outcome, 1, hidden=h)) for h in (False, True))
    assert "4711" in shown
    assert "4711" not in hidden and "ValueError in line 3 of your cell." in hidden


FORGED = (
    "It stopped with ValueError4711",
    "It stopped with Seen4711 in line 3 of your cell: no",
    "It stopped with ValueError in line 34711 of your cell: no",
    "4711 is not answered yet (NotImplementedError).",
    "The answer must be made of tensors, numbers and text, but it is a v4711.",
    "Your cell does not define 4711.",
    "Your cell is not Python: 4711 in line 1 of it.",
    "4711",
)


@pytest.mark.parametrize("text", FORGED)
def test_no_word_of_a_students_comes_out_of_a_hidden_case(text: str):
    for message in ({"failed": text}, {"answer": [{"x": {"failed": text}}]}):
        said = str(grading._said(Outcome(answers={1: message}), 1, True, ("pool",)))
        assert "4711" not in said
    assert "4711" in str(grading._said(Outcome(answers={1: {"failed": text}}), 1))


@pytest.mark.parametrize(
    "text",
    [
        "It stopped with RuntimeError in line 12 of your cell",
        "It stopped with KeyError",
        "This exercise is not answered yet (NotImplementedError)",
        "pool is not answered yet (NotImplementedError)",
        "Your cell does not define pool",
        "The answer must be made of tensors, numbers and text, but it is a generator",
        "The answer must be made of tensors, numbers and text, but it is a Size",
    ],
)
def test_what_helps_is_said_of_a_hidden_case_as_well(text: str):
    message = {"failed": f"{text}: 4711" if "stopped" in text else f"{text}."}
    (said,) = vars(
        grading._said(Outcome(answers={1: message}), 1, True, ("pool",))
    ).values()
    assert said == f"{text}."


@pytest.mark.parametrize(
    "told", ["exit 4711", "signal 4711", "exit a4711", "4711", "exit "]
)
def test_no_word_of_a_students_comes_out_of_an_ending(told: str):
    assert "4711" not in _ending(told, Limits())


def _leaking(answer: Any) -> Iterator[Any]:
    """The answer with each of its parts in turn exchanged for what was asked with."""
    yield from ("4711 " * 90, ["4711 "] * 90, [4711.5] * 90, {"4711 " * 90: 1})
    yield int("4711" * 90)
    if isinstance(answer, dict):
        yield from (answer | {k: each} for k, v in answer.items() for each in _leaking(v))
        yield {("4711 " * 90 if k == list(answer)[0] else k): v for k, v in answer.items()}
    elif isinstance(answer, list):
        for n, part in enumerate(answer[:3]):
            yield from ([*answer[:n], each, *answer[n + 1 :]] for each in _leaking(part))
    elif isinstance(answer, torch.Tensor):
        yield torch.full((9,) * answer.dim(), 4711)
        yield torch.full_like(answer, 1) * 4711


@pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
def test_no_judge_says_much_of_what_an_answer_holds(assignment: str):
    much = dict[str, str]()
    for key, exercise in registry.exercises(assignment).items():
        if exercise.seconds > 60:
            continue  # it trains a model
        student = registry.answers_of(assignment, key, registry.solutions(assignment)[key])
        for case in registry.cases(assignment, key, 3)[-2:]:
            right = attempt(exercise, student, case.inputs)
            facts = {name: right[name] for name in exercise.outside(case.inputs).facts()}
            for answer in _leaking(right):
                for verdict in judge(exercise, [case], [with_facts(answer, facts)]):
                    if verdict.reason.count("4711") > 15:
                        much[f"{key} {verdict.reason[:40]}"] = verdict.criterion
    assert not much
