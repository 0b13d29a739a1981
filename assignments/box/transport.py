"""Plain values as bytes and back: JSON for structure, safetensors for tensors.

Neither format can carry code, so a message from a student's process is only data.
"""

import json
import struct
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

LENGTH = struct.Struct(">Q")  # what stands before a part or a message: its bytes


def pack(value: Any) -> bytes:
    """Tensors, numbers, strings, None, lists and dicts as bytes.

    Raises:
        TypeError: ``value`` holds something else.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_packed(value, tensors)).encode()
    return LENGTH.pack(len(text)) + text + save(tensors)


def unpack(data: bytes) -> Any:
    """What ``pack`` was given; tuples come back as lists.

    Raises:
        ValueError: the bytes are not a message, whatever they are.
    """
    try:
        (length,) = LENGTH.unpack_from(data)
        start = LENGTH.size
        structure = json.loads(data[start : start + length])
        return _unpacked(structure, load(data[start + length :]))
    except Exception as error:
        raise ValueError(f"These bytes are no message: {error}") from None


def _packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": {str(k): _packed(v, tensors) for k, v in value.items()}}
    if isinstance(value, list | tuple):
        return [_packed(v, tensors) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"A {type(value).__name__} cannot be sent.")


def _unpacked(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(v, tensors) for v in value]
    if isinstance(value, dict):
        if "tensor" in value:
            return torch.clone(tensors[value["tensor"]])
        return {k: _unpacked(v, tensors) for k, v in value["dict"].items()}
    return value
