"""Joined captions: the same content at every size, and what is measured of the answers."""

import os
from collections import Counter

import numpy as np
import pytest

from experiments import captions, coherence, joined, judge
from experiments.captions import SIZES, Joined
from experiments.declarations import ON_REAL_TEXT, SEEDS, declared
from experiments.joined import ARMS, Arm, config
from seq2seq_lib.batching import Pair
from seq2seq_lib.model import n_parameters
from seq2seq_lib.vocab import EOS, PAD

needs_captions = pytest.mark.skipif(
    not os.environ.get("SEQ2SEQ_DATA_DIR"), reason="no Multi30k: set SEQ2SEQ_DATA_DIR"
)
# Caption i says the number i, in one to three pieces.
MADE_UP = [Pair((i,) * (1 + i % 3), (i,) * (1 + i % 2)) for i in range(4, 84)]


def said(rows) -> Counter:
    """How often each caption stands in sources."""
    found = Counter()
    for row in rows:
        seen = [i for i in row if i not in (PAD, EOS)]
        starts = [i for j, i in enumerate(seen) if j == 0 or seen[j - 1] != i]
        found.update(starts)
    return found


# --- the sources -----------------------------------------------------------------------


def test_every_size_reads_every_caption_once_an_epoch():
    batches = Joined(MADE_UP, 12, seed=0)
    by_size: dict[int, Counter] = {size: Counter() for size in SIZES}
    for batch in batches.epoch(0):
        size = 12 // len(batch.src_ids)
        by_size[size] += said(batch.src_ids.tolist())
        assert said(batch.src_ids.tolist()) == said(batch.tgt_out.tolist())
    for size, found in by_size.items():
        assert max(found.values()) == 1, size
        # What does not fill a batch is left out, and nothing else.
        assert 80 - 12 < found.total() <= 80, size


def test_who_stands_beside_whom_is_drawn_anew():
    batches = Joined(MADE_UP, 12, seed=0)
    one, again, other = (
        {tuple(row) for batch in batches.epoch(n) for row in batch.src_ids.tolist()}
        for n in (0, 0, 1)
    )
    assert one == again
    assert len(one & other) < len(one) / 2
    assert len(batches) == sum(1 for _ in batches.epoch(3))


def test_a_reversed_source_is_reversed_as_a_whole():
    arm, pair = Arm("fixed", reversed=True), Pair((4, 5, 6), (7, 8))
    assert joined.read(pair, arm) == Pair((6, 5, 4), (7, 8))
    assert joined.read(pair, Arm("fixed")) == pair


@needs_captions
def test_a_block_has_the_same_captions_at_every_size():
    for split in ("valid", "test"):
        every = captions.captions(split)
        for size in SIZES:
            groups = captions.groups(split, size)
            rows = captions.BLOCK // size
            for number, block in enumerate(captions.blocks(split)):
                own = groups[number * rows : (number + 1) * rows]
                assert tuple(i for group in own for i in group) == block
            source, reference = captions.joined_texts(split, size)[1]
            assert source == " ".join(every[i].src for i in groups[1])
            assert reference == " ".join(every[i].tgt for i in groups[1])
        seen = [i for block in captions.blocks(split) for i in block]
        assert len(seen) == len(set(seen)) > len(every) - captions.BLOCK


@needs_captions
def test_pieces_spell_the_text_they_are_made_of():
    tgt = captions.subwords()[1]
    for size in (1, 4):
        texts = captions.joined_texts("test", size)[:50]
        for caption, example in zip(
            texts, captions.joined_pieces("test", size)[:50], strict=True
        ):
            assert "<unk>" in example.tgt or tgt.join(example.tgt) == caption.tgt


@needs_captions
def test_the_training_captions_fill_both_vocabularies():
    assert [len(own.vocab) for own in captions.subwords()] == [captions.PIECES] * 2


def test_the_fixed_context_has_no_fewer_parameters():
    fixed, additive = (n_parameters(config(name)) for name in ("fixed", "additive"))
    assert 1 <= fixed / additive <= 1.02
    assert {arm.attention for arm in ARMS.values()} == {"fixed", "additive"}


# --- does it hang together -------------------------------------------------------------


def test_a_run_counts_when_it_stood_before():
    found = coherence.repeated(["a b c a b c".split(), "a b c d".split(), "a b".split()])
    assert found.found == [1, 0, 0] and found.of == [4, 2, 0]
    assert found.share == pytest.approx(1 / 6)
    assert coherence.repeated([("a",)]).share == 0


@needs_captions
def test_what_nobody_said_is_dropped():
    source = coherence.words("a worker paints a ladder beside a fence .")
    whole = coherence.words("ein arbeiter streicht eine leiter neben einem zaun .")
    half = coherence.words("ein arbeiter streicht .")
    found = coherence.dropped([source] * 3, [whole, half, ()])
    assert found.found[0] == 0 < found.found[1] < found.found[2] == found.of[2]
    assert len(set(found.of)) == 1


@pytest.mark.weekly
@needs_captions
def test_a_language_model_is_surprised_by_a_shuffled_caption():
    pairs = captions.pairs("valid")[:50]
    rng = np.random.default_rng(0)
    shuffled = [rng.permutation(pair.tgt).tolist() for pair in pairs]
    real = coherence.surprise([pair.tgt for pair in pairs], updates=60)
    mixed = coherence.surprise(shuffled, updates=60)
    assert real.of == mixed.of == [len(pair.tgt) + 1 for pair in pairs]
    assert real.share < mixed.share


# --- how it is judged ------------------------------------------------------------------


@pytest.mark.parametrize("number", ON_REAL_TEXT)
def test_what_real_text_is_judged_by_was_declared(number):
    declaration = ON_REAL_TEXT[number]
    assert not declaration.after_looking and declaration.contradicts and declaration.known
    # With seven pairs a sign-flip test reaches 2 / 128, which Holm may double.
    assert declaration.seeds == SEEDS[:7] and declaration.rule == "difference"
    assert declared("joined")[str(number)] == declaration.digest
    assert number in judge.ON_REAL_TEXT


def of_sizes(levels: dict[int, float]) -> dict:
    """chrF that is the same in all sources of a size: two blocks."""
    return {"chrf": {str(k): [level] * (24 // k) for k, level in levels.items()}}


@pytest.mark.parametrize("alone", [50.0, 42.5])
def test_the_slope_is_points_for_twice_as_many_captions(alone):
    declaration = ON_REAL_TEXT[8]
    level = {1: 0.0, 2: 1.0, 3: np.log2(3), 4: 2.0}
    stored = {
        "additive": {s: of_sizes(dict.fromkeys(SIZES, alone)) for s in map(str, SEEDS[:7])},
        "fixed": {
            s: of_sizes({k: 42 - 3 * level[k] for k in SIZES}) for s in map(str, SEEDS[:7])
        },
    }
    found = judge.steeper_fall(stored, declaration)
    assert found.numbers == pytest.approx(np.full(7, 3.0))
    assert found.sentences == 2
    assert found.conditions == (alone >= 43,)


def test_surprise_is_nats_over_pieces_and_the_conditions_are_the_other_two():
    def seed(nats: list[float], repeated: int, dropped: int) -> dict:
        of = {
            "surprise": {"found": nats, "of": [10, 30]},
            "repeated": {"found": [repeated, 0], "of": [5, 5]},
            "dropped": {"found": [0, dropped], "of": [4, 4]},
        }
        return {"sentences": of}

    seeds = list(map(str, SEEDS[:7]))
    stored = {
        "fixed": {s: seed([40.0, 80.0], 2, 1) for s in seeds},
        "additive": {s: seed([20.0, 60.0], 1, 2) for s in seeds},
    }
    found = judge.less_surprising(stored, ON_REAL_TEXT[9])
    assert found.numbers == pytest.approx(np.full(7, 3.0 - 2.0))
    assert found.per_seed(np.array([0])) == pytest.approx(np.full(7, 4.0 - 2.0))
    assert found.conditions == (True, False)
