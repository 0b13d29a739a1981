"""Values come back from a process as they were sent, and bytes never become code."""

import json
import math
import pickle
import time
import tracemalloc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from assignments import conversation
from assignments.box.transport import HEADER, LENGTH, pack, unpack

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
plain = st.recursive(
    leaves | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(plain)
def test_plain_values_come_back(value: object):
    assert unpack(pack(value)) == value


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6).view(2, 3),
        torch.randn(3, 4).t(),
        torch.tensor(True),
        torch.zeros(0, 5),
        torch.tensor([math.nan, math.inf, -0.0]),
        torch.ones(2, 3)[:, 1:],
        torch.ones(2, dtype=torch.bfloat16),
    ],
)
def test_tensors_come_back_bit_by_bit(tensor: torch.Tensor):
    back = unpack(pack({"a": [tensor, tensor]}))["a"]
    for one in back:
        assert one.dtype == tensor.dtype and one.shape == tensor.shape
        assert (
            torch.equal(one.nan_to_num(7.0), tensor.nan_to_num(7.0)) or tensor.numel() == 0
        )


def test_tuples_come_back_as_lists():
    assert unpack(pack((1, (2, "x")))) == [1, [2, "x"]]


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: 0, b"bytes", 1j])
def test_what_could_carry_code_is_not_sent(value: object):
    with pytest.raises(TypeError, match="cannot be sent"):
        pack(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        b"\xff" * 100,
        pickle.dumps({"a": 1}),
        pack({"a": torch.ones(3)})[:-4],
        b"\0" * 7 + b"\x02{}" + b"\xff" * 8,
        b"\0" * 7 + b"\x05hello" + b"\0" * 40,
        pack([1])[:8] + b'{"tensor": "9"}',
    ],
)
def test_bytes_that_are_no_message_are_a_value_error(data: bytes):
    with pytest.raises(ValueError, match="no message"):
        unpack(data)


# --- what a message may hold: each of these is small, and would be large or slow --------


def message(text: str | bytes, tensors: bytes = save({})) -> bytes:
    """Bytes as somebody could write them who does not use ``pack``."""
    text = text if isinstance(text, bytes) else text.encode()
    return LENGTH.pack(len(text)) + text + tensors


def described(entries: dict[str, object] | str, data: bytes = b"") -> bytes:
    """Tensors that are what their header says."""
    header = (entries if isinstance(entries, str) else json.dumps(entries)).encode()
    return HEADER.pack(len(header)) + header + data


def entry(dtype: str, shape: list[object], size: int = 0) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}


def only(dtype: str, shape: list[object], size: int = 0) -> bytes:
    """One tensor, which the message is."""
    return message(
        '{"tensor": "0"}', described({"0": entry(dtype, shape, size)}, b"0" * size)
    )


MANY = 100_000
NO_MESSAGES = {
    "a billion rows of nothing": only("F32", [10**9, 0]),
    "a billion columns of nothing": only("F32", [0, 10**9]),
    "many axes of nothing": only("F32", [0, *[2] * 40]),
    "more elements than bytes": only("F32", [10**6, 10**6], 4),
    "too many elements": only("BOOL", [(4 << 20) + 1], (4 << 20) + 1),
    "an axis below zero": only("F32", [-1]),
    "half an element": only("F32", [0.5]),
    "an axis that is true": only("F32", [True], 4),
    "axes that are text": message('{"tensor": "0"}', described({"0": entry("F32", "12")})),
    "complex numbers": only("C64", [1], 8),
    "small floats": only("F8_E4M3", [1], 1),
    "whole numbers without sign": only("U32", [1], 4),
    "notes": message("1", described({"__metadata__": {"a": "b" * 1000}})),
    "a header of the whole message": message("1", HEADER.pack(1 << 40) + b" " * 1000),
    "a long header": message("1", described({}) + b" " * (2 << 20)),
    "a header that is longer": message("1", described(" " * (2 << 20) + "{}")),
    "many tensors": message(
        json.dumps([{"tensor": str(n)} for n in range(5000)]),
        described({str(n): entry("F32", [0]) for n in range(5000)}),
    ),
    "a tensor twice in the header": message(
        '{"tensor": "0"}',
        described(
            '{"0": %s, "0": %s}' % ((json.dumps(entry("F32", [1], 4)),) * 2), b"0" * 4
        ),
    ),
    "overlapping tensors": message(
        '[{"tensor": "0"}, {"tensor": "1"}]',
        described({"0": entry("F32", [1], 4), "1": entry("F32", [1], 4)}, b"0" * 4),
    ),
    "one tensor many times": message(
        json.dumps([{"tensor": "0"}] * MANY),
        described({"0": entry("F32", [1], 4)}, b"0" * 4),
    ),
    "one tensor twice": message(
        '[{"tensor": "0"}, {"tensor": "0"}]',
        described({"0": entry("F32", [1], 4)}, b"0" * 4),
    ),
    "a tensor that nobody wants": message("1", save({"0": torch.zeros(3)})),
    "a tensor by a list": message('{"tensor": ["0"]}', save({"0": torch.zeros(3)})),
    "many values": message("[" + "[]," * 500_000 + "1]"),
    "much text": message('"' + "a" * (5 << 20) + '"'),
    "deep lists": message("[" * 100 + "]" * 100),
    "very deep lists": message("[" * MANY + "]" * MANY),
    "deep dicts": message('{"dict": {"a": ' * 40 + "1" + "}}" * 40),
    "a long number": message("1" * 200),
    "a very long number": message("1" * 100_000),
    "a name twice": message('{"dict": {"a": 1, "a": 2}}'),
    "a kind twice": message('{"dict": {"a": 1}, "dict": {"a": 2}}'),
    "two kinds": message('{"dict": {}, "tensor": "0"}', save({"0": torch.zeros(3)})),
    "another kind": message('{"list": []}'),
    "a dict that is a list": message('{"dict": []}'),
    "an empty structure": message("{}"),
    "text that is none": message(b'"\xff"'),
}


@pytest.mark.parametrize("name", NO_MESSAGES)
def test_a_small_message_cannot_become_large(name: str):
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(ValueError, match="no message"):
        unpack(NO_MESSAGES[name])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 30 << 20 and time.process_time() - start < 2


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(10**9, 0),
        torch.zeros(1, dtype=torch.complex64),
        [torch.zeros(1)] * 5000,
        10**150,
        "a" * (5 << 20),
        [[]] * 500_000,
        [1] * 500_000,
    ],
)
def test_what_is_too_much_is_not_sent_either(value: object):
    """So that an answer is told why, and not only that its message was none."""
    with pytest.raises(ValueError, match="cannot be sent"):
        pack(value)


def test_lists_inside_each_other_end_somewhere():
    value: list = []
    for _ in range(100):
        value = [value]
    with pytest.raises(ValueError, match="lists in each other"):
        pack(value)
    for _ in range(50):
        (value,) = value
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("number", [10**98, -(10**98), 2**64, -(2**63)])
def test_long_numbers_come_back(number: int):
    assert unpack(pack([number])) == [number]


def test_half_a_pair_of_surrogates_is_replaced():
    assert unpack(pack({"\ud800a": "b\udfff"})) == {"\ufffda": "b\ufffd"}


def test_trusted_bytes_have_no_bounds():
    many = [torch.zeros(1)] * 5000
    assert len(unpack(pack(many, None), None)) == 5000


def test_values_that_are_no_numbers_come_back():
    back = unpack(pack([math.nan, math.inf, -math.inf]))
    assert math.isnan(back[0]) and back[1:] == [math.inf, -math.inf]


@pytest.mark.parametrize("name", NO_MESSAGES)
def test_the_other_side_gives_a_reason(name: str):
    """Whatever is sent: the job ends with a sentence, and what was said before it stays."""
    data = [pack({"ready": True}), pack({"case": 0, "answer": 1}), NO_MESSAGES[name]]
    buffer = bytearray(b"".join(LENGTH.pack(len(d)) + d for d in data))
    found = [message for message, _ in conversation._messages(buffer)]
    assert found == [{"ready": True}, {"case": 0, "answer": 1}, {}] and not buffer
