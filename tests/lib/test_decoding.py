"""From a model to sentences: the arg max of every step, in batches, and no step more."""

import copy

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from seq2seq_lib.batching import collate
from seq2seq_lib.decoding import beam_search, greedy, translate
from seq2seq_lib.tasks.reversal import Reversal
from seq2seq_lib.vocab import BOS, EOS, PAD, UNK, Vocab


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
            words = [i for i in range(len(probabilities)) if i not in (PAD, BOS)]
            best = max(words, key=probabilities.__getitem__)
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


SEARCHES = pytest.mark.parametrize("search", [greedy, beam_search])


@SEARCHES
def test_the_mode_comes_back_after_an_error(make_model, batch, search):
    model = make_model().train()
    model.decoder.step = None  # nothing can be asked
    with pytest.raises(TypeError):
        search(model, batch.src_ids, batch.src_lengths, 5)
    assert all(module.training for module in model.modules())


@SEARCHES
@pytest.mark.parametrize("token", [PAD, BOS])
def test_pad_and_bos_are_never_written(make_model, batch, search, token):
    model = _always_say(make_model(), token)
    model.decoder.output.bias.data[UNK] = 0.5
    decoded = search(model, batch.src_ids, batch.src_lengths, 5)
    assert decoded.ids.tolist() == [[UNK] * 5] * 3  # the next best; it is a word
    assert_close(decoded.weights.sum(dim=-1), torch.ones(3, 5))


@SEARCHES
@pytest.mark.parametrize("max_len", [0, -1, 1e3, True, None, "7"], ids=repr)
def test_a_limit_is_a_positive_whole_number(
    make_model, batch, search, max_len, no_shape_checks
):
    with pytest.raises(ValueError, match="^max_len must be"):
        search(make_model(), batch.src_ids, batch.src_lengths, max_len)


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
    short, longer = translate(
        model, [["a"], list("abcde")], src_vocab, tgt_vocab, batch_size=1
    )
    assert (len(short.tokens), len(longer.tokens)) == (12, 20)
    assert not short.finished and not longer.finished
    assert short.weights.shape == (12, 1) and longer.weights.shape == (20, 5)


def test_nothing_to_translate_gives_no_answers(asked):
    assert translate(asked[0], [], *asked[1:]) == []


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("token", [PAD, BOS])
def test_tokens_and_rows_of_weights_agree(asked, beam_size, token):
    model, src_vocab, tgt_vocab = asked
    _always_say(model, token)
    for answer in translate(
        model, [["a"], ["b", "c"]], src_vocab, tgt_vocab, beam_size=beam_size
    ):
        assert len(answer.weights) == len(answer.tokens) + answer.finished


@pytest.mark.parametrize(
    "sources",
    [["ein hund"], "ein hund", ["ein", "hund"], [b"ein"], [[1, 2]], [[None]], [5], [None]],
    ids=repr,
)
@pytest.mark.parametrize("unknown", ["error", "unk"])
def test_what_is_no_sequence_of_tokens_is_refused(asked, sources, unknown, no_shape_checks):
    model, src_vocab, tgt_vocab = asked
    lenient = Vocab(src_vocab.tokens[4:], unknown=unknown)
    with pytest.raises(ValueError, match="Source 0 must be a sequence of tokens, got"):
        translate(model, sources, lenient, tgt_vocab)


def test_tokens_may_come_in_any_sequence(asked, no_shape_checks):
    model, src_vocab, tgt_vocab = asked
    (expected,) = translate(model, [["a", "b"]], src_vocab, tgt_vocab)
    (found,) = translate(model, [np.array(["a", "b"])], src_vocab, tgt_vocab)
    assert found.tokens == expected.tokens and found.src == expected.src


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_model_of_another_precision_translates(
    make_model, batch, attention, dtype, beam_size
):
    src_vocab, tgt_vocab = (Vocab(f"w{i}" for i in range(n - 4)) for n in (23, 29))
    model = make_model(attention).to(dtype)
    sources = [src_vocab.decode(ids) for ids in batch.src_ids.tolist()]
    how = {"max_len": 5, "beam_size": beam_size}
    for answer in translate(model, sources, src_vocab, tgt_vocab, **how):
        wanted = np.float64 if dtype == torch.float64 else np.float32
        assert answer.weights.dtype == wanted
        assert answer.weights.sum(axis=1) == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_trained_model_says_the_same_in_half_precision(
    overfit, reversal, attention, dtype
):
    examples, src_vocab, tgt_vocab = reversal
    model, _ = overfit(attention)
    sources = [e.src for e in examples]
    full = translate(model, sources, src_vocab, tgt_vocab)
    halved = translate(copy.deepcopy(model).to(dtype), sources, src_vocab, tgt_vocab)
    with torch.autocast("cpu", dtype):
        cast = translate(model, sources, src_vocab, tgt_vocab)
    for answers in (halved, cast):
        same = sum(a.tokens == b.tokens for a, b in zip(answers, full, strict=True))
        assert same >= 0.9 * len(full)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU")
@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_works_on_a_gpu(overfit, reversal, dtype, beam_size):
    examples, src_vocab, tgt_vocab = reversal
    sources, vocabs = [e.src for e in examples], (src_vocab, tgt_vocab)
    model = copy.deepcopy(overfit("additive")[0]).to("cuda")
    full = translate(model, sources, *vocabs, beam_size=beam_size)
    with torch.autocast("cuda", dtype):
        cast = translate(model, sources, *vocabs, beam_size=beam_size)
    halved = translate(model.to(dtype), sources, *vocabs, beam_size=beam_size)
    for answers in (halved, cast):
        same = sum(a.tokens == b.tokens for a, b in zip(answers, full, strict=True))
        assert same >= 0.9 * len(full)


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
