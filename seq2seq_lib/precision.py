"""Half precision: fast, but too coarse for sums, and unknown to NumPy."""

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """``tensor`` in float32 if its numbers have fewer bits than that, else as it is."""
    too_coarse = tensor.is_floating_point() and torch.finfo(tensor.dtype).bits < 32
    return tensor.float() if too_coarse else tensor
