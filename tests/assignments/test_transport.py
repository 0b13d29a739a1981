"""Values come back from a process as they were sent, and bytes never become code."""

import math
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignments.box.transport import pack, unpack

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
