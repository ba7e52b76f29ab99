"""Embed: texts, images or mixed inputs in, vectors out, by type of number."""

from typing import Any

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire.codec import Fault, Pen, Traits, WireError
from stockyard.wire.cohere_chat import errors
from stockyard.wire.cohere_embed import request, response
from stockyard.wire.cohere_embed.meta import read_meta
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.whole import Beside, WholeCodec


class CohereEmbedCodec(WholeCodec):
    name = request.FORMAT
    most_items = 96

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        return request.read_request(fields)

    def write_request(self, request_: Request, drops: Drops) -> dict[str, Any]:
        return request.write_request(request_, drops)

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        return response.read_response(answer)

    def write_response(self, response_: Response, pen: Pen) -> dict[str, Any]:
        return response.write_response(response_, pen)

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        return read_meta(beside.meta)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)
