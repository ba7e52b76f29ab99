"""Join the halves of characters that a provider cut in two.

Outside the basic plane a character is two `\\u` escapes in JSON, and some providers send the first
half at the end of one delta and the second at the start of the next (`streaming.md` S1). A half
alone is not text: it is held until its other half comes, and replaced by U+FFFD when it does not.
"""

import json
import re
from math import isfinite
from typing import Any

import msgspec

REPLACEMENT = "\ufffd"

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_LONE = re.compile("[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]")


def decode_event(data: bytes) -> Any:
    """The value of one event's JSON; its strings may hold half characters."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        # msgspec refuses half characters, and bytes that are not UTF-8. Neither loses the event.
        text = data.decode("utf-8", "replace")
        return json.loads(text, parse_float=_finite, parse_constant=_finite)


def decode_answer(data: bytes) -> Any:
    """The value of a whole answer's JSON, in which no half character is left."""
    return mended(decode_event(data))


def encode(value: Any) -> bytes:
    """A value as JSON. Half characters that came where none are expected go no further."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(mended(msgspec.to_builtins(value)))


def mended(value: Any) -> Any:
    """A value of JSON in whose texts every half character is replaced."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(name): mended(item) for name, item in value.items()}
    return [mended(item) for item in value] if isinstance(value, list) else value


def _finite(number: str) -> float | None:
    """JSON has no other numbers; some servers write them all the same."""
    value = float(number)
    return value if isfinite(value) else None


def loose(data: bytes) -> Any:
    """The same; None for what is no JSON."""
    try:
        return decode_event(data)
    except (ValueError, RecursionError):
        return None


def whole(text: str) -> str:
    """The same text with pairs joined and half characters replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Halves:
    """Holds at most one half per channel."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def join(self, channel: str, text: str) -> str:
        """What can be said now of this channel's text."""
        if text.isascii() and not self._held:
            return text
        text = self._held.pop(channel, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._held[channel] = text[-1]
            text = text[:-1]
        return text if not _LONE.search(text) and not _has_pairs(text) else whole(text)

    def end(self, channel: str) -> str:
        """What is left to say when the channel ends."""
        return REPLACEMENT if self._held.pop(channel, None) else ""


def _has_pairs(text: str) -> bool:
    return any("\ud800" <= c <= "\udbff" for c in text)
