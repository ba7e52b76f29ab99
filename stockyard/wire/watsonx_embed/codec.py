"""`/text/embeddings`: `inputs` in, one result for each out.

https://www.ibm.com/watsonx/developer/capabilities/embeddings
"""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput, Vector
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire import splice
from stockyard.wire.codec import Pen, RequestHead, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.layout import own_fields
from stockyard.wire.usage import Counts
from stockyard.wire.vectors import numbers_of
from stockyard.wire.whole import Beside, WholeCodec

FORMAT = "watsonx.embed"
MODEL = "model_id"
COUNT = "input_token_count"


class _Head(Struct, gc=False):
    model_id: str
    inputs: list[msgspec.Raw]


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted(MODEL, "inputs")


class WatsonxEmbedCodec(WholeCodec):
    name = FORMAT
    most_items = 1_000

    def peek(self, body: bytes) -> RequestHead:
        return RequestHead(read_head(body, _HEAD, _KEYS).model_id)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else splice.replace_text(body, MODEL, model)

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        fields.any(MODEL)
        said = fields.items("inputs") or []
        if not all(type(item) is str for item in said):
            raise FieldError("inputs", "an array of strings")
        return EmbeddingsContent(items=tuple(said), extra=fields.left(FORMAT))

    def write_request(self, request: Request, drops: Drops) -> dict[str, Any]:
        content = request.read_as(EmbeddingsContent)
        drops.foreign(content.extra)
        for name, value in (
            ("dimensions", content.dimensions),
            ("input_type", content.purpose),
            # There a number of tokens is wanted, which differs from model to model.
            ("truncate", content.truncate),
            ("user", content.end_user),
        ):
            if value is not None:
                drops.add(name)
        if content.types not in ((), ("float",)):
            drops.add("embedding_types")
        return {MODEL: request.model, "inputs": content.items} | own_fields(content.extra, FORMAT)

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        fields = Fields(answer)
        fields.any(COUNT)
        rows = fields.items("results")
        if rows is None:
            raise FieldError("results", "an array of vectors")
        return EmbeddingsOutput(
            model=fields.text(MODEL) or "",
            vectors=tuple(Vector({"float": numbers_of(row["embedding"])}) for row in rows),
            extra=fields.left(FORMAT),
        )

    def write_response(self, response: Response, pen: Pen) -> dict[str, Any]:
        output = response.read_as(EmbeddingsOutput)
        rows = [{"embedding": vector.numbers.get("float", ())} for vector in output.vectors]
        counted = {} if response.usage is None else {COUNT: response.usage.prompt}
        return {MODEL: pen.model, "results": rows, **counted, **own_fields(output.extra, FORMAT)}

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        return counted(beside)


def counted(beside: Beside) -> Usage | None:
    """What was asked: nothing else is counted where nothing is written."""
    counts = Counts({COUNT: beside.input_token_count})
    asked = counts.get(COUNT)
    return None if asked is None else Usage(in_fresh=asked, flags=counts.flags)
