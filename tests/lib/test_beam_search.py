"""Beam search: greedy with a beam of one, exhaustive with a beam of everything."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from seq2seq_lib.batching import collate, encode
from seq2seq_lib.decoding import beam_search, greedy, length_normalised, translate
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.vocab import BOS, EOS, PAD

TINY = 6  # ids: PAD, BOS, EOS, UNK and two words
MAX_LEN = 3


FED = {"wiring": "luong", "input_feeding": True}


@pytest.fixture(
    params=[
        ("additive", {}, 3),
        ("fixed", {}, 3),
        ("coverage", {}, 4),
        ("coverage", {"query": "after"}, 4),
        ("coverage", FED, 4),
        ("local_m", {"window": 1}, 6),
        ("general", FED, 6),
        ("multi_head", {"wiring": "luong", "heads": 11}, 3),
    ],
    ids=lambda param: " ".join(map(str, [param[0], *param[1].values()])),
)
def tiny(request):
    """A model with few enough sequences to score them all, and loud enough to differ."""
    name, how, seed = request.param
    config = ModelConfig(23, TINY, name, emb_dim=5, enc_hidden=7, dec_hidden=11, **how)
    model = build_model(config, seed).eval()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(4.0)
    return model


def all_answers(max_len: int) -> list[tuple[int, ...]]:
    """Every answer of at most ``max_len`` ids: words, and EOS at the end."""
    others = [i for i in range(TINY) if i not in (PAD, BOS, EOS)]
    return [
        (*start, EOS)
        for length in range(max_len)
        for start in itertools.product(others, repeat=length)
    ]


def log_probability(model, batch, row: int, answer: tuple[int, ...]) -> float:
    """log p(answer | source) by teacher forcing."""
    length = int(batch.src_lengths[row])
    encoded = model.encoder(batch.src_ids[row : row + 1, :length], torch.tensor([length]))
    tgt_in = torch.tensor([[BOS, *answer[:-1]]])
    log_probs = model.decoder.unroll(tgt_in, encoded).logits[0].log_softmax(dim=-1)
    return sum(log_probs[t, token].item() for t, token in enumerate(answer))


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_beam_that_holds_everything_is_exhaustive(tiny, batch, length_penalty):
    decoded = beam_search(
        tiny, batch.src_ids, batch.src_lengths, MAX_LEN, TINY**MAX_LEN, length_penalty
    )
    candidates = all_answers(MAX_LEN)
    for row in range(3):
        best = max(
            candidates,
            key=lambda a: (
                log_probability(tiny, batch, row, a) / len(a) ** length_penalty  # noqa: B023
            ),
        )
        found = [i for i in decoded.ids[row].tolist()[: len(best)]]
        assert tuple(found) == best
        assert decoded.finished[row]


def naive_beam(model, encoded, max_len: int, beam_size: int) -> list[int]:
    """Beam search for one source; every beginning is read again from its first token."""
    kept = [(0.0, ())]
    for _ in range(max_len):
        found = []
        for score, ids in kept:
            if EOS in ids:
                found.append((score, ids))
                continue
            logits = model.decoder.unroll(torch.tensor([[BOS, *ids]]), encoded).logits
            for token, log_p in enumerate(logits[0, -1].log_softmax(dim=-1).tolist()):
                if token not in (PAD, BOS):
                    found.append((score + log_p, (*ids, token)))
        kept = sorted(found, reverse=True)[:beam_size]
        if all(EOS in ids for _, ids in kept):
            break
    return list(max((EOS in ids, score, ids) for score, ids in kept)[2])


def test_a_beam_is_that_of_a_loop_which_carries_nothing_from_step_to_step(tiny, batch):
    """Whatever the decoder remembers follows the beginning that it belongs to."""
    decoded = beam_search(tiny, batch.src_ids, batch.src_lengths, 9, beam_size=3)
    greedily = greedy(tiny, batch.src_ids, batch.src_lengths, 9)
    for row, length in enumerate(batch.src_lengths.tolist()):
        ids = batch.src_ids[row : row + 1, :length]
        encoded = tiny.encoder(ids, torch.tensor([length]))
        for found, beam_size in ((decoded, 3), (greedily, 1)):
            expected = naive_beam(tiny, encoded, 9, beam_size)
            assert [i for i in found.ids[row].tolist() if i != PAD] == expected


def test_a_small_beam_misses_what_an_exhaustive_one_finds(tiny, batch):
    """Otherwise the test above would pass for greedy search too."""
    args = (tiny, batch.src_ids, batch.src_lengths, MAX_LEN)
    wide, narrow = beam_search(*args, TINY**MAX_LEN), greedy(*args)
    width = min(wide.ids.shape[1], narrow.ids.shape[1])
    assert not torch.equal(wide.ids[:, :width], narrow.ids[:, :width])


def test_a_beam_of_one_is_greedy(overfit, reversal, attention):
    model, _ = overfit(attention)
    batch = collate(encode(*reversal))
    expected = greedy(model, batch.src_ids, batch.src_lengths, max_len=9)
    found = beam_search(model, batch.src_ids, batch.src_lengths, 9, beam_size=1)
    assert torch.equal(found.ids, expected.ids)
    assert torch.equal(found.finished, expected.finished)
    assert_close(found.weights, expected.weights)


def test_rows_do_not_disturb_each_other(make_model, batch):
    model = make_model("additive")
    together = beam_search(model, batch.src_ids, batch.src_lengths, 7, beam_size=5)
    for row, length in enumerate(batch.src_lengths.tolist()):
        alone = beam_search(
            model, batch.src_ids[row : row + 1, :length], torch.tensor([length]), 7, 5
        )
        width = alone.ids.shape[1]
        assert torch.equal(together.ids[row, :width], alone.ids[0])
        assert_close(together.weights[row, :width, :length], alone.weights[0])
        assert not together.ids[row, width:].any()


def test_the_weights_belong_to_the_answer(tiny, batch):
    decoded = beam_search(tiny, batch.src_ids, batch.src_lengths, 7, beam_size=3)
    encoded = tiny.encoder(batch.src_ids, batch.src_lengths)
    tgt_in = torch.cat([torch.full((3, 1), BOS), decoded.ids[:, :-1]], dim=1)
    expected = tiny.decoder.unroll(tgt_in, encoded).weights
    for row, ids in enumerate(decoded.ids.tolist()):
        steps = ids.index(EOS) + 1 if EOS in ids else len(ids)
        assert_close(decoded.weights[row, :steps], expected[row, :steps])
        assert not decoded.weights[row, steps:].any()


def test_a_length_penalty_favours_longer_answers():
    scores = torch.tensor([-2.0, -3.0])
    lengths = torch.tensor([2, 6])
    assert length_normalised(scores, lengths, 0.0).argmax() == 0
    assert length_normalised(scores, lengths, 1.0).argmax() == 1
    assert_close(length_normalised(scores, lengths, 1.0), torch.tensor([-1.0, -0.5]))


def test_translate_passes_the_beam_on(overfit, reversal):
    model, _ = overfit("additive")
    examples, src_vocab, tgt_vocab = reversal
    sources = [e.src for e in examples]
    answers = translate(model, sources, src_vocab, tgt_vocab, beam_size=3)
    assert [a.src for a in answers] == sources
    right = sum(a.tokens == e.tgt for a, e in zip(answers, examples, strict=True))
    assert right >= 0.9 * len(examples)


def test_dropout_is_off_and_the_mode_is_put_back(make_model, batch):
    model = make_model("additive", dropout=0.5).train()
    args = (model, batch.src_ids, batch.src_lengths, 5)
    assert torch.equal(beam_search(*args).ids, beam_search(*args).ids)
    assert model.training


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"max_len": 0}, "max_len"),
        ({"beam_size": 0}, "beam_size"),
        ({"length_penalty": -1.0}, "length_penalty"),
        ({"length_penalty": math.nan}, "length_penalty"),
        ({"beam_size": True}, "beam_size"),
        ({"beam_size": 4.0}, "beam_size"),
    ],
)
def test_numbers_out_of_range_are_named(make_model, batch, wrong, said, no_shape_checks):
    arguments = {"max_len": 3, "beam_size": 2, "length_penalty": 0.0, **wrong}
    with pytest.raises(ValueError, match=said):
        beam_search(make_model("additive"), batch.src_ids, batch.src_lengths, **arguments)
