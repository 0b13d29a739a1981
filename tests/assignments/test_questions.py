"""What an answer may ask, and what becomes of questions that nobody should ask."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from handing_in import changed, handed_in

from assignments import registry
from assignments.box.transport import LENGTH, pack, unpack
from assignments.conversation import Outcome, converse
from assignments.grading import coded_rows, questions
from assignments.limits import Limits
from assignments.notebook import cells
from assignments.questions import Questions
from assignments.sandbox import Sandbox
from checks.attempt import attempt
from checks.exercise import Exercise, Failed, Outside

LIMITS = Limits(seconds=1, start_seconds=1, answer=4 << 20, questions=50, unread=1 << 16)


def counting(number: int) -> Outside:
    """A function that adds to the number of its case, and notes what it was given."""
    seen: list[Any] = []

    def add(value: Any, more: float = 0) -> Any:
        seen.append(value)
        return value + number + more

    return Outside({"add": add}, lambda: {"seen": seen})


def ask(*args: Any, name: str = "add", **named: Any) -> dict[str, Any]:
    return {"ask": name, "args": list(args), "named": named}


def said(*messages: Any) -> bytes:
    data = [m if isinstance(m, bytes) else pack(m) for m in messages]
    return b"".join(LENGTH.pack(len(d)) + d for d in data)


START, END = [{"ready": True}, {"reached": True}], [{"done": True}, {"ended": ""}]


@pytest.fixture
def talk() -> Iterator[Callable[..., tuple[Outcome, list[Any]]]]:
    """Lets a job say something; gives the outcome and what was answered."""
    ends: list[int] = []

    def talk(
        *messages: Any, cases: int = 2, limits: Limits = LIMITS, read: bool = True
    ) -> tuple[Outcome, list[Any]]:
        (channel, write), (answers, replies) = os.pipe(), os.pipe()
        ends.extend((answers, replies))
        if not read:
            os.close(answers)
            ends.remove(answers)
        data = said(*START, *messages)

        def speak() -> None:
            with contextlib.suppress(BrokenPipeError), os.fdopen(write, "wb") as file:
                file.write(data)

        speaker = threading.Thread(target=speak)
        speaker.start()
        asked = Questions(replies, cases, counting, limits)
        outcome, _ = converse(channel, asked, limits, 0)
        os.close(channel)
        speaker.join()
        found, told = [], b""
        if read:
            os.set_blocking(answers, False)
            try:
                while part := os.read(answers, 1 << 20):
                    told += part
            except BlockingIOError:
                pass
        while len(told) > LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(told)[0]
            if len(told) >= end:  # else nobody read the rest of it
                found.append(unpack(told[LENGTH.size : end]))
            told = told[end:]
        return outcome, found

    yield talk
    for end in ends:
        os.close(end)


def test_questions_are_answered_and_noted_case_by_case(talk: Any):
    outcome, told = talk(
        ask(2),
        ask(3, more=0.5),
        {"case": 0, "answer": {"seen": ["forged"]}},
        ask(torch.ones(2)),
        {"case": 1, "answer": {}},
        ask(7),
        *END,
        cases=3,
    )
    assert [t["value"] for t in told[:2]] == [2, 3.5]
    assert torch.equal(told[2]["value"], torch.tensor([2.0, 2.0]))
    assert outcome.facts[0] == {"seen": [2, 3]} and len(outcome.facts) == 2
    assert len(outcome.facts[1]["seen"]) == 1 and not outcome.ending


def test_an_error_of_the_function_is_an_answer(talk: Any):
    outcome, told = talk(ask("text"), ask(), ask(1, nothing=2), *END)
    assert [t["error"] for t in told] == ["TypeError"] * 3
    assert not outcome.ending


def test_a_case_is_answered_once_and_in_its_turn(talk: Any):
    first, forged = {"case": 0, "answer": {"a": 1}}, {"case": 0, "answer": {"a": 2}}
    strange = [{"case": n, "answer": {}} for n in (1, -1, True, 10**30, 0.0, "0")]
    outcome, _ = talk(*strange, first, ask(1), forged, *strange[1:], *END)
    assert outcome.answers == {0: first} and outcome.facts == {0: {"seen": []}}


def test_after_the_last_case_there_is_nobody_to_ask(talk: Any):
    outcome, told = talk({"case": 0, "answer": {}}, ask(1), *END, cases=1)
    assert outcome.facts == {0: {"seen": []}} and not told
    assert outcome.ending == "It asked for a function that there is not."


NO_FUNCTION, NO_QUESTION = "a function that there is not", "no question"
CORRUPT = "wrote into the channel"
ODD = {
    "no name": ({"ask": None, "args": [], "named": {}}, NO_FUNCTION),
    "another name": (ask(1, name="__class__"), NO_FUNCTION),
    "a list for a name": ({"ask": ["add"], "args": [], "named": {}}, NO_FUNCTION),
    "no arguments": ({"ask": "add"}, NO_QUESTION),
    "text for arguments": ({"ask": "add", "args": "12", "named": {}}, NO_QUESTION),
    "a list of names": ({"ask": "add", "args": [1], "named": [1]}, NO_QUESTION),
    "too large": (ask(torch.zeros(600_000)), "more than 1 MiB at once"),
    "no message": (b"\xff" * 20, CORRUPT),
    "a list": ([1, 2], CORRUPT),
    "an empty message": ({}, CORRUPT),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_question_ends_the_job_with_a_reason(talk: Any, name: str):
    message, words = ODD[name]
    outcome, _ = talk(
        {"case": 0, "answer": {"a": 1}}, message, {"case": 1, "answer": {}}, *END
    )
    assert words in outcome.ending and outcome.ending.endswith(".")
    assert list(outcome.answers) == [0]


def test_there_is_a_number_of_questions(talk: Any):
    outcome, _ = talk(*[ask(1)] * 51, *END)
    assert outcome.ending == "It asked more than 50 questions in one case."
    each = [*[ask(1)] * 50, {"case": 0, "answer": {}}, *[ask(1)] * 50]
    outcome, told = talk(*each, {"case": 1, "answer": {}}, *END)
    assert not outcome.ending and len(told) == 100


def test_there_is_a_number_of_messages(talk: Any):
    outcome, _ = talk(*[{"points": 5}] * 120, *END)
    assert CORRUPT in outcome.ending


def test_nobody_is_waited_for_who_does_not_read(talk: Any):
    start, much = time.monotonic(), ask(torch.zeros(50_000))
    outcome, _ = talk(*[much] * 10, *END)
    assert outcome.ending == "It asks and does not read what is answered."
    outcome, told = talk(ask(1), *END, read=False)
    assert not outcome.ending and not told
    assert time.monotonic() - start < 5


def test_what_was_said_before_the_other_side_went_stays_said(talk: Any):
    outcome, _ = talk({"case": 0, "answer": {}})
    assert list(outcome.answers) == [0] and "brought down" in outcome.ending


# --- the desk and the grader ask in the same way ----------------------------------------


EXERCISE = Exercise(
    *("key", "title", ("f",), (), list),
    lambda student, inputs: {"found": student.f(inputs["add"], inputs)},
    outside=lambda inputs: counting(inputs["secret"]),
    kept=("secret",),
)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda add, _: add({1, 2}.__iter__()), "add takes tensors, numbers and text"),
        (lambda add, _: add("a"), "stopped with TypeError: can only concatenate"),
        (lambda add, _: add(1, 2, 3, 4), "positional arguments"),
        (lambda add, inputs: inputs["secret"], "KeyError"),
    ],
)
def test_at_the_desk_a_mistake_is_told(f: Any, words: str):
    found = attempt(EXERCISE, SimpleNamespace(f=f), {"secret": 3})
    assert isinstance(found, Failed) and words in found.reason


def test_at_the_desk_what_was_asked_is_noted_too():
    found = attempt(
        EXERCISE, SimpleNamespace(f=lambda add, _: [add(1), add(2)]), {"secret": 3}
    )
    assert found == {"found": [4, 5], "seen": [1, 2]}


def test_a_pair_stays_a_pair_and_tensors_are_copies():
    held = torch.ones(2)
    outside = Outside({"pair": lambda: (held, 1)})
    exercise = Exercise(
        *("k", "t", ("f",), (), list),
        lambda student, inputs: student.f(inputs["pair"]),
        outside=lambda inputs: outside,
    )

    def f(pair: Any) -> Any:
        both = pair()
        both[0].zero_()
        return isinstance(both, tuple)

    assert attempt(exercise, SimpleNamespace(f=f), {}) is True
    assert held.sum() == 2


# --- closed processes -------------------------------------------------------------------

BEFORE = """
import os, sys, threading, time

honest = decode_greedily

def decode_greedily(step, dec_state, max_len):
    import gc
    found = (m for m in gc.get_objects() if type(m).__name__ == "module")
    worker = next(m for m in found if "STARVED" in vars(m))
    frame = sys._getframe()
    while frame and "replies" not in frame.f_locals:
        frame = frame.f_back
    channel, replies = frame.f_locals["channel"], frame.f_locals["replies"]
    bos = torch.full((len(dec_state),), BOS)
    ask = {"ask": "step", "args": [bos, dec_state], "named": {}}
    misuse()
    return honest(step, dec_state, max_len)
"""
# name -> (what is done before the honest answer, words of the reason)
CLOSED = {
    "asked in threads": (
        """
    def some():
        for _ in range(20): answers.append(step(bos, dec_state))
    answers = []
    threads = [threading.Thread(target=some) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert len(answers) == 60
""",
        "The second step reads BOS again",
    ),
    "asked and never read": (
        "    while True: worker.send(channel, ask)",
        "It asked more than 300 questions",
    ),
    "answers taken by a child": (
        """
    if os.fork() == 0:
        while True: os.read(replies, 1000)
    time.sleep(0.5)
""",
        "ran longer than",
    ),
    "no question": ('    worker.send(channel, {"ask": "tables"})', NO_FUNCTION),
    "bytes": ('    os.write(channel, b"x" * 100)', CORRUPT),
    "closed ends": ("    os.close(replies)", "Error"),
}


@pytest.mark.alone
@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("kind", ["auto", "limits"])
def test_a_closed_process_that_misuses_its_channel(name: str, kind: str, request: Any):
    body, words = CLOSED[name]
    if kind == "auto":
        request.getfixturevalue("bubblewrap")
    source = registry.solutions("A2")["greedy"] + BEFORE.replace("    misuse()", body)
    notebook = json.dumps(handed_in("A2", {"greedy": source})).encode()
    asked = [q for q in questions("A2") if q.key in ("greedy", "fields")]
    start, limits = time.monotonic(), Limits(seconds=6, questions=300)
    rows = coded_rows(cells(notebook), "A2", asked, Sandbox(kind), seed=3, limits=limits)
    greedy, fields = rows
    assert greedy.points == 0 and words in greedy.reason, greedy.reason
    assert fields.points == fields.max_points
    assert time.monotonic() - start < 90


def test_an_honest_answer_asks_in_a_closed_process():
    notebook = json.dumps(handed_in("A2")).encode()
    asked = [q for q in questions("A2") if q.key in ("greedy", "loss")]
    rows = coded_rows(cells(notebook), "A2", asked, Sandbox("auto"), seed=3)
    assert [(row.points, row.reason) for row in rows] == [(q.max_points, "") for q in asked]


MISTAKES = {
    "a maximum over the batch": ("A2", "greedy", ("argmax(dim=-1)", "argmax(dim=0)")),
    "a list instead of ids": (
        *("A2", "greedy"),
        ("step(prev_ids, dec_state)", "step(prev_ids.tolist(), dec_state)"),
    ),
    "ids that do not exist": (
        *("A2", "greedy"),
        ("step(prev_ids, dec_state)", "step(prev_ids + 100, dec_state)"),
    ),
    "an object": ("A2", "greedy", ("step(prev_ids, dec_state)", "step(step, dec_state)")),
    "names": (
        *("A2", "greedy"),
        ("step(prev_ids, dec_state)", "step(dec_state=dec_state, prev_ids=prev_ids)"),
    ),
    "rows one by one": ("A1", "promise", ("collate(rows)", "collate(*rows)")),
    "few batches": ("A1", "promise", ("(1, 2, 3, 7, 20) * 4", "(1, 2)")),
    "words one by one": ("A4", "search", ("step(words)", "step(*words)")),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_desk_and_the_closed_process_say_the_same(bubblewrap: None, name: str):
    assignment, key, change = MISTAKES[name]
    source = changed(assignment, key, change)
    notebook = json.dumps(handed_in(assignment, {key: source})).encode()
    asked = [q for q in questions(assignment) if q.key == key]
    (row,) = coded_rows(cells(notebook), assignment, asked, Sandbox("auto"), seed=3)
    desk = registry.verdicts(assignment, key, source, seed=3)
    assert [(v.points, v.reason) for v in row.verdicts] == [
        (v.points, v.reason) for v in desk
    ]
    assert (row.points == row.max_points) == (name == "names"), row.reason
