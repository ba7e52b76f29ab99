"""The mock provider's side of `openai.moderations`: flags nothing, unless the model is `flagged`.

The texts themselves are never judged, so that nobody mistakes this for moderation.
"""

from typing import Any

from msgspec import Struct, json

from stockyard.upstream.mock.behaviour import Behaviour, behaviour_of
from stockyard.upstream.mock.chat import error
from stockyard.upstream.mock.dialect import Signature
from stockyard.upstream.mock.mock_request import MockRequest
from stockyard.upstream.mock.reply import Estimate, MockReply

__all__ = ["broken", "error", "frames", "name", "read", "reply", "request_id", "whole"]

name = "openai.moderations"
request_id = b"x-request-id"
broken = b""
frames = None

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


class _Part(Struct):
    type: str
    text: str = ""


class _Request(Struct):
    input: str | list[str | _Part]
    model: str


class _ModerationRequest(MockRequest, frozen=True, kw_only=True):
    results: int
    """Number of results: one for each text, but one for all parts of a message."""


_decoder = json.Decoder(_Request)


def read(body: bytes) -> MockRequest:
    request = _decoder.decode(body)
    said = [request.input] if isinstance(request.input, str) else request.input
    together = any(isinstance(item, _Part) for item in said)
    return _ModerationRequest(
        model=request.model,
        texts=tuple(item if isinstance(item, str) else item.text for item in said),
        results=1 if together else len(said),
    )


def reply(request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> MockReply:
    return MockReply(input_tokens=sum(map(estimate, request.texts)))


def whole(request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
    assert isinstance(request, _ModerationRequest)  # noqa: S101  this module read it
    flagged = behaviour_of(request.model).flags
    result: dict[str, Any] = {
        "flagged": flagged,
        "categories": dict.fromkeys(CATEGORIES, flagged),
        "category_scores": dict.fromkeys(CATEGORIES, 1.0 if flagged else 0.0),
    }
    return json.encode(
        {
            "id": f"modr-mock{signature.number}",
            "model": signature.model,
            "results": [result] * request.results,
        }
    )
