"""Chapter 06: the probe and the gradient by hand are the library's."""

import numpy as np
import pytest
import torch
from by_hand import chapter_path, run_taught
from torch.testing import assert_close

from seq2seq_lib.batching import collate
from seq2seq_lib.probing import gradient_norms, linear_probe


@pytest.fixture(scope="module")
def taught():
    return run_taught(chapter_path("06"))


@pytest.mark.parametrize("seed", [0, 3])
def test_the_probe_by_hand_is_the_librarys(taught, seed):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, size=300)
    features = rng.normal(size=(300, 7)) * np.arange(1, 8)
    features[:, 2] += 3 * labels
    expected = linear_probe(features, labels, seed).accuracy
    assert taught["probe_by_hand"](features, labels, seed) == expected
    assert 0.3 < expected < 1.0


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_gradient_by_hand_is_the_librarys(
    taught, make_model, many_pairs, attention, bidirectional
):
    dot = {"dec_hidden": 17} if attention.startswith("dot") and not bidirectional else {}
    model = make_model(attention, bidirectional=bidirectional, **dot)
    batch = collate([pair for pair in many_pairs if len(pair.src) == 5])
    assert len(batch) > 1
    norms = gradient_norms(model, batch)
    for step in range(2):
        answered = batch.tgt_mask[:, step]
        by_hand = taught["gradient_by_hand"](model, batch, step)
        assert_close(by_hand[answered], norms[answered, step])
    assert torch.all(norms[:, 0] > 0)
