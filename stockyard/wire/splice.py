"""Replace single values in a JSON body, leaving every other byte as it is.

Number spelling, key order, white space and unknown fields of a request that is forwarded must not
change (`wire.md` 1.4). The body has been checked by `strict.check_head` before: it is one object,
valid UTF-8, and the keys named here occur at most once on its top level.
"""

import re

import msgspec

from stockyard.wire.members import Member, members_of
from stockyard.wire.strict import not_json

_STRING_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
_INCLUDE_USAGE = b'"stream_options":{"include_usage":true},'
_SMALL = 16 * 1024


def replace_text(body: bytes, key: str, text: str) -> bytes:
    """The body with the string under this top-level key replaced."""
    start, end = _span_of_text(body, b'"' + key.encode() + b'"') or _span_of(body, key) or (0, 0)
    if not end:
        raise not_json(f"The body has no '{key}'.")
    return body[:start] + msgspec.json.encode(text) + body[end:]


def ask_for_usage(body: bytes) -> bytes:
    """The body with `stream_options.include_usage` true, whatever it was."""
    span = _span_of(body, "stream_options") if b'"stream_options"' in body else None
    if span is None:
        start = body.index(b"{") + 1
        return body[:start] + _INCLUDE_USAGE + body[start:]
    start, end = span
    return body[:start] + _options_with_usage(body[start:end]) + body[end:]


def _options_with_usage(options: bytes) -> bytes:
    if not options.startswith(b"{"):
        return b'{"include_usage":true}'
    members = _members_of(options)
    for member in members:
        if member.key == "include_usage":
            return options[: member.start] + b"true" + options[member.end :]
    comma = b"," if members else b""
    return b'{"include_usage":true' + comma + options[1:]


def _span_of_text(body: bytes, quoted: bytes) -> tuple[int, int] | None:
    """The short way, for small bodies: a key that occurs once needs no walk."""
    if len(body) > _SMALL:
        return None
    at = body.find(quoted)
    value = _STRING_VALUE.match(body, at + len(quoted)) if at >= 0 else None
    if value is None or body.find(quoted, value.end()) >= 0:
        return None
    return value.span(1)


def _span_of(body: bytes, key: str) -> tuple[int, int] | None:
    for member in _members_of(body):
        if member.key == key:
            return member.start, member.end
    return None


def _members_of(body: bytes) -> list[Member]:
    try:
        members = members_of(body)
    except (ValueError, RecursionError):
        raise not_json("The body is not one JSON object.") from None
    if members is None:
        raise not_json("An object in the JSON body has the same key twice.")
    return members
