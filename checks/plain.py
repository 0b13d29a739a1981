"""Values reduced to numbers and text."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

ORDINARY = (  # the numbers that a judge looks at
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
)


def without_code(value: Any) -> Any:
    """``value`` reduced to tensors, numbers, strings, None, lists and dicts.

    Anything else could carry code: an object whose comparison is always true must not
    reach a judge.

    Raises:
        TypeError: it is, or holds, something else.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (Tensor, nn.Parameter):
        strange = value.layout != torch.strided or value.is_meta
        if strange or value.dtype not in ORDINARY:
            raise TypeError("a tensor that holds no ordinary numbers")
        return value.detach().cpu().contiguous().clone()
    if isinstance(value, np.generic):
        return without_code(value.item())
    if type(value) is np.ndarray:
        return without_code(torch.from_numpy(value.copy()))  # it may run backwards
    if type(value) in (list, tuple) or (
        isinstance(value, tuple) and hasattr(value, "_fields")
    ):
        return [without_code(v) for v in value]
    if type(value) in (set, frozenset):
        return sorted((without_code(v) for v in value), key=repr)
    if isinstance(value, dict):
        return {str(k): without_code(v) for k, v in value.items()}
    raise TypeError(f"a {type(value).__name__}")
