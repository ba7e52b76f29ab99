"""Embed answers, both ways."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.embeddings import EmbeddingsOutput, Vector
from stockyard.core.money import Usage
from stockyard.core.response import Response
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.gemini_embed.request import FORMAT
from stockyard.wire.layout import own_fields
from stockyard.wire.usage import Counts
from stockyard.wire.vectors import numbers_of


def read_batch(answer: Any) -> EmbeddingsOutput:
    fields = Fields(answer)
    rows = fields.items("embeddings")
    if rows is None:
        raise FieldError("embeddings", "an array of vectors")
    return _output([Fields(row, f"embeddings[{at}]") for at, row in enumerate(rows)], fields)


def read_single(answer: Any) -> EmbeddingsOutput:
    fields = Fields(answer)
    row = fields.inside("embedding")
    if row is None:
        raise FieldError("embedding", "a vector")
    return _output([row], fields)


def write_batch(response: Response) -> dict[str, Any]:
    output = response.read_as(EmbeddingsOutput)
    return {"embeddings": [_spelled(vector) for vector in output.vectors], **_rest(response)}


def write_single(response: Response) -> dict[str, Any]:
    output = response.read_as(EmbeddingsOutput)
    return {"embedding": _spelled(output.vectors[0]), **_rest(response)}


def read_usage(said: Any) -> Usage | None:
    """Not every model of this format counts."""
    if not isinstance(said, Mapping):
        return None
    counts = Counts(said)
    prompt = counts.get("promptTokenCount")
    return None if prompt is None else Usage(in_fresh=prompt, flags=counts.flags)


def _output(rows: list[Fields], fields: Fields) -> EmbeddingsOutput:
    fields.any("usageMetadata")
    vectors = tuple(Vector({"float": numbers_of(row.any("values"))}) for row in rows)
    return EmbeddingsOutput(vectors=vectors, extra=fields.left(FORMAT))


def _spelled(vector: Vector) -> dict[str, Any]:
    return {"values": vector.numbers.get("float") or next(iter(vector.numbers.values()), ())}


def _rest(response: Response) -> dict[str, Any]:
    rest = own_fields(response.meaning.extra, FORMAT)
    if response.usage is None or not response.usage.prompt:
        return rest
    prompt = response.usage.prompt
    return rest | {"usageMetadata": {"promptTokenCount": prompt, "totalTokenCount": prompt}}
