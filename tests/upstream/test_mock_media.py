"""The built-in provider speaks, transcribes and paints, as far as one can without a model."""

import base64
import io
import json
import struct
import wave
import zlib
from typing import Any

import pytest

from stockyard.testing.yard import Yard

BOUNDARY = "aBcDe"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(**fields: str) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


def pixels(picture: bytes) -> bytes:
    """The lines of a PNG file, whose every chunk must be in order."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    at, data = 8, b""
    kinds = []
    while at < len(picture):
        size, kind = struct.unpack_from(">I4s", picture, at)
        chunk = picture[at + 8 : at + 8 + size]
        (checksum,) = struct.unpack_from(">I", picture, at + 8 + size)
        assert checksum == zlib.crc32(kind + chunk)
        data += chunk if kind == b"IDAT" else b""
        kinds.append(kind)
        at += 12 + size
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    return zlib.decompress(data)


async def paint(yard: Yard, **fields: Any) -> Any:
    asked = {"model": "mock", "prompt": "a cat", **fields}
    return (await yard.call("/v1/images/generations", asked)).json


async def test_speech_can_be_played(yard: Yard) -> None:
    heard = await yard.call("/v1/audio/speech", {"model": "mock", "input": "Hi.", "voice": "alloy"})
    assert heard.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(heard.body)) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (1, 8000)
        assert len(set(sound.readframes(sound.getnframes()))) > 50
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"character": 3}


async def test_events_of_speech_make_the_same_sound(yard: Yard) -> None:
    asked = {"model": "mock", "input": "Hi.", "voice": "alloy"}
    whole = await yard.call("/v1/audio/speech", asked)
    heard = await yard.call("/v1/audio/speech", {**asked, "stream_format": "sse"})
    deltas = [event.json for event in heard.events if event.json["type"] == "speech.audio.delta"]
    assert b"".join(base64.b64decode(delta["audio"]) for delta in deltas) == whole.body
    assert yard.last.usage is not None
    assert yard.last.usage.total > 0


@pytest.mark.parametrize(
    ("wanted", "kind", "opening"),
    [
        ("json", "application/json", '{"text":"This transcript'),
        ("verbose_json", "application/json", '{"text":"This transcript'),
        ("text", "text/plain; charset=utf-8", "This transcript"),
        ("srt", "text/plain; charset=utf-8", "1\n00:00:00,000 --> 00:00:01,000\nThis"),
        ("vtt", "text/plain; charset=utf-8", "WEBVTT\n\n"),
    ],
)
async def test_transcripts_come_in_every_form(
    yard: Yard, wanted: str, kind: str, opening: str
) -> None:
    body = form(model="mock", response_format=wanted, file="RIFF")
    heard = await yard.call("/v1/audio/transcriptions", body, headers=FORM)
    assert heard.headers["content-type"] == kind
    assert heard.body.decode().startswith(opening)
    assert f"got {len(body)} bytes" in heard.body.decode()
    if wanted == "verbose_json":
        assert heard.json["segments"][0]["text"] == heard.json["text"]


async def test_a_streamed_transcript_says_the_same(yard: Yard) -> None:
    heard = await yard.call(
        "/v1/audio/translations", form(model="mock", stream="true"), headers=FORM
    )
    deltas = [e.json["delta"] for e in heard.events if e.json and "delta" in e.json]
    assert "".join(deltas) == heard.events[-2].json["text"]
    assert heard.ended
    assert b"\r\n\r\n" in heard.body


async def test_the_prompt_decides_the_colour(yard: Yard) -> None:
    one, two = await paint(yard, n=2), await paint(yard, prompt="a dog")
    pictures = [base64.b64decode(i["b64_json"]) for i in (*one["data"], *two["data"])]
    assert len({pixels(picture) for picture in pictures}) == 3
    assert (await paint(yard))["data"] == one["data"][:1]


async def test_images_stream_a_sketch_and_then_every_image(yard: Yard) -> None:
    asked = {"model": "mock", "prompt": "a cat", "n": 2, "stream": True}
    heard = await yard.call("/v1/images/generations", asked)
    kinds = [event.name for event in heard.events]
    assert kinds == [
        "image_generation.partial_image",
        "image_generation.completed",
        "image_generation.completed",
    ]
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"image": 2}


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("audio/speech", json.dumps({"model": "mock/{}", "input": "Hi."}).encode(), {}),
        ("audio/transcriptions", form(model="mock/{}"), FORM),
        ("images/generations", json.dumps({"model": "mock/{}", "prompt": "a cat"}).encode(), {}),
        ("images/edits", form(model="mock/{}", image="x"), FORM),
    ],
)
async def test_names_of_models_ask_for_failures_of_media_too(
    yard: Yard, path: str, body: bytes, headers: dict[str, str]
) -> None:
    failing = await yard.call(f"/v1/{path}", body.replace(b"{}", b"status-429"), headers=headers)
    assert (failing.status, failing.headers["retry-after"]) == (429, "1")
    cut = await yard.call(f"/v1/{path}", body.replace(b"{}", b"cut-after-1"), headers=headers)
    assert cut.status == 502 or not cut.complete
    assert [call.outcome for call in yard.stockyard.reach.mock.record.calls()] == ["cut", "error"]


async def test_a_body_that_is_no_request_is_refused_as_the_service_would(yard: Yard) -> None:
    heard = await yard.call("/mock/v1/audio/speech", {"model": "mock", "voice": "alloy"})
    assert heard.status == 400
    assert heard.error is not None
    assert heard.error["type"] == "invalid_request_error"
