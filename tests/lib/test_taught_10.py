"""Chapter 10: links and alignment error rate by hand are the library's."""

import random
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from by_hand import chapter_path, run_taught

from experiments import ibm1
from seq2seq_lib.batching import encode
from seq2seq_lib.metrics import alignment_error_rate, links
from seq2seq_lib.tasks.numbers import Numbers


@pytest.fixture(scope="module")
def by_hand() -> dict[str, Any]:
    """What the chapter defines, by name."""
    return run_taught(chapter_path("10"))


def test_the_links_by_hand_are_the_librarys(by_hand):
    rng = np.random.default_rng(0)
    for tgt_len, src_len in ((7, 5), (1, 3), (11, 1)):
        weights = rng.dirichlet(np.ones(src_len), tgt_len)
        assert by_hand["links_by_hand"](weights) == links(weights)


def test_the_error_rate_by_hand_is_the_librarys(by_hand):
    rng = random.Random(0)
    examples = [Numbers().example(rng.randrange(1, 10**12)) for _ in range(13)]
    predicted = [
        frozenset((t, rng.randrange(len(e.src))) for t in range(len(e.tgt)))
        | frozenset(rng.sample(sorted(e.alignment), len(e.alignment) // 2))
        for e in examples
    ]
    golds = [e.alignment for e in examples]
    everywhere = [range(len(e.tgt)) for e in examples]
    some = [sorted(rng.sample(range(len(e.tgt)), (len(e.tgt) + 1) // 2)) for e in examples]
    for counted in (everywhere, some):
        ours = by_hand["aer_by_hand"](predicted, golds, counted)
        assert 0 < ours < 1
        assert ours == pytest.approx(alignment_error_rate(predicted, examples, counted))
    assert alignment_error_rate(predicted, examples) == pytest.approx(
        by_hand["aer_by_hand"](predicted, golds, everywhere)
    )


def test_the_counts_by_hand_are_those_of_ibm_model_1(by_hand):
    task, rng = Numbers(), random.Random(1)
    examples = [task.example(rng.randrange(1, 10**6)) for _ in range(23)]
    src_vocab, tgt_vocab = task.vocabs()
    pairs = [(("-", *e.src), e.tgt) for e in examples]
    found: Any = defaultdict(lambda: defaultdict(lambda: 1.0))
    for rounds in range(1, 4):
        found = by_hand["count_again"](pairs, found)
        theirs = ibm1.fit(encode(examples, src_vocab, tgt_vocab), rounds)
        for word, row in found.items():
            column = ibm1.NULL if word == "-" else src_vocab.encode([word])[0]
            ids = tgt_vocab.encode(list(row))
            assert list(row.values()) == pytest.approx(theirs[ids, column].tolist())
