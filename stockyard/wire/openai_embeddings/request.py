"""Embeddings requests, both ways."""

from typing import Any

from stockyard.core.embeddings import EmbeddingsContent, Item, Purpose
from stockyard.core.meaning import Tie
from stockyard.core.request import Request
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import Drops, has_word, own_fields, words

FORMAT = "openai.embeddings"

ALONE = "alone"
"""Shape: the input was no list."""
NAMED = "named"
"""Shape: the encoding was named, though it is the usual one."""

PURPOSES: dict[str, Purpose] = {
    "search_document": "document",
    "search_query": "query",
    "document": "document",
    "passage": "document",
    "query": "query",
    "similarity": "similarity",
    "classification": "classification",
    "clustering": "clustering",
}
"""What clients say in the further field `input_type`, each after the provider it knows best."""

TOKENS_TIE = Tie(
    code="invalid_request",
    message="The provider of this model takes no tokens. Send the input as text.",
    param="input",
)
_EXPECTED = "a string, an array of strings, or arrays of tokens"


def read_request(fields: Fields) -> EmbeddingsContent:
    fields.any("model")
    said = fields.any("input")
    alone = type(said) is str or _is_tokens(said)
    items = _items([said] if alone else said)
    encoding = fields.text("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise FieldError("encoding_format", "'float' or 'base64'")
    purpose = fields.text("input_type")
    if purpose is not None and purpose not in PURPOSES:
        raise FieldError("input_type", f"one of {', '.join(PURPOSES)}")
    return EmbeddingsContent(
        items=items,
        dimensions=fields.integer("dimensions"),
        purpose=None if purpose is None else PURPOSES[purpose],
        packed=encoding == "base64",
        end_user=fields.text("user"),
        tie=TOKENS_TIE if any(isinstance(item, tuple) for item in items) else None,
        extra=fields.left(FORMAT),
        shape=words(ALONE if alone else None, NAMED if encoding == "float" else None, purpose),
    )


def write_request(request: Request, drops: Drops) -> dict[str, Any]:
    content = request.read_as(EmbeddingsContent)
    drops.foreign(content.extra)
    if content.types not in ((), ("float",)):
        drops.add("embedding_types")
    if content.truncate is not None:
        drops.add("truncate")
    items = content.items
    alone = has_word(content.shape, ALONE) and len(items) == 1
    body: dict[str, Any] = {"model": request.model, "input": items[0] if alone else items}
    if content.dimensions is not None:
        body["dimensions"] = content.dimensions
    if content.packed or has_word(content.shape, NAMED):
        body["encoding_format"] = "base64" if content.packed else "float"
    if content.purpose is not None:
        body["input_type"] = _spelled(content.purpose, content.shape)
    if content.end_user is not None:
        body["user"] = content.end_user
    return body | own_fields(content.extra, FORMAT)


def _items(said: Any) -> tuple[Item, ...]:
    if not isinstance(said, list) or not said:
        raise FieldError("input", _EXPECTED)
    if all(type(item) is str for item in said):
        return tuple(said)
    if all(_is_tokens(item) for item in said):
        return tuple(tuple(item) for item in said)
    raise FieldError("input", _EXPECTED)


def _is_tokens(said: Any) -> bool:
    return isinstance(said, list) and bool(said) and all(type(token) is int for token in said)


def _spelled(purpose: Purpose, shape: str | None) -> str:
    """As the client did, where it named one."""
    said = (word for word in (shape or "").split() if PURPOSES.get(word) == purpose)
    return next(said, purpose)
