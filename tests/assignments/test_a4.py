"""Assignment A4: full marks for the solution, and what typical mistakes are told."""

import re
from functools import partial

import handing_in
import nbformat
import pytest
import torch

from assignments import registry
from checks.attempt import attempt
from checks.exercise import Case, Failed
from checks.judging import judge

solution = partial(handing_in.changed, "A4")
KEYS = ("links", "aer", "entropy", "step", "search", "edits", "offset", "costs")


def code(text: str) -> str:
    """A snippet without the indentation that it has in this file."""
    lines = text.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)


def test_the_exercises_are_worth_forty_points():
    assert tuple(registry.exercises("A4")) == KEYS
    assert sum(e.points for e in registry.exercises("A4").values()) == 40


@pytest.mark.parametrize(("name", "points"), [("A4", 60), ("project", 100)])
def test_the_points_in_the_notebook_add_up(name, points):
    path = registry.SOURCE / name / f"{name}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    graded = [c.metadata.nbgrader for c in cells if "nbgrader" in c.metadata]
    assert sum(mark.get("points", 0) for mark in graded) == points
    assert len({mark.grade_id for mark in graded}) == len(graded)
    # What a heading says is what its cell, or the cell below it, is worth.
    text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    said = re.findall(r"^### .*\((\d+) points\)$", text, flags=re.MULTILINE)
    assert [int(number) for number in said] == [m.points for m in graded if "points" in m]


def test_the_tests_in_the_notebook_are_worth_what_the_exercises_are():
    cells = registry.source_notebook("A4").cells
    points = {
        c.metadata.nbgrader.grade_id: c.metadata.nbgrader.get("points")
        for c in cells
        if "nbgrader" in c.metadata
    }
    for key, exercise in registry.exercises("A4").items():
        assert points[f"A4-{key}-test"] == exercise.points


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("key", KEYS)
def test_the_solution_earns_everything(key, seed):
    for verdict in registry.verdicts("A4", key, solution(key), seed):
        assert not verdict.reason
        assert verdict.points == verdict.max_points


@pytest.mark.parametrize("key", KEYS)
def test_the_untouched_answer_earns_nothing(key):
    source = "\n".join(
        f"def {name}(*args, **kwargs):\n    raise NotImplementedError"
        for name in registry.exercises("A4")[key].answers
    )
    found = registry.verdicts("A4", key, source)
    assert "not answered yet" in found[0].reason
    assert all(verdict.points == 0 and verdict.reason for verdict in found)


@pytest.mark.parametrize("key", KEYS)
def test_fresh_cases_differ_between_seeds_and_repeat_with_one(key):
    visible = len(registry.exercises("A4")[key].examples())

    def fresh(seed):
        registry.cases.cache_clear()
        return [repr(case) for case in registry.cases("A4", key, seed)[visible:]]

    assert 3 <= len(fresh(1)) <= 9
    assert fresh(1) == fresh(1) != fresh(2)


# Answers that anybody could give without a thought.
LAZY = {
    "zeros": torch.zeros_like,
    "ones": torch.ones_like,
    "halves": lambda x: torch.full_like(x.double(), 0.5),
    "even": lambda x: torch.full_like(
        x.double(), 1 / max(1, x.shape[-1] if x.dim() else 1)
    ),
    "random": lambda x: torch.rand(x.shape, generator=torch.Generator().manual_seed(1)),
}


def lazily(value, fill):
    """The expected answer with every number replaced."""
    if isinstance(value, torch.Tensor):
        return fill(value)
    if isinstance(value, int | float):
        return fill(torch.tensor(float(value))).item()
    if isinstance(value, list | tuple):
        return [lazily(v, fill) for v in value]
    if isinstance(value, dict):
        return {k: lazily(v, fill) for k, v in value.items()}
    return value


@pytest.mark.parametrize("name", LAZY)
@pytest.mark.parametrize("key", KEYS)
def test_lazy_answers_earn_nothing(key, name):
    cases = registry.cases("A4", key, 0)
    answers = [lazily(case.expected, LAZY[name]) for case in cases]
    if key == "search":  # the sentences are words, and nobody guesses them
        answers = [{"found": [], "after_end": 0} for _ in answers]
    for verdict in judge(registry.exercises("A4")[key], cases, answers):
        assert verdict.points == 0, verdict


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "answer",
    [None, [], {}, "right", 0, 1.0, float("nan"), [[]], [None, None], {"found": 1}],
)
def test_answers_of_another_kind_earn_nothing(key, answer):
    cases = registry.cases("A4", key, 0)
    for verdict in judge(registry.exercises("A4")[key], cases, [answer] * len(cases)):
        assert verdict.points == 0
        assert verdict.reason


def test_inputs_given_back_earn_nothing():
    for key, name in (("entropy", "weights"), ("links", "weights"), ("offset", "weights")):
        cases = registry.cases("A4", key, 0)
        answers = [case.inputs[name] for case in cases]
        for verdict in judge(registry.exercises("A4")[key], cases, answers):
            assert verdict.points == 0


def test_a_reason_that_is_empty_still_counts_against_an_edit():
    cases = registry.cases("A4", "edits", 0)
    for verdict in judge(
        registry.exercises("A4")["edits"], cases, [[None, ""]] * len(cases)
    ):
        assert verdict.points == 0
        assert verdict.reason


def test_the_inputs_are_not_needed_by_the_judges_as_they_were_left():
    """A student who empties an input spoils his own copy only: every case is made anew."""
    exercise = registry.exercises("A4")["links"]
    first, second = exercise.examples()[1], exercise.examples()[1]
    first.inputs["weights"].zero_()
    assert second.inputs["weights"].any()
    assert isinstance(first, Case)


def nearly(one, other):
    """Whether two answers agree in every number, whatever holds them."""
    if isinstance(one, torch.Tensor):
        return torch.allclose(one.double(), other.double(), atol=1e-6)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(nearly(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(nearly, one, other))
    return one == (pytest.approx(other) if isinstance(one, float) else other)


@pytest.mark.parametrize("key", KEYS)
def test_the_visible_answers_are_what_the_solution_gives(key):
    exercise = registry.exercises("A4")[key]
    student = registry.answers_of("A4", key, solution(key))
    cases = exercise.examples()
    answers = [attempt(exercise, student, case.inputs) for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        assert not isinstance(answer, Failed)
        assert nearly(case.expected, answer)
    assert not any(verdict.reason for verdict in judge(exercise, cases, answers))


MISTAKES = [
    # --- links
    (
        "links",
        """
        def links_of(weights, tgt_len, src_len):
            best = weights[:tgt_len].argmax(dim=1)
            return set(enumerate(best.tolist()))
        """,
        2,
        ("column 4", "0.90", "4 words", "padding"),
    ),
    (
        "links",
        """
        def links_of(weights, tgt_len, src_len):
            return set(enumerate(weights[:, :src_len].argmax(dim=1).tolist()))
        """,
        2,
        ("row 2", "2 words", "EOS"),
    ),
    (
        "links",
        """
        def links_of(weights, tgt_len, src_len):
            best = weights[:tgt_len + 1].argmax(dim=1)
            return set(enumerate(best.tolist()))
        """,
        1,
        ("EOS",),
    ),
    (
        "links",
        """
        def links_of(weights, tgt_len, src_len):
            best = weights[:tgt_len, :src_len].argmax(dim=1)
            return {(s, t) for t, s in enumerate(best.tolist())} | {(0, 0)}
        """,
        0,
        ("(source, target)",),
    ),
    (
        "links",
        """
        def links_of(weights, tgt_len, src_len):
            best = weights[:tgt_len, :src_len].argmax(dim=0)
            return {(t, s) for s, t in enumerate(best.tolist())}
        """,
        0,
        ("Row 1 has 2 links", "its own largest"),
    ),
    (
        "links",
        """
        def links_of(weights, tgt_len, src_len):
            return set(enumerate(weights[:tgt_len, :src_len].argmin(dim=1).tolist()))
        """,
        0,
        ("smallest",),
    ),
    # --- alignment error rate
    (
        "aer",
        """
        def error_rate(found, sure, possible):
            rates = [1 - (len(a & s) + len(a & p)) / (len(a) + len(s))
                     for a, s, p in zip(found, sure, possible)]
            return sum(rates) / len(rates)
        """,
        4,
        ("0.4074", "mean of the sentences"),
    ),
    (
        "aer",
        """
        def error_rate(found, sure, possible):
            right = sum(len(a & p) for a, p in zip(found, possible))
            return 1 - right / sum(map(len, found))
        """,
        0,
        ("precision",),
    ),
    (
        "aer",
        """
        def error_rate(found, sure, possible):
            right = sum(len(a & s) for a, s in zip(found, sure))
            return 1 - right / sum(map(len, sure))
        """,
        0,
        ("recall",),
    ),
    (
        "aer",
        ("len(a) + len(s)", "len(a) + len(p)"),
        2,
        ("0.5833", "P is in the denominator"),
    ),
    (
        "aer",
        ("len(a & s) + len(a & p)", "2 * len(a & s)"),
        2,
        ("0.5 ", "only S has to be found"),
    ),
    ("aer", ("return 1 - ", "return "), 0, ("0.6", "share that agrees")),
    ("aer", ("+ len(a & p)", ""), 0, ("0.7", "agrees with S and with P")),
    # --- entropy
    ("entropy", ("log2()", "log()"), 3, ("nats", "in bits it is 1.5")),
    ("entropy", ("torch.where(real > 0, real, 1.0)", "real"), 2, ("nan", "counts as 0")),
    (
        "entropy",
        ("torch.where(mask[:, None], weights, 0.0)", "weights"),
        3,
        ("padding", "does not count"),
    ),
    ("entropy", ("mask[:, None]", "~mask[:, None]"), 0, ("0", "1.5 bits are right")),
    ("entropy", ("return -", "return "), 0, ("negative", "sign")),
    ("entropy", (".sum(dim=-1)", ".mean(dim=-1)"), 0, ("mean was taken",)),
    ("entropy", ("sum(dim=-1)", "sum(dim=1)"), 0, ("shape (1, 3)", "(batch, step)")),
    (
        "entropy",
        ("-(real * logs).sum(dim=-1)", "2 ** -(real * logs).sum(dim=-1)"),
        0,
        ("how many words",),
    ),
    # --- one step of a beam
    (
        "step",
        """
        def beam_step(scores, log_probs, done):
            best = log_probs.max(dim=1)
            totals = scores + best.values
            order = totals.argsort(descending=True)
            return order, best.indices[order], totals[order]
        """,
        1,
        ("one continuation of every beam", "beam 0 with token 4"),
    ),
    (
        "step",
        ("scores[:, None] + steps", "scores[:, None].exp() + steps.exp()"),
        0,
        ("less probable", "sum of probabilities"),
    ),
    (
        "step",
        ("(scores[:, None] + steps)", "steps"),
        0,
        ("less probable", "last token alone"),
    ),
    (
        "step",
        ("torch.where(done[:, None], ended, log_probs)", "log_probs"),
        3,
        ("Beam 1 has said EOS", "prolong"),
    ),
    (
        "step",
        """
        def beam_step(scores, log_probs, done):
            vocab = log_probs.shape[1]
            open_ = scores.masked_fill(done, -math.inf)
            best = (open_[:, None] + log_probs).flatten().topk(len(scores))
            return best.indices // vocab, best.indices % vocab, best.values
        """,
        3,
        ("is finished with", "gone"),
    ),
    (
        "step",
        (
            "best.values",
            "scores[best.indices // vocab] + "
            "log_probs[best.indices // vocab, best.indices % vocab]",
        ),
        5,
        ("was added for a token it never says",),
    ),
    (
        "step",
        ("// vocab, best.indices % vocab", "% vocab, best.indices // vocab"),
        0,
        ("changed places",),
    ),
    ("step", ("best.indices // vocab", "best.indices // width"), 0, ("does not exist",)),
    (
        "step",
        """
        def beam_step(scores, log_probs, done):
            width, vocab = log_probs.shape
            ended = torch.full((vocab,), -math.inf)
            ended[PAD] = 0.0
            steps = torch.where(done[:, None], ended, log_probs)
            best = (scores[:, None] + steps).flatten().topk(width)
            at, totals = best.indices.flip(0), best.values.flip(0)
            return at // vocab, at % vocab, totals
        """,
        2,
        ("best has to come first",),
    ),
    (
        "step",
        ("best.values\n", "best.values.exp()\n"),
        4,
        ("that is a probability",),
    ),
    # --- a whole beam search
    (
        "search",
        ("len(beam[0][0]) < max_len", "len(beam[0][0]) <= max_len"),
        6,
        ("4 tokens", "max_len is 3"),
    ),
    (
        "search",
        ("len(beam[0][0]) < max_len", "len(beam[0][0]) < max_len - 1"),
        6,
        ("max_len 4", "has to be found"),
    ),
    (
        "search",
        ("len(words) ** alpha", "(len(words) - 1) ** alpha if alpha else p / 1"),
        0,
        ("ZeroDivisionError",),
    ),
    (
        "search",
        ("len(words) ** alpha", "max(1, len(words) - 1) ** alpha"),
        5,
        ("length of 3", "<eos> counts"),
    ),
    ("search", ("p / len(words)", "p * len(words)"), 5, ("multiply by the length",)),
    ("search", ("p / len(words) ** alpha", "p"), 5, ("without the length",)),
    ("search", ("    return sorted(", "    return sorted(aside and "), 7, ()),
    (
        "search",
        ("(words, p / len", "(words, math.exp(p) / len"),
        4,
        ("not from log p",),
    ),
    ("search", (" - len(aside)", ""), 4, ("'yes <eos>' cannot be found",)),
    (
        "search",
        """
        def search(step, width, max_len, alpha):
            beam = [((), 0.0)]
            for _ in range(max_len):
                grown = []
                for words, log_p in beam:
                    if words[-1:] == ("<eos>",):
                        grown.append((words, log_p))
                        continue
                    for word, more in step(words).items():
                        grown.append(((*words, word), log_p + more))
                beam = sorted(grown, key=lambda b: -b[1])[:width]
            done = [b for b in beam if b[0][-1] == "<eos>"]
            worth = [(w, p / len(w) ** alpha) for w, p in done]
            return sorted(worth, key=lambda b: -b[1])
        """,
        4,
        ("'<eos>' has to be found", "once put aside, it stays"),
    ),
    (
        "search",
        """
        def search(step, width, max_len, alpha):
            beam = [((), 0.0)]
            for _ in range(max_len):
                grown = [((*w, word), p + more)
                         for w, p in beam for word, more in step(w).items()]
                beam = sorted(grown, key=lambda b: -b[1])[:width] or beam
            return [(w, p / len(w) ** alpha) for w, p in beam]
        """,
        0,
        ("what follows <eos>",),
    ),
    (  # greedy, and what it found given twice: one answer is no ranking
        "search",
        """
        def search(step, width, max_len, alpha):
            words, log_p = (), 0.0
            while len(words) < max_len:
                word, more = max(step(words).items(), key=lambda w: w[1])
                words, log_p = (*words, word), log_p + more
                if word == "<eos>":
                    return [(words, log_p / len(words) ** alpha)] * min(width, 2)
            return []
        """,
        1,
        ("The same answer is there twice",),
    ),
    (
        "search",
        """
        def search(step, width, max_len, alpha):
            while True:
                step(())
        """,
        0,
        ("thousands of times",),
    ),
    # --- edits
    (
        "edits",
        (
            "(mask / mask.sum(-1, True))[:, None].expand_as(weights)",
            "torch.full_like(weights, 1 / weights.shape[-1])",
        ),
        5,
        ("0.25 of the weight lies on padding",),
    ),
    ("edits", ("kept / kept.sum(dim=-1, keepdim=True)", "kept"), 4, ("sum to 0.400",)),
    (
        "edits",
        ("best, places = real.topk", "best, places = weights.topk"),
        5,
        ("of the weight lies on padding",),
    ),
    (
        "edits",
        ("others / left.clamp(min=1e-30)", "others"),
        3,
        ("erase", "sum to 0.600"),
    ),
    (
        "edits",
        ("real.argmax(-1, keepdim=True)", "weights.argmax(-1, keepdim=True)"),
        4,
        ("position 1 has the largest weight",),
    ),
    (
        "edits",
        ("real.argmax(-1, keepdim=True)", "real.argmin(-1, keepdim=True)"),
        3,
        ("position 1 has the largest weight", "of it is left"),
    ),
    (
        "edits",
        ("torch.where(left > 0, others / left.clamp(min=1e-30), real)", "others / left"),
        5,
        ("nan",),
    ),
    (
        "edits",
        ("places = real.topk(k", "places = real.topk(1"),
        3,
        ("k = 2", "[1]", "[1, 3]"),
    ),
    (
        "edits",
        """
        def spread(weights, mask):
            return (mask / mask.sum(-1, True))[:, None].expand_as(weights)


        def keep(weights, mask, k):
            raise NotImplementedError


        def erase(weights, mask):
            return weights / 0
        """,
        1,
        ("keep is not answered yet",),
    ),
    # --- off by one
    ("offset", ("start=offset", "start=-offset"), 2, ("offset -1 is 0.6", "sign")),
    (
        "offset",
        """
        def best_offset(weights, gold):
            rates = {}
            for d in (-1, 0, 1):
                right = total = 0
                for table, links in zip(weights, gold):
                    last = len(table) - 2
                    found = {
                        (min(max(t + d, 0), last), s)
                        for t, s in enumerate(table.argmax(dim=1).tolist())
                        if d or t <= last
                    }
                    found = {(t, s) for t, s in found if t in dict(links)}
                    right += len(found & links)
                    total += len(found) + len(links)
                rates[d] = 1 - 2 * right / total
            return min(rates, key=rates.get), rates
        """,
        3,
        ("0.1429", "row 0 belongs to no word"),
    ),
    ("offset", ("table.argmax", "table[:-1].argmax"), 3, ("0.2", "last word has no link")),
    (
        "offset",
        ("if t in dict(links)", "if 0 <= t < len(table) - 1"),
        1,
        ("without a gold link",),
    ),
    ("offset", ("min(rates", "max(rates"), 4, ("rates at -1, 0 and 1 are 0.00",)),
    (
        "offset",
        (
            "        right = sum",
            "        r = [1 - 2 * len(f & g) / (len(f) + len(g))"
            " for f, g in zip(found, gold)]\n"
            "        rates[offset] = sum(r) / len(r)\n"
            "        continue\n"
            "        right = sum",
        ),
        1,
        ("mean of the sentences",),
    ),
    # --- costs
    ("costs", ("lost[name][m].mean()", "-lost[name][m].mean()"), 2, ("loss is above 0",)),
    ("costs", ("(own != ids)", "(gold != ids)"), 2, ("model's own answer",)),
    ("costs", ("(own != ids)", "(own == ids)"), 2, ("stayed the same",)),
    ("costs", ("[m].double().mean()", "[m].double().sum()"), 2, ("a share was asked",)),
    (
        "costs",
        ("lost[name][m].mean()", "lost[name][m].clamp(min=0).mean()"),
        2,
        ("mended counts",),
    ),
    (
        "costs",
        """
        def cost_table(own, edited, gold, kinds):
            table = {}
            for name, ids in edited.items():
                table[name] = {}
                for kind in {k for row in kinds for k in row}:
                    changed, cost = [], []
                    for i, row in enumerate(kinds):
                        at = [t for t, k in enumerate(row) if k == kind]
                        if at:
                            o, e, g = own[i, at], ids[i, at], gold[i, at]
                            changed.append((o != e).double().mean().item())
                            hits = (o == g).double() - (e == g).double()
                            cost.append(hits.mean().item())
                    table[name][kind] = {
                        "changed": sum(changed) / len(changed),
                        "cost": sum(cost) / len(cost),
                    }
            return table
        """,
        0,
        ("mean of the sentences' shares", "mean of the sentences' costs"),
    ),
]


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_typical_mistakes(number, seed):
    key, change, points, words = MISTAKES[number]
    source = code(change) if isinstance(change, str) else solution(key, change)
    found = registry.verdicts("A4", key, source, seed)
    told = " ".join(verdict.reason for verdict in found)
    earned = {v.criterion: v.points for v in found}
    assert sum(v.points for v in found) == points, (earned, told)
    for word in words:
        assert word in told, told
