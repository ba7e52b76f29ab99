"""Recorded traffic of Cohere and Ollama: what is really sent is read, kept and forwarded."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from stockyard.core.folding import fold
from stockyard.core.messages import Text
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.formats import FORMATS
from tests.traffic.recordings import ABSENT, ROOT, Recording, recordings

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

OURS = ("cohere.chat", "ollama.chat", "ollama.generate")
OTHERS = ("openai.chat", "anthropic.messages", "gemini", *OURS)
NONE: frozenset[str] = frozenset()
PEN = Pen(id="x", model="m", created=1, wants_usage=True)


@pytest.fixture(scope="module")
def ours() -> list[Recording]:
    return [r for r in recordings() if r.format in OURS]


def answered(ours: list[Recording], *, streamed: bool) -> Iterator[tuple[Codec, Recording]]:
    for recording in ours:
        if recording.status == 200 and recording.streamed is streamed:
            yield FORMATS[recording.format], recording


def without_empties(value: Any) -> Any:
    """Without explicit nulls, counts of nothing, and the empty things that clients send."""
    if isinstance(value, dict):
        kept = {k: without_empties(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v not in (None, 0, "", [], {})}
    return [without_empties(v) for v in value] if isinstance(value, list) else value


def content_of(codec: Codec, body: bytes) -> Content:
    content = codec.decode_request(body)
    assert isinstance(content, Content)
    return content


def output_of(codec: Codec, body: bytes) -> Output:
    output = codec.decode_response(body, traits=NONE)
    assert isinstance(output, Output)
    return output


def test_there_is_something_to_read(ours: list[Recording]) -> None:
    counts = {name: sum(r.format == name for r in ours) for name in OURS}
    assert counts == {"cohere.chat": 77, "ollama.chat": 16, "ollama.generate": 14}


def test_every_request_is_read_and_written_again(ours: list[Recording]) -> None:
    for recording in ours:
        codec, body = FORMATS[recording.format], recording.request
        head, content = codec.peek(body), content_of(codec, body)
        request = Request(model=head.model, content=content, stream=head.stream)
        written = codec.encode_request(request, features=NONE, traits=NONE)
        asked = json.loads(body)
        if asked.get("stream") is False and codec.name == "cohere.chat":
            del asked["stream"]
        assert without_empties(json.loads(written.body)) == without_empties(asked), recording.id
        assert written.dropped == ()
        for name in OTHERS:
            other = FORMATS[name].encode_request(request, features=NONE, traits=NONE)
            assert json.loads(other.body), recording.id


def test_every_whole_answer_is_read_and_written_again(ours: list[Recording]) -> None:
    for codec, recording in answered(ours, streamed=False):
        body = recording.answer
        output, facts = output_of(codec, body), codec.facts(body, traits=NONE)
        said = json.loads(body)
        model = said.get("model", "")
        pen = Pen(id=output.id, model=model, created=output.created, wants_usage=True)
        written = json.loads(codec.encode_response(Response(output, usage=facts.usage), pen))
        for answer in (said, written):
            answer.pop("created_at", None)  # fractions of its second are not kept
        assert without_empties(written) == without_empties(said), recording.id
        for name in OTHERS:
            other = FORMATS[name].encode_response(Response(output, usage=facts.usage), PEN)
            assert json.loads(other), recording.id


def test_every_stream_is_read_however_it_is_cut(ours: list[Recording]) -> None:
    chance = random.Random(7)
    for codec, recording in answered(ours, streamed=True):
        data = recording.answer
        reader = codec.reader(traits=NONE)
        whole = [*reader.feed(data), *reader.end()]
        output, usage = fold(whole)
        assert output.choices[0].finish is not None, recording.id
        assert usage is not None, recording.id
        size = chance.randint(1, 40)
        reader = codec.reader(traits=NONE)
        pieces = [e for i in range(0, len(data), size) for e in reader.feed(data[i : i + size])]
        assert [*pieces, *reader.end()] == whole, recording.id
        for name in OTHERS:
            writer = FORMATS[name].writer(PEN)
            again = FORMATS[name].reader(traits=NONE)
            stream = writer.write(whole) + writer.end()
            read, counted = fold([*again.feed(stream), *again.end()])
            assert texts(read) == texts(output), (recording.id, name)
            assert counted is not None, (recording.id, name)
            assert counted.total == usage.total, (recording.id, name)


def texts(output: Output) -> str:
    parts = output.choices[0].message.parts
    return "".join(part.text for part in parts if isinstance(part, Text))


def test_every_stream_is_forwarded_as_it_came(ours: list[Recording]) -> None:
    for codec, recording in answered(ours, streamed=True):
        data = recording.answer
        for size in (1, 7, len(data)):
            look = codec.look(traits=NONE, keep_usage=True, native=False)
            pieces = [look.feed(data[i : i + size]) for i in range(0, len(data), size)]
            assert b"".join(pieces) + look.end() + look.terminator == data, recording.id
            assert look.complete
            reader = codec.reader(traits=NONE)
            assert look.usage == fold([*reader.feed(data), *reader.end()])[1], recording.id


def test_a_stream_that_is_cut_is_not_complete(ours: list[Recording]) -> None:
    for codec, recording in answered(ours, streamed=True):
        ending = b"event: message-end" if codec.name == "cohere.chat" else b'"done":true'
        cut = recording.answer[: recording.answer.rindex(ending) + len(ending)]
        reader = codec.reader(traits=NONE)
        reader.feed(cut)
        with pytest.raises(UpstreamError) as raised:
            reader.end()
        assert raised.value.kind == "interrupted"


def test_errors_are_understood(ours: list[Recording]) -> None:
    kinds = {
        codec.decode_error(recording.status, [], recording.answer).kind
        for recording in ours
        if recording.status >= 400
        for codec in (FORMATS[recording.format],)
    }
    assert kinds == {"auth", "context_length"}
