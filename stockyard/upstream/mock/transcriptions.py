"""The mock provider's side of `openai.transcriptions`: always the same kind of text."""

from msgspec import json

from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.chat import error
from stockyard.upstream.mock.dialect import Frames, Piece, Signature
from stockyard.upstream.mock.mock_request import MockRequest
from stockyard.upstream.mock.reply import Estimate, MockReply, pieces_of
from stockyard.wire.openai_transcriptions import request as wire
from stockyard.wire.upload import upload_of

__all__ = ["broken", "error", "frames", "name", "read", "reply", "request_id", "whole"]

name = "openai.transcriptions"
request_id = b"x-request-id"
broken = b'data: {"type":"transcript.text.del\n\n'

SAID = (
    "This transcript comes from Stockyard's mock provider, which got {} bytes and does not listen."
)
_OBJECTS = frozenset({"", "json", "verbose_json", "diarized_json"})
_SUBTITLES = {
    "srt": "1\n00:00:00,000 --> 00:00:01,000\n{}\n",
    "vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\n{}\n",
}


class _TranscriptionRequest(MockRequest, frozen=True, kw_only=True):
    response_format: str


def read(body: bytes) -> MockRequest:
    head, upload = wire.peek(body), upload_of(body)
    form = upload.text("response_format") or ""
    return _TranscriptionRequest(
        model=head.model,
        stream=head.stream,
        prompt=SAID.format(len(body)),
        texts=tuple(filter(None, [upload.text("prompt")])),
        json=form in _OBJECTS,
        response_format=form,
    )


def reply(request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> MockReply:
    return MockReply(
        text=request.prompt,
        input_tokens=sum(map(estimate, request.texts)),
        output_tokens=estimate(request.prompt),
        content_type=b"application/json" if request.json else b"text/plain; charset=utf-8",
    )


def whole(request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
    assert isinstance(request, _TranscriptionRequest)  # noqa: S101  this module read it
    if not request.json:
        return _SUBTITLES.get(request.response_format, "{}\n").format(reply.text).encode()
    answer: dict[str, object] = {"text": reply.text, "usage": _usage(reply)}
    if request.response_format == "verbose_json":
        segment = {"id": 0, "start": 0.0, "end": 1.0, "text": reply.text}
        answer |= {"task": "transcribe", "language": "english", "duration": 1.0}
        answer |= {"segments": [segment]}
    return json.encode(answer)


def frames(request: MockRequest, reply: MockReply, signature: Signature) -> Frames:
    return Frames(
        b"",
        (Piece(_event("delta", delta=text), text) for text in pieces_of(reply.text)),
        _event("done", text=reply.text, usage=_usage(reply)) + b"data: [DONE]\r\n\r\n",
    )


def _event(kind: str, **fields: object) -> bytes:
    # The service ends the lines of these streams in this way, and only of these.
    return b"data: %b\r\n\r\n" % json.encode({"type": f"transcript.text.{kind}", **fields})


def _usage(reply: MockReply) -> dict[str, object]:
    return {
        "type": "tokens",
        "input_tokens": reply.input_tokens,
        "input_token_details": {"text_tokens": reply.input_tokens, "audio_tokens": 0},
        "output_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
