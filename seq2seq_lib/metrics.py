"""How good a model is: by sentence, by token, by length."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import sacrebleu
import torch
from sacrebleu.metrics import BLEU
from torch import Tensor

from seq2seq_lib.batching import Pair, in_order
from seq2seq_lib.model import Seq2Seq, evaluating, token_loss
from seq2seq_lib.require import Whole, option, require, shown, whole
from seq2seq_lib.tasks import Example

Tokens = Sequence[str]

# Source lengths, first and last included, that curves by length are drawn over. Where
# sources are longer (French numbers have up to 27 words), more of the same width follow.
LENGTH_BUCKETS = ((1, 4), (5, 8), (9, 12), (13, 16), (17, 20), (21, 24))


def _same_number(**sides: Sequence[object]) -> None:
    """Raise a ValueError unless two lists are equally long, and not empty."""
    for name, side in sides.items():
        wrong = f"Give a list of {name}, even of one; got the text {shown(side)}."
        require(not isinstance(side, str), wrong)
        require(len(side), f"There is nothing to score: got no {name}.")
    (one, n), (other, m) = ((name, len(side)) for name, side in sides.items())
    require(n == m, f"Give as many {one} as {other}, got {n} {one} and {m} {other}.")


def _matches(hypotheses: Sequence[Tokens], references: Sequence[Tokens]) -> list[bool]:
    """For each sentence, whether it is right in every token."""
    _same_number(hypotheses=hypotheses, references=references)
    pairs = list(zip(hypotheses, references, strict=True))
    mixed = [(h, r) for h, r in pairs if isinstance(h, str) != isinstance(r, str)]
    require(
        not mixed,
        f"A text and a list of tokens never match; split or join one of {shown(mixed)}.",
    )
    return [tuple(hyp) == tuple(ref) for hyp, ref in pairs]


def exact_match(hypotheses: Sequence[Tokens], references: Sequence[Tokens]) -> float:
    """Share of sentences that are right in every token, from 0 to 1.

    Raises:
        ValueError: the numbers of sentences differ or are 0, or a text meets tokens.
    """
    matches = _matches(hypotheses, references)
    return sum(matches) / len(matches)


def _length_buckets(longest: int) -> list[tuple[int, int]]:
    """``LENGTH_BUCKETS``, continued until ``longest`` lies in one."""
    low, high = LENGTH_BUCKETS[-1]
    width = high - low + 1
    more = range(high + 1, longest + 1, width)
    return [*LENGTH_BUCKETS, *((low, low + width - 1) for low in more)]


class LengthBucket(NamedTuple):
    """The sentences of one range of source lengths.

    Args:
        low: shortest source length of the bucket.
        high: longest source length of the bucket.
        sentences: number of sentences.
        accuracy: share of them that is right in every token; NaN when there is none.
    """

    low: int
    high: int
    sentences: int
    accuracy: float

    @property
    def name(self) -> str:
        """The range as text, such as ``5-8``."""
        return f"{self.low}-{self.high}"


def exact_match_by_length(
    sources: Sequence[Tokens],
    hypotheses: Sequence[Tokens],
    references: Sequence[Tokens],
    buckets: Sequence[tuple[int, int]] | None = None,
) -> list[LengthBucket]:
    """Exact match in every bucket of source lengths.

    Args:
        sources: what was translated; only their lengths count.
        hypotheses: what the model said.
        references: what it should have said.
        buckets: shortest and longest length of each bucket, both included. Default:
            ``LENGTH_BUCKETS``, and as many more of their width as the sources need.

    Raises:
        ValueError: as ``exact_match``; a source is a text, or lies in no bucket.
    """
    matches = _matches(hypotheses, references)
    _same_number(sources=sources, hypotheses=hypotheses)
    # One character is one token, however it is written.
    texts = [src for src in sources if isinstance(src, str) and len(src) != 1]
    require(not texts, f"A source is a list of tokens; split the texts {shown(texts)}.")
    if buckets is None:
        buckets = _length_buckets(max(map(len, sources)))
    right: dict[tuple[int, int], list[bool]] = {(low, high): [] for low, high in buckets}
    for src, match in zip(sources, matches, strict=True):
        its = [b for b in right if b[0] <= len(src) <= b[1]]
        require(its, f"A source of {len(src)} tokens lies in no bucket of {list(right)}.")
        right[its[0]].append(match)
    return [
        LengthBucket(low, high, len(r), sum(r) / len(r) if r else math.nan)
        for (low, high), r in right.items()
    ]


@torch.no_grad()
def loss_per_token(model: Seq2Seq, pairs: Sequence[Pair], batch_size: Whole = 256) -> float:
    """Mean cross-entropy in nats per target token, EOS included, teacher-forced.

    Every token counts once. (The mean of the batches' means would count a token in a
    short sentence for more.)

    Raises:
        ValueError: there is no pair, or ``batch_size`` is not positive.
    """
    total, tokens = 0.0, 0
    with evaluating(model):
        for batch in in_order(pairs, batch_size):
            batch = batch.to(model.device)
            total += token_loss(model(batch).logits, batch, reduction="sum").item()
            tokens += batch.n_tokens
    require(tokens, "There is nothing to score: got no pairs.")
    return total / tokens


def perplexity(model: Seq2Seq, pairs: Sequence[Pair], batch_size: Whole = 256) -> float:
    """The exponential of the loss per token: between how many tokens it wavers.

        perplexity = exp(- 1/N sum over all N target tokens of log p(y_t | y_(<t), x))

    A model that knows nothing has the vocabulary's size; a perfect one has 1. It is
    infinite where no float can hold it, and NaN where the loss is.
    """
    loss = loss_per_token(model, pairs, batch_size)
    try:
        return math.exp(loss)
    except OverflowError:  # from a loss of about 709.8 on
        return math.inf


def _texts(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Raise a ValueError unless these are two lists of texts that can be compared."""
    _same_number(hypotheses=hypotheses, references=references)
    others = [text for text in (*hypotheses, *references) if not isinstance(text, str)]
    require(not others, f"Sentences are texts here; join the tokens of {shown(others)}.")


def bleu(
    hypotheses: Sequence[str], references: Sequence[str], tokenize: str = "13a"
) -> float:
    """Corpus BLEU from 0 to 100, by ``sacrebleu`` (Papineni et al. 2002; Post 2018).

    It is a mean over runs of one to four words, so hypotheses that are all shorter than
    four words have BLEU 0, even where every word is right. Among longer ones, a short
    sentence takes no part in the count of the longer runs.

    Args:
        hypotheses: translations as plain text.
        references: one reference for each.
        tokenize: sacrebleu's tokenizer; ``"none"`` for text that is already split.

    Raises:
        ValueError: the numbers of sentences differ or are 0, one is no text, or
            sacrebleu has no such tokenizer.
    """
    _texts(hypotheses, references)
    option("tokenize", tokenize, sorted(BLEU.TOKENIZERS))
    # force: sacrebleu otherwise warns when it is told not to split split text again.
    bleu = BLEU(tokenize=tokenize, force=True)
    return float(bleu.corpus_score(list(hypotheses), [list(references)]).score)


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus chrF from 0 to 100, by ``sacrebleu`` (Popović 2015).

    Raises:
        ValueError: the numbers of sentences differ, there are none, or one is no text.
    """
    _texts(hypotheses, references)
    return float(sacrebleu.corpus_chrf(list(hypotheses), [list(references)]).score)


def links(weights: np.ndarray | Tensor) -> frozenset[tuple[int, int]]:
    """One link for each row of weights: to the source position with the largest.

    Args:
        weights: row t is where the decoder looked for target position t, (tgt_len,
            src_len).

    Raises:
        ValueError: the weights are no table of numbers, or have no column.

    >>> sorted(links(np.array([[0.1, 0.9], [0.8, 0.2]])))
    [(0, 1), (1, 0)]
    """
    shape = tuple(getattr(weights, "shape", ()))
    require(
        len(shape) == 2 and shape[1],
        f"Weights must be a table (tgt_len, src_len) with a column, got the shape {shape}.",
    )
    return frozenset(enumerate(weights.argmax(1).tolist()))


def _plain_links(pairs: Iterable[Any]) -> set[tuple[int, int]]:
    """The links as Python ints, whether those of the pairs are NumPy's or of tensors."""
    plain = set()
    for pair in pairs:
        try:
            t, s = pair
        except (TypeError, ValueError):
            raise ValueError(
                f"A link is a pair (target position, source position), got {shown(pair)}."
            ) from None
        plain.add((whole("A target position", t), whole("A source position", s)))
    return plain


def alignment_error_rate(
    predicted: Sequence[Iterable[Iterable[Whole]]],
    examples: Sequence[Example],
    positions: Sequence[Iterable[Whole]] | None = None,
) -> float:
    """Alignment error rate (AER) over a corpus, from 0 (all right) to 1 (all wrong).

        AER = 1 - (|A and S| + |A and P|) / (|A| + |S|)

    with A the predicted links, S the sure and P the possible gold links. Our gold
    alignments are exact: every link is sure and none is merely possible, so P = S. The
    sums run over all examples before the division.

    A target word with a gold link and no predicted one counts as an error, and so does
    a predicted link of a target word that has no gold link. To score only some words,
    name their ``positions``.

    Source: Och and Ney 2003.

    Args:
        predicted: links of each example, as ``links`` makes them.
        examples: with their gold alignments.
        positions: for each example the target positions that count; all others are
            left out of A, S and P. Default: all positions of the target.

    Raises:
        ValueError: the numbers of examples differ, one has no gold alignment, a link or
            position lies outside its sentences, or there is no gold link at all.
    """
    _same_number(hypotheses=predicted, references=examples)
    if positions is None:
        positions = [range(len(e.tgt)) for e in examples]
    _same_number(positions=positions, examples=examples)
    agreeing, total, sure = 0, 0, 0
    for found, example, chosen in zip(predicted, examples, positions, strict=True):
        if example.alignment is None:
            raise ValueError("An example has no gold alignment; AER needs a task with one.")
        tgt_len, src_len = len(example.tgt), len(example.src)
        where = f"lies outside an example of {tgt_len} target and {src_len} source tokens"
        counted = {whole("A position", t) for t in chosen}
        for t in counted:
            require(0 <= t < tgt_len, f"Position {t} {where}.")
        answered = _plain_links(found)
        for t, s in answered:
            require(
                0 <= t < tgt_len and 0 <= s < src_len,
                f"The link (target {t}, source {s}) {where}; leave out EOS and padding.",
            )
        kept = {(t, s) for t, s in answered if t in counted}
        gold = {(t, s) for t, s in _plain_links(example.alignment) if t in counted}
        agreeing += len(kept & gold)
        total += len(kept)
        sure += len(gold)
    require(sure, "There is no gold link among the positions that count, so choose others.")
    return 1 - 2 * agreeing / (total + sure)
