"""Recorded speech, transcriptions and images: what providers really send is read and forwarded."""

import json
import re

import pytest

from stockyard.core.events import TextDelta
from stockyard.core.folding import fold
from stockyard.core.images import ImagesContent
from stockyard.core.messages import Audio, Image
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.core.speech import SpeechContent
from stockyard.core.transcription import TranscriptionContent
from stockyard.errors import UpstreamError
from stockyard.testing.yard import Yard
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.mistral_speech.codec import MistralSpeechCodec
from stockyard.wire.openai_images.codec import ImagesCodec
from stockyard.wire.openai_speech.codec import SpeechCodec
from stockyard.wire.openai_transcriptions.codec import TranscriptionsCodec
from stockyard.wire.upload import UploadCodec
from stockyard.wire.xai_image_edits.codec import XaiImageEditsCodec
from tests.traffic.recordings import ABSENT, ROOT, Record, bodies, records_of

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

CODECS: dict[str, Codec] = {
    "openai.images": ImagesCodec(),
    "openrouter.images": ImagesCodec(),
    "openai.audio_speech": SpeechCodec(),
    "mistral.audio_speech": MistralSpeechCodec(),
    "openai.audio_transcriptions": TranscriptionsCodec(),
    "mistral.audio_transcriptions": TranscriptionsCodec(),
    "cohere.audio_transcriptions": TranscriptionsCodec(),
}
NONE: frozenset[str] = frozenset()
TRAITS = {"mistral": frozenset({"audio_outside_prompt"})}
PEN = Pen("1", "m", 1, wants_usage=True)
SPOKEN = "Ruby is a programming language designed for developer happiness."


@pytest.fixture(scope="module")
def records() -> list[Record]:
    found = records_of(CODECS)
    assert len(found) > 20
    return found


def content_type(record: Record) -> bytes:
    headers = {name.lower(): values for name, values in record["request_headers"].items()}
    (said,) = headers["content-type"]
    return str(said).encode()


def test_every_request_is_read_and_goes_on_as_it_came(records: list[Record]) -> None:
    for record in records:
        codec, body = CODECS[record["api"]], bodies(record, "request")
        reading = codec.reading(content_type(record)) if isinstance(codec, UploadCodec) else codec
        assert isinstance(reading, type(codec))
        head = reading.peek(body)
        assert head.model, record["id"]
        assert head.stream == bool(record["streamed"]), record["id"]
        assert codec.splice_request(body, model=head.model, include_usage=False) == body
        changed = codec.splice_request(body, model="another/model", include_usage=False)
        assert codec.peek(changed).model == "another/model"
        assert len(changed) == len(body) + len("another/model") - len(head.model)


def test_every_request_is_written_as_it_was_read(records: list[Record]) -> None:
    for record in records:
        codec, body = CODECS[record["api"]], bodies(record, "request")
        content = codec.decode_request(body)
        assert isinstance(content, ImagesContent | SpeechContent | TranscriptionContent)
        same = Request(model=codec.peek(body).model, content=content)
        assert codec.encode_request(same, features=NONE, traits=NONE).body == body
        shouted = content.map_text(str.upper)
        written = codec.encode_request(same.with_content(shouted), features=NONE, traits=NONE).body
        again = codec.decode_request(written)
        assert list(again.texts()) == [text.upper() for text in content.texts()]


@pytest.mark.parametrize(
    ("record", "tokens", "units"),
    [
        ("openai_gpt-4o-transcribe-diarize_can_transcribe_audio", (37, 144, 37), {}),
        ("openai_whisper-1_can_transcribe_audio", None, {"second": 4}),
        ("mistral_voxtral-mini-latest_can_transcribe_audio", (378, 11, 375), {"second": 3}),
        ("openrouter_openai_gpt-4o-mini-transcribe_can_transcribe_audio", (37, 12, 0), {}),
        ("image_edit_functionality_with_local_files_customizes", (221, 415, 0), {"image": 1}),
        ("openai/metrics/test_openai_metrics/test_image_gen_metrics#0", None, {"image": 1}),
        ("xai_grok-imagine-image_can_paint_images", None, {"image": 1}),
        ("image_basic_functionality_openrouter", (5, 1537, 0), {"image": 1}),
    ],
)
def test_usage_is_read(
    records: list[Record],
    record: str,
    tokens: tuple[int, int, int] | None,
    units: dict[str, int],
) -> None:
    found = next(r for r in records if record in r["id"])
    traits = TRAITS.get(found["provider"], NONE)
    usage = CODECS[found["api"]].facts(bodies(found, "response"), traits=traits).usage
    assert usage is not None
    assert (usage.prompt, usage.completion, usage.in_audio) == (tokens or (0, 0, 0))
    assert usage.units == units


def test_a_provider_may_name_its_price(records: list[Record]) -> None:
    found = next(r for r in records if "xai_grok-imagine-image_can_paint" in r["id"])
    usage = CODECS[found["api"]].facts(bodies(found, "response"), traits=NONE).usage
    assert usage is not None
    assert usage.provider_cost_micros == 20_000


def test_whole_answers_mean_what_they_say(records: list[Record]) -> None:
    for record in records:
        if record["status"] != 200 or record["streamed"]:
            continue
        codec, body = CODECS[record["api"]], bodies(record, "response")
        output = codec.decode_response(body, traits=NONE)
        response = Response(output, usage=codec.facts(body, traits=NONE).usage)
        written = codec.encode_response(response, PEN)
        if record["api"].endswith("transcriptions"):
            assert response.text.strip() == SPOKEN
            assert json.loads(written) == json.loads(body)
        elif record["api"].endswith("speech"):
            assert isinstance(response.output.choices[0].message.parts[0], Audio)
            assert written == body
        else:
            assert isinstance(response.output.choices[0].message.parts[0], Image)
            assert json.loads(written)["data"] == json.loads(body)["data"]


def test_errors_are_told_apart(records: list[Record]) -> None:
    failed = [r for r in records if r["status"] >= 400]
    assert len(failed) >= 4
    for record in failed:
        codec = CODECS[record["api"]]
        error = codec.decode_error(record["status"], (), bodies(record, "response"))
        assert error.kind == "bad_request"
        with pytest.raises(UpstreamError):
            codec.facts(bodies(record, "response"), traits=NONE)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_streams_pass_as_they_came_however_they_are_cut(records: list[Record], step: int) -> None:
    streams = [r for r in records if r["streamed"]]
    assert len(streams) == 2
    for record in streams:
        codec, body = CODECS[record["api"]], bodies(record, "response")
        look = codec.look(traits=NONE, keep_usage=True, native=False)
        passed = b"".join(look.feed(body[i : i + step]) for i in range(0, len(body), step))
        passed += look.end()
        # A line ends with its CR at once; an LF that comes after the last one says nothing.
        assert (passed + look.terminator).rstrip() == body.rstrip()
        assert look.terminator.lstrip().startswith(b'data: {"type":"transcript.text.done"')
        assert look.terminator.rstrip().endswith(b"data: [DONE]")
        assert look.usage is not None
        assert (look.usage.prompt, look.usage.in_audio) == (37, 37)
        assert look.complete


def test_streams_are_read_and_written_anew(records: list[Record]) -> None:
    for record in (r for r in records if r["streamed"]):
        codec, body = CODECS[record["api"]], bodies(record, "response")
        reader = codec.reader(traits=NONE)
        events = reader.feed(body) + reader.end()
        output, usage = fold(events)
        assert Response(output).text.strip() == SPOKEN
        writer = codec.writer(PEN)
        written = writer.write(events) + writer.end()
        again = codec.reader(traits=NONE)
        assert fold(again.feed(written) + again.end()) == (output, usage)
        assert json.loads(body.split(b"\r\n\r\n")[-3][6:])["text"] == SPOKEN
        assert f'"text":"{SPOKEN}","usage"'.encode() in written


def test_what_is_cut_off_is_not_taken_for_whole(records: list[Record]) -> None:
    for record in (r for r in records if r["streamed"]):
        codec, body = CODECS[record["api"]], bodies(record, "response")
        reader = codec.reader(traits=NONE)
        cut = body[: body.index(b'data: {"type":"transcript.text.done"') + 40]
        assert any(isinstance(event, TextDelta) for event in reader.feed(cut))
        with pytest.raises(UpstreamError) as broken:
            reader.end()
        assert broken.value.kind == "interrupted"
        look = codec.look(traits=NONE, keep_usage=True, native=False)
        look.feed(cut)
        look.end()
        assert not look.complete
        assert look.terminator == b""


PATHS = {
    "transcriptions": "/v1/audio/transcriptions",
    "speech": "/v1/audio/speech",
    "generations": "/v1/images/generations",
    "images": "/v1/images/generations",
    "edits": "/v1/images/edits",
}
"""How a recorded path ends -> the unified path."""
OF_THEIR_OWN = {("mistral", "speech"), ("xai", "edits")}
COMMENT = re.compile(rb": stockyard [^\n]*\n\n")


async def test_every_call_passes_the_gateway_as_it_was_recorded(
    records: list[Record], yard: Yard
) -> None:
    """On the unified paths: the provider gets its bytes, the client those of the answer."""
    upstream = {name: yard.provider(name) for name in sorted({r["provider"] for r in records})}
    for record in records:
        provider, ending = record["provider"], record["url"].rpartition("/")[2]
        if (provider, ending) in OF_THEIR_OWN:
            continue
        codec = CODECS[record["api"]]
        asked, answer = bodies(record, "request"), bodies(record, "response")
        headers = {name.lower(): values[0] for name, values in record["response_headers"].items()}
        shown = {"content-type": headers["content-type"]}
        upstream[provider].sends(record["status"], shown, answer)
        model = f"{provider}/{codec.peek(asked).model}"
        heard = await yard.call(
            PATHS[ending],
            codec.splice_request(asked, model=model, include_usage=False),
            headers={"content-type": content_type(record).decode()},
        )
        assert upstream[provider].last.body == asked, record["id"]
        if record["status"] == 200:
            assert (heard.status, COMMENT.sub(b"", heard.body)) == (200, answer), record["id"]
            assert heard.headers["content-type"] == shown["content-type"]
            assert yard.last.usage is not None or provider == "cohere"
        else:
            assert heard.error is not None
            assert heard.error["message"] == json.loads(answer)["error"]["message"]
    assert len(yard.calls) > 20


def test_xais_edits_are_written_as_they_were_recorded(records: list[Record]) -> None:
    (record,) = [r for r in records if r["provider"] == "xai" and r["url"].endswith("/edits")]
    codec, body = XaiImageEditsCodec(), bodies(record, "request")
    content = codec.decode_request(body)
    assert content.given == 2
    request = Request(model=codec.peek(body).model, content=content)
    written = codec.encode_request(request, features=NONE, traits=NONE)
    assert (json.loads(written.body), written.dropped) == (json.loads(body), ())
