"""Streams of audio, transcripts and images."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from stockyard.testing.yard import Yard
from tests.media_calls import FORM, JSON, KEY, TRANSCRIPT, form, painting, recording, speech


def events(*said: dict[str, Any], named: bool = False, end: bytes = b"") -> bytes:
    out = b""
    for event in said:
        name = f"event: {event['type']}\r\n" if named else ""
        out += f"{name}data: {json.dumps(event)}\r\n\r\n".encode()
    return out + end


DELTAS = [{"type": "transcript.text.delta", "delta": text} for text in ("Good", " day", ".")]
SPOKEN = {
    "type": "transcript.text.done",
    "text": "Good day.",
    "usage": {
        "type": "tokens",
        "input_tokens": 37,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 37},
        "output_tokens": 12,
        "total_tokens": 49,
    },
}
DONE = b"data: [DONE]\r\n\r\n"
SKETCH = {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "AAAA"}
PAINTED = {
    "type": "image_generation.completed",
    "b64_json": "BBBB",
    "usage": {"input_tokens": 9, "output_tokens": 272, "total_tokens": 281},
}
SAYING = [{"type": "speech.audio.delta", "audio": "AAAA"}]
SAID = {
    "type": "speech.audio.done",
    "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115},
}
STREAMING = recording("gpt-4o-transcribe", ("stream", b"true"))


@dataclass(frozen=True)
class Streamed:
    """A call for a stream, what it is answered, and what that costs."""

    path: str
    body: bytes
    kind: dict[str, str]
    stream: bytes
    tokens: tuple[int, int]
    units: dict[str, int] = field(default_factory=dict)


STREAMS = {
    "a transcript": Streamed(
        "/audio/transcriptions", STREAMING, FORM, events(*DELTAS, SPOKEN, end=DONE), (37, 12)
    ),
    "an image": Streamed(
        "/images/generations",
        painting(stream=True, partial_images=1),
        JSON,
        events(SKETCH, PAINTED, named=True),
        (9, 272),
        {"image": 1},
    ),
    "two images": Streamed(
        "/images/generations",
        painting(stream=True, n=2),
        JSON,
        events(PAINTED, SKETCH, PAINTED, named=True),
        (9, 272),
        {"image": 2},
    ),
    "speech": Streamed(
        "/audio/speech",
        speech("gpt-4o-mini-tts", stream_format="sse"),
        JSON,
        events(*SAYING, SAID),
        (14, 101),
    ),
}
each_stream = pytest.mark.parametrize("streamed", STREAMS.values(), ids=list(STREAMS))


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_s19_a_stream_of_images_is_whole_only_with_all_that_were_asked_for(
    yard: Yard, prefix: str
) -> None:
    asked, one = painting(stream=True, n=2), events(PAINTED, SKETCH, named=True)
    yard.provider("openai").plays(one).plays(one + DONE)
    cut = await yard.call(prefix + "/images/generations", asked, headers=JSON)
    assert not cut.ended
    # The provider says that this is all.
    fewer = await yard.call(prefix + "/images/generations", asked, headers=JSON)
    assert fewer.ended


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
@each_stream
async def test_streams_pass_as_they_came(yard: Yard, prefix: str, streamed: Streamed) -> None:
    yard.provider("openai").plays(streamed.stream)
    heard = await yard.call(prefix + streamed.path, streamed.body, headers=streamed.kind)
    assert heard.status == 200
    assert heard.streamed
    blocks = [block + b"\r\n\r\n" for block in heard.blocks if not block.startswith(b":")]
    assert b"".join(blocks) == streamed.stream
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == streamed.tokens
    assert yard.last.usage.units == streamed.units
    assert yard.last.outcomes == ["ok"]


@each_stream
async def test_a_stream_that_breaks_off_says_so(yard: Yard, streamed: Streamed) -> None:
    first_event = streamed.stream.index(b"\r\n\r\n") + 10
    yard.provider("openai").plays(streamed.stream).cuts_after_bytes(first_event)
    heard = await yard.call("/v1" + streamed.path, streamed.body, headers=streamed.kind)
    assert heard.error is not None
    assert heard.error["code"] == "stream_interrupted"
    assert yard.last.outcomes == ["partial"]


async def test_an_error_before_the_first_piece_is_an_answer(yard: Yard) -> None:
    said = {"type": "error", "error": {"message": "No.", "type": "server_error", "code": None}}
    yard.provider("openai").plays(events(said))
    heard = await yard.call("/v1/audio/transcriptions", STREAMING, headers=FORM)
    assert heard.status == 502
    assert heard.error is not None
    assert heard.error["message"] == "No."


async def test_an_error_after_the_first_piece_ends_the_stream(yard: Yard) -> None:
    said = {"type": "error", "error": {"message": "No.", "type": "server_error", "code": None}}
    yard.provider("openai").plays(events(DELTAS[0], said))
    heard = await yard.call("/v1/audio/transcriptions", STREAMING, headers=FORM)
    assert heard.status == 200
    assert heard.events[0].json == DELTAS[0]
    assert heard.error is not None
    assert not heard.ended


async def test_guards_read_streamed_transcripts(yard: Yard) -> None:
    yard.enable("secretscan")
    said = [{"type": "transcript.text.delta", "delta": piece} for piece in ("Say ", KEY, " now")]
    whole = {**SPOKEN, "text": f"Say {KEY} now"}
    yard.provider("openai").plays(events(*said, whole, end=DONE))
    heard = await yard.call("/v1/audio/transcriptions", STREAMING, headers=FORM)
    assert KEY.encode() not in heard.body
    assert heard.ended
    deltas = [event.json["delta"] for event in heard.events if "delta" in (event.json or {})]
    last = next(e.json for e in heard.events if (e.json or {}).get("type") == SPOKEN["type"])
    assert "".join(deltas) == last["text"]
    assert last["text"].startswith("Say ")
    assert last["usage"]["input_tokens"] == 37


async def test_guards_read_what_each_speaker_said(yard: Yard) -> None:
    yard.enable("secretscan")
    said = [
        {"type": "transcript.text.segment", "text": f" It is {KEY}.", "speaker": "A", "id": "s0"},
        {"type": "transcript.text.segment", "text": " Thank you.", "speaker": "B", "id": "s1"},
    ]
    whole = {**SPOKEN, "text": f"It is {KEY}. Thank you."}
    yard.provider("openai").plays(events(*said, whole, end=DONE))
    heard = await yard.call("/v1/audio/transcriptions", STREAMING, headers=FORM)
    assert KEY.encode() not in heard.body
    first, second, last = (event.json for event in heard.events[:3])
    assert (first["speaker"], second["speaker"]) == ("A", "B")
    assert second["text"] == " Thank you."
    assert last["text"] == (first["text"] + second["text"]).strip()


async def test_an_answer_in_place_of_a_stream_becomes_a_stream(yard: Yard) -> None:
    """Models that cannot stream ignore the wish, and clients would hear nothing at all."""
    yard.provider("openai").sends(200, JSON, TRANSCRIPT)
    heard = await yard.call("/v1/audio/transcriptions", STREAMING, headers=FORM)
    assert heard.streamed
    assert [event.json and event.json["type"] for event in heard.events] == [
        "transcript.text.delta",
        "transcript.text.done",
        None,
    ]
    assert heard.events[1].json["usage"] == {"type": "duration", "seconds": 4}


async def test_a_large_image_in_place_of_a_stream_becomes_a_stream(yard: Yard) -> None:
    data = base64.b64encode(bytes(600_000)).decode()
    answer = {"created": 1, "data": [{"b64_json": data}], "output_format": "png"}
    yard.provider("openai").sends(200, JSON, json.dumps(answer).encode())
    heard = await yard.call(
        "/v1/images/edits",
        form(("model", b"gpt-image-1"), ("stream", b"true"), ("image", b"x")),
        headers=FORM,
    )
    (event,) = heard.events
    assert event.name == event.json["type"] == "image_edit.completed"
    assert event.json["b64_json"] == data
