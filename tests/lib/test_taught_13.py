"""Chapter 13: a word's look at its own sentence, places, heads and a layer by hand."""

import pytest
import torch
from by_hand import chapter_path, run_taught
from torch.testing import assert_close

from seq2seq_lib.transformer import (
    EncoderLayer,
    MultiHead,
    TransformerConfig,
    attend,
    sinusoids,
)

BATCH, LENGTH, HEADS, SIZE = 2, 7, 3, 5
DIM = HEADS * SIZE


def config_of(heads: int) -> TransformerConfig:
    return TransformerConfig(11, 13, dim=DIM, heads=heads, hidden=17)


@pytest.fixture(scope="module")
def by_hand():
    """What the chapter defines, by name."""
    return run_taught(chapter_path("13"))


@pytest.fixture
def everywhere() -> torch.Tensor:
    """A mask that hides nothing."""
    return torch.ones(1, 1, LENGTH, dtype=torch.bool)


def test_the_lookup_by_hand_is_the_librarys(by_hand, everywhere):
    query, keys, values = torch.randn(3, 1, 1, LENGTH, SIZE)  # one sentence, one head
    ours = by_hand["look"](query[0, 0], keys[0, 0], values[0, 0])
    for mine, its in zip(ours, attend(query, keys, values, everywhere), strict=True):
        assert_close(mine, its[0, 0])


def test_self_attention_by_hand_is_the_librarys_with_one_head(by_hand, everywhere):
    library, states = MultiHead(config_of(heads=1)), torch.randn(1, LENGTH, DIM)
    mine = by_hand["SelfLook"](DIM)
    roles = library.query_proj, library.key_proj, library.value_proj
    with torch.no_grad():
        for own, its in zip((mine.query, mine.key, mine.value), roles, strict=True):
            own.weight.copy_(its.weight)
            its.bias.zero_()
        library.output.weight.copy_(torch.eye(DIM))
        library.output.bias.zero_()
    expected, _ = library(states, *library.project(states), everywhere)
    assert_close(mine(states[0]), expected[0])


@pytest.mark.parametrize("dim", [2, 6, 64])
def test_places_by_hand_are_the_librarys(by_hand, dim):
    expected = sinusoids(range(37), dim)
    mine = torch.tensor([by_hand["place"](p, dim) for p in range(37)])
    assert_close(mine, expected, atol=1e-4, rtol=0)


def test_the_pieces_by_hand_are_the_librarys(by_hand):
    states = torch.randn(BATCH, LENGTH, DIM)
    pieces = by_hand["split"](states, HEADS)
    assert pieces.shape == (BATCH, HEADS, LENGTH, SIZE)
    assert torch.equal(pieces, MultiHead(config_of(HEADS))._split(states))


def test_heads_by_hand_are_the_librarys(by_hand, everywhere):
    library, states = MultiHead(config_of(HEADS)), torch.randn(BATCH, LENGTH, DIM)
    roles = library.query_proj, library.key_proj, library.value_proj
    context = by_hand["multi_head"](*(role(states) for role in roles), HEADS)
    expected, _ = library(states, *library.project(states), everywhere)
    assert_close(library.output(context), expected)


def test_a_layer_by_hand_is_the_librarys(by_hand, everywhere):
    layer, states = EncoderLayer(config_of(HEADS)), 3 * torch.randn(BATCH, LENGTH, DIM)
    for parameter in layer.parameters():  # a norm that scales and shifts, too
        torch.nn.init.normal_(parameter, std=0.4)
    assert_close(by_hand["layer_by_hand"](states, layer), layer(states, everywhere))
