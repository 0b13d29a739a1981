"""The pages for eight weeks: 90 minutes each, and what is computed there is right."""

import math
import re
from itertools import pairwise, product
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
import torch
from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin

from experiments.judge import sign_flip, verdict
from seq2seq_lib.attention import Additive, masked_softmax
from seq2seq_lib.metrics import alignment_error_rate, links
from seq2seq_lib.tasks.numbers import Numbers
from tools import contents

ROOT = Path(__file__).resolve().parent.parent
PAGES = [path for path in contents.pages(ROOT) if path.parent == ROOT / "teaching"]
TEXTS = [path.read_text(encoding="utf-8") for path in PAGES]
TEACHERS = (ROOT / "for-teachers.md").read_text(encoding="utf-8")
CHAPTERS = "".join(
    path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("chapters/*.ipynb"))
)
PART = re.compile(r"^## (\d+)\u2013(\d+) \u00b7 (.+)$", re.M)
SPAN = re.compile(r"(\d+)\u2013(\d+)")
each_page = pytest.mark.parametrize("text", TEXTS, ids=[path.stem for path in PAGES])

task = Numbers("en", "de")


def week(number: int) -> str:
    return TEXTS[number - 1]


def tables(text: str) -> list[list[list[str]]]:
    """The rows of every table below its head, as cells without their emphasis."""
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        rows = [line[1:].rstrip()[:-1].split("|") for line in block.splitlines()[2:]]
        found.append([[cell.strip(" *") for cell in row] for row in rows])
    return found


def near(told: str, value: float) -> bool:
    """Whether a number is the value, to the digits that are told."""
    told = told.replace("\u2212", "-").replace(",", "")
    places = len(told.partition(".")[2])
    return math.isclose(float(told), value, abs_tol=0.5001 * 10**-places)


# --- what every page has ---------------------------------------------------------------


def test_there_are_eight_weeks_in_order_and_the_plan_leads_to_them() -> None:
    titles = [re.match(r"# Week (\d) \u00b7 \S", text) for text in TEXTS]
    assert [title and title[1] for title in titles] == list("12345678")
    plan = TEACHERS.split("## Eight weeks")[1]
    linked = re.findall(r"^\| \[(\d)\]\(teaching/(.+)\.md\) \|", plan, re.M)
    assert linked == [(str(i), path.stem) for i, path in enumerate(PAGES, 1)]


@each_page
def test_the_script_fills_ninety_minutes(text: str) -> None:
    parts = PART.findall(text)
    assert len(parts) == len(re.findall(r"^## ", text, re.M)) >= 5
    ends = [0, *(int(end) for _, end, _ in parts)]
    assert [int(start) for start, _, _ in parts] == ends[:-1]
    assert ends == sorted(set(ends)) and ends[-1] == 90
    assert parts[-1][2] == "At the door"


@each_page
def test_a_page_has_its_parts(text: str) -> None:
    for part in ("Afterwards a student can", "Before the class", "If time is short"):
        assert text.count(f"**{part}**") == 1
    assert text.count("**It prepares**") == 1
    named = {tuple(map(int, pair)) for pair in SPAN.findall(text.split("**If time")[1])}
    assert named <= {(int(a), int(b)) for a, b, _ in PART.findall(text)}


@each_page
def test_a_question_has_a_right_answer_and_the_usual_one(text: str) -> None:
    html = MarkdownIt("commonmark").enable("table").use(deflist_plugin).render(text)
    questions = re.findall(r"<dt>(.*?)</dt>((?:\s*<dd>.*?</dd>)+)", html, re.S)
    assert len(questions) >= 7 and html.count("<em>Expect.</em>") == len(questions)
    for _, answers in questions:
        right, usual = re.findall(r"<dd>(.*?)</dd>", answers, re.S)
        assert "<em>Expect.</em> " in right
        assert "<em>Often heard.</em> " in usual and "<em>Say:</em> " in usual


@each_page
def test_figures_and_exercises_exist(text: str) -> None:
    used = re.findall(r"\{numref\}`([^`]+)`", text)
    assert [name for name in used if f'"name": "{name}"' not in CHAPTERS] == []
    used = re.findall(r"\{ref\}`[^`<]+ <([^`>]+)>`", text)
    assert [name for name in used if f":label: {name}\\n" not in CHAPTERS] == []


def test_four_meetings_are_made_of_whole_parts() -> None:
    rows = re.findall(r"^\| \d \| (\[week.*) \|$", TEACHERS.split("## Eight")[0], re.M)
    assert len(rows) == 4
    for row in rows:
        minutes = 0
        for number, told in re.findall(r"\[week (\d)\]\([^)]+\): ([^;]+)", row):
            parts = PART.findall(week(int(number)))
            starts, ends = {int(p[0]) for p in parts}, {int(p[1]) for p in parts}
            for start, end in ((int(a), int(b)) for a, b in SPAN.findall(told)):
                assert start in starts and end in ends
                minutes += end - start
        assert minutes == 90


# --- the computations ------------------------------------------------------------------


def test_week_1_the_dictionary() -> None:
    (listed,) = re.findall(r"whole dictionary: (.+?) and: nothing", week(1), re.S)
    pairs = re.findall(r"(\w+)\s+\*([^*]+)\*", listed)
    dictionary = dict(pairs) | {"and": ""}
    rows = tables(week(1))[0]
    right = 0
    for number, english, worded, german in rows:
        example = task.example(int(number.replace(",", "")))
        assert (english, german) == (" ".join(example.src), " ".join(example.tgt))
        assert worded.split() == [t for w in example.src for t in dictionary[w].split()]
        right += worded == german
    assert (len(rows), right) == (10, 5) and "Five of ten." in week(1)


def crossings(number: int) -> int:
    gold = task.example(number).alignment
    return sum((t - i) * (s - j) < 0 for t, s in gold for i, j in gold) // 2


def test_week_1_lines_that_cross() -> None:
    assert sum(crossings(n) > 0 for n in range(1, 100)) == 72 and "72 numbers" in week(1)
    assert crossings(4_871) == 1
    one_word = [n for n in range(1, 100) if len(task.example(n).src) == 1]
    assert len(one_word) == 27 and abs(6_000 / 23 - 260) < 2


def test_week_1_perplexities() -> None:
    sentences = ["ein und zwanzig", "zwanzig", "ein hundert"]
    follows: dict[str, list[str]] = {}
    for sentence in sentences:
        for last, word in pairwise(["<bos>", *sentence.split(), "<eos>"]):
            follows.setdefault(last, []).append(word)
    losses = [
        [
            -math.log(follows[last].count(word) / len(follows[last]))
            for last, word in pairwise(["<bos>", *sentence.split(), "<eos>"])
        ]
        for sentence in sentences
    ]
    assert all(math.isclose(sum(one), math.log(3)) for one in losses)
    means = [sum(one) / len(one) for one in losses]
    assert [f"{math.exp(mean):.2f}" for mean in means] == ["1.32", "1.73", "1.44"]
    every = sum(map(sum, losses)) / sum(map(len, losses))
    assert f"{math.exp(every):.2f}" == "1.44"
    assert f"{math.exp(sum(means) / 3):.2f}" == "1.49"
    for told in ("1.32", "1.73", "1.44", "1.49"):
        assert told in week(1)


def test_week_1_the_rectangle() -> None:
    three = [task.example(n) for n in (7, 21_000, 105)]
    for row, example in zip(tables(week(1))[2], three, strict=True):
        assert tuple(word for word in row[:4] if word != "\u2013") == example.src
        real = len(example.src)
        assert row[4] == " ".join(["1"] * real + ["0"] * (4 - real))
        assert row[5] == " ".join(["`<bos>`", *example.tgt])
        assert row[6] == " ".join([*example.tgt, "`<eos>`"])
    due = [len(example.tgt) + 1 for example in three]
    assert (sum(len(e.src) for e in three), sum(due), 3 * max(due)) == (8, 11, 15)
    assert "Of 12 source cells 8 are real, of 15 target cells 11." in week(1)
    assert [sum(len(e.src) > t for e in three) for t in range(4)] == [3, 2, 2, 1]


def read(symbols: str, factor: float) -> float:
    state = 0.0
    for symbol in symbols:
        state = int(symbol) + factor * state
    return state


def test_week_2_states() -> None:
    head = re.search(r"^\| read \| (.+) \|$", week(2), re.M)
    (row,) = tables(week(2))[0]
    assert head is not None
    for symbols, told in zip(head[1].split(" | "), row[1:], strict=True):
        assert float(told) == read(symbols, 0.5)
    golden = (math.sqrt(5) - 1) / 2
    assert math.isclose(read("110", golden), read("001", golden)) and near("0.618", golden)
    states = sorted(read("".join(bits), 0.5) for bits in product("01", repeat=8))
    assert {b - a for a, b in pairwise(states)} == {1 / 128}


def test_week_2_the_plane_and_the_gates() -> None:
    place = {"a": (0, 0), "b": (1, 0), "c": (0, 1)}
    for name, *cells in tables(week(2))[1]:
        first = place[name[-1]]
        for told, last in zip(cells, place.values(), strict=True):
            expected = tuple(new + old / 2 for new, old in zip(last, first, strict=True))
            assert tuple(map(float, told.strip("()").split(","))) == expected
    (left,) = tables(week(2))[2]
    for told, z in zip(left[1:], (0.5, 0.9, 0.99), strict=True):
        assert near(told, z**10)
    assert 3**5 == 243 and 3**10 == 59_049 and "1/59{,}049" in week(2)


def test_week_2_the_reshape_of_two_sentences() -> None:
    last = torch.arange(8).reshape(4, 2, 1)  # (layers * directions, batch, 1)
    assert last[-2:].reshape(2, -1)[0].tolist() == last[2].flatten().tolist()


def test_week_3_logarithms_and_powers() -> None:
    (logs,), (powers,) = tables(week(3))[0], tables(week(3))[2]
    for told, size in zip(logs[1:], (2, 35, 10_000), strict=True):
        assert near(told, math.log(size))
    for told, n in zip(powers[1:], (5, 13, 24), strict=True):
        assert near(told, 0.99**n)


def grown(beam: dict[str, float], table: dict[str, dict[str, float]]) -> dict[str, float]:
    """All beginnings after one more step, the best first."""
    more: dict[str, float] = {}
    for words, p in beam.items():
        if words.endswith("`<eos>`"):
            more[words] = p
            continue
        for word, q in table[words.split()[-1]].items():
            more[f"{words} {word}"] = p * q
    return dict(sorted(more.items(), key=lambda pair: -pair[1]))


def test_week_3_the_beam_of_two() -> None:
    table = {
        last.strip("*"): {
            w.strip("*"): float(p) for w, p in re.findall(r"(\S+) (0\.\d+|1\.0)", row)
        }
        for last, row in tables(week(3))[3]
    }
    assert all(math.isclose(sum(row.values()), 1) for row in table.values())
    beam = {"`<bos>`": 1.0}
    for _, stays, falls in tables(week(3))[4]:
        found = grown(beam, table)
        beam = dict(list(found.items())[:2])
        for cell, expected in ((stays, beam), (falls, dict(list(found.items())[2:]))):
            told = [one.rsplit(" ", 1) for one in cell.split(" \u00b7 ") if one]
            assert [f"`<bos>` {words}" for words, _ in told] == list(expected)
            assert all(near(p, expected[f"`<bos>` {words}"]) for words, p in told)
    assert all(words.endswith("`<eos>`") for words in beam)


def test_week_3_a_table_in_which_width_two_misses() -> None:
    end = {"`<eos>`": 1.0}
    table = {"B0": {"A": 0.4, "B": 0.35, "C": 0.25}, "C": end, "x": end, "y": end}
    table |= {"A": {"x": 0.5, "y": 0.5}, "B": {"x": 0.5, "y": 0.5}}
    best = {}
    for width in (2, 3):
        beam = {"B0": 1.0}
        for _ in range(3):
            beam = dict(list(grown(beam, table).items())[:width])
        best[width] = max(beam.values())
    assert best == {2: 0.2, 3: 0.25}
    assert "Width 2 ends at 0.2, width 3 at 0.25." in week(3)


def test_week_4_numbers_and_bits() -> None:
    for number, words, english in tables(week(4))[0]:
        src = task.example(int(number.replace(",", ""))).src
        assert (int(words), english) == (len(src), " ".join(src))
    assert near("40", 12 * math.log2(10)) and near("104", 24 * math.log2(20))


def test_week_5_three_keys() -> None:
    rows = tables(week(5))[1]
    scores = torch.tensor([float(row[3]) for row in rows])
    weights, values = scores.softmax(0), torch.tensor([float(row[2]) for row in rows])
    keys = [
        [int(x) for x in re.findall(r"-?\d", row[1].replace("\u2212", "-"))] for row in rows
    ]
    for row, key, score, weight in zip(rows, keys, scores, weights, strict=True):
        assert sum(key) == score  # the query is (1, 1)
        assert near(row[4], score.exp().item()) and near(row[5], weight.item())
    assert near("3.12", (weights @ values).item())
    assert near("3.12", 0.665 * 2 + 0.245 * 4 + 0.090 * 9)
    assert near("2.00", ((10 * scores).softmax(0) @ values).item())
    assert (values.mean().item(), values.sum().item()) == (5, 15)
    assert "The sum of the exponentials is 11.11; the context is" in week(5)
    assert near("11.11", scores.exp().sum().item())


def test_week_5_the_printed_table_and_padding() -> None:
    (printed,) = tables(week(5))[0]
    for told, x in zip(printed[1:], (-2, -1, 0, 1, 2), strict=True):
        assert near(told, math.exp(x))
    scores, values = (
        torch.tensor([[[-1.0, -2.0, 0.0, 0.0]]]),
        torch.tensor([10.0, 20, 0, 0]),
    )
    for row, real in zip(tables(week(5))[2], ([1, 1, 1, 1], [1, 1, 0, 0]), strict=True):
        weights = masked_softmax(scores, torch.tensor([real], dtype=torch.bool))[0, 0]
        told = row[1].split(" \u00b7 ")
        assert all(near(a, b) for a, b in zip(told, weights.tolist(), strict=True))
        assert near(row[2], weights[2:].sum().item())
        assert near(row[3], (weights @ values).item())


def test_week_5_additive_scores() -> None:
    look = Additive(2, 2, 2)
    with torch.no_grad():
        for layer in (look.query_proj, look.key_proj):
            layer.weight.copy_(torch.eye(2))
        look.v.weight.fill_(1.0)
    states = torch.tensor([[[-1.0, 1.0], [1.0, 1.0], [3.0, 3.0], [30.0, 30.0]]])
    query = torch.tensor([[[1.0, -1.0]]])
    with torch.no_grad():
        scores = look.scores(query, states)[0, 0]
    for row, score, weight in zip(
        tables(week(5))[3], scores[:3].tolist(), scores[:3].softmax(0).tolist(), strict=True
    ):
        assert near(row[2], score) and near(row[3], weight)
    assert near("2.00", scores[3].item())
    assert (states[0, :3] @ query[0, 0]).tolist() == [-2, 0, 0]
    assert near("0.964", math.tanh(2)) and near("0.999", math.tanh(4))


def test_week_6_the_middle_key_and_the_marks() -> None:
    keys = torch.tensor([[1.0, 1.0], [1.0, 0.0], [-1.0, 1.0]])
    assert torch.allclose(keys.mean(0), torch.tensor([1 / 3, 2 / 3]))
    weights, marks = tables(week(6))
    example = task.example(427)
    table = torch.tensor([[float(cell) for cell in row[1:]] for row in weights])
    assert tuple(row[0] for row in weights) == example.tgt
    assert torch.allclose(table.sum(1), torch.ones(5))
    found = links(table)
    counted = ((0, 1, 2, 4), range(5), (0, 2, 4), range(5))
    answers = (found, found, found, example.alignment | {(3, 0)})
    for row, places, answer in zip(marks, counted, answers, strict=True):
        a, s = (
            {(t, j) for t, j in some if t in places} for some in (answer, example.alignment)
        )
        assert row[1:4] == [str(n) for n in (len(a), len(s), len(a & s))]
        assert near(row[4], alignment_error_rate([answer], [example], [places]))
    off = {(t - 1, s) for t, s in found if t > 0}
    assert not off & example.alignment


def drawn_again(values: list[int]) -> tuple[float, float]:
    """The middle 95% of the means of all 6^6 rolls."""
    rolls = np.array(list(product(values, repeat=len(values))))
    low, high = np.quantile(rolls.mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def test_week_7_a_die_and_signs() -> None:
    for row in tables(week(7))[0]:
        values = [int(x.replace("\u2212", "-")) for x in row[0].split(",")]
        low, high = drawn_again(values)
        p = sign_flip(np.array(values))
        told = row[2].split(" to ")
        assert near(row[1], mean(values)) and near(told[0], low) and near(told[1], high)
        assert math.isclose(p, int(row[3]) / 64)
        entry = {"low": low, "high": high, "p": p, "effect": 3, "conditions": {}}
        assert row[4] == verdict(entry | {"rule": "difference"})
    low, high = drawn_again([1, 2, 3, 4, 5, 6])
    assert near("2.17", low) and near("4.83", high) and "from 2.17 to 4.83" in week(7)
    assert math.isclose(sign_flip(np.ones(5)), 0.0625)
    low, high = drawn_again([4, 4, 5, 5, 6, 6])
    assert near("4.33", low) and near("5.67", high) and "4.33 to 5.67" in week(7)


def test_week_7_the_best_of_six_dice() -> None:
    assert near("5.56", 6 - sum((k / 6) ** 6 for k in range(1, 6)))


def test_week_8_self_attention() -> None:
    states = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    scores = states @ states.T / math.sqrt(2)
    for row, score, weight in zip(
        tables(week(8))[0], scores.tolist(), scores.softmax(1).tolist(), strict=True
    ):
        for told, values in zip(row[1:], (score, weight), strict=True):
            assert all(
                near(a, b) for a, b in zip(told.split(" \u00b7 "), values, strict=True)
            )
    assert near("2.03", math.exp(1 / math.sqrt(2))) and near("4.11", math.exp(math.sqrt(2)))
    assert torch.ones(4, 4).tril().sum() == 10
