"""Prompt cache breakpoints, for models whose service lets callers set them.

A breakpoint belongs to a part of a message. Marks on tools and calls, which other formats have, are
lost here; automatic caching, which other formats must request, is the default.
"""

from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Cache,
    Document,
    Image,
    Message,
    Text,
    ToolResult,
)
from stockyard.core.request import Request
from stockyard.wire.codec import Traits
from stockyard.wire.layout import has_word, words

TRAIT = "cache_breakpoints"
"""Of models that take such marks."""
FIELD = "prompt_cache_breakpoint"

_TTLS = {"30m": "30m", "1h": "12h", "12h": "12h"}
"""How long it must be kept at least. What is asked for less time is kept for the usual time."""
_LISTED = "list"


def with_breakpoints(
    request: Request,
    traits: Traits,
    format: str,
    *,
    spoken: bool,
) -> Request:
    """The request with other formats' cache marks as fields of this one, if the model accepts them.
    `spoken`: it takes them at what it said itself, too."""
    if TRAIT not in traits:
        return request
    messages = tuple(
        _marked(message, format) if spoken or message.role != "assistant" else message
        for message in request.messages
    )
    return request.replace(messages=messages, cache=None)


def _marked(message: Message, format: str) -> Message:
    parts = tuple(_marked_part(part, format) for part in message.parts)
    if parts == message.parts:
        return message
    listed = message.shape if has_word(message.shape, _LISTED) else words(message.shape, _LISTED)
    return replace(message, parts=parts, shape=listed)


def _marked_part(part: AnyPart, format: str) -> AnyPart:
    if isinstance(part, ToolResult):
        return _marked_result(part, format)
    if part.cache is None or format in part.extra or not isinstance(part, _MARKABLE):
        return part
    mark: dict[str, Any] = {"mode": "explicit"}
    if part.cache.ttl in _TTLS:
        mark["ttl"] = _TTLS[part.cache.ttl]
    return replace(part, extra={**part.extra, format: {FIELD: mark}})


_MARKABLE = (Text, Image, Audio, Document)


def _marked_result(result: ToolResult, format: str) -> ToolResult:
    """A mark on the whole result goes on its last part."""
    parts, cache = result.parts, result.cache
    if cache is not None and parts and isinstance(parts[-1], _MARKABLE):
        parts, cache = (*parts[:-1], _with_mark(parts[-1], cache)), None
    return replace(result, parts=tuple(_marked_part(p, format) for p in parts), cache=cache)


def _with_mark(part: AnyPart, cache: Cache) -> AnyPart:
    return part if part.cache is not None else replace(part, cache=cache)
