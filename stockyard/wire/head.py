"""Read the head of a request: the fields that routing needs, without the messages.

On the hot path: one typed decode that skips everything else, and a few searches for repeated keys.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from stockyard.errors import Refused
from stockyard.wire.members import members_of
from stockyard.wire.strict import check_head, check_text, not_json

Head = TypeVar("Head")
Keys = Mapping[str, bytes]
"""Names of head fields, plain and quoted as in the body."""

SMALL = 1024
"""Bytes up to which searching for all keys is faster than finding out which to search for."""
LARGE = 16 * 1024
"""From this many bytes on a body is walked through only once."""
LONG_VALUE = 4 * 1024
"""Bytes. A longer list or object in the head is read as empty: only its type matters."""

_EMPTY = {b"[": b"[]", b"{": b"{}"}
_AT = re.compile(r" - at `\$\.?(.*?)`")
_TYPES = {"str": "string", "bool": "boolean", "int": "integer", "float": "number"}
"""Our words for types -> those of JSON."""
_TYPE = re.compile(rf"\b(?:{'|'.join(_TYPES)})\b")
_MISSING = re.compile(r"missing required field `(\w+)`")


def read_head(body: bytes, decoder: "msgspec.json.Decoder[Head]", keys: Keys) -> Head:
    """The head fields. Refuses repeated ones."""
    if len(body) > LARGE:
        abridged = _abridged(body, decoder)
        if abridged is not None:
            return _decoded(abridged, decoder)
    head = _decoded(body, decoder)
    if len(body) > SMALL:
        keys = {name: keys[name] for name in keys if getattr(head, name) is not msgspec.UNSET}
    check_head(body, keys.values())
    return head


def _decoded(body: bytes, decoder: "msgspec.json.Decoder[Head]") -> Head:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from None
    except RecursionError:
        raise not_json("The JSON body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        check_text(body)
        if not body.strip():
            raise not_json("The request has no body. Send one JSON object.") from None
        raise not_json(f"The body is not valid JSON: {error}.") from None


def _abridged(body: bytes, decoder: "msgspec.json.Decoder[Head]") -> bytes | None:
    """A large body reduced to its head fields, with long values emptied.

    Read this way it is walked through once, where typed reading and the search for repeated keys
    would do so eight times. None when a key is repeated, or when it is no object at all: then it
    is read as small ones are, which finds the words for it.
    """
    check_text(body)
    try:
        members = members_of(body)
    except (msgspec.DecodeError, RecursionError, Refused):
        return None
    if members is None:
        return None
    wanted = decoder.type.__struct_encode_fields__  # type: ignore[attr-defined]  # a Struct
    short = []
    for key, start, end in members:
        if key in wanted:
            opening = body[start : start + 1]
            empty = _EMPTY.get(opening) if end - start > LONG_VALUE else None
            short.append(b'"%b":%b' % (key.encode(), empty or body[start:end]))
    return b"{%b}" % b",".join(short)


def quoted(*names: str) -> Keys:
    return {name: b'"' + name.encode() + b'"' for name in names}


def _wrong(param: str, message: str) -> Refused:
    return Refused(400, "invalid_request", message, param=param or None)


def _wrong_field(text: str) -> Refused:
    missing = _MISSING.search(text)
    at = _AT.search(text)
    param = ".".join(part for part in (at and at[1], missing and missing[1]) if part)
    if missing:
        return _wrong(param, f"The request has no '{param}'.")
    if not param:
        return _wrong("", "The body must be one JSON object.")
    expected = text.split(" - at ")[0].replace("`", "").lower()
    expected = _TYPE.sub(lambda name: _TYPES[name[0]], expected)
    return _wrong(param, f"The field '{param}' is not usable: {expected}.")
