"""Rerank requests, both ways."""

from typing import Any

from stockyard.core.meaning import Tie
from stockyard.core.request import Request
from stockyard.core.rerank import Document, RerankContent, text_of
from stockyard.wire.cohere_rerank.words import Words
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields

TEXTLESS_TIE = Tie(
    code="invalid_request",
    message="The provider of this model takes documents with a text only.",
    param="documents",
)


def read_request(fields: Fields, words: Words) -> RerankContent:
    fields.any("model")
    query = fields.required_text("query")
    documents = _documents(fields, words)
    return RerankContent(
        query=query,
        documents=documents,
        top_n=fields.integer(words.top_n) if words.top_n else None,
        with_documents=fields.flag(words.with_documents) if words.with_documents else None,
        truncate=fields.flag(words.truncate) if words.truncate else None,
        tie=tie_of(documents),
        extra=fields.left(words.format),
    )


def write_request(request: Request, drops: Drops, words: Words) -> dict[str, Any]:
    content = request.read_as(RerankContent)
    drops.foreign(content.extra)
    body: dict[str, Any] = {"model": request.model} if words.model else {}
    body["query"] = content.query
    documents = content.documents
    body[words.documents] = documents if words.objects else [text_of(d) for d in documents]
    # Where it cannot be asked for, the places beyond it are left out of the answer.
    if content.top_n is not None and words.top_n is not None:
        body[words.top_n] = content.top_n
    if content.with_documents is not None and words.with_documents is not None:
        body[words.with_documents] = content.with_documents
    if content.truncate is not None and words.truncate is not None:
        body[words.truncate] = content.truncate
    elif content.truncate is not None:
        drops.add("truncate")
    return body | own_fields(content.extra, words.format)


def tie_of(documents: tuple[Document, ...]) -> Tie | None:
    """What keeps these documents in their format."""
    return TEXTLESS_TIE if any(text_of(document) is None for document in documents) else None


def _documents(fields: Fields, words: Words) -> tuple[Document, ...]:
    said = fields.items(words.documents)
    known = (str, dict) if words.objects else (str,)
    if not said or not all(isinstance(document, known) for document in said):
        more = " or objects" if words.objects else ""
        raise FieldError(words.documents, f"an array of strings{more}")
    return tuple(said)
