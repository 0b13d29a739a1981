"""Which cells answer an exercise, and what they are read with."""

import textwrap
import time

import nbformat
import pytest
from handing_in import changed, handed_in

from assignments import grading, registry
from assignments.answers import Answer, find_answer
from assignments.conversation import Outcome
from assignments.limits import Limits
from assignments.notebook import Cell, cells
from assignments.sandbox import Job, Sandbox
from checks.exercise import Exercise

EVERY = [(a, key) for a in registry.ASSIGNMENTS for key in registry.exercises(a)]


def _found(assignment: str, key: str, *parts: tuple[str, str]) -> Answer:
    """The answer in cells, each with its mark: ``""``, ``"answer"`` or ``"check"``."""
    marks = {"": "", "answer": f"{assignment}-{key}", "check": f"{assignment}-{key}-test"}
    code = [Cell("code", src, marks[m], is_test=m == "check") for m, src in parts]
    return find_answer(code, assignment, registry.exercises(assignment)[key])


def _points(assignment: str, key: str, answer: Answer) -> int:
    assert not answer.problem, answer.problem
    found = registry.verdicts(assignment, key, answer.source, 3, answer.others)
    return sum(verdict.points for verdict in found)


# --- which cell answers -------------------------------------------------------------------


@pytest.mark.parametrize(("assignment", "key"), EVERY)
def test_an_answer_below_its_untouched_stub_is_found(assignment: str, key: str):
    notebook = handed_in(assignment, blank=True)
    solution = registry.solutions(assignment)[key]
    marks = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells]
    below = marks.index(f"{assignment}-{key}") + 1
    notebook.cells.insert(below, nbformat.v4.new_code_cell(solution))
    found = cells(nbformat.writes(notebook).encode())
    answer = find_answer(found, assignment, registry.exercises(assignment)[key])
    assert not answer.problem
    assert solution in answer.source
    assert "YOUR CODE HERE" not in answer.source


POOL = registry.solutions("A1")["pool"]
WRONG = "def pool(src_mask, enc_states):\n    return 1"
CHECK = 'check("pool", pool)'
STUB = (
    "def pool(src_mask, enc_states):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
)
IN_FORCE = {
    "a new cell below a wrong first try": [("answer", WRONG), ("", POOL), ("check", CHECK)],
    "a copy of the stub at the end": [("answer", POOL), ("check", CHECK), ("answer", STUB)],
    "a scratch version below the check": [("answer", POOL), ("check", CHECK), ("", WRONG)],
    "another try above the answer": [("", WRONG), ("answer", POOL), ("check", CHECK)],
    "the answer above its stub": [("", POOL), ("answer", STUB), ("check", CHECK)],
    "the check above all": [("check", CHECK), ("answer", POOL), ("", WRONG)],
    "merged into the check's cell": [("check", f"{POOL}\n\n\n{CHECK}")],
    "merged, and a stub": [("answer", STUB), ("check", f"{POOL}\n{CHECK}\nprint(7)")],
    "a helper in the check's cell": [
        ("check", f"{CHECK}\nimport numpy as np\nONE = np.int64(1)"),
        ("answer", POOL.replace("return mean", "return ONE * mean")),
    ],
}


@pytest.mark.parametrize("parts", IN_FORCE.values(), ids=IN_FORCE)
def test_what_is_in_force_at_the_check_is_graded(parts: list[tuple[str, str]]):
    answer = _found("A1", "pool", *parts)
    assert _points("A1", "pool", answer) == 5
    assert CHECK not in answer.source


def test_a_note_says_which_cell_was_graded():
    for parts, note in (
        ([("answer", POOL), ("check", CHECK)], ""),
        ([("answer", WRONG), ("", POOL), ("check", CHECK)], "Cell 2 of the notebook"),
        ([("answer", POOL), ("check", CHECK), ("answer", WRONG)], "mark; cell 1 of the"),
        ([("", POOL), ("check", CHECK)], "lost its mark"),
    ):
        assert note in (said := _found("A1", "pool", *parts).note) and bool(note) == bool(
            said
        )


# --- what is lent, and how ----------------------------------------------------------------

LINKS = """def links_of(weights, tgt_len, src_len):
    best = weights[:tgt_len, :src_len].argmax(1).tolist()
    return {(t, s + %s) for t, s in enumerate(best)}
"""
ODD = "\u00a0\u3000\U0001fae8"
HELPERS = {
    "odd characters in a formatted text": f"def zero(): return len(f\"{{'{ODD}'}}\") - 3",
    "decorators": "from functools import cache\n@ cache\ndef zero():\n    return 0",
    "a decorator in brackets": "import functools\n@(\nfunctools.cache\n)\n"
    "def zero():\n    return 0",
    "two on a line": "é = 'é'; ZERO = 0; NINE = 9\ndef zero(): return ZERO",
    "a text over lines": "ZERO = len('''\n\n  '''\n) - 4; ONE = 1\ndef zero(): return ZERO",
    "Windows' line ends": "ZERO = (\r\n  0\r\n)\r\ndef zero():\r\n    return ZERO",
}


@pytest.mark.parametrize("helper", HELPERS.values(), ids=HELPERS)
def test_a_statement_is_lent_as_it_was_written(helper: str):
    answer = _found("A4", "links", ("", helper), ("answer", LINKS % "zero()"))
    assert _points("A4", "links", answer) == 3


def test_what_the_reader_stumbles_over_costs_one_row(monkeypatch: pytest.MonkeyPatch):
    def stumbles(found: object, assignment: str, exercise: Exercise) -> Answer:
        if exercise.key == "aer":
            raise ValueError("odd")
        return Answer(problem="It is not there.")

    monkeypatch.setattr(grading, "find_answer", stumbles)
    asked = [q for q in grading.questions("A4") if q.key in ("links", "aer")]
    rows = grading.coded_rows([], "A4", asked, Sandbox("limits"), 3)
    assert [row.reason[:14] for row in rows] == ["It is not ther", "The grader stu"]


CHANGED = {
    "an assignment that reckons": "ZERO = 1\nZERO -= 1",
    "an item": "T = {}\nT['zero'] = 0\nZERO = T['zero']",
    "an item, in another cell": "T = {}\n# %%\nT['zero'] = 0\n# %%\n"
    "def f(): return T\nZERO = f()['zero']",
    "an item of an item": "T = [[1]]\nT[0][0] = 0\nZERO = T[0][0]",
    "append": "L = []\nL.append(0)\nZERO = L[0]",
    "a loop that fills": "T = {}\nfor n in range(3):\n    T[n] = n\nZERO = T[0]",
    "a loop's variable": "for ZERO in (2, 1, 0):\n    pass",
    "with": "with torch.no_grad():\n    ZERO = int(torch.zeros(1))",
    "a method from outside": "class Best:\n    pass\n\ndef of(self):\n    return 0\n\n"
    "Best.of = of\nZERO = Best().of()",
    "a register": "T = {}\ndef register(f):\n    T[f.__name__] = f\n    return f\n\n"
    "@register\ndef zero():\n    return 0\n\ndef best():\n    return T['zero']()\n\n"
    "ZERO = best()",
    "dispatch": "from functools import singledispatch\n@singledispatch\ndef best(x):\n"
    "    return 9\n\n@best.register\ndef _(x: int):\n    return 0\n\nZERO = best(1)",
    "an if": "ZERO = 7\nif ZERO:\n    print(ZERO)\n    ZERO = 0",
}
OWN = {
    "a loop over what is lent": ("NAMES = ['a']", "for name in NAMES:\n    ZERO = 0"),
    "a loop that fills": ("N = ['a']", "T = {}\nfor n in N:\n    T[n] = 0\nZERO = T['a']"),
    "with": ("def zero(): return 0", "with torch.no_grad():\n    ZERO = zero()"),
    "update": ("MORE = {0: 0}", "T = {}\nT.update(MORE)\nZERO = T[0]"),
}


@pytest.mark.parametrize("lent", CHANGED.values(), ids=CHANGED)
def test_what_changes_a_value_is_lent_with_it(lent: str):
    above = [("", source) for source in lent.split("\n# %%\n")]
    below = ("", "ZERO = 5\nZERO += 1")
    answer = _found("A4", "links", *above, ("answer", LINKS % "ZERO"), below)
    assert _points("A4", "links", answer) == 3


@pytest.mark.parametrize(("lent", "own"), OWN.values(), ids=OWN)
def test_what_gives_the_answer_a_value_is_no_try_out(lent: str, own: str):
    answer = _found("A4", "links", ("", lent), ("answer", f"{own}\n\n{LINKS % 'ZERO'}"))
    assert _points("A4", "links", answer) == 3


def test_what_changes_nothing_of_the_answers_is_not_lent():
    above = "T = {}\nU = {}\nU['x'] = 0\nprint(T)\nimport numpy\nnumpy.seterr()\nT.clear()"
    answer = _found("A4", "links", ("", above), ("answer", LINKS % "len(T or numpy.e - 1)"))
    assert answer.others == ("T = {}", "import numpy", "T.clear()")
    assert answer.fewer == ("T = {}", "import numpy")


def test_many_changes_are_each_looked_at_once():
    many = "T = []\n" + "\n".join("T.append(T)" for _ in range(9_000))
    start = time.perf_counter()
    answer = _found("A4", "links", ("", many), ("answer", LINKS % "T"))
    assert len(answer.others) == 9_001
    assert time.perf_counter() - start < 30  # seconds


class _Runs:
    """Closed processes that end as they are told, and note what they were lent."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes, self.lent = [*outcomes], list[tuple[str, ...]]()

    def run(self, jobs: list[Job], *rest: object, **more: object) -> list[Outcome]:
        self.lent += [tuple(job.others) for job in jobs]
        return [self.outcomes.pop(0) for _ in jobs]


@pytest.mark.parametrize(
    ("outcomes", "lent"),
    [
        ((Outcome(),), 1),
        ((Outcome(ending="time"), Outcome()), 2),
        ((Outcome(ending="time", reached=True), Outcome()), 2),
        ((Outcome(ending="time"), Outcome(ending="time"), Outcome()), 3),
    ],
)
def test_what_ends_badly_is_run_again_with_less(outcomes: tuple[Outcome, ...], lent: int):
    for outcome in outcomes:
        outcome.started = True
    runs = _Runs(*outcomes)
    job = Job("links", [], ("L = []", "while True: L.append(0)"), "", [], Limits())
    found = grading._run({"links": job}, {"links": ("L = []",)}, [], runs, 0)
    assert found["links"] is outcomes[-1]
    assert runs.lent == [job.others, ("L = []",), ()][:lent]


def test_a_class_may_be_built_on_one_of_its_own_name_above():
    solution = registry.solutions("A3")["step"]
    first, step = solution.split("    def step(", 1)
    above = f"{first}    def step(self): return 1"
    own = f"class Decoder(Decoder):\n    def step({step}"
    found = _found("A3", "step", ("", above), ("answer", own), ("check", "check"))
    assert _points("A3", "step", found) == registry.exercises("A3")["step"].points
    halves = f"{first}    def step(self): return 1\n{own}"
    assert _found("A3", "step", ("", above), ("answer", halves)).others == ()


def test_a_class_may_get_a_method_in_a_cell_below():
    solution = registry.solutions("A3")["step"]
    first, step = solution.split("    def step(", 1)
    stub = f"{first}    def step(self):\n        raise NotImplementedError()"
    added = textwrap.dedent(f"    def step({step}") + "\n\nDecoder.step = step"
    for above in (first, stub):
        parts = [("answer", above), ("", added), ("check", 'check("step", Decoder)')]
        found = _found("A3", "step", *parts)
        assert _points("A3", "step", found) == registry.exercises("A3")["step"].points
        assert "Cell 2 of the notebook" in found.note


REPLACED = {
    "an import": (
        "A1 buckets",
        "from numpy import random",
        ("random.Random(seed)", "random.default_rng(seed)"),
    ),
    "a function": (
        "A1 loss",
        "def cross_entropy(logits, ids, **more):\n"
        "    return F.cross_entropy(logits, ids, reduction='sum', ignore_index=PAD)\n"
        "import torch.nn.functional as F",
        ("cross_entropy(", "(lambda *a, **k: cross_entropy(*a))("),
    ),
}


@pytest.mark.parametrize(("place", "above", "change"), REPLACED.values(), ids=REPLACED)
def test_what_replaces_a_name_of_the_setup_counts_in_a_second_run(
    place: str, above: str, change: tuple[str, str], monkeypatch: pytest.MonkeyPatch
):
    assignment, key = place.split()
    source = changed(assignment, key, change)
    asked = [q for q in grading.questions(assignment) if q.key == key]
    marks = [("", above), (f"{assignment}-{key}", source)]
    found = [Cell("code", text, mark) for mark, text in marks]
    (row,) = grading.coded_rows(found, assignment, asked, Sandbox("auto"), 3)
    assert row.points == row.max_points, row.reason


def test_what_replaces_no_name_of_the_setup_is_lent_once():
    pool = ("answer", POOL)
    for above in (
        "import torch",
        "torch = None",
        "def torch(): from seq2seq_lib import model",
    ):
        answer = _found("A1", "pool", ("", above), pool)
        assert not answer.problem and answer.every == answer.others == ()
    answer = _found("A1", "pool", ("", "import numpy as torch"), pool)
    assert answer.every == ("import numpy as torch",) and answer.others == ()


IN_A_NOTEBOOK = {
    "torch.jit over two lent functions": (
        "entropy",
        "def logs(p: torch.Tensor) -> torch.Tensor:\n"
        "    return torch.where(p > 0, p, torch.ones_like(p)).log2()\n\n"
        "def plain(p: torch.Tensor) -> torch.Tensor:\n    return -(p * logs(p)).sum(-1)",
        "@torch.jit.script\ndef bits(weights: torch.Tensor, mask: torch.Tensor):\n"
        "    return plain(weights * mask[:, None])",
    ),
    "the name of the module": (
        "links",
        "from dataclasses import dataclass\nfrom typing import get_type_hints",
        "@dataclass\nclass Zero:\n    zero: 'Zero' = 0\n\n"
        "if __name__ == '__main__':\n    ZERO = 0\n\n"
        + LINKS
        % "ZERO * len(get_type_hints(Zero))",
    ),
}


@pytest.mark.parametrize(("key", "above", "own"), IN_A_NOTEBOOK.values(), ids=IN_A_NOTEBOOK)
def test_an_answer_runs_as_in_a_notebook(key: str, above: str, own: str, bubblewrap: None):
    asked = [q for q in grading.questions("A4") if q.key == key]
    found = [Cell("code", above), Cell("code", own, f"A4-{key}")]
    (row,) = grading.coded_rows(found, "A4", asked, Sandbox("auto"), 3)
    assert row.points == row.max_points, row.reason


# --- what an answer may not use -----------------------------------------------------------

ANSWER = """def masked_weights(scores, mask):
    return LIB.attention.masked_softmax(scores, mask)
"""
# Around the answer, ``LIB`` in it, and cells above it.
DOORS = {
    "another cell's import": ("", "lib", "import seq2seq_lib as lib"),
    "a pair": ("import seq2seq_lib\nlib, one = seq2seq_lib, 1", "lib"),
    "an annotation": ("import seq2seq_lib\nlib: object = seq2seq_lib", "lib"),
    "a walrus": ("import seq2seq_lib\nif (lib := seq2seq_lib):\n    pass", "lib"),
    "a default": ("import seq2seq_lib\ndef f(lib=seq2seq_lib): return lib", "f()"),
    "a default of its own name": ("def f(torch=torch): return torch", "f().nn.F"),
    "a loop": ("import seq2seq_lib\nfor lib in [seq2seq_lib]:\n    pass", "lib"),
    "a list": ("import seq2seq_lib\nLIBS = [seq2seq_lib]", "LIBS[0]"),
    "a class": ("import seq2seq_lib\nclass A:\n    lib = seq2seq_lib", "A.lib"),
    "an import in a class": ("class A:\n    import seq2seq_lib as lib", "A.lib"),
    "an argument's name": ("def f(seq2seq_lib): pass", "seq2seq_lib"),
    "a name used twice": ("import seq2seq_lib as lib\nimport math as lib", "lib"),
    "another cell's assignment": ("", "lib", "import seq2seq_lib\nlib = seq2seq_lib"),
    "a helper between": (
        "",
        "helper()",
        "import seq2seq_lib",
        "lib = seq2seq_lib",
        "def helper(): return lib",
    ),
    "a global": (
        "lib = 1\nOWN = fill()",
        "lib",
        "import seq2seq_lib\ndef fill():\n    global lib\n    lib = seq2seq_lib",
    ),
    "the modules of sys": ("import sys", "vars(sys)['modules']['seq2seq_lib']"),
    "sys by way of another module": ("import os", "os.sys.modules['seq2seq_lib']"),
    "the module of a function": ("import inspect", "inspect.getmodule(check)"),
    "what the notebook holds": ("lib = locals()['seq2seq_lib']", "lib"),
    "the check in a list": ("", "[check][0].exercises"),
    "a function called hasattr": (
        "import seq2seq_lib\ndef hasattr(lib): return lib",
        "hasattr(seq2seq_lib)",
    ),
}


@pytest.mark.parametrize("parts", DOORS.values(), ids=DOORS)
def test_what_is_forbidden_is_found_across_cells(parts: tuple[str, ...]):
    around, lib, *above = parts
    answer = f"{around}\n{ANSWER.replace('LIB', lib)}"
    cells_above = [("", source) for source in above]
    found = _found("A3", "weights", *cells_above, ("answer", answer))
    assert "does not allow" in found.problem


@pytest.mark.parametrize(
    ("place", "above", "name"),
    [
        ("A1 pad pad_to_multiple", "from torch.nn.utils import rnn", "rnn.pad_sequence"),
        (
            "A3 context weighted_context",
            "import torch.nn.functional as F",
            "F.scaled_dot_product_attention",
        ),
    ],
)
def test_a_module_of_pytorch_is_followed_across_cells(place: str, above: str, name: str):
    assignment, key, wanted = place.split()
    answer = ("answer", f"def {wanted}(*given):\n    return {name}(*given)")
    found = _found(assignment, key, ("", above), answer)
    assert name.rpartition(".")[2] in found.problem


HARMLESS = """
import numpy as np, torch.nn.functional as F
ones = torch.ones
def f(xs, torch=None, check=len):
    return [check(x) for check in xs if hasattr(np, 'e')]
x = getattr(torch, 'ones')(2), isinstance(F.relu(ones(2)), torch.Tensor)
y = [check for check in range(3)]
import seq2seq_lib
def g(attention, sys): return attention.lib, sys.modules
"""


def test_what_opens_nothing_is_allowed():
    answer = HARMLESS + registry.solutions("A3")["weights"]
    found = _found("A3", "weights", ("", HARMLESS), ("answer", answer))
    assert _points("A3", "weights", found) == 6


# Beside a right answer, and what is left out of it.
BESIDE = {
    "a comparison": (
        "A4 aer",
        "from seq2seq_lib.metrics import alignment_error_rate\n"
        "print(alignment_error_rate([{(0, 0)}], [{(0, 0)}], [{(0, 0)}]))\n",
        "seq2seq_lib.metrics",
    ),
    "an import that nothing uses": (
        "A3 weights",
        "from seq2seq_lib.attention import masked_softmax; ONE = 1\n",
        "seq2seq_lib.attention",
    ),
    "a function over lines": (
        "A3 context",
        "@torch.no_grad()\ndef theirs(\n    *a\n):\n"
        "    return nn.functional.scaled_dot_product_attention(*a)\n",
        "scaled_dot_product_attention",
    ),
}


@pytest.mark.parametrize(("place", "beside", "used"), BESIDE.values(), ids=BESIDE)
def test_what_stands_beside_an_answer_is_left_out(place: str, beside: str, used: str):
    assignment, key = place.split()
    exercise = registry.exercises(assignment)[key]
    solution = registry.solutions(assignment)[key]
    found = [Cell("code", f"{beside}{solution}\n\n{beside}", f"{assignment}-{key}")]
    answer = find_answer(found, assignment, exercise)
    assert _points(assignment, key, answer) == exercise.points
    assert used in answer.note and used not in answer.source
    lines = answer.source.split("\n")
    assert lines[beside.count("\n")] == solution.split("\n")[0]


HELP = {
    "an attribute": "torch.own = torch.nn.functional.scaled_dot_product_attention",
    "a setting": "setattr(torch, 'own', seq2seq_lib.attention.masked_softmax)",
    "an item": "TABLE = {}\nTABLE['own'] = seq2seq_lib.attention.masked_softmax",
    "a method": "import seq2seq_lib\nTABLE = []\nTABLE.append(seq2seq_lib)",
    "a function": "def fill():\n    globals()['TABLE'] = 1\nfill()",
}


@pytest.mark.parametrize("line", HELP.values(), ids=HELP)
def test_what_is_left_out_is_never_run(line: str):
    own = "def masked_weights(scores, mask):\n    return torch.own(scores, mask), TABLE"
    answer = _found("A3", "weights", ("", line), ("answer", f"{line}\n{own}"))
    for word in ("scaled_dot", "seq2seq_lib.attention", "append", "globals"):
        assert answer.problem or word not in "".join((answer.source, *answer.others))


def test_a_forbidden_answer_costs_no_exercise_that_is_given_a_right_version():
    forbidden = ANSWER.replace("LIB", "seq2seq_lib")
    for key in ("attention", "step", "gate"):
        above = [("", forbidden)]
        solution = registry.solutions("A3")[key]
        answer = _found("A3", key, *above, ("answer", solution))
        assert not answer.problem and not answer.others
