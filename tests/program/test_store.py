"""A corpus on disk, and the batches that are drawn from it."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from seq2seq_lib.batching import Pair, collate
from seq2seq_lib.translate import store
from seq2seq_lib.translate.batches import TokenBatches
from seq2seq_lib.translate.store import Store
from seq2seq_lib.translate.subwords import Subwords

WORDS = "one two three four five six seven eight nine ten".split()


def corpus(n: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(5)
    return [
        tuple(" ".join(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(2))
        for _ in range(n)
    ]


@pytest.fixture(scope="module")
def subwords() -> tuple[Subwords, Subwords]:
    sides = zip(*corpus(300), strict=True)
    return tuple(Subwords.learn(side, 110) for side in sides)


@pytest.fixture(scope="module")
def stored(subwords, tmp_path_factory) -> Store:
    return store.write(tmp_path_factory.mktemp("c") / "corpus", corpus(300), subwords, 50)


def test_what_is_stored_is_what_was_given(stored, subwords, monkeypatch, tmp_path):
    sides = zip(*corpus(300), strict=True)
    wanted = [its.encode(side) for its, side in zip(subwords, sides, strict=True)]
    for side in (0, 1):
        assert [row.tolist() for row in stored.rows(side, range(300))] == wanted[side]
    facts = stored.facts
    assert facts.pairs == len(stored) == 300
    assert facts.pieces == tuple(sum(map(len, side)) for side in wanted)
    assert facts.largest == tuple(max(map(max, side)) for side in wanted)
    monkeypatch.setattr(store, "CHUNK", 7)
    again = store.write(tmp_path / "corpus", corpus(300), subwords, 50)
    assert [r.tolist() for r in again.rows(1, range(300))] == wanted[1]


def test_long_pairs_are_left_out_and_counted(subwords, tmp_path):
    pairs = [("one two", "two"), ("one " * 60, "two"), ("one", "two " * 60)]
    found = store.write(tmp_path / "corpus", pairs, subwords, 50)
    assert (found.facts.pairs, found.facts.too_long) == (1, 2)
    with pytest.raises(ValueError, match="All 2 pairs have more than 50 subwords"):
        store.write(tmp_path / "none", pairs[1:], subwords, 50)
    assert not (tmp_path / "none").exists() and not list(tmp_path.glob(".*"))


def test_a_corpus_that_is_not_whole_is_told(subwords, tmp_path):
    store.write(tmp_path / "corpus", corpus(9), subwords, 50)
    (tmp_path / "corpus" / "src.ids").write_bytes(b"")
    with pytest.raises(ValueError, match="does not hold a whole tokenised corpus"):
        Store(tmp_path / "corpus")


def test_a_disk_that_fills_leaves_nothing_half(subwords, tmp_path):
    def pairs():
        yield from corpus(20)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.write(tmp_path / "corpus", pairs(), subwords, 50)
    assert not list(tmp_path.iterdir())


# --- batches ---------------------------------------------------------------------------


def _rows(batch) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [
        (tuple(s[s > 0].tolist()), tuple(t[t > 0].tolist()))
        for s, t in zip(batch.src_ids, batch.tgt_out, strict=True)
    ]


def test_an_epoch_holds_every_pair_once_in_batches_that_are_full(stored):
    batches = TokenBatches(stored, 120, seed=4)
    found = list(batches.epoch(0))
    assert len(found) == len(batches)
    its = [row for batch in found for row in _rows(batch)]
    wanted = zip(*(list(stored.rows(side, range(300))) for side in (0, 1)), strict=True)
    assert Counter(its) == Counter((tuple(s.tolist()), (*t.tolist(), 2)) for s, t in wanted)
    for batch in found:
        longest = max(batch.src_ids.shape[1], batch.tgt_in.shape[1])
        assert len(batch) * longest <= 120 or len(batch) == 1
    full = sum(len(b) * max(b.src_ids.shape[1], b.tgt_in.shape[1]) > 80 for b in found)
    assert full > 0.9 * len(found)


def test_a_batch_is_that_of_collate(stored):
    for batch in TokenBatches(stored, 90).epoch(1):
        same = collate([Pair(s, t[:-1]) for s, t in _rows(batch)])
        for name in ("src_ids", "src_lengths", "tgt_in", "tgt_out"):
            assert torch.equal(getattr(batch, name), getattr(same, name))


def test_the_order_depends_on_seed_and_epoch_alone(stored):
    def order(seed: int, epoch: int) -> list:
        return [_rows(batch) for batch in TokenBatches(stored, 120, seed).epoch(epoch)]

    assert order(4, 0) == order(4, 0)
    assert order(4, 0) != order(4, 1) and order(4, 0) != order(5, 0)
    assert len(order(4, 0)) == len(order(4, 1))


def test_a_pair_that_is_longer_than_a_batch_has_its_own(stored):
    sizes = {len(batch) for batch in TokenBatches(stored, 1).epoch(0)}
    assert sizes == {1}


MEMORY = """
import sys
import numpy as np
from pathlib import Path
import json
folder, n = Path(sys.argv[1]), int(sys.argv[2])
folder.mkdir()
rng = np.random.default_rng(0)
for side in ("src", "tgt"):
    lengths = rng.integers(4, 20, n)
    np.save(folder / f"{side}.ends", np.cumsum(lengths))
    np.save(folder / f"{side}.ids", rng.integers(4, 900, lengths.sum(), dtype=np.uint16))
    for name in ("ends", "ids"):
        (folder / f"{side}.{name}.npy").rename(folder / f"{side}.{name}")
facts = {"pairs": n, "too_long": 0, "checksum": 0, "largest": [899, 899]}
facts |= {"unknown": [0, 0], "pieces": [0, 0]}
(folder / "corpus.json").write_text(json.dumps(facts))
"""
PASS = """
import resource, sys
from pathlib import Path
import torch
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.translate.batches import TokenBatches
from seq2seq_lib.translate.store import Store
batches = TokenBatches(Store(Path(sys.argv[1])), 1_500)
updates = int(sys.argv[2])
model = build_model(ModelConfig(900, 900, emb_dim=16, enc_hidden=16, dec_hidden=16))
fit(model, batches, TrainConfig(updates), progress=False)
tokens = sum(batch.n_tokens for batch in batches.epoch(0))
print(len(batches), tokens, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(folder: Path, pairs: int, updates: int) -> int:
    """Kilobytes that updates and one pass of the loader take, in a process of their own."""
    where = str(folder / str(pairs))
    for code, more in ((MEMORY, str(pairs)), (PASS, str(updates))):
        done = subprocess.run(
            [sys.executable, "-c", code, where, more], capture_output=True, text=True
        )
        assert not done.returncode, done.stderr
    return int(done.stdout.split()[-1])


DAILY, WEEKLY = (3_000, 60_000), (30_000, 3_000_000)  # pairs


def test_the_page_says_what_is_measured():
    page = (Path(__file__).parents[2] / "own-corpus.md").read_text(encoding="utf8")
    for few, many in (DAILY, WEEKLY):
        assert (
            f"{many:,} pairs against {few:,} in" in page
            or f"{many:,} against {few:,} once" in page
        )


@pytest.mark.slow
def test_twenty_times_the_corpus_takes_hardly_more_memory(tmp_path):
    few, many = (peak(tmp_path, pairs, 20) for pairs in DAILY)
    assert many < 1.5 * few


@pytest.mark.weekly
@pytest.mark.timeout(3_600)
def test_three_million_pairs_take_half_as_much_memory_again_as_thirty_thousand(tmp_path):
    few, many = (peak(tmp_path, pairs, 200) for pairs in WEEKLY)
    assert many < 1.5 * few, f"{many / few:.2f} times the memory"
