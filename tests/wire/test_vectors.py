"""Vectors as text."""

import struct
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.embeddings import NumberType
from stockyard.wire.fields import FieldError
from stockyard.wire.vectors import numbers_of, pack, unpack

FLOATS = st.lists(st.floats(width=32, allow_nan=False))


@given(FLOATS)
def test_text_is_made_of_little_endian_floats(numbers: list[float]) -> None:
    assert pack(numbers) == b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@given(FLOATS)
def test_what_was_packed_is_unpacked_bit_by_bit(numbers: list[float]) -> None:
    assert unpack(pack(numbers)) == tuple(numbers)


@pytest.mark.parametrize(
    ("type_", "numbers"),
    [("int8", (-128, 0, 127)), ("uint8", (0, 255)), ("binary", (-1, 1)), ("ubinary", (7,))],
)
def test_small_numbers_are_single_bytes(type_: NumberType, numbers: tuple[int, ...]) -> None:
    assert unpack(pack(numbers, type_), type_) == numbers


@given(st.text())
def test_no_text_breaks_the_reader_otherwise_than_by_value(text: str) -> None:
    try:
        assert isinstance(unpack(text), tuple)
    except ValueError:
        pass


@pytest.mark.parametrize("value", [None, 1, {"a": 1}, ["1"], [True], [None]])
def test_what_is_no_vector_is_refused(value: object) -> None:
    with pytest.raises(FieldError):
        numbers_of(value)
