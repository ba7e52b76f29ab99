"""`/api/embed`: `input` in, one bare array for each vector out."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput, Vector
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire.codec import Fault, Pen, RequestHead, Traits, WireError
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_chat.errors import error_fields
from stockyard.wire.openai_embeddings.request import read_request, write_request
from stockyard.wire.openai_embeddings.words import Words
from stockyard.wire.usage import Counts
from stockyard.wire.vectors import numbers_of
from stockyard.wire.whole import Beside, WholeCodec

FORMAT = "ollama.embed"
WORDS = Words(format=FORMAT, purposes={}, encoding=None, truncate="truncate")


class _Head(Struct, gc=False):
    model: str
    input: str | list[msgspec.Raw]


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "input")


class OllamaEmbedCodec(WholeCodec):
    name = FORMAT

    def peek(self, body: bytes) -> RequestHead:
        return RequestHead(read_head(body, _HEAD, _KEYS).model)

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        return read_request(fields, WORDS)

    def write_request(self, request: Request, drops: Drops) -> dict[str, Any]:
        return write_request(request, drops, WORDS)

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        fields = Fields(answer)
        fields.any("prompt_eval_count")
        rows = fields.items("embeddings")
        if rows is None:
            raise FieldError("embeddings", "an array of vectors")
        return EmbeddingsOutput(
            model=fields.text("model") or "",
            vectors=tuple(Vector({"float": numbers_of(row)}) for row in rows),
            extra=fields.left(FORMAT),
        )

    def write_response(self, response: Response, pen: Pen) -> dict[str, Any]:
        output = response.read_as(EmbeddingsOutput)
        rows = [vector.numbers.get("float", ()) for vector in output.vectors]
        counted = {} if response.usage is None else {"prompt_eval_count": response.usage.prompt}
        own = own_fields(output.extra, FORMAT)
        return {"model": pen.model, "embeddings": rows, **counted, **own}

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        counts = Counts({"prompt_eval_count": beside.prompt_eval_count})
        prompt = counts.get("prompt_eval_count")
        return None if prompt is None else Usage(in_fresh=prompt, flags=counts.flags)

    def encode_error(self, fault: Fault) -> WireError:
        said: dict[str, Any] = {"error": fault.message}
        if fault.stockyard:
            said["stockyard"] = dict(fault.stockyard)
        return WireError(fault.status, error_fields(fault), msgspec.json.encode(said))
