"""The mock provider's side of `openai.embeddings`: a unit vector made from a hash of the text."""

from base64 import b64encode
from sys import byteorder
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, json

from stockyard.core.stand_in import DIMENSIONS, MOST_DIMENSIONS, vector_of
from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.chat import error
from stockyard.upstream.mock.dialect import Signature
from stockyard.upstream.mock.mock_request import MockRequest
from stockyard.upstream.mock.reply import Estimate, MockReply

__all__ = ["broken", "error", "frames", "name", "read", "reply", "request_id", "whole"]

name = "openai.embeddings"
request_id = b"x-request-id"
broken = b""
frames = None

MOST_INPUTS = 2048

_Tokens = Annotated[list[int], Meta(min_length=1)]


class _Request(Struct):
    model: str
    input: str | list[str | int | _Tokens]
    dimensions: Annotated[int, Meta(ge=1, le=MOST_DIMENSIONS)] | None = None
    encoding_format: Literal["float", "base64"] | None = None


class _EmbeddingsRequest(MockRequest, frozen=True, kw_only=True):
    inputs: tuple[str, ...] = ()
    """Texts. A text that came as tokens is written as the list of their numbers."""
    dimensions: int = DIMENSIONS
    in_base64: bool = False


_decoder = json.Decoder(_Request)


def read(body: bytes) -> MockRequest:
    request = _decoder.decode(body)
    inputs = _inputs(request.input)
    return _EmbeddingsRequest(
        model=request.model,
        texts=inputs,
        inputs=inputs,
        dimensions=request.dimensions or DIMENSIONS,
        in_base64=request.encoding_format == "base64",
    )


def reply(request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> MockReply:
    return MockReply(input_tokens=sum(map(estimate, request.texts)))


def whole(request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
    assert isinstance(request, _EmbeddingsRequest)  # noqa: S101  this module read it
    rows = [
        {"object": "embedding", "index": at, "embedding": _spelled(text, request)}
        for at, text in enumerate(request.inputs)
    ]
    usage = {"prompt_tokens": reply.input_tokens, "total_tokens": reply.input_tokens}
    return json.encode(
        {
            "id": f"embd-mock{signature.number}",  # Mistral's library wants one
            "object": "list",
            "data": rows,
            "model": signature.model,
            "usage": usage,
        }
    )


def _inputs(said: str | list[Any]) -> tuple[str, ...]:
    if isinstance(said, str):
        return (said,)
    if said and all(isinstance(item, int) for item in said):
        return (str(said),)
    return tuple(item if isinstance(item, str) else str(item) for item in said[:MOST_INPUTS])


def _spelled(text: str, request: _EmbeddingsRequest) -> str | list[float]:
    vector = vector_of(text, request.dimensions)
    if not request.in_base64:
        return vector.tolist()
    if byteorder == "big":
        vector.byteswap()
    return b64encode(vector.tobytes()).decode()
