"""The mock provider's side of `openai.speech`: a short tone for every text."""

import math
import struct
from base64 import b64encode
from functools import cache

from msgspec import Struct, json

from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.chat import error
from stockyard.upstream.mock.dialect import Frames, Piece, Signature
from stockyard.upstream.mock.mock_request import MockRequest
from stockyard.upstream.mock.reply import Estimate, MockReply

__all__ = ["broken", "error", "frames", "name", "read", "reply", "request_id", "whole"]

name = "openai.speech"
request_id = b"x-request-id"
broken = b'data: {"type":"speech.audio.delta","au\n\n'

RATE, HERTZ, SAMPLES = 8000, 440, 2000
"""A quarter of a second."""
_PIECE = 512


class _Request(Struct):
    model: str
    input: str
    instructions: str | None = None
    stream_format: str | None = None


_decoder = json.Decoder(_Request)


def read(body: bytes) -> MockRequest:
    request = _decoder.decode(body)
    return MockRequest(
        model=request.model,
        stream=request.stream_format == "sse",
        texts=(request.input, request.instructions or ""),
    )


def reply(request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> MockReply:
    spoken = sum(map(estimate, filter(None, request.texts)))
    return MockReply(input_tokens=spoken, output_tokens=spoken, content_type=b"audio/wav")


def whole(request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
    return tone()


def frames(request: MockRequest, reply: MockReply, signature: Signature) -> Frames:
    sound = tone()
    pieces = (sound[start : start + _PIECE] for start in range(0, len(sound), _PIECE))
    usage = {
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
    return Frames(
        b"",
        (Piece(_event("delta", audio=b64encode(piece).decode()), " ") for piece in pieces),
        _event("done", usage=usage),
    )


@cache
def tone() -> bytes:
    """A WAV file: 44 bytes of header, then a byte per sample."""
    samples = bytes(
        int(127.5 + 100 * math.sin(2 * math.pi * HERTZ * n / RATE)) for n in range(SAMPLES)
    )
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE, 1, 8)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data


def _event(kind: str, **fields: object) -> bytes:
    return b"data: %b\n\n" % json.encode({"type": f"speech.audio.{kind}", **fields})
