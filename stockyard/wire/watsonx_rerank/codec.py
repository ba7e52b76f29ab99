"""`/text/rerank`: a question and texts in, a score for each of the best out.

https://cloud.ibm.com/apidocs/watsonx-ai#text-rerank
"""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.rerank import Ranked, RerankContent, RerankOutput, text_of
from stockyard.core.response import Response
from stockyard.wire import splice
from stockyard.wire.codec import Pen, RequestHead, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.layout import own_fields
from stockyard.wire.watsonx_embed.codec import COUNT, MODEL, counted
from stockyard.wire.whole import Beside, WholeCodec

FORMAT = "watsonx.rerank"
PARAMETERS, RETURNED = "parameters", "return_options"


class _Head(Struct, gc=False):
    model_id: str
    query: str
    inputs: list[msgspec.Raw]


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted(MODEL, "query", "inputs")


class WatsonxRerankCodec(WholeCodec):
    name = FORMAT

    def peek(self, body: bytes) -> RequestHead:
        return RequestHead(read_head(body, _HEAD, _KEYS).model_id)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else splice.replace_text(body, MODEL, model)

    def read_request(self, fields: Fields) -> RerankContent:
        fields.any(MODEL)
        said = fields.items("inputs") or []
        rows = (Fields(row, f"inputs[{at}]") for at, row in enumerate(said))
        parameters = Fields(fields.object(PARAMETERS) or {}, PARAMETERS)
        returned = Fields(parameters.object(RETURNED) or {}, f"{PARAMETERS}.{RETURNED}")
        top_n, with_documents = returned.integer("top_n"), returned.flag("inputs")
        if returned.rest:
            parameters.rest[RETURNED] = returned.rest
        if parameters.rest:
            fields.rest[PARAMETERS] = parameters.rest
        return RerankContent(
            query=fields.required_text("query"),
            documents=tuple(row.required_text("text") for row in rows),
            top_n=top_n,
            with_documents=with_documents,
            extra=fields.left(FORMAT),
        )

    def write_request(self, request: Request, drops: Drops) -> dict[str, Any]:
        content = request.read_as(RerankContent)
        drops.foreign(content.extra)
        if content.truncate is not None:
            # There a number of tokens is wanted, which differs from model to model.
            drops.add("truncate")
        own = own_fields(content.extra, FORMAT)
        parameters = own.pop(PARAMETERS, {})
        wanted = {"top_n": content.top_n, "inputs": content.with_documents}
        returned = {name: value for name, value in wanted.items() if value is not None}
        if returned:
            parameters = {**parameters, RETURNED: parameters.get(RETURNED, {}) | returned}
        body: dict[str, Any] = {
            MODEL: request.model,
            "query": content.query,
            "inputs": [{"text": text_of(document)} for document in content.documents],
        }
        return body | ({PARAMETERS: parameters} if parameters else {}) | own

    def read_response(self, answer: Any) -> RerankOutput:
        fields = Fields(answer)
        fields.any(COUNT)
        rows = fields.items("results")
        if rows is None:
            raise FieldError("results", "an array of places")
        return RerankOutput(
            model=fields.text(MODEL) or "",
            ranked=tuple(_ranked(Fields(row, f"results[{at}]")) for at, row in enumerate(rows)),
            extra=fields.left(FORMAT),
        )

    def write_response(self, response: Response, pen: Pen) -> dict[str, Any]:
        output = response.read_as(RerankOutput)
        rows = [{"index": ranked.index, "score": ranked.score} for ranked in output.ranked]
        used = {} if response.usage is None else {COUNT: response.usage.prompt}
        return {MODEL: pen.model, "results": rows, **used, **own_fields(output.extra, FORMAT)}

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        return counted(beside)


def _ranked(row: Fields) -> Ranked:
    index, score = row.integer("index"), row.number("score")
    if index is None or score is None:
        raise FieldError(row.path, "an index and a score")
    return Ranked(index, score, row.any("input"))
