"""What calls for audio and images cost, whoever measured it."""

import io
import json
import wave

import pytest

from stockyard.core.money import Usage
from stockyard.testing.yard import Yard, becomes
from tests.media_calls import FORM, IMAGES, JSON, VERBOSE, form, painting, recording


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
async def test_an_odd_number_of_images_asked_for_is_counted_within_bounds(
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
