"""Assignment A1: its solutions earn everything, typical mistakes what they deserve."""

import contextlib
import importlib
import io
import random
from functools import partial
from typing import NamedTuple

import handing_in
import pytest
import torch

from assignments import registry
from assignments.hidden import a1
from checks.attempt import attempt
from checks.judging import judge

changed = partial(handing_in.changed, "A1")
SEEDS = (0, 1, 2)
KEYS = (
    *("pad", "masks", "shift", "loss", "ends", "pool"),
    *("buckets", "budget", "promise"),
)


def solved(key: str) -> str:
    return registry.solutions("A1")[key]


def test_points_are_those_of_the_page():
    exercises = registry.exercises("A1")
    assert tuple(exercises) == KEYS
    assert sum(exercise.points for exercise in exercises.values()) == 45
    cells = registry.source_notebook("A1").cells
    graded = [c.metadata.nbgrader for c in cells if c.metadata.get("nbgrader")]
    points = {meta.grade_id: meta.points for meta in graded if meta.grade}
    for key, exercise in exercises.items():
        assert points.pop(f"A1-{key}-test") == exercise.points
    assert sum(points.values()) == 15  # what is left are the written questions
    first = cells[0].source
    assert all(text in first for text in ("45 for nine", "15 for three", "60 in all"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("key", KEYS)
def test_solution_earns_everything(key, seed):
    for verdict in registry.verdicts("A1", key, solved(key), seed):
        assert verdict.points == verdict.max_points, verdict.reason


@pytest.mark.parametrize("key", KEYS)
def test_typed_answers_are_those_of_the_solution(key):
    """Numbers that were worked out by hand guard the solution, and it guards them."""
    exercise = registry.exercises("A1")[key]
    solution = registry.answers_of("A1", key, solved(key))
    for case in exercise.examples():
        answer = attempt(exercise, solution, case.inputs)
        if key == "buckets":  # its batches are drawn, only the cells are typed
            answer = {"cells": answer["cells"]}
        if key == "promise":  # what was asked for is the test's own affair
            answer = {"said": answer["said"]}
        if key == "budget":  # any batches will do if they are few enough
            assert len(answer) <= case.expected["best"]
            continue
        torch.testing.assert_close(answer, case.expected, rtol=1e-5, atol=1e-5)


def test_typed_levels_are_those_of_grading():
    *_, case = registry.exercises("A1")["budget"].examples()
    assert a1.levels(case.inputs["lengths"], case.inputs["budget"]) == case.expected


@pytest.mark.parametrize("key", KEYS)
def test_fresh_cases_depend_on_their_rng_alone(key):
    def drawn(seed):
        return [case.inputs for case in a1.FRESH[key](random.Random(seed))]

    assert str(drawn(1)) == str(drawn(1))
    assert str(drawn(1)) != str(drawn(2))


@pytest.mark.parametrize("key", KEYS)
def test_answers_leave_no_trace_in_the_inputs(key):
    """A run hands out copies, so that code which writes into them harms nobody."""
    exercise = registry.exercises("A1")[key]
    solution = registry.answers_of("A1", key, solved(key))
    for case in (*exercise.examples(), *a1.FRESH[key](random.Random(0))):
        before = str(case.inputs)
        attempt(exercise, solution, case.inputs)
        assert str(case.inputs) == before


class Mistake(NamedTuple):
    """A wrong answer, what it earns, and words of the reason that it is given."""

    key: str
    name: str
    source: str
    points: int
    words: str


PAD_LEFT = ("src_ids[r, : len(row)]", "src_ids[r, width - len(row) :]")
NO_MASK_IN_LENGTHS = ("-(-longest // multiple) * multiple", "longest")

LOSS = """
def mean_loss(batches):
    losses = []
    for tgt_out, logits in batches:
        losses.append(cross_entropy(logits.flatten(0, 1), tgt_out.flatten(){}))
    return sum(losses) / len(losses)
"""
POOLED_CELLS = """
def mean_loss(batches):
    tgt_out = torch.cat([t.flatten() for t, _ in batches])
    logits = torch.cat([z.flatten(0, 1) for _, z in batches])
    return cross_entropy(logits, tgt_out{})
"""
ENDS = """
def summary_from_states(src_mask, enc_states):
    forward, backward = enc_states.chunk(2, dim=-1)
    rows, lengths = torch.arange(len(src_mask)), src_mask.sum(dim=1)
    return torch.cat([{}, {}], dim=-1)
"""
POOL = """
def pool(src_mask, enc_states):
    real = src_mask[:, :, None]
    return {}, {}
"""
GOOD_MEAN = "enc_states.where(real, 0.0).sum(dim=1) / real.sum(dim=1)"
GOOD_HIGHEST = "enc_states.where(real, -torch.inf).amax(dim=1)"
CELLS = """
def padding_cells(batches, src_lengths):
    return sum(
        len(b) * max(src_lengths[i] for i in b) - sum(src_lengths[i] for i in b)
        for b in batches
    )


def bucketed(src_lengths, batch_size, seed):
    rng = random.Random(seed)
    pairs = list(range(len(src_lengths)))
"""
FILL = """
def batches_within(budget, lengths):
    order = sorted(range(len(lengths)), key=lambda i: {})
    batches, batch = [], []
    for i in order:
        more = [*batch, i]
        src, tgt = (max(lengths[j][side] for j in more) for side in (0, 1))
        if batch and {} > budget:
            batches.append(batch)
            more = [i]
        batch = more
    return {}
"""
CELLS_OF = "len(more) * (src + tgt)"

MISTAKES = (
    # pad
    Mistake(
        "pad", "not rounded", changed("pad", NO_MASK_IN_LENGTHS), 1, "is no multiple of"
    ),
    Mistake(
        "pad",
        "one block too many",
        changed("pad", ("-(-longest // multiple)", "(longest // multiple + 1)")),
        1,
        "are enough",
    ),
    Mistake("pad", "on the left", changed("pad", PAD_LEFT), 0, "ends with its ids"),
    Mistake(
        "pad",
        "filled with another id",
        changed("pad", ("width), PAD", "width), EOS")),
        0,
        "padding is PAD = 0",
    ),
    Mistake(
        "pad",
        "cut to a multiple",
        changed(
            "pad",
            ("-(-longest // multiple) * multiple", "longest // multiple * multiple"),
            ("torch.tensor(row, dtype=torch.long)", "torch.tensor(row[:width])"),
        ),
        0,
        "columns",
    ),
    Mistake(
        "pad",
        "floats",
        changed("pad", ("return src_ids", "return src_ids.float()")),
        0,
        "whole numbers",
    ),
    # masks
    Mistake(
        "masks",
        "inverted",
        changed("masks", ("positions < torch", "positions >= torch")),
        0,
        "inverted",
    ),
    Mistake(
        "masks",
        "one too many",
        changed("masks", ("positions < torch", "positions <= torch")),
        0,
        "but its length is",
    ),
    Mistake(
        "masks",
        "blind to the side",
        changed("masks", ('== "left"', '== "nowhere"')),
        0,
        "padding on the other side",
    ),
    Mistake(
        "masks",
        "numbers for booleans",
        changed(
            "masks",
            (
                "return positions < torch.tensor(src_lengths)[:, None]",
                "return (positions < torch.tensor(src_lengths)[:, None]).int()",
            ),
        ),
        3,
        "boolean, True = real token",
    ),
    Mistake(
        "masks",
        "rows by their counts",
        changed(
            "masks",
            (
                "((src_ids != PAD) != by_length).any(dim=1)",
                "(src_ids != PAD).sum(1) != by_length.sum(1)",
            ),
        ),
        3,
        "not where the length puts them",
    ),
    Mistake(
        "masks",
        "every row",
        changed("masks", ("differ.nonzero().flatten()", "torch.arange(len(src_ids))")),
        2,
        "its ids and its length agree",
    ),
    Mistake(
        "masks",
        "the rows that agree",
        changed("masks", ("return differ", "return (~differ)")),
        2,
        "its ids and its length agree",
    ),
    Mistake(
        "masks",
        "no row",
        changed("masks", ("differ.nonzero().flatten().tolist()", "[]")),
        2,
        "it is not in your list",
    ),
    # shift
    Mistake(
        "shift",
        "EOS behind the padding",
        changed("shift", ("tgt_out[torch.arange(batch), lengths]", "tgt_out[:, -1]")),
        3,
        "behind padding",
    ),
    Mistake(
        "shift",
        "EOS instead of the last token",
        changed("shift", ("arange(batch), lengths]", "arange(batch), lengths - 1]")),
        2,
        "has lost a token",
    ),
    Mistake(
        "shift",
        "EOS left in what is read",
        """
def shift_targets(tgt_ids):
    batch, width = tgt_ids.shape
    full = tgt_ids.new_full((batch, width + 2), PAD)
    full[:, 0], full[:, 1:-1] = BOS, tgt_ids
    full[torch.arange(batch), (tgt_ids != PAD).sum(dim=1) + 1] = EOS
    return full[:, :-1], full[:, 1:]
""",
        3,
        "there is nothing to read",
    ),
    Mistake(
        "shift",
        "BOS kept in the answer",
        """
def shift_targets(tgt_ids):
    bos = tgt_ids.new_full((len(tgt_ids), 1), BOS)
    tgt_in = torch.cat([bos, tgt_ids], dim=1)
    return tgt_in, tgt_in.clone()
""",
        2,
        "BOS is read, it is never an answer",
    ),
    Mistake(
        "shift",
        "no shift",
        "def shift_targets(tgt_ids):\n    return tgt_ids, tgt_ids",
        0,
        "stopping is an answer too",
    ),
    Mistake(
        "shift",
        "the two exchanged",
        changed("shift", ("return tgt_in, tgt_out", "return tgt_out, tgt_in")),
        0,
        "BOS",
    ),
    Mistake(
        "shift",
        "no EOS",
        changed("shift", ("lengths] = EOS", "lengths] = PAD")),
        2,
        "EOS 0 times",
    ),
    # loss
    Mistake("loss", "PAD in the loss", POOLED_CELLS.format(""), 3, "PAD is counted"),
    Mistake(
        "loss",
        "mean of batch means",
        LOSS.format(", ignore_index=PAD"),
        4,
        "whichever batch it is in",
    ),
    Mistake("loss", "both at once", LOSS.format(""), 2, "PAD is counted"),
    Mistake(
        "loss",
        "the sum",
        POOLED_CELLS.format(", ignore_index=PAD, reduction='sum'"),
        0,
        "the sum over all tokens",
    ),
    Mistake(
        "loss",
        "per sentence",
        changed("loss", ("(tgt_out != PAD).sum()", "len(tgt_out)")),
        0,
        "over sentences, not over tokens",
    ),
    Mistake(
        "loss",
        "perplexity",
        changed("loss", ("total / tokens", "(total / tokens).exp()")),
        0,
        "perplexity",
    ),
    Mistake(
        "loss",
        "bits",
        changed("loss", ("total / tokens", "total / tokens / torch.tensor(2).log()")),
        0,
        "in bits",
    ),
    Mistake(
        "loss",
        "real losses over all cells",
        changed("loss", ("(tgt_out != PAD).sum()", "tgt_out.numel()")),
        3,
        "PAD is counted",
    ),
    Mistake(
        "loss",
        "EOS left out",
        changed("loss", ("ignore_index=PAD", "ignore_index=EOS")),
        0,
        "is right",
    ),
    Mistake(
        "loss",
        "both at once, and what it said stays",
        """
MEMO = []

def mean_loss(batches):
    if len(MEMO) % 3 == 0:
        each = [cross_entropy(z.flatten(0, 1), t.flatten()) for t, z in batches]
        MEMO.append(sum(each) / len(each))
    else:
        MEMO.append(MEMO[-1])
    return MEMO[-1]
""",
        0,
        "is right",
    ),
    # ends
    Mistake(
        "ends",
        "the padded end",
        ENDS.format("forward[:, -1]", "backward[:, 0]"),
        1,
        "padding",
    ),
    Mistake(
        "ends",
        "right for padding at the end only",
        ENDS.format("forward[rows, lengths - 1]", "backward[:, 0]"),
        3,
        "but not the last real one of its row",
    ),
    Mistake(
        "ends",
        "one before the end",
        changed("ends", ("amax(dim=1)  # (batch,)", "amax(dim=1) - 1")),
        2,
        "of row",
    ),
    Mistake(
        "ends",
        "where the backward direction begins",
        ENDS.format("forward[rows, lengths - 1]", "backward[rows, lengths - 1]"),
        2,
        "but not the first real one of its row",
    ),
    Mistake(
        "ends",
        "last of the sentence for both",
        changed("ends", ("backward[rows, first]", "backward[rows, last]")),
        4,
        "but not the first real one of its row",
    ),
    Mistake(
        "ends",
        "halves exchanged",
        changed(
            "ends",
            (
                "[forward[rows, last], backward[rows, first]]",
                "[backward[rows, first], forward[rows, last]]",
            ),
        ),
        0,
        "of the other direction",
    ),
    Mistake(
        "ends",
        "another row's state",
        changed("ends", ("forward[rows, last]", "forward.roll(1, 0)[rows, last]")),
        2,
        "is a state of row",
    ),
    Mistake(
        "ends",
        "the batch axis for the other",
        "def summary_from_states(src_mask, enc_states):\n    return enc_states[-1]",
        0,
        "was asked for",
    ),
    # pool
    Mistake(
        "pool",
        "divided by the width",
        POOL.format("enc_states.where(real, 0.0).mean(dim=1)", GOOD_HIGHEST),
        2,
        "is divided by the width",
    ),
    Mistake(
        "pool",
        "no mask in the mean",
        POOL.format("enc_states.mean(dim=1)", GOOD_HIGHEST),
        2,
        "counts the padding too",
    ),
    Mistake(
        "pool",
        "the sum",
        POOL.format("enc_states.where(real, 0.0).sum(dim=1)", GOOD_HIGHEST),
        2,
        "mean is a sum",
    ),
    Mistake(
        "pool",
        "multiplied by the mask",
        POOL.format("(enc_states * real).sum(dim=1) / real.sum(dim=1)", GOOD_HIGHEST),
        4,
        "what stands on the padding has got in",
    ),
    Mistake(
        "pool",
        "zeros in the maximum",
        POOL.format(GOOD_MEAN, "enc_states.where(real, 0.0).amax(dim=1)"),
        3,
        "a zero has won",
    ),
    Mistake(
        "pool",
        "no mask in the maximum",
        POOL.format(GOOD_MEAN, "enc_states.amax(dim=1)"),
        3,
        "that number stands on padding",
    ),
    Mistake(
        "pool",
        "mean over the batch",
        POOL.format("enc_states.mean(dim=0)", GOOD_HIGHEST),
        2,
        "(batch, enc_dim)",
    ),
    Mistake(
        "pool",
        "one of two",
        f"def pool(src_mask, enc_states):\n    real = src_mask[:, :, None]\n"
        f"    return {GOOD_MEAN}",
        0,
        "has to return two tensors",
    ),
    # buckets
    Mistake(
        "buckets",
        "as they come",
        CELLS + "    cuts = range(0, len(pairs), batch_size)\n"
        "    return [pairs[i : i + batch_size] for i in cuts]",
        2,
        "not grouped by length",
    ),
    Mistake(
        "buckets",
        "shuffled only",
        changed("buckets", ("pairs.sort(key", "sorted(pairs, key")),
        2,
        "not grouped by length",
    ),
    Mistake(
        "buckets",
        "the shortest first",
        changed("buckets", ("rng.shuffle(starts)", "")),
        4,
        "in order of length",
    ),
    Mistake(
        "buckets",
        "always the same neighbours",
        changed("buckets", ("rng.shuffle(pairs)", "")),
        4,
        "the same pairs share a batch",
    ),
    Mistake(
        "buckets",
        "always the same neighbours, in tensors",
        changed(
            "buckets",
            ("rng.shuffle(pairs)", ""),
            (
                "[pairs[start : start + batch_size] for start in starts]",
                "[torch.tensor(pairs[start : start + batch_size]) for start in starts]",
            ),
        ),
        4,
        "the same pairs share a batch",
    ),
    Mistake(
        "buckets",
        "grouped by length in two calls of three",
        "CALLS = []\n\n"
        + changed(
            "buckets",
            (
                "pairs.sort(key",
                "CALLS.append(seed) or (pairs if len(CALLS) % 3 else [*pairs]).sort(key",
            ),
        ),
        2,
        "not grouped by length",
    ),
    Mistake(
        "buckets",
        "no seed",
        changed("buckets", ("random.Random(seed)", "random")),
        4,
        "give different batches",
    ),
    Mistake(
        "buckets",
        "always one seed",
        changed("buckets", ("random.Random(seed)", "random.Random(0)")),
        3,
        "give the same batches in the same order",
    ),
    Mistake(
        "buckets",
        "the last batch dropped",
        changed(
            "buckets",
            (
                "range(0, len(pairs), batch_size)",
                "range(0, len(pairs) - batch_size + 1, batch_size)",
            ),
        ),
        1,
        "is in no batch",
    ),
    Mistake(
        "buckets",
        "one length per batch",
        CELLS
        + """
    rng.shuffle(pairs)
    batches = []
    for n in sorted(set(src_lengths)):
        same = [i for i in pairs if src_lengths[i] == n]
        batches += [same[i : i + batch_size] for i in range(0, len(same), batch_size)]
    rng.shuffle(batches)
    return batches
""",
        1,
        "are enough",
    ),
    Mistake(
        "buckets",
        "all cells",
        changed("buckets", ("max(lengths) - sum(lengths)", "max(lengths)")),
        4,
        "counts all",
    ),
    Mistake(
        "buckets",
        "real tokens",
        changed("buckets", ("len(batch) * max(lengths) - sum(", "sum(")),
        4,
        "real tokens, not the padding",
    ),
    # budget
    Mistake(
        "budget",
        "one pair each",
        "def batches_within(budget, lengths):\n"
        "    return [[i] for i, _ in enumerate(lengths)]",
        0,
        "as they come needs",
    ),
    Mistake(
        "budget",
        "as they come",
        FILL.format("i", CELLS_OF, "[*batches, batch]"),
        0,
        "as they come needs",
    ),
    Mistake(
        "budget",
        "sorted in small pools",
        FILL.format("(i // 25, max(lengths[i]))", CELLS_OF, "[*batches, batch]"),
        1,
        "which should?",
    ),
    Mistake(
        "budget",
        "sorted by the source",
        FILL.format("lengths[i][0]", CELLS_OF, "[*batches, batch]"),
        2,
        "make 50 columns",
    ),
    Mistake(
        "budget",
        "sorted by the sum",
        FILL.format("sum(lengths[i])", CELLS_OF, "[*batches, batch]"),
        2,
        "make 50 columns",
    ),
    Mistake(
        "budget",
        "real tokens for cells",
        FILL.format(
            "max(lengths[i])", "sum(sum(lengths[j]) for j in more)", "[*batches, batch]"
        ),
        0,
        "but the budget is",
    ),
    Mistake(
        "budget",
        "the source side only",
        FILL.format("lengths[i][0]", "len(more) * src", "[*batches, batch]"),
        0,
        "but the budget is",
    ),
    Mistake(
        "budget",
        "the last batch forgotten",
        FILL.format("max(lengths[i])", CELLS_OF, "batches"),
        0,
        "is in no batch",
    ),
)


@pytest.mark.parametrize("seed", (3, 4))
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.key}: {m.name}")
def test_mistake_earns_what_it_deserves(mistake, seed):
    verdicts = registry.verdicts("A1", mistake.key, mistake.source, seed)
    reasons = "\n".join(verdict.reason for verdict in verdicts)
    assert mistake.words in reasons
    assert sum(verdict.points for verdict in verdicts) == mistake.points, reasons


OTHER_STRATEGIES = {
    "first fit, the longest first": """
def batches_within(budget, lengths):
    batches = []
    for i in sorted(range(len(lengths)), key=lambda i: -max(lengths[i])):
        for batch in batches:
            more = [*batch, i]
            src, tgt = (max(lengths[j][side] for j in more) for side in (0, 1))
            if len(more) * (src + tgt) <= budget:
                batch.append(i)
                break
        else:
            batches.append([i])
    return batches
""",
    "there and back in the target": """
def batches_within(budget, lengths):
    def fill(order):
        batches, batch = [], []
        for i in order:
            more = [*batch, i]
            src, tgt = (max(lengths[j][side] for j in more) for side in (0, 1))
            if batch and len(more) * (src + tgt) > budget:
                batches.append(batch)
                more = [i]
            batch = more
        return [*batches, batch]

    def snake(width):
        order = sorted(range(len(lengths)), key=lambda i: lengths[i][0])
        parts = [order[i : i + width] for i in range(0, len(order), width)]
        return [
            i
            for n, part in enumerate(parts)
            for i in sorted(part, key=lambda i: lengths[i][1], reverse=n % 2 == 1)
        ]

    return min((fill(snake(w)) for w in range(10, 150, 10)), key=len)
""",
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", OTHER_STRATEGIES)
def test_other_good_strategies_earn_everything(name, seed):
    """The open question has more than one answer."""
    for verdict in registry.verdicts("A1", "budget", OTHER_STRATEGIES[name], seed):
        assert verdict.points == verdict.max_points, verdict.reason


TRIVIAL = {
    "True": "return True",
    "False": "return False",
    "nothing": "return None",
    "zero": "return 0.0",
    "one": "return 1.0",
    "its first argument": "return args[0]",
    "its last argument": "return args[-1]",
    "zeros of its first tensor": "return torch.zeros_like(tensors(args)[0])",
    "two of its first tensor": "return tensors(args)[0], tensors(args)[0]",
    "an empty list": "return []",
    "a list of one": "return [0]",
    "every number once": "return [list(range(100))]",
    "random": "return torch.rand(3, 5)",
}


@pytest.mark.parametrize("answer", TRIVIAL)
@pytest.mark.parametrize("key", KEYS)
def test_no_effort_no_points(key, answer):
    source = (
        "def tensors(args):\n"
        "    return [a for a in args if isinstance(a, torch.Tensor)] or [torch.ones(3)]\n"
    )
    for name in registry.exercises("A1")[key].answers:
        source += f"def {name}(*args):\n    {TRIVIAL[answer]}\n"
    assert sum(v.points for v in registry.verdicts("A1", key, source)) == 0


@pytest.mark.parametrize("key", KEYS)
def test_untouched_answer_earns_nothing(key):
    source = "".join(
        f"def {name}(*args):\n    raise NotImplementedError\n"
        for name in registry.exercises("A1")[key].answers
    )
    verdicts = registry.verdicts("A1", key, source)
    assert sum(v.points for v in verdicts) == 0
    assert "NotImplementedError" in verdicts[0].reason


def test_one_function_does_not_cost_the_other():
    broken = changed("buckets", ("cells = 0", "cells = nonsense"))
    verdicts = registry.verdicts("A1", "buckets", broken)
    assert [v.points for v in verdicts] == [0, 1, 1, 1, 1]
    assert "NameError in line" in verdicts[0].reason


def test_a_judge_that_stumbles_counts_against_the_answer():
    exercise = registry.exercises("A1")["shift"]
    (case, *_) = exercise.examples()
    verdicts = judge(exercise, [case], [[1, "two"]])
    assert sum(v.points for v in verdicts) == 0


@pytest.fixture(scope="module")
def printed() -> str:
    """What the source notebook prints from top to bottom."""
    namespace: dict = {}
    registry.exercises("A1")  # makes a1_checks importable
    importlib.import_module("a1_checks")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        for cell in registry.source_notebook("A1").cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, "<cell>", "exec"), namespace)
    return out.getvalue()


def test_notebook_runs(printed):
    assert "the same summary: True" in printed
    assert "keeps every row: True" in printed
    assert "[4, 17, 31]" in printed  # the three rows that a cell has spoilt
    lines = [line for line in printed.splitlines() if line.startswith("in batches")]
    assert len({line.split(":")[1] for line in lines}) == 1


def test_model_answer_quotes_what_the_notebook_measures(printed):
    source = next(
        c.source
        for c in registry.source_notebook("A1").cells
        if c.metadata.get("nbgrader", {}).get("grade_id") == "A1-why-buckets"
    )
    shares = [
        line.split()[-3]
        for line in printed.splitlines()
        if line.startswith(("as they come", "bucketed"))
    ]
    assert len(shares) == 2
    assert all(share in source for share in shares)
