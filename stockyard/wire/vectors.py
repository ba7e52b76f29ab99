"""Vectors as text: base64 of little-endian 32-bit floats, or of single bytes."""

import binascii
from array import array
from base64 import b64decode, b64encode
from collections.abc import Sequence
from sys import byteorder
from typing import Any

from stockyard.core.embeddings import NumberType
from stockyard.wire.fields import FieldError

_CODES: dict[NumberType, str] = {
    "float": "f",
    "int8": "b",
    "binary": "b",
    "uint8": "B",
    "ubinary": "B",
}


def pack(numbers: Sequence[float], type_: NumberType = "float") -> str:
    """Numbers as base64 text."""
    code = _CODES[type_]
    packed = array(code, numbers if code == "f" else map(int, numbers))
    if byteorder == "big":
        packed.byteswap()
    return b64encode(packed.tobytes()).decode()


def unpack(text: str, type_: NumberType = "float") -> tuple[float, ...]:
    """The numbers of a base64 text. ValueError when it cannot be one."""
    numbers = array(_CODES[type_])
    try:
        numbers.frombytes(b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if byteorder == "big":
        numbers.byteswap()
    return tuple(numbers)


def numbers_of(value: Any, type_: NumberType = "float") -> tuple[float, ...]:
    """A vector as an answer spells it: numbers, or base64 text."""
    if isinstance(value, str):
        return unpack(value, type_)
    if not isinstance(value, list) or not all(type(n) in (int, float) for n in value):
        raise FieldError("embedding", "an array of numbers")
    return tuple(value)
