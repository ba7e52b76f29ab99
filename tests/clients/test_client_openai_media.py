"""The official OpenAI library for Python: speech, transcriptions and images."""

import base64
import io
import json
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
SOUND = b"\xff\xf3\x44\xc4" + bytes(range(256)) * 40
RECORDING = ("talk.mp3", SOUND, "audio/mpeg")
TRANSCRIPT = {"text": "Good day.", "usage": {"type": "duration", "seconds": 4}}
PICTURE = base64.b64encode(b"\x89PNG picture").decode()
PICTURES = {
    "created": 1,
    "data": [{"b64_json": PICTURE}],
    "usage": {
        "input_tokens": 9,
        "input_tokens_details": {"text_tokens": 9, "image_tokens": 0},
        "output_tokens": 272,
        "total_tokens": 281,
    },
}


DEPRECATED = pytest.mark.filterwarnings("ignore:deprecated")
"""The library would rather have nobody call this any more; many programs do."""


class Impatient(AsyncOpenAI):
    """Does not wait before it tries again."""

    def _calculate_retry_timeout(self, *args: Any, **kwargs: Any) -> float:
        return 0.0


@pytest.fixture
def upstream(yard: Yard) -> ScriptedProvider:
    return yard.provider("openai")


@pytest.fixture
async def client(yard: Yard, upstream: ScriptedProvider) -> AsyncIterator[AsyncOpenAI]:
    await yard.open()
    async with Impatient(base_url=yard.url + "/v1", api_key=yard.key) as client:
        yield client


def answers(upstream: ScriptedProvider, said: object, status: int = 200) -> None:
    upstream.sends(status, JSON, json.dumps(said).encode())


def events(*said: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(event).encode() for event in said)


async def test_speech(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    upstream.sends(200, {"content-type": "audio/mpeg"}, SOUND)
    spoken = await client.audio.speech.create(model="tts-1", voice="alloy", input="Good day.")
    assert spoken.content == SOUND
    assert spoken.response.headers["content-type"] == "audio/mpeg"
    assert upstream.last.fields == {"model": "tts-1", "voice": "alloy", "input": "Good day."}


async def test_speech_as_it_comes(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    upstream.sends(200, {"content-type": "audio/mpeg"}, SOUND).stalls_after_bytes(4096)
    heard = b""
    async with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="Good day."
    ) as spoken:
        async for piece in spoken.iter_bytes():
            heard += piece
            if len(heard) == 4096:
                upstream.goes_on()
    assert heard == SOUND


async def test_speech_as_events(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    said = [{"type": "speech.audio.delta", "audio": PICTURE}, {"type": "speech.audio.done"}]
    upstream.plays(events(*said))
    async with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hi.", stream_format="sse"
    ) as spoken:
        lines = [line async for line in spoken.iter_lines() if line.startswith("data: ")]
    assert [json.loads(line[6:]) for line in lines] == said


async def test_a_transcription(client: AsyncOpenAI, upstream: ScriptedProvider, yard: Yard) -> None:
    answers(upstream, TRANSCRIPT)
    heard = await client.audio.transcriptions.create(
        model="openai/whisper-next", file=RECORDING, language="de", prompt="Names: Müller"
    )
    assert heard.text == "Good day."
    assert SOUND in upstream.last.body
    assert b'name="model"\r\n\r\nwhisper-next\r\n' in upstream.last.body
    assert upstream.last.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"second": 4}


@DEPRECATED
async def test_a_translation(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    answers(upstream, TRANSCRIPT)
    heard = await client.audio.translations.create(model="whisper-1", file=RECORDING)
    assert heard.text == "Good day."
    assert upstream.last.path == "/v1/audio/translations"


async def test_a_transcription_with_its_times(
    client: AsyncOpenAI, upstream: ScriptedProvider
) -> None:
    words = [{"word": "Good", "start": 0.0, "end": 0.4}]
    answers(upstream, {**TRANSCRIPT, "language": "english", "duration": 3.7, "words": words})
    heard = await client.audio.transcriptions.create(
        model="whisper-1",
        file=RECORDING,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert heard.words is not None
    assert heard.words[0].word == "Good"
    assert upstream.last.body.count(b'name="timestamp_granularities[]"') == 2


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
async def test_a_transcription_as_text(
    client: AsyncOpenAI, upstream: ScriptedProvider, form: Any
) -> None:
    upstream.sends(200, {"content-type": "text/plain; charset=utf-8"}, b"Good day.\n")
    heard: Any = await client.audio.transcriptions.create(
        model="whisper-1", file=RECORDING, response_format=form
    )
    assert heard == "Good day.\n"


async def test_a_streamed_transcription(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    said = [{"type": "transcript.text.delta", "delta": piece} for piece in ("Good", " day.")]
    end = {"type": "transcript.text.done", "text": "Good day."}
    upstream.plays(events(*said, end) + b"data: [DONE]\r\n\r\n")
    stream = await client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=RECORDING, stream=True
    )
    heard = [event async for event in stream]
    assert [event.type for event in heard] == [event["type"] for event in [*said, end]]
    assert heard[-1].type == "transcript.text.done"
    assert heard[-1].text == "Good day."


async def test_a_stream_that_breaks_off_raises(
    client: AsyncOpenAI, upstream: ScriptedProvider
) -> None:
    said = {"type": "transcript.text.delta", "delta": "Good"}
    upstream.plays(events(said))
    stream = await client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=RECORDING, stream=True
    )
    with pytest.raises(openai.APIError):
        async for _ in stream:
            pass


async def test_an_image(client: AsyncOpenAI, upstream: ScriptedProvider, yard: Yard) -> None:
    answers(upstream, PICTURES)
    painted = await client.images.generate(model="gpt-image-1", prompt="a cat", n=1)
    assert painted.data is not None
    assert painted.data[0].b64_json == PICTURE
    assert painted.usage is not None
    assert painted.usage.output_tokens == 272
    assert yard.last.usage is not None
    assert (yard.last.usage.total, yard.last.usage.units) == (281, {"image": 1})


async def test_an_image_that_takes_shape(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    sketch = {"type": "image_generation.partial_image", "b64_json": PICTURE}
    done = {"type": "image_generation.completed", "b64_json": PICTURE, "usage": PICTURES["usage"]}
    upstream.plays(events(sketch, done))
    stream = await client.images.generate(
        model="gpt-image-1", prompt="a cat", stream=True, partial_images=1
    )
    seen = [event async for event in stream]
    assert [event.type for event in seen] == [sketch["type"], done["type"]]


async def test_an_edited_image(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    answers(upstream, PICTURES)
    given = [(f"{n}.png", b"\x89PNG\r\n\x1a\n", "image/png") for n in range(16)]
    edited = await client.images.edit(
        model="gpt-image-1", image=given, mask=given[0], prompt="green", n=1, quality="low"
    )
    assert edited.data is not None
    assert edited.data[0].b64_json == PICTURE
    assert upstream.last.path == "/v1/images/edits"
    assert upstream.last.body.count(b'name="image[]"') == 16


@DEPRECATED
async def test_a_varied_image(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    answers(upstream, PICTURES)
    await client.images.create_variation(
        model="openai/dall-e-2", image=("a.png", b"\x89PNG", "image/png")
    )
    assert upstream.last.path == "/v1/images/variations"
    assert b"\r\n\r\ndall-e-2\r\n" in upstream.last.body


CALLS: dict[str, Callable[[AsyncOpenAI], Awaitable[object]]] = {
    "speech": lambda client: client.audio.speech.create(model="tts-1", voice="alloy", input="Hi."),
    "transcription": lambda client: client.audio.transcriptions.create(
        model="whisper-1", file=RECORDING
    ),
    "image": lambda client: client.images.generate(model="gpt-image-1", prompt="a cat"),
}


@pytest.mark.parametrize(
    ("status", "raised", "calls"),
    [
        (400, openai.BadRequestError, 1),
        (401, openai.InternalServerError, 1),
        (404, openai.NotFoundError, 1),
        (429, openai.RateLimitError, 3),
        (500, openai.InternalServerError, 3),
    ],
)
@pytest.mark.parametrize("what", CALLS)
async def test_errors_are_the_librarys_own(
    client: AsyncOpenAI,
    upstream: ScriptedProvider,
    what: str,
    status: int,
    raised: type[openai.APIStatusError],
    calls: int,
) -> None:
    answers(upstream, {"error": {"message": "It went wrong.", "type": "x", "code": None}}, status)
    with pytest.raises(raised) as error:
        await CALLS[what](client)
    assert isinstance(error.value.body, dict)
    assert error.value.body["stockyard"]["upstream_status"] == status
    assert len(upstream.requests) == calls


@DEPRECATED
async def test_everything_can_be_tried_without_an_account(yard: Yard) -> None:
    await yard.open()
    async with AsyncOpenAI(base_url=yard.url + "/v1", api_key=yard.key) as client:
        spoken = await client.audio.speech.create(model="mock", voice="alloy", input="Good day.")
        with wave.open(io.BytesIO(spoken.content)) as sound:
            assert sound.getnframes() == 2000
        recording = ("a.wav", spoken.content)
        heard = await client.audio.transcriptions.create(model="mock", file=recording)
        assert "mock provider" in heard.text
        stream = await client.audio.transcriptions.create(model="mock", file=recording, stream=True)
        deltas = [event.delta async for event in stream if event.type == "transcript.text.delta"]
        assert "mock provider" in "".join(deltas)
        subtitles: Any = await client.audio.translations.create(
            model="mock", file=recording, response_format="vtt"
        )
        assert subtitles.startswith("WEBVTT\n")
        painted = await client.images.generate(model="mock", prompt="a cat", n=2)
        assert painted.data is not None
        pictures = [base64.b64decode(image.b64_json or "") for image in painted.data]
        assert len(pictures) == 2
        assert all(picture.startswith(b"\x89PNG\r\n\x1a\n") for picture in pictures)
        edited = await client.images.edit(
            model="mock", image=("a.png", pictures[0], "image/png"), prompt="green", stream=True
        )
        kinds = [event.type async for event in edited]
        assert kinds == ["image_edit.partial_image", "image_edit.completed"]
        with pytest.raises(openai.RateLimitError):
            await client.with_options(max_retries=0).audio.speech.create(
                model="mock/status-429", voice="alloy", input="Hi."
            )
