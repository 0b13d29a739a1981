"""The experiments on real sentences: what they read, and how they count."""

import os
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from experiments import multi30k, multi30k_pairs, sink_captions, translators, unseen
from experiments.multi30k import BUCKETS, by_length, diagonal, disagreement, of_rows
from seq2seq_lib.batching import Pair
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.translate import folder
from seq2seq_lib.translate.subwords import Subwords
from seq2seq_lib.vocab import UNK

needs_captions = pytest.mark.skipif(
    not os.environ.get("SEQ2SEQ_DATA_DIR"), reason="no Multi30k: set SEQ2SEQ_DATA_DIR"
)


@pytest.fixture
def a_translator(tmp_path_factory):
    """The folder of a translator that nobody has trained."""
    out = tmp_path_factory.mktemp("one")
    pieces = Subwords.learn(["a b c d e f"] * 3, 100)
    config = ModelConfig(len(pieces.vocab), len(pieces.vocab), "fixed", 6, 7, 7)
    model = build_model(config, 0)
    folder.write_frame(out, folder.Translator(model, pieces, pieces, True))
    facts = {"frame": folder.frame_digest(out)}
    folder.write_weights(out / folder.WEIGHTS, model.state_dict(), facts)
    return out


# --- counting ----------------------------------------------------------------------------


def test_every_length_of_a_reference_lies_in_one_bucket():
    for length in range(1, 100):
        assert sum(low <= length <= high for low, high in BUCKETS) == 1


def test_bleu_by_length_scores_each_bucket_alone():
    short, long = "a b c d e", " ".join("abcdefghijkl")
    found = by_length([short, "x y"], [short, long])
    assert found["1-9"] == {"sentences": 1, "bleu": 100.0}
    assert found["10-14"] == {"sentences": 1, "bleu": 0.0}
    assert found["15-19"] == {"sentences": 0, "bleu": None}


def test_disagreement_is_one_minus_twice_what_both_have():
    silver = [frozenset({(0, 0), (1, 1)}), frozenset({(0, 2)})]
    assert disagreement(silver, silver) == 0
    assert disagreement([frozenset({(0, 1)}), frozenset()], silver) == 1
    half = [frozenset({(0, 0), (1, 0)}), frozenset({(0, 2)})]
    assert disagreement(half, silver) == pytest.approx(1 - 4 / 6, abs=1e-4)


def test_a_diagonal_goes_from_the_first_piece_to_the_last():
    square = diagonal(Pair((5, 6, 7), (5, 6, 7)))
    assert square == {(0, 0), (1, 1), (2, 2)}
    wide = diagonal(Pair(tuple(range(10)), (4, 5)))
    assert wide == {(0, 2), (1, 7)}


def test_links_of_some_words_are_those_of_their_rows():
    found = [frozenset({(0, 3), (1, 4)}), frozenset({(0, 5)})]
    assert of_rows(found, lambda i, t: (i, t) == (0, 1)) == [{(1, 4)}, frozenset()]


def test_words_that_training_never_showed_are_counted_as_they_run():
    train = ["A dog runs.", "a dog sits."]  # a, dog, runs, sits, and a full stop
    pieces = Subwords.learn([text.lower() for text in train] * 3, 100)
    found = unseen.of_side(pieces, train, ["A cat sits.", "A dog ж"])
    assert found["words"] == 5 and found["once"] == 2
    assert found["unseen"] == found["outside"] == pytest.approx(2 / 7, abs=1e-5)
    ids = [i for row in pieces.encode(["a cat sits.", "a dog ж"]) for i in row]
    assert found["pieces_per_word"] == pytest.approx(len(ids) / 7, abs=1e-4)
    assert found["unknown"] == pytest.approx(ids.count(UNK) / len(ids), abs=1e-6)
    assert UNK in ids  # no letter of the training text


# --- the program's experiments -----------------------------------------------------------


def test_a_training_is_measured_ten_times_at_least():
    for updates in (50, *multi30k_pairs.UPDATES.values(), multi30k.UPDATES):
        every = translators.options("recurrent", updates, 1e-3, 0).evaluate_every
        assert every <= translators.EVERY and 10 <= -(-updates // every) <= 50


def test_a_translator_is_shipped_small_and_anew(monkeypatch, tmp_path, a_translator):
    monkeypatch.setattr(translators, "SHIPPED", tmp_path)
    (tmp_path / "fixed").mkdir()
    (tmp_path / "fixed" / "old").write_text("of another run")
    found = translators.ship(a_translator, "fixed")
    assert {path.name for path in (tmp_path / "fixed").iterdir()} == {
        folder.CONFIG,
        folder.WEIGHTS,
        *folder.SIDES,
    }
    said = found.translate(["a b"], beam=1)
    assert len(said) == 1


@needs_captions
def test_a_smaller_part_lies_within_a_larger_one(monkeypatch):
    rows = []
    for pairs in (30, 70):
        with multi30k_pairs.part(pairs) as (files, text):
            sides = [path.read_text(encoding="utf8").splitlines() for path in files]
        assert sides == text and [len(side) for side in sides] == [pairs, pairs]
        assert not files.src.exists()
        rows.append(list(zip(*sides, strict=True)))
    assert rows[1][:30] == rows[0]
    everything = set(zip(*multi30k.texts("train"), strict=True))
    assert everything.issuperset(rows[1])
    assert not set(multi30k.texts("train")[0][:30]) >= {src for src, _ in rows[0]}


class Stares(nn.Module):
    """Gives each place of a source the weight 1, 2, 3, ... divided by their sum."""

    def forward(self, batch):
        places = torch.arange(1, batch.src_ids.shape[1] + 1) * batch.src_mask
        weights = places / places.sum(dim=1, keepdim=True)
        steps = batch.tgt_out.shape[1]
        return SimpleNamespace(weights=weights[:, None].expand(-1, steps, -1).float())


def test_the_weight_of_the_last_piece_is_that_of_the_last_real_one():
    pairs = [Pair((7, 8), (5,)), Pair((7, 8, 9, 7), (5, 6, 5))]
    found = sink_captions.looks(Stares(), pairs)
    # Of two places the last has 2/3, in two steps; of four it has 4/10, in four.
    assert found["last"] == pytest.approx((2 * 2 / 3 + 4 * 0.4) / 6, abs=1e-5)
    assert found["at_end"] == pytest.approx((2 / 3 + 0.4) / 2, abs=1e-5)
    assert found["even"] == pytest.approx((2 * 1 / 2 + 4 * 1 / 4) / 6, abs=1e-5)
    assert found["largest"] == 1
