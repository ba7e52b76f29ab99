"""`/rerank` of servers that run one model: no model, no usage, a bare array."""

import msgspec
from msgspec import Struct

from stockyard.wire.codec import Facts, RequestHead, Traits
from stockyard.wire.cohere_rerank.codec import RerankCodec
from stockyard.wire.cohere_rerank.words import TEI
from stockyard.wire.head import quoted, read_head
from stockyard.wire.whole import bad_answer


class _Head(Struct, gc=False):
    query: str
    texts: list[msgspec.Raw]


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("query", "texts")


class TeiRerankCodec(RerankCodec):
    def __init__(self) -> None:
        super().__init__(TEI)

    def peek(self, body: bytes) -> RequestHead:
        """There is one model, and nobody names it."""
        read_head(body, _HEAD, _KEYS)
        return RequestHead("")

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        if body.lstrip()[:1] != b"[":
            raise bad_answer()
        return Facts()
