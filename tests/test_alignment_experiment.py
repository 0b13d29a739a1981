"""What chapter 10's experiment measures, and what its stored result claims."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from experiments import alignment, number_words
from experiments.engine.results import read_results
from experiments.recipes import RECIPES
from seq2seq_lib.model import build_model, n_parameters
from seq2seq_lib.tasks import Splits, make_splits
from seq2seq_lib.tasks.numbers import Numbers

LOOKING = [name for name, arm in alignment.arms().items() if arm.attention != "fixed"]


# --- how it measures -------------------------------------------------------------------


@pytest.fixture(autouse=True)
def small_splits(monkeypatch):
    """The same test split without a training set, which nothing here reads."""
    for cached in (alignment.pairs, alignment.aligned, alignment.positions):
        cached.cache_clear()
    monkeypatch.setattr(alignment, "splits", small)
    yield
    for cached in (alignment.pairs, alignment.aligned, alignment.positions):
        cached.cache_clear()


@cache
def small(tgt_lang: str) -> Splits:
    task = Numbers("en", tgt_lang)
    return make_splits(task, train=0, per_length=12, lengths=range(1, 10))


def test_there_are_ten_examples_of_each_length():
    lengths = [len(e.src) for e in alignment.aligned("de")]
    assert max(lengths.count(length) for length in lengths) == 10
    assert set(lengths) == set(range(1, 10))


@pytest.mark.parametrize("lang", ["de", "fr"])
def test_the_gold_alignment_has_no_errors_but_for_words_without_gold(lang):
    gold = [e.alignment for e in alignment.aligned(lang)]
    rates = alignment.error_rates(gold, lang)
    assert rates == {"content": 0.0, "function": 0.0, "gold": 0.0, "every": 0.0}


def test_content_and_function_words_are_all_words_with_gold():
    chosen = alignment.positions("de")
    for e, content, function, gold in zip(
        alignment.aligned("de"),
        chosen["content"],
        chosen["function"],
        chosen["gold"],
        strict=True,
    ):
        assert sorted(content + function) == gold == sorted({t for t, _ in e.alignment})
        assert {e.tgt[t] for t in range(len(e.tgt)) if t not in gold} <= {"und"}


def test_a_row_goes_to_the_word_written_or_to_the_word_read():
    example = alignment.aligned("de")[-1]
    steps = len(example.tgt) + 1
    rows = np.eye(steps, len(example.src))[:, ::-1]
    best = rows.argmax(axis=1)
    assert alignment.as_written(rows, example) == {(t, best[t]) for t in range(steps - 1)}
    assert alignment.as_read(rows, example) == {(t - 1, best[t]) for t in range(1, steps)}


def test_each_table_has_a_row_for_each_word_and_the_end():
    model = build_model(alignment.config(alignment.Arm("additive")))
    for what in ("weights", "gradient"):
        found = alignment.tables(model, "de", what)
        for table, e in zip(found, alignment.aligned("de"), strict=True):
            assert table.shape == (len(e.tgt) + 1, len(e.src))


def test_all_models_of_a_language_are_of_one_size():
    for lang in ("de", "fr"):
        sizes = [
            n_parameters(alignment.config(arm))
            for arm in alignment.arms().values()
            if arm.tgt_lang == lang
        ]
        assert max(sizes) <= 1.02 * min(sizes)


# --- what is stored --------------------------------------------------------------------


def seeds(arm: str) -> list[dict]:
    return list(read_results("alignment")["values"][arm].values())


@pytest.mark.parametrize("query", ["before", "after"])
def test_additive_attention_aligns_the_content_words(query):
    for seed in seeds(f"additive, {query}"):
        assert seed["aer"]["content"] < 0.147  # a dictionary that takes the first of equals
        assert seed["aer_off_by_one"]["content"] > 0.4


def test_every_arm_that_can_look_beats_the_diagonal_on_content_words():
    for arm in LOOKING:
        if arm != "uniform":
            for seed in seeds(arm):
                assert seed["aer"]["content"] < seed["aer_of_the_diagonal"]["content"]


def test_alignment_is_learned_and_the_curve_ends_where_the_result_stands():
    for seed in seeds("additive, before"):
        assert [point["update"] for point in seed["curve"]] == list(alignment.MOMENTS)
        assert seed["curve"][0]["aer"]["content"] > 0.8
        assert seed["curve"][-1]["aer"] == seed["aer"]
        assert seed["curve"][0]["entropy"] > 2 * seed["entropy"]


def test_the_model_needs_its_weights_but_not_every_row_does():
    for seed in seeds("additive, before"):
        for edit in ("uniform", "frozen", "shifted", "shuffled", "erased"):
            assert max(list(seed["interventions"][edit].values())[2:]) < 0.05
        sieben, hundert = (seed["words"][word] for word in ("sieben", "hundert"))
        assert sieben["changed"] > 0.3 > 0.1 > sieben["changed_by_second"]
        assert hundert["aligned"] > 0.7
        assert hundert["changed"] < 0.15


def test_chapter_10_trains_what_the_experiment_trained():
    chapter = Path(__file__).parents[1] / "chapters" / "10-alignment.ipynb"
    code = "\n".join(
        "".join(cell["source"])
        for cell in json.loads(chapter.read_text())["cells"]
        if cell["cell_type"] == "code"
    )
    pairs, per_length = number_words.TRAIN_PAIRS, number_words.PER_LENGTH
    assert f"train={pairs:_}, per_length={per_length}" in code
    lr = RECIPES["additive", 96].lr
    assert f"TrainConfig({number_words.UPDATES}, lr={lr}, seed=0)" in code
    assert f", {number_words.BATCH_SIZE}, seed=0)" in code
