"""Rerank: a question and documents in, their order out."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.rerank import RerankContent, RerankOutput
from stockyard.core.response import Response
from stockyard.wire.codec import Fault, Pen, RequestHead, Traits, WireError
from stockyard.wire.cohere_chat import errors
from stockyard.wire.cohere_rerank import request, response
from stockyard.wire.cohere_rerank.words import COHERE, Words
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.whole import Beside, WholeCodec


class _Head(Struct, gc=False):
    model: str
    query: str
    documents: list[msgspec.Raw]


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "query", "documents")


class RerankCodec(WholeCodec):
    """Also the codec of formats that differ only in their spelling."""

    def __init__(self, words: Words = COHERE) -> None:
        self.name = words.format
        self._words = words

    def peek(self, body: bytes) -> RequestHead:
        return RequestHead(read_head(body, _HEAD, _KEYS).model)

    def read_request(self, fields: Fields) -> RerankContent:
        return request.read_request(fields, self._words)

    def write_request(self, request_: Request, drops: Drops) -> dict[str, Any]:
        return request.write_request(request_, drops, self._words)

    def read_response(self, answer: Any) -> RerankOutput:
        return response.read_response(answer, self._words)

    def write_response(self, response_: Response, pen: Pen) -> Any:
        return response.write_response(response_, pen, self._words)

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        return response.read_usage(beside)

    def honours(self, asked: bytes, answer: bytes) -> bool:
        """Not every provider repeats the documents for callers that want them."""
        wanted = b'"return_documents"' in asked and response.asked_of(asked).return_documents
        return not wanted or b'"document"' in answer

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)
