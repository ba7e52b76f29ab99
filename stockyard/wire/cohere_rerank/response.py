"""Rerank answers, both ways."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.core.rerank import Ranked, RerankOutput
from stockyard.core.response import Response
from stockyard.wire.codec import Pen
from stockyard.wire.cohere_embed.meta import read_meta, write_meta
from stockyard.wire.cohere_rerank.words import Words
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_embeddings.usage import read_usage as read_tokens
from stockyard.wire.whole import Beside


class Asked(Struct, gc=False):
    """What of a request its answer depends on."""

    documents: list[Any] = []
    top_n: int | None = None
    return_documents: bool | None = None


_asked = msgspec.json.Decoder(Asked).decode
NOTHING_ASKED = Asked()


def read_response(answer: Any, words: Words) -> RerankOutput:
    fields = Fields({} if words.results is None else answer)
    rows = answer if words.results is None else fields.any(words.results)
    if not isinstance(rows, list):
        raise FieldError(words.results or "", "an array of places")
    fields.any("usage")
    return RerankOutput(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        ranked=tuple(_ranked(Fields(row), words) for row in rows),
        extra=fields.left(words.format),
    )


def write_response(response: Response, pen: Pen, words: Words) -> Any:
    output = response.read_as(RerankOutput)
    asked = asked_of(pen.asked)
    rows = [_row(ranked, asked, words) for ranked in output.ranked[: asked.top_n]]
    if words.results is None:
        return rows
    own = own_fields(output.extra, words.format)
    return {
        "id": output.id or pen.id,
        words.results: rows,
        "meta": write_meta(response.usage),
    } | own


def asked_of(request: bytes) -> Asked:
    try:
        return _asked(request)
    except (ValueError, RecursionError):
        return NOTHING_ASKED


def read_usage(beside: Beside) -> Usage | None:
    """Rerank is counted in searches or in tokens."""
    return read_meta(beside.meta) or read_tokens(beside.usage)


def _ranked(row: Fields, words: Words) -> Ranked:
    index, score = row.integer("index"), row.number(words.score)
    if index is None or score is None:
        raise FieldError(words.score, "a number beside an index")
    return Ranked(index, score, row.any(words.document))


def _row(ranked: Ranked, asked: Asked, words: Words) -> dict[str, Any]:
    row: dict[str, Any] = {"index": ranked.index, words.score: ranked.score}
    if asked.return_documents and (document := _repeated(ranked, asked.documents)) is not None:
        row[words.document] = document
    return row


def _repeated(ranked: Ranked, documents: Sequence[Any]) -> Any:
    """The document as an object with its text, whether or not the provider repeated it; None where
    the request has none in that place."""
    document = ranked.document
    if document is None:
        if not 0 <= ranked.index < len(documents):
            return None
        document = documents[ranked.index]
    return document if isinstance(document, Mapping) else {"text": document}
