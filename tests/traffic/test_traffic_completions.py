"""Recorded traffic of completions: what providers really send is read, kept and forwarded."""

import json
from typing import Any

import pytest

from stockyard.core.events import Event
from stockyard.core.folding import fold
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire.codec import Pen
from stockyard.wire.openai_chat.codec import ChatCodec
from stockyard.wire.openai_completions.codec import CompletionsCodec
from tests.traffic.recordings import ABSENT, ROOT, Record, answers, bodies, records_of
from tests.without_nulls import without_nulls

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

CODEC, CHAT = CompletionsCodec(), ChatCodec()
NONE: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return records_of({"openai.completions"})


def read_all(body: bytes, step: int = 1 << 20) -> list[Event]:
    reader = CODEC.reader(traits=NONE)
    events = [e for i in range(0, len(body), step) for e in reader.feed(body[i : i + step])]
    return events + reader.end()


def test_recorded_requests_come_back_as_they_were(records: list[Record]) -> None:
    for record in records:
        body = bodies(record, "request")
        said = without_nulls(json.loads(body))
        request = Request(model=CODEC.peek(body).model, content=CODEC.decode_request(body))
        encoded = CODEC.encode_request(request, features=NONE, traits=NONE)
        for ours in ("stream", "stream_options"):
            said.pop(ours, None)
        if said.get("echo") is False:
            del said["echo"]
        assert without_nulls(json.loads(encoded.body)) == said, record["id"]


def test_recorded_prompts_can_be_asked_as_a_chat(records: list[Record]) -> None:
    for record in records:
        content = CODEC.decode_request(bodies(record, "request"))
        assert content.tie is None, record["id"]
        request = Request(model="m", content=content)
        encoded = CHAT.encode_request(request, features=NONE, traits=NONE)
        (message,) = json.loads(encoded.body)["messages"]
        assert message == {"role": "user", "content": request.messages[0].text}


def test_recorded_answers_come_back_as_they_were(records: list[Record]) -> None:
    for record, body in answers(records, streamed=False):
        said = without_nulls(json.loads(body))
        usage = CODEC.facts(body, traits=NONE).usage
        output = CODEC.decode_response(body, traits=NONE)
        pen = Pen(id=output.id, model=output.model, created=output.created, wants_usage=True)
        again = without_nulls(json.loads(CODEC.encode_response(Response(output, usage=usage), pen)))
        assert [normal(c) for c in again["choices"]] == [normal(c) for c in said["choices"]]
        assert again["usage"]["total_tokens"] == said["usage"]["total_tokens"], record["id"]


def normal(choice: Any) -> Any:
    """A choice with one word for a normal end, where providers have two."""
    return {**choice, "finish_reason": choice["finish_reason"].replace("eos", "stop")}


def test_recorded_streams_are_forwarded_byte_for_byte(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        look = CODEC.look(traits=NONE, keep_usage=True, native=False)
        out = b"".join(look.feed(body[i : i + 777]) for i in range(0, len(body), 777))
        assert (out + look.end() + look.terminator).rstrip() == body.rstrip(), record["id"]
        assert look.content
        assert look.complete


def test_recorded_streams_read_the_same_however_they_are_cut(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        whole = read_all(body)
        assert read_all(body, 61) == whole, record["id"]
        assert read_all(body.replace(b"\n", b"\r\n"), 83) == whole, record["id"]


def test_recorded_streams_can_be_written_again(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        events = read_all(body)
        output, usage = fold(events)
        assert output.choices[0].message.text, record["id"]
        for codec in (CODEC, CHAT):
            writer = codec.writer(Pen(id="x", model="m", created=1, wants_usage=True))
            written = writer.write(events) + writer.end(b": a comment\n\n")
            again = codec.reader(traits=NONE)
            read, counted = fold(again.feed(written) + again.end())
            assert read.choices[0].message.text == output.choices[0].message.text
            assert read.choices[0].finish == output.choices[0].finish
            assert counted == usage
