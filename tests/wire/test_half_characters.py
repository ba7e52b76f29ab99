"""Half characters in fields that only go along: an answer must not fail because of them."""

import pytest

from stockyard.core.events import Event
from stockyard.core.folding import fold
from stockyard.core.response import Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

PEN = Pen(id="r1", model="m", created=1, wants_usage=True)
HALF = rb"\ud83d"
CHAT = (
    b'data: {"choices":[{"index":0,"delta":{"content":"hi","annotations":[{"type":"url_citation",'
    b'"url_citation":{"url":"https://a.test","title":"%b"}}]},"finish_reason":"%b"}]}\n\n'
    b"data: [DONE]\n\n"
) % (HALF, HALF)
GEMINI = (
    b'data: {"candidates":[{"content":{"parts":[{"text":"hi"},{"functionCall":{"name":"%b",'
    b'"args":{}}}]},"finishReason":"STOP","x":"%b"}]}\r\n\r\n'
) % (HALF, HALF)
OLLAMA = (
    b'{"message":{"content":"hi","images":["%b"],"tool_calls":[{"function":{"name":"%b"}}]},'
    b'"done":true}\n'
) % (HALF, HALF)


def events_of(format: str, stream: bytes) -> list[Event]:
    reader = FORMATS[format].reader(traits=frozenset())
    return reader.feed(stream) + reader.end()


@pytest.mark.parametrize(
    ("format", "stream"),
    [("openai.chat", CHAT), ("gemini", GEMINI), ("ollama.chat", OLLAMA)],
)
@pytest.mark.parametrize(
    "written",
    [
        *("openai.chat", "openai.responses", "openai.completions", "anthropic.messages"),
        *("gemini", "cohere.chat", "ollama.chat", "bedrock.converse"),
    ],
)
def test_an_answer_with_half_characters_is_written_in_every_format(
    format: str, stream: bytes, written: str
) -> None:
    events = events_of(format, stream)
    output, usage = fold(events)
    codec = FORMATS[written]
    whole = codec.encode_response(Response(output, usage=usage), PEN)
    writer = codec.writer(PEN)
    streamed = writer.write(events) + writer.end()
    assert b"hi" in whole
    assert b"hi" in streamed
    whole.decode()


@pytest.mark.parametrize("audio", [b"1", b'"x"', b"[1]", b"true"])
def test_sound_that_is_no_object_makes_a_stream_unreadable(audio: bytes) -> None:
    with pytest.raises(UpstreamError, match="not a chat stream"):
        events_of("openai.chat", b'data: {"choices":[{"delta":{"audio":%b}}]}\n\n' % audio)
