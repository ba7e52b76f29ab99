"""Mistral's speech: asked as OpenAI's, answered with an object that has the sound in it."""

import re
from base64 import b64encode
from typing import Any

import msgspec

from stockyard.core.messages import Audio, Message
from stockyard.core.request import Request
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire import strict
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body
from stockyard.wire.head import quoted, read_head
from stockyard.wire.media_usage import read_media_usage
from stockyard.wire.openai_speech.codec import SpeechCodec
from stockyard.wire.openai_speech.response import encode_response

FORMAT = "mistral.speech"


class _Head(msgspec.Struct, gc=False):
    model: str | None = None
    """Optional: the service has a default."""
    input: str | msgspec.UnsetType = msgspec.UNSET
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET


class _Answer(msgspec.Struct, gc=False):
    audio_data: str | None = None
    usage: Any = None
    error: Any = None


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "input", "stream")
_answer = msgspec.json.Decoder(_Answer).decode
_SOUND = re.compile(r"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
"""Sound as text. Leniently read, nonsense would be silence."""


class MistralSpeechCodec(SpeechCodec):
    name = FORMAT

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        return RequestHead(head.model or "", head.stream is True, wants_usage=True)

    def write_request(self, request: Request, to: Addressee, /) -> Dropped:
        drops = Drops(FORMAT)
        body = strict.parse(super().write_request(request, to).body)
        # A wish for events is fulfilled here: the answer comes whole and is taken apart.
        if body.pop("stream_format", None) not in (None, "sse", "audio"):
            drops.add("stream_format")
        return Dropped(msgspec.json.encode(body), drops.names)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return Facts(read_media_usage(_read(body).usage, traits))

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        data = _read(body).audio_data
        if not data or _SOUND.fullmatch(data) is None:
            raise _no_answer()
        audio = Audio(data=data)
        message = Message(role="assistant", parts=(audio,))
        return Output(choices=(Choice(message=message, finish="stop"),))

    def encode_response(self, response: Response, /, pen: Pen) -> bytes:
        sound = b64encode(encode_response(response)).decode()
        return msgspec.json.encode({"audio_data": sound})


def _read(body: bytes) -> _Answer:
    try:
        answer = _answer(body)
    except (ValueError, RecursionError):
        raise _no_answer() from None
    if answer.error:
        raise error_in_answer(error_body({"error": answer.error}))
    if answer.audio_data is None:
        raise _no_answer()
    return answer


def _no_answer() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's answer has no sound.")
