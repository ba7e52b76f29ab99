"""Embed answers, both ways."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.embeddings import EmbeddingsOutput, NumberType, Vector
from stockyard.core.response import Response
from stockyard.wire.codec import Pen
from stockyard.wire.cohere_embed.meta import write_meta
from stockyard.wire.cohere_embed.request import BASE64, FORMAT, TYPES
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.vectors import numbers_of, pack


class _Asked(Struct, gc=False):
    embedding_types: list[str] | None = None


_asked = msgspec.json.Decoder(_Asked).decode


def read_response(answer: Any) -> EmbeddingsOutput:
    fields = Fields(answer)
    fields.any("response_type")
    said = fields.any("embeddings")
    # The first version of the format knew floats only.
    by_type = said if isinstance(said, dict) else {"float": said}
    columns: dict[NumberType, list[tuple[float, ...]]] = {
        type_: [numbers_of(vector) for vector in vectors]
        for type_, vectors in by_type.items()
        if type_ in TYPES and isinstance(vectors, list)
    }
    if not columns and isinstance(texts := by_type.get(BASE64), list):
        columns["float"] = [numbers_of(text) for text in texts]
    if not columns:
        raise FieldError("embeddings", "an object of vectors")
    return EmbeddingsOutput(
        id=fields.text("id") or "",
        vectors=tuple(
            Vector(dict(zip(columns, row, strict=True)))
            for row in zip(*columns.values(), strict=True)
        ),
        extra=fields.left(FORMAT),
    )


def write_response(response: Response, pen: Pen) -> dict[str, Any]:
    output = response.read_as(EmbeddingsOutput)
    types = dict.fromkeys(type_ for vector in output.vectors for type_ in vector.numbers)
    embeddings: dict[str, Any] = {
        type_: [vector.numbers[type_] for vector in output.vectors] for type_ in types
    }
    wanted = _wanted(pen.asked)
    if BASE64 in wanted:
        embeddings[BASE64] = [pack(vector.numbers.get("float", ())) for vector in output.vectors]
        if "float" not in wanted:
            embeddings.pop("float", None)
    return {
        "id": output.id or pen.id,
        "embeddings": embeddings,
        "response_type": "embeddings_by_type",
        "meta": write_meta(response.usage),
        **own_fields(output.extra, FORMAT),
    }


def _wanted(asked: bytes) -> list[str]:
    try:
        return _asked(asked).embedding_types or []
    except (ValueError, RecursionError):
        return []
