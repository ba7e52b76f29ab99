"""Values that do not belong there, in every place of every format, from callers and providers.

S20 and `security.md` 8, type confusion: whatever stands in a body, it is read, refused as the
caller's mistake, or refused as the provider's. It is never an error of ours.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stockyard.core.events import Event
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire import eventstream
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.formats import FORMATS

BODIES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("bodies.json").read_text())
"""One good request, answer and stream of each format, with as many fields as fit into one."""
REQUESTS, ANSWERS, EVENTS = BODIES["requests"], BODIES["answers"], BODIES["events"]

Place = tuple[str | int, ...]

HALF, ENDLESS = "\ud83d", float("inf")
"""Half a character, and what `1e400` is read as."""
TELLING: list[Any] = [None, 7, "x", [], {}, [7], {"type": []}, [{"type": {}}], HALF, ENDLESS]
"""What breaks most readers that can be broken."""
MORE: list[Any] = [True, -1, 1.5, 1e308, 10**30, "", [None], [[]], [{}], {"a": 1}, {"type": 7}]

CHATS = [name for name in REQUESTS if "messages" in REQUESTS[name] or name == "gemini"]
CHATS.append("openai.responses")
STREAMING = [*CHATS, "openai.completions", "ollama.generate"]
NOTHING: frozenset[str] = frozenset()


class Everything(frozenset[str]):
    """All features that a model may have."""

    def __contains__(self, feature: object) -> bool:
        return True


def odd_bodies(good: Any, values: list[Any]) -> Iterator[Any]:
    for place in places(good):
        for value in values:
            yield with_value(good, place, value)


def places(body: Any, at: Place = ()) -> Iterator[Place]:
    yield at
    if isinstance(body, dict):
        for key, value in body.items():
            yield from places(value, (*at, key))
    elif isinstance(body, list):
        for i, value in enumerate(body):
            yield from places(value, (*at, i))


def with_value(body: Any, at: Place, value: Any) -> Any:
    if not at:
        return value
    changed = body.copy()
    changed[at[0]] = with_value(body[at[0]], at[1:], value)
    return changed


def read_and_write(codec: Codec, body: bytes, others: list[Codec]) -> None:
    """As the gateway does for a caller of one format and providers of the others."""
    try:
        codec.peek(body)
        content = codec.decode_request(body)
    except Refused as refusal:
        assert refusal.status == 400  # noqa: PT017  either way is right
        return
    for other in others:
        for features in (Everything(), NOTHING):
            try:
                asked = Request(model="m", content=content)
                other.encode_request(asked, features=features, traits=NOTHING)
            except Refused as refusal:
                assert refusal.status == 400  # noqa: PT017  an error is one of the right ends


@pytest.mark.parametrize("name", REQUESTS)
def test_s20_an_odd_value_in_a_request_is_read_or_refused(name: str) -> None:
    others = [FORMATS[chat] for chat in CHATS if name in CHATS and chat != name]
    for odd in odd_bodies(REQUESTS[name], TELLING):
        read_and_write(FORMATS[name], json.dumps(odd).encode(), others)


@pytest.mark.slow
@pytest.mark.parametrize("name", REQUESTS)
def test_s20_more_odd_values_in_a_request_are_read_or_refused(name: str) -> None:
    others = [FORMATS[chat] for chat in CHATS if name in CHATS and chat != name]
    for odd in odd_bodies(REQUESTS[name], MORE):
        read_and_write(FORMATS[name], json.dumps(odd).encode(), others)


@pytest.mark.parametrize("values", [TELLING, pytest.param(MORE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_odd_value_in_an_answer_is_the_providers_mistake(name: str, values: list[Any]) -> None:
    codec = FORMATS[name]
    writers = [FORMATS[chat] for chat in CHATS if name in CHATS]
    for odd in odd_bodies(ANSWERS[name], values):
        body = json.dumps(odd).encode()
        try:
            codec.facts(body, traits=NOTHING)
            output = codec.decode_response(body, traits=NOTHING)
        except UpstreamError:
            continue
        for writer in writers:
            writer.encode_response(Response(output), a_pen())


@pytest.mark.parametrize("values", [TELLING, pytest.param(MORE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", EVENTS)
def test_an_odd_value_in_a_stream_is_the_providers_mistake(name: str, values: list[Any]) -> None:
    codec, events = FORMATS[name], EVENTS[name]
    for i, (event, good) in enumerate(events):
        before = [on_the_wire(name, *said) for said in events[:i]]
        after = [on_the_wire(name, *said) for said in events[i + 1 :]]
        for odd in odd_bodies(good, values):
            pieces = [*before, on_the_wire(name, event, odd), *after]
            hear(codec, pieces)
            for writer in STREAMING:
                write_anew(codec, pieces, FORMATS[writer])


def write_anew(codec: Codec, pieces: list[bytes], other: Codec) -> None:
    """What a reader understood can be said in every format."""
    reader, events = codec.reader(traits=NOTHING), list[Event]()
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.end()
    except UpstreamError:
        events += reader.before_error
    writer = other.writer(a_pen())
    writer.write(events)
    writer.end()


def hear(codec: Codec, pieces: list[bytes]) -> None:
    """By everything that looks on."""
    for listener in (
        codec.look(traits=NOTHING, keep_usage=True, native=False),
        codec.look(traits=NOTHING, keep_usage=True, native=True),
    ):
        try:
            for piece in pieces:
                listener.feed(piece)
            listener.end()
        except UpstreamError:
            continue


def on_the_wire(name: str, event: str, said: Any) -> bytes:
    data = json.dumps(said).encode()
    if name == "bedrock.converse":
        return eventstream.event(event, data)
    if name.startswith("ollama."):
        return data + b"\n"
    return (b"event: %b\n" % event.encode() if event else b"") + b"data: %b\n\n" % data


def a_pen() -> Pen:
    return Pen(
        id="1", input_estimate=lambda: 1, model="m", created=1, wants_usage=True, asked=b"{}"
    )


def test_the_formats_of_callers_are_all_there() -> None:
    assert len(REQUESTS) == 18
    assert len(ANSWERS) == 27
    assert len(EVENTS) == 9
