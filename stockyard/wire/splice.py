"""Replace single values in a JSON body and leave every other byte alone.

Number spelling, key order, white space and unknown fields of a request that is forwarded must not
change (`wire.md` 1.4). The body has been checked by `strict.check_head` before: it is one object,
valid UTF-8, and the keys named here occur at most once on its top level.
"""

import re
from typing import NamedTuple

import msgspec

from stockyard.wire.strict import not_json

_WHITE = re.compile(rb"[ \t\r\n]*")
_VALUE = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_KEY = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_STRING_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\]|\\.)*+")', re.DOTALL)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Span(NamedTuple):
    start: int
    end: int


def replace_text(body: bytes, key: str, text: str) -> bytes:
    """The body with the string under this top-level key replaced."""
    quoted = msgspec.json.encode(key)
    at = body.find(quoted)
    value = _STRING_VALUE.match(body, at + len(quoted)) if at >= 0 else None
    if value is None or body.find(quoted, value.end()) >= 0:
        span = span_of(body, key)
        if span is None:
            raise not_json(f"The body has no '{key}'.")
    else:
        span = Span(*value.span(1))
    return body[: span.start] + msgspec.json.encode(text) + body[span.end :]


def ask_for_usage(body: bytes) -> bytes:
    """The body with `stream_options.include_usage` true, whatever it was."""
    options = span_of(body, "stream_options") if b'"stream_options"' in body else None
    if options is None:
        start = body.index(b"{") + 1
        return body[:start] + b'"stream_options":{"include_usage":true},' + body[start:]
    value = body[options.start : options.end]
    if not value.startswith(b"{"):
        return body[: options.start] + b'{"include_usage":true}' + body[options.end :]
    wish = span_of(value, "include_usage")
    if wish is not None:
        value = value[: wish.start] + b"true" + value[wish.end :]
    else:
        comma = b"" if _WHITE.match(value, 1).end() == len(value) - 1 else b","  # type: ignore[union-attr]
        value = b'{"include_usage":true' + comma + value[1:]
    return body[: options.start] + value + body[options.end :]


def span_of(body: bytes, key: str) -> Span | None:
    """Where the value of a top-level key stands. Nested keys of the same name are passed over."""
    try:
        members = _members(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_json("The body is not one JSON object.") from None
    if key not in members:
        return None
    position = body.index(b"{") + 1
    for name, raw in members.items():
        start = _WHITE.match(body, position).end()  # type: ignore[union-attr]
        quoted = _KEY.match(body, start)
        colon = quoted and _VALUE.match(body, quoted.end())
        value = bytes(raw)
        if not quoted or not colon or not body.startswith(value, colon.end()):
            # Only a repeated key makes the walk and the parser disagree.
            raise not_json("An object in the JSON body has the same key twice.")
        end = colon.end() + len(value)
        if name == key:
            return Span(colon.end(), end)
        position = _WHITE.match(body, end).end() + 1  # type: ignore[union-attr]
    return None
