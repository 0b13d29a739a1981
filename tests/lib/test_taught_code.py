"""The code that is taught is the code that runs.

Cells tagged ``taught`` build by hand what the library has. Here they are taken out of their
chapter and given the library's weights, and have to give the library's numbers. A tagged
cell that nobody compares fails the last test of this file.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from by_hand import CHAPTERS, chapter_path, run_taught, taught_names
from torch.testing import assert_close

from seq2seq_lib import interventions
from seq2seq_lib.attention import Additive, Dot, FixedContext, masked_softmax
from seq2seq_lib.batching import Batch, Batches, pad
from seq2seq_lib.decoder import Decoder, Unrolled
from seq2seq_lib.decoding import translate
from seq2seq_lib.encoder import Encoder
from seq2seq_lib.metrics import loss_per_token, perplexity
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.tasks.numbers import number_words
from seq2seq_lib.tasks.splits import split_of
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.vocab import BOS, EOS, Vocab

# What is compared, by chapter: below, or in the file test_taught_NN.py of the chapter.
COMPARED = {
    "01": {
        "count_bigrams",
        "token_losses",
        "perplexity",
        "token_accuracy",
        "split_by_hand",
    },
    "02": {"list_tokens", "pad_by_hand", "collate_by_hand", "ignores_padding"},
    "03": {"rnn_by_hand", "gru_step", "read_by_hand", "encode_by_hand"},
    "04": {
        "HandEncoder",
        "HandDecoder",
        "HandModel",
        "train_by_hand",
        "greedy_by_hand",
    },
    "05": {"beam_search_by_hand", "ask", "best_of_all", "run_freely"},
    "06": {"probe_by_hand", "gradient_by_hand"},
    "07": {"dot", "lookup_loop", "lookup_matrix", "softmax_over_real", "Lookup"},
    "08": {"AdditiveByHand", "Edited", "harden", "shift", "spread"},
    "09": {"luong_at_once"},
    "10": {"links_by_hand", "aer_by_hand", "count_again"},
    "11": {"interval_by_hand", "sign_flip", "verdict"},
    "13": {"look", "SelfLook", "place", "split", "multi_head", "layer_by_hand"},
}


@pytest.fixture(scope="module")
def taught() -> Callable[[str, str], Any]:
    """``taught("04", "HandEncoder")``: what the chapter builds under that name."""
    chapters: dict[str, dict[str, Any]] = {}

    def get(number: str, name: str) -> Any:
        if number not in chapters:
            chapters[number] = run_taught(chapter_path(number))
        return chapters[number][name]

    return get


# --- how the cells are found -----------------------------------------------------------


@pytest.fixture
def notebook(tmp_path) -> Path:
    """A chapter with imports, a taught cell, prose, and a cell that cannot be run."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# A title"]},
        {"cell_type": "code", "metadata": {}, "source": ["import math\n", "scale = 2"]},
        {"cell_type": "code", "metadata": {}, "source": ["raise RuntimeError('no')"]},
        {
            "cell_type": "code",
            "metadata": {"tags": ["taught", "nbval-check-output"]},
            "source": ["def twice_root(x):\n", "    return scale * math.sqrt(x)"],
        },
    ]
    path = tmp_path / "99-a-title.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_only_imports_and_tagged_cells_are_run(notebook):
    assert taught_names(notebook) == {"twice_root"}
    assert run_taught(notebook)["twice_root"](9.0) == 6.0


# --- chapter 01: splits and measures ---------------------------------------------------


def test_the_split_by_hand_is_the_librarys(taught):
    by_hand = taught("01", "split_by_hand")
    sources = [tuple(word.token for word in number_words(n, "en")) for n in range(1, 999)]
    assert [by_hand(src) for src in sources] == [split_of(src) for src in sources]


class _Bigrams(Seq2Seq):
    """Predicts from the previous token alone, so that it can be counted by hand."""

    def __init__(self, table: torch.Tensor) -> None:
        torch.nn.Module.__init__(self)
        self.log_probs = torch.nn.Parameter(table.log())  # (previous, token)

    def forward(self, batch: Batch, teacher_forcing: float = 1.0) -> Unrolled:
        nothing = torch.zeros(*batch.tgt_in.shape, 1)
        return Unrolled(self.log_probs[batch.tgt_in], nothing, nothing)


def test_perplexity_by_hand_is_the_librarys(taught, many_pairs):
    table = torch.rand(29, 29).softmax(dim=-1)
    ids = {"<bos>": BOS, "<eos>": EOS}

    def p(previous, token):
        return table[ids.get(previous, previous), ids.get(token, token)].item()

    sentences = [pair.tgt for pair in many_pairs]
    expected = perplexity(_Bigrams(table), many_pairs, batch_size=7)
    assert taught("01", "perplexity")(p, sentences) == pytest.approx(expected)
    losses = [x for s in sentences for x in taught("01", "token_losses")(p, s)]
    expected_loss = loss_per_token(_Bigrams(table), many_pairs)
    assert sum(losses) / len(losses) == pytest.approx(expected_loss)


def test_bigrams_are_counted_from_bos_to_eos(taught):
    counted = taught("01", "count_bigrams")([["a", "b"], ["a", "a"]])
    assert {previous: dict(after) for previous, after in counted.items()} == {
        "<bos>": {"a": 2},
        "a": {"b": 1, "a": 1, "<eos>": 1},
        "b": {"<eos>": 1},
    }


def test_token_accuracy_counts_the_positions_of_the_reference(taught):
    by_hand = taught("01", "token_accuracy")
    assert by_hand([["a", "b", "c"], ["a"]], [["a", "x", "c"], ["a", "b"]]) == 3 / 5


# --- chapter 02: vocabulary and batches ------------------------------------------------


def test_the_list_of_tokens_is_the_librarys_vocabulary(taught, reversal):
    sentences = [example.src for example in reversal[0]]
    assert tuple(taught("02", "list_tokens")(sentences)) == Vocab.build(sentences).tokens


def test_the_batch_by_hand_is_the_librarys(taught, pairs, batch):
    by_hand = taught("02", "collate_by_hand")([(p.src, p.tgt) for p in pairs])
    assert by_hand.keys() == {"src_ids", "src_lengths", "tgt_in", "tgt_out"}
    for name, ids in by_hand.items():
        assert torch.equal(ids, getattr(batch, name))
    rows = [pair.src for pair in pairs]
    assert torch.equal(taught("02", "pad_by_hand")(rows), pad(rows))


def test_the_padding_check_passes_the_library_and_fails_a_missing_mask(
    taught, make_model, batch, attention, monkeypatch
):
    check, model = taught("02", "ignores_padding"), make_model(attention)
    assert check(model, batch)
    encode = model.encoder.forward

    def without_mask(*args):
        encoded = encode(*args)
        return encoded._replace(src_mask=torch.ones_like(encoded.src_mask))

    monkeypatch.setattr(model.encoder, "forward", without_mask)
    assert check(model, batch) == (attention == "fixed")  # which has no slots to mask


# --- chapter 04: encoder and decoder ---------------------------------------------------


def test_the_encoder_by_hand_is_the_librarys(taught, batch):
    encoder = Encoder(23, 13, 17)
    by_hand = taught("04", "HandEncoder")(23, 13, 17)
    by_hand.load_state_dict(encoder.state_dict())
    encoded = encoder(batch.src_ids, batch.src_lengths)
    states, summary = by_hand(batch.src_ids, batch.src_lengths)
    assert_close(states, encoded.states)
    assert_close(summary, encoded.summary)


def test_the_decoder_by_hand_is_the_librarys_with_a_fixed_context(taught, batch):
    encoded = Encoder(23, 13, 17)(batch.src_ids, batch.src_lengths)
    decoder = Decoder(29, 13, 19, 34, FixedContext())
    by_hand = taught("04", "HandDecoder")(29, 13, 19, 34)
    by_hand.load_state_dict(decoder.state_dict())
    expected = decoder.unroll(batch.tgt_in, encoded)
    assert_close(by_hand(batch.tgt_in, encoded.summary), expected.logits)
    logits, dec_state = by_hand.step(
        batch.tgt_in[:, 0], decoder.initial_state(encoded), encoded.summary
    )
    assert_close(logits, expected.logits[:, 0])
    assert_close(dec_state, expected.dec_states[:, 0])


@pytest.fixture
def model_by_hand(taught) -> Callable[[Seq2Seq], torch.nn.Module]:
    """The chapter's model with the weights of a library model with a fixed context."""

    def build(model: Seq2Seq) -> torch.nn.Module:
        encoder, decoder = model.encoder, model.decoder
        src_vocab_size, emb_dim = encoder.embedding.weight.shape
        tgt_vocab_size, seen = decoder.output.weight.shape
        hidden = decoder.initial.out_features
        by_hand = taught("04", "HandModel")(
            taught("04", "HandEncoder")(src_vocab_size, emb_dim, encoder.gru.hidden_size),
            taught("04", "HandDecoder")(
                tgt_vocab_size, emb_dim, hidden, seen - hidden - emb_dim
            ),
        )
        by_hand.load_state_dict(model.state_dict())
        return by_hand

    return build


def test_the_model_by_hand_is_the_librarys_with_a_fixed_context(
    model_by_hand, make_model, batch
):
    model = make_model("fixed")
    assert_close(model_by_hand(model)(batch), model(batch).logits)


def test_the_training_loop_by_hand_is_fit(taught, model_by_hand, make_model, many_pairs):
    batches = Batches(many_pairs, batch_size=7)
    config = TrainConfig(updates=9, lr=0.01, warmup=3, clip=0.5)
    model = make_model("fixed")
    by_hand = model_by_hand(model).train()
    history = fit(model, batches, config, progress=False)
    stream = [batch for number in (0, 1) for batch in batches.epoch(number)][:9]
    losses, norms = taught("04", "train_by_hand")(by_hand, stream, config)
    assert losses == pytest.approx(history.losses)
    for name, value in model.state_dict().items():
        assert_close(by_hand.state_dict()[name], value)
    assert len(norms) == 9 and max(norms) > config.clip


def test_greedy_by_hand_writes_what_translate_does(
    taught, model_by_hand, overfit, reversal
):
    examples, src_vocab, tgt_vocab = reversal
    model, _ = overfit("fixed")
    by_hand = taught("04", "greedy_by_hand")
    sources = [e.src for e in examples[:7]]
    for source, answer in zip(
        sources, translate(model, sources, src_vocab, tgt_vocab), strict=True
    ):
        words, probabilities = by_hand(model_by_hand(model), source, src_vocab, tgt_vocab)
        assert tuple(words) == (*answer.tokens, "<eos>")
        assert len(probabilities) == len(words)
        assert all(1 / len(tgt_vocab) < p <= 1 for p in probabilities)


# --- chapter 07: attention -------------------------------------------------------------

BATCH, TGT, SRC, SIZE, VALUE = 3, 5, 7, 11, 13


@pytest.fixture
def memory():
    """Query, keys, values and a mask with padding in two rows of three."""
    mask = torch.arange(SRC) < torch.tensor([[7], [2], [5]])
    return (
        torch.randn(BATCH, TGT, SIZE),
        torch.randn(BATCH, SRC, SIZE),
        torch.randn(BATCH, SRC, VALUE),
        mask,
    )


def test_the_dot_product_by_hand_is_one(taught):
    assert taught("07", "dot")([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == 32.0


def test_the_loop_is_the_librarys_dot_attention(taught, memory):
    query, keys, values, mask = memory
    context, weights = Dot(SIZE, SIZE, scaled=False)(query, keys, values, mask)
    lookup = taught("07", "lookup_loop")
    for b, length in enumerate(mask.sum(dim=1).tolist()):
        slots = keys[b, :length].tolist(), values[b, :length].tolist()
        for t in range(TGT):
            looked_up, shares = lookup(query[b, t].tolist(), *slots)
            assert_close(torch.tensor(looked_up), context[b, t])
            assert_close(torch.tensor(shares), weights[b, t, :length])


def test_the_matrix_product_is_the_librarys_dot_attention(taught, memory):
    query, keys, values, _ = memory
    everything = torch.ones(BATCH, SRC, dtype=torch.bool)
    context, weights = Dot(SIZE, SIZE, scaled=False)(query, keys, values, everything)
    lookup = taught("07", "lookup_matrix")
    for b in range(BATCH):
        looked_up, shares = lookup(query[b], keys[b], values[b])
        assert_close(looked_up, context[b])
        assert_close(shares, weights[b])


def test_the_softmax_by_hand_is_the_librarys(taught, memory):
    mask = memory[-1]
    scores = torch.randn(BATCH, TGT, SRC)
    by_hand = taught("07", "softmax_over_real")(scores, mask)
    assert torch.equal(by_hand, masked_softmax(scores, mask))


def test_the_lookup_class_is_the_librarys_scaled_dot_attention(taught, memory):
    context, weights = taught("07", "Lookup")(SIZE)(*memory)
    expected = Dot(SIZE, SIZE)(*memory)
    assert_close(context, expected[0])
    assert_close(weights, expected[1])
    assert torch.all(weights[~memory[-1][:, None, :].expand_as(weights)] == 0.0)


# --- chapter 08: additive attention ----------------------------------------------------


def test_additive_attention_by_hand_is_the_librarys(taught, memory):
    query, _, states, mask = memory
    attention = Additive(SIZE, VALUE, 17)
    by_hand = taught("08", "AdditiveByHand")(SIZE, VALUE, 17)
    by_hand.load_state_dict(attention.state_dict())
    keys = attention.project_keys(states)
    assert_close(by_hand.project_keys(states), keys)
    context, weights = by_hand(query, keys, states, mask)
    expected = attention(query, keys, states, mask)
    assert_close(context, expected[0])
    assert_close(weights, expected[1])
    assert torch.all(weights[~mask[:, None, :].expand_as(weights)] == 0.0)


def test_attention_edited_by_hand_is_the_librarys(taught, memory):
    query, _, states, mask = memory
    attention = Additive(SIZE, VALUE, 17)
    keys = attention.project_keys(states)
    for name in ("harden", "shift", "spread"):
        by_hand = taught("08", "Edited")(attention, taught("08", name))
        ours = by_hand(query, keys, states, mask)
        edit = getattr(interventions, name)
        expected = interventions.Edited(attention, edit)(query, keys, states, mask)
        for mine, its in zip(ours, expected, strict=True):
            assert_close(mine, its)


# --- nothing is left out ---------------------------------------------------------------


def test_every_taught_piece_is_compared_here():
    tagged = {path.name[:2]: taught_names(path) for path in CHAPTERS.glob("*.ipynb")}
    assert {number: names for number, names in tagged.items() if names} == COMPARED
