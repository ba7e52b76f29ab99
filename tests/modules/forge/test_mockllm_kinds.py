"""Mocked embeddings, ranks, moderations, images, sound and token counts."""

from array import array
from base64 import b64decode
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

FAST = {"first_event_ms": 0, "tokens_per_second": 0}
FORM = {"content-type": "multipart/form-data; boundary=x"}
EMBEDDINGS = ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a", "b", "a"]})


async def vectors(yard: Yard, **fields: object) -> list[Any]:
    path, body = EMBEDDINGS
    heard = await yard.call(path, body | fields)
    assert heard.headers["x-stockyard-simulated"] == "echo"
    return [row["embedding"] for row in heard.json["data"]]


async def test_equal_texts_have_equal_vectors_of_length_one(yard: Yard) -> None:
    yard.enable("mockllm", unmatched="echo", pace={"first_event_ms": 0})
    one, other, again = await vectors(yard)
    assert one == again != other
    assert len(one) == 1536
    assert abs(sum(number * number for number in one) - 1) < 1e-4
    assert [len(short) for short in await vectors(yard, dimensions=8)] == [8, 8, 8]
    packed = [array("f", b64decode(text)) for text in await vectors(yard, encoding_format="base64")]
    assert packed[0].tolist() == array("f", one).tolist()


async def test_documents_are_ranked_and_nothing_is_harmful(yard: Yard) -> None:
    yard.enable("mockllm", unmatched="echo", pace={"first_event_ms": 0})
    documents = ["nothing of it", "a red bird", "a bird"]
    body = {"model": "rerank-v3", "query": "red bird", "documents": documents, "top_n": 2}
    ranked = (await yard.call("/v1/rerank", body)).json["results"]
    assert [(one["index"], one["relevance_score"]) for one in ranked] == [(1, 1.0), (2, 0.5)]
    body = {"model": "omni-moderation", "input": ["a", "b"]}
    judged = (await yard.call("/v1/moderations", body)).json["results"]
    assert [one["flagged"] for one in judged] == [False, False]


async def test_fixtures_and_faults_hold_for_vectors_too(yard: Yard) -> None:
    path, body = EMBEDDINGS
    fixture = {"name": "busy", "match": "exact", "text": "a", "status": 429, "times": 1}
    cut = {"name": "cut", "match": "exact", "text": "a", "fail_at": "after_events", "times": 1}
    yard.enable("mockllm", unmatched="echo", fixtures=[fixture, cut], pace={"first_event_ms": 0})
    assert [(await yard.call(path, body)).status for _ in range(3)] == [429, 502, 200]


@pytest.mark.parametrize("stream", [False, True])
async def test_images_and_sound_are_given_whole_and_streamed(yard: Yard, stream: bool) -> None:
    heard_of = {"name": "words", "when": "text == ''", "reply": "a transcript"}
    yard.enable("mockllm", unmatched="echo", fixtures=[heard_of], pace=FAST)
    body: dict[str, object] = {"model": "gpt-image-1", "prompt": "a bird", "stream": stream}
    painted = await yard.call("/v1/images/generations", body)
    image = last_of(painted) if stream else painted.json["data"][0]
    assert b64decode(image["b64_json"]).startswith(b"\x89PNG")
    body = {"model": "tts-1", "input": "hello", "voice": "alloy"}
    spoken = await yard.call(
        "/v1/audio/speech", body | ({"stream_format": "sse"} if stream else {})
    )
    sound = b64decode(spoken.events[0].json["audio"]) if stream else spoken.body
    assert sound.startswith(b"RIFF")
    written = await yard.call("/v1/audio/transcriptions", a_recording(stream), headers=FORM)
    assert written.status == 200
    said = last_of(written) if stream else written.json
    assert said["text"] == "a transcript"
    assert all(call.exchange.simulated for call in yard.calls)


def last_of(stream: Heard) -> Any:
    return [event.json for event in stream.events if event.json][-1]


def a_recording(stream: bool) -> bytes:
    fields = {"model": "whisper-1", "stream": str(stream).lower()}
    parts = [f'content-disposition: form-data; name="{n}"\r\n\r\n{v}' for n, v in fields.items()]
    parts.append('content-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF')
    return "".join(f"--x\r\n{part}\r\n" for part in parts).encode() + b"--x--\r\n"


async def test_tokens_of_a_stream_are_told_as_those_of_a_whole_answer(yard: Yard) -> None:
    fixture = {"name": "f", "reply": "hello", "usage": {"prompt": 11, "completion": 22}}
    breaks = {"fail_at": "after_events", "after_events": 4}
    cut = {"name": "cut", "match": "exact", "text": "cut", "reply": "one two three", **breaks}
    pace = {"first_event_ms": 0, "tokens_per_second": 0}
    yard.enable("mockllm", fixtures=[cut, fixture], pace=pace)
    for stream in (False, True):
        heard = await yard.chat("hi", model="gpt-4o", stream=stream)
        assert heard.text == "hello"
        assert await yard.quiet()
        usage = yard.last.usage
        assert usage is not None
        assert (usage.prompt, usage.completion) == (11, 22)
    assert '"tokens_in":11' in heard.comments[-1]
    assert not (await yard.stream("cut", model="gpt-4o")).ended
    assert await yard.quiet()
    assert yard.last.usage is None


@pytest.mark.parametrize("unmatched", ["refuse", "echo"])
async def test_nobody_is_asked_how_many_tokens_a_mocked_question_has(
    yard: Yard, unmatched: str
) -> None:
    provider = yard.provider("anthropic").sends(
        200, {"content-type": "application/json"}, b'{"input_tokens":1}'
    )
    yard.enable("mockllm", unmatched=unmatched)
    body = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "one two"}]}
    heard = await yard.call("/v1/messages/count_tokens", body)
    assert heard.status == 200
    assert heard.json["input_tokens"] > 1
    assert heard.headers["x-stockyard-simulated"] == "count"
    assert not provider.requests
    yard.enable("mockllm", unmatched="pass")
    heard = await yard.call("/v1/messages/count_tokens", body)
    assert heard.json == {"input_tokens": 1}
