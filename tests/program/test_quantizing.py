"""A byte for a weight: how near it stays, and what a small folder keeps."""

import pytest
import torch
from click.testing import CliRunner

from seq2seq_lib.translate import folder
from seq2seq_lib.translate.commands import main
from seq2seq_lib.translate.quantizing import dequantize, quantize


def shrink(*words: object):
    return CliRunner().invoke(main, ["shrink", *map(str, words)])


def test_no_weight_moves_by_more_than_half_a_scale():
    torch.manual_seed(0)
    rows = 10 ** torch.randint(-6, 4, (13, 1)).float()  # each row on a scale of its own
    weights = {"matrix": torch.randn(13, 7) * rows, "bias": torch.randn(5)}
    small = quantize(weights)
    assert small["matrix"].dtype == torch.int8
    found = dequantize(small)
    assert found.keys() == weights.keys()
    assert torch.equal(found["bias"], weights["bias"])
    moved = (found["matrix"] - weights["matrix"]).abs()
    assert (moved <= 0.501 * weights["matrix"].abs().amax(dim=1, keepdim=True) / 127).all()
    assert (moved > 0).any()


def test_the_largest_of_a_row_and_zeros_come_back_as_they_were():
    matrix = torch.tensor([[0.0, 0.0, 0.0], [-3.0, 1.0, 0.0], [1e-30, 0.0, -1e-30]])
    found = dequantize(quantize({"m": matrix}))["m"]
    torch.testing.assert_close(found[0], matrix[0])
    torch.testing.assert_close(found[1, [0, 2]], matrix[1, [0, 2]])
    torch.testing.assert_close(found[2], matrix[2])


def test_whole_numbers_and_a_weight_called_scale_are_left_alone():
    weights = {"seen": torch.arange(6).reshape(2, 3), "norm.scale": torch.ones(3)}
    found = dequantize(quantize(weights))
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], value) for name, value in weights.items())


def test_a_weight_that_is_no_number_is_told():
    with pytest.raises(ValueError, match="w has weights that are not finite; train"):
        quantize({"w": torch.tensor([[1.0, torch.nan]])})


def test_a_small_folder_is_a_translator(trained, tmp_path):
    found = shrink(trained, "--out", tmp_path / "small")
    assert found.exit_code == 0, found.output
    assert "MB of weights" in found.output
    before, after = (
        (each / folder.WEIGHTS).stat().st_size for each in (trained, tmp_path / "small")
    )
    assert after < 0.6 * before  # names and biases weigh much in so small a model
    large, small = (folder.load(each) for each in (trained, tmp_path / "small"))
    assert small.lowercase == large.lowercase
    assert len(small.translate(["one two"])) == 1
    embedding = small.model.state_dict()
    for name, weight in large.model.state_dict().items():
        if weight.dim() == 2:
            limit = weight.abs().amax(dim=1, keepdim=True) / 127
            assert ((embedding[name] - weight).abs() <= 0.501 * limit).all(), name


def test_weights_that_two_layers_share_are_stored_once(trained, tmp_path):
    shrink(trained, "--out", tmp_path / "small")
    both = [
        folder.read_weights(each / folder.WEIGHTS)[0]
        for each in (trained, tmp_path / "small")
    ]
    assert both[0].keys() == both[1].keys()


def test_a_small_one_made_small_again_stays_as_it_is(trained, tmp_path):
    shrink(trained, "--out", tmp_path / "once")
    shrink(tmp_path / "once", "--out", tmp_path / "twice")
    once, twice = (
        folder.read_weights(tmp_path / name / folder.WEIGHTS)[0]
        for name in ("once", "twice")
    )
    for name, weight in once.items():
        torch.testing.assert_close(twice[name], weight)


def test_nothing_is_written_over(trained, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    found = shrink(trained, "--out", tmp_path / "full")
    assert found.exit_code == 1 and "is not empty; give a new folder." in found.output
    found = shrink(tmp_path / "nowhere", "--out", tmp_path / "small")
    assert found.exit_code == 1 and "There is no folder" in found.output
    assert not (tmp_path / "small").exists()
