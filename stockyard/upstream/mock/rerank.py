"""The mock provider's side of `cohere.rerank`: the document with most words of the query leads."""

import re
from typing import Any

from msgspec import Struct, json

from stockyard.upstream.mock.asked import Asked
from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.dialect import Signature
from stockyard.upstream.mock.reply import Estimate, Reply

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


class _Asked(Asked, frozen=True, kw_only=True):
    query: str
    documents: tuple[str, ...]
    top_n: int | None = None


_decoder = json.Decoder(_Request)


def read(body: bytes) -> Asked:
    request = _decoder.decode(body)
    documents = tuple(d if isinstance(d, str) else d.text for d in request.documents)
    return _Asked(
        model=request.model,
        texts=(request.query, *documents),
        query=request.query,
        documents=documents,
        top_n=request.top_n,
    )


def reply(asked: Asked, behaviour: Behaviour, estimate: Estimate) -> Reply:
    return Reply(input_tokens=sum(map(estimate, asked.texts)))


def whole(asked: Asked, reply: Reply, signature: Signature) -> bytes:
    assert isinstance(asked, _Asked)  # noqa: S101  this module read it
    wanted = _words(asked.query)
    places = [
        {"index": at, "relevance_score": len(wanted & _words(text)) / max(1, len(wanted))}
        for at, text in enumerate(asked.documents)
    ]
    places.sort(key=lambda place: -place["relevance_score"])
    return json.encode(
        {
            "id": f"rerank-mock{signature.number}",
            "results": places[: asked.top_n],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        }
    )


def error(status: int, message: str, signature: Signature) -> bytes:
    body: dict[str, Any] = {"id": f"rerank-mock{signature.number}", "message": message}
    return json.encode(body)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(text.lower()))
