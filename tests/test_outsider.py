"""Whoever has ``results/*.json`` and nothing else can recompute every verdict.

Nothing of ours is imported: what follows is written anew from the words in the files, with
another way to each number where there is one.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

RESULTS = Path(__file__).parent.parent / "results"
DRAWS = 2000
REACH = 0.03  # of an interval's width and the value itself: two draws differ by so much


def read(name: str) -> dict:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


CLAIMS = {n: c for n, c in read("ledger.json")["claims"].items() if "primary" in c}


def answers(values: dict, arm: str, seeds: list[int], lengths: range) -> np.ndarray:
    """1 where an answer is right: (seeds, sentences)."""
    rows = [
        "".join(values[arm][str(seed)]["hits"].get(str(n), "") for n in lengths)
        for seed in seeds
    ]
    return np.array([[int(hit) for hit in row] for row in rows])


def of_answers(values: dict, primary: dict, lengths: range):
    """The first arm of each size minus the best other, in the size where that is less."""
    seeds, arms = primary["seeds"], primary["arms"]
    tables = {arm: answers(values, arm, seeds, lengths) for arm in arms}
    sizes = {arm.split(", ")[1] for arm in arms}

    def numbers(seed: np.ndarray, sentence: np.ndarray) -> np.ndarray:
        mean = {arm: t[np.ix_(seed, sentence)].mean(axis=1) for arm, t in tables.items()}
        if len(arms) == 1:
            return mean[arms[0]]
        leads = []
        for size in sizes:
            first, *others = (mean[arm] for arm in arms if arm.endswith(f", {size}"))
            leads.append(first - np.max(others, axis=0))
        return np.min(leads, axis=0)

    return numbers, tables[arms[0]].shape[1]


def of_bits(values: dict, primary: dict):
    seeds = primary["seeds"]
    told = np.array(
        [
            [
                [values[arm][str(s)]["test_sources"][n] for s in seeds]
                for arm in primary["arms"]
            ]
            for n in ("8", "12")
        ]
    )  # (lengths, arms, seeds, sources)
    lost = 16 - (told[1] - told[0])

    def numbers(seed: np.ndarray, sentence: np.ndarray) -> np.ndarray:
        return lost[:, seed][:, :, sentence].mean(axis=(0, 2))

    return numbers, lost.shape[-1]


def of_needles(values: dict, primary: dict):
    def slope(arm: str, seed: int) -> float:
        learned = values[arm][str(seed)]["learned"]
        x = [np.log2(1 + int(distance)) for distance in learned]
        y = [np.log2(updates or 1500) for updates in learned.values()]
        return np.polyfit(x, y, 1)[0]

    arms, seeds = primary["arms"], primary["seeds"]
    each = {arm: np.array([slope(arm, seed) for seed in seeds]) for arm in arms}
    leads = [each[a] - each[b] for a, b in zip(arms[::2], arms[1::2], strict=True)]
    return (lambda seed, sentence: np.min(leads, axis=0)[seed]), 0


def of_links(values: dict, primary: dict):
    once, ours = primary["arms"]
    (only,) = values[once].values()
    theirs = np.array(only["counts"])
    tables = np.array([values[ours][str(seed)]["counts"] for seed in primary["seeds"]])

    def rate(counts: np.ndarray) -> np.ndarray:
        right, links, gold = counts.sum(axis=-2).T
        return 1 - 2 * right / (links + gold)

    def numbers(seed: np.ndarray, sentence: np.ndarray) -> np.ndarray:
        return rate(theirs[sentence]) - rate(tables[np.ix_(seed, sentence)])

    return numbers, len(theirs)


def of_captions(values: dict, primary: dict):
    more, less = (
        np.array([values[arm][str(seed)]["bleu"] for seed in primary["seeds"]])
        for arm in primary["arms"]
    )
    return (lambda seed, sentence: (more - less)[seed]), 0


def taken(number: str):
    primary = CLAIMS[number]["primary"]
    values = read(Path(primary["result"]).name)["values"]
    if number == "1":
        return of_answers(values, primary, range(1, 5))
    if number in ("4", "5", "6"):
        return of_answers(values, primary, range(13, 25))
    return {"2": of_bits, "3": of_needles, "7": of_links, "8": of_captions}[number](
        values, primary
    )


def chance(differences: np.ndarray) -> float:
    """How often signs alone give a mean at least as far from zero."""
    signs = np.array([*product((1, -1), repeat=len(differences))])
    means = np.abs((signs * differences).mean(axis=1))
    return float((means >= abs(differences.mean()) - 1e-12).mean())


def in_words(primary: dict, low: float, high: float, p: float) -> str:
    if high < primary["effect"]:
        return "does not hold"
    if primary["rule"] == "at least":
        held = low >= primary["effect"]
        met = all(primary["conditions"].values())
        return ("holds" if met else "holds in part") if held else "cannot tell"
    if low <= 0 or p >= 0.05:
        return "cannot tell"
    return "holds" if low >= primary["effect"] else "holds in part"


@pytest.fixture(scope="module")
def chances() -> dict[str, float]:
    """Each p as large as the number of differences that are looked at asks for."""
    alone = {}
    for number, claim in CLAIMS.items():
        if claim["primary"]["rule"] == "difference":
            numbers, sentences = taken(number)
            seeds = len(claim["primary"]["seeds"])
            alone[number] = chance(numbers(np.arange(seeds), np.arange(sentences)))
    raised, largest = {}, 0.0
    for place, number in enumerate(sorted(alone, key=alone.get)):
        largest = max(largest, min(1.0, alone[number] * (len(alone) - place)))
        raised[number] = largest
    return raised


@pytest.mark.parametrize("number", CLAIMS)
def test_the_verdict_follows_from_the_files(number, chances):
    claim = CLAIMS[number]
    primary = claim["primary"]
    numbers, sentences = taken(number)
    seeds = len(primary["seeds"])
    all_seeds, all_sentences = np.arange(seeds), np.arange(sentences)
    each = numbers(all_seeds, all_sentences)
    assert each.mean() == pytest.approx(primary["mean"])
    assert dict(zip(map(str, primary["seeds"]), each, strict=True)) == pytest.approx(
        primary["values"]
    )
    rng = np.random.default_rng(1)
    means = [
        numbers(
            rng.choice(all_seeds, seeds),
            rng.choice(all_sentences, sentences) if sentences else all_sentences,
        ).mean()
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    if low < high:  # else all agree, and the file says how far such an interval reaches
        reach = REACH * (high - low + abs(each.mean()))
        assert primary["low"] == pytest.approx(low, abs=reach)
        assert primary["high"] == pytest.approx(high, abs=reach)
    p = chances.get(number, 0.0)
    assert primary.get("p", 0.0) == pytest.approx(p)
    assert in_words(primary, primary["low"], primary["high"], p) == claim["verdict"]
