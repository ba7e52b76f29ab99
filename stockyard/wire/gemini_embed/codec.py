"""`batchEmbedContents`: one request for each vector, and `embedContent`: a single one."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused
from stockyard.wire.codec import Fault, Pen, RequestHead, Traits, WireError
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.gemini import errors
from stockyard.wire.gemini_embed import request, response
from stockyard.wire.head import quoted, read_head
from stockyard.wire.whole import Beside, WholeCodec


class _Batch(Struct, gc=False):
    requests: list[msgspec.Raw]


class _Single(Struct, gc=False):
    content: msgspec.Raw


_BATCH = msgspec.json.Decoder(_Batch)
_BATCH_KEYS = quoted("requests")
_SINGLE = msgspec.json.Decoder(_Single)
_SINGLE_KEYS = quoted("content")


class GeminiEmbedCodec(WholeCodec):
    name = request.FORMAT
    most_items = 100

    def peek(self, body: bytes) -> RequestHead:
        """The model is in the path."""
        read_head(body, _BATCH, _BATCH_KEYS)
        return RequestHead("")

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else request.with_model(body, model)

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        return request.read_batch(fields)

    def write_request(self, request_: Request, drops: Drops) -> dict[str, Any]:
        return request.write_batch(request_, drops)

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        return response.read_batch(answer)

    def write_response(self, response_: Response, pen: Pen) -> dict[str, Any]:
        return response.write_batch(response_)

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        return response.read_usage(beside.usageMetadata)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)


class GeminiEmbedContentCodec(GeminiEmbedCodec):
    name = "gemini.embed_content"
    tag = request.FORMAT
    most_items = 1

    def peek(self, body: bytes) -> RequestHead:
        read_head(body, _SINGLE, _SINGLE_KEYS)
        return RequestHead("")

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        return request.read_single(fields)

    def write_request(self, request_: Request, drops: Drops) -> dict[str, Any]:
        rows = request.write_rows(request_, drops)
        if len(rows) != 1:
            raise Refused(400, "invalid_request", "Send one input per call.", param="input")
        return rows[0]

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        return response.read_single(answer)

    def write_response(self, response_: Response, pen: Pen) -> dict[str, Any]:
        return response.write_single(response_)
