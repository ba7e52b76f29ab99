"""`/ranking`: a question and passages in, a logit for each passage out."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.rerank import Ranked, RerankContent, RerankOutput, text_of
from stockyard.core.response import Response
from stockyard.wire.codec import Pen, RequestHead, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_embeddings.usage import read_usage
from stockyard.wire.whole import Beside, WholeCodec

FORMAT = "nvidia.ranking"


class _Head(Struct, gc=False):
    model: str
    query: msgspec.Raw
    passages: list[msgspec.Raw]


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "query", "passages")


class RankingCodec(WholeCodec):
    name = FORMAT

    def peek(self, body: bytes) -> RequestHead:
        return RequestHead(read_head(body, _HEAD, _KEYS).model)

    def read_request(self, fields: Fields) -> RerankContent:
        fields.any("model")
        query = Fields(fields.any("query"), "query")
        passages = fields.items("passages") or []
        rows = (Fields(row, f"passages[{at}]") for at, row in enumerate(passages))
        return RerankContent(
            query=query.required_text("text"),
            documents=tuple(row.required_text("text") for row in rows),
            truncate=_cuts(fields.text("truncate")),
            extra=fields.left(FORMAT),
        )

    def write_request(self, request: Request, drops: Drops) -> dict[str, Any]:
        content = request.read_as(RerankContent)
        drops.foreign(content.extra)
        body: dict[str, Any] = {
            "model": request.model,
            "query": {"text": content.query},
            "passages": [{"text": text_of(document)} for document in content.documents],
        }
        if content.truncate is not None:
            body["truncate"] = "END" if content.truncate else "NONE"
        return body | own_fields(content.extra, FORMAT)

    def read_response(self, answer: Any) -> RerankOutput:
        fields = Fields(answer)
        fields.any("usage")
        rows = fields.items("rankings")
        if rows is None:
            raise FieldError("rankings", "an array of places")
        ranked = tuple(_ranked(Fields(row, f"rankings[{at}]")) for at, row in enumerate(rows))
        return RerankOutput(ranked=ranked, extra=fields.left(FORMAT))

    def write_response(self, response: Response, pen: Pen) -> dict[str, Any]:
        output = response.read_as(RerankOutput)
        rows = [{"index": ranked.index, "logit": ranked.score} for ranked in output.ranked]
        return {"rankings": rows, **own_fields(output.extra, FORMAT)}

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        return read_usage(beside.usage)


def _cuts(said: str | None) -> bool | None:
    if said not in (None, "NONE", "END"):
        raise FieldError("truncate", "'NONE' or 'END'")
    return None if said is None else said == "END"


def _ranked(row: Fields) -> Ranked:
    index, logit = row.integer("index"), row.number("logit")
    if index is None or logit is None:
        raise FieldError(row.path, "an index and a logit")
    return Ranked(index, logit)
