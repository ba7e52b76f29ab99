"""Parse a request's JSON so strictly that every program behind us must read the same document.

Two parsers that disagree about one body let a caller show the guards one request and the provider
another. What parsers disagree about (repeated keys, lone surrogates, NaN, huge numbers, depth) is
therefore refused. `parse` holds all rules; `check_head` is the cheap part for a body that goes on
as it came and of which only a few top-level keys are read.
"""

import re
from codecs import utf_8_decode
from collections.abc import Iterable
from typing import Any

import msgspec

from stockyard.errors import Refused
from stockyard.wire.skeleton import outside_strings, without_escaped_quotes

MAX_DEPTH = 64
MAX_VALUES = 200_000
MAX_KEYS = 10_000
MAX_NUMBER = 64

PIECE = 16 * 1024
_BLANKS = b" \t\r\n"
_ENCODED = frozenset(b"\x00\xef\xbb\xbf\xfe\xff")
"""Bytes of which the beginning of a document has some when it is UTF-16 or 32, or has a mark."""

_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

_decode = msgspec.json.Decoder().decode
_skip = msgspec.json.Decoder(msgspec.Raw).decode
_LONG_NUMBER = re.compile(rb"[0-9+\-.eE]{%d}" % (MAX_NUMBER + 1))
# The keys we read are lower-case letters and underscores; spelled with escapes they would need one
# of these, which no ordinary encoder writes.
_ESCAPED_LETTER = re.compile(rb"\\u00[567]")


def not_json(message: str) -> Refused:
    return Refused(400, "json_invalid", message)


def parse(body: bytes, *, most_values: int = MAX_VALUES) -> Any:
    """The value of a JSON document that obeys every rule. Raises Refused (400) for any other."""
    check_text(body)
    skeleton = without_strings(body, most_values)
    # Before anything is built of them: values may take fifty times the space of their text.
    openings = skeleton.count(b"[") + skeleton.count(b"{")
    if max(skeleton.count(b",") + 1, openings) > most_values:
        raise _too_many(most_values)
    if openings > MAX_DEPTH and _depth(skeleton) > MAX_DEPTH:
        raise not_json(f"The JSON body is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = _decode(body)
    except RecursionError:
        raise not_json(f"The JSON body is nested deeper than {MAX_DEPTH} levels.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise not_json(f"The body is not valid JSON: {error}.") from None
    keys = _measure(value, most_values)
    if skeleton.count(b":") != keys:
        raise not_json("An object in the JSON body has the same key twice.")
    if _LONG_NUMBER.search(skeleton):
        raise not_json(f"A number in the JSON body is longer than {MAX_NUMBER} characters.")
    return value


def without_strings(body: bytes, most_values: int) -> bytes:
    """The brackets, colons, commas, numbers and words of a document. Raises Refused (400) for one
    with so many strings that it must hold more values than it may."""
    document = without_escaped_quotes(body)
    if document.count(b'"') > 4 * most_values:  # two for a string, and a key for every value
        raise _too_many(most_values)
    return b"".join(outside_strings(document))


def is_json(body: bytes) -> bool:
    """Whether a body is one JSON document at all, whatever the rules say of it, or may be one in an
    encoding that some readers find out by themselves."""
    if not _ENCODED.isdisjoint(body[:4]):
        return is_encoded(body)
    try:
        _skip(body)
    except RecursionError:
        return True
    except (msgspec.DecodeError, ValueError):
        return False
    return True


def is_encoded(body: bytes) -> bool:
    """Whether a body may be JSON in another encoding than UTF-8, or behind a mark."""
    if _ENCODED.isdisjoint(body[:4]):
        return False
    return body[:PIECE].translate(None, bytes(_ENCODED) + _BLANKS)[:1] in (b"{", b"[")


def check_text(body: bytes) -> None:
    """Refuse bytes that are no UTF-8 text or start with a byte order mark."""
    if body.isascii():
        return
    if body.startswith(b"\xef\xbb\xbf"):
        raise not_json("The body starts with a byte order mark; send plain UTF-8.")
    # In pieces: the text of a large body would be a new piece of memory of twice its size.
    view, start, size = memoryview(body), 0, len(body)
    try:
        while start < size:
            start += utf_8_decode(view[start : start + PIECE], "strict", start + PIECE >= size)[1]
    except UnicodeDecodeError:
        raise not_json("The body is not valid UTF-8.") from None


def check_head(body: bytes, keys: Iterable[bytes]) -> None:
    """Refuse a JSON object in which one of these quoted top-level keys is repeated.

    A key whose bytes occur once needs no look. When they occur more often, it is either nested
    (fine) or repeated: the full parse decides.
    """
    check_text(body)
    if max(map(body.count, keys), default=0) > 1 or (
        b"\\u00" in body and _ESCAPED_LETTER.search(body)
    ):
        parse(body)


def _too_many(most_values: int) -> Refused:
    return not_json(f"The JSON body holds more than {most_values} values.")


def _depth(skeleton: bytes) -> int:
    """How deep brackets are nested; at least `MAX_DEPTH + 1` where they are nested deeper."""
    brackets = skeleton.translate(_AS_SQUARE, _NO_BRACKETS)
    depth = 0
    while b"[]" in brackets and depth <= MAX_DEPTH:
        brackets = brackets.replace(b"[]", b"")
        depth += 1
    return depth


def _measure(value: Any, most_values: int) -> int:
    """Count the keys of all objects; refuse what is too wide or too much."""
    keys = 0
    found = [value]
    for item in found:  # which grows
        kind = type(item)
        if kind is str:
            continue  # as most are
        if kind is dict:
            if len(item) > MAX_KEYS:
                raise not_json(f"An object in the JSON body has more than {MAX_KEYS} keys.")
            keys += len(item)
            found += item.values()
        elif kind is list:
            found += item
    if len(found) > most_values:
        raise _too_many(most_values)
    return keys
