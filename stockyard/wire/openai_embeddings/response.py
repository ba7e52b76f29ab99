"""Embeddings answers, both ways."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.embeddings import EmbeddingsOutput, Vector
from stockyard.core.response import Response
from stockyard.wire.codec import Pen
from stockyard.wire.fields import Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_embeddings.request import FORMAT
from stockyard.wire.openai_embeddings.usage import write_usage
from stockyard.wire.vectors import numbers_of, pack


class _Asked(Struct, gc=False):
    encoding_format: str | None = None


_asked = msgspec.json.Decoder(_Asked).decode


def read_response(answer: Any) -> EmbeddingsOutput:
    fields = Fields(answer)
    for known in ("object", "usage"):
        fields.any(known)
    rows = [Fields(row, f"data[{at}]") for at, row in enumerate(fields.items("data") or ())]
    ordered = sorted(enumerate(rows), key=lambda row: _place(row[1], row[0]))
    return EmbeddingsOutput(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        vectors=tuple(Vector({"float": numbers_of(row.any("embedding"))}) for _, row in ordered),
        extra=fields.left(FORMAT),
    )


def write_response(response: Response, pen: Pen) -> dict[str, Any]:
    output = response.read_as(EmbeddingsOutput)
    packed = wants_text(pen.asked)
    rows = [
        {"object": "embedding", "index": at, "embedding": _spelled(vector, packed=packed)}
        for at, vector in enumerate(output.vectors)
    ]
    # Some clients do not take an answer without an id, others do not mind one.
    body = {"id": output.id or f"embd-{pen.id}", "object": "list", "data": rows, "model": pen.model}
    body |= own_fields(output.extra, FORMAT)
    return body | {"usage": write_usage(response.usage)}


def wants_text(asked: bytes) -> bool:
    """Whether a request wants its vectors as base64 text."""
    if b'"base64"' not in asked:
        return False
    try:
        return _asked(asked).encoding_format == "base64"
    except (ValueError, RecursionError):
        return False


def _place(row: Fields, at: int) -> int:
    index = row.integer("index")
    return at if index is None else index


def _spelled(vector: Vector, *, packed: bool) -> Any:
    numbers = vector.numbers.get("float") or next(iter(vector.numbers.values()), ())
    return pack(numbers) if packed else numbers
