"""Recorded traffic of Responses: what providers really send is read, kept and forwarded."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stockyard.core.events import Event
from stockyard.core.folding import fold, unfold
from stockyard.core.messages import Reasoning, ToolCall
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.openai_chat.codec import ChatCodec
from stockyard.wire.openai_responses.codec import ResponsesCodec
from tests.traffic.recordings import ABSENT, ROOT, Record, answers, bodies, collected, records_of
from tests.without_nulls import without_nulls

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

RESPONSES = ResponsesCodec()
OTHERS: tuple[Codec, ...] = (ChatCodec(), MessagesCodec())
NONE: frozenset[str] = frozenset()
XAI = frozenset({"reasoning_outside_completion"})
"""What the row of this provider says of its chat answers. It must not hold here."""


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return records_of({"openai.responses"})


def lingua(column: str) -> Iterator[tuple[str, Any]]:
    for case in collected("cases"):
        if case["api"] == "responses" and case[column]:
            yield case["case"], case[column]


def traits_of(record: Record) -> frozenset[str]:
    return XAI if record["provider"] == "xai" else NONE


def read_again(body: bytes) -> tuple[Any, Any]:
    """A request as it was, and as it is when it was read and written."""
    said = json.loads(body)
    head = RESPONSES.peek(body)
    request = Request(model=head.model, content=RESPONSES.decode_request(body), stream=head.stream)
    encoded = RESPONSES.encode_request(request, features=NONE, traits=NONE)
    assert encoded.dropped == ()
    return normal_request(said), normal_request(json.loads(encoded.body))


def normal_request(said: Any) -> Any:
    """A request without what is ours to say, and without lists that name nothing."""
    said = {k: v for k, v in said.items() if k != "stream" and not (k in LISTS and v == [])}
    return without_nulls(said)


LISTS = ("tools", "include")


def test_recorded_requests_come_back_as_they_were(records: list[Record]) -> None:
    for record in records:
        said, again = read_again(bodies(record, "request"))
        assert again == said, record["id"]


def test_collected_requests_come_back_as_they_were() -> None:
    seen = 0
    for case, request in lingua("request"):
        said, again = read_again(json.dumps(request).encode())
        assert again == said, case
        seen += 1
    assert seen > 40


def test_recorded_requests_can_be_said_in_other_formats(records: list[Record]) -> None:
    for record in records:
        body = bodies(record, "request")
        request = Request(model="m", content=RESPONSES.decode_request(body))
        for other in OTHERS:
            encoded = other.encode_request(request, features=NONE, traits=NONE)
            again = other.decode_request(encoded.body)
            assert isinstance(again, Content)
            texts = "".join(m.text for m in again.messages)
            for message in request.messages:
                assert message.text in texts or message.role == "tool", record["id"]
            calls = [p.name for m in again.messages for p in m.parts if isinstance(p, ToolCall)]
            asked = [p.name for m in request.messages for p in m.parts if isinstance(p, ToolCall)]
            assert calls == asked, record["id"]


def test_recorded_requests_are_spliced_in_one_place(records: list[Record]) -> None:
    for record in records:
        body = bodies(record, "request")
        spliced = RESPONSES.splice_request(body, model="another/model", include_usage=True)
        assert json.loads(spliced) == {**json.loads(body), "model": "another/model"}


def test_recorded_answers_come_back_as_they_were(records: list[Record]) -> None:
    for record, body in answers(records, streamed=False):
        said = without_nulls(json.loads(body))
        facts = RESPONSES.facts(body, traits=traits_of(record))
        output = RESPONSES.decode_response(body, traits=NONE)
        pen = Pen(id=output.id, model=output.model, created=output.created, wants_usage=True)
        encoded = RESPONSES.encode_response(Response(output, usage=facts.usage), pen)
        again = without_nulls(json.loads(encoded))
        assert len(again["output"]) == len(said["output"])
        for item, before in zip(again["output"], said["output"], strict=True):
            assert {key: item[key] for key in before} == normal_item(before), record["id"]
        for key in said.keys() - {"id", "usage", "output", "created_at", "completed_at"}:
            assert again[key] == said[key], (record["id"], key)


def normal_item(item: Any) -> Any:
    """An output item with what we say beside every text and some providers leave out."""
    if item["type"] != "message":
        return item
    return {
        **item,
        "content": [{"annotations": [], "logprobs": [], **part} for part in item["content"]],
    }


def test_usage_of_recorded_answers_obeys_its_laws(records: list[Record]) -> None:
    seen = 0
    for record, body in answers(records, streamed=False):
        usage = RESPONSES.facts(body, traits=traits_of(record)).usage
        if usage is None:
            continue
        said = json.loads(body)["usage"]
        assert usage.total == said["total_tokens"] == usage.prompt + usage.completion
        assert usage.out_reasoning <= usage.completion
        output = RESPONSES.decode_response(body, traits=NONE)
        pen = Pen(id="x", model="m", created=0, wants_usage=True)
        written = RESPONSES.encode_response(Response(output, usage=usage), pen)
        again = RESPONSES.facts(written, traits=NONE).usage
        assert again is not None
        assert (again.prompt, again.completion) == (usage.prompt, usage.completion)
        assert (again.in_cached, again.out_reasoning) == (usage.in_cached, usage.out_reasoning)
        seen += 1
    assert seen > 200


def test_recorded_streams_are_forwarded_byte_for_byte(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        for native in (True, False):
            look = RESPONSES.look(traits=traits_of(record), keep_usage=True, native=native)
            out = b"".join(look.feed(body[i : i + 777]) for i in range(0, len(body), 777))
            out += look.end() + look.terminator
            if native or record["provider"] != "bedrock-mantle":
                assert out == body, record["id"]
            assert look.content, record["id"]
            assert look.complete, record["id"]
            assert look.model, record["id"]
            assert look.usage == fold(read_all(body))[1]


def read_all(body: bytes, step: int = 1 << 20) -> list[Event]:
    reader = RESPONSES.reader(traits=NONE)
    events = [e for i in range(0, len(body), step) for e in reader.feed(body[i : i + step])]
    return events + reader.end()


def test_recorded_streams_read_the_same_however_they_are_cut(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        whole = read_all(body)
        assert read_all(body, 61) == whole, record["id"]
        assert read_all(body.replace(b"\n", b"\r\n"), 83) == whole, record["id"]


def test_recorded_streams_say_what_their_last_event_says(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        output, _ = fold(read_all(body))
        last = body.rstrip().rpartition(b"data: ")[2].split(b"\n")[0]
        response = json.dumps(json.loads(last)["response"]).encode()
        whole = RESPONSES.decode_response(response, traits=NONE)
        assert spoken(output) == spoken(whole), record["id"]
        assert output.choices[0].finish == whole.choices[0].finish


def spoken(output: Output) -> list[Any]:
    """What was said. Sealed content differs between the events of one stream (`wire.md` 14)."""
    parts = output.choices[0].message.parts
    return [
        (type(p), getattr(p, "text", None), getattr(p, "arguments", None), getattr(p, "id", None))
        for p in parts
        if not (isinstance(p, Reasoning) and not p.text)
    ]


def test_recorded_streams_can_be_written_in_every_format(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        events = read_all(body)
        output, usage = fold(events)
        text = output.choices[0].message.text
        for codec in (RESPONSES, *OTHERS):
            writer = codec.writer(Pen(id="x", model="m", created=1, wants_usage=True))
            written = writer.write(events) + writer.end(b": a comment\n\n")
            again = codec.reader(traits=NONE)
            read, counted = fold(again.feed(written) + again.end())
            assert read.choices[0].message.text == text, record["id"]
            assert read.choices[0].finish == output.choices[0].finish, record["id"]
            assert counted is not None
            assert usage is not None
            assert (counted.prompt, counted.completion) == (usage.prompt, usage.completion)
            if codec is RESPONSES:
                assert spoken(read) == spoken(output), record["id"]


def test_recorded_answers_can_be_streamed_and_read_back(records: list[Record]) -> None:
    for record, body in answers(records, streamed=False):
        output = RESPONSES.decode_response(body, traits=NONE)
        usage = RESPONSES.facts(body, traits=NONE).usage
        assert fold(unfold(output, usage)) == (output, usage), record["id"]
        writer = RESPONSES.writer(Pen(id="x", model="m", created=1, wants_usage=True))
        stream = writer.write(unfold(output, usage)) + writer.end()
        assert spoken(fold(read_all(stream))[0]) == spoken(output), record["id"]


def test_recorded_errors_are_classified(records: list[Record]) -> None:
    kinds = set()
    for record in records:
        if record["status"] >= 400:
            fields = [(k.encode(), v[0].encode()) for k, v in record["response_headers"].items()]
            body = bodies(record, "response")
            error = RESPONSES.decode_error(record["status"], fields, body)
            assert error.message
            kinds.add(error.kind)
            with pytest.raises(UpstreamError):
                RESPONSES.facts(body, traits=NONE)
    assert kinds <= {"auth", "bad_request", "context_length"}
    assert "auth" in kinds


def test_collected_answers_and_streams_are_read() -> None:
    for case, response in lingua("response"):
        output = RESPONSES.decode_response(json.dumps(response).encode(), traits=NONE)
        assert output.choices[0].finish, case
    for case, chunks in lingua("streaming"):
        stream = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
        assert fold(read_all(stream))[0].choices[0].finish, case
