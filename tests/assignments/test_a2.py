"""Assignment A2: its solutions earn everything, typical mistakes what they deserve."""

import random
from functools import partial
from typing import Any, NamedTuple

import handing_in
import pytest
import torch

from assignments import registry
from assignments.hidden import a2
from checks.attempt import attempt
from checks.differences import same
from checks.exercise import Failed
from checks.judging import judge
from seq2seq_lib.vocab import EOS, PAD

changed = partial(handing_in.changed, "A2")
SEEDS = (0, 1, 2)
KEYS = ("start", "summary", "step", "loss", "greedy", "by-length", "fields", "harder")


def solved(key: str) -> str:
    return registry.solutions("A2")[key]


def agree(a: Any, b: Any) -> bool:
    """Whether two plain answers are the same, numbers to rounding."""
    if isinstance(b, torch.Tensor):
        return same(a, b, 1e-5)
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(agree(a[k], b[k]) for k in b)
    if isinstance(b, list):
        return len(a) == len(b) and all(map(agree, a, b))
    if isinstance(b, float):
        return a is not None and abs(a - b) < 1e-6
    return bool(a == b)


def test_points_are_those_of_the_page():
    exercises = registry.exercises("A2")
    assert tuple(exercises) == KEYS
    assert sum(exercise.points for exercise in exercises.values()) == 40
    cells = registry.source_notebook("A2").cells
    graded = [c.metadata.nbgrader for c in cells if c.metadata.get("nbgrader")]
    points = {meta.grade_id: meta.points for meta in graded if meta.grade}
    for key, exercise in exercises.items():
        assert points.pop(f"A2-{key}-test") == exercise.points
    assert sum(points.values()) == 14  # what is left are the written questions
    assert all(text in cells[0].source for text in ("40 for eight", "14 for three"))
    titles = [cell.source.splitlines()[0] for cell in cells if cell.source]
    for exercise in exercises.values():
        assert f"## {exercise.title} ({exercise.points} points)" in titles


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("key", KEYS)
def test_solution_earns_everything(key, seed):
    for verdict in registry.verdicts("A2", key, solved(key), seed):
        assert verdict.points == verdict.max_points, verdict.reason


@pytest.mark.parametrize("key", KEYS)
def test_typed_answers_are_those_of_the_solution(key):
    """Numbers that were worked out by hand guard the solution, and it guards them."""
    exercise = registry.exercises("A2")[key]
    solution = registry.answers_of("A2", key, solved(key))
    for case in exercise.examples():
        answer = attempt(exercise, solution, case.inputs)
        assert not isinstance(answer, Failed), answer
        if case.expected is not None:  # "harder" is open: nobody can type its answer
            assert agree(answer, case.expected), answer


class Mistake(NamedTuple):
    """A wrong answer that people give.

    Args:
        key: the exercise.
        source: the code.
        points: what it earns.
        says: words that the reasons contain.
    """

    key: str
    source: str
    points: int
    says: str


NO_PAD = "prev_ids = logits.argmax(dim=-1).masked_fill(done, PAD)"
FIRST_DONE = ("if done.all():", "if done.any():")
HYP_RIGHT = "hyp == ref for"
MISTAKES = {
    # 1
    "bits": Mistake("start", changed("start", ("math.log(", "math.log2(")), 2, "bits"),
    "negative loss": Mistake(
        "start", changed("start", ("math.log(vocab)", "math.log(1 / vocab)")), 2, "sign"
    ),
    "EOS forgotten": Mistake(
        "start", changed("start", ("(length + 1)", "length")), 2, "One more has to be"
    ),
    "loss of a whole target": Mistake(
        "start",
        changed("start", ("math.log(vocab)", "math.log(vocab) * (length + 1)")),
        2,
        "whole target",
    ),
    "percentage": Mistake(
        "start",
        changed("start", ('"token_accuracy": 1 /', '"token_accuracy": 100 /')),
        2,
        "percentage",
    ),
    "one token for all": Mistake(
        "start", changed("start", (" ** (length + 1)", "")), 2, "chance of one token"
    ),
    "a missing key": Mistake(
        "start", changed("start", ('"loss": math', '"Loss": math')), 2, "no 'loss'"
    ),
    # 2
    "first layer": Mistake(
        "summary",
        changed("summary", ("last[(layers - 1) * directions :]", "last[:directions]")),
        2,
        "the forward state of layer 1 of",
    ),
    "backward first": Mistake(
        "summary",
        changed("summary", ("list(top)", "list(top)[::-1]")),
        3,
        "backward state of layer 2, then the forward",
    ),
    "one direction only": Mistake(
        "summary",
        "def hand_over(last, layers, directions):\n    return last[-1]\n",
        0,
        "one direction only",
    ),
    "all layers": Mistake(
        "summary",
        changed("summary", ("last[(layers - 1) * directions :]", "last")),
        0,
        "all layers are in it",
    ),
    "reshaped across the batch": Mistake(
        "summary",
        changed(
            "summary",
            ("torch.cat(list(top), dim=-1)", "top.reshape(last.shape[1], -1)"),
        ),
        0,
        "belongs to sentence",
    ),
    "two forwards": Mistake(
        "summary",
        changed("summary", ("list(top)", "[top[0]] * directions")),
        3,
        "then the forward",
    ),
    "directions summed": Mistake(
        "summary",
        changed("summary", ("list(top)", "[top.mean(0)] * directions")),
        0,
        "in none of the final states",
    ),
    "first and last of the stack": Mistake(
        "summary",
        "import torch\ndef hand_over(last, layers, directions):\n"
        "    ends = [last[0], last[-1]] if directions == 2 else [last[-1]]\n"
        "    return torch.cat(ends, dim=-1)\n",
        2,
        "the forward state of layer 1 of",
    ),
    # 3
    "context not read": Mistake(
        "step",
        changed("step", ('        + context @ weights["C"]\n', "")),
        3,
        "never sees the source",
    ),
    "context not in the logits": Mistake(
        "step", changed("step", (' + context @ weights["P"]', "")), 3, "has no say"
    ),
    "no tanh": Mistake("step", changed("step", ("torch.tanh(", "(")), 3, "outside -1 to 1"),
    "state forgotten": Mistake(
        "step",
        changed("step", ('        + dec_state @ weights["U"]\n', "")),
        3,
        "it forgets",
    ),
    "scores the old state": Mistake(
        "step",
        changed(
            "step",
            ("    dec_state = torch.tanh(", "    new = torch.tanh("),
            ('weights["P"], dec_state', 'weights["P"], new'),
        ),
        3,
        "*before* the step",
    ),
    "exchanged": Mistake(
        "step",
        changed(
            "step",
            (
                'return dec_state @ weights["O"] + context @ weights["P"], dec_state',
                'return dec_state, dec_state @ weights["O"] + context @ weights["P"]',
            ),
        ),
        0,
        "exchanged",
    ),
    "one context for all": Mistake(
        "step",
        changed(
            "step",
            ("    embedded = weights", "    context = context[:1]\n    embedded = weights"),
        ),
        0,
        "row 1",
    ),
    "softmax in the step": Mistake(
        "step",
        changed(
            "step",
            (
                'return dec_state @ weights["O"] + context @ weights["P"], dec_state',
                'scores = dec_state @ weights["O"] + context @ weights["P"]\n'
                "    return scores.log_softmax(-1), dec_state",
            ),
        ),
        3,
        "already normalised",
    ),
    "the old state handed back": Mistake(
        "step",
        changed(
            "step",
            ("    dec_state = torch.tanh(", "    new = torch.tanh("),
            ('return dec_state @ weights["O"]', 'return new @ weights["O"]'),
        ),
        3,
        "it has to move",
    ),
    # 4
    "padding counted": Mistake(
        "loss",
        changed(
            "loss",
            ("picked[right != PAD].sum()", "picked.sum()"),
            ("int((right != PAD).sum())", "len(right)"),
        ),
        4,
        "padding is counted",
    ),
    "divided by all places": Mistake(
        "loss",
        changed("loss", ("int((right != PAD).sum())", "len(right)")),
        4,
        "of which only",
    ),
    "mean of the steps' means": Mistake(
        "loss",
        changed(
            "loss",
            ("picked[right != PAD].sum()", "picked[right != PAD].mean()"),
            ("int((right != PAD).sum())", "1"),
        ),
        4,
        "nan",
    ),
    "mean of the sentences' means": Mistake(
        "loss",
        solved("loss").replace("def forced_loss", "def one")
        + "\ndef forced_loss(step, dec_state, tgt_ids):\n"
        "    logits = []\n"
        "    for t in range(tgt_ids.shape[1] - 1):\n"
        "        scores, dec_state = step(tgt_ids[:, t], dec_state)\n"
        "        logits.append(scores.log_softmax(-1))\n"
        "    right = tgt_ids[:, 1:]\n"
        "    picked = torch.stack(logits, 1).gather(-1, right[..., None])[..., 0]\n"
        "    real = (right != PAD).float()\n"
        "    return -((picked * real).sum(1) / real.sum(1)).mean()\n",
        4,
        "own means",
    ),
    "sum": Mistake(
        "loss", changed("loss", ("return total / tokens", "return total")), 2, "their sum"
    ),
    "mean per sentence": Mistake(
        "loss",
        changed("loss", ("return total / tokens", "return total / len(tgt_ids)")),
        2,
        "mean per sentence",
    ),
    "answers what it reads": Mistake(
        "loss", changed("loss", ("tgt_ids[:, t + 1]", "tgt_ids[:, t]")), 2, "comes after"
    ),
    "EOS not answered": Mistake(
        "loss",
        changed(
            "loss",
            ("picked[right != PAD]", "picked[right > EOS]"),
            ("int((right != PAD).sum())", "int((right > EOS).sum())"),
        ),
        2,
        "EOS is a token like the others",
    ),
    "its own tokens": Mistake(
        "loss",
        changed(
            "loss",
            (
                "    total, tokens = torch.zeros(()), 0",
                "    total, tokens = torch.zeros(()), 0\n    own = tgt_ids[:, 0]",
            ),
            ("step(tgt_ids[:, t], dec_state)", "step(own, dec_state)"),
            ("        right =", "        own = logits.argmax(-1)\n        right ="),
        ),
        0,
        "never reads its own",
    ),
    "state not handed on": Mistake(
        "loss",
        changed("loss", ("logits, dec_state = step", "logits, _ = step")),
        0,
        "forgets what it has read",
    ),
    "BOS skipped": Mistake(
        "loss",
        changed(
            "loss", ("    total, tokens", "    tgt_ids = tgt_ids[:, 1:]\n    total, tokens")
        ),
        0,
        "begins with BOS",
    ),
    "logits as probabilities": Mistake(
        "loss", changed("loss", ("logits.log_softmax(dim=-1)", "logits")), 2, "alone"
    ),
    "softmax over the batch": Mistake(
        "loss",
        changed("loss", ("log_softmax(dim=-1)", "log_softmax(dim=0)")),
        2,
        "alone",
    ),
    # 5
    "goes on after EOS": Mistake(
        "greedy", changed("greedy", (".masked_fill(done, PAD)", "")), 5, "goes on"
    ),
    "first EOS ends all": Mistake(
        "greedy", changed("greedy", FIRST_DONE), 3, "Another row's EOS"
    ),
    "never stops": Mistake(
        "greedy",
        changed("greedy", ("        if done.all():\n            break\n", "")),
        5,
        "All rows were done after",
    ),
    "best over the batch": Mistake(
        "greedy", changed("greedy", ("argmax(dim=-1)", "argmax(dim=0)")), 0, "batch axis"
    ),
    "BOS kept": Mistake(
        "greedy",
        changed("greedy", ("    ids = []", "    ids = [prev_ids]")),
        4,
        "begin with BOS",
    ),
    "reads BOS every time": Mistake(
        "greedy",
        changed(
            "greedy",
            (
                "step(prev_ids, dec_state)",
                "step(torch.full_like(prev_ids, BOS), dec_state)",
            ),
        ),
        0,
        "reads BOS again",
    ),
    "starts from PAD": Mistake(
        "greedy",
        changed("greedy", ("(len(dec_state),), BOS", "(len(dec_state),), PAD")),
        0,
        "has to read BOS",
    ),
    "EOS cut off": Mistake(
        "greedy",
        changed(
            "greedy",
            (
                "return torch.stack(ids, dim=1)",
                "ids = torch.stack(ids, dim=1)\n"
                "    return ids.masked_fill(ids == EOS, PAD)",
            ),
        ),
        5,
        "where its EOS belongs",
    ),
    "state kept": Mistake(
        "greedy",
        changed("greedy", ("logits, dec_state = step", "logits, _ = step")),
        0,
        "not given the state",
    ),
    "one step too many": Mistake(
        "greedy",
        changed("greedy", ("range(max_len)", "range(max_len + 1)")),
        5,
        "but max_len is",
    ),
    "a list of rows": Mistake(
        "greedy",
        changed("greedy", ("torch.stack(ids, dim=1)", "torch.stack(ids, dim=1).tolist()")),
        0,
        "one tensor of ids",
    ),
    "time first": Mistake(
        "greedy",
        changed("greedy", ("torch.stack(ids, dim=1)", "torch.stack(ids, dim=0)")),
        0,
        "(batch, tgt_len) was asked for",
    ),
    # 6
    "share of characters": Mistake(
        "by-length",
        changed(
            "by-length", (HYP_RIGHT, "sum(a == b for a, b in zip(hyp, ref)) / len(ref) for")
        ),
        3,
        "share of characters",
    ),
    "beginnings taken for right": Mistake(
        "by-length",
        changed("by-length", (HYP_RIGHT, "all(a == b for a, b in zip(hyp, ref)) for")),
        3,
        "too short or too long",
    ),
    "empty bucket is 0": Mistake(
        "by-length",
        changed("by-length", ("if right else None", "if right else 0.0")),
        4,
        "as if a model had been tried",
    ),
    "empty bucket divides by 0": Mistake(
        "by-length",
        changed("by-length", (" if right else None", "")),
        0,
        "ZeroDivisionError",
    ),
    "both edges in": Mistake(
        "by-length",
        changed("by-length", ("len(src) < high", "len(src) <= high")),
        3,
        "belong to the next bucket",
    ),
    "lower edge out": Mistake(
        "by-length",
        changed("by-length", ("low <= len(src)", "low < len(src)")),
        3,
        "belong to this bucket",
    ),
    "length of the answer": Mistake(
        "by-length",
        changed("by-length", ("len(src)", "len(hyp)")),
        3,
        "lengths of the hypotheses",
    ),
    "share of all dates": Mistake(
        "by-length",
        changed("by-length", ("sum(right) / len(right)", "sum(right) / len(sources)")),
        3,
        "not of the",
    ),
    "share of wrong dates": Mistake(
        "by-length", changed("by-length", (HYP_RIGHT, "hyp != ref for")), 3, "wrong dates"
    ),
    "a dictionary": Mistake(
        "by-length",
        changed("by-length", ("return found", "return dict(enumerate(found))")),
        0,
        "list with a pair",
    ),
    # 7
    "share that is right": Mistake(
        "fields",
        changed("fields", ("n / len(references)", "1 - n / len(references)")),
        0,
        "are right in these answers",
    ),
    "share of the errors": Mistake(
        "fields",
        changed("fields", ("n / len(references)", "n / max(1, sum(wrong.values()))")),
        0,
        "divided by the number of errors",
    ),
    "month and day exchanged": Mistake(
        "fields",
        changed(
            "fields",
            (
                '"month": slice(5, 7), "day": slice(8, 10)',
                '"day": slice(5, 7), "month": slice(8, 10)',
            ),
        ),
        0,
        "exchanged",
    ),
    "no dates left out": Mistake(
        "fields",
        changed(
            "fields",
            (
                "        for field, part in",
                "        if not is_date:\n            continue\n        for field, part in",
            ),
            (
                "n / len(references)",
                "n / sum(len(h) == 10 and h[4] == h[7] == '-' for h in hypotheses)",
            ),
        ),
        2,
        "leaves them out",
    ),
    "no dates compared by place": Mistake(
        "fields", changed("fields", ("not is_date or ", "")), 2, "wrong in every field"
    ),
    "split at hyphens": Mistake(
        "fields",
        "def errors_by_field(hypotheses, references):\n"
        "    wrong = {'year': 0, 'month': 0, 'day': 0}\n"
        "    for h, r in zip(hypotheses, references):\n"
        "        h, r = h.split('-'), r.split('-')\n"
        "        for i, field in enumerate(wrong):\n"
        "            wrong[field] += len(h) <= i or h[i] != r[i]\n"
        "    return {f: n / len(references) for f, n in wrong.items()}\n",
        2,
        "wrong in every field",
    ),
    "digits counted": Mistake(
        "fields",
        changed(
            "fields",
            (
                "not is_date or hyp[part] != ref[part]",
                "2 if not is_date else sum(a != b for a, b in zip(hyp[part], ref[part]))",
            ),
            ("n / len(references)", "n / 2 / len(references)"),
        ),
        0,
        "One wrong digit",
    ),
    "numbers, not shares": Mistake(
        "fields", changed("fields", ("n / len(references)", "n")), 0, "not the share"
    ),
    # 8
    "always True": Mistake(
        "harder",
        "def is_harder(source, reference):\n    return True\n",
        0,
        "Each group needs at least",
    ),
    "a coin": Mistake(
        "harder",
        "import random\ndef is_harder(source, reference):\n"
        "    return random.random() < 0.5\n",
        0,
        "Asked twice",
    ),
    "the wrong way round": Mistake(
        "harder",
        changed("harder", ("return ", "return not (")).replace('in "03"', 'in "03")'),
        0,
        "wrong way round",
    ),
    "nothing to do with it": Mistake(
        "harder",
        "def is_harder(source, reference):\n    return int(reference[3]) % 2 == 0\n",
        0,
        "was asked for",
    ),
    "not true or false": Mistake(
        "harder",
        "def is_harder(source, reference):\n    return len(source) % 2\n",
        0,
        "True or False",
    ),
    "days of one digit": Mistake(
        "harder",
        "def is_harder(source, reference):\n    return reference[8] == '0'\n",
        2,
        "at least 0.16",
    ),
    "short texts": Mistake(
        "harder", "def is_harder(source, reference):\n    return len(source) < 30\n", 4, ""
    ),
}


@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize("name", MISTAKES)
def test_typical_mistakes_earn_what_they_deserve(name, seed):
    mistake = MISTAKES[name]
    found = registry.verdicts("A2", mistake.key, mistake.source, seed)
    reasons = " | ".join(verdict.reason for verdict in found)
    assert sum(verdict.points for verdict in found) == mistake.points, reasons
    assert mistake.says in reasons, reasons


@pytest.mark.parametrize("key", KEYS)
def test_visible_examples_alone_do_not_earn_the_points(key):
    """An answer that has learned the visible cases by heart meets fresh ones."""
    cases = registry.cases("A2", key, 0)
    visible = len(registry.exercises("A2")[key].examples())
    answers = [case.expected for case in cases[:visible]]
    answers += [answers[0]] * (len(cases) - visible)
    if key == "harder":
        answers = [[[True], [True]]] * len(cases)
    verdicts = judge(registry.exercises("A2")[key], cases, answers)
    assert not sum(verdict.points for verdict in verdicts)


LAZY = {
    "nothing": "None",
    "zero": "0",
    "one": "1.0",
    "true": "True",
    "text": "''",
    "a list": "[0] * 5",
    "a dictionary": "dict.fromkeys(('year', 'month', 'day'), 1.0)",
    "its first argument": "list(args)[0]",
    "its first arguments": "tuple(args)[:2]",
    "its last argument": "list(args)[-1]",
    "zeros": "torch.zeros(3, 5)",
    "a zero": "torch.zeros(())",
    "noise": "torch.randn(3, 10)",
    "ids": "torch.randint(0, 9, (3, 4))",
    "one of zeros": "torch.zeros_like([a for a in args if isinstance(a, Tensor)][0])",
    "pairs": "[(0, None)] * (len(args[-1]) - 1)",
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("lazy", LAZY)
def test_nothing_is_earned_for_nothing(key, lazy):
    (name,) = registry.exercises("A2")[key].answers
    source = (
        f"def {name}(*args, **named):\n"
        f"    args = (*args, *named.values())\n    return {LAZY[lazy]}\n"
    )
    found = registry.verdicts("A2", key, source)
    assert not sum(verdict.points for verdict in found)
    assert all(verdict.reason for verdict in found)


@pytest.mark.parametrize("key", KEYS)
def test_untouched_exercise_earns_nothing(key):
    (name,) = registry.exercises("A2")[key].answers
    source = f"def {name}(*args, **named):\n    raise NotImplementedError\n"
    found = registry.verdicts("A2", key, source)
    assert not sum(verdict.points for verdict in found)
    assert "not answered yet" in found[0].reason


def test_fresh_batches_end_where_they_should():
    """The case in which every kind of ending occurs: at once, later, never."""
    for case in registry.cases("A2", "greedy", 0)[2:]:
        ids, max_len = case.expected["ids"], case.inputs["max_len"]
        assert ids.shape[1] == case.expected["calls"] <= max_len
        for row in ids.tolist():
            if EOS in row:
                assert set(row[row.index(EOS) + 1 :]) <= {PAD}
    ends = [c.expected["ids"].eq(EOS).any(1) for c in registry.cases("A2", "greedy", 0)]
    assert any(e.all() for e in ends) and any(not e.all() for e in ends)
    assert any(
        (c.expected["ids"][:, 0] == EOS).any() for c in registry.cases("A2", "greedy", 0)
    )


def test_outcomes_fit_the_dates():
    """What the grader knows of the models: one count for each date, of so many seeds."""
    known = a2.outcomes()
    dates = len(known["sources"])
    assert dates == len(known["references"]) == len(known["failed"]) > 600
    assert len(set(known["sources"])) == dates
    assert set(known["failed"]) == {0, 1, 2, 3}
    share = sum(known["failed"]) / dates / len(known["seeds"])
    assert share == pytest.approx(1 - sum(known["exact_match"]) / 3)
    assert 0.3 < share < 0.7  # enough failures to tell groups apart


def test_checks_do_not_hold_the_grader():
    """What students get names neither the hidden cases nor the outcomes."""
    for path in registry.checks_file("A2").parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "assignments" not in text and "outcomes" not in text
    assert a2.OUTCOMES.parent.name == "hidden"


OWN_TANH = "def own(x):\n    return 2 * torch.sigmoid(2 * x) - 1\n\n" + registry.solutions(
    "A2"
)["step"].replace("torch.tanh(", "own(")
FLOAT32 = """
def before_training(vocab, length):
    p = torch.ones(vocab).softmax(0)[0]
    return {"loss": -p.log(), "token_accuracy": p, "exact_match": p ** (length + 1)}
"""


@pytest.mark.parametrize(("key", "source"), [("step", OWN_TANH), ("start", FLOAT32)])
def test_rounding_costs_nothing_whatever_is_drawn(key: str, source: str):
    for seed in range(60):
        lost = [v for v in registry.verdicts("A2", key, source, seed) if v.reason]
        assert not lost, (seed, lost[0].reason)


def test_locales_are_those_of_the_notebook():
    code = "\n".join(c.source for c in registry.source_notebook("A2").cells)
    assert f'LOCALES = "{" ".join(a2.LOCALES)}".split()' in code


def test_fresh_cases_differ_by_seed():
    for key, make in a2.FRESH.items():
        one, two, again = (make(random.Random(seed)) for seed in (1, 2, 1))
        assert repr([c.inputs for c in one]) != repr([c.inputs for c in two]), key
        assert repr([c.inputs for c in one]) == repr([c.inputs for c in again]), key
        assert 2 <= len(one) <= 8
