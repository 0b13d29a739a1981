"""The narrow place, what passes through it, and reading it when it is cool."""

import math

import pytest
import torch
from torch.testing import assert_close

from experiments import bits
from experiments.engine.job import Job
from experiments.squeeze import CoolDowns, HardBits, Squeezed, Tanh
from seq2seq_lib.batching import Batches, Pair
from seq2seq_lib.hooks.checkpoints import Checkpoint
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.training import Hook, TrainConfig, fit, train_step

PAIRS = [Pair((4 + i, 5 + i), (4 + i,)) for i in range(9)]


def small(attention: str = "fixed"):
    return build_model(
        ModelConfig(17, 13, attention, emb_dim=3, enc_hidden=5, dec_hidden=7)
    )


# --- the narrow place ------------------------------------------------------------------


def test_only_so_many_numbers_pass():
    """What differs in no direction that is written cannot be told apart afterwards."""
    narrow = Tanh(11, 2)
    x = torch.randn(101, 11)
    rank = torch.linalg.matrix_rank(narrow(x) - narrow[2].bias, atol=1e-4)
    assert rank == 2
    unseen = torch.linalg.svd(narrow[0].weight).Vh[-1]  # the map to two numbers ignores it
    assert_close(narrow(x + 3 * unseen), narrow(x), atol=1e-4, rtol=1e-4)


def test_hard_bits_are_bits_and_still_have_a_gradient():
    narrow = HardBits(11, 3)
    x = torch.randn(101, 11, requires_grad=True)
    passed = narrow.bits(x)
    assert set(passed.detach().flatten().tolist()) == {-1.0, 1.0}
    assert len(narrow(x).detach().round(decimals=3).unique(dim=0)) <= 2**3
    passed.sum().backward()
    soft = narrow.down(x.detach().requires_grad_()).tanh()
    expected = torch.autograd.grad(soft.sum(), narrow.down.weight)[0]
    assert_close(narrow.down.weight.grad, expected)


def test_summary_and_states_pass_through_the_same_place():
    model = small("additive")
    narrow = Tanh(model.encoder.enc_dim, 2)
    squeezed = Squeezed(model.encoder, narrow)
    ids, lengths = torch.tensor([[4, 5, 6], [7, 8, 0]]), torch.tensor([3, 2])
    plain, passed = model.encoder(ids, lengths), squeezed(ids, lengths)
    assert_close(passed.summary, narrow(plain.summary))
    assert_close(passed.states, narrow(plain.states))
    assert torch.equal(passed.src_mask, plain.src_mask)
    assert squeezed.embedding is model.encoder.embedding


def test_a_packed_code_is_four_bits_for_each_symbol_that_has_room():
    encoder = bits.Packed(8, 5)
    ids = torch.tensor([[4, 19, 7]])  # symbols 0, 15, 3; the third has no room
    encoder.up = torch.nn.Identity()
    found = encoder(ids, torch.tensor([3])).summary
    assert found.tolist() == [[-1, -1, -1, -1, 1, 1, 1, 1]]
    alone = encoder(ids[:, :1], torch.tensor([1])).summary
    assert alone.tolist() == [[-1] * 8]
    every = encoder(torch.arange(4, 20)[:, None], torch.ones(16)).summary
    assert len(every.unique(dim=0)) == 16


# --- bits ------------------------------------------------------------------------------


def test_a_model_that_knows_nothing_lets_no_bits_through_and_an_oracle_all(monkeypatch):
    class Says(torch.nn.Module):
        def __init__(self, right: float) -> None:
            super().__init__()
            self.right = right

        def forward(self, batch):
            logits = torch.full((*batch.tgt_out.shape, 20), -math.inf)
            logits[..., 4:] = 0.0
            logits.scatter_(-1, batch.tgt_out[..., None].clamp(min=4), self.right)
            return type("Unrolled", (), {"logits": logits})

    for right, passed in ((0.0, 0.0), (40.0, 12.0)):
        found = bits.bits_through(Says(right), "valid", 3)
        assert len(found) == bits.MEASURED
        assert found == pytest.approx([passed] * len(found), abs=0.01)


def test_batches_are_fresh_and_the_same_again():
    one, two = bits.Fresh(5, seed=3), bits.Fresh(5, seed=3)
    first = [batch.src_ids for batch, _ in zip(one.epoch(0), range(40), strict=False)]
    again = [batch.src_ids for batch, _ in zip(two.epoch(0), range(40), strict=False)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert {ids.shape[1] for ids in first} == {1, 2, 3, 4, 5}
    other = next(iter(one.epoch(1))).src_ids
    assert other.shape != first[0].shape or not torch.equal(other, first[0])
    assert not torch.equal(bits.sources("valid", 12), bits.sources("test", 12))


def test_what_is_judged_is_stored_for_each_source():
    values = bits.run(Job("fixed, 2", 1000, quick=True))
    assert values["test_sources"].keys() == {"8", "12"}
    assert all(len(each) == bits.MEASURED for each in values["test_sources"].values())
    assert [record["update"] for record in values["curve"]] == [25, 50]
    mean = sum(values["test_sources"]["12"]) / bits.MEASURED
    assert values["test_bits"]["12"] == pytest.approx(mean, abs=1e-3)


# --- cool-downs ------------------------------------------------------------------------


def trained(hooks: list[Hook], updates: int = 20):
    model = small()
    how = TrainConfig(updates, lr=1e-2, warmup=3, schedule="constant")
    history = fit(model, Batches(PAIRS, 2), how, hooks, progress=False)
    return model, history


def test_a_cool_down_is_a_training_that_went_on_and_leaves_the_first_alone():
    seen = {}

    def measure(model, updates):
        seen[updates] = [p.clone() for p in model.parameters()]
        return {"norm": float(sum(p.norm() for p in model.parameters()))}

    cool = CoolDowns((10, 20), lambda seed: Batches(PAIRS, 2, seed=seed), measure)
    model, history = trained([cool])
    alone, _ = trained([])
    for mine, its in zip(model.parameters(), alone.parameters(), strict=True):
        assert torch.equal(mine, its)
    assert [record["update"] for record in history.evaluations] == [10, 20]

    # By hand: ten updates, then two more on other batches while the rate falls to zero.
    by_hand = small()
    optimizer = torch.optim.Adam(by_hand.parameters(), lr=1e-2)
    how = TrainConfig(20, lr=1e-2, warmup=3, schedule="constant")
    falling = TrainConfig(2, lr=1e-2, warmup=0)
    first = list(Batches(PAIRS, 2).epoch(0)) + list(Batches(PAIRS, 2).epoch(1))
    then = Batches(PAIRS, 2, seed=10).epoch(0)
    steps = [(batch, how.rate(n)) for n, batch in enumerate(first[:10])]
    steps += [(batch, falling.rate(n)) for n, batch in zip(range(2), then, strict=False)]
    for batch, share in steps:
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * share
        train_step(by_hand, batch, optimizer, how.clip)
    for mine, its in zip(by_hand.parameters(), seen[10], strict=True):
        assert_close(mine, its)


def test_a_run_that_was_stopped_in_a_cool_down_cools_down_again(tmp_path):
    class Stopped:
        def __init__(self) -> None:
            self.calls = 0

        def __call__(self, model, updates):
            self.calls += 1
            if self.calls == 1:
                raise KeyboardInterrupt
            return {"norm": float(sum(p.norm() for p in model.parameters()))}

    def cool(measure):
        return CoolDowns((10,), lambda seed: Batches(PAIRS, 2, seed=seed), measure)

    stopping = Stopped()
    file = Checkpoint(tmp_path / "model.pt", 5)
    _, interrupted = trained([cool(stopping), file])
    assert interrupted.interrupted and interrupted.updates == 10
    _, resumed = trained([cool(stopping), Checkpoint(tmp_path / "model.pt", 5)])
    whole = Stopped()
    whole.calls = 1
    _, once = trained([cool(whole)])
    assert resumed.evaluations == once.evaluations
