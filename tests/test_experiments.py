"""The stored results: what they claim, whether they are stale, and one seed again."""

import json
import math
import os
import re
from importlib import import_module
from operator import itemgetter
from pathlib import Path

import pytest
import torch

from experiments import (
    bits,
    bits_tuning,
    caption_tuning,
    grids,
    joined,
    joined_tuning,
    live_training,
    multi30k_small,
    number_words,
    recipes,
    teacher_forcing,
)
from experiments.engine import Experiment, parts, runs
from experiments.engine.job import Job
from experiments.engine.results import RESULTS, read_results
from seq2seq_lib.model import ModelConfig, build_model, n_parameters
from seq2seq_lib.page import right_by_length
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.numbers import Numbers

ROOT = RESULTS.parent
MODULES = {
    path.stem: import_module(f"experiments.{path.stem}")
    for path in sorted((ROOT / "experiments").glob("*.py"))
}
EXPERIMENTS = {
    name: module.experiment()
    for name, module in MODULES.items()
    if hasattr(module, "experiment")
}
# Experiments whose first result is not whole yet; what has finished lies in results/parts.
UNDER_WAY = frozenset(
    "joined sink_captions multi30k multi30k_pairs multi30k_tuning".split()
)

# What carries a claim has five seeds; these arms carry none, and say so where they stand.
FEWER_SEEDS = {
    ("alignment", "French"),
    ("alignment", "IBM Model 1"),
    ("bits", ", 16"),
    ("bits", ", 32"),
    ("bits_tuning", ""),
    ("recipe_tuning", ""),
    ("scoring_longer", ""),
    ("scoring_tuning", ""),
    ("caption_tuning", ""),
    ("ablations", "updates"),
    ("joined", "fixed, "),
    ("live_training", ""),
    ("joined_tuning", ""),
    ("distance", "two-way"),
    ("distance_tuning", ""),
    ("sink", ""),
    ("surface", ""),
    ("multi30k", ""),
    ("multi30k_tuning", ""),
    ("transformer_tuning", ""),
    ("teacher_forcing", ", lr "),
}

MADE = [name for name in EXPERIMENTS if name not in UNDER_WAY]
each = pytest.mark.parametrize("name", MADE)


def test_every_experiment_is_part_of_make_results():
    commands = {name for name, module in MODULES.items() if hasattr(module, "main")}
    names = {*EXPERIMENTS, *commands}
    makefile = (ROOT / "Makefile").read_text()
    listed = (
        makefile.split("EXPERIMENTS := ")[1].replace("\\\n", " ").split("\n")[0].split()
    )
    assert set(listed) == names and len(EXPERIMENTS) > 10
    assert listed.index("ledger") > max(listed.index(name) for name in EXPERIMENTS)


def test_every_module_that_is_no_command_is_used_by_others():
    """What is shared stands beside the experiments; the machinery has its own folder."""
    shared = {
        name
        for name, module in MODULES.items()
        if not (hasattr(module, "experiment") or hasattr(module, "main"))
    }
    for name in shared - {"__init__"}:
        used = rf"from experiments(\.{name} import| import .*\b{name}\b)"
        modules = (ROOT / "experiments").glob("*.py")
        assert any(re.search(used, path.read_text()) for path in modules), name


@each
def test_a_result_is_whole_so_no_parts_of_it_are_left(name):
    assert read_results(name).get("complete", True) is True
    assert parts.read(name) == []


@each
def test_a_result_says_how_it_was_made(name):
    run = read_results(name)["run"]
    assert run["command"] == f"python -m experiments.{name}"
    assert {"python", "torch", "seq2seq_lib"} <= run["versions"].keys()


@pytest.mark.parametrize("name", sorted(UNDER_WAY))
def test_what_is_under_way_has_no_whole_result_yet(name):
    assert not runs.is_whole(EXPERIMENTS[name]), f"take {name} out of UNDER_WAY"


@pytest.mark.parametrize("name", sorted(UNDER_WAY))
def test_finished_parts_are_of_todays_configuration(name):
    for part in parts.read(name):
        where = f"{part.arm}, seed {part.seed} of {name}"
        assert part.configuration == EXPERIMENTS[name].configuration_digest, where
        assert part.seed in EXPERIMENTS[name].seeds[part.arm], where


@each
def test_a_result_is_what_todays_configuration_and_code_ask_for(name):
    found = runs.stored(EXPERIMENTS[name])
    assert found["values"].keys() == EXPERIMENTS[name].seeds.keys()
    assert read_results(name)["run"]["code"] == EXPERIMENTS[name].fingerprint, (
        f"Code that decides the numbers has changed since results/{name}.json was made; "
        f"run `python -m experiments.{name} --confirm`, or without it if that fails."
    )


@each
def test_there_are_five_seeds_where_something_is_claimed(name):
    for arm, seeds in EXPERIMENTS[name].seeds.items():
        if not any(name == n and part in arm for n, part in FEWER_SEEDS):
            assert len(seeds) >= 5, arm


# One arm of each experiment, trained for its first updates.
AGAIN = {name: next(iter(e.seeds)) for name, e in EXPERIMENTS.items()}
AGAIN["caption_tuning"] = "fixed, lr 0.01"
AGAIN["bits_tuning"] = "packed, lr 0.003"


def again(name: str) -> tuple[Experiment, str, int]:
    """An experiment with the arm and the seed that are trained again."""
    experiment, arm = EXPERIMENTS[name], AGAIN[name]
    if experiment.needs_data and not os.environ.get("SEQ2SEQ_DATA_DIR"):
        pytest.skip("no Multi30k: set SEQ2SEQ_DATA_DIR")
    return experiment, arm, int(next(iter(read_results(name)["values"][arm])))


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_one_seed_again_falls_into_the_stored_band(name):
    experiment, arm, seed = again(name)
    found = runs.opening_loss(experiment, Job(arm, seed, quick=True, opening=True))
    stored = read_results(name)["values"][arm].values()
    losses = [values["opening_loss"] for values in stored]
    spread = max(max(losses) - min(losses), runs.TOLERANCE * max(losses))
    assert min(losses) - spread <= found <= max(losses) + spread


@pytest.mark.weekly
@pytest.mark.parametrize("name", MADE)
def test_a_quick_run_measures_as_the_whole_one_did(name):
    experiment, arm, seed = again(name)
    found = experiment.run(Job(arm, seed, quick=True))
    whole = read_results(name)["values"][arm][str(seed)]
    assert found.keys() == whole.keys()


# --- fair fights -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["comparison", "extrapolation", "multi30k_small"])
def test_the_losing_side_has_no_fewer_parameters_and_the_same_updates(name):
    values = read_results(name)["values"]
    for seed, additive in values["additive"].items():
        fixed = values["fixed"][seed]
        assert 1 <= fixed["parameters"] / additive["parameters"] <= 1.02
        assert fixed["updates"] == additive["updates"]


def test_stored_parameter_counts_are_those_of_the_configurations():
    for name in ("ablations", "surface"):
        if name in UNDER_WAY:
            continue
        stored = read_results(name)
        for arm, how in stored["run"]["configuration"]["arms"].items():
            if arm.split(",")[0] not in ("fixed", "additive"):
                continue  # an edited model
            parameters = n_parameters(ModelConfig(**how["model"]))
            for seed in stored["values"][arm].values():
                assert seed["parameters"] == parameters


def test_each_model_is_trained_with_the_rate_that_tuning_chose_for_it():
    for model in caption_tuning.MODELS:
        assert multi30k_small.RATES[model] == caption_tuning.best_rate(model)
    page = read_results("live_models")["values"]["additive"]
    assert page["lr"] == live_training.RATE
    for kind, rate in bits.RATES.items():
        assert rate == bits_tuning.best_rate(kind)
    for model, rate in joined.RATES.items():
        assert rate == joined_tuning.best(model)


def test_a_rate_at_the_edge_of_its_grid_is_refused(monkeypatch):
    losses = {"a": (2.0, 2.0), "b": (1.0, 3.5), "c": (1.0, 1.0)}
    stored = {
        arm: {"100": {"loss": x}, "101": {"loss": y}} for arm, (x, y) in losses.items()
    }
    monkeypatch.setattr(grids, "read_results", lambda name: {"values": stored})
    loss = itemgetter("loss")
    assert grids.best_rate("some", "me", {"a": 0.1, "c": 0.2, "b": 0.3}, loss) == 0.2
    with pytest.raises(ValueError, match="'me' is 0.3, at the edge.*experiments/some.py"):
        grids.best_rate("some", "me", {"a": 0.1, "b": 0.2, "c": 0.3}, loss)


# --- what the pages say ----------------------------------------------------------------


def test_attention_reaches_its_promise_and_the_fixed_context_falls_behind():
    values = read_results("ablations")["values"]
    for seed, additive in values["additive, 96"].items():
        reached = right_by_length(additive["hits"])
        fixed = right_by_length(values["fixed, 96"][seed]["hits"])
        assert min(reached.values()) >= 0.95
        assert reached["21-24"] - fixed["21-24"] >= 0.5


def test_chapter_8_trains_what_the_experiment_trained():
    chapter = Path(__file__).parents[1] / "chapters" / "08-additive-attention.ipynb"
    code = "\n".join(
        "".join(cell["source"])
        for cell in json.loads(chapter.read_text())["cells"]
        if cell["cell_type"] == "code"
    )
    pairs, per_length = number_words.TRAIN_PAIRS, number_words.PER_LENGTH
    assert f"train={pairs:_}, per_length={per_length}" in code
    recipe = recipes.RECIPES["fixed", 96]
    assert f"TrainConfig(updates={number_words.UPDATES}, lr=1e-2, seed=0)" in code
    assert recipes.RECIPES["additive", 96] == (1e-2, 0.0)
    assert recipe.lr == 1e-2 and f"bias_update_gates(fixed, {recipe.gate})" in code
    assert f"batch_size={number_words.BATCH_SIZE}, seed=0" in code


def test_real_sentences_keep_the_order_of_the_stored_bleu():
    values = read_results("multi30k_small")["values"]
    for seed, additive in values["additive"].items():
        assert additive["bleu"] > values["fixed"][seed]["bleu"]


# --- corners ---------------------------------------------------------------------------


def test_the_perplexity_of_a_diverged_model_is_infinite(monkeypatch):
    few = make_splits(Numbers(), train=0, per_length=1, lengths=[3])
    monkeypatch.setattr(teacher_forcing, "splits", lambda: few)
    model = build_model(number_words.config("fixed"))
    with torch.no_grad():
        model.decoder.output.bias[0] = 1e6
    assert teacher_forcing.token_scores(model, 1.0)["perplexity"] == math.inf
