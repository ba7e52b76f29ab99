"""The mock provider's side of `openai.embeddings`: unit vectors that follow from the text alone."""

from base64 import b64encode
from sys import byteorder
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, json

from stockyard.core.stand_in import DIMENSIONS, MOST_DIMENSIONS, vector_of
from stockyard.upstream.mock.asked import Asked
from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.chat import error
from stockyard.upstream.mock.dialect import Signature
from stockyard.upstream.mock.reply import Estimate, Reply

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


class _Asked(Asked, frozen=True, kw_only=True):
    inputs: tuple[str, ...] = ()
    """A text of tokens as their numbers."""
    dimensions: int = DIMENSIONS
    packed: bool = False


_decoder = json.Decoder(_Request)


def read(body: bytes) -> Asked:
    request = _decoder.decode(body)
    inputs = _inputs(request.input)
    return _Asked(
        model=request.model,
        texts=inputs,
        inputs=inputs,
        dimensions=request.dimensions or DIMENSIONS,
        packed=request.encoding_format == "base64",
    )


def reply(asked: Asked, behaviour: Behaviour, estimate: Estimate) -> Reply:
    return Reply(input_tokens=sum(map(estimate, asked.texts)))


def whole(asked: Asked, reply: Reply, signature: Signature) -> bytes:
    assert isinstance(asked, _Asked)  # noqa: S101  this module read it
    rows = [
        {"object": "embedding", "index": at, "embedding": _spelled(text, asked)}
        for at, text in enumerate(asked.inputs)
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


def _spelled(text: str, asked: _Asked) -> str | list[float]:
    vector = vector_of(text, asked.dimensions)
    if not asked.packed:
        return vector.tolist()
    if byteorder == "big":
        vector.byteswap()
    return b64encode(vector.tobytes()).decode()
