"""Plain values as bytes and back: JSON for structure, safetensors for tensors.

Neither format can carry code, so a message from a student's process is only data. It may
still be data that takes much memory or time to read, so everything is counted first:
``pack`` and ``unpack`` keep the same bounds.
"""

import json
import math
import re
import struct
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

LENGTH = struct.Struct(">Q")  # what stands before a part or a message: its bytes
HEADER = struct.Struct("<Q")  # what stands before the header of safetensors
DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True)
class Bounds:
    """The most that one message may hold."""

    text: int = 4 << 20  # bytes of its structure, numbers and text
    nodes: int = 400_000  # values in it, lists and dicts among them
    depth: int = 60  # lists and dicts inside each other
    digits: int = 100  # of a whole number
    tensors: int = 4096
    header: int = 1 << 20  # bytes that describe the tensors
    dims: int = 16  # axes of a tensor
    elements: int = 4 << 20  # of all tensors; an axis of length 0 counts as 1 here


BOUNDS = Bounds()


def pack(value: Any, bounds: Bounds | None = BOUNDS) -> bytes:
    """Tensors, numbers, strings, None, lists and dicts as bytes.

    Raises:
        TypeError: ``value`` holds something else.
        ValueError: it holds more than the bounds allow.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_packed(value, tensors, bounds)).encode()
    if bounds:
        _require(len(text) <= bounds.text, f"more than {bounds.text} bytes of text")
        _require(_nodes(text) <= bounds.nodes, f"more than {bounds.nodes} values")
        _count([list(t.shape) for t in tensors.values()], bounds)
    return LENGTH.pack(len(text)) + text + (save(tensors) if tensors else b"")


def unpack(data: bytes, bounds: Bounds | None = BOUNDS) -> Any:
    """What ``pack`` was given; tuples come back as lists.

    Args:
        bounds: what is looked at before anything is made of the bytes; None for bytes that
            are trusted.

    Raises:
        ValueError: the bytes are not a message, whatever they are.
    """
    try:
        (length,) = LENGTH.unpack_from(data)
        start = LENGTH.size
        text, rest = data[start : start + length], data[start + length :]
        if bounds:
            _require(len(text) <= bounds.text, f"more than {bounds.text} bytes of text")
            _require(_nodes(text) <= bounds.nodes, f"more than {bounds.nodes} values")
            if rest:
                _look_at_header(rest, bounds)
        structure = json.loads(text, object_pairs_hook=_object, parse_int=_whole)
        tensors = load(rest) if rest else {}
        value = _unpacked(structure, tensors, bounds.depth if bounds else 1000)
        _require(not tensors, "a tensor that belongs nowhere")
        return value
    except Exception as error:
        raise ValueError(f"These bytes are no message: {error}") from None


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(f"An answer with {otherwise} cannot be sent.")


def _nodes(text: bytes) -> int:
    """At least as many as there are values in a text of JSON."""
    return sum(map(text.count, (b"[", b"{", b",")))


def _count(shapes: list[list[int]], bounds: Bounds) -> None:
    """Refuse tensors that are too many, too large or too wide to be listed."""
    _require(len(shapes) <= bounds.tensors, f"more than {bounds.tensors} tensors")
    for shape in shapes:
        _require(len(shape) <= bounds.dims, f"a tensor of {len(shape)} axes")
    # An axis of length 0 beside one of a billion holds nothing, but is listed in memory.
    elements = sum(math.prod(max(1, n) for n in shape) for shape in shapes)
    _require(elements <= bounds.elements, f"more than {bounds.elements} elements")


def _look_at_header(data: bytes, bounds: Bounds) -> None:
    """Refuse tensors by what is said of them, before any is made."""
    (length,) = HEADER.unpack_from(data)
    _require(length <= bounds.header, f"more than {bounds.header} bytes about tensors")
    header = data[HEADER.size : HEADER.size + length]
    _require(_nodes(header) <= 16 * bounds.tensors, f"more than {bounds.tensors} tensors")
    entries = json.loads(header, object_pairs_hook=_object, parse_int=_whole)
    _require("__metadata__" not in entries, "notes about its tensors")
    for entry in entries.values():
        _require(entry["dtype"] in DTYPES, f"numbers of the type {entry['dtype']}")
        shape = entry["shape"]
        good = all(type(n) is int and n >= 0 for n in shape)
        _require(isinstance(shape, list) and good, "an odd shape")
    _count([entry["shape"] for entry in entries.values()], bounds)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    _require(len(found) == len(pairs), "the same name twice")
    return found


def _whole(digits: str) -> int:
    count = len(digits.removeprefix("-"))
    _require(count <= BOUNDS.digits, f"a number of {count} digits")
    return int(digits)


def _packed(
    value: Any, tensors: dict[str, Tensor], bounds: Bounds | None, depth: int = 0
) -> Any:
    if bounds:
        _require(depth < bounds.depth, f"more than {bounds.depth} lists in each other")
    if isinstance(value, Tensor):
        _require(value.dtype in DTYPES.values(), f"numbers of the type {value.dtype}")
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {
            "dict": {
                str(k): _packed(v, tensors, bounds, depth + 2) for k, v in value.items()
            }
        }
    if isinstance(value, list | tuple):
        return [_packed(v, tensors, bounds, depth + 1) for v in value]
    if isinstance(value, int):
        long = value.bit_length() > BOUNDS.digits * 3.3
        _require(not long, f"a number of more than {BOUNDS.digits} digits")
        return value
    if value is None or isinstance(value, float | str):
        return value
    raise TypeError(f"A {type(value).__name__} cannot be sent.")


def _unpacked(value: Any, tensors: dict[str, Tensor], depth: int) -> Any:
    """The value; each tensor is taken out of ``tensors``, so none is there twice."""
    _require(depth > 0, "too many lists in each other")
    if isinstance(value, list):
        return [_unpacked(v, tensors, depth - 1) for v in value]
    if isinstance(value, dict):
        ((kind, held),) = value.items()
        if kind == "tensor":
            return torch.clone(tensors.pop(held))
        _require(kind == "dict" and isinstance(held, dict), "an odd structure")
        return {_text(k): _unpacked(v, tensors, depth - 2) for k, v in held.items()}
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    """Text that every file can hold: half of a pair of surrogates is none."""
    return SURROGATE.sub("\ufffd", value)
