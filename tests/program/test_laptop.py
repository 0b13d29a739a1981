"""What ten minutes buy is counted as a reader counts them."""

import time
from dataclasses import replace

import pytest
from small_program import SMALL

from experiments import laptop
from experiments.laptop import Timed, affordable
from seq2seq_lib.translate.preparing import Options


def test_what_fits_leaves_time_for_preparation_and_evaluations():
    # 2 seconds an update; 30 seconds of all else, of which 2.5 times as much will be.
    assert affordable(Timed(150.0, 120.0, 60), 600.0) == (600 - 75) // 2
    assert affordable(Timed(1_000.0, 1.0, 60), 600.0) == 1


@pytest.mark.parametrize("architecture", ["recurrent", "transformer"])
def test_a_training_ends_in_its_time_and_is_asked(files, monkeypatch, architecture):
    monkeypatch.setattr(laptop, "TRIAL", 3)
    told: list[Options] = []

    def timed(out, files, options):
        told.append(options)
        # As if this machine made nine updates and their evaluations in its time.
        found = laptop_timed(out, files, options)
        return found if len(told) == 2 else Timed(2.0, 1.0, 3)

    laptop_timed = laptop.timed
    monkeypatch.setattr(laptop, "timed", timed)
    sizes = {"emb_dim": 12, "hidden": 12, "heads": None, "layers": None}
    options = replace(SMALL, architecture=architecture, **sizes)
    start = time.perf_counter()
    found = laptop.measure(files, files, options, limit=5.7)
    assert found["updates"] == told[1].updates == 9 and told[1].evaluate_every == 3
    assert found["minutes_of_updates"] <= found["minutes"]
    assert 60 * found["minutes"] <= time.perf_counter() - start + 0.5
    assert found["test_sentences"] == 400 and found["test_bleu"] >= 0
