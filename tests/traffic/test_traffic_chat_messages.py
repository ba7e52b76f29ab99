"""Recorded traffic of chat and Messages: what providers really send is read, kept and forwarded."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stockyard.core.events import Event
from stockyard.core.folding import fold
from stockyard.core.messages import Audio
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.formats import FORMATS
from tests.traffic.recordings import ABSENT, ROOT, Record, answers, bodies, records_of
from tests.without_nulls import without_nulls

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

APIS = {
    "openai.chat": "openai.chat",
    "mistral.chat": "openai.chat",
    "writer.chat": "openai.chat",
    "anthropic.messages": "anthropic.messages",
    "vertex.raw_predict": "anthropic.messages",
    "vertex.stream_raw_predict": "anthropic.messages",
}
FEATURES = frozenset({"developer_role", "system_messages", "reasoning"})
NONE: frozenset[str] = frozenset()

# Providers whose rows say that their counts are to be read otherwise.
TRAITS = {
    "xai": frozenset({"reasoning_outside_completion"}),
    "vercel": frozenset({"reasoning_outside_completion"}),
    "mistral": frozenset({"audio_outside_prompt"}),
    "azure-foundry": frozenset({"cached_may_exceed_prompt"}),
    "deepseek": frozenset({"usage_deepseek_cache"}),
}

BROKEN = "gpustack_qwen3_streams_thinking"
"""The one recording that breaks off with a bare `error:` line."""


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return records_of(APIS)


def codec_of(record: Record) -> Codec:
    return FORMATS[APIS[record["api"]]]


def traits_of(record: Record) -> frozenset[str]:
    return TRAITS.get(record["provider"], NONE)


def unfiltered(records: list[Record], *, streamed: bool) -> Iterator[tuple[Record, bytes]]:
    """Answers that no content filter has replaced."""
    for record, body in answers(records, streamed=streamed):
        if b'"innererror"' not in body:
            yield record, body


def normal_request(body: Any) -> Any:
    """A request without what is ours to say: streaming, usage."""
    said = without_nulls(body)
    said.pop("stream", None)
    options = said.pop("stream_options", {})
    options.pop("include_usage", None)
    return {**said, "stream_options": options} if options else said


def loads(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def test_recorded_requests_come_back_as_they_were(records: list[Record]) -> None:
    seen = 0
    for record in records:
        body, codec = bodies(record, "request"), codec_of(record)
        said = loads(body)
        if said is None or "model" not in said:
            continue
        content = codec.decode_request(body)
        head = codec.peek(body)
        request = Request(model=head.model, content=content, stream=head.stream)
        encoded = codec.encode_request(request, features=FEATURES, traits=NONE)
        assert normal_request(json.loads(encoded.body)) == normal_request(said), record["id"]
        assert encoded.dropped == (), record["id"]
        seen += 1
    assert seen > 1_000


def test_recorded_requests_can_be_said_in_the_other_format(records: list[Record]) -> None:
    for record in records:
        body, codec = bodies(record, "request"), codec_of(record)
        said = loads(body)
        if said is None or "model" not in said:
            continue
        other = FORMATS[next(name for name in sorted(set(APIS.values())) if name != codec.name)]
        request = Request(model="m", content=codec.decode_request(body))
        parts = [part for m in request.content.messages for part in m.parts]
        if other.name == "anthropic.messages" and any(isinstance(p, Audio) for p in parts):
            with pytest.raises(Refused, match="cannot take sound"):
                other.encode_request(request, features=NONE, traits=NONE)
            continue
        encoded = other.encode_request(request, features=NONE, traits=NONE)
        again = other.decode_request(encoded.body)
        assert isinstance(again, Content)
        texts = "".join(again_text for m in again.messages for again_text in [m.text])
        for message in request.content.messages:
            if message.role == "user" and message.text and not message.name:
                assert message.text in texts, record["id"]


def test_recorded_requests_are_spliced_in_one_place(records: list[Record]) -> None:
    for record in records:
        body, codec = bodies(record, "request"), codec_of(record)
        said = loads(body)
        if said is None or "model" not in said:
            continue
        spliced = codec.splice_request(body, model="another/model", include_usage=False)
        assert json.loads(spliced) == {**said, "model": "another/model"}, record["id"]
        assert len(spliced) - len(body) == len("another/model") - len(said["model"])


def test_recorded_answers_come_back_as_they_were(records: list[Record]) -> None:
    seen = 0
    for record, body in unfiltered(records, streamed=False):
        codec, said = codec_of(record), without_nulls(loads(body))
        if not isinstance(said, dict):
            continue
        facts = codec.facts(body, traits=traits_of(record))
        output = codec.decode_response(body, traits=traits_of(record))
        assert isinstance(output, Output)
        pen = Pen(id=output.id, model=output.model, created=output.created, wants_usage=True)
        response = Response(output, usage=facts.usage)
        encoded = without_nulls(json.loads(codec.encode_response(response, pen)))
        assert normal_answer(encoded) == normal_answer(said), record["id"]
        seen += 1
    assert seen > 500


def normal_answer(said: Any) -> Any:
    """An answer without its ids and counts, and with one spelling where providers have several."""
    said = {k: v for k, v in said.items() if k not in ("id", "usage", "created", "object")}
    choices = []
    for choice in said.get("choices", ()):
        message = dict(choice.get("message", {}))
        content = message.get("content")
        if isinstance(content, list):
            texts = [item.get("text", "") for item in content]
            message["content"] = "".join(texts)
            message["reasoning_content"] = "".join(
                piece["text"] for item in content for piece in item.get("thinking", ())
            )
        message = {k: v for k, v in message.items() if v not in ("", [])}
        message.setdefault("role", "assistant")
        for call in message.get("tool_calls", ()):
            call["type"] = "function"
        kept = {**choice, "message": message}
        kept.pop("native_finish_reason", None)
        kept["finish_reason"] = _finish(kept.get("finish_reason"))
        if "tool_calls" in message or "function_call" in message:
            kept["finish_reason"] = "tool_calls"
        kept.setdefault("index", 0)
        choices.append(kept)
    return {**said, "choices": choices} if choices else said


def _finish(native: str | None) -> str | None:
    return FINISHES.get(native or "", native)


FINISHES = {"eos": "stop", "function_call": "tool_calls", "": "tool_calls"}


def test_usage_of_recorded_answers_obeys_its_laws(records: list[Record]) -> None:
    for record, body in unfiltered(records, streamed=False):
        codec = codec_of(record)
        if not isinstance(loads(body), dict):
            continue
        usage = codec.facts(body, traits=traits_of(record)).usage
        if usage is None:
            continue
        assert usage.total == usage.prompt + usage.completion
        assert usage.in_cached + usage.in_written <= usage.prompt
        assert usage.out_reasoning <= usage.completion
        output = codec.decode_response(body, traits=NONE)
        pen = Pen(id="x", model="m", created=0, wants_usage=True)
        again = codec.facts(
            codec.encode_response(Response(output, usage=usage), pen), traits=NONE
        ).usage
        assert again is not None
        assert (again.prompt, again.completion) == (usage.prompt, usage.completion), record["id"]
        assert (again.in_cached, again.in_written) == (usage.in_cached, usage.in_written)


def test_recorded_streams_are_forwarded_byte_for_byte(records: list[Record]) -> None:
    for record, body in unfiltered(records, streamed=True):
        look = codec_of(record).look(traits=traits_of(record), keep_usage=True, native=True)
        try:
            out = b"".join(look.feed(body[i : i + 777]) for i in range(0, len(body), 777))
        except UpstreamError:
            assert BROKEN in record["id"]
            continue
        out += look.end() + look.terminator
        assert out == body, record["id"]
        assert look.content, record["id"]
        assert look.complete, record["id"]


def test_recorded_streams_lose_only_usage_when_it_was_not_asked_for(records: list[Record]) -> None:
    for record, body in unfiltered(records, streamed=True):
        codec = codec_of(record)
        look = codec.look(traits=traits_of(record), keep_usage=False, native=False)
        try:
            out = look.feed(body) + look.end() + look.terminator
        except UpstreamError:
            continue
        reader = codec.reader(traits=traits_of(record))
        events = reader.feed(out) + (reader.end() if look.complete else [])
        full = codec.reader(traits=traits_of(record))
        everything = full.feed(body) + full.end()
        assert fold(events)[0] == fold(everything)[0], record["id"]
        assert look.usage == fold(everything)[1], record["id"]


def test_recorded_streams_read_the_same_however_they_are_cut(records: list[Record]) -> None:
    for record, body in unfiltered(records, streamed=True):
        if len(body) > 60_000:
            continue
        codec, traits = codec_of(record), traits_of(record)
        readings: list[Any] = []
        swapped = body.replace(b"\r\n", b"\n") if b"\r\n" in body else body.replace(b"\n", b"\r\n")
        for data, step in ((body, len(body)), (body, 61), (swapped, 83)):
            reader = codec.reader(traits=traits)
            events: list[Event] = []
            try:
                for i in range(0, len(data), step):
                    events += reader.feed(data[i : i + step])
                events += reader.end()
            except UpstreamError as error:
                readings.append(str(error))
                continue
            readings.append(events)
        assert readings[0] == readings[1] == readings[2], record["id"]


def test_recorded_streams_can_be_written_in_either_format(records: list[Record]) -> None:
    for record, body in unfiltered(records, streamed=True):
        codec = codec_of(record)
        reader = codec.reader(traits=traits_of(record))
        try:
            events = reader.feed(body) + reader.end()
        except UpstreamError:
            continue
        output, usage = fold(events)
        text = "".join(c.message.text for c in output.choices[:1])
        for name in set(APIS.values()):
            pen = Pen(id="x", model="m", created=1, wants_usage=True)
            writer = FORMATS[name].writer(pen)
            written = writer.write(events) + writer.end(b": a comment\n\n")
            again = FORMATS[name].reader(traits=NONE)
            read, counted = fold(again.feed(written) + again.end())
            if output.choices:
                assert read.choices[0].message.text == text, record["id"]
                assert read.choices[0].finish == output.choices[0].finish, record["id"]
            if usage is not None and counted is not None:
                assert (counted.prompt, counted.completion) == (usage.prompt, usage.completion)


def test_recorded_errors_are_classified(records: list[Record]) -> None:
    kinds: dict[str, set[str]] = {}
    for record in records:
        if record["status"] < 400:
            continue
        fields = [(k.encode(), v[0].encode()) for k, v in record["response_headers"].items()]
        error = codec_of(record).decode_error(record["status"], fields, bodies(record, "response"))
        assert error.message
        kinds.setdefault(error.kind, set()).add(f"{record['provider']} {record['status']}")
    assert set(kinds) == {"auth", "bad_request", "context_length", "model_unknown", "rate_limited"}
    assert {"openrouter 400", "ollama 400", "perplexity 400"} <= kinds["context_length"]


def test_recorded_errors_are_never_taken_for_answers(records: list[Record]) -> None:
    for record in records:
        if record["status"] >= 400:
            with pytest.raises(UpstreamError):
                codec_of(record).facts(bodies(record, "response"), traits=NONE)


def test_an_error_in_a_200_is_an_error(records: list[Record]) -> None:
    filtered = [r for r in records if b'"innererror"' in bodies(r, "response")]
    assert filtered
    for record in filtered:
        with pytest.raises(UpstreamError) as raised:
            codec_of(record).facts(bodies(record, "response"), traits=NONE)
        assert raised.value.kind == "content_filtered"


def test_recorded_bodies_that_are_no_json_are_refused(records: list[Record]) -> None:
    broken = [r for r in records if bodies(r, "request") and loads(bodies(r, "request")) is None]
    assert broken
    for record in broken:
        with pytest.raises(Refused):
            codec_of(record).decode_request(bodies(record, "request"))
