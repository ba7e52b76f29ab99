"""Messages in AWS frames: read, looked at, written; and what is left to others."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.events import Event
from stockyard.core.folding import fold
from stockyard.core.request import Request
from stockyard.errors import Refused, UpstreamError
from stockyard.wire import eventstream
from stockyard.wire.bedrock_invoke.codec import InvokeCodec
from stockyard.wire.codec import NotReadable, Pen
from tests.bedrock_answers import chunks, message, message_stream

CODEC = InvokeCodec()
NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="claude-test", created=1, wants_usage=True)
STREAM = message_stream("Fine ", "today.")
ASKED: dict[str, Any] = {
    "anthropic_version": "bedrock-2023-05-31",
    "anthropic_beta": ["interleaved-thinking-2025-05-14"],
    "max_tokens": 100,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "hi"}],
    "a_field_from_next_year": {"n": 1},
}


def read(stream: bytes, size: int = 1 << 20) -> list[Event]:
    reader = CODEC.reader(traits=NONE)
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


def test_nothing_of_a_request_is_lost() -> None:
    content = CODEC.decode_request(json.dumps(ASKED).encode())
    request = Request(model="in the path", content=content, stream=True)
    wrote = CODEC.encode_request(request, features=NONE, traits=NONE)
    assert json.loads(wrote.body) == ASKED
    assert wrote.dropped == ()


def test_a_head_tells_the_limit_and_no_model() -> None:
    head = CODEC.peek(json.dumps(ASKED).encode())
    assert (head.model, head.stream, head.max_output) == ("", False, 100)


@pytest.mark.parametrize("body", [b"{}", b'{"inputText":"hi"}', b'{"messages":[]}', b"", b"\xff"])
def test_bodies_of_other_models_are_not_readable(body: bytes) -> None:
    with pytest.raises(NotReadable):
        CODEC.peek(body)


def test_a_body_of_messages_that_is_none_is_refused() -> None:
    with pytest.raises(Refused):
        CODEC.peek(b'{"anthropic_version":"x","messages":1}')


def test_a_whole_answer_is_one_of_messages() -> None:
    body = message({"type": "text", "text": "Fine today."})
    output = CODEC.decode_response(body, traits=NONE)
    assert output.choices[0].message.text == "Fine today."
    usage = CODEC.facts(body, traits=NONE).usage
    assert usage is not None
    assert (usage.prompt, usage.completion) == (30, 7)


@given(st.integers(1, 80))
def test_s08_cuts_do_not_matter(size: int) -> None:
    assert read(STREAM, size) == read(STREAM)


def test_the_counts_at_the_end_are_the_same_tokens_again() -> None:
    output, usage = fold(read(STREAM))
    assert output.choices[0].message.text == "Fine today."
    assert usage is not None
    assert usage.total == 37


@pytest.mark.parametrize("size", [1, 7, len(STREAM)])
def test_a_stream_is_forwarded_as_it_came(size: int) -> None:
    look = CODEC.look(traits=NONE, keep_usage=True, native=True)
    passed = [look.feed(STREAM[at : at + size]) for at in range(0, len(STREAM), size)]
    assert b"".join(passed) + look.end() + look.terminator == STREAM
    assert (look.complete, look.content, look.finish) == (True, True, "end_turn")
    assert look.usage == fold(read(STREAM))[1]


def test_what_is_written_is_read_back() -> None:
    writer = CODEC.writer(PEN)
    written = b"".join(writer.write([event]) for event in read(STREAM)) + writer.end()
    output, usage = fold(read(written))
    assert output.choices[0].message.text == "Fine today."
    assert usage == fold(read(STREAM))[1]


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (eventstream.exception("throttlingException", b'{"message":"m"}'), "rate_limited"),
        (eventstream.event("chunk", b'{"bytes":"not base64"}'), "bad_answer"),
        (eventstream.event("chunk", b"no json"), "bad_answer"),
        (eventstream.event("chunk", b"{}")[:-1] + b"\x00", "bad_answer"),
        (chunks({"type": "error", "error": {"type": "overloaded_error"}}), "overloaded"),
    ],
)
def test_s15_errors_in_the_stream_are_errors(frame: bytes, kind: str) -> None:
    begun = STREAM[: len(STREAM) // 3]
    reader = CODEC.reader(traits=NONE)
    whole = b"".join(f.raw for f in eventstream.Frames().feed(begun))
    seen = reader.feed(whole)
    with pytest.raises(UpstreamError) as raised:
        reader.feed(frame)
    assert raised.value.kind == kind
    assert seen


def test_s19_a_cut_stream_is_not_complete() -> None:
    reader = CODEC.reader(traits=NONE)
    reader.feed(STREAM[: len(STREAM) // 2])
    with pytest.raises(UpstreamError) as raised:
        reader.end()
    assert raised.value.kind == "interrupted"
