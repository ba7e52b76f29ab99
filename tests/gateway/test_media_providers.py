"""Audio and images at providers with paths or formats of their own."""

import base64
import json

import pytest

from stockyard.testing.yard import Yard
from tests.media_calls import FORM, JSON, KEY, SOUND, TRANSCRIPT, form, painting, recording, speech

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
async def test_an_answer_without_sound_is_an_error_and_not_silence(yard: Yard, sound: str) -> None:
    yard.provider("mistral").sends(200, JSON, json.dumps({"audio_data": sound}).encode())
    heard = await yard.call("/v1/audio/speech", speech("mistral/voxtral-mini-tts-latest"))
    assert (heard.status, heard.headers["content-type"]) == (502, "application/json")


async def test_the_native_path_of_mistral_answers_as_mistral_does(yard: Yard) -> None:
    wrapped = b'{"audio_data": "AAAA"}'
    yard.provider("mistral").sends(200, JSON, wrapped)
    heard = await yard.call("/mistral/v1/audio/speech", speech("voxtral-mini-tts-latest"))
    assert (heard.status, heard.body) == (200, wrapped)
    assert yard.last.usage is not None


async def test_a_call_without_a_model_gets_mistrals_own(yard: Yard) -> None:
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


async def test_a_speech_server_of_the_operators_own_is_asked_too(yard: Yard) -> None:
    voice = yard.provider("voicebox", kind="openai.chat")
    voice.sends(200, {"content-type": "audio/wav"}, WAV)
    heard = await yard.call("/v1/audio/speech", speech("voicebox/kokoro"))
    assert (heard.body, heard.headers["content-type"]) == (WAV, "audio/wav")
    assert voice.last.path == "/v1/audio/speech"
    assert voice.last.fields["model"] == "kokoro"
