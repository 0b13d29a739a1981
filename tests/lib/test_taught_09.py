"""Chapter 9: Luong's decoder all at once is the library's."""

from typing import Any

import pytest
import torch
from by_hand import chapter_path, run_taught
from torch.testing import assert_close

from seq2seq_lib.batching import collate, encode
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.tasks.numbers import Numbers


@pytest.fixture(scope="module")
def by_hand() -> dict[str, Any]:
    """What the chapter defines, by name."""
    return run_taught(chapter_path("09"))


@pytest.mark.parametrize("attention", ["additive", "general", "location"])
def test_all_steps_at_once_are_the_librarys(by_hand, attention):
    task = Numbers()
    vocabs = task.vocabs()
    pairs = encode([task.example(n) for n in (7, 914_327, 21)], *vocabs)
    batch = collate(pairs)
    sizes = dict(emb_dim=5, enc_hidden=6, dec_hidden=7)
    config = ModelConfig(*map(len, vocabs), attention, wiring="luong", **sizes)
    model = build_model(config, seed=3)
    with torch.no_grad():
        encoded = model.encoder(batch.src_ids, batch.src_lengths)
        ours = by_hand["luong_at_once"](model.decoder, batch.tgt_in, encoded)
        assert_close(ours, model(batch).logits)
