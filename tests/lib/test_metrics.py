"""Numbers that can be checked by hand, or against sacrebleu itself."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest
import sacrebleu
import torch
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF

from seq2seq_lib import metrics
from seq2seq_lib.batching import collate
from seq2seq_lib.metrics import (
    LENGTH_BUCKETS,
    LengthBucket,
    bleu,
    chrf,
    exact_match,
    exact_match_by_length,
    loss_per_token,
    perplexity,
)
from seq2seq_lib.model import token_loss
from seq2seq_lib.tasks.numbers import LANGUAGES, Numbers

HYPOTHESES = ["the cat is on the mat .", "there is a dog in the garden", "a man walks"]
REFERENCES = ["the cat sat on the mat .", "a dog is in the garden", "a man is walking"]

# --- exact match -----------------------------------------------------------------------


def test_exact_match_is_the_share_of_sentences_right_in_every_token():
    hypotheses = [["a", "b"], ["a"], ["b", "a"], []]
    references = [("a", "b"), ("a", "b"), ("a", "b"), ()]
    assert exact_match(hypotheses, references) == 0.5


def test_exact_match_by_length_sorts_sentences_by_their_source():
    sources = [["x"] * n for n in (2, 2, 3, 5, 7, 7)]
    hypotheses = ["a", "b", "c", "d", "e", "f"]
    references = ["a", "-", "c", "-", "e", "f"]
    assert exact_match_by_length(sources, hypotheses, references, [(1, 2), (3, 7)]) == [
        LengthBucket(1, 2, 2, 0.5),
        LengthBucket(3, 7, 4, 0.75),
    ]


@given(st.integers(1, 24))
def test_every_length_up_to_24_lies_in_exactly_one_bucket(length):
    buckets = exact_match_by_length([["x"] * length], [["y"]], [["y"]])
    filled = [bucket for bucket in buckets if bucket.sentences]
    assert len(filled) == 1
    assert filled[0].low <= length <= filled[0].high
    assert filled[0].accuracy == 1.0


def test_the_buckets_leave_no_gap():
    assert LENGTH_BUCKETS[0][0] == 1 and LENGTH_BUCKETS[-1][1] == 24
    assert all(low == high + 1 for (_, high), (low, _) in pairwise(LENGTH_BUCKETS))


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_buckets_go_as_far_as_the_sources_of_any_language(code):
    task = Numbers(code, "en")
    sources = [task.draw(random.Random(0), length).src for length in task.lengths]
    found = exact_match_by_length(sources, sources, sources)
    assert [(b.low, b.high) for b in found[:6]] == list(LENGTH_BUCKETS)
    assert sum(b.sentences for b in found) == len(sources)
    assert all(bucket.high + 1 == following.low for bucket, following in pairwise(found))
    assert found[-1].name == ("25-28" if code == "fr" else "21-24")


def test_an_empty_bucket_has_no_accuracy():
    empty, _ = exact_match_by_length(["x"] * 1, [["y"]], [["y"]], [(2, 3), (1, 1)])
    assert empty.sentences == 0 and math.isnan(empty.accuracy)


def test_a_bucket_is_named_by_its_range():
    assert LengthBucket(5, 8, 3, 1.0).name == "5-8"


def test_a_length_without_a_bucket_is_told():
    with pytest.raises(ValueError, match=r"source of 5 tokens .*\[\(1, 4\)\]"):
        exact_match_by_length([["x"] * 5], [["y"]], [["y"]], [(1, 4)])


# --- loss and perplexity ---------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 7, 31, 256])
def test_the_loss_does_not_depend_on_the_batch_size(make_model, many_pairs, batch_size):
    model = make_model()
    whole = collate(many_pairs)
    expected = token_loss(model(whole).logits, whole).item()
    assert loss_per_token(model, many_pairs, batch_size) == pytest.approx(expected)
    assert perplexity(model, many_pairs, batch_size) == pytest.approx(math.exp(expected))


def test_the_mean_of_the_batches_means_is_another_number(make_model, pairs):
    model = make_model()
    batches = [collate([pair]) for pair in pairs]
    means = [token_loss(model(batch).logits, batch).item() for batch in batches]
    sizes = [batch.n_tokens for batch in batches]
    by_token = sum(m * n for m, n in zip(means, sizes, strict=True)) / sum(sizes)
    by_batch = sum(means) / len(means)
    assert loss_per_token(model, pairs, batch_size=1) == pytest.approx(by_token)
    assert abs(by_token - by_batch) > 1e-3


def test_a_model_that_knows_nothing_wavers_between_all_tokens(make_model, many_pairs):
    model = make_model()
    torch.nn.init.zeros_(model.decoder.output.weight)
    torch.nn.init.zeros_(model.decoder.output.bias)
    assert perplexity(model, many_pairs, batch_size=5) == pytest.approx(29)


def test_scoring_ignores_dropout_and_restores_the_mode(make_model, pairs):
    model = make_model(dropout=0.5).train()
    assert perplexity(model, pairs) == perplexity(model, pairs)
    assert model.training and model.decoder.training
    perplexity(model.eval(), pairs)
    assert not model.training


def test_scoring_needs_something_to_score(make_model):
    with pytest.raises(ValueError, match="got no pairs"):
        loss_per_token(make_model(), [])


@pytest.mark.parametrize("loss", [math.log(29), 709.0, 710.0, 1e4, math.inf, math.nan])
def test_a_diverged_model_wavers_between_infinitely_many_tokens(
    make_model, pairs, monkeypatch, loss
):
    monkeypatch.setattr(metrics, "loss_per_token", lambda *_: loss)
    found = perplexity(make_model(), pairs)
    with np.errstate(over="ignore"):
        assert found == pytest.approx(np.exp(loss), nan_ok=True)


def test_weights_that_ran_away_have_an_infinite_perplexity(make_model, pairs):
    model = make_model()
    with torch.no_grad():
        model.decoder.output.weight.mul_(1e6)
    assert perplexity(model, pairs) == math.inf
    with torch.no_grad():
        model.decoder.output.weight.fill_(math.nan)
    assert math.isnan(perplexity(model, pairs))


# --- BLEU and chrF ---------------------------------------------------------------------


def test_bleu_is_what_sacrebleu_says():
    score = BLEU().corpus_score(HYPOTHESES, [REFERENCES]).score
    assert 0 < score < 100
    assert bleu(HYPOTHESES, REFERENCES) == score
    shorter = [text.rsplit(" ", 1)[0] for text in REFERENCES]
    assert bleu(shorter, REFERENCES) != bleu(REFERENCES, shorter)


def test_bleu_by_hand():
    # 1-grams 4/5, 2-grams 3/4, 3-grams 2/3, 4-grams 1/2; as long as the reference.
    expected = 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert bleu(["a b c d x"], ["a b c d e"], tokenize="none") == pytest.approx(expected)


def test_bleu_is_of_the_corpus_not_the_mean_of_its_sentences():
    sentences = [bleu([h], [r]) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)]
    assert bleu(HYPOTHESES, REFERENCES) != pytest.approx(sum(sentences) / 3, rel=0.01)


def test_text_that_is_already_split_can_be_left_alone():
    glued, split = ["a man , a hat and a dog ."], ["a man, a hat and a dog."]
    assert bleu(split, glued) == pytest.approx(100)
    unsplit = bleu(split, glued, tokenize="none")
    expected = sacrebleu.corpus_bleu(split, [glued], tokenize="none", force=True).score
    assert unsplit == expected < 100


def test_bleu_does_not_grumble_about_split_text(caplog):
    bleu(["a man , a dog ."] * 101, ["a man , a dog ."] * 101)
    assert not caplog.records


def test_chrf_is_what_sacrebleu_says():
    score = CHRF().corpus_score(HYPOTHESES, [REFERENCES]).score
    assert 0 < score < 100
    assert chrf(HYPOTHESES, REFERENCES) == score
    assert chrf(REFERENCES, REFERENCES) == pytest.approx(100)


def test_bleu_of_texts_under_four_words_is_zero_by_definition():
    assert bleu(["a cat sat"], ["a cat sat"]) == 0
    assert bleu(["a cat sat."], ["a cat sat."]) == pytest.approx(100)  # four with the dot
    both = ["a cat sat", "the dog sat on the mat"]
    assert bleu(both, both) == pytest.approx(100)


@pytest.mark.parametrize("wrong", ["nltk", "", None, "13A"])
def test_an_unknown_tokenizer_is_refused_with_the_known_ones(wrong, no_shape_checks):
    with pytest.raises(ValueError, match="tokenize=.* choose one of 13a, char, .*zh"):
        bleu(HYPOTHESES, REFERENCES, wrong)


# --- texts and tokens ------------------------------------------------------------------

TOKENS = [text.split() for text in HYPOTHESES]


@pytest.mark.parametrize("metric", [exact_match, bleu, chrf])
def test_one_text_is_no_list_of_sentences(metric):
    for both in (("a cat", "a cat"), (["a cat"], "a cat"), ("a cat", ["a cat"])):
        with pytest.raises(ValueError, match="Give a list of .* got the text 'a cat'"):
            metric(*both)


@pytest.mark.parametrize("metric", [bleu, chrf])
def test_scores_of_texts_refuse_tokens(metric, no_shape_checks):
    for both in ((TOKENS, REFERENCES), (HYPOTHESES, TOKENS), (TOKENS, TOKENS)):
        with pytest.raises(ValueError, match=r"texts here; join the tokens of \[\['the', "):
            metric(*both)
    with pytest.raises(ValueError, match=r"join the tokens of \[None\]"):
        metric([None], ["a cat"])


def test_a_text_is_not_compared_with_tokens():
    said = "A text and a list of tokens never match"
    for both in ((TOKENS, HYPOTHESES), (HYPOTHESES, TOKENS)):
        with pytest.raises(ValueError, match=said):
            exact_match(*both)
        with pytest.raises(ValueError, match=said):
            exact_match_by_length(TOKENS, *both)
    assert exact_match(HYPOTHESES, HYPOTHESES) == exact_match(TOKENS, TOKENS) == 1.0


def test_a_text_has_no_length_in_tokens():
    with pytest.raises(ValueError, match=r"list of tokens; split the texts \['the cat"):
        exact_match_by_length(HYPOTHESES, TOKENS, TOKENS)
    with pytest.raises(ValueError, match="list of sources, .* got the text 'ab'"):
        exact_match_by_length("ab", [["x"]] * 2, [["x"]] * 2)


# --- what cannot be scored -------------------------------------------------------------


@pytest.mark.parametrize("metric", [exact_match, bleu, chrf])
def test_every_hypothesis_needs_one_reference(metric):
    with pytest.raises(ValueError, match="3 hypotheses and 2 references"):
        metric(HYPOTHESES, REFERENCES[:2])
    with pytest.raises(ValueError, match="nothing to score"):
        metric([], [])


def test_every_hypothesis_needs_one_source():
    with pytest.raises(ValueError, match="2 sources and 3 hypotheses"):
        exact_match_by_length([["x"]] * 2, [["y"]] * 3, [["y"]] * 3)
    with pytest.raises(ValueError, match="3 hypotheses and 2 references"):
        exact_match_by_length([["x"]] * 3, [["y"]] * 3, [["y"]] * 2)
