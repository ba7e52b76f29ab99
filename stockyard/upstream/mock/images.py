"""The mock provider's side of `openai.images`: squares in a colour made from the prompt."""

from base64 import b64encode

from msgspec import json

from stockyard.core.stand_in import SIDE, square
from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.chat import error
from stockyard.upstream.mock.dialect import Frames, Piece, Signature
from stockyard.upstream.mock.mock_request import MOST_CHOICES, MockRequest
from stockyard.upstream.mock.reply import Estimate, MockReply
from stockyard.wire.openai_images import request as wire

__all__ = ["broken", "error", "frames", "name", "read", "reply", "request_id", "whole"]

name = "openai.images"
request_id = b"x-request-id"
broken = b'event: image_generation.completed\ndata: {"type":"image_generation.com\n\n'

TOKENS = 272
"""OpenAI's count for its smallest image."""


class _ImagesRequest(MockRequest, frozen=True, kw_only=True):
    event: str
    """First part of the names of streamed events."""


def read(body: bytes) -> MockRequest:
    head, content = wire.peek(body), wire.decode_request(body)
    prompt = content.prompt or ""
    return _ImagesRequest(
        model=head.model,
        stream=head.stream,
        prompt=prompt,
        texts=(prompt,),
        n=min(max(content.wanted, 1), MOST_CHOICES),
        event="image_edit" if content.given else "image_generation",
    )


def reply(request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> MockReply:
    return MockReply(input_tokens=estimate(request.prompt), output_tokens=TOKENS * request.n)


def whole(request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
    return json.encode(
        {
            "created": signature.created,
            "background": "opaque",
            "output_format": "png",
            "size": f"{SIDE}x{SIDE}",
            "data": [{"b64_json": _painted(request, n)} for n in range(request.n)],
            "usage": _usage(reply),
        }
    )


def frames(request: MockRequest, reply: MockReply, signature: Signature) -> Frames:
    assert isinstance(request, _ImagesRequest)  # noqa: S101  this module read it
    prefix = request.event

    def event(kind: str, **fields: object) -> bytes:
        said = {"type": f"{prefix}.{kind}", "created_at": signature.created, **fields}
        return f"event: {said['type']}\n".encode() + b"data: %b\n\n" % json.encode(said)

    *first, last = (_painted(request, n) for n in range(request.n))
    return Frames(
        event("partial_image", partial_image_index=0, b64_json=_painted(request, 0)),
        (Piece(event("completed", b64_json=image), " ") for image in first),
        event("completed", b64_json=last, usage=_usage(reply)),
    )


def _painted(request: MockRequest, number: int) -> str:
    return b64encode(square(f"{number} {request.prompt}".encode())).decode()


def _usage(reply: MockReply) -> dict[str, object]:
    return {
        "input_tokens": reply.input_tokens,
        "input_tokens_details": {"text_tokens": reply.input_tokens, "image_tokens": 0},
        "output_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
