"""From a model to sentences: the arg max of every step, in batches, and no step more."""

import pytest
import torch
from torch.testing import assert_close

from seq2seq_lib.batching import collate
from seq2seq_lib.decoding import greedy, translate
from seq2seq_lib.tasks.reversal import Reversal
from seq2seq_lib.vocab import BOS, EOS, PAD, Vocab


@pytest.fixture
def count_steps(monkeypatch):
    """Counts how often a model's decoder is asked for a token."""

    def watch(model) -> list[int]:
        calls, step = [], model.decoder.step
        monkeypatch.setattr(
            model.decoder, "step", lambda *args: calls.append(1) or step(*args)
        )
        return calls

    return watch


def _always_say(model, token: int):
    """Make every step answer ``token``."""
    torch.nn.init.zeros_(model.decoder.output.weight)
    torch.nn.init.zeros_(model.decoder.output.bias)
    model.decoder.output.bias.data[token] = 1.0
    return model


def test_every_token_is_the_arg_max_given_all_before_it(make_model, batch, attention):
    model = make_model(attention)
    decoded = greedy(model, batch.src_ids, batch.src_lengths, max_len=6)
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    for row in range(3):
        prefix = [BOS]
        for t in range(6):
            tgt_in = torch.tensor([prefix] * 3)
            answers = model.decoder.unroll(tgt_in, encoded)
            probabilities = answers.logits[row, -1].softmax(dim=-1).tolist()
            best = max(range(len(probabilities)), key=probabilities.__getitem__)
            assert decoded.ids[row, t] == best
            assert_close(decoded.weights[row, t], answers.weights[row, -1])
            if best == EOS:
                break
            prefix.append(best)


def test_a_batch_is_decoded_like_its_sentences_one_by_one(overfit, reversal, attention):
    model, _ = overfit(attention)
    examples, src_vocab, tgt_vocab = reversal
    sources = [e.src for e in examples[:11]]
    together = translate(model, sources, src_vocab, tgt_vocab)
    assert len({len(source) for source in sources}) > 1
    for source, answer in zip(sources, together, strict=True):
        alone = translate(model, [source], src_vocab, tgt_vocab)[0]
        assert alone.tokens == answer.tokens
        assert alone.finished == answer.finished
        assert_close(alone.weights, answer.weights, rtol=1e-4, atol=1e-5)


def test_what_stands_under_the_padding_changes_nothing(
    make_model, batch, poison, attention
):
    model = make_model(attention)
    clean = greedy(model, batch.src_ids, batch.src_lengths, max_len=7)
    poisoned = greedy(model, poison(batch).src_ids, batch.src_lengths, max_len=7)
    assert torch.equal(clean.ids, poisoned.ids)
    assert torch.equal(clean.weights, poisoned.weights)


def test_decoding_stops_when_the_last_sentence_is_finished(overfit, reversal, count_steps):
    model, _ = overfit("additive")
    examples, src_vocab, tgt_vocab = reversal
    calls = count_steps(model)
    answers = translate(model, [e.src for e in examples], src_vocab, tgt_vocab, max_len=97)
    longest = max(len(answer.tokens) for answer in answers)
    assert len(calls) == longest + 1 == 8  # and the EOS


def test_a_sentence_that_ends_at_once_takes_one_step(make_model, batch, count_steps):
    model = _always_say(make_model(), EOS)
    calls = count_steps(model)
    decoded = greedy(model, batch.src_ids, batch.src_lengths, max_len=53)
    assert len(calls) == 1
    assert decoded.ids.tolist() == [[EOS]] * 3
    assert decoded.finished.tolist() == [True] * 3


def test_a_sentence_that_never_ends_is_cut(make_model, batch):
    model = _always_say(make_model(), 5)
    decoded = greedy(model, batch.src_ids, batch.src_lengths, max_len=11)
    assert decoded.ids.tolist() == [[5] * 11] * 3
    assert decoded.finished.tolist() == [False] * 3


def test_nothing_is_written_or_looked_at_after_eos(overfit, reversal, pairs):
    model, _ = overfit("additive")
    examples, src_vocab, _ = reversal
    rows = [src_vocab.encode(e.src) for e in examples[:7]]
    batch = collate([type(pairs[0])(tuple(row), (5,)) for row in rows])
    decoded = greedy(model, batch.src_ids, batch.src_lengths, max_len=13)
    for ids, weights in zip(decoded.ids.tolist(), decoded.weights, strict=True):
        end = ids.index(EOS) + 1
        assert set(ids[end:]) <= {PAD}
        assert torch.all(weights[end:] == 0)
        assert_close(weights[:end].sum(dim=-1), torch.ones(end))
    assert decoded.weights.shape == (7, decoded.ids.shape[1], batch.src_ids.shape[1])


def test_decoding_ignores_dropout_and_restores_the_mode(make_model, batch):
    model = make_model(dropout=0.5)
    expected = greedy(model, batch.src_ids, batch.src_lengths, max_len=7)
    assert not model.training
    model.train()
    decoded = greedy(model, batch.src_ids, batch.src_lengths, max_len=7)
    assert torch.equal(decoded.ids, expected.ids)
    assert torch.equal(decoded.weights, expected.weights)
    assert model.training and model.encoder.training
    assert not decoded.weights.requires_grad


def test_at_least_one_token_must_be_allowed(make_model, batch):
    with pytest.raises(ValueError, match="max_len must be at least 1, got 0"):
        greedy(make_model(), batch.src_ids, batch.src_lengths, max_len=0)


# --- translate -------------------------------------------------------------------------


@pytest.fixture
def asked(make_model):
    """A fresh model with vocabularies of its sizes: 19 and 25 letters."""
    letters = [chr(ord("a") + i) for i in range(25)]
    return make_model(), Vocab(letters[:19]), Vocab(letters)


def test_answers_come_in_the_order_of_the_questions(overfit, reversal):
    model, _ = overfit("additive")
    examples, src_vocab, tgt_vocab = reversal
    sources = [e.src for e in examples]
    answers = translate(model, sources, src_vocab, tgt_vocab, batch_size=5)
    assert [answer.src for answer in answers] == sources
    assert [answer.tokens for answer in answers] == [e.tgt for e in examples]
    assert all(answer.finished for answer in answers)


@pytest.mark.parametrize("name, slots", [("additive", None), ("fixed", 1)])
def test_each_answer_has_the_weights_of_its_own_words(overfit, reversal, name, slots):
    model, _ = overfit(name)
    examples, src_vocab, tgt_vocab = reversal
    for answer in translate(model, [e.src for e in examples], src_vocab, tgt_vocab):
        assert answer.weights.shape == (len(answer.tokens) + 1, slots or len(answer.src))
        assert answer.weights.sum(axis=1) == pytest.approx(1)


def test_the_default_limit_grows_with_the_source(asked):
    model, src_vocab, tgt_vocab = asked
    _always_say(model, 5)
    short, longer = translate(model, ["a", "abcde"], src_vocab, tgt_vocab, batch_size=1)
    assert (len(short.tokens), len(longer.tokens)) == (12, 20)
    assert not short.finished and not longer.finished
    assert short.weights.shape == (12, 1) and longer.weights.shape == (20, 5)


def test_nothing_to_translate_gives_no_answers(asked):
    assert translate(asked[0], [], *asked[1:]) == []


def test_an_unknown_word_is_named(asked):
    with pytest.raises(ValueError, match="'z' is not among the 23 tokens"):
        translate(asked[0], [["a"], ["z"]], *asked[1:])


def test_an_empty_source_is_named(asked):
    with pytest.raises(ValueError, match="Source 1 is empty"):
        translate(asked[0], [["a"], [], ["b"]], *asked[1:])


def test_vocabularies_of_another_model_are_refused(asked):
    model, src_vocab, tgt_vocab = asked
    with pytest.raises(ValueError, match="source vocabulary has 23 tokens.*has 29"):
        translate(model, [["a"]], tgt_vocab, tgt_vocab)
    with pytest.raises(ValueError, match="target vocabulary has 29 tokens.*has 9"):
        translate(model, [["a"]], src_vocab, Reversal(5).vocabs()[1])


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_of_nothing_is_refused(asked, batch_size):
    with pytest.raises(ValueError, match=f"batch_size .*at least 1, got {batch_size}"):
        translate(asked[0], [["a"]], *asked[1:], batch_size=batch_size)
