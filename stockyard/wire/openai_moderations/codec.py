"""Moderations: texts and images in, categories of harm out."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.moderation import ModerationContent, ModerationOutput
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire import splice
from stockyard.wire.codec import Pen, RequestHead, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.openai_embeddings.usage import read_usage
from stockyard.wire.openai_moderations import request, response
from stockyard.wire.whole import Beside, WholeCodec


class _Head(Struct, gc=False):
    input: str | list[msgspec.Raw]
    model: str | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("input", "model")


class ModerationsCodec(WholeCodec):
    name = request.FORMAT

    def peek(self, body: bytes) -> RequestHead:
        """Clients may leave the model out; which one it is then stands at the endpoint."""
        model = read_head(body, _HEAD, _KEYS).model
        return RequestHead(model if isinstance(model, str) else "")

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        if model is None:
            return body
        if isinstance(read_head(body, _HEAD, _KEYS).model, str):
            return splice.replace_text(body, "model", model)
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        return msgspec.json.encode({**members, "model": model})

    def read_request(self, fields: Fields) -> ModerationContent:
        return request.read_request(fields)

    def write_request(self, request_: Request, drops: Drops) -> dict[str, Any]:
        return request.write_request(request_, drops)

    def read_response(self, answer: Any) -> ModerationOutput:
        return response.read_response(answer)

    def write_response(self, response_: Response, pen: Pen) -> dict[str, Any]:
        return response.write_response(response_, pen)

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        return read_usage(beside.usage)

    def honours(self, asked: bytes, answer: bytes) -> bool:
        """Clients look whether anything was flagged."""
        return b'"flagged"' in answer
