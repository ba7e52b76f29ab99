"""The mock provider's side of `openai.images`: squares of a colour that the prompt decides."""

from base64 import b64encode

from msgspec import json

from stockyard.core.stand_in import SIDE, square
from stockyard.upstream.mock.asked import MOST_CHOICES, Asked
from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.chat import error
from stockyard.upstream.mock.dialect import Frames, Piece, Signature
from stockyard.upstream.mock.reply import Estimate, Reply
from stockyard.wire.openai_images import request

__all__ = ["broken", "error", "frames", "name", "read", "reply", "request_id", "whole"]

name = "openai.images"
request_id = b"x-request-id"
broken = b'event: image_generation.completed\ndata: {"type":"image_generation.com\n\n'

TOKENS = 272
"""What the service counts for its smallest image."""


def read(body: bytes) -> Asked:
    head, content = request.peek(body), request.decode_request(body)
    prompt = content.prompt or ""
    return Asked(
        model=head.model,
        stream=head.stream,
        prompt=prompt,
        texts=(prompt,),
        n=min(max(content.wanted, 1), MOST_CHOICES),
        schema="image_edit" if content.given else "image_generation",
    )


def reply(asked: Asked, behaviour: Behaviour, estimate: Estimate) -> Reply:
    return Reply(input_tokens=estimate(asked.prompt), output_tokens=TOKENS * asked.n)


def whole(asked: Asked, reply: Reply, signature: Signature) -> bytes:
    return json.encode(
        {
            "created": signature.created,
            "background": "opaque",
            "output_format": "png",
            "size": f"{SIDE}x{SIDE}",
            "data": [{"b64_json": _painted(asked, n)} for n in range(asked.n)],
            "usage": _usage(reply),
        }
    )


def frames(asked: Asked, reply: Reply, signature: Signature) -> Frames:
    def event(kind: str, **fields: object) -> bytes:
        said = {"type": f"{asked.schema}.{kind}", "created_at": signature.created, **fields}
        return f"event: {said['type']}\n".encode() + b"data: %b\n\n" % json.encode(said)

    *first, last = (_painted(asked, n) for n in range(asked.n))
    return Frames(
        event("partial_image", partial_image_index=0, b64_json=_painted(asked, 0)),
        (Piece(event("completed", b64_json=image), " ") for image in first),
        event("completed", b64_json=last, usage=_usage(reply)),
    )


def _painted(asked: Asked, number: int) -> str:
    return b64encode(square(f"{number} {asked.prompt}".encode())).decode()


def _usage(reply: Reply) -> dict[str, object]:
    return {
        "input_tokens": reply.input_tokens,
        "input_tokens_details": {"text_tokens": reply.input_tokens, "image_tokens": 0},
        "output_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
