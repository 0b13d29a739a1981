"""Probes find what is there and no more; gradient norms are those of finite differences."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from seq2seq_lib.attention import MECHANISMS
from seq2seq_lib.batching import collate
from seq2seq_lib.model import token_loss
from seq2seq_lib.probing import MIN_PER_CLASS, gradient_norms, linear_probe

# --- linear probes ---------------------------------------------------------------------


@pytest.fixture
def labels():
    return torch.arange(600) % 5


def test_a_label_that_is_a_direction_is_found(labels):
    features = torch.randn(600, 11)
    features[:, 3] += 10 * labels  # five slices of one axis
    probe = linear_probe(features, labels)
    assert probe.accuracy > 0.95
    assert probe.majority == pytest.approx(0.2, abs=0.01)
    assert (probe.n_train, probe.n_test, probe.n_classes) == (450, 150, 5)


@pytest.mark.parametrize("seed", [None, True, 1.0, "1", -1, 2**32])
def test_the_seed_of_a_probe_is_a_whole_number(seed, no_shape_checks):
    x, y = np.arange(40.0).reshape(40, 1), np.arange(40) % 2
    with pytest.raises(ValueError, match="seed must "):
        linear_probe(x, y, seed)
    assert linear_probe(x, y, np.int64(1)) == linear_probe(x, y, 1)


def test_nothing_is_found_in_noise(labels):
    """Even with so many features that the training examples can be learned by heart."""
    found = [linear_probe(torch.randn(600, 500), labels, seed=s).accuracy for s in range(5)]
    assert np.mean(found) == pytest.approx(0.2, abs=0.06)


def test_the_xor_of_two_features_is_there_but_not_linearly():
    signs = torch.randint(0, 2, (800, 2)) * 2 - 1
    probe = linear_probe(signs.float(), signs.prod(dim=1))
    assert probe.accuracy < 0.65


def test_the_majority_is_that_of_the_training_examples():
    labels = np.array([7] * 300 + [2] * 100)
    probe = linear_probe(np.random.default_rng(0).normal(size=(400, 3)), labels)
    assert probe.majority == pytest.approx(0.75)


def test_scales_of_the_features_do_not_matter(labels):
    features = torch.randn(600, 7) + torch.nn.functional.one_hot(labels, 7)
    scaled = features * torch.tensor([1e-4, 1, 1, 1e4, 1, 1, 1]) + 100
    one, other = (linear_probe(f.double(), labels).accuracy for f in (features, scaled))
    assert one == pytest.approx(other, abs=0.01)
    assert one > 0.3


def test_the_seed_decides_what_is_held_out(labels):
    features = torch.randn(600, 7) + torch.nn.functional.one_hot(labels, 7)
    found = [linear_probe(features, labels, seed=s).accuracy for s in (0, 0, 1, 2, 3)]
    assert found[0] == found[1] and len(set(found)) > 1


def test_a_probe_takes_states_that_are_part_of_a_graph(labels):
    features = torch.randn(600, 3, requires_grad=True) * 2
    assert linear_probe(features, labels).n_classes == 5


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_a_probe_reads_half_precision(labels, half):
    features = torch.randn(600, 11).to(half)
    features[:, 3] += 10 * labels
    assert linear_probe(features, labels).accuracy > 0.95
    assert linear_probe(features, labels.to(half)).accuracy > 0.95


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_gradients_of_a_half_precise_model_have_norms(make_model, batch, half):
    model = make_model("additive")
    expected = gradient_norms(model, batch)
    found = gradient_norms(model.to(half), batch)
    assert_close(found.float(), expected, rtol=0.1, atol=0.02)


@pytest.mark.parametrize(
    "rows, labels, told",
    [
        (40, torch.arange(39) % 2, r"40 rows and labels of shape \(39,\)"),
        (40, torch.zeros(40, 1), r"40 rows and labels of shape \(40, 1\)"),
        (40, torch.zeros(40), "at least two classes to tell apart, got 1"),
        (
            40,
            torch.arange(40) // 33,
            "at least 8 examples of every class, got 7 of class 1",
        ),
        (0, torch.zeros(0), "at least two classes to tell apart, got 0"),
    ],
)
def test_a_probe_on_too_little_is_told(rows, labels, told):
    with pytest.raises(ValueError, match=told):
        linear_probe(torch.randn(rows, 3), labels)


def test_just_enough_examples_do():
    labels = torch.arange(2 * MIN_PER_CLASS) % 2
    probe = linear_probe(torch.randn(len(labels), 3), labels)
    assert probe.n_test == 4


# --- gradient norms --------------------------------------------------------------------


def _log_probs(model, batch, change):
    """log p of every answer when ``change`` is added to the source embeddings."""
    hook = model.encoder.embedding.register_forward_hook(lambda m, i, out: out + change)
    with torch.no_grad():
        log_probs = model(batch).logits.log_softmax(dim=-1)
    hook.remove()
    return log_probs.gather(-1, batch.tgt_out[:, :, None]).squeeze(-1)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_norms_are_those_of_finite_differences(make_model, batch, attention, bidirectional):
    in_step = MECHANISMS[attention](4, 4).equal_sizes and not bidirectional
    sizes = {"dec_hidden": 17} if in_step else {}
    model = make_model(attention, emb_dim=3, bidirectional=bidirectional, **sizes).double()
    norms = gradient_norms(model, batch)
    rows, src_len = batch.src_ids.shape
    assert norms.shape == (rows, batch.tgt_out.shape[1], src_len)
    h = 1e-5
    for j in range(src_len):
        squares = torch.zeros_like(norms[:, :, 0])
        for k in range(3):
            change = torch.zeros(rows, src_len, 3, dtype=torch.double)
            change[:, j, k] = h
            up, down = (_log_probs(model, batch, c) for c in (change, -change))
            squares += ((up - down) / (2 * h)) ** 2
        expected = squares.sqrt() * batch.tgt_mask * batch.src_mask[:, j, None]
        assert_close(norms[:, :, j], expected, atol=1e-7, rtol=1e-4)


def test_the_norm_of_a_model_that_only_adds_up_is_known(make_model, batch):
    """Each source embedding is the whole of one state, and the mean is the context."""
    model = make_model("uniform", enc_hidden=5, emb_dim=10)
    decoder = model.decoder
    torch.nn.init.zeros_(decoder.initial.weight)
    torch.nn.init.zeros_(decoder.cell.weight_ih)
    torch.nn.init.zeros_(decoder.cell.weight_hh)

    class Through(torch.nn.Module):
        def forward(self, embedded):
            return embedded, embedded.new_zeros(2, len(embedded), 5)

    model.encoder.gru = Through()
    one = collate_row(batch, 0)
    norms = gradient_norms(model, one)
    with torch.no_grad():
        p = model(one).logits.softmax(dim=-1)
    context_weight = decoder.output.weight[:, decoder.cell.hidden_size :][:, :10]
    for t, y in enumerate(one.tgt_out[0].tolist()):
        slope = context_weight[y] - p[0, t] @ context_weight
        expected = (slope / one.src_ids.shape[1]).norm().expand(one.src_ids.shape[1])
        assert_close(norms[0, t], expected.detach())


def collate_row(batch, row):
    """One row of a batch, alone, without padding."""
    src, tgt = int(batch.src_lengths[row]), int(batch.tgt_mask[row].sum())
    return type(batch)(
        batch.src_ids[row : row + 1, :src],
        batch.src_lengths[row : row + 1],
        batch.tgt_in[row : row + 1, :tgt],
        batch.tgt_out[row : row + 1, :tgt],
    )


def test_padding_has_no_norm_and_changes_none(make_model, batch, attention):
    model = make_model(attention)
    norms = gradient_norms(model, batch)
    real = batch.tgt_mask[:, :, None] & batch.src_mask[:, None, :]
    assert torch.all(norms[~real] == 0.0) and torch.all(norms[real] > 0.0)
    for row in range(len(batch)):
        alone = gradient_norms(model, collate_row(batch, row))[0]
        assert_close(norms[row, : alone.shape[0], : alone.shape[1]], alone)


def test_the_model_is_left_as_it_was(make_model, batch):
    model = make_model("additive", dropout=0.5).train()
    token_loss(model(batch).logits, batch).backward()
    before = [p.grad.clone() for p in model.parameters()]
    with torch.no_grad():  # and the caller's mode does not matter
        one, other = gradient_norms(model, batch), gradient_norms(model, batch)
    assert torch.equal(one, other)  # no dropout
    assert model.training and not one.requires_grad
    assert not model.encoder.embedding._forward_hooks
    for p, grad in zip(model.parameters(), before, strict=True):
        assert torch.equal(p.grad, grad)


def test_a_failure_leaves_no_hook_behind(make_model, pairs):
    model = make_model("fixed").train()
    wrong = collate(pairs)
    wrong.src_ids[0, 0] = 10_000
    with pytest.raises(IndexError):
        gradient_norms(model, wrong)
    assert model.training and not model.encoder.embedding._forward_hooks
