"""Speech, transcriptions and images through the gateway, onto providers and back."""

import asyncio
import base64
import io
import json
import wave
from typing import Any

import pytest

from stockyard.core.events import Event
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.core.money import Usage
from stockyard.testing.yard import Yard, becomes

BOUNDARY = "xYzZY1234"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
JSON = {"content-type": "application/json"}
SOUND = b"\xff\xf3\x44\xc4" + bytes(range(256)) * 8
KEY = "sk-proj-Zx81kQm4Rt7Ws0Vb3Nc6Yd9Lf2Gh5Jk8Pq1Tu4Ve7Xa0Bc3T3BlbkFJZx81kQm4Rt7Ws0Vb3Nc6"


def form(*fields: tuple[str, bytes], file: bytes | None = SOUND) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + value
        + b"\r\n"
        for name, value in fields
    ]
    if file is not None:
        parts.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n'
            "Content-Type: audio/mpeg\r\n\r\n".encode()
            + file
            + b"\r\n"
        )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def recording(model: str = "whisper-1", *more: tuple[str, bytes]) -> bytes:
    return form(("model", model.encode()), *more)


def speech(model: str = "tts-1", **more: Any) -> bytes:
    return json.dumps({"model": model, "input": "Good day.", "voice": "alloy", **more}).encode()


def painting(model: str = "gpt-image-1", **more: Any) -> bytes:
    return json.dumps({"model": model, "prompt": "a white siamese cat", **more}).encode()


TRANSCRIPT = b'{"text":"Good day.","usage":{"type":"duration","seconds":4}}'
IMAGES = b'{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}],"usage":{"input_tokens":9,"input_tokens_details":{"text_tokens":9,"image_tokens":0},"output_tokens":272,"total_tokens":281}}'  # noqa: E501  as sent

CALLS: list[tuple[str, bytes, dict[str, str], bytes]] = [
    ("/audio/transcriptions", recording(), FORM, TRANSCRIPT),
    ("/audio/translations", recording(), FORM, TRANSCRIPT),
    ("/images/generations", painting(), JSON, IMAGES),
    ("/images/edits", painting(images=[{"image_url": "data:,"}]), JSON, IMAGES),
    ("/images/edits", form(("model", b"gpt-image-1"), ("prompt", b"green")), FORM, IMAGES),
    ("/images/variations", form(("model", b"dall-e-2")), FORM, IMAGES),
]


@pytest.mark.parametrize("prefix", ["/v1", "", "/openai/v1"])
@pytest.mark.parametrize(("path", "body", "kind", "answer"), CALLS)
async def test_both_bodies_pass_byte_for_byte(
    yard: Yard, prefix: str, path: str, body: bytes, kind: dict[str, str], answer: bytes
) -> None:
    openai = yard.provider("openai").sends(200, JSON, answer)
    heard = await yard.call(prefix + path, body, headers=kind)
    assert (heard.status, heard.body) == (200, answer)
    assert heard.headers["content-type"] == "application/json"
    assert openai.last.path == "/v1" + path
    assert openai.last.body == body
    assert openai.last.headers["content-type"].replace('"', "") == kind["content-type"]
    assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
    assert yard.last.usage is not None
    assert yard.last.outcomes == ["ok"]


async def test_sound_passes_byte_for_byte(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, {"content-type": "audio/mpeg"}, SOUND)
    heard = await yard.call("/v1/audio/speech", speech())
    assert (heard.status, heard.body) == (200, SOUND)
    assert heard.headers["content-type"] == "audio/mpeg"
    assert openai.last.path == "/v1/audio/speech"
    assert openai.last.body == speech()
    assert yard.last.usage == Usage(
        in_fresh=2, out_text=12, out_audio=12, units={"character": 9}, source="estimated"
    )


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_sound_is_heard_before_its_end_has_come(yard: Yard, prefix: str) -> None:
    openai = yard.provider("openai").sends(200, {"content-type": "audio/mpeg"}, SOUND)
    openai.stalls_after_bytes(64)
    async with yard.raw() as client:
        client.ask(f"{prefix}/audio/speech", speech(), headers=yard.headers)
        head = await client.until(SOUND[:64])
        assert head.startswith(b"HTTP/1.1 200")
        openai.goes_on()
        await client.until(b"\r\n0\r\n\r\n")
        assert client.reply.body == SOUND
    assert yard.last.outcomes == ["ok"]


async def test_guards_do_not_hold_what_has_no_text(yard: Yard) -> None:
    yard.enable("secretscan")
    openai = yard.provider("openai").sends(200, {"content-type": "audio/mpeg"}, SOUND)
    openai.stalls_after_bytes(64)
    async with yard.raw() as client:
        client.ask("/v1/audio/speech", speech(input=f"Say {KEY}"), headers=yard.headers)
        await client.until(SOUND[:64])
        assert KEY.encode() not in openai.last.body
        assert openai.last.fields["voice"] == "alloy"
        openai.goes_on()
        await client.until(b"\r\n0\r\n\r\n")


async def test_sound_that_is_cut_has_no_proper_end(yard: Yard) -> None:
    yard.provider("openai").sends(200, {"content-type": "audio/mpeg"}, SOUND).cuts_after_bytes(1000)
    heard = await yard.call("/v1/audio/speech", speech())
    assert not heard.complete
    assert SOUND.startswith(heard.body)
    assert await yard.ended(1)
    assert yard.last.outcomes == ["partial"]
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"character": 9}, "it was spoken all the same"


async def test_a_client_that_hangs_up_ends_the_sound_and_pays_for_the_text(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, {"content-type": "audio/mpeg"}, SOUND)
    openai.stalls_after_bytes(64)
    async with yard.raw() as client:
        client.ask("/v1/audio/speech", speech(), headers=yard.headers)
        await client.until(SOUND[:64])
    assert await openai.closed_by_client()
    assert await yard.ended(1)
    assert yard.last.outcomes == ["abandoned"]
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"character": 9}


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/audio/speech", speech("openai/tts-next"), JSON),
        ("/v1/audio/transcriptions", recording("openai/tts-next", ("language", b"de")), FORM),
        ("/v1/images/generations", painting("openai/tts-next", n=1), JSON),
        ("/v1/images/edits", form(("model", b"openai/tts-next")), FORM),
    ],
)
async def test_only_the_name_of_the_model_is_replaced(
    yard: Yard, path: str, body: bytes, kind: dict[str, str]
) -> None:
    openai = yard.provider("openai").sends(200, JSON, IMAGES if "images" in path else TRANSCRIPT)
    await yard.call(path, body, headers=kind)
    assert openai.last.body == body.replace(b"openai/tts-next", b"tts-next")


@pytest.mark.parametrize(
    ("kind", "said", "shown"),
    [
        ("text/plain; charset=utf-8", b"Good day.\n", "text/plain; charset=utf-8"),
        ("application/x-subrip", b"1\n00:00:00,000 --> 00:00:02,000\nGood day.\n", None),
        ("text/vtt", b"WEBVTT\n\n00:00.000 --> 00:02.000\nGood day.\n", None),
        ("text/plain", b"{ is how this text begins", "text/plain"),
        ("text/html", b"<p>Good day.", "application/octet-stream"),
    ],
)
async def test_a_transcript_may_be_plain_text(
    yard: Yard, kind: str, said: bytes, shown: str | None
) -> None:
    yard.provider("openai").sends(200, {"content-type": kind}, said)
    heard = await yard.call("/v1/audio/transcriptions", recording(), headers=FORM)
    assert (heard.status, heard.body) == (200, said)
    assert heard.headers["content-type"] == (shown or kind)


VERBOSE = {
    "task": "transcribe",
    "duration": 3.7,
    "text": f"The key is {KEY}.",
    "segments": [{"id": 0, "text": f" The key is {KEY}."}],
}


async def test_how_long_a_recording_is_tells_what_it_costs(yard: Yard) -> None:
    yard.provider("openai").sends(200, JSON, json.dumps(VERBOSE).encode())
    heard = await yard.call("/v1/audio/transcriptions", recording(), headers=FORM)
    assert heard.json == VERBOSE
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"second": 4}


async def test_a_recording_that_nobody_measured_is_measured_here(yard: Yard) -> None:
    """8,000 bytes a second, as the file says itself."""
    yard.provider("openai").sends(200, {"content-type": "text/vtt"}, b"WEBVTT\n")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(30_000))
    body = form(("model", b"whisper-1"), file=file.getvalue())
    await yard.call("/v1/audio/transcriptions", body, headers=FORM)
    assert yard.last.usage == Usage(units={"second": 4}, source="estimated")


async def test_guards_read_prompts_and_transcripts(yard: Yard) -> None:
    yard.enable("secretscan")
    openai = yard.provider("openai").sends(200, JSON, json.dumps(VERBOSE).encode())
    body = recording("whisper-1", ("prompt", f"Keys like {KEY}".encode()))
    heard = await yard.call("/v1/audio/transcriptions", body, headers=FORM)
    assert KEY.encode() not in openai.last.body
    assert SOUND in openai.last.body
    assert KEY.encode() not in heard.body
    assert heard.headers["content-type"] == "application/json"
    assert heard.json["text"].startswith("The key is ")
    assert "segments" not in heard.json
    assert heard.json["duration"] == 3.7


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

STREAMS: list[tuple[str, bytes, dict[str, str], bytes, tuple[int, int], dict[str, int]]] = [
    (
        "/audio/transcriptions",
        STREAMING,
        FORM,
        events(*DELTAS, SPOKEN, end=DONE),
        (37, 12),
        {},
    ),
    (
        "/images/generations",
        painting(stream=True, partial_images=1),
        JSON,
        events(SKETCH, PAINTED, named=True),
        (9, 272),
        {"image": 1},
    ),
    (
        "/images/generations",
        painting(stream=True, n=2),
        JSON,
        events(PAINTED, SKETCH, PAINTED, named=True),
        (9, 272),
        {"image": 2},
    ),
    (
        "/audio/speech",
        speech("gpt-4o-mini-tts", stream_format="sse"),
        JSON,
        events(*SAYING, SAID),
        (14, 101),
        {},
    ),
]


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
@pytest.mark.parametrize(("path", "body", "kind", "stream", "tokens", "units"), STREAMS)
async def test_streams_pass_as_they_came(
    yard: Yard,
    prefix: str,
    path: str,
    body: bytes,
    kind: dict[str, str],
    stream: bytes,
    tokens: tuple[int, int],
    units: dict[str, int],
) -> None:
    yard.provider("openai").plays(stream)
    heard = await yard.call(prefix + path, body, headers=kind)
    assert heard.status == 200
    assert heard.streamed
    assert b"".join(b + b"\r\n\r\n" for b in heard.blocks if not b.startswith(b":")) == stream
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == tokens
    assert yard.last.usage.units == units
    assert yard.last.outcomes == ["ok"]


@pytest.mark.parametrize(("path", "body", "kind", "stream", "tokens", "units"), STREAMS)
async def test_a_stream_that_breaks_off_says_so(
    yard: Yard,
    path: str,
    body: bytes,
    kind: dict[str, str],
    stream: bytes,
    tokens: tuple[int, int],
    units: dict[str, int],
) -> None:
    yard.provider("openai").plays(stream).cuts_after_bytes(stream.index(b"\r\n\r\n") + 10)
    heard = await yard.call("/v1" + path, body, headers=kind)
    if units.get("image") == 2:
        return  # the first image is whole, and that another was to follow cannot be known
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


async def test_an_error_after_it_ends_the_stream(yard: Yard) -> None:
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


async def test_an_answer_in_place_of_a_stream_becomes_one(yard: Yard) -> None:
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


async def test_a_large_image_in_place_of_a_stream_becomes_one(yard: Yard) -> None:
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


async def test_a_large_image_flows(yard: Yard) -> None:
    image = IMAGES.replace(b"iVBORw0KGgo=", b"A" * 3_000_000)
    openai = yard.provider("openai").sends(200, JSON, image).stalls_after_bytes(2_000_000)
    async with yard.raw() as client:
        client.ask("/v1/images/generations", painting(), headers=yard.headers)
        await client.until(b"A" * 100_000)
        openai.goes_on()
        await client.until(b"\r\n0\r\n\r\n")
        assert client.reply.body == image
    assert await yard.ended(1)
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (9, 272)
    assert yard.last.usage.units == {"image": 1}


@pytest.mark.parametrize(("wanted", "counted"), [(-5, 1), (0, 1), (3, 3), (10**30, 128)])
async def test_what_a_caller_says_it_wants_neither_earns_nor_costs_a_fortune(
    yard: Yard, wanted: int, counted: int
) -> None:
    openai = yard.provider("openai").sends(200, JSON, IMAGES).stalls_after_bytes(0)
    body = painting().replace(b"{", b'{"n": %d, ' % wanted, 1)
    async with yard.raw() as client:
        client.ask("/v1/images/generations", body, headers=yard.headers)
        assert await becomes(lambda: bool(openai.requests))
    assert await yard.ended(1)
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"image": counted}


OF_IMAGES = b'"usage":{"input_tokens":309,"input_tokens_details":{"text_tokens":9,"image_tokens":300},"output_tokens":272,"output_tokens_details":{"image_tokens":200,"text_tokens":72},"total_tokens":581}'  # noqa: E501  as sent
OF_TOKENS = b'"usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":5,"total_tokens":19}'  # noqa: E501  as sent
OF_SECONDS = b'"usage":{"type":"duration","seconds":900}'
LARGE: list[tuple[str, bytes, dict[str, str], bytes, dict[str, object]]] = [
    ("/images/generations", painting(), JSON, b'"data":[{"b64_json":"%b"}],' + OF_IMAGES, {"in_image": 300, "out_image": 200, "units": {"image": 1}}),  # noqa: E501  one case
    ("/audio/transcriptions", recording("gpt-4o-transcribe"), FORM, b'"text":"%b",' + OF_TOKENS, {"in_audio": 10, "units": {}}),  # noqa: E501  one case
    ("/audio/transcriptions", recording(), FORM, b'"text":"%b",' + OF_SECONDS, {"units": {"second": 900}}),  # noqa: E501  one case
]  # fmt: skip


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
@pytest.mark.parametrize(("path", "body", "kind", "answer", "counted"), LARGE)
async def test_a_large_answer_is_paid_like_a_small_one(
    yard: Yard,
    prefix: str,
    path: str,
    body: bytes,
    kind: dict[str, str],
    answer: bytes,
    counted: dict[str, object],
) -> None:
    openai = yard.provider("openai")
    for size in (10, 1_500_000):
        openai.sends(200, JSON, b"{%b}" % (answer % (b"A" * size)))
        heard = await yard.call(prefix + path, body, headers=kind)
        assert len(heard.body) > size
    assert await yard.ended(2)
    small, large = (call.usage for call in yard.calls)
    assert small == large
    assert {name: getattr(large, name) for name in counted} == counted


REFUSED: list[tuple[str, str, bytes, dict[str, str], int, str | None]] = [
    ("no model", "transcriptions", form(), FORM, 400, "model"),
    ("two models", "transcriptions", recording("a", ("model", b"b")), FORM, 400, "model"),
    ("another boundary", "transcriptions", recording(), {"content-type": "multipart/form-data; boundary=other"}, 400, None),  # noqa: E501  one case
    ("no boundary", "transcriptions", recording(), {"content-type": "multipart/form-data"}, 400, None),  # noqa: E501  one case
    ("a form as JSON", "transcriptions", recording(), JSON, 400, None),
    ("JSON as a form", "transcriptions", b"{}", FORM, 400, None),
    ("cut off", "transcriptions", recording()[:-20], FORM, 400, None),
    ("an odd wish", "transcriptions", recording("a", ("stream", b"perhaps")), FORM, 400, "stream"),
    ("no JSON", "speech", b"hello", JSON, 400, None),
    ("no text", "speech", speech(input=7), JSON, 400, "input"),
    ("too large", "speech", speech(input="x" * 1_100_000), JSON, 413, None),
    ("an unknown model", "speech", speech("no-such-voice"), JSON, 404, "model"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "param"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
async def test_what_cannot_be_sent_is_refused_in_the_clients_words(
    yard: Yard, path: str, body: bytes, kind: dict[str, str], status: int, param: str | None
) -> None:
    openai = yard.provider("openai").sends(200, JSON, TRANSCRIPT)
    heard = await yard.call(f"/v1/audio/{path}", body, headers=kind)
    assert heard.status == status
    assert heard.error is not None
    assert heard.error["type"] == "invalid_request_error"
    assert heard.error["param"] == param
    assert not openai.requests


async def test_images_need_a_model_unless_the_provider_is_named(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, IMAGES)
    body = b'{"prompt":"a cat"}'
    heard = await yard.call("/v1/images/generations", body)
    assert (heard.status, len(openai.requests)) == (400, 0)
    heard = await yard.call("/openai/v1/images/generations", body)
    assert (heard.status, openai.last.body) == (200, body)


async def test_a_provider_without_the_endpoint_is_not_called(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    heard = await yard.call("/v1/audio/speech", speech("claude-sonnet-4-5"))
    assert heard.status == 404
    assert heard.error is not None
    assert "does not offer speech" in heard.error["message"]
    assert not anthropic.requests


@pytest.mark.parametrize(("status", "ours"), [(400, 400), (401, 502), (429, 429), (500, 502)])
@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/audio/speech", speech(), JSON),
        ("/v1/audio/transcriptions", recording(), FORM),
        ("/v1/images/generations", painting(), JSON),
    ],
)
async def test_errors_are_those_of_the_dialect(
    yard: Yard, path: str, body: bytes, kind: dict[str, str], status: int, ours: int
) -> None:
    said = b'{"error":{"message":"It went wrong.","type":"x","param":null,"code":null}}'
    yard.provider("openai").sends(status, JSON, said)
    heard = await yard.call(path, body, headers=kind)
    assert heard.status == ours
    assert heard.error is not None
    assert heard.error["stockyard"]["upstream_status"] == status
    assert heard.headers["content-type"] == "application/json"
    assert yard.last.usage is None


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
async def test_an_object_in_place_of_sound_is_an_error(yard: Yard, kind: str) -> None:
    said = b'{"error":{"message":"The voice is gone.","code":"invalid_voice"}}'
    yard.provider("openai").sends(200, {"content-type": kind}, said)
    heard = await yard.call("/v1/audio/speech", speech())
    assert heard.status == 502
    assert heard.error is not None
    assert heard.error["message"] == "The voice is gone."


WAV = b"RIFF\x24\0\0\0WAVE" + bytes(range(256))


@pytest.mark.parametrize("wanted", ["audio", "sse"])
async def test_mistral_wraps_its_sound(yard: Yard, wanted: str) -> None:
    wrapped = json.dumps({"audio_data": base64.b64encode(WAV).decode()}).encode()
    mistral = yard.provider("mistral").sends(200, JSON, wrapped)
    asked = speech("mistral/voxtral-mini-tts-latest", stream_format=wanted)
    heard = await yard.call("/v1/audio/speech", asked)
    assert heard.status == 200
    assert mistral.last.fields == {
        "model": "voxtral-mini-tts-latest",
        "input": "Good day.",
        "voice": "alloy",
    }
    if wanted == "audio":
        assert (heard.body, heard.headers["content-type"]) == (WAV, "audio/wav")
    else:
        assert base64.b64decode(heard.events[0].json["audio"]) == WAV
        assert heard.events[1].json["type"] == "speech.audio.done"
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"character": 9}


@pytest.mark.parametrize("sound", ["", "@@", "AAA"])
async def test_what_is_no_sound_is_not_silence(yard: Yard, sound: str) -> None:
    yard.provider("mistral").sends(200, JSON, json.dumps({"audio_data": sound}).encode())
    heard = await yard.call("/v1/audio/speech", speech("mistral/voxtral-mini-tts-latest"))
    assert (heard.status, heard.headers["content-type"]) == (502, "application/json")


async def test_mistrals_own_path_answers_as_it_does(yard: Yard) -> None:
    wrapped = b'{"audio_data": "AAAA"}'
    yard.provider("mistral").sends(200, JSON, wrapped)
    heard = await yard.call("/mistral/v1/audio/speech", speech("voxtral-mini-tts-latest"))
    assert (heard.status, heard.body) == (200, wrapped)
    assert yard.last.usage is not None


async def test_who_names_no_model_gets_mistrals_own(yard: Yard) -> None:
    mistral = yard.provider("mistral").sends(200, JSON, b'{"audio_data":"AAAA"}')
    asked = b'{"input": "hi", "voice_id": "v"}'
    assert (await yard.call("/mistral/v1/audio/speech", asked)).status == 200
    assert mistral.last.body == asked
    yard.enable("secretscan")
    leaks = json.dumps({"input": f"Say {KEY}", "voice_id": "v"}).encode()
    assert (await yard.call("/mistral/v1/audio/speech", leaks)).status == 200
    assert "model" not in mistral.last.fields
    assert KEY not in mistral.last.fields["input"]


async def test_xai_takes_edits_in_json(yard: Yard) -> None:
    answer = b'{"data":[{"url":"https://img.example/a.jpeg","mime_type":"image/jpeg"}]}'
    xai = yard.provider("xai").sends(200, JSON, answer)
    body = form(("model", b"xai/grok-imagine-image"), ("prompt", b"green"), ("size", b"1x1"))
    body = body.replace(b'name="file"', b'name="image[]"').replace(SOUND, b"\x89PNG\r\n\x1a\n....")
    heard = await yard.call("/v1/images/edits", body, headers=FORM)
    assert heard.status == 200
    assert heard.json["data"] == json.loads(answer)["data"]
    assert heard.headers["x-stockyard-dropped"] == "size"
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()
    assert xai.last.path == "/v1/images/edits"
    assert xai.last.headers["content-type"] == "application/json"
    assert xai.last.fields == {
        "model": "grok-imagine-image",
        "prompt": "green",
        "images": [{"type": "image_url", "url": f"data:image/png;base64,{png}"}],
    }
    images = [{"image_url": "https://img.example/b.png"}]
    asked = painting("xai/grok-imagine-image", n=2, images=images)
    await yard.call("/v1/images/edits", asked)
    assert xai.last.fields["images"] == [{"type": "image_url", "url": images[0]["image_url"]}]
    assert xai.last.fields["n"] == 2
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"image": 1}


async def test_another_provider_takes_over_with_the_original_form(yard: Yard) -> None:
    openai = yard.provider("openai").sends(503, JSON, b'{"error":{"message":"Busy."}}')
    groq = yard.provider("groq").sends(200, JSON, TRANSCRIPT)
    target = {"provider": "groq", "model": "whisper-large-v3"}
    yard.enable("failover", chains=[{"targets": [target]}])
    heard = await yard.call("/v1/audio/transcriptions", recording(), headers=FORM)
    assert (heard.status, heard.body) == (200, TRANSCRIPT)
    assert openai.last.body == recording()
    assert groq.last.body == recording("whisper-large-v3")


@pytest.mark.parametrize("named", [(), (("model", b"something-else"),)])
async def test_the_deployment_in_a_path_is_the_model_of_a_form(
    yard: Yard, named: tuple[tuple[str, bytes], ...]
) -> None:
    openai = yard.provider("openai").sends(200, JSON, TRANSCRIPT)
    path = "/openai/deployments/whisper-1/audio/transcriptions?api-version=2024-10-21"
    heard = await yard.call(path, form(*named, ("language", b"de")), headers=FORM)
    assert heard.status == 200
    assert openai.last.path == "/v1/audio/transcriptions"
    assert openai.last.body == form(("model", b"whisper-1"), ("language", b"de"))


async def test_an_alias_leads_to_its_model(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, {"content-type": "audio/mpeg"}, SOUND)
    yard.enable("modelalias", aliases=[{"alias": "voice", "model": "openai/tts-1-hd"}])
    heard = await yard.call("/v1/audio/speech", speech("voice"))
    assert heard.body == SOUND
    assert openai.last.fields["model"] == "tts-1-hd"


async def test_groq_transcribes_at_its_own_path(yard: Yard) -> None:
    groq = yard.provider("groq").sends(200, JSON, TRANSCRIPT)
    body = recording("groq/whisper-large-v3")
    heard = await yard.call("/v1/audio/transcriptions", body, headers=FORM)
    assert heard.status == 200
    assert groq.last.path == "/openai/v1/audio/transcriptions"
    assert groq.last.body == recording("whisper-large-v3")


async def test_a_server_of_ones_own_is_asked_too(yard: Yard) -> None:
    voice = yard.provider("voicebox", kind="openai.chat")
    voice.sends(200, {"content-type": "audio/wav"}, WAV)
    heard = await yard.call("/v1/audio/speech", speech("voicebox/kokoro"))
    assert (heard.body, heard.headers["content-type"]) == (WAV, "audio/wav")
    assert voice.last.path == "/v1/audio/speech"
    assert voice.last.fields["model"] == "kokoro"


class Editor(Module[ModuleConfig]):
    """Edits whatever streams."""

    name = "editor"
    category = "observe"
    stage = Stage.OBSERVE
    streaming = Streaming.CHUNKS

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        return event


@pytest.mark.parametrize("path", ["speech-to-text", "text-to-speech/anna"])
async def test_what_no_codec_reads_is_edited_by_nobody(yard: Yard, path: str) -> None:
    yard.add(Editor)
    labs = yard.provider("elevenlabs").sends(200, {"content-type": "audio/mpeg"}, SOUND)
    heard = await yard.call(f"/elevenlabs/v1/{path}", form(("model_id", b"scribe")), headers=FORM)
    assert (heard.status, heard.body) == (200, SOUND)
    assert labs.last.path == f"/v1/{path}"
    assert yard.last.exchange.kind == "passthrough"


async def test_a_form_may_arrive_slowly(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, TRANSCRIPT)
    body = recording()
    async with yard.raw() as client:
        fields = {"host": "x", **FORM, **yard.headers, "content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        client.send(f"POST /v1/audio/transcriptions HTTP/1.1\r\n{head}\r\n".encode())
        for start in range(0, len(body), 400):
            client.send(body[start : start + 400])
            await asyncio.sleep(0.005)
        assert (await client.answer()).body == TRANSCRIPT
    assert openai.last.body == body
