"""A1's exercise 9: a test of other people's code, which is tested by that code."""

import contextlib
import json
import random
import textwrap
from typing import Any, NamedTuple

import pytest
import torch
from handing_in import changed, handed_in, unseen

from assignments import registry
from assignments.grading import coded_rows, questions
from assignments.hidden import a1_collates
from assignments.notebook import cells
from assignments.records import Row
from assignments.sandbox import Sandbox
from checks.attempt import attempt
from checks.checker import Checker
from checks.judging import judge

COLLATES = a1_collates.COLLATES
EXERCISE = registry.exercises("A1")["promise"]
SOLUTION = registry.solutions("A1")["promise"]
HIDDEN = a1_collates.versions(random.Random(7))
EVERY = [*COLLATES.PUBLIC, *HIDDEN]
WRONG = (COLLATES.PLAIN, COLLATES.IDS, COLLATES.MASK, COLLATES.RARE, COLLATES.MEMORY)
every_version = pytest.mark.parametrize("version", EVERY, ids=lambda v: v.does)


# --- the versions -----------------------------------------------------------------------


def many_batches() -> list[list[list[int]]]:
    """Batches of all sizes that are allowed; where ids are few, some recur in a row."""
    rng, found = random.Random(3), [[[]], [[1], [], [9_999]], [[7] * 50] * 20]
    for number in range(60):
        ids, rows = (9_999, 40)[number % 2], rng.choice((1, 2, 5, 20))
        lengths = [rng.randint(0, (4, 50)[number % 3 > 0]) for _ in range(rows)]
        found.append([[rng.randint(1, ids) for _ in range(n)] for n in lengths])
    return found


@every_version
def test_a_version_is_what_it_is_said_to_be(version: Any):
    asked = [COLLATES.Asked(version) for _ in many_batches()]
    shown = []
    for one, rows in zip(asked, many_batches(), strict=True):
        before = json.dumps(rows)
        try:
            src_ids, src_mask = one(rows)
        except Exception as error:
            shown.append(type(error).__name__)
            continue
        assert json.dumps(rows) == before
        assert src_ids.shape == src_mask.shape and src_mask.dtype == torch.bool
        assert not src_ids.is_floating_point()
        shown.append(one.shown)
    # Each had one batch; the last kind of mistake needs two.
    assert any(shown) == (version.kind not in (COLLATES.RIGHT, COLLATES.MEMORY))
    together = COLLATES.Asked(version)
    for rows in many_batches()[: COLLATES.MOST_BATCHES]:
        with contextlib.suppress(IndexError):  # of the one that needs a last id
            together(rows)
    assert bool(together.shown) == (version.kind != COLLATES.RIGHT)


def test_those_of_grading_have_other_mistakes_than_those_to_be_seen():
    seen, hidden = ([v.does for v in some] for some in (COLLATES.PUBLIC, HIDDEN))
    assert len({*seen, *hidden}) == len(seen) + len(hidden) == 26
    for some in (COLLATES.PUBLIC, HIDDEN):
        kinds = [version.kind for version in some]
        assert set(kinds) == {COLLATES.RIGHT, *WRONG} and kinds.count("right") > 2


def test_a_small_batch_can_be_checked_by_hand():
    version = next(v for v in COLLATES.PUBLIC if "behind a shorter row" in v.does)
    src_ids, src_mask = version.begin()([[5, 6, 7], [8]])
    assert src_ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert src_mask.tolist() == [[True] * 3, [True, True, False]]
    told = COLLATES.fault([[5, 6, 7], [8]], (src_ids, src_mask))
    assert told == "row 1 has 1 ids, and the mask of the answer 2"
    wide = next(v for v in HIDDEN if "behind each id" in v.does).begin()([[5, 6], [8]])
    assert wide[0].tolist() == [[5, 5, 6, 6], [8, 8, 0, 0]]
    assert wide[1].tolist() == [[True, False, True, False], [True, False, False, False]]
    assert COLLATES.fault([[5, 6], [8]], wide) == ""
    assert "id 1 of row 0 is 7, and 6" in COLLATES.fault([[5, 7], [8]], wide)


def test_the_seed_decides_the_order_and_nothing_shows_it():
    def order(seed: int) -> list[str]:
        drawn = registry.cases("A1", "promise", seed)[len(COLLATES.PUBLIC) :]
        assert [case.expected["said"] for case in drawn].count(True) == 4
        return [case.inputs["version"].kind for case in drawn]

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(5)}) == 5
    for case in registry.cases("A1", "promise", 1):
        assert EXERCISE.shown(case.inputs) == {}
        assert list(EXERCISE.outside(case.inputs).functions) == ["collate"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("text", "a list of rows"),
        ([[1], 2], "a list of rows"),
        (torch.ones(2, 2), "a list of rows"),
        ([], "this one 0"),
        ([[1]] * 21, "this one 21"),
        ([[1] * 51], "row 0 has 51"),
        ([[1], [0]], "row 1 holds another"),
        ([[10_000]], "from 1 to 9999"),
        ([[True]], "whole numbers"),
        ([[1.0]], "whole numbers"),
    ],
)
def test_a_batch_that_is_none_is_refused_and_shows_nothing(rows: Any, words: str):
    for version in EVERY:
        asked = COLLATES.Asked(version)
        with pytest.raises(ValueError, match=words):
            asked(rows)
        assert asked.batches == 0 and not asked.shown and words in asked.refused


# --- tests, and what they deserve -------------------------------------------------------


class Tried(NamedTuple):
    """A student's test, what it earns, and words of the reason."""

    source: str
    points: int
    words: str


def reads_back(batches: str, before: str = "") -> str:
    """A test that looks at the right thing, in these batches."""
    return f"""
def keeps_every_row(collate):
    rng = random.Random(3)
    def row(n, most=9999):
        return [rng.randint(1, most) for _ in range(n)]
    {before}
    for rows in {batches}:
        try:
            src_ids, src_mask = collate(rows)
        except Exception:
            return False
        if len(src_ids) != len(rows):
            return False
        for wanted, ids, real in zip(rows, src_ids, src_mask):
            if ids[real].tolist() != wanted:
                return False
    return True
"""


def says(expression: str) -> str:
    return f"def keeps_every_row(collate):\n    return {expression}\n"


LARGE = "[row(rng.randint(0, 50)) for _ in range(20)]"
EXCEPT = """        try:
            src_ids, src_mask = collate(rows)
        except Exception:
            return False
"""
TRIED = {
    "always True": Tried(says("True"), 0, "without a single batch"),
    "always False": Tried(says("False"), 0, "without a single batch"),
    "asks, and is content": Tried(
        says("collate([[1, 2, 3], [4]]) is not None"), 0, "it was shown the mistake: row"
    ),
    "asks, and is never content": Tried(
        says("collate([[1, 2, 3], [4]]) is None"), 0, "False of right code"
    ),
    "every kind of batch": Tried(
        reads_back(f"[[[], []]] + [{LARGE} for _ in range(20)]"), 5, ""
    ),
    "a reference": Tried(
        """
def keeps_every_row(collate):
    rows = [[5, 6], [7]]
    src_ids, src_mask = collate(rows)
    return src_ids[src_mask].tolist() == [5, 6, 7] and src_mask[1].tolist() == [True, False]
""",
        0,
        "False of right code. This version pads on the left",
    ),
    "padding has to be PAD": Tried(
        changed(
            "A1",
            "promise",
            ("ids[real].tolist() != row", "ids[real].tolist() != row or ids[~real].any()"),
        ),
        0,
        "nothing else was promised",
    ),
    "one batch, nearly square": Tried(
        reads_back("[[[4], [5, 6, 7], [8, 9]]]"), 3, "the last eight bits"
    ),
    "one batch, in order of length": Tried(
        reads_back("[[[5, 6, 7], [8, 9], [4]]]"), 2, "cuts every row to the length of"
    ),
    "one batch, the rows alike": Tried(
        reads_back("[[[5, 6], [7, 8]]]"), 0, "calls every cell real"
    ),
    "one row at a time": Tried(
        reads_back("[[row(n)] for n in (3, 0, 9, 50, 7)]"), 0, "calls every cell real"
    ),
    "one large batch": Tried(
        reads_back(f"[[[], *{LARGE}[1:]]]"), 4, "is as wide as its first"
    ),
    "small ids": Tried(
        reads_back("[[row(rng.randint(0, 50), 200) for _ in range(20)] for _ in 'abcde']"),
        4,
        "the last eight bits",
    ),
    "small batches": Tried(
        reads_back("[[row(rng.randint(0, 9)) for _ in range(3)] for _ in range(30)]"),
        4,
        "None of the 30 batches",
    ),
    "ever larger batches": Tried(
        reads_back("[[row(r * 50 // 19) for r in range(n)] for n in range(1, 21)]"),
        4,
        "None of the 20 batches",
    ),
    "no error is expected": Tried(
        changed(
            "A1",
            "promise",
            (EXCEPT, "        src_ids, src_mask = collate(rows)\n"),
        ),
        4,
        "stopped with IndexError",
    ),
    "only the numbers of ids": Tried(
        changed("A1", "promise", ("ids[real].tolist() != row", "real.sum() != len(row)")),
        3,
        "it was shown the mistake",
    ),
    "the mistake seen, and forgotten": Tried(
        changed("A1", "promise", (".tolist() != row", ".tolist() == 0")),
        0,
        "it was shown the mistake",
    ),
    "too many batches": Tried(
        changed("A1", "promise", ("7, 20) * 4", "7, 20) * 40")), 0, "more than 50 batches"
    ),
    "a batch that is none": Tried(
        changed("A1", "promise", ("[[1, 9999, 9999]]", "[[0, 9999]]")),
        0,
        "after a batch that collate need not take: Ids are whole numbers from 1 to 9999",
    ),
    "nothing": Tried(says("None if collate([[1]]) else None"), 0, "a NoneType"),
    "a list": Tried(says("[collate([[1]]) is None]"), 0, "it returned a list"),
    "a number": Tried(says("int(collate([[1]]) is None)"), 0, "it returned a int"),
    "a tensor of a truth": Tried(
        changed("A1", "promise", ("    return True\n", "    return torch.tensor(True)\n")),
        5,
        "",
    ),
}


@pytest.mark.parametrize("seed", (3, 4))
@pytest.mark.parametrize("name", TRIED)
def test_a_test_earns_what_it_deserves(name: str, seed: int):
    tried = TRIED[name]
    verdicts = registry.verdicts("A1", "promise", tried.source, seed)
    reasons = "\n".join(verdict.reason for verdict in verdicts)
    assert tried.words in reasons
    assert sum(verdict.points for verdict in verdicts) == tried.points, reasons


@pytest.mark.parametrize("kind", WRONG)
def test_each_criterion_is_lost_by_what_it_is_about(kind: str):
    """An answer that says True of wrong code loses the criterion of its kind alone."""
    student = registry.answers_of("A1", "promise", SOLUTION)
    for case in registry.cases("A1", "promise", 7):
        version = case.inputs["version"]
        answer = attempt(EXERCISE, student, case.inputs)
        said = {**answer, "said": True}
        lost = [
            c.name
            for c in EXERCISE.criteria
            if c.cases(case.inputs) and c.judge(case.inputs, said, case.expected)
        ]
        assert len(lost) == (version.kind != COLLATES.RIGHT)
        if version.kind == kind:
            (only,) = lost
            assert only == EXERCISE.criteria[WRONG.index(kind)].name


def test_at_the_desk_other_versions_are_tried_and_the_words_are_the_same():
    check = Checker([EXERCISE])
    weak = registry.answers_of("A1", "promise", TRIED["one large batch"].source)
    told = check("promise", weak.keeps_every_row)
    assert "is as wide as its first batch, ever after" in told
    assert "from memory" not in told and told.count("✓") == 4
    blank = registry.answers_of(
        "A1", "promise", "def keeps_every_row(c):\n    raise NotImplementedError"
    )
    assert "not answered yet" in check("promise", blank.keeps_every_row)


# --- in closed processes ----------------------------------------------------------------

FORGE = """
import sys

import gc
found = (m for m in gc.get_objects() if type(m).__name__ == "module")
worker = next(m for m in found if "STARVED" in vars(m))
honest = worker.send

def send(channel, message):
    if isinstance(message.get("answer"), dict):
        message["answer"] |= {"calls": 30, "batches": 30, "shown": "row 0", "refused": ""}
    honest(channel, message)

worker.send = send
"""
# What everybody may know: which of the versions to be seen are right.
KNOWN = [v.kind == COLLATES.RIGHT for v in COLLATES.PUBLIC]
BY_NUMBER = f"""
known = iter({KNOWN!r} + [True, False] * 50)

def keeps_every_row(collate):
    ASK
    return next(known)
"""
# name -> (the answer, words of its reason); none of them finds a mistake by asking
FORGED = {
    "an object that is what one likes": (
        """
class Both:
    def __bool__(self): return True
    def __eq__(self, other): return True

def keeps_every_row(collate):
    collate([[1, 2], [3]])
    return Both()
""",
        "made of tensors, numbers and text",
    ),
    "an error": (says("1 / 0"), "stopped with ZeroDivisionError"),
    "an exit": ("def keeps_every_row(collate):\n    raise SystemExit", "SystemExit"),
    "a million questions": (
        """
def keeps_every_row(collate):
    for _ in range(10**6):
        try: collate([[1, 2], [3]])
        except RuntimeError: pass
    return True
""",
        "It asked more than 5000 questions",
    ),
    "a large question": (
        says("collate(torch.zeros(10**6)) is None"),
        "It asked with more than 1 MiB at once",
    ),
    "by number, asking nothing": (
        BY_NUMBER.replace("ASK", "pass"),
        "without a single batch",
    ),
    "by number, asking something": (
        BY_NUMBER.replace("ASK", "collate([[1]])"),
        "False of right code",
    ),
    "by number, asking what shows nothing": (
        BY_NUMBER.replace("ASK", "collate([[]])"),
        "A guess is no test",
    ),
    "by number, with facts of its own": (
        BY_NUMBER.replace("ASK", "pass") + FORGE,
        "without a single batch",
    ),
    "by time": (
        """
import time

def keeps_every_row(collate):
    start = time.perf_counter()
    for _ in range(9): collate([[], []])
    return (time.perf_counter() - start) * 10**7 % 2 < 1
""",
        "It says",
    ),
    "by what lies in the process": (
        """
import gc, operator, sys

def keeps_every_row(collate):
    collate([[1, 2], [3]])
    frame, found = sys._getframe(), []
    while frame:
        found += [v for v in operator.attrgetter("f_locals")(frame).values()]
        frame = operator.attrgetter("f_back")(frame)
    for held in [*found, *gc.get_objects()]:
        if type(held).__name__ == "Asked":
            return held.collate.kind == "right"
        if isinstance(held, dict) and "version" in held and "promise" in str(held.keys()):
            return held["version"].kind == "right"
    return True
""",
        "it was shown the mistake",
    ),
}


def _graded(source: str, kind: str = "auto") -> Row:
    notebook = json.dumps(
        handed_in("A1", {"promise": unseen(textwrap.dedent(source))})
    ).encode()
    asked = [q for q in questions("A1") if q.key == "promise"]
    (row,) = coded_rows(cells(notebook), "A1", asked, Sandbox(kind), seed=3)
    return row


@pytest.mark.parametrize("name", FORGED)
def test_what_finds_no_mistake_by_asking_earns_nothing(bubblewrap: None, name: str):
    source, words = FORGED[name]
    row = _graded(source)
    assert row.points == 0 and words in row.reason, row.reason


def test_half_of_it_earns_half_in_a_closed_process(bubblewrap: None):
    row = _graded(TRIED["one batch, nearly square"].source)
    assert row.points == 3 and [v.points for v in row.verdicts] == [1, 1, 1, 0, 0]
    assert "the last eight bits" in row.reason


LOOK = """
def keeps_every_row(collate):
    import gc
    modules = [m for m in gc.get_objects() if type(m).__name__ == "module"]
    held = [m for m in modules if "assignments" in m.__name__]
    try:
        from assignments.hidden import a1_collates as found
    except Exception as error:
        found = type(error).__name__
    raise ValueError(f"modules {held}, import {found}")
"""


@pytest.mark.parametrize("kind", ["auto", "limits"])
def test_versions_of_grading_are_not_where_the_answer_runs(kind: str, request: Any):
    if kind == "auto":
        request.getfixturevalue("bubblewrap")
    reason = _graded(LOOK, kind).reason
    assert "modules [], import" in reason and "Error" in reason.split("import")[1], reason


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"said": True}, "True", {"said": True, "calls": "x"}], ids=str
)
def test_an_answer_without_facts_earns_nothing(answer: Any):
    cases = registry.cases("A1", "promise", 3)
    verdicts = judge(EXERCISE, cases, [answer] * len(cases))
    assert [v.points for v in verdicts] == [0] * 5 and all(v.reason for v in verdicts)
