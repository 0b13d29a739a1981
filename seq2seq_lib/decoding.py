"""From a trained model to sentences."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seq2seq_lib.attention import Memory
from seq2seq_lib.batching import pad
from seq2seq_lib.decoder import Writer, words_only
from seq2seq_lib.model import Seq2Seq, evaluating
from seq2seq_lib.precision import at_least_float32
from seq2seq_lib.require import number, require, shown, whole
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
    decoders: Mapping[int, Writer] | None = None,
) -> Decoded:
    """Choose the most probable token at every step, for a whole batch at once.

        y_t = argmax over v of p(v | y_(<t), x)        v neither PAD nor BOS

    Stops as soon as every sequence has said EOS.

    Args:
        model: decoded without dropout, whatever mode it is in.
        src_ids: padded source ids, on the model's device.
        src_lengths: number of real tokens of each source.
        max_len: the most tokens to write, EOS included.
        decoders: who writes instead of the model's own decoder at some steps, counted
            from 0.

    Raises:
        ValueError: ``max_len`` is no whole number or not positive.
    """
    max_len = whole("max_len", max_len, at_least=1)
    writers = decoders or {}
    with evaluating(model):
        encoded = model.encoder(src_ids, src_lengths)
        memory = model.decoder.attention.memory(encoded)
        dec_state = model.decoder.initial_state(encoded)
        prev_ids = src_ids.new_full((len(src_ids),), BOS)
        done = torch.zeros_like(prev_ids, dtype=torch.bool)
        ids, weights = [], []
        for t in range(max_len):
            step = writers.get(t, model.decoder).step(prev_ids, dec_state, memory)
            dec_state = step.dec_state
            prev_ids = words_only(step.logits).argmax(dim=-1).masked_fill(done, PAD)
            ids.append(prev_ids)
            weights.append(step.weights.masked_fill(done[:, None], 0.0))
            done = done | (prev_ids == EOS)
            if done.all():
                break
    return Decoded(torch.stack(ids, dim=1), torch.stack(weights, dim=1), done)


def length_normalised(
    score: Float[Tensor, "*rows"], length: Int64[Tensor, "*rows"], length_penalty: float
) -> Float[Tensor, "*rows"]:
    """What beams are compared by: log p(y | x) / length ** length_penalty.

    A log-probability falls with every token, so without a penalty (0) short answers are
    favoured; with 1 the mean per token decides. ``length`` counts EOS.

    Source: Wu et al. 2016, section 7; we leave out their constant 5 and the coverage.
    """
    return score / length.to(score.dtype) ** length_penalty


@torch.no_grad()
def beam_search(
    model: Seq2Seq,
    src_ids: Int64[Tensor, "batch src_len"],
    src_lengths: Int64[Tensor, " batch"],
    max_len: int,
    beam_size: int = 4,
    length_penalty: float = 0.0,
) -> Decoded:
    """Keep the best few beginnings at every step, for a whole batch at once.

        score(y) = sum over t of log p(y_t | y_(<t), x)

    Every kept beginning is prolonged by every token but PAD and BOS; the ``beam_size``
    best of all these are kept. One that has said EOS is finished and competes as it is,
    so finished and unfinished ones are compared by ``length_normalised``. A row stops
    when no unfinished beginning is left among its best, or at ``max_len``; the answer is
    the best finished one, or the best unfinished one where none is.

    With a beam of one this is greedy search; with a beam that holds every sequence it is
    exhaustive.

    Args:
        model, src_ids, src_lengths, max_len: as in ``greedy``.
        beam_size: how many beginnings are kept for each source.
        length_penalty: see ``length_normalised``.

    Raises:
        ValueError: ``max_len``, ``beam_size`` or ``length_penalty`` is out of range.
    """
    max_len = whole("max_len", max_len, at_least=1)
    beam_size = whole("beam_size", beam_size, at_least=1)
    length_penalty = number("length_penalty", length_penalty, at_least=0)
    batch, device = len(src_ids), src_ids.device

    # One memory and one state per beam; row r of the batch owns rows r * beam to (r + 1) *
    # beam.
    owner = torch.arange(batch, device=device).repeat_interleave(beam_size)

    with evaluating(model):
        decoder = model.decoder
        encoded = model.encoder(src_ids, src_lengths)
        memory = Memory(*(part[owner] for part in decoder.attention.memory(encoded)))
        dec_state = decoder.initial_state(encoded)[owner]  # (batch * beam, dec_hidden)
        scores = torch.full((batch, beam_size), -math.inf, device=device)
        scores[:, 0] = 0.0  # one empty beginning; equal copies would fill the beam
        lengths = torch.zeros(batch, beam_size, dtype=torch.long, device=device)
        done = torch.zeros(batch, beam_size, dtype=torch.bool, device=device)
        prev_ids = src_ids.new_full((batch * beam_size,), BOS)
        ids = src_ids.new_zeros(batch * beam_size, 0)
        weights = encoded.states.new_zeros(batch * beam_size, 0, memory.mask.shape[1])
        first_row = torch.arange(batch, device=device)[:, None] * beam_size

        for _ in range(max_len):
            step = decoder.step(prev_ids, dec_state, memory)
            # (batch * beam, vocab)
            log_probs = words_only(at_least_float32(step.logits).log_softmax(dim=-1))
            vocab = log_probs.shape[-1]
            # A finished answer has one continuation: PAD, at no cost.
            padding = torch.full_like(log_probs[0], -math.inf)
            padding[PAD] = 0.0
            log_probs = torch.where(done.view(-1, 1), padding, log_probs)
            candidates = scores[:, :, None] + log_probs.view(batch, beam_size, vocab)
            grown = (lengths + ~done)[:, :, None].expand_as(candidates)
            ranked = length_normalised(candidates, grown, length_penalty)
            best = ranked.flatten(1).topk(beam_size, dim=1).indices  # (batch, beam)
            parent, token = best // vocab, best % vocab
            rows = (first_row + parent).flatten()  # (batch * beam,)
            looked = step.weights[rows].masked_fill(done.flatten()[rows][:, None], 0.0)
            scores = candidates.flatten(1).gather(1, best)
            lengths = (lengths + ~done).gather(1, parent)
            done = done.gather(1, parent) | (token == EOS)
            prev_ids, dec_state = token.flatten(), step.dec_state[rows]
            ids = torch.cat([ids[rows], prev_ids[:, None]], dim=1)
            weights = torch.cat([weights[rows], looked[:, None]], dim=1)
            if done.all():
                break

    final = length_normalised(scores, lengths, length_penalty)
    final = final.masked_fill(~done & done.any(dim=1, keepdim=True), -math.inf)
    winner = (first_row[:, 0] + final.argmax(dim=1)).flatten()
    longest = int(lengths.flatten()[winner].max())
    return Decoded(ids[winner, :longest], weights[winner, :longest], done.flatten()[winner])


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


def source_ids(
    model: Seq2Seq, sources: Sequence[Sequence[str]], src_vocab: Vocab, tgt_vocab: Vocab
) -> list[list[int]]:
    """The ids of every source; sources are lists of known tokens, vocabularies the model's.

    Raises:
        ValueError: something does not.
    """
    for side, vocab, part in (
        ("source", src_vocab, model.encoder),
        ("target", tgt_vocab, model.decoder),
    ):
        expected = part.embedding.num_embeddings
        require(
            len(vocab) == expected,
            f"The model's {side} vocabulary has {expected} tokens, the one given has "
            f"{len(vocab)}; give the one that the model was built for.",
        )
    for i, source in enumerate(sources):
        is_list = isinstance(source, Iterable) and not isinstance(source, str)
        require(
            is_list and all(isinstance(token, str) for token in source),
            f"Source {i} must be a sequence of tokens, got {shown(source)}; split a text.",
        )
        require(len(source), f"Source {i} is empty; every source needs at least one token.")
    return [src_vocab.encode(source) for source in sources]


def to_words(
    decoded: Decoded, sources: Sequence[Sequence[str]], tgt_vocab: Vocab
) -> list[Translation]:
    """A decoded batch as sentences, one for each source."""
    weights = at_least_float32(decoded.weights).cpu().numpy()
    answers = []
    for src, ids, looked in zip(sources, decoded.ids.tolist(), weights, strict=True):
        tokens, finished = tuple(tgt_vocab.decode(ids)), EOS in ids
        looked = looked[: len(tokens) + finished, : len(src)]
        answers.append(Translation(tuple(src), tokens, looked, finished))
    return answers


def translate(
    model: Seq2Seq,
    sources: Sequence[Sequence[str]],
    src_vocab: Vocab,
    tgt_vocab: Vocab,
    batch_size: int = 256,
    max_len: int | None = None,
    beam_size: int = 1,
    length_penalty: float = 0.0,
) -> list[Translation]:
    """Translate token sequences; answers come in the order of ``sources``.

    Sentences of similar length are decoded together, which wastes no work on padding
    and, because attention ignores padding, changes no answer.

    Args:
        model: a trained model.
        sources: source tokens of each sentence, or ``example.src`` of each example.
        src_vocab, tgt_vocab: the vocabularies that it reads and writes.
        batch_size: sentences decoded at once.
        max_len: the most tokens of one answer, EOS included; by default twice the
            longest source of the batch and 10 more.
        beam_size: 1 searches greedily, more with ``beam_search``.
        length_penalty: of the beam search.

    Raises:
        ValueError: a source or vocabulary does not fit, or a number is out of range.
    """
    batch_size = whole("batch_size", batch_size, at_least=1)
    search: Callable[..., Decoded] = greedy
    if whole("beam_size", beam_size, at_least=1) > 1:
        search = partial(beam_search, beam_size=beam_size, length_penalty=length_penalty)
    rows = source_ids(model, sources, src_vocab, tgt_vocab)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    answers: dict[int, Translation] = {}
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        src_ids = pad([rows[i] for i in chosen]).to(model.device)
        src_lengths = torch.tensor([len(rows[i]) for i in chosen])
        limit = 2 * src_ids.shape[1] + 10 if max_len is None else max_len
        decoded = search(model, src_ids, src_lengths, limit)
        said = to_words(decoded, [sources[i] for i in chosen], tgt_vocab)
        answers.update(zip(chosen, said, strict=True))
    return [answers[i] for i in range(len(rows))]
