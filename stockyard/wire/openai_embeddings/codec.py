"""Embeddings: `input` in, vectors out, each as numbers or as base64 text."""

import re
from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire.codec import Pen, RequestHead, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.openai_embeddings import request, response
from stockyard.wire.openai_embeddings.usage import read_usage
from stockyard.wire.openai_embeddings.words import OPENAI, Words
from stockyard.wire.whole import Beside, WholeCodec


class _Head(Struct, gc=False):
    input: str | list[msgspec.Raw]
    model: str | None = None
    """May be named by the path instead; the gateway refuses a call that names no model."""


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "input")
_AS_TEXT = re.compile(rb'"embedding"[ \t\r\n]*:[ \t\r\n]*"')


class EmbeddingsCodec(WholeCodec):
    """Also the codec of formats that differ only in their spelling."""

    most_values = 5_000_000

    def __init__(self, words: Words = OPENAI) -> None:
        self.name = words.format
        self.most_items = words.most_items
        self._words = words

    def peek(self, body: bytes) -> RequestHead:
        return RequestHead(read_head(body, _HEAD, _KEYS).model or "")

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        return request.read_request(fields, self._words)

    def write_request(self, request_: Request, drops: Drops) -> dict[str, Any]:
        return request.write_request(request_, drops, self._words)

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        return response.read_response(answer, self._words)

    def write_response(self, response_: Response, pen: Pen) -> dict[str, Any]:
        return response.write_response(response_, pen, self._words)

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        return read_usage(beside.usage)

    def honours(self, asked: bytes, answer: bytes) -> bool:
        """Not every provider knows base64, and clients may insist on what they asked for."""
        return response.wants_text(asked, self._words) == bool(_AS_TEXT.search(answer))
