"""Audio and images: bodies pass unchanged, and guards read the texts in them."""

import asyncio
import json

import pytest

from stockyard.core.events import Event
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.core.money import Usage
from stockyard.testing.yard import Yard
from tests.media_calls import (
    FORM,
    IMAGES,
    JSON,
    KEY,
    SOUND,
    TRANSCRIPT,
    VERBOSE,
    form,
    painting,
    recording,
    speech,
)

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


class Editor(Module[ModuleConfig]):
    """Edits whatever streams."""

    name = "editor"
    category = "observe"
    stage = Stage.OBSERVE
    streaming = Streaming.CHUNKS

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        return event


@pytest.mark.parametrize("path", ["speech-to-text", "text-to-speech/anna"])
async def test_bodies_that_no_codec_reads_are_edited_by_nobody(yard: Yard, path: str) -> None:
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
