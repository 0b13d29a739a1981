"""Chapter 05: the searches and the free run built by hand are those of the library."""

from itertools import product
from typing import Any

import pytest
import torch
from by_hand import chapter_path, run_taught
from torch.testing import assert_close

from seq2seq_lib.decoding import beam_search, translate
from seq2seq_lib.vocab import BOS, EOS, PAD, Vocab

SRC_VOCAB = Vocab(f"s{i}" for i in range(23 - 4))
TGT_VOCAB = Vocab(f"t{i}" for i in range(29 - 4))


@pytest.fixture(scope="module")
def by_hand() -> dict[str, Any]:
    """What the chapter defines, by name."""
    return run_taught(chapter_path("05"))


@pytest.fixture
def search(by_hand):
    """``search(model, src, src_vocab, tgt_vocab, width, penalty)``: the beam by hand."""

    def run(model, src, src_vocab, tgt_vocab, *how, **more):
        next_words = by_hand["ask"](model, src, src_vocab, tgt_vocab)
        return by_hand["beam_search_by_hand"](next_words, *how, **more)

    return run


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_the_beam_by_hand_is_the_librarys(search, overfit, reversal, width, penalty):
    examples, src_vocab, tgt_vocab = reversal
    model, _ = overfit("fixed")
    # Sources that the model was not trained on, so that it is unsure.
    sources = [e.src[::-1] for e in examples[:11]]
    answers = translate(
        model, sources, src_vocab, tgt_vocab, beam_size=width, length_penalty=penalty
    )
    for src, answer in zip(sources, answers, strict=True):
        words, _ = search(model, src, src_vocab, tgt_vocab, width, penalty)[0]
        assert words == (*answer.tokens, "<eos>")


@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0])
def test_the_beam_by_hand_is_the_librarys_on_an_untrained_model(
    search, make_model, pairs, batch, penalty
):
    model = make_model("additive")
    model.decoder.output.bias.data[[PAD, BOS]] = -100.0  # which the library never writes
    found = beam_search(model, batch.src_ids, batch.src_lengths, 9, 3, penalty)
    for pair, ids, done in zip(pairs, found.ids.tolist(), found.finished, strict=True):
        src = [SRC_VOCAB.tokens[i] for i in pair.src]
        beam = search(model, src, SRC_VOCAB, TGT_VOCAB, 3, penalty, max_len=9)
        finished = [words for words, _ in beam if words[-1] == "<eos>"]
        words = finished[0] if finished else beam[0][0]
        assert bool(finished) == done
        assert [TGT_VOCAB.tokens[i] for i in ids[: len(words)]] == list(words)


def test_the_score_by_hand_is_the_models(search, make_model, pairs, batch):
    model = make_model("additive")
    src = [SRC_VOCAB.tokens[i] for i in pairs[0].src]
    for words, log_p in search(model, src, SRC_VOCAB, TGT_VOCAB, 4, max_len=5):
        ids = [TGT_VOCAB.tokens.index(word) for word in words]
        encoded = model.encoder(batch.src_ids[:1], batch.src_lengths[:1])
        logits = model.decoder.unroll(torch.tensor([[BOS, *ids[:-1]]]), encoded).logits
        each = logits[0].log_softmax(dim=-1)[range(len(ids)), ids]
        assert log_p == pytest.approx(each.sum().item(), abs=1e-4)


def test_stopping_at_the_first_finished_answer_stops_earlier(search, overfit, reversal):
    examples, src_vocab, tgt_vocab = reversal
    model, _ = overfit("fixed")
    arguments = (model, examples[-1].src, src_vocab, tgt_vocab, 5)
    hasty, careful = search(*arguments, stop=any), search(*arguments)
    assert any(words[-1] == "<eos>" for words, _ in hasty)
    assert all(words[-1] == "<eos>" for words, _ in careful)
    assert max(map(lambda b: len(b[0]), hasty)) < max(map(lambda b: len(b[0]), careful))


@pytest.mark.parametrize("name", ["fixed", "additive"])
def test_the_exact_search_is_exhaustive(by_hand, make_model, batch, name):
    model = make_model(name, tgt_vocab_size=7)
    with torch.no_grad():  # sharper, and slower to stop, than fresh weights are
        model.decoder.output.weight.mul_(9.0)
        model.decoder.output.bias[EOS] -= 2.0
    others = [i for i in range(7) if i != EOS]
    src_ids = batch.src_ids[2:, :5]
    encoded = model.encoder(src_ids, torch.tensor([5]))
    scored = {}
    for length in range(6):
        answers = [(*words, EOS) for words in product(others, repeat=length)]
        ids = torch.tensor(answers)
        read = torch.cat([torch.full((len(ids), 1), BOS), ids[:, :-1]], dim=1)
        many = type(encoded)(*(part.expand(len(ids), *part.shape[1:]) for part in encoded))
        log_probs = model.decoder.unroll(read, many).logits.log_softmax(dim=-1)
        totals = log_probs.gather(-1, ids[:, :, None]).sum(dim=(1, 2))
        scored |= dict(zip(answers, totals.tolist(), strict=True))
    truth = max(scored, key=scored.get)
    best, log_p = by_hand["best_of_all"](model, src_ids)
    assert 0 < len(best) < 5  # neither trivial nor beyond what was listed
    assert (*best, EOS) == truth
    assert log_p == pytest.approx(scored[truth], abs=1e-4)
    bounded, _ = by_hand["best_of_all"](model, src_ids, log_p - 0.1)
    assert bounded == best


def test_the_exact_search_is_never_beaten_by_a_wide_beam(by_hand, overfit, reversal):
    examples, src_vocab, tgt_vocab = reversal
    model, _ = overfit("fixed")
    sources = [e.src[::-1] for e in examples[:7]]
    wide = translate(model, sources, src_vocab, tgt_vocab, beam_size=64)
    for src, answer in zip(sources, wide, strict=True):
        src_ids = torch.tensor([src_vocab.encode(src)])
        best, _ = by_hand["best_of_all"](model, src_ids)
        assert tuple(tgt_vocab.decode(best)) == answer.tokens


def test_nothing_above_the_bound_is_told_as_none(by_hand, make_model, batch):
    best, bound = by_hand["best_of_all"](make_model("fixed"), batch.src_ids[:1], -0.01)
    assert best is None and bound == -0.01


def test_the_free_run_by_hand_is_the_librarys(by_hand, make_model, batch, attention):
    model = make_model(attention)
    model.decoder.output.bias.data[[PAD, BOS]] = -100.0  # which no step reads
    freely = by_hand["run_freely"](model, batch)
    assert_close(freely, model(batch, teacher_forcing=0.0).logits)
    assert not torch.allclose(freely, model(batch).logits)
