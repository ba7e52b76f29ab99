"""Embed requests, both ways. A single one is what stands in a batch for each of its vectors."""

from collections.abc import Sequence
from typing import Any

import msgspec

from stockyard.core.embeddings import EmbeddingsContent, Item, Purpose
from stockyard.core.messages import Opaque
from stockyard.core.request import Request
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.openai_embeddings.request import tie_of

FORMAT = "gemini.embed"

ROLE = "role"
"""Shape: the contents named their role."""
PURPOSES: dict[str, Purpose] = {
    "RETRIEVAL_DOCUMENT": "document",
    "RETRIEVAL_QUERY": "query",
    "QUESTION_ANSWERING": "query",
    "FACT_VERIFICATION": "query",
    "CODE_RETRIEVAL_QUERY": "query",
    "SEMANTIC_SIMILARITY": "similarity",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
}


def read_batch(fields: Fields) -> EmbeddingsContent:
    said = fields.items("requests")
    if not said:
        raise FieldError("requests", "an array of requests")
    rows = [Fields(row, f"requests[{at}]") for at, row in enumerate(said)]
    contents = [_content_of(row) for row in rows]
    if all(row.rest == rows[0].rest for row in rows):
        return _read(contents, rows[0])
    # One purpose and one size for all is what other formats know.
    items = tuple(
        Opaque(format=FORMAT, value={"content": content, **row.rest})
        for content, row in zip(contents, rows, strict=True)
    )
    return EmbeddingsContent(items=items, tie=tie_of(items))


def read_single(fields: Fields) -> EmbeddingsContent:
    return _read([_content_of(fields)], fields)


def write_batch(request: Request, drops: Drops) -> dict[str, Any]:
    return {"requests": write_rows(request, drops)}


def write_rows(request: Request, drops: Drops) -> list[dict[str, Any]]:
    content = request.read_as(EmbeddingsContent)
    drops.foreign(content.extra)
    if content.types not in ((), ("float",)):
        drops.add("embedding_types")
    if content.truncate is not None:
        drops.add("truncate")
    if content.end_user is not None:
        drops.add("user")
    said: dict[str, Any] = {}
    if content.purpose is not None:
        said["taskType"] = spelled(content.purpose, content.shape)
    if content.dimensions is not None:
        said["outputDimensionality"] = content.dimensions
    said |= own_fields(content.extra, FORMAT)
    role = {"role": "user"} if has_word(content.shape, ROLE) else {}
    return [{"model": f"models/{request.model}", **_row(i, role), **said} for i in content.items]


def with_model(body: bytes, model: str) -> bytes:
    """The same batch for another model, which each of its requests names."""
    batch = msgspec.json.decode(body)
    for row in batch.get("requests", ()):
        row["model"] = f"models/{model}"
    return msgspec.json.encode(batch)


def _read(contents: Sequence[dict[str, Any]], each: Fields) -> EmbeddingsContent:
    """`each` is what every request says besides its content."""
    task = each.text("taskType")
    if task not in (None, "TASK_TYPE_UNSPECIFIED", *PURPOSES):
        raise FieldError(each.at("taskType"), f"one of {', '.join(PURPOSES)}")
    items = tuple(map(_item, contents))
    return EmbeddingsContent(
        items=items,
        dimensions=each.integer("outputDimensionality"),
        purpose=PURPOSES.get(task or ""),
        tie=tie_of(items),
        extra=each.left(FORMAT),
        shape=words(task, ROLE if all("role" in content for content in contents) else None),
    )


def _content_of(row: Fields) -> dict[str, Any]:
    row.any("model")
    content = row.object("content")
    if content is None or not isinstance(content.get("parts"), list):
        raise FieldError(row.at("content"), "an object with parts")
    return content


def _item(content: dict[str, Any]) -> Item:
    match content:
        case {"parts": [{"text": str(text), **part}], **rest}:
            if not part and rest in ({}, {"role": "user"}):
                return text
    return Opaque(format=FORMAT, value={"content": content})


def _row(item: Item, role: dict[str, str]) -> dict[str, Any]:
    if isinstance(item, Opaque):
        return dict(item.value)
    return {"content": {"parts": [{"text": item}], **role}}


def spelled(purpose: Purpose, shape: str | None) -> str:
    """As the client did, where it named one."""
    said = (word for word in (shape or "").split() if PURPOSES.get(word) == purpose)
    return next(said, next(word for word, meant in PURPOSES.items() if meant == purpose))
