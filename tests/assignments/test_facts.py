"""What an answer says of itself earns nothing: how often it asked, what it read, its size.

Each answer below would be worth more if it were believed. It runs in a closed process as
in grading, changes what that process sends, and earns what it really did.
"""

import copy
import json
import textwrap
from types import SimpleNamespace

import pytest
import torch
from handing_in import changed, handed_in, unseen

from assignments import registry
from assignments.grading import Row, coded_rows, noted, questions
from assignments.limits import Limits
from assignments.notebook import cells
from assignments.records import sound
from assignments.sandbox import Sandbox
from checks.attempt import NO_REASON, attempt, with_facts
from checks.exercise import Case, Failed
from checks.judging import judge

FORGE = """
import sys

def forge(change):
    import gc
    found = (m for m in gc.get_objects() if type(m).__name__ == "module")
    worker = next(m for m in found if "STARVED" in vars(m))
    honest = worker.send

    def send(channel, message):
        if isinstance(message.get("answer"), dict):
            change(message["answer"])
        honest(channel, message)

    worker.send = send

forge(change)
"""


def _graded(assignment: str, key: str, source: str, kind: str = "auto") -> Row:
    notebook = json.dumps(handed_in(assignment, {key: unseen(source)})).encode()
    asked = [q for q in questions(assignment) if q.key == key]
    (row,) = coded_rows(cells(notebook), assignment, asked, Sandbox(kind), seed=3)
    return row


# A decoder of its own, with tables that it looks for in all of its process.
OWN_STEP = """
import gc, sys

notes = []

def tables():
    frame = sys._getframe()
    while frame:
        held = frame.f_locals.get("inputs")
        if isinstance(held, dict):
            yield held
        frame = frame.f_back
    yield from (held for held in gc.get_objects() if isinstance(held, dict))

def own_step():
    table = next(held for held in tables() if "bigram" in held and "drift" in held)
    note = {"read": [], "best_rows": []}
    notes.append(note)

    def step(prev_ids, dec_state):
        dec_state = dec_state + table["drift"][prev_ids]
        logits = table["bigram"][prev_ids] + dec_state
        if not note["read"]:
            note["best_rows"] = logits.argmax(dim=0).tolist()
        note["read"].append(prev_ids.tolist())
        return logits, dec_state

    return step

def change(answer):
    note = notes[0]
    notes.clear()
    answer |= {**note, "calls": len(note["read"]), "handed_on": True}
"""

# The states that came in, as the questions that were asked.
OWN_LOOKS = """
states = []
honest = Decoder.step

def step(self, prev_ids, dec_state, memory):
    states.append(dec_state)
    return honest(self, prev_ids, dec_state, memory)

Decoder.step = step

def change(answer):
    answer["looks"] = [[state] for state in states[-3:]]
"""

STOPS = """        if done.all():
            break
"""
ASKS = """        context, weights = self.attention(dec_state, memory)
        token"""
SETTLES = "    ranked = ["

# name -> (assignment, exercise, the answer, what it earns, what it earns if believed)
ATTACKS = {
    "fewer steps than it made": (
        "A2",
        "greedy",
        changed("A2", "greedy", (STOPS, ""))
        + """
honest = decode_greedily

def decode_greedily(step, dec_state, max_len):
    ids = honest(step, dec_state, max_len)
    return ids[:, : int((ids != PAD).any(dim=0).sum())]

def change(answer):
    steps = answer["ids"].shape[1]
    answer |= {"calls": steps, "read": answer.get("read", [])[:steps]}
""",
        5,
        7,
    ),
    "greedy: a decoder of its own": (
        "A2",
        "greedy",
        registry.solutions("A2")["greedy"]
        + OWN_STEP
        + """
honest = decode_greedily

def decode_greedily(step, dec_state, max_len):
    return honest(own_step(), dec_state, max_len)
""",
        0,
        7,
    ),
    "loss: a decoder of its own": (
        "A2",
        "loss",
        registry.solutions("A2")["loss"]
        + OWN_STEP
        + """
honest = forced_loss

def forced_loss(step, dec_state, tgt_ids):
    return honest(own_step(), dec_state, tgt_ids)
""",
        0,
        6,
    ),
    "search: it never asked what follows the end": (
        "A4",
        "search",
        changed(
            "A4", "search", (SETTLES, f"    for words, _ in aside: step(words)\n{SETTLES}")
        )
        + """
def change(answer):
    answer["after_end"] = 0
""",
        3,
        7,
    ),
    "step: it asked with the state before": (
        "A3",
        "step",
        changed(
            "A3",
            "step",
            (ASKS, ASKS.replace("dec_state,", "dec_state + 1,")),
        )
        + OWN_LOOKS,
        5,
        6,
    ),
    "step: it never looked": (
        "A3",
        "step",
        changed(
            "A3",
            "step",
            (
                ASKS,
                "        context, weights = self.attention.answer, self.attention.told\n"
                "        token",
            ),
        )
        + OWN_LOOKS,
        0,
        6,
    ),
    "attention: keys once, sources apart": (
        "A3",
        "attention",
        """
class AdditiveAttention(nn.Module):
    def __init__(self, query_dim, enc_dim, attn_dim):
        super().__init__()
        self.key_proj = nn.Linear(enc_dim, attn_dim, bias=False)

    def memory(self, enc_states, mask):
        return enc_states, enc_states, mask

    def forward(self, query, memory):
        keys, values, mask = memory
        scores = torch.rand(mask.shape).masked_fill(~mask, -torch.inf)
        return values[:, 0], scores.softmax(dim=-1)

def change(answer):
    answer |= {"once": answer["weights"][0], "apart": answer["weights"][0]}
    answer |= {"apart_context": answer["contexts"][0]}
""",
        0,
        2,
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_an_answer_says_of_itself_earns_nothing(name: str):
    assignment, key, source, points, _ = ATTACKS[name]
    row = _graded(assignment, key, source + FORGE)
    assert row.points == points, row.reason
    assert row.reason


def test_facts_go_before_what_an_answer_says():
    told = {"ids": 1, "calls": 3, "read": []}
    assert with_facts(told, {"calls": 7, "read": [5]}) == {
        "ids": 1,
        "calls": 7,
        "read": [5],
    }
    assert isinstance(with_facts("everything right", {"calls": 7}), Failed)
    assert with_facts(Failed("no"), {"calls": 7}) == Failed("no")
    assert with_facts([1], {}) == [1]


@pytest.mark.parametrize("assignment", registry.ASSIGNMENTS)
def test_what_is_kept_is_not_sent(assignment: str):
    kept = 0
    for key, exercise in registry.exercises(assignment).items():
        for case in registry.cases(assignment, key, 0):
            shown = exercise.shown(case.inputs)
            assert not set(exercise.kept) & set(shown)
            kept += len(case.inputs) - len(shown)
    assert kept


# --- a score of one's own: the number of its parameters, and what it learned ------------

HIDING = {
    "the given class with a silent method": (
        """
        class OwnAttention(AdditiveAttention):
            def parameters(self, recurse=True):
                return iter(())
            named_parameters = parameters
        """,
        "holds additive attention",
    ),
    "the given class inside, and smaller": (
        """
        class OwnAttention(nn.Module):
            def __init__(self, query_dim, enc_dim, attn_dim):
                super().__init__()
                self.within = AdditiveAttention(query_dim, enc_dim, attn_dim // 2)

            def memory(self, enc_states, mask):
                return self.within.memory(enc_states, mask)

            def forward(self, query, memory):
                return self.within(query, memory)

            def modules(self):
                return iter((self,))
        """,
        "holds additive attention",
    ),
    "silent methods": (
        changed(
            "A3",
            "own",
            ("(query_dim, 16,", "(query_dim, 64,"),
            ("(enc_dim, 16,", "(enc_dim, 64,"),
        )
        + """
    def parameters(self, recurse=True):
        return iter(())

    named_parameters = parameters
""",
        "has 6960 at these sizes",
    ),
}


@pytest.mark.parametrize("name", HIDING)
def test_parameters_are_counted_whatever_their_module_says(name: str):
    source, words = HIDING[name]
    exercise = registry.exercises("A3")["own"]
    cases = [c for c in registry.cases("A3", "own", 0) if "sizes" in c.inputs]
    student = registry.answers_of("A3", "own", textwrap.dedent(source))
    answers = [attempt(exercise, student, case.inputs) for case in cases]
    lookup, small = judge(exercise, cases, answers)[:2]
    assert lookup.points == 1 and small.points == 0 and words in small.reason


@pytest.mark.slow
def test_dates_are_written_outside_and_a_small_number_earns_nothing_alone():
    exercise = registry.exercises("A3")["own"]
    lookup, case = exercise.examples()
    case = Case({**case.inputs, "updates": 2}, case.expected)
    student = registry.answers_of("A3", "own", registry.solutions("A3")["own"])
    looked, found = (attempt(exercise, student, c.inputs) for c in (lookup, case))
    assert len(found["answers"]) == len(case.expected) and found["n_parameters"] < 6960
    small, learns = judge(exercise, [lookup, case], [looked, found])[1:]
    assert small.points == learns.points == 0
    assert "reads hardly a date" in small.reason and "0.00 of 60" in learns.reason
    # Right answers that come with the message are not looked at.
    told = {"answers": case.expected, "n_parameters": 0, "additive": False}
    told = with_facts(told, exercise.outside(case.inputs).facts())
    small, learns = judge(exercise, [lookup, case], [looked, told])[1:]
    assert small.points == learns.points == 0
    assert "was not asked for a date" in learns.reason
    # The rest of the judge does look: with right answers written outside it is content.
    told |= {"answers": case.expected}
    small, learns = judge(exercise, [lookup, case], [looked, told])[1:]
    assert (small.points, learns.points) == (1, 2)


@pytest.mark.slow
def test_a_look_gives_a_mixture_of_states_and_nothing_else():
    exercise = registry.exercises("A3")["own"]
    case = exercise.examples()[-1]
    recipe = {**case.inputs, "updates": 1}
    student = registry.answers_of("A3", "own", registry.solutions("A3")["own"])
    model, _ = registry.public_module("A3").own_model(student.OwnAttention, recipe)
    named = {n: p for n, p in model.named_parameters() if ".attention." not in n}
    for change, words in (
        (lambda context, weights: (context, weights[:, :1]), "no weights"),
        (lambda context, weights: (weights, weights), "no context"),
        (lambda context, weights: (context + 3, weights), "no mixture"),
        (lambda context, weights: (context * float("nan"), weights), "no mixture"),
        (lambda context, weights: (context, weights * 2), "not shares"),
        (lambda context, weights: (context, weights.roll(1, 1)), "not shares"),
    ):
        ask = exercise.outside(case.inputs).functions
        states, mask, _ = ask["begin"](named)
        weights = mask / mask.sum(dim=-1, keepdim=True)
        context = (weights[:, None] @ states)[:, 0]
        assert ask["look"](context, weights) is not None
        with pytest.raises(ValueError, match=words):
            ask["look"](*change(context, weights))
        with pytest.raises(ValueError, match=words):
            ask["look"](context, weights)  # it stays refused
    with pytest.raises(ValueError, match="begun already"):
        ask["begin"](named)


@pytest.mark.slow
def test_losses_that_were_made_up_earn_nothing():
    exercise = registry.exercises("A3")["gate"]
    case = exercise.examples()[0]
    case = Case({**case.inputs, "updates": 2}, case.expected)
    student = registry.answers_of("A3", "gate", registry.solutions("A3")["gate"])
    answer = attempt(exercise, student, case.inputs)
    told = {**answer, "losses": [2.7, *[0.01] * 199]}
    verdict = judge(exercise, [case], [told])[1]
    assert verdict.points == 0 and "what was trained is not this model" in verdict.reason


NOTHING_TO_READ = """
def mask_from_lengths(*given):
    return {"failed": "\\x01\\x1b"}

def disagreeing_rows(*given):
    return [0]
"""


def test_a_reason_of_control_characters_is_a_reason():
    row = _graded("A1", "masks", NOTHING_TO_READ)
    (question,) = [q for q in questions("A1") if q.key == "masks"]
    assert row.points == 0 and NO_REASON in row.reason
    assert all(verdict.reason for verdict in row.verdicts)
    assert sound(row, question) is row


@pytest.mark.parametrize("length", [10, 998, 999, 1000, 1123, 5000])
def test_a_long_note_makes_no_row_that_is_refused(length: int):
    (question,) = [q for q in questions("A1") if q.key == "pad"]
    (row,) = noted([Row("pad", 0, 3, "This is a reason. " * 50)], "n" * length)
    assert sound(row, question) is row and "n" * min(length, 900) in row.reason


def test_a_row_that_nobody_would_believe_costs_no_other():
    (question,) = [q for q in questions("A1") if q.key == "pad"]
    told = sound(Row("pad", 3, 3, "\x01"), question)
    assert told.points == 0 and "by hand" in told.reason
    assert sound(told, question) is told


SLOW = (
    "import time\nFILL = PAD\n\n"
    + registry.solutions("A1")["pad"].replace("PAD", "FILL")
    + "\nwhile True:  # how long does it take?\n    time.sleep(1)\n"
)


def test_a_slow_try_in_the_answers_own_cell_costs_nothing():
    notebook = json.dumps(handed_in("A1", {"pad": SLOW})).encode()
    asked = [q for q in questions("A1") if q.key == "pad"]
    limits = Limits(seconds=3)
    (row,) = coded_rows(cells(notebook), "A1", asked, Sandbox(), 3, limits=limits)
    assert row.points == row.max_points, row.reason


def change_in_place(scores, mask):
    scores[~mask[:, None].expand_as(scores)] = -torch.inf
    mask[:] = True
    return scores.softmax(dim=-1)


def test_the_judge_sees_what_an_answer_changed_in_place_as_it_was():
    exercise = registry.exercises("A3")["weights"]
    case = next(c for c in exercise.examples() if not c.inputs["mask"].all())
    before = copy.deepcopy(case.inputs)
    attempt(exercise, SimpleNamespace(masked_weights=change_in_place), case.inputs)
    torch.testing.assert_close(case.inputs, before)
