"""How good a model is: by sentence, by token, by length."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import sacrebleu
import torch

from seq2seq_lib.batching import Pair, in_order
from seq2seq_lib.model import Seq2Seq, token_loss

Tokens = Sequence[str]

# Source lengths, first and last included, that curves by length are drawn over.
LENGTH_BUCKETS = ((1, 4), (5, 8), (9, 12), (13, 16), (17, 20), (21, 24))


def _same_number(hypotheses: Sequence[object], references: Sequence[object]) -> None:
    if len(hypotheses) != len(references):
        raise ValueError(
            "Every hypothesis needs one reference, got "
            f"{len(hypotheses)} hypotheses and {len(references)} references."
        )
    if not hypotheses:
        raise ValueError("There is nothing to score: got no hypotheses.")


def exact_match(hypotheses: Sequence[Tokens], references: Sequence[Tokens]) -> float:
    """Share of sentences that are right in every token, from 0 to 1.

    Raises:
        ValueError: the numbers of sentences differ, or there are none.
    """
    _same_number(hypotheses, references)
    pairs = zip(hypotheses, references, strict=True)
    return sum(tuple(h) == tuple(r) for h, r in pairs) / len(references)


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
    buckets: Sequence[tuple[int, int]] = LENGTH_BUCKETS,
) -> list[LengthBucket]:
    """Exact match in every bucket of source lengths.

    Args:
        sources: what was translated; only their lengths count.
        hypotheses: what the model said.
        references: what it should have said.
        buckets: shortest and longest length of each bucket, both included.

    Raises:
        ValueError: the numbers of sentences differ, there are none, or a source lies in
            no bucket.
    """
    _same_number(hypotheses, references)
    if len(sources) != len(hypotheses):
        raise ValueError(
            "Every hypothesis needs its source, got "
            f"{len(sources)} sources and {len(hypotheses)} hypotheses."
        )
    right: dict[tuple[int, int], list[bool]] = {(low, high): [] for low, high in buckets}
    for src, hyp, ref in zip(sources, hypotheses, references, strict=True):
        bucket = next((b for b in right if b[0] <= len(src) <= b[1]), None)
        if bucket is None:
            raise ValueError(
                f"A source of {len(src)} tokens lies in none of the buckets "
                f"{list(right)}; give buckets that cover all lengths."
            )
        right[bucket].append(tuple(hyp) == tuple(ref))
    return [
        LengthBucket(low, high, len(r), sum(r) / len(r) if r else math.nan)
        for (low, high), r in right.items()
    ]


@torch.no_grad()
def loss_per_token(model: Seq2Seq, pairs: Sequence[Pair], batch_size: int = 256) -> float:
    """Mean cross-entropy in nats per target token, EOS included, teacher-forced.

    Every token counts once. (The mean of the batches' means would count a token in a
    short sentence for more.)

    Raises:
        ValueError: there is no pair, or ``batch_size`` is not positive.
    """
    was_training = model.training
    model.eval()
    total, tokens = 0.0, 0
    for batch in in_order(pairs, batch_size):
        batch = batch.to(model.device)
        total += token_loss(model(batch).logits, batch, reduction="sum").item()
        tokens += batch.n_tokens
    model.train(was_training)
    if not tokens:
        raise ValueError("There is nothing to score: got no pairs.")
    return total / tokens


def perplexity(model: Seq2Seq, pairs: Sequence[Pair], batch_size: int = 256) -> float:
    """The exponential of the loss per token: between how many tokens it wavers.

        perplexity = exp(- 1/N sum over all N target tokens of log p(y_t | y_(<t), x))

    A model that knows nothing has the vocabulary's size; a perfect one has 1.
    """
    return math.exp(loss_per_token(model, pairs, batch_size))


def bleu(
    hypotheses: Sequence[str], references: Sequence[str], tokenize: str = "13a"
) -> float:
    """Corpus BLEU from 0 to 100, by ``sacrebleu`` (Papineni et al. 2002; Post 2018).

    Args:
        hypotheses: translations as plain text.
        references: one reference for each.
        tokenize: sacrebleu's tokenizer; ``"none"`` for text that is already split.

    Raises:
        ValueError: the numbers of sentences differ, or there are none.
    """
    _same_number(hypotheses, references)
    # force: sacrebleu otherwise warns when it is told not to split split text again.
    score = sacrebleu.corpus_bleu(
        list(hypotheses), [list(references)], tokenize=tokenize, force=True
    )
    return float(score.score)


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus chrF from 0 to 100, by ``sacrebleu`` (Popović 2015).

    Raises:
        ValueError: the numbers of sentences differ, or there are none.
    """
    _same_number(hypotheses, references)
    return float(sacrebleu.corpus_chrf(list(hypotheses), [list(references)]).score)
