"""Weights in a quarter of the bytes: one byte for a number, one scale for a row."""

from collections.abc import Mapping

import torch
from torch import Tensor

from seq2seq_lib.require import require

LEVELS = 127
SCALE = ".scale"  # what the name of a matrix has after it, where its scales are


def quantize(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each matrix W as whole numbers Q and one scale s for each of its rows.

        s_i = max_j |W_ij| / 127        Q_ij = round(W_ij / s_i)        W_ij ~ s_i Q_ij

    No weight moves by more than half a scale. What is no matrix of floating-point numbers
    stays as it is: biases are few.

    Args:
        weights: as ``state_dict`` gives them.

    Returns:
        Q of 8 bits by the name of W, and s by that name with ``.scale`` behind it.

    Raises:
        ValueError: a weight is not finite.
    """
    found: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.dim() != 2 or not weight.is_floating_point():
            found[name] = weight
            continue
        require(
            bool(torch.isfinite(weight).all()),
            f"{name} has weights that are not finite; train the model at a lower rate.",
        )
        scale = weight.abs().amax(dim=1) / LEVELS
        # A row of zeros has the scale 0; any other will do for it.
        rows = weight / torch.where(scale > 0, scale, 1.0)[:, None]
        found[name] = rows.round().to(torch.int8)
        found[name + SCALE] = scale
    return found


def dequantize(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that ``quantize`` was given, as near as it kept them."""
    small = {name for name, tensor in tensors.items() if tensor.dtype == torch.int8}
    scales = {name + SCALE for name in small}
    return {
        name: tensor * tensors[name + SCALE][:, None] if name in small else tensor
        for name, tensor in tensors.items()
        if name not in scales
    }
