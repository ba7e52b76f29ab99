"""Streams that do not end: events without number, and events after the end."""

import pytest

from stockyard.errors import UpstreamError
from stockyard.wire import eventstream, look, reader
from stockyard.wire.formats import FORMATS
from stockyard.wire.openai_chat import look as chat_look

CHAT = (
    b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
MESSAGES = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
RESPONSES = b'event: response.completed\ndata: {"type":"response.completed","response":{}}\n\n'
CONVERSE = eventstream.event("messageStop", b'{"stopReason":"end_turn"}') + eventstream.event(
    "metadata", b'{"usage":{"inputTokens":1,"outputTokens":1}}'
)
IMAGES = b'data: {"type":"image_generation.completed","b64_json":"QUJD"}\n\n'

ENDED = [
    ("openai.chat", CHAT, b"data: {}\n\n"),
    ("openai.chat", CHAT, b"data: [DONE]\n\n"),
    ("openai.responses", RESPONSES, b"data: {}\n\n"),
    ("anthropic.messages", MESSAGES, b'data: {"type":"ping"}\n\n'),
    ("cohere.chat", b'data: {"type":"message-end","delta":{}}\n\n', b"data: {}\n\n"),
    ("ollama.chat", b'{"done":true}\n', b"{}\n"),
    ("bedrock.converse", CONVERSE, eventstream.event("metadata", b"{}")),
    ("openai.images", IMAGES, b":\n\n"),
]


@pytest.mark.parametrize(("format", "ended", "late"), ENDED)
def test_a_little_may_follow_the_end_on_native_routes(
    format: str, ended: bytes, late: bytes
) -> None:
    watching = FORMATS[format].look(traits=frozenset(), keep_usage=True, native=True)
    passed = watching.feed(ended + late * 3) + watching.end() + watching.terminator
    assert passed == ended + late * 3


@pytest.mark.parametrize(("format", "ended", "late"), ENDED)
def test_what_follows_the_end_is_not_kept_without_bounds(
    format: str, ended: bytes, late: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "MAX_COPIED", 100_000)
    if format == "cohere.chat":
        ended += b"data: [DONE]\n\n"
    watching = FORMATS[format].look(traits=frozenset(), keep_usage=True, native=True)
    watching.feed(ended)
    with pytest.raises(UpstreamError) as raised:
        watching.feed(late * 10_000)
    assert raised.value.code == "limit_exceeded"
    assert watching.terminator == b""


ENDLESS = [
    ("openai.chat", b"\n\n"),
    ("openai.chat", b":\n\n"),
    ("openai.chat", b"data: {}\r\n\r\n"),
    ("openai.completions", b":\n\n"),
    ("openai.responses", b'data: {"type":"response.in_progress"}\n\n'),
    ("anthropic.messages", b'event: ping\ndata: {"type":"ping"}\n\n'),
    ("gemini", b"data: {}\r\n\r\n"),
    ("cohere.chat", b'data: {"type":"content-end"}\n\n'),
    ("ollama.chat", b"{}\n"),
    ("bedrock.converse", eventstream.frame((), b"")),
]


@pytest.mark.parametrize(("format", "event"), ENDLESS)
def test_a_stream_of_too_many_events_is_an_error_where_they_are_looked_at(
    format: str, event: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (look, chat_look):
        monkeypatch.setattr(module, "MAX_EVENTS", 1000)
    watching = FORMATS[format].look(traits=frozenset(), keep_usage=True, native=False)
    watching.feed(event * 1000)
    with pytest.raises(UpstreamError, match="too many events"):
        watching.feed(event)


@pytest.mark.parametrize(("format", "event"), ENDLESS)
def test_a_stream_of_too_many_events_is_an_error_where_they_are_read(
    format: str, event: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_EVENTS", 1000)
    reading = FORMATS[format].reader(traits=frozenset())
    reading.feed(event * 1000)
    with pytest.raises(UpstreamError, match="too many events"):
        reading.feed(event)
