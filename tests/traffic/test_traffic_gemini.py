"""Recorded traffic of the gemini format: what is really sent is read, kept and forwarded."""

import json
from typing import Any

import pytest

from stockyard.core.folding import fold
from stockyard.core.messages import Audio, Text, Video
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from tests.traffic.recordings import ABSENT, ROOT, Record, answers, bodies, records_of

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

APIS = ("gemini.generate", "gemini.stream")
GEMINI = FORMATS["gemini"]
OTHERS = ("openai.chat", "anthropic.messages", "gemini", "gemini.array")
NONE: frozenset[str] = frozenset()
PEN = Pen(id="x", model="m", created=1, wants_usage=True)

# Modes may be said in lower case, and every name in snake_case: both are written as they should be.
SPELLINGS = (
    ('"inline_data":', '"inlineData":'),
    ('"mime_type":', '"mimeType":'),
    ('"file_data":', '"fileData":'),
    ('"file_uri":', '"fileUri":'),
    ('"google_search":', '"googleSearch":'),
    ('"code_execution":', '"codeExecution":'),
    ('"mode": "any"', '"mode": "ANY"'),
    ('"mode": "none"', '"mode": "NONE"'),
    ('"thinkingLevel": "low"', '"thinkingLevel": "LOW"'),
    ('"thinkingLevel": "medium"', '"thinkingLevel": "MEDIUM"'),
)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return records_of(APIS)


def spelled(body: bytes) -> Any:
    text = json.dumps(json.loads(body))
    for said, meant in SPELLINGS:
        text = text.replace(said, meant)
    return json.loads(text)


def read(body: bytes, step: int) -> tuple[Output, Any]:
    reader = GEMINI.reader(traits=NONE)
    events = [e for i in range(0, len(body), step) for e in reader.feed(body[i : i + step])]
    return fold(events + reader.end())


def test_recorded_requests_come_back_as_they_were(records: list[Record]) -> None:
    for record in records:
        body = bodies(record, "request")
        content = GEMINI.decode_request(body)
        again = GEMINI.encode_request(
            Request(model="m", content=content), features=NONE, traits=NONE
        )
        assert json.loads(again.body) == spelled(body), record["id"]
        assert again.dropped == (), record["id"]
    assert len(records) > 200


def test_recorded_requests_can_be_said_in_other_formats(records: list[Record]) -> None:
    for record in records:
        request = Request(model="m", content=GEMINI.decode_request(bodies(record, "request")))
        parts = (part for message in request.content.messages for part in message.parts)
        heard = any(isinstance(part, Audio | Video) for part in parts)
        # Messages has no place for sounds and films, and refuses them.
        for name in OTHERS[: 1 if heard else 2]:
            codec = FORMATS[name]
            encoded = codec.encode_request(request, features=NONE, traits=NONE)
            again = codec.decode_request(encoded.body)
            assert isinstance(again, Content)
            texts = "".join(message.text for message in again.messages)
            for message in request.content.messages:
                assert message.text in texts, record["id"]


def test_recorded_answers_come_back_as_they_were(records: list[Record]) -> None:
    seen = 0
    for record, body in answers(records, streamed=False):
        facts, output = GEMINI.facts(body, traits=NONE), GEMINI.decode_response(body, traits=NONE)
        pen = Pen(id=output.id, model=output.model, created=1, wants_usage=True)
        again = json.loads(GEMINI.encode_response(Response(output, usage=facts.usage), pen))
        said = json.loads(body)
        for answer in (said, again):
            answer.pop("usageMetadata")
            for candidate in answer["candidates"]:
                # One candidate needs no number.
                candidate.setdefault("index", 0)
        assert again == said, record["id"]
        seen += 1
    assert seen > 150


def test_usage_of_recorded_answers_obeys_its_laws(records: list[Record]) -> None:
    for record, body in answers(records, streamed=False):
        usage = GEMINI.facts(body, traits=NONE).usage
        assert usage is not None, record["id"]
        assert usage.flags == (), record["id"]
        assert usage.total == json.loads(body)["usageMetadata"]["totalTokenCount"], record["id"]
        output = GEMINI.decode_response(body, traits=NONE)
        written = GEMINI.encode_response(Response(output, usage=usage), PEN)
        assert GEMINI.facts(written, traits=NONE).usage == usage, record["id"]


def test_recorded_answers_can_be_said_in_other_formats(records: list[Record]) -> None:
    for record, body in answers(records, streamed=False):
        output = GEMINI.decode_response(body, traits=NONE)
        assert isinstance(output, Output)
        usage = GEMINI.facts(body, traits=NONE).usage
        for name in OTHERS[:2]:
            codec = FORMATS[name]
            written = codec.encode_response(Response(output, usage=usage), PEN)
            again = codec.decode_response(written, traits=NONE)
            assert isinstance(again, Output)
            assert again.choices[0].message.text == output.choices[0].message.text, record["id"]
            assert again.choices[0].finish == output.choices[0].finish, record["id"]


def test_recorded_streams_are_forwarded_byte_for_byte(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        for native in (True, False):
            look = GEMINI.look(traits=NONE, keep_usage=False, native=native)
            out = b"".join(look.feed(body[i : i + 777]) for i in range(0, len(body), 777))
            assert out + look.end() + look.terminator == body, record["id"]
            assert look.complete, record["id"]
            assert look.content, record["id"]
            assert look.usage == read(body, len(body))[1], record["id"]


def test_recorded_streams_read_the_same_however_they_are_cut(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        whole = read(body, len(body))
        assert whole == read(body, 61) == read(body.replace(b"\r\n", b"\n"), 83), record["id"]


def test_recorded_streams_can_be_written_in_every_format(records: list[Record]) -> None:
    for record, body in answers(records, streamed=True):
        reader = GEMINI.reader(traits=NONE)
        events = reader.feed(body) + reader.end()
        output, usage = fold(events)
        for name in OTHERS:
            codec = FORMATS[name]
            writer = codec.writer(PEN)
            written = writer.write(events) + writer.end()
            again = codec.reader(traits=NONE)
            said, counted = fold(again.feed(written) + again.end())
            assert said.choices[0].message.text == output.choices[0].message.text, record["id"]
            assert said.choices[0].finish == output.choices[0].finish, record["id"]
            assert counted is not None
            assert usage is not None
            assert (counted.prompt, counted.completion) == (usage.prompt, usage.completion)


def test_recorded_streams_are_the_same_as_one_array(records: list[Record]) -> None:
    codec = FORMATS["gemini.array"]
    for record, body in answers(records, streamed=True):
        events = [block.removeprefix(b"data: ") for block in body.split(b"\r\n\r\n") if block]
        array = b"[" + b"\n,\r\n".join(events) + b"\n]"
        for step in (len(array), 61):
            reader = codec.reader(traits=NONE)
            pieces = [array[i : i + step] for i in range(0, len(array), step)]
            read_again = [event for piece in pieces for event in reader.feed(piece)]
            assert fold(read_again + reader.end()) == read(body, len(body)), record["id"]
            look = codec.look(traits=NONE, keep_usage=False, native=True)
            assert b"".join(map(look.feed, pieces)) + look.end() == array, record["id"]


def test_a_recorded_stream_says_what_the_whole_answer_would(records: list[Record]) -> None:
    """Texts in one piece each; signatures of texts only the whole answer keeps in place."""
    for record, body in answers(records, streamed=True):
        output, _ = read(body, len(body))
        texts = [p for p in output.choices[0].message.parts if isinstance(p, Text)]
        assert "".join(p.text for p in texts) == output.choices[0].message.text, record["id"]
        assert len(texts) <= 1, record["id"]


def test_recorded_errors_are_classified(records: list[Record]) -> None:
    kinds = {}
    for record in records:
        if record["status"] < 400:
            continue
        fields = [(k.encode(), v[0].encode()) for k, v in record["response_headers"].items()]
        body = bodies(record, "response")
        error = GEMINI.decode_error(record["status"], fields, body)
        kinds[record["status"], error.kind] = error.retry_after
        with pytest.raises(UpstreamError):
            GEMINI.facts(body, traits=NONE)
    assert set(kinds) == {(400, "auth"), (400, "context_length"), (429, "rate_limited")}
    assert kinds[429, "rate_limited"] == 48
