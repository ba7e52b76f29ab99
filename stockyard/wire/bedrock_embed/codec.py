"""Invoked embedding models: their bodies differ by family, which the catalog's row tells.

Most take one text in a call. Those with the trait `embeds_texts` take many, in the words of
`cohere.embed` without the model, which stands in the path.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput, Vector
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire.bedrock_converse import errors
from stockyard.wire.codec import (
    Dropped,
    Facts,
    Fault,
    NotReadable,
    Pen,
    RequestHead,
    Traits,
    WireError,
)
from stockyard.wire.cohere_embed import request as texts_request
from stockyard.wire.cohere_embed import response as texts_response
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_embeddings.request import tie_of
from stockyard.wire.usage import Counts
from stockyard.wire.vectors import numbers_of
from stockyard.wire.whole import WholeCodec, bad_answer

FORMAT = "bedrock.embed"
EMBEDS_TEXTS = "embeds_texts"
MOST_TEXTS = 96
_TELLING = re.compile(rb'"(?:inputText|texts|images|inputs)"')
"""Fields of which each family that is read has one."""


class _Counted(Struct, gc=False):
    inputTextTokenCount: Any = None


_counted = msgspec.json.Decoder(_Counted).decode


class BedrockEmbedCodec(WholeCodec):
    name = FORMAT
    most_items = 1

    def most_items_of(self, traits: Traits) -> int:
        return MOST_TEXTS if EMBEDS_TEXTS in traits else self.most_items

    def peek(self, body: bytes) -> RequestHead:
        """The model is in the path. Raises NotReadable for families that are not read here."""
        if _TELLING.search(body) is None:
            raise NotReadable
        return RequestHead("")

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        if "inputText" not in fields.rest:
            return texts_request.read_request(fields)
        items = (fields.required_text("inputText"),)
        return EmbeddingsContent(
            items=items,
            dimensions=fields.integer("dimensions"),
            tie=tie_of(items),
            extra=fields.left(FORMAT),
        )

    def encode_request(
        self,
        request: Request,
        /,
        *,
        features: Traits,
        traits: Traits,
        max_output: int | None = None,
    ) -> Dropped:
        if EMBEDS_TEXTS not in traits:
            return super().encode_request(request, features=features, traits=traits)
        drops = Drops(texts_request.FORMAT)
        body = texts_request.write_request(request, drops)
        del body["model"]
        return Dropped(msgspec.json.encode(body), drops.names)

    def write_request(self, request: Request, drops: Drops) -> dict[str, Any]:
        content = request.read_as(EmbeddingsContent)
        drops.foreign(content.extra)
        for name, value in (
            ("input_type", content.purpose),
            ("truncate", content.truncate),
            ("user", content.end_user),
        ):
            if value is not None:
                drops.add(name)
        body: dict[str, Any] = {"inputText": content.items[0]}
        if content.dimensions is not None:
            body["dimensions"] = content.dimensions
        return body | own_fields(content.extra, FORMAT)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        try:
            counts = Counts({"tokens": _counted(body).inputTextTokenCount})
        except (ValueError, RecursionError):
            raise bad_answer() from None
        tokens = counts.get("tokens")
        return Facts(usage=None if tokens is None else Usage(in_fresh=tokens, flags=counts.flags))

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        fields = Fields(answer)
        if "embeddings" in fields.rest:
            return texts_response.read_response(answer)
        numbers = fields.any("embedding")
        if numbers is None:
            raise FieldError("embedding", "a vector")
        fields.any("inputTextTokenCount")
        return EmbeddingsOutput(
            vectors=(Vector({"float": numbers_of(numbers)}),), extra=fields.left(FORMAT)
        )

    def write_response(self, response: Response, pen: Pen) -> dict[str, Any]:
        output = response.read_as(EmbeddingsOutput)
        first = next(iter(output.vectors), Vector({}))
        body: dict[str, Any] = {"embedding": first.numbers.get("float", ())}
        if response.usage is not None:
            body["inputTextTokenCount"] = response.usage.prompt
        return body | own_fields(output.extra, FORMAT)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)
