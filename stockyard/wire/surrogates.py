"""Rejoin surrogate pairs that a provider split over two events.

Outside the basic plane a character is two `\\u` escapes in JSON, and some providers send the first
half at the end of one delta and the second at the start of the next (`streaming.md` S1). A lone
half is not text: it is held until the other half comes, and replaced by U+FFFD if it never does.
"""

import json
import re
from math import isfinite
from typing import Any

import msgspec

from stockyard.wire.width import LARGE, check_things

REPLACEMENT = "\ufffd"

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_HALVES = re.compile(
    r"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})"
)
"""Characters that are written as two halves, and halves alone."""

MAX_ODD = 2 * 1024 * 1024
"""The slow parser would take a tenth of a second for more bytes than that."""


def decode_event(data: bytes) -> Any:
    """Decode one event's JSON. Its strings may hold lone surrogates.

    Raises UpstreamError if it holds too many things to be taken apart.
    """
    try:
        value = _decode(data)
    except (ValueError, RecursionError):
        value = _decode_odd(data)
    if len(data) > LARGE:
        check_things(data, value)
    return value


def decode_answer(data: bytes) -> Any:
    """Decode a whole answer's JSON, replacing lone surrogates."""
    try:
        value = _decode(data)
    except (ValueError, RecursionError):
        value = _decode_odd(data)
        if len(data) <= MAX_ODD:
            value = mended(value)
    if len(data) > LARGE:
        check_things(data, value)
    return value


def encode(value: Any) -> bytes:
    """Encode a value as JSON, replacing lone surrogates."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(mended(msgspec.to_builtins(value)))


def mended(value: Any) -> Any:
    """A JSON value with every lone surrogate in its strings replaced."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(name): mended(item) for name, item in value.items()}
    return [mended(item) for item in value] if isinstance(value, list) else value


def _decode_odd(data: bytes) -> Any:
    """Decode what the quick parser refuses: lone surrogates, invalid UTF-8 and numbers that are
    none. None of these is a reason to lose an event."""
    text = data.decode("utf-8", "replace")
    if len(data) > MAX_ODD:
        # Without halves: to join them with those of another event is not worth a slow parser.
        return _decode(_without_halves(text))
    return json.loads(text, parse_float=_finite, parse_constant=_finite)


def _without_halves(text: str) -> str:
    """JSON with U+FFFD for every half of a character that is alone."""
    # Backslashes that escape each other are hidden: what follows is no escape. NUL is not JSON.
    hidden = text.replace("\\\\", "\0")
    mended = _HALVES.sub(lambda found: found[0] if found[1] else r"\ufffd", hidden)
    return mended.replace("\0", "\\\\")


def _finite(number: str) -> float | None:
    """None for NaN and infinity, which some servers write although JSON has no such numbers."""
    value = float(number)
    return value if isfinite(value) else None


def loose(data: bytes) -> Any:
    """The same; None if it is not JSON."""
    try:
        return decode_event(data)
    except (ValueError, RecursionError):
        return None


def whole(text: str) -> str:
    """The text with surrogate pairs joined and lone ones replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class SurrogatePairs:
    """Holds back at most one high surrogate per channel."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def join(self, channel: str, text: str) -> str:
        """The part of this channel's text that is complete characters."""
        if text.isascii() and not self._held:
            return text
        text = self._held.pop(channel, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._held[channel] = text[-1]
            text = text[:-1]
        return text if _is_plain(text) else whole(text)

    def end(self, channel: str) -> str:
        """What is left of a channel when it ends."""
        return REPLACEMENT if self._held.pop(channel, None) else ""


def _is_plain(text: str) -> bool:
    """Whether the text has no surrogates at all."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
