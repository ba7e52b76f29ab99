"""Requests for speech. Written again, they are what they were with another model or text."""

import msgspec

from stockyard.core.request import Request
from stockyard.core.speech import SpeechContent
from stockyard.wire import strict
from stockyard.wire.codec import Dropped, RequestHead
from stockyard.wire.fields import Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.upload import with_texts

FORMAT = "openai.speech"


class _Head(msgspec.Struct, gc=False):
    model: str | None = None
    """May be named by the path instead; the gateway refuses a call that names no model."""
    input: str | msgspec.UnsetType = msgspec.UNSET
    stream_format: str | msgspec.UnsetType | None = msgspec.UNSET
    """Sound itself streams as the bytes that it is; `sse` makes events of it."""


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "input", "stream_format")


def peek(body: bytes) -> RequestHead:
    head = read_head(body, _HEAD, _KEYS)
    return RequestHead(head.model or "", head.stream_format == "sse", wants_usage=True)


def decode_request(body: bytes) -> SpeechContent:
    fields = Fields(strict.parse(body))
    return SpeechContent(
        text=fields.text("input"),
        instructions=fields.text("instructions"),
        original=body,
    )


def encode_request(request: Request) -> Dropped:
    content = request.read_as(SpeechContent)
    texts = {
        "model": request.model or None,
        "input": content.text,
        "instructions": content.instructions,
    }
    return Dropped(with_texts(content.original, texts))
