"""Does a translation hang together? Three numbers that need no reference (claim 6).

    surprise    nats per piece that a language model has to be told of an answer: a decoder
                that is told nothing of any source, trained on the target side alone. It
                knows how captions are worded, and nothing of what this one should say.
    repeated    share of an answer's runs of three words that stood in it before
    dropped     share of the source's rarer words that no word of the answer is linked to
                by IBM Model 1, the silver aligner, trained on the training set. Rarer words
                are known to it, and not among the 100 most frequent (which make up two
                thirds of all).

A fluent answer can be an invention, and a complete one can stammer; so no number stands
for the others. Each is kept for every sentence, with what it is a share of.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from experiments import ibm1
from experiments.captions import PIECES, captions, pairs
from seq2seq_lib.batching import Batches, Pair, collate, encode
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model, evaluating
from seq2seq_lib.tasks import Example, multi30k
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.vocab import UNK, Vocab

RUN = 3  # words
FREQUENT = 100  # source words that carry little
LONGEST = 25  # words of a pair that the silver aligner is trained on
UPDATES, LR, BATCH_SIZE = 1_000, 3e-3, 96  # of the language model
NOTHING = (UNK,)  # the source that says nothing


class Shares(NamedTuple):
    """A number for each sentence, and what it is a share of."""

    found: list[float]
    of: list[int]

    @property
    def share(self) -> float:
        """Of all sentences together."""
        return sum(self.found) / max(1, sum(self.of))


def repeated(answers: Sequence[Sequence[str]]) -> Shares:
    """Runs of three words that stood in the same answer before."""
    found, of = [], []
    for words in answers:
        runs = [tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)]
        found.append(len(runs) - len(set(runs)))
        of.append(len(runs))
    return Shares(found, of)


# --- dropped ------------------------------------------------------------------------------


def words(text: str) -> tuple[str, ...]:
    """A text in words and punctuation marks."""
    return multi30k.tokenize(text)


@cache
def _words_of_training() -> tuple[Example, ...]:
    pairs = (Example(words(c.src), words(c.tgt)) for c in captions("train"))
    return tuple(e for e in pairs if max(len(e.src), len(e.tgt)) <= LONGEST)


@cache
def silver() -> tuple[Vocab, Vocab, np.ndarray]:
    """Both vocabularies of words, and p(target word | source word)."""
    train = _words_of_training()
    vocabs = multi30k.vocabs(train)
    return *vocabs, ibm1.fit(encode(train, *vocabs))


@cache
def frequent() -> frozenset[str]:
    """The source words that carry little."""
    seen = Counter(word for example in _words_of_training() for word in example.src)
    return frozenset(word for word, _ in seen.most_common(FREQUENT))


def dropped(sources: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> Shares:
    """Rarer words of the sources that no word of the answer is linked to."""
    src_vocab, tgt_vocab, probabilities = silver()
    known = {word for word in src_vocab.tokens if word.isalpha()}
    found, of = [], []
    for source, answer in zip(sources, answers, strict=True):
        pair = Pair(tuple(src_vocab.encode(source)), tuple(tgt_vocab.encode(answer)))
        linked = {s for _, s in ibm1.links(probabilities, pair)}
        # Of equal words the aligner takes the first, which then stands for all.
        spoken = {source[s] for s in linked}
        rarer = [w for w in source if w in known and w not in frequent()]
        found.append(sum(word not in spoken for word in rarer))
        of.append(len(rarer))
    return Shares(found, of)


# --- surprise -----------------------------------------------------------------------------


@cache
def language_model(updates: int = UPDATES) -> Seq2Seq:
    """A decoder that knows the target side of the training set, and no source."""
    config = ModelConfig(PIECES, PIECES, "fixed", 96, 128, 128, dropout=0.3, output="tied")
    model = build_model(config, seed=0)
    train = [Pair(NOTHING, pair.tgt) for pair in pairs("train")]
    batches = Batches(train, BATCH_SIZE, seed=0)
    with torch.enable_grad():
        fit(model, batches, TrainConfig(updates, lr=LR), progress=False)
    return model


@torch.no_grad()
def surprise(answers: Sequence[Sequence[int]], updates: int = UPDATES) -> Shares:
    """Nats of each answer, given in ids of pieces, and its pieces, EOS included."""
    model, found = language_model(updates), []
    with evaluating(model):
        for start in range(0, len(answers), BATCH_SIZE):
            rows = answers[start : start + BATCH_SIZE]
            batch = collate([Pair(NOTHING, tuple(row)) for row in rows])
            log_probs = model(batch).logits.log_softmax(dim=-1)
            told = log_probs.gather(-1, batch.tgt_out[..., None])[..., 0]
            nats = -(told * batch.tgt_mask).sum(dim=1)
            found += [round(value, 2) for value in nats.tolist()]
    return Shares(found, [len(answer) + 1 for answer in answers])
