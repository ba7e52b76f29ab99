"""`/embed`: `inputs` in, an array of vectors out; no model, no usage."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput, Vector
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire.codec import Facts, Pen, RequestHead, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.openai_embeddings.request import ALONE
from stockyard.wire.vectors import numbers_of
from stockyard.wire.whole import WholeCodec, bad_answer

FORMAT = "tei.embed"


class _Head(Struct, gc=False):
    inputs: str | list[msgspec.Raw]


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("inputs")


class TeiEmbedCodec(WholeCodec):
    name = FORMAT
    most_items = 32

    def peek(self, body: bytes) -> RequestHead:
        """There is one model, and nobody names it."""
        read_head(body, _HEAD, _KEYS)
        return RequestHead("")

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        said = fields.any("inputs")
        items = [said] if isinstance(said, str) else said
        if not isinstance(items, list) or not all(type(item) is str for item in items):
            raise FieldError("inputs", "a string or an array of strings")
        return EmbeddingsContent(
            items=tuple(items),
            dimensions=fields.integer("dimensions"),
            truncate=fields.flag("truncate"),
            extra=fields.left(FORMAT),
            shape=words(ALONE if isinstance(said, str) else None),
        )

    def write_request(self, request: Request, drops: Drops) -> dict[str, Any]:
        content = request.read_as(EmbeddingsContent)
        drops.foreign(content.extra)
        for name, value in (("input_type", content.purpose), ("user", content.end_user)):
            if value is not None:
                drops.add(name)
        items = content.items
        alone = has_word(content.shape, ALONE) and len(items) == 1
        body: dict[str, Any] = {"inputs": items[0] if alone else items}
        if content.truncate is not None:
            body["truncate"] = content.truncate
        if content.dimensions is not None:
            body["dimensions"] = content.dimensions
        return body | own_fields(content.extra, FORMAT)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        if body.lstrip()[:1] != b"[":
            raise bad_answer()
        return Facts()

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        if not isinstance(answer, list):
            raise FieldError("", "an array of vectors")
        return EmbeddingsOutput(vectors=tuple(Vector({"float": numbers_of(row)}) for row in answer))

    def write_response(self, response: Response, pen: Pen) -> list[tuple[float, ...]]:
        output = response.read_as(EmbeddingsOutput)
        return [vector.numbers.get("float", ()) for vector in output.vectors]
