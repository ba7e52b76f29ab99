"""Embeddings answers, both ways."""

from typing import Any

import msgspec

from stockyard.core.embeddings import EmbeddingsOutput, NumberType, Vector
from stockyard.core.response import Response
from stockyard.wire.codec import Pen
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_embeddings.request import BASE64
from stockyard.wire.openai_embeddings.usage import write_usage
from stockyard.wire.openai_embeddings.words import Words
from stockyard.wire.vectors import numbers_of, pack

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_response(answer: Any, words: Words) -> EmbeddingsOutput:
    """Numbers stay what they are, whatever sort of numbers was asked for."""
    fields = Fields(answer)
    for known in ("object", "usage"):
        fields.any(known)
    said = fields.items("data")
    if said is None:
        raise FieldError("data", "an array of vectors")
    rows = [Fields(row, f"data[{at}]") for at, row in enumerate(said)]
    return EmbeddingsOutput(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        vectors=tuple(_vector(row.any("embedding"), words.text_numbers) for row in _in_order(rows)),
        extra=fields.left(words.format),
    )


def write_response(response: Response, pen: Pen, words: Words) -> dict[str, Any]:
    output = response.read_as(EmbeddingsOutput)
    packed = wants_text(pen.asked, words)
    rows = [
        {"object": "embedding", "index": at, "embedding": _spelled(vector, packed=packed)}
        for at, vector in enumerate(output.vectors)
    ]
    # Some clients do not take an answer without an id, others do not mind one.
    body = {"id": output.id or f"embd-{pen.id}", "object": "list", "data": rows, "model": pen.model}
    body |= own_fields(output.extra, words.format)
    return body | {"usage": write_usage(response.usage)}


def wants_text(asked: bytes, words: Words) -> bool:
    """Whether a request wants its vectors as base64 text."""
    if words.encoding is None or b'"base64"' not in asked:
        return False
    try:
        said = _members(asked).get(words.encoding)
    except (ValueError, RecursionError):
        return False
    return said is not None and bytes(said).strip() == b'"%b"' % BASE64.encode()


def _vector(said: Any, text_numbers: NumberType) -> Vector:
    return Vector({"float": numbers_of(said, text_numbers)})


def _in_order(rows: list[Fields]) -> list[Fields]:
    """By their places, so that no vector is taken for that of another text."""
    told = [row.integer("index") for row in rows]
    if len({*told}) < 2:  # servers that do not count answer in order
        return rows
    placed = dict(zip(told, rows, strict=True))
    if {*placed} != {*range(len(rows))}:
        raise FieldError("data", "one vector for each place")
    return [placed[place] for place in range(len(rows))]


def _spelled(vector: Vector, *, packed: bool) -> Any:
    numbers = vector.numbers.get("float") or next(iter(vector.numbers.values()), ())
    return pack(numbers) if packed else numbers
