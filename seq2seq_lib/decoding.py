"""From a trained model to sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seq2seq_lib.batching import check_batch_size, pad
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.vocab import BOS, EOS, PAD, Vocab


@dataclass(frozen=True)
class Decoded:
    """A batch of decoded sequences.

    Args:
        ids: the chosen ids, EOS included, PAD after it, (batch, tgt_len).
        weights: where each step looked, zero after EOS, (batch, tgt_len, src_len).
        finished: whether EOS was reached before ``max_len``, (batch,).
    """

    ids: Int64[Tensor, "batch tgt_len"]
    weights: Float[Tensor, "batch tgt_len src_len"]
    finished: Tensor


@torch.no_grad()
def greedy(
    model: Seq2Seq,
    src_ids: Int64[Tensor, "batch src_len"],
    src_lengths: Int64[Tensor, " batch"],
    max_len: int,
) -> Decoded:
    """Choose the most probable token at every step, for a whole batch at once.

        y_t = argmax over v of p(v | y_(<t), x)

    Stops as soon as every sequence has said EOS.

    Args:
        model: decoded without dropout, whatever mode it is in.
        src_ids: padded source ids, on the model's device.
        src_lengths: number of real tokens of each source.
        max_len: the most tokens to write, EOS included.

    Raises:
        ValueError: ``max_len`` is not positive.
    """
    if max_len < 1:
        raise ValueError(f"max_len must be at least 1, got {max_len}.")
    was_training = model.training
    model.eval()
    encoded = model.encoder(src_ids, src_lengths)
    decoder = model.decoder
    memory = decoder.attention.memory(encoded)
    dec_state = decoder.initial_state(encoded)
    prev_ids = src_ids.new_full((len(src_ids),), BOS)
    done = torch.zeros_like(prev_ids, dtype=torch.bool)
    ids, weights = [], []
    for _ in range(max_len):
        step = decoder.step(prev_ids, dec_state, memory)
        dec_state = step.dec_state
        prev_ids = step.logits.argmax(dim=-1).masked_fill(done, PAD)
        ids.append(prev_ids)
        weights.append(step.weights.masked_fill(done[:, None], 0.0))
        done = done | (prev_ids == EOS)
        if done.all():
            break
    model.train(was_training)
    return Decoded(torch.stack(ids, dim=1), torch.stack(weights, dim=1), done)


@dataclass(frozen=True)
class Translation:
    """One translated sentence.

    Args:
        src: the source tokens.
        tokens: the target tokens, without EOS.
        weights: row t is where the decoder looked before it wrote token t; the last row
            is that of EOS where the sentence was finished. (tgt_len, src_len), or
            (tgt_len, 1) for a fixed context, which has one slot only.
        finished: whether the decoder said EOS in time.
    """

    src: tuple[str, ...]
    tokens: tuple[str, ...]
    weights: np.ndarray
    finished: bool


def _check_vocab(side: str, vocab: Vocab, expected: int) -> None:
    if len(vocab) != expected:
        raise ValueError(
            f"The model's {side} vocabulary has {expected} tokens but the one given has "
            f"{len(vocab)}; give the vocabularies that the model was built for."
        )


def translate(
    model: Seq2Seq,
    sources: Sequence[Sequence[str]],
    src_vocab: Vocab,
    tgt_vocab: Vocab,
    batch_size: int = 256,
    max_len: int | None = None,
) -> list[Translation]:
    """Translate token sequences greedily; answers come in the order of ``sources``.

    Sentences of similar length are decoded together, which wastes no work on padding
    and, because attention ignores padding, changes no answer.

    Args:
        model: a trained model.
        sources: source tokens of each sentence, or ``example.src`` of each example.
        src_vocab: the vocabulary that the model reads.
        tgt_vocab: the vocabulary that it writes.
        batch_size: sentences decoded at once.
        max_len: the most tokens of one answer, EOS included; by default twice the
            longest source of the batch and 10 more.

    Raises:
        ValueError: a source is empty or has an unknown token, a vocabulary is not the
            model's, or ``batch_size`` is not positive.
    """
    check_batch_size(batch_size)
    _check_vocab("source", src_vocab, model.encoder.embedding.num_embeddings)
    _check_vocab("target", tgt_vocab, model.decoder.embedding.num_embeddings)
    rows = [src_vocab.encode(src) for src in sources]
    if [] in rows:
        raise ValueError(
            f"Source {rows.index([])} is empty; every source needs at least one token."
        )
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    answers: dict[int, Translation] = {}
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        src_ids = pad([rows[i] for i in chosen])
        src_lengths = torch.tensor([len(rows[i]) for i in chosen])
        limit = 2 * src_ids.shape[1] + 10 if max_len is None else max_len
        decoded = greedy(model, src_ids.to(model.device), src_lengths, limit)
        all_ids = decoded.ids.tolist()
        finished = decoded.finished.tolist()
        for i, ids, weights, done in zip(
            chosen, all_ids, decoded.weights.cpu(), finished, strict=True
        ):
            steps = ids.index(EOS) + 1 if EOS in ids else len(ids)
            answers[i] = Translation(
                src=tuple(sources[i]),
                tokens=tuple(tgt_vocab.decode(ids)),
                weights=weights[:steps, : len(sources[i])].numpy(),
                finished=done,
            )
    return [answers[i] for i in range(len(rows))]
