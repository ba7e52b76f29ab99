"""The mock provider's side of `cohere.rerank`: counts the words that query and document share."""

import re
from typing import Any

from msgspec import Struct, json

from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.dialect import Signature
from stockyard.upstream.mock.mock_request import MockRequest
from stockyard.upstream.mock.reply import Estimate, MockReply

name = "cohere.rerank"
request_id = b"x-request-id"
broken = b""
frames = None

_WORDS = re.compile(r"\w+")


class _Document(Struct):
    text: str


class _Request(Struct):
    model: str
    query: str
    documents: list[str | _Document]
    top_n: int | None = None


class _RerankRequest(MockRequest, frozen=True, kw_only=True):
    query: str
    documents: tuple[str, ...]
    top_n: int | None = None


_decoder = json.Decoder(_Request)


def read(body: bytes) -> MockRequest:
    request = _decoder.decode(body)
    documents = tuple(d if isinstance(d, str) else d.text for d in request.documents)
    return _RerankRequest(
        model=request.model,
        texts=(request.query, *documents),
        query=request.query,
        documents=documents,
        top_n=request.top_n,
    )


def reply(request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> MockReply:
    return MockReply(input_tokens=sum(map(estimate, request.texts)))


def whole(request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
    assert isinstance(request, _RerankRequest)  # noqa: S101  this module read it
    wanted = _words(request.query)
    places = [
        {"index": at, "relevance_score": len(wanted & _words(text)) / max(1, len(wanted))}
        for at, text in enumerate(request.documents)
    ]
    places.sort(key=lambda place: -place["relevance_score"])
    return json.encode(
        {
            "id": f"rerank-mock{signature.number}",
            "results": places[: request.top_n],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        }
    )


def error(status: int, message: str, signature: Signature) -> bytes:
    body: dict[str, Any] = {"id": f"rerank-mock{signature.number}", "message": message}
    return json.encode(body)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(text.lower()))
